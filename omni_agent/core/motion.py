"""A velocity that somebody asked for, from one tick to the next: up, along, down, and zero at the
end.

It can be held, which keeps what is left for later, and it ends by itself: at its amount, at its
longest time, when the base does not move, and when nobody resumes it. Time is an argument; what
was really driven may be told by odometry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from .params import param
from .skills import Course

NEAR = 0.02              # [m] or [rad] from the amount at which a base that stands still is there
END = 0.001              # [m] or [rad] from the amount that nobody can see
MOVED = 0.01             # [m] or [rad] that are surely no noise of the odometry
STALL_SHARE = 0.1        # of what was commanded; less than that is no driving
MUTE_S = 0.5             # [s] odometry that was there and says nothing for so long is broken
# [s] a process that slept longer has not driven that long, for all it knows
LONGEST_TICK_S = 0.2


@dataclass(frozen=True)
class MotionParams:
    """Limits on top of those of each skill."""

    max_speed: float = param(0.5, 'no skill drives faster, whatever its own limits say [m/s]',
                             0.01, 3.0, live=True)
    max_turn: float = param(1.6, 'no skill turns faster [rad/s]', 0.01, 6.0, live=True)
    max_acceleration: float = param(1.0, 'no skill speeds up or slows down faster [m/s^2]', 0.05,
                                    10.0, live=True)
    max_turn_acceleration: float = param(3.0, 'the same of turning [rad/s^2]', 0.05, 30.0,
                                         live=True)
    max_duration_s: float = param(90.0, 'no skill repeats a velocity longer than this [s]', 0.5,
                                  600.0, live=True)
    hold_stop_s: float = param(
        0.25, 'a skill that is held comes to rest within this time; a stop takes none [s]', 0.05,
        2.0, live=True)
    hold_limit_s: float = param(
        20.0, 'a skill that had to wait this long for a voice to end is given up [s]', 1.0, 300.0,
        live=True)
    stall_s: float = param(1.5, 'gives up where odometry shows no movement for this long [s]', 0.3,
                           30.0, live=True)


class Phase(Enum):
    """Where a motion is. All but the first two are ends."""

    MOVING = 'moving'
    HELD = 'held'
    DONE = 'done'
    STALLED = 'stalled'          # commanded, and nothing moved
    MUTE = 'mute'                # the odometry that it went by fell silent
    OVERDUE = 'overdue'          # took longer than it may
    FORGOTTEN = 'forgotten'      # held, and nobody resumed it


ENDS = frozenset(Phase) - {Phase.MOVING, Phase.HELD}


@dataclass(frozen=True)
class Bounds:
    """What holds for one motion: MotionParams, in the unit of its field, and the skill's own
    longest time.
    """

    speed: float
    acceleration: float
    hold_stop_s: float
    longest_s: float
    hold_limit_s: float
    stall_s: float


def bounds(params: MotionParams, field: str, longest_s: float) -> Bounds:
    """``field`` ('linear.x') tells driving from turning; what is neither has the limits of its
    skill only.
    """
    speed, acceleration = math.inf, math.inf
    if is_turning(field):
        speed, acceleration = params.max_turn, params.max_turn_acceleration
    elif 'linear' in field.split('.'):
        speed, acceleration = params.max_speed, params.max_acceleration
    return Bounds(speed, acceleration, params.hold_stop_s, min(longest_s, params.max_duration_s),
                  params.hold_limit_s, params.stall_s)


def is_turning(field: str) -> bool:
    return 'angular' in field.split('.')


def is_of_base(field: str) -> bool:
    """What the odometry of two wheels can tell."""
    return field.split('.')[-2:] in (['linear', 'x'], ['angular', 'z'])


class Motion:
    """One course. ``step(now)`` is the velocity to publish now; ``phase`` says whether that was
    the last one.
    """

    def __init__(self, course: Course, limits: Bounds, now: float) -> None:
        self._limits = limits
        self._sign = math.copysign(1.0, course.speed)
        peak = min(abs(course.speed), course.acceleration * course.total_s / 2)
        # the area of the ramp
        self.amount = peak * (course.total_s - peak / course.acceleration) if peak else 0.0
        self._speed = min(abs(course.speed), limits.speed)
        self._acceleration = min(course.acceleration, limits.acceleration)
        self._longest_s = limits.longest_s
        self.phase = Phase.MOVING
        self.moved = 0.0                         # of the amount [m] or [rad]
        self._velocity = 0.0                     # without sign
        self._t, self._moving_s, self._held_since = now, 0.0, now
        self._measured: float | None = None
        self._measured_t = now
        self._stuck_t, self._stuck_at = now, 0.0

    @property
    def progress(self) -> float:
        return min(1.0, max(0.0, self.moved / self.amount)) if self.amount else 1.0

    @property
    def is_measured(self) -> bool:
        """By odometry, not only by the clock."""
        return self._measured is not None

    @property
    def velocity(self) -> float:
        return self._sign * self._velocity

    def hold(self, now: float, at_once: bool = False) -> None:
        if self.phase is Phase.MOVING:
            self.phase, self._held_since = Phase.HELD, now
        if at_once:
            self._velocity = 0.0

    def resume(self, now: float) -> None:
        if self.phase is Phase.HELD:
            self.phase = Phase.MOVING
            self._stuck_t, self._stuck_at = now, self._measured or 0.0

    def measured(self, amount: float, now: float) -> None:
        """What odometry says was driven since the start, in the direction asked for."""
        self._measured = self.moved = amount
        self._measured_t = now

    def step(self, now: float) -> float:
        dt = min(LONGEST_TICK_S, max(0.0, now - self._t))
        self._t = now
        if self.phase in ENDS:
            return 0.0
        self.moved += self._velocity * dt        # until odometry knows better
        if self.phase is Phase.HELD:
            self._slow_down(now, dt)
        else:
            self._go_on(now, dt)
        return self.velocity

    def _slow_down(self, now: float, dt: float) -> None:
        self._velocity = max(0.0, self._velocity - self._speed / self._limits.hold_stop_s * dt)
        if now - self._held_since >= self._limits.hold_limit_s:
            self._end(Phase.FORGOTTEN)

    def _go_on(self, now: float, dt: float) -> None:
        self._moving_s += dt
        left = self.amount - self.moved
        if left <= max(END, self._velocity * dt / 2):
            return self._end(Phase.DONE)
        if self._moving_s > self._longest_s:
            return self._end(Phase.OVERDUE)
        if self._measured is not None and (why := self._trouble(now, self._measured)):
            is_there = why is Phase.STALLED and left < min(NEAR, self.amount / 10)
            return self._end(Phase.DONE if is_there else why)
        brake = math.sqrt(2 * self._acceleration * left)
        # braking alone would come to rest a little before the end
        creep = self._acceleration * max(dt, 0.02)
        self._velocity = max(min(self._speed, brake, self._velocity + self._acceleration * dt),
                             min(creep, self._speed))

    def _trouble(self, now: float, measured: float) -> Phase | None:
        if now - self._measured_t > MUTE_S:
            return Phase.MUTE
        if (measured - self._stuck_at > max(MOVED,
                                            STALL_SHARE * self._velocity * (now - self._stuck_t))):
            self._stuck_t, self._stuck_at = now, measured
        return Phase.STALLED if now - self._stuck_t > self._limits.stall_s else None

    def _end(self, phase: Phase) -> None:
        self.phase, self._velocity = phase, 0.0


class Odometer:
    """Poses in, the way driven or turned since the first one out; ``turning`` [rad], else along
    the heading [m].
    """

    def __init__(self, turning: bool, sign: float) -> None:
        self._turning, self._sign = turning, sign
        self._last: tuple[float, float, float] | None = None
        self.amount = 0.0

    @property
    def is_new(self) -> bool:
        return self._last is None

    def pose(self, x: float, y: float, yaw: float) -> float:
        if self._last is not None:
            x0, y0, yaw0 = self._last
            step = (math.remainder(yaw - yaw0, 2 * math.pi) if self._turning
                    else (x - x0) * math.cos(yaw0) + (y - y0) * math.sin(yaw0))
            self.amount += self._sign * step
        self._last = (x, y, yaw)
        return self.amount
