"""What the robot wants to say unasked, and when it may: never over a person, rather not over
itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MOST = 4             # waiting; the oldest is dropped, it is no news any more


@dataclass
class Remarks:
    """Times are those of the machine that owns it."""

    wait_s: float                # for the end of the robot's own reply
    limit_s: float               # after which it is no news any more
    _waiting: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=MOST))
    _begun: tuple[float, str] | None = None      # was handed out, and nothing of it was heard yet

    def add(self, text: str, now: float) -> None:
        self._waiting.append((now, text))

    def take(self, now: float, silent: bool, speaking_since: float | None) -> str | None:
        """What to say now, if anything. ``silent``: nobody speaks; ``speaking_since``: only the
        robot does.
        """
        while self._waiting and now - self._waiting[0][0] >= self.limit_s:
            self._waiting.popleft()
        if (not self._waiting or not silent and
            (speaking_since is None or now < self._over_itself(speaking_since))):
            return None
        self._begun = self._waiting.popleft()
        return self._begun[1]

    def due(self, speaking_since: float | None) -> float | None:
        """When ``take`` has more to give than now, if nothing else happens."""
        if not self._waiting:
            return None
        limit = self._waiting[0][0] + self.limit_s
        return limit if speaking_since is None else min(limit, self._over_itself(speaking_since))

    def _over_itself(self, speaking_since: float) -> float:
        """An answer that has just begun is not cut off either."""
        return max(self._waiting[0][0], speaking_since) + self.wait_s

    def sounded(self) -> None:
        """It is being heard."""
        self._begun = None

    def take_back(self) -> None:
        """Somebody spoke up before its first sound: it waits again."""
        if self._begun is not None:
            self._waiting.appendleft(self._begun)
            self._begun = None

    def clear(self) -> None:
        self._waiting.clear()
        self._begun = None

    def shift(self, by_s: float) -> None:
        """The clock was set."""
        self._waiting = deque(((t + by_s, text) for t, text in self._waiting), maxlen=MOST)
        self._begun = None if self._begun is None else (self._begun[0] + by_s, self._begun[1])
