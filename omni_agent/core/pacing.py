"""How far ahead of the loudspeaker speech may be sent: what is on its way cannot be called back
from here.
"""

from __future__ import annotations


class Pacer:
    """Counts what was sent and what was played of one epoch; seconds throughout."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s
        self.begin(0)

    def begin(self, epoch: int) -> None:
        self.epoch = epoch
        self.sequence = 0
        self._sent_s = 0.0
        self._news_s = 0.0                    # what the loudspeaker said last
        self._played_s = 0.0                  # at ``_as_of``, by that and by the clock
        self._as_of: float | None = None
        self._not_before = 0.0
        self._is_low = False

    def lower(self, is_low: bool) -> None:
        """While the voice is to be low nothing begins; what has begun goes on."""
        self._is_low = is_low

    def hold(self, not_before: float) -> None:
        """Send nothing of this epoch before that time."""
        self._not_before = not_before

    def played(self, played_s: float, now: float) -> None:
        """News from the loudspeaker; late news of less is ignored."""
        if played_s >= self._news_s:
            self._news_s = self._played_s = played_s
            self._as_of = now

    def sent(self, seconds: float, now: float) -> None:
        # a loudspeaker that ran dry stood still
        self._played_s, self._as_of = self._playing(now), now
        self._sent_s += seconds
        self.sequence += 1

    def may_send(self, now: float) -> bool:
        if self._is_low and self.sequence == 0:
            return False
        return now >= self._not_before and self._sent_s - self._playing(now) < self.ahead_s

    def _playing(self, now: float) -> float:
        """Between news the loudspeaker is taken to go on, but never past what it was sent."""
        elapsed = now - self._as_of if self._as_of is not None else 0.0
        return min(self._sent_s, self._played_s + max(0.0, elapsed))
