"""How a base follows a way: it turns to the next corner, drives there, and turns as it was asked
at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

from .diff_drive import Pose
from .floor_plan import Point

ARRIVED_M = 0.05
CORNER_M = 0.12          # a corner is passed, not met
ALIGNED = 0.06           # [rad] good enough at the end
ASTRAY = 0.6             # [rad] farther off than this it turns on the spot
GAIN = 2.5               # [1/s] angle off the way to turning
BRAKE = 0.5              # [m/s^2]


@dataclass(frozen=True)
class Step:
    """What to command now, and whether it is there."""

    speed: float
    turn: float
    arrived: bool = False


class Route:
    """``corners`` in order, the last is the goal; ``yaw`` [rad] as it shall stand there, None = as
    it comes.
    """

    def __init__(self, corners: Sequence[Point], yaw: float | None, speed: float,
                 turn: float) -> None:
        self.corners, self._yaw = list(corners), yaw
        self._speed, self._turn = speed, turn

    def left_m(self, pose: Pose) -> float:
        """Way that is left."""
        points = [(pose.x, pose.y), *self.corners]
        return math.fsum(math.dist(one, other) for one, other in zip(points, points[1:]))

    def step(self, pose: Pose) -> Step:
        while self.corners and math.dist((pose.x, pose.y), self.corners[0]) < self._near():
            self.corners.pop(0)
        if not self.corners:
            return self._align(pose)
        to = self.corners[0]
        off = math.remainder(math.atan2(to[1] - pose.y, to[0] - pose.x) - pose.yaw, 2 * math.pi)
        turn = max(-self._turn, min(self._turn, GAIN * off))
        if abs(off) > ASTRAY:
            return Step(0.0, turn)
        brake = (math.sqrt(2 * BRAKE * math.dist(
            (pose.x, pose.y), to)) if len(self.corners) == 1 else math.inf)
        return Step(min(self._speed, brake) * math.cos(off), turn)

    def _near(self) -> float:
        return ARRIVED_M if len(self.corners) == 1 else CORNER_M

    def _align(self, pose: Pose) -> Step:
        off = 0.0 if self._yaw is None else math.remainder(self._yaw - pose.yaw, 2 * math.pi)
        if abs(off) < ALIGNED:
            return Step(0.0, 0.0, arrived=True)
        return Step(0.0, max(-self._turn, min(self._turn, GAIN * off)))
