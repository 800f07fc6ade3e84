"""Two robots in two namespaces on one machine: what one is asked for moves that one and no other.

One base takes Twist and the other TwistStamped, so both are really driven.
"""

from __future__ import annotations

import pytest
from robot_that_is_asked import Robot

from ros_bench import Bench

from omni_agent_msgs.msg import Percept, SkillState

ROBOTS = (('left', 'right'), ('right', 'left'))


@pytest.fixture(scope='module')
def robots(bench: Bench) -> dict[str, Robot]:
    started = {'left': Robot(bench, space='left', walls=''),
               'right': Robot(bench, space='right', walls='', stamped=True)}
    return {name: robot.ready() for name, robot in started.items()}


def place(robot: Robot) -> tuple[float, float, float, float]:
    pose = robot.odometry[-1].pose.pose
    return pose.position.x, pose.position.y, pose.orientation.z, pose.orientation.w


@pytest.mark.parametrize(('one', 'other'), ROBOTS)
def test_a_skill_asked_of_one_moves_that_one_alone(robots: dict[str, Robot], one: str,
                                                   other: str) -> None:
    asked, idle = robots[one], robots[other]
    before, stands = asked.x(), (idle.x(), place(idle))
    seen = (len(idle.acts), len(idle.skills), len(idle.reacts))
    idle.velocities.forget()
    ended = asked.ended(asked.type('drive forward 30 centimetres'))
    assert ended.state == SkillState.SUCCEEDED, ended.text
    assert asked.x() - before == pytest.approx(0.3, abs=0.1)
    assert (idle.x(), place(idle)) == stands
    assert seen == (len(idle.acts), len(idle.skills), len(idle.reacts))
    # a busy machine makes it doubt that somebody is there, which is a zero
    assert not any(idle.linear(one) for one in idle.velocities)


def test_a_place_is_reached_by_the_navigator_of_the_own_namespace(
        robots: dict[str, Robot]) -> None:
    pytest.importorskip('nav2_msgs', reason='nav2_msgs is not installed')
    stands = (robots['left'].x(), place(robots['left']))
    right = robots['right']
    assert right.ended(right.type('go to the charger')).state == SkillState.SUCCEEDED
    assert right.x() == pytest.approx(0.0, abs=0.15)
    assert (robots['left'].x(), place(robots['left'])) == stands


@pytest.mark.parametrize(('one', 'other'), ROBOTS)
def test_a_stop_said_to_one_does_not_stop_the_other(robots: dict[str, Robot], one: str,
                                                    other: str) -> None:
    stopped, goes_on = robots[one], robots[other]
    way = goes_on.drives('drive forward one metre')
    broken_off = stopped.drives('drive forward one metre')     # last: it is sure to be on its way
    heard = len(goes_on.interrupts)
    stopped.perceive(Percept.SPEECH_STARTED, utterance=1)
    stopped.perceive(Percept.PARTIAL, 'stop', 1)
    assert stopped.ended(broken_off).state == SkillState.CANCELLED
    assert goes_on.ended(way).state == SkillState.SUCCEEDED
    # a busy machine may make it doubt that somebody is there and wait; a voice does not
    assert not [one for one in goes_on.interrupts[heard:] if one.ducked or one.halted >= way.epoch]
    stopped.perceive(Percept.SPEECH_STOPPED, '', 1)
    stopped.perceive(Percept.FINAL, 'Stop.', 1)
