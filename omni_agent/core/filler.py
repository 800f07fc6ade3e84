"""When a short word may fill the silence of a long think, and when the robot just answers a moment
later.
"""

from __future__ import annotations

from collections import deque
from statistics import median

REPLIES = 5            # whose thinking times say how long the next one will take
# after the turn is over: at once where the think is known to be long, yet not hasty
SOON_S = 0.3


class Filler:
    """Told of each reply that is asked for and of its first sound; ``due`` says when to fill the
    silence.

    ``limit_s`` of silence need no word. Seconds throughout.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._thinks: deque[float] = deque(maxlen=REPLIES)
        self._epoch = 0
        self._asked_s = 0.0
        self.due: float | None = None

    def asked(self, epoch: int, over_s: float, now: float) -> None:
        """A reply is being thought of; the person's turn is over at ``over_s``, which may be
        soon.
        """
        self._epoch, self._asked_s = epoch, now
        self._wait(over_s, now)

    def moved(self, over_s: float, now: float) -> None:
        """The same reply, but the turn is over sooner or later than was thought."""
        if self.due is not None:
            self._wait(over_s, now)

    def _wait(self, over_s: float, now: float) -> None:
        self.due = max(over_s, now) + (SOON_S if self._is_slow() else self.limit_s)

    def _is_slow(self) -> bool:
        return bool(self._thinks) and median(self._thinks) > self.limit_s

    def sounded(self, epoch: int, now: float) -> None:
        """The first sound of the reply itself is ready."""
        if epoch == self._epoch:
            self._thinks.append(now - self._asked_s)
            self._epoch, self.due = 0, None

    def void(self) -> None:
        """Nobody waits any more: interrupted, or the word was said."""
        self.due = None
