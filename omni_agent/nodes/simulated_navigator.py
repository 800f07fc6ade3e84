"""What nav2 is to a real robot, as far as skills can tell: one goal at a time, feedback, cancel,
honest ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from omni_agent.core.diff_drive import DiffDrive
from omni_agent.core.params import param
from omni_agent.core.route import Route

from . import qos
from .interfaces import TargetError, interface
from .stamps import now, stamp

FRAMES = ('', 'map', 'odom')
NO_WAY, BLOCKED = 'no way leads there', 'something is in the way'


@dataclass(frozen=True)
class NavigatorParams:
    """How it drives to a goal."""

    speed: float = param(0.4, 'speed on the way to a goal [m/s]', 0.05, 2.0)
    turn: float = param(1.2, 'turning on the way to a goal [rad/s]', 0.1, 6.0)
    feedback_hz: float = param(5.0, 'feedback messages per second [Hz]', 0.5, 20.0)
    blocked_s: float = param(3.0, 'gives up after touching something for this long [s]', 0.5, 60.0)


def navigate_to_pose() -> type | None:
    """nav2's action type, where it is installed."""
    try:
        return interface('nav2_msgs/action/NavigateToPose')
    except TargetError:
        return None


class Navigator:
    """Goals in, ``cmd_vel`` out, as nav2's controller does it; the newest goal wins."""

    def __init__(self, node: Node, action: type, base: DiffDrive, params: NavigatorParams,
                 velocity: type[Twist] | type[TwistStamped], clock: Callable[[], float]) -> None:
        self._node, self._action, self._base, self._params, self._clock = node, action, base, params, clock
        self._velocity = velocity
        self._publisher = node.create_publisher(velocity, 'cmd_vel', qos.VELOCITY)
        self._server = ActionServer(
            node, action, 'navigate_to_pose', self._execute, goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted, cancel_callback=self._on_cancel)
        self._goal: ServerGoalHandle | None = None
        self._route = Route((), None, 0.0, 0.0)
        self._begun_t = self._fed_t = self._free_t = 0.0
        self._ends: dict[bytes, tuple[str, str]] = {}    # goal -> how it ends, and why

    def _on_goal(self, request: object) -> GoalResponse:
        pose = request.pose
        numbers = (pose.pose.position.x, pose.pose.position.y, pose.pose.orientation.z,
                   pose.pose.orientation.w)
        usable = pose.header.frame_id in FRAMES and all(map(math.isfinite, numbers))
        return GoalResponse.ACCEPT if usable else GoalResponse.REJECT

    def _on_accepted(self, goal: ServerGoalHandle) -> None:
        if self._goal is not None:
            self._end('abort', 'a newer goal came')
        pose = goal.request.pose.pose
        here = self._base.pose
        corners = self._base.plan.path((here.x, here.y), (pose.position.x, pose.position.y),
                                       self._base.params.radius_m)
        yaw = 2 * math.atan2(pose.orientation.z, pose.orientation.w)
        self._goal = goal
        self._route = Route(corners, yaw, self._params.speed, self._params.turn)
        self._begun_t = self._free_t = self._clock()
        if not corners:
            self._end('abort', NO_WAY)

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        return CancelResponse.ACCEPT

    def tick(self) -> None:
        if self._goal is None:
            return
        if self._goal.is_cancel_requested:
            return self._end('canceled', 'as asked')
        t = self._clock()
        step = self._route.step(self._base.pose)
        self._free_t = self._free_t if self._base.touching and step.speed else t
        if t - self._free_t > self._params.blocked_s:
            return self._end('abort', BLOCKED)
        if step.arrived:
            return self._end('succeed', '')
        self._drive(step.speed, step.turn)
        if t - self._fed_t >= 1.0 / self._params.feedback_hz:
            self._fed_t = t
            self._goal.publish_feedback(self._feedback(t))

    def _feedback(self, t: float) -> object:
        feedback = self._action.Feedback()
        pose, left = self._base.pose, self._route.left_m(self._base.pose)
        feedback.current_pose.header.stamp, feedback.current_pose.header.frame_id = stamp(
            now(self._node)), 'map'
        feedback.current_pose.pose.position.x, feedback.current_pose.pose.position.y = pose.x, pose.y
        feedback.current_pose.pose.orientation.z = math.sin(pose.yaw / 2)
        feedback.current_pose.pose.orientation.w = math.cos(pose.yaw / 2)
        # not an int, even where nothing is left: the C code asserts it
        feedback.distance_remaining = float(left)
        feedback.navigation_time.sec = int(t - self._begun_t)
        feedback.estimated_time_remaining.sec = math.ceil(left / self._params.speed)
        return feedback

    def _drive(self, speed: float, turn: float) -> None:
        message = self._velocity()
        twist = message.twist if self._velocity is TwistStamped else message
        if self._velocity is TwistStamped:
            message.header.stamp = stamp(now(self._node))
        twist.linear.x, twist.angular.z = float(speed), float(turn)
        self._publisher.publish(message)

    def _end(self, how: str, why: str) -> None:
        """The goal is executed only now that it is over: a callback that takes as long as the way
        would stop all else.
        """
        goal, self._goal = self._goal, None
        assert goal is not None
        self._drive(0.0, 0.0)
        self._ends[bytes(goal.goal_id.uuid)] = (how, why)
        goal.execute()

    def _execute(self, goal: ServerGoalHandle) -> object:
        how, why = self._ends.pop(bytes(goal.goal_id.uuid))
        result = self._action.Result()
        if hasattr(result, 'error_msg'):         # not in Humble
            result.error_msg = why
        if how == 'canceled' or goal.is_cancel_requested:
            goal.canceled()
        else:
            getattr(goal, how)()
        return result

    def close(self) -> None:
        if self._goal is not None:
            self._drive(0.0, 0.0)
        self._server.destroy()
