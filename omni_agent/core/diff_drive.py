"""A robot with two driven wheels that is nowhere but here: where it goes, and what stops it.

It does what real bases do: it changes its speed no faster than it can, it stops by itself when
commands cease to come, and it stands still where it touches a wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .floor_plan import FloorPlan
from .params import param

STEP_S = 0.01        # [s] the longest step of the integration: 1 cm at the fastest


@dataclass(frozen=True)
class BaseParams:
    """What the base can do."""

    radius_m: float = param(0.18, 'radius of the base [m]', 0.05, 1.0)
    max_speed: float = param(0.6, 'the base drives no faster [m/s]', 0.05, 3.0)
    max_turn: float = param(2.0, 'the base turns no faster [rad/s]', 0.1, 10.0)
    acceleration: float = param(2.5, 'change of speed that the motors manage [m/s^2]', 0.1, 20.0)
    turn_acceleration: float = param(8.0, 'change of turning that the motors manage [rad/s^2]',
                                     0.1, 50.0)
    command_timeout_s: float = param(0.25, 'stops this long after the last velocity command [s]',
                                     0.05, 2.0)


@dataclass(frozen=True)
class Pose:
    """x and y [m], yaw [rad, counter-clockwise from x]."""

    x: float
    y: float
    yaw: float


class DiffDrive:
    """``command`` a velocity, ``step`` to a time, and read ``pose``, ``speed``, ``turn`` and
    ``touching``.
    """

    def __init__(self, params: BaseParams, plan: FloorPlan, pose: Pose, t: float = 0.0) -> None:
        self.params, self.plan, self.pose = params, plan, pose
        self.speed = self.turn = 0.0             # [m/s], [rad/s] as they are
        self.touching = False
        self._wanted = (0.0, 0.0)
        self._commanded_t = -math.inf
        self._t = t

    def command(self, speed: float, turn: float, t: float) -> None:
        """What is not a number counts as zero."""
        limits = self.params
        self._wanted = (_within(speed, limits.max_speed), _within(turn, limits.max_turn))
        self._commanded_t = t

    def step(self, t: float) -> None:
        while self._t < t - 1e-9:
            dt = min(STEP_S, t - self._t)
            self._t += dt
            self._step(dt)

    def _step(self, dt: float) -> None:
        live = self._t - self._commanded_t <= self.params.command_timeout_s
        speed, turn = self._wanted if live else (0.0, 0.0)
        self.speed = _toward(self.speed, speed, self.params.acceleration * dt)
        self.turn = _toward(self.turn, turn, self.params.turn_acceleration * dt)
        yaw = self.pose.yaw + self.turn * dt
        middle = self.pose.yaw + self.turn * dt / 2
        x = self.pose.x + self.speed * math.cos(middle) * dt
        y = self.pose.y + self.speed * math.sin(middle) * dt
        if self.speed:
            self.touching = self._is_blocked(x, y)
        if self.touching:
            x, y, self.speed = self.pose.x, self.pose.y, 0.0
        self.pose = Pose(x, y, math.remainder(yaw, 2 * math.pi))

    def _is_blocked(self, x: float, y: float) -> bool:
        """Away from a wall is always free."""
        there = self.plan.clearance(x, y)
        return (there < self.params.radius_m
                and there <= self.plan.clearance(self.pose.x, self.pose.y))


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value)) if math.isfinite(value) else 0.0


def _toward(value: float, wanted: float, most: float) -> float:
    return value + max(-most, min(most, wanted - value))
