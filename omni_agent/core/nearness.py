"""How loud those who speak to the robot are at its microphone, and how much quieter somebody else
is.
"""

from __future__ import annotations

from dataclasses import dataclass

FORGET_S = 300.0         # after which who spoke may have gone
SHARE = 0.3              # of a new level in the mean
SILENCE_DBFS = -90.0     # no level at all
# by which what was said so far is louder than the whole will be: people begin with a stress and
# end with a fall. Of the development half, near and far, in quiet and in noise: 2.1 dB at 0.4 s,
# 1.0 dB at 0.9 s, none from 1.3 s on
BEGINS_DB, BEGINS_S, WHOLE_S = 2.1, 0.5, 1.3


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

    def louder_db(self, level_dbfs: float | None, t: float,
                  so_far_s: float = WHOLE_S) -> float | None:
        """Than they are; None where there is nothing to compare. ``so_far_s``: voice of which
        that is the level, where more is to come.
        """
        if (self._usual_dbfs is None or level_dbfs is None or level_dbfs <= SILENCE_DBFS
                or t - self._t > FORGET_S):
            return None
        left = min(1.0, max(0.0, (WHOLE_S - so_far_s) / (WHOLE_S - BEGINS_S)))
        return level_dbfs - BEGINS_DB * left - self._usual_dbfs
