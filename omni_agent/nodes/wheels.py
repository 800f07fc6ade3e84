"""The velocity that a skill repeats: ticks and odometry in, ``cmd_vel`` out, and zero at every
end.

A stop is published in the callback that learns of it, and repeated for a while: one lost message
must not matter.
"""

from __future__ import annotations

import json
import math
from typing import Callable, Mapping

from geometry_msgs.msg import Quaternion
from nav_msgs.msg import Odometry
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription

from omni_agent.core.acts import Key, SkillState, Told
from omni_agent.core.motion import (ENDS, Motion, MotionParams, Odometer, Phase, bounds,
                                    is_of_base, is_turning)
from omni_agent.core.skills import Call

from . import qos
from .doing import FEEDBACK_S, WAITS, Tell
from .interfaces import fill
from .stamps import now, pace, stamp

# [s] the longest that the end of the node waits for its last zero to arrive
ACKED_S = 0.3
ZERO_S = 0.5             # [s] zero is repeated this long after a motion
WHY = {Phase.STALLED: 'the odometry shows no movement, something may be in the way',
       Phase.MUTE: 'the odometry fell silent on the way',
       Phase.OVERDUE: 'it took too long',
       Phase.FORGOTTEN: 'somebody spoke for too long'}


class Wheels:
    """One motion at a time; it is its own Doing."""

    def __init__(self, node: Node, params: MotionParams, velocities: Mapping[str, Publisher],
                 odometry: str, tell: Tell, clock: Callable[[], float]) -> None:
        self._node, self._params, self._velocities = node, params, velocities
        self._tell, self._clock, self._odometry_topic = tell, clock, odometry
        self._timer = node.create_timer(0.05, self._on_timer, clock=pace(node))
        self._timer.cancel()
        self._key: Key | None = None
        self._motion: Motion | None = None
        self._publisher: Publisher | None = None
        self._fields: dict[str, float | bool | str] = {}
        self._field = ''
        self._odometer: Odometer | None = None
        self._offset = 0.0
        self._odometry: Subscription | None = None
        self._zero_until = self._told_t = 0.0

    def begin(self, key: Key, call: Call, publisher: Publisher) -> None:
        course, ramp = call.course(), call.skill.target.ramp
        assert course is not None and ramp is not None, 'only a ramp is repeated'
        t = self._clock()
        self._key, self._publisher, self._fields, self._field = key, publisher, call.fields(
        ), course.field
        # a field that is not there shows before anything moves
        self._publish(0.0)
        self._motion = Motion(course, bounds(self._params, course.field, ramp.longest_s), t)
        self._odometer = Odometer(is_turning(course.field), math.copysign(1.0, course.speed))
        if self._odometry_topic and is_of_base(course.field):
            self._odometry = self._node.create_subscription(Odometry, self._odometry_topic,
                                                            self._on_odometry, qos.ODOMETRY)
        self._told_t = t
        self._timer.timer_period_ns = round(1e9 / call.skill.target.rate_hz)
        self._timer.reset()

    def hold(self, at_once: bool) -> None:
        if self._motion is not None and self._key is not None:
            self._motion.hold(self._clock(), at_once)
            self._tell(Told(self._key, SkillState.HELD, WAITS, self._motion.progress))

    def resume(self) -> None:
        if self._motion is not None and self._key is not None and self._motion.phase is Phase.HELD:
            self._motion.resume(self._clock())
            self._tell(Told(self._key, SkillState.RUNNING, '', self._motion.progress))

    def cancel(self) -> None:
        if self._motion is not None:
            self._end(SkillState.CANCELLED, '')

    def tick(self, t: float) -> None:
        """It has a timer of its own."""

    def zero(self, again: bool) -> None:
        """On everything that a ramp may go to, now, and for a while where that is wanted."""
        for publisher in self._velocities.values():
            message = publisher.msg_type()
            fill(message, {}, stamp(now(self._node)))
            publisher.publish(message)
        if again and self._motion is None:
            self._zero_until = self._clock() + ZERO_S
            self._timer.reset()

    def yield_base(self) -> None:
        """Somebody else is about to move it: no more zeros."""
        self._zero_until = 0.0

    def close(self) -> None:
        """A zero that is still on its way when its sender ends is lost."""
        for publisher in self._velocities.values():
            publisher.wait_for_all_acked(Duration(seconds=ACKED_S))

    def _on_timer(self) -> None:
        t = self._clock()
        if self._motion is None:
            if t > self._zero_until:
                self._timer.cancel()
            else:
                self.zero(again=False)
            return
        self._publish(self._motion.step(t))
        if self._motion.phase in ENDS:
            done = self._motion.phase is Phase.DONE
            self._end(SkillState.SUCCEEDED if done else SkillState.FAILED,
                      '' if done else WHY[self._motion.phase])
        elif (t - self._told_t >= FEEDBACK_S and self._key is not None
              and self._motion.phase is Phase.MOVING):
            self._told_t = t
            self._tell(Told(self._key, SkillState.RUNNING, '', self._motion.progress))

    def _end(self, state: SkillState, text: str) -> None:
        motion, key, field = self._motion, self._key, self._field
        assert motion is not None and key is not None
        self._motion = self._key = None
        self._publish(0.0)
        self._zero_until = self._clock() + ZERO_S
        if self._odometry is not None:
            self._node.destroy_subscription(self._odometry)
            self._odometry = None
        result = {
            'moved': round(motion.moved, 3),
            'unit': _unit(field),
            'measured': motion.is_measured
        }
        self._tell(Told(key, state, text, motion.progress, json.dumps(result)))

    def _on_odometry(self, message: Odometry) -> None:
        if self._motion is None or self._odometer is None:
            return
        pose = message.pose.pose
        if self._odometer.is_new:
            self._offset = self._motion.moved
        amount = self._odometer.pose(pose.position.x, pose.position.y, _yaw(pose.orientation))
        self._motion.measured(self._offset + amount, self._clock())

    def _publish(self, velocity: float) -> None:
        assert self._publisher is not None
        message = self._publisher.msg_type()
        fill(message, {
            **self._fields, self._field: velocity
        } if velocity else {self._field: 0.0}, stamp(now(self._node)))
        self._publisher.publish(message)


def _unit(field: str) -> str:
    """Only a velocity of the base has one that is known."""
    if not is_of_base(field):
        return ''
    return 'rad' if is_turning(field) else 'm'


def _yaw(q: Quaternion) -> float:
    return math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y * q.y + q.z * q.z))
