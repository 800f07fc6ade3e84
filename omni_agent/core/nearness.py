"""How loud those who speak to the robot are at its microphone, and how much quieter somebody else
is.
"""

from __future__ import annotations

from dataclasses import dataclass

FORGET_S = 300.0         # after which who spoke may have gone
SHARE = 0.3              # of a new level in the mean
SILENCE_DBFS = -90.0     # no level at all


@dataclass
class Nearness:
    """Differences of levels only: every microphone has a gain of its own."""

    _usual_dbfs: float | None = None
    _t: float = 0.0          # when it was last heard

    def spoke(self, level_dbfs: float | None, t: float) -> None:
        """Somebody who certainly spoke to the robot."""
        if level_dbfs is None or level_dbfs <= SILENCE_DBFS:
            return
        known = self._usual_dbfs if t - self._t <= FORGET_S else None
        self._usual_dbfs = level_dbfs if known is None else known + SHARE * (level_dbfs - known)
        self._t = t

    def louder_db(self, level_dbfs: float | None, t: float) -> float | None:
        """Than they are; None where there is nothing to compare."""
        if (self._usual_dbfs is None or level_dbfs is None or level_dbfs <= SILENCE_DBFS
                or t - self._t > FORGET_S):
            return None
        return level_dbfs - self._usual_dbfs
