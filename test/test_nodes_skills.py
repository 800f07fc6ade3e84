"""The node ``skills`` and the simulated robot as processes: what really goes out, and when it is
zero.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest

from ros_bench import WARN, Bench, Heard, Running, interrupt, values_of

from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry
from omni_agent_msgs.msg import Act, Interrupt, SkillState
from std_srvs.srv import SetBool, Trigger

from omni_agent.nodes import qos
from omni_agent.nodes.alive import ALIVE
from omni_agent.nodes.heartbeat import Heartbeat
from omni_agent.nodes.stamps import stamp

ENDS = (SkillState.SUCCEEDED, SkillState.FAILED, SkillState.CANCELLED, SkillState.REFUSED)
ASKED_AGAIN_S = 3.0
MINE = """
version: 1
skills:
  show_pose:
    sentence: publish a pose
    arguments: {x: {kind: number, unit: m, low: -5, high: 5}}
    target: {topic: goal_pose, type: geometry_msgs/msg/PoseStamped, fields: {header.frame_id: map, pose.position.x: '{x}'}}
  lamp:
    sentence: switch the lamp
    arguments: {light: {kind: flag}}
    target: {service: lamp, type: std_srvs/srv/SetBool, timeout_s: 1, fields: {data: '{light}'}}
  fly:
    sentence: fly
    target: {action: fly, type: drone_msgs/action/Fly, fields: {}}
  absent:
    sentence: call what is not there
    target: {service: absent, type: std_srvs/srv/Trigger, timeout_s: 0.5}
  call:
    arguments: {procedure: {choices: {dock: {service: dock}}}}
"""


class Robot:
    """The two processes, and the topics of the decision node in our hands."""

    def __init__(self, bench: Bench, skills_file: Path) -> None:
        self.bench, self.skills = bench, f'simulated, {skills_file}'
        self._epochs = itertools.count(1_000, 10)
        self.velocities: Heard = bench.listen(Twist, 'cmd_vel', 50)
        self.odometry: Heard = bench.listen(Odometry, 'odom', 10)
        self.states: Heard = bench.listen(SkillState, 'skill_state', qos.SKILL_STATE)
        self.intents: Heard = bench.listen(SkillState, 'intent', qos.INTENT)
        self.interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
        self.acts = bench.publisher(Act, 'act', qos.ACT)
        self.alive = Heartbeat(bench.node)
        self.body = bench.start('simulated_robot')
        self.process = self.start()

    def start(self, **parameters: object) -> Running:
        process = self.bench.start('skills', skills=self.skills, **parameters)
        self.bench.matched('skills', 'simulated_robot', publishers=(self.interrupts, self.acts),
                           topics=('odom', 'cmd_vel', 'skill_state'))
        self.known_alive()
        return process

    def known_alive(self) -> None:
        self.bench.until(
            lambda: values_of(self.bench.news('skills')).get('decision node') == ALIVE,
            'a heartbeat is heard')

    def epoch(self) -> int:
        return next(self._epochs)

    def ask(self, epoch: int, skill: str, step: int = 0, steps: int = 1, in_s: float = 0.0,
            **arguments: object) -> None:
        """It is the same act when it comes twice: again, until there is news of it. A node that
        was started anew may not have been found by everybody, and one that was killed still
        counts.
        """
        message = Act(epoch=epoch, step=step, steps=steps, skill=skill,
                      arguments=json.dumps(arguments))
        message.not_before = stamp(time.time() + in_s)
        sent: list[float] = []

        def known() -> bool:
            if not sent or time.monotonic() - sent[-1] > ASKED_AGAIN_S:
                sent.append(time.monotonic())
                self.acts.publish(message)
            return bool(self.of(epoch, step))
        self.bench.until(known, f'news of {skill}')

    def interrupt(self, epoch: int, halted: int = 0, ducked: bool = False) -> float:
        """Unix time of it."""
        message = interrupt(epoch, ducked)
        message.halted = halted
        t = time.time()
        self.interrupts.publish(message)
        return t

    def of(self, epoch: int, step: int = 0) -> list[SkillState]:
        return [state for state in self.states if (state.epoch, state.step) == (epoch, step)]

    def reached(self, epoch: int, state: int, step: int = 0) -> SkillState:
        found = self.bench.until(
            lambda: [one for one in self.of(epoch, step) if one.state == state],
            f'state {state} of step {step}; there is '
            f'{[(one.state, one.text) for one in self.of(epoch, step)]}')
        return found[0]

    def ended(self, epoch: int, step: int = 0) -> SkillState:
        return self.bench.until(
            lambda: [one for one in self.of(epoch, step) if one.state in ENDS],
            f'an end; there is {[(one.state, one.text) for one in self.of(epoch, step)]}')[0]

    def moving(self, at_least: float = 0.1) -> None:
        self.velocities.forget()
        self.bench.until(lambda: self.velocities and abs(self.velocities[-1].linear.x) >= at_least,
                         'it moves')

    def still(self) -> None:
        """By its odometry."""
        self.odometry.forget()
        self.bench.until(lambda: self.odometry and self.odometry[-1].twist.twist.linear.x == 0.0,
                         'it stands still')

    def nonzero_after(self, t: float) -> list[float]:
        return [received - t for received, velocity in zip(self.velocities.times, self.velocities)
                if received > t and (velocity.linear.x or velocity.angular.z)]

    def x(self) -> float:
        self.odometry.forget()
        self.bench.until(lambda: self.odometry, 'odometry')
        return self.odometry[-1].pose.pose.position.x


@pytest.fixture(scope='module')
def robot(bench: Bench) -> Robot:
    skills_file = bench.folder / 'mine.yaml'
    skills_file.write_text(MINE, encoding='utf-8')
    return Robot(bench, skills_file)


@pytest.fixture(autouse=True)
def at_rest(robot: Robot) -> Iterator[None]:
    """Nothing of one test goes on in the next."""
    yield
    epoch = robot.epoch()
    robot.interrupt(epoch, halted=epoch - 1)
    robot.still()


def test_a_way_is_driven_measured_and_ends_with_zero(robot: Robot) -> None:
    epoch, before = robot.epoch(), robot.x()
    robot.velocities.forget()
    robot.ask(epoch, 'drive', distance=0.3, speed=0.3)
    ended = robot.ended(epoch)
    assert [one.state for one in robot.of(epoch)][:2] == [SkillState.WAITING, SkillState.RUNNING]
    assert ((ended.state, ended.text, ended.dry_run) == (SkillState.SUCCEEDED,
                                                         'I have driven forward', False))
    result = json.loads(ended.result)
    assert (result['measured'] and result['unit'] == 'm'
            and result['moved'] == pytest.approx(0.3, abs=0.03))
    assert 0.0 < max(velocity.linear.x for velocity in robot.velocities) <= 0.3
    robot.still()
    assert (robot.velocities[-1].linear.x == 0.0
            and robot.x() - before == pytest.approx(0.3, abs=0.05))


def test_stop_is_zero_at_once_and_nothing_of_that_epoch_moves_ever_after(robot: Robot) -> None:
    epoch = robot.epoch()
    robot.ask(epoch, 'drive', direction='backward', distance=1.0)
    robot.ask(epoch, 'turn', step=1, steps=2)
    robot.moving()
    robot.interrupt(epoch + 1, halted=epoch)
    cancelled = robot.ended(epoch)
    assert (cancelled.state, cancelled.text) == (SkillState.CANCELLED, 'it was told to stop')
    assert robot.ended(epoch, 1).state == SkillState.CANCELLED
    seen = time.time()
    robot.ask(epoch, 'drive', step=2, steps=3)           # a late one
    assert robot.ended(epoch, 2).state == SkillState.CANCELLED
    robot.bench.turn_until(time.time() + 0.7)
    assert robot.nonzero_after(seen) == []


def test_a_voice_holds_the_wheels_and_they_go_on_when_it_was_nothing(robot: Robot) -> None:
    epoch, before = robot.epoch(), robot.x()
    robot.ask(epoch, 'drive', distance=0.4, speed=0.2)
    robot.moving()
    robot.interrupt(epoch, ducked=True)
    robot.reached(epoch, SkillState.HELD)
    robot.still()
    robot.bench.turn_until(time.time() + 0.3)
    assert not robot.nonzero_after(time.time() - 0.25)
    robot.interrupt(epoch, ducked=False)
    assert robot.ended(epoch).state == SkillState.SUCCEEDED
    robot.still()
    assert robot.x() - before == pytest.approx(0.4, abs=0.06)


def test_a_wall_is_a_failure_that_says_what_was_seen(robot: Robot) -> None:
    epoch = robot.epoch()
    robot.ask(epoch, 'drive', direction='backward', distance=3.0, speed=0.4)
    ended = robot.ended(epoch)
    assert ended.state == SkillState.FAILED and 'no movement' in ended.text
    back = robot.epoch()
    robot.ask(back, 'drive', distance=0.5, speed=0.4)
    assert robot.ended(back).state == SkillState.SUCCEEDED


@pytest.mark.parametrize(('skill', 'arguments'), [('reboot', {}), ('drive', {
    'distance': 100
}), ('drive', {
    'speed': -0.2
}), ('go_to', {
    'place': 'cellar'
}), ('call', {
    'procedure': '/rosout'
}), ('show_pose', {
    'x': 1,
    'topic': 'cmd_vel'
})])
def test_a_hostile_publisher_reaches_nothing_that_is_not_on_the_list(
        robot: Robot, skill: str, arguments: dict[str, object]) -> None:
    epoch = robot.epoch()
    t = time.time()
    robot.ask(epoch, skill, **arguments)
    ended = robot.ended(epoch)
    assert ended.state == SkillState.REFUSED and ended.text
    assert robot.nonzero_after(t) == []


def test_a_topic_of_any_type_gets_its_fields_and_a_stamp(robot: Robot) -> None:
    poses = robot.bench.listen(PoseStamped, 'goal_pose', 10)
    robot.bench.until(lambda: robot.bench.node.count_publishers('goal_pose'), 'its publisher')
    robot.bench.news('skills')
    epoch = robot.epoch()
    robot.ask(epoch, 'show_pose', x=2.5)
    assert robot.ended(epoch).state == SkillState.SUCCEEDED
    robot.bench.until(lambda: poses, 'the pose')
    assert (poses[0].header.frame_id, poses[0].pose.position.x) == ('map', 2.5)
    assert abs(poses[0].header.stamp.sec - time.time()) < 5


def test_a_service_succeeds_fails_and_is_silent_as_it_really_was(robot: Robot) -> None:
    asked: list[bool] = []

    def on_lamp(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        asked.append(request.data)
        response.success = request.data
        response.message = 'lit' if request.data else 'the switch is stuck'
        return response

    service = robot.bench.node.create_service(SetBool, 'lamp', on_lamp)
    on, off, silent = robot.epoch(), robot.epoch(), robot.epoch()
    robot.ask(on, 'lamp', light=True)
    assert (robot.ended(on).state, robot.ended(on).text) == (SkillState.SUCCEEDED, 'lit')
    robot.ask(off, 'lamp', light=False)
    assert ((robot.ended(off).state, robot.ended(off).text) == (SkillState.FAILED,
                                                                'the switch is stuck'))
    assert asked == [True, False] and json.loads(robot.ended(off).result)['success'] is False
    robot.bench.node.destroy_service(service)
    robot.ask(silent, 'lamp', light=True)
    assert robot.ended(silent).state == SkillState.FAILED and 'lamp' in robot.ended(silent).text


def test_a_trigger_on_the_list_is_called(robot: Robot) -> None:
    called: list[Trigger.Request] = []

    def on_dock(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        called.append(request)
        response.success = True
        return response

    robot.bench.node.create_service(Trigger, 'dock', on_dock)
    epoch = robot.epoch()
    robot.ask(epoch, 'call', procedure='dock')
    assert robot.ended(epoch).state == SkillState.SUCCEEDED and len(called) == 1


def test_what_is_not_installed_or_not_there_fails_with_what_to_do(robot: Robot) -> None:
    fly, absent, own = robot.epoch(), robot.epoch(), robot.epoch()
    robot.ask(fly, 'fly')
    assert (robot.ended(fly).state == SkillState.FAILED
            and 'drone_msgs is not installed: install it' in robot.ended(fly).text)
    robot.ask(absent, 'absent')
    assert (robot.ended(absent).state == SkillState.FAILED
            and 'start its node' in robot.ended(absent).text)
    robot.ask(own, 'stop')
    assert robot.ended(own).state == SkillState.REFUSED
    assert robot.bench.level('skills', WARN, 'drone_msgs')


def test_a_place_is_reached_by_an_action_with_feedback_and_a_stop_cancels_it(robot: Robot) -> None:
    pytest.importorskip('nav2_msgs', reason='nav2_msgs is not installed')
    there, away = robot.epoch(), robot.epoch()
    robot.ask(there, 'go_to', place='charger')
    assert (robot.ended(there).state == SkillState.SUCCEEDED
            and robot.ended(there).text == 'I am at the charger')
    robot.ask(away, 'go_to', place='kitchen')
    robot.bench.until(
        lambda: any(
            one.text.endswith('metres left') and 0 < one.progress < 1 for one in robot.of(away)),
        'feedback on the way')
    robot.interrupt(away + 1, halted=away)
    assert ((robot.ended(away).state, robot.ended(away).text) == (SkillState.CANCELLED,
                                                                  'it was told to stop'))
    t = time.time()
    robot.still()
    robot.bench.turn_until(time.time() + 0.5)
    assert robot.nonzero_after(t) == []


def test_a_voice_holds_a_way_to_a_place_as_well_and_the_goal_is_reached_after_it(
        robot: Robot) -> None:
    pytest.importorskip('nav2_msgs', reason='nav2_msgs is not installed')
    epoch = robot.epoch()
    robot.ask(epoch, 'go_to', place='window')
    robot.moving()
    robot.interrupt(epoch, ducked=True)
    robot.reached(epoch, SkillState.HELD)
    robot.still()
    t = time.time()
    robot.bench.turn_until(t + 0.5)
    assert robot.nonzero_after(t) == []
    robot.interrupt(epoch, ducked=False)
    robot.moving()
    robot.interrupt(epoch, ducked=True)                  # and twice in quick succession
    robot.interrupt(epoch, ducked=False)
    assert robot.ended(epoch).state == SkillState.SUCCEEDED
    again = robot.epoch()
    robot.ask(again, 'go_to', place='charger')
    robot.moving()
    robot.interrupt(again, ducked=True)
    robot.reached(again, SkillState.HELD)
    robot.interrupt(again + 1, halted=again, ducked=True)
    assert robot.ended(again).state == SkillState.CANCELLED


def test_a_decision_node_that_hangs_is_noticed_as_well_as_one_that_is_killed(robot: Robot) -> None:
    robot.alive.close()
    stand_in = Path(__file__).parent / 'decision_stand_in.py'
    for how, why in ((signal.SIGKILL, 'is gone'), (signal.SIGSTOP, 'decision node')):
        process = subprocess.Popen([sys.executable, str(stand_in)], stdout=subprocess.PIPE)
        try:
            robot.known_alive()
            epoch = robot.epoch()
            robot.ask(epoch, 'turn', direction='left', angle=360, speed=20)
            robot.reached(epoch, SkillState.RUNNING)
            process.send_signal(how)
            ended = robot.ended(epoch)
            assert ended.state == SkillState.CANCELLED and why in ended.text
            robot.bench.turn_until(time.time() + 0.3)
            assert not robot.nonzero_after(time.time() - 0.2)
            late = robot.epoch()
            robot.ask(late, 'drive')
            assert (robot.ended(late).state == SkillState.FAILED
                    and 'decision node' in robot.ended(late).text)
        finally:
            process.kill()
            process.wait()
    robot.alive = Heartbeat(robot.bench.node)
    robot.known_alive()


def test_the_node_ends_with_zero_and_a_killed_one_leaves_a_base_that_stops_by_itself(
        robot: Robot) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        epoch = robot.epoch()
        robot.ask(epoch, 'turn', direction='left', angle=360, speed=20)
        robot.reached(epoch, SkillState.RUNNING)
        robot.bench.until(lambda: robot.velocities and robot.velocities[-1].angular.z, 'it turns')
        robot.process.send(number)
        robot.bench.until(lambda: robot.process.pid is None, 'its end')
        if number is signal.SIGTERM:
            robot.bench.until(lambda: robot.velocities[-1].angular.z == 0.0,
                              'zero from the node that ends')
            assert robot.process.code == 0
        robot.odometry.forget()
        robot.bench.until(
            lambda: robot.odometry and robot.odometry[-1].twist.twist.angular.z == 0.0,
            'it stands still')
        robot.bench.end(robot.process)
        robot.process = robot.start()


def test_a_dry_run_tells_what_it_would_do_and_moves_nothing(robot: Robot) -> None:
    robot.bench.end(robot.process)
    robot.process = robot.start(dry_run=True)
    epoch, t = robot.epoch(), time.time()
    robot.ask(epoch, 'drive', distance=0.5)
    ended = robot.ended(epoch)
    assert (ended.state == SkillState.SUCCEEDED and ended.dry_run
            and ended.text.startswith('dry run'))
    robot.bench.until(lambda: robot.intents, 'the intent')
    wanted = json.loads(robot.intents[0].result)
    assert wanted['topic'] == 'cmd_vel' and wanted['fields']['linear.x']['speed'] == 0.2
    robot.interrupt(epoch + 1, halted=epoch)
    robot.bench.turn_until(time.time() + 0.3)
    assert [received for received in robot.velocities.times if received > t] == []
