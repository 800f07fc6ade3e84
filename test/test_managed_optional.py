"""The optional nodes under a lifecycle manager: each walks through its states, and skills that are
put to rest leave nothing that moves.
"""

from __future__ import annotations

import json
import time
from typing import Iterator

import pytest
from test_managed import WALK, Managed

from ros_bench import Bench, values_of

from geometry_msgs.msg import Twist
from omni_agent_msgs.msg import Act, Interrupt, SkillState

from omni_agent import graph
from omni_agent.nodes import qos
from omni_agent.nodes.alive import ALIVE
from omni_agent.nodes.heartbeat import Heartbeat

GIVEN = {'window': {'port': 0}, 'skills': {'skills': 'simulated'}}


@pytest.fixture(autouse=True)
def alone(bench: Bench) -> Iterator[None]:
    yield
    for process in list(bench.running):
        bench.end(process)


def test_every_optional_node_walks_through_its_states(bench: Bench) -> None:
    names = [spec.name for spec in graph.OPTIONAL]
    nodes = [Managed(bench, name, **GIVEN.get(name, {})) for name in names]
    for node in nodes:
        states = []
        for label in WALK:
            node.go(label)
            states.append(node.state())
        assert states == ['inactive', 'active', 'inactive', 'active', 'inactive', 'unconfigured',
                          'inactive', 'finalized'], node.name
    assert [node.end() for node in nodes] == [0] * len(names)
    assert not any('Traceback' in node.process.words for node in nodes)


def test_skills_that_are_put_to_rest_while_it_drives_are_zero_at_once_and_stay_so(
        bench: Bench) -> None:
    velocities = bench.listen(Twist, 'cmd_vel', 50)
    states = bench.listen(SkillState, 'skill_state', qos.SKILL_STATE)
    acts = bench.publisher(Act, 'act', qos.ACT)
    interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
    heart = Heartbeat(bench.node)
    bench.start('simulated_robot')
    node = Managed(bench, 'skills', **GIVEN['skills'])
    node.go('configure', 'activate')
    bench.matched('skills', 'simulated_robot', publishers=(acts, interrupts),
                  topics=('cmd_vel', 'odom', 'skill_state'))

    def drives(epoch: int) -> None:
        bench.until(lambda: values_of(bench.news('skills')).get('decision node') == ALIVE,
                    'a heartbeat is heard')
        acts.publish(Act(epoch=epoch, steps=1, skill='drive',
                         arguments=json.dumps({'distance': 1.0})))
        velocities.forget()
        bench.until(lambda: velocities and velocities[-1].linear.x > 0.1, 'it drives')
    drives(1000)
    node.go('deactivate')
    bench.until(lambda: velocities[-1].linear.x == 0.0, 'zero')
    velocities.forget()
    acts.publish(Act(epoch=1010, steps=1, skill='drive', arguments='{}'))
    bench.turn_until(time.time() + 0.5)
    assert not any(one.linear.x for one in velocities)
    ended = [one for one in states if one.epoch == 1000][-1]
    assert ended.state == SkillState.CANCELLED and 'put to rest' in ended.text
    node.go('activate')
    bench.turn_until(time.time() + 0.5)
    assert not any(one.linear.x for one in velocities)       # it does not go on by itself
    drives(1020)
    interrupts.publish(Interrupt(epoch=1021, halted=1020))
    bench.until(lambda: velocities[-1].linear.x == 0.0, 'zero at a stop')
    heart.close()
    assert node.end() == 0
