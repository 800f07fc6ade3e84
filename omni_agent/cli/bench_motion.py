"""How long a robot that drives goes on: after a stop, and after a process that it needs was
killed.

The real nodes, a simulated base, and a client of this process in the place of whoever asks. What
counts is when a zero velocity arrives where the base listens, and that nothing else arrives after
it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Callable, Iterator

import numpy as np

from omni_agent import graph
from omni_agent.cli import motion_spoken
from omni_agent.cli.bench import Result
from omni_agent.cli.child import Program
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.supervisor import Supervisor
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    from rclpy.node import Node

TARGETS = {
    'spoken_stop_p95_ms': ('<=', 600),
    'spoken_stop_in_vain': ('==', 0),
    'hush_p95_ms': ('<=', 600),
    'decision_killed_p95_ms': ('<=', 300),
    'decision_hung_p95_ms': ('<=', 1300),
    'skills_killed_still_p95_ms': ('<=', 600),
    'driven_after_zero': ('==', 0)
}
PATIENCE_S = 60.0
ATTEMPTS = 20
AFTER_S = 0.7            # for how long it is watched that nothing moves again
# no model decides whether wheels stop
SETTINGS = {'decision': {'llm': 'none', 'sentence_end': 'none', 'state': 'none'},
            'skills': {'skills': 'simulated'}, 'simulated_robot': {'walls': ''}}
WAYS = (('drive', {
    'distance': 3,
    'speed': 0.3
}), ('go_to', {
    'place': 'kitchen'
}), ('drive', {
    'distance': 3,
    'direction': 'backward'
}), ('go_to', {
    'place': 'door'
}))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--stops', type=int, default=30,
                        help='times that it is told to be silent while it drives (default: 30)')
    parser.add_argument(
        '--spoken', type=int, default=12,
        help='times that somebody says stop, to the whole agent with its '
        'models (default: 12; 0 leaves it out)')
    parser.add_argument('--kills', type=int, default=15,
                        help='times that each process is killed (default: 15)')


def measure(arguments: argparse.Namespace) -> Result:
    with free_domain_id() as domain:
        bench = Bench(domain, arguments)
        try:
            found = bench.figures(arguments.stops, arguments.kills)
        finally:
            bench.close()
    if arguments.spoken:
        found.update(motion_spoken.measure(arguments.spoken, arguments))
    notes = (('without nav2_msgs only driving was measured, not going to places', )
             if not bench.navigates else ())
    return Result('motion', found, TARGETS, notes)


class Bench:
    """The nodes, and a client that drives them and listens."""

    def __init__(self, domain: int, arguments: argparse.Namespace) -> None:
        import rclpy
        from geometry_msgs.msg import Twist
        from nav_msgs.msg import Odometry
        from omni_agent_msgs.msg import Act, Interrupt, SkillState
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions
        from std_srvs.srv import Trigger

        from omni_agent import ros_env
        from omni_agent.nodes import qos
        from omni_agent.nodes.simulated_navigator import navigate_to_pose

        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ.update(ros_env.prepare(os.environ))
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.navigates = navigate_to_pose() is not None
        self._act, self._rclpy = Act, rclpy
        self.node: Node = rclpy.create_node('bench')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        # when it arrived [s], whether it moves
        self.velocities: list[tuple[float, bool]] = []
        self.speed, self.epoch = 0.0, 0
        self.ends: set[int] = set()
        self.node.create_subscription(Interrupt, 'interrupt', self._on_interrupt, qos.STATE)
        self.node.create_subscription(Twist, 'cmd_vel', self._on_velocity, 50)
        self.node.create_subscription(Odometry, 'odom', self._on_odometry, qos.ODOMETRY)
        self.node.create_subscription(SkillState, 'skill_state', self._on_state, qos.SKILL_STATE)
        self._acts = self.node.create_publisher(Act, 'act', qos.ACT)
        self._hush = self.node.create_client(Trigger, 'decision/hush')
        self._request = Trigger.Request()
        overrides = {node: dict(values) for node, values in SETTINGS.items()}
        for node, parameter, value in map(graph.setting, arguments.set):
            overrides.setdefault(node, {})[parameter] = value
        self._random, self._said = random.Random(1), ''
        self.processes = {
            name: Supervisor([self._program(name, overrides, arguments.profile)], respawn=False)
            for name in SETTINGS
        }
        for process in self.processes.values():
            process.start()

    def _program(self, name: str, overrides: graph.Overrides, profile: str) -> Program:
        spec = next(spec for spec in (*graph.GRAPH, *graph.OPTIONAL) if spec.name == name)
        return Program(name, spec.module,
                       tuple(graph.arguments(spec, '', '', profile, False, 'error', overrides)))

    # -- what is heard ----------------------------------------------------------------------------

    def _on_interrupt(self, message: object) -> None:
        self.epoch = max(self.epoch, message.epoch)

    def _on_velocity(self, message: object) -> None:
        self.velocities.append((time.time(), bool(message.linear.x or message.angular.z)))

    def _on_odometry(self, message: object) -> None:
        self.speed = max(abs(message.twist.twist.linear.x), abs(message.twist.twist.angular.z))

    def _on_state(self, message: object) -> None:
        if message.state >= message.SUCCEEDED:
            self.ends.add(message.epoch)
            self._said = message.text

    def until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise BackendError(f'in vain for {seconds:.0f} s: {what}')
            self.turn()

    def turn(self) -> None:
        self._executor.spin_once(timeout_sec=0.01)
        for process in self.processes.values():
            process.poll()

    # -- what is done -----------------------------------------------------------------------------

    def drive(self, way: tuple[str, dict]) -> None:
        """Until it has some speed; asked for again, in a new epoch, while the nodes are still
        finding each other.
        """
        skill, given = way
        for _ in range(ATTEMPTS):
            asked, self.velocities = self.epoch, []
            self._acts.publish(
                self._act(epoch=asked, steps=1, skill=skill, arguments=json.dumps(given)))
            try:
                self.until(lambda: self.speed > 0.15 or asked in self.ends, 'it drives', 5.0)
            except BackendError:
                pass
            if self.speed > 0.15:
                self.wait(self._random.random() * 0.2)
                return
            self.renew()
        raise BackendError(
            f'{skill} was asked for {ATTEMPTS} times, and nothing moved: {self._said}')

    def renew(self) -> None:
        """Whatever was asked for in the epoch that was is over. A call to a node that has just
        started may get lost.
        """
        before = self.epoch
        for _ in range(ATTEMPTS):
            self.hush()
            self.wait(0.5)
            if self.epoch > before:
                return
        raise BackendError('the decision node does not answer to hush')

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()

    def zero_after(self, t: float) -> tuple[float, bool]:
        """Seconds until the first zero that stays, and whether something moved after an earlier
        one.
        """
        self.until(lambda: any(at > t and not moves for at, moves in self.velocities), 'zero')
        self.wait(AFTER_S)
        later = [(at, moves) for at, moves in self.velocities if at > t]
        last = max((at for at, moves in later if moves), default=t)
        zeros = [at for at, moves in later if not moves]
        if zeros[-1] < last:
            raise BackendError('it goes on moving')
        return next(at for at in zeros if at >= last) - t, zeros[0] < last

    def restart(self, name: str) -> None:
        self.processes[name].stop()
        self.processes[name].start()

    def hush(self) -> float:
        t = time.time()
        self._hush.call_async(self._request)
        return t

    def kill(self, name: str, number: signal.Signals) -> float:
        t = time.time()
        os.kill(self.processes[name].running[name], number)
        return t

    # -- figures ----------------------------------------------------------------------------------

    def figures(self, stops: int, kills: int) -> dict[str, float | None]:
        self.until(
            lambda: self.epoch > 0 and self._hush.service_is_ready() and bool(
                self._acts.get_subscription_count()), 'the nodes start')
        hushed = [self._one(way, self.hush) for way in self._ways(stops)]
        killed = [self._of_decision(way, signal.SIGKILL) for way in self._ways(kills)]
        hung = [self._of_decision(way, signal.SIGSTOP) for way in self._ways(max(1, kills // 5))]
        still = [self._of_skills() for _ in range(max(1, kills // 3))]
        # a navigator has its own publisher, which may be a tick late; what the skills publish
        # themselves may not
        again = [
            again
            for way, (_,
                      again) in zip([*self._ways(stops), *self._ways(kills)], [*hushed, *killed])
            if way[0] == 'drive'
        ]
        return {
            **_spread('hush', [s for s, _ in hushed]),
            **_spread('decision_killed', [s for s, _ in killed]),
            **_spread('decision_hung', [s for s, _ in hung]),
            **_spread('skills_killed_still', still), 'driven_after_zero': float(sum(again))
        }

    def _ways(self, count: int) -> Iterator[tuple[str, dict]]:
        ways = [way for way in WAYS if way[0] == 'drive' or self.navigates]
        return (ways[index % len(ways)] for index in range(count))

    def _one(self, way: tuple[str, dict], stop: Callable[[], float]) -> tuple[float, bool]:
        self.drive(way)
        return self.zero_after(stop())

    def _of_decision(self, way: tuple[str, dict], number: signal.Signals) -> tuple[float, bool]:
        found = self._one(way, lambda: self.kill('decision', number))
        if number is signal.SIGSTOP:
            self.kill('decision', signal.SIGKILL)
        epoch = self.epoch
        self.restart('decision')
        self.until(lambda: self.epoch > epoch and self._hush.service_is_ready(),
                   'the decision node starts again')
        return found

    def _of_skills(self) -> float:
        """Nobody says zero then: the base has to find out by itself."""
        self.drive(WAYS[0])
        t = self.kill('skills', signal.SIGKILL)
        self.until(lambda: self.speed == 0.0, 'it stands still')
        found = time.time() - t
        self.restart('skills')
        self.until(lambda: bool(self._acts.get_subscription_count()),
                   'the skills node starts again')
        self.renew()
        return found

    def close(self) -> None:
        for process in self.processes.values():
            process.stop()
        self._executor.shutdown()
        self.node.destroy_node()
        self._rclpy.try_shutdown()


def _spread(name: str, seconds: list[float]) -> dict[str, float]:
    return {
        f'{name}_p50_ms': 1000 * float(np.percentile(seconds, 50)),
        f'{name}_p95_ms': 1000 * float(np.percentile(seconds, 95)),
        f'{name}_n': float(len(seconds))
    }
