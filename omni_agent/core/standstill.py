"""When a robot that drives began to move and when it stood, from its odometry."""

from __future__ import annotations

from typing import Sequence

from .recording import Odometry

STILL = 0.005            # [m/s] a robot that stands
DRIVES = 0.05            # [m/s] one that drives
# it stands for so long at least: after a voice of which nothing came it drives on
STAYS_S = 1.5
BEFORE_S = 0.3           # how far back 'now' reaches


def drives(odometry: Sequence[Odometry], t: float) -> bool:
    """At ``t``."""
    near = [abs(one.speed) for one in odometry if t - BEFORE_S <= one.t <= t]
    return bool(near) and min(near) > DRIVES


def moves_after_s(odometry: Sequence[Odometry], t: float) -> float | None:
    """Seconds from ``t`` until it drives; None: it never does."""
    return next((one.t - t for one in odometry if one.t > t and abs(one.speed) > DRIVES), None)


def still_after_s(odometry: Sequence[Odometry], t: float) -> float | None:
    """Seconds from ``t`` until it stands and stays; None: it never does."""
    after = [one for one in odometry if one.t > t]
    for index, one in enumerate(after):
        rest = [later for later in after[index:] if later.t <= one.t + STAYS_S]
        if abs(one.speed) < STILL and all(abs(later.speed) < STILL for later in rest) \
                and rest[-1].t >= one.t + STAYS_S - BEFORE_S:
            return one.t - t
    return None
