"""A robot to try skills on: ``cmd_vel`` in, ``odom``, ``tf``, ``bumper`` and ``map`` out, and a
NavigateToPose server.

It stands where a real base would: the skills know nothing of it but its topics and its action.
"""

from __future__ import annotations

import array
import math
from dataclasses import dataclass

from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from std_msgs.msg import Bool

from omni_agent.core.diff_drive import BaseParams, DiffDrive, Pose
from omni_agent.core.floor_plan import FloorPlan
from omni_agent.core.params import param

from . import qos
from .health import WARN, Health
from .interfaces import TargetError
from .node import join
from .parameters import declare
from .shell import Urgency
from .shell import main as run
from .simulated_frames import BASE, MAP, ODOM, Frames
from .simulated_navigator import Navigator, NavigatorParams, navigate_to_pose
from .stamps import now, pace, stamp

MAP_CELL_M = 0.05


@dataclass(frozen=True)
class RobotParams:
    """Where it is, and how it talks."""

    walls: str = param('flat',
                       'walls as "x0 y0 x1 y1; ..." [m], flat for four rooms, empty for none')
    x: float = param(0.0, 'where it stands at the start [m]', -1000.0, 1000.0)
    y: float = param(0.0, 'where it stands at the start [m]', -1000.0, 1000.0)
    yaw: float = param(0.0, 'where it faces at the start [rad]', -math.pi, math.pi)
    rate_hz: float = param(20.0, 'odometry messages per second [Hz]', 1.0, 100.0)
    stamped: bool = param(False, 'cmd_vel is a TwistStamped, not a Twist')
    camera_frame: str = param(
        'camera_optical', 'frame of the pictures, which looks ahead from the base; empty = none')


PARAMETERS = (('', RobotParams), ('base', BaseParams), ('navigator', NavigatorParams))


class SimulatedRobot:
    """Real time goes by; the base is stepped to it at each command and at each tick."""

    def __init__(self) -> None:
        self.node = join('simulated_robot')
        self.params = declare(self.node, RobotParams)
        plan = FloorPlan.parse(self.params.walls)
        self._clock = pace(self.node)
        start = Pose(self.params.x, self.params.y, self.params.yaw)
        self.base = DiffDrive(declare(self.node, BaseParams, 'base'), plan, start, self._t())
        kind = TwistStamped if self.params.stamped else Twist
        self.node.create_subscription(kind, 'cmd_vel', self.on_velocity, qos.VELOCITY)
        self.health = Health(self.node)
        self.health.values['device'] = 'simulated'
        self.odometry = self.node.create_publisher(Odometry, 'odom', qos.ODOMETRY)
        self.bumper = self.node.create_publisher(Bool, 'bumper', qos.STATE)
        self.map = self.node.create_publisher(OccupancyGrid, 'map', qos.STATE)
        self._touching: bool | None = None
        limits = declare(self.node, NavigatorParams, 'navigator')
        self.navigator: Navigator | None = None
        if (action := navigate_to_pose()) is None:
            self.health.trouble('navigation', WARN,
                                'there is no navigate_to_pose: nav2_msgs is not installed')
        else:
            self.navigator = Navigator(self.node, action, self.base, limits, kind, self._t)
        self.frames = self._frames()
        self.map.publish(_map(plan, now(self.node)))
        self.node.create_timer(1.0 / self.params.rate_hz, self.on_tick, clock=self._clock)

    def _frames(self) -> Frames | None:
        try:
            return Frames(self.node, self.params.camera_frame, now(self.node))
        except TargetError as error:             # a window less, and nothing that skills need
            self.health.values['tf'] = f'not published: {error}'
            return None

    def _t(self) -> float:
        return self._clock.now().nanoseconds * 1e-9

    def on_velocity(self, message: Twist | TwistStamped) -> None:
        twist = message.twist if self.params.stamped else message
        t = self._t()
        self.base.step(t)
        self.base.command(twist.linear.x, twist.angular.z, t)
        self.health.count('commands')

    def on_tick(self) -> None:
        self.base.step(self._t())
        if self.navigator is not None:
            self.navigator.tick()
        t = now(self.node)
        self.odometry.publish(_odometry(self.base, t))
        if self.frames is not None:
            self.frames.publish(self.base.pose, t)
        pose = self.base.pose
        self.health.values[
            'pose'] = f'{pose.x:.2f} m, {pose.y:.2f} m, {math.degrees(pose.yaw):.0f} deg'
        if self.base.touching != self._touching:
            self._touching = self.base.touching
            self.bumper.publish(Bool(data=self._touching))
            if self._touching:
                self.health.count('bumps')

    def close(self) -> None:
        if self.navigator is not None:
            self.navigator.close()


def _odometry(base: DiffDrive, t: float) -> Odometry:
    message = Odometry(child_frame_id=BASE)
    message.header.stamp, message.header.frame_id = stamp(t), ODOM
    pose = message.pose.pose
    pose.position.x, pose.position.y = base.pose.x, base.pose.y
    pose.orientation.z, pose.orientation.w = math.sin(base.pose.yaw / 2), math.cos(
        base.pose.yaw / 2)
    message.twist.twist.linear.x, message.twist.twist.angular.z = base.speed, base.turn
    return message


def _map(plan: FloorPlan, t: float) -> OccupancyGrid:
    """As a map server has it, so that every viewer can draw it; odometry here never drifts, so the
    frames are one.
    """
    walls, (x, y) = plan.grid(MAP_CELL_M)
    message = OccupancyGrid(data=array.array('b', [100 if wall else 0 for wall in walls.ravel()]))
    message.header.stamp, message.header.frame_id = stamp(t), MAP
    message.info.resolution, message.info.height, message.info.width = MAP_CELL_M, *walls.shape
    message.info.origin.position.x, message.info.origin.position.y = x, y
    message.info.origin.orientation.w = 1.0
    return message


def simulated_robot() -> SimulatedRobot:
    """The shell names the node after what makes it."""
    return SimulatedRobot()


def main() -> None:
    run(simulated_robot, Urgency.EXECUTOR)       # no base waits for somebody's models


if __name__ == '__main__':
    main()
