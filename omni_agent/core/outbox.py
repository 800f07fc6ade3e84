"""What waits for one browser: bounded, so that a slow one costs the robot nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Iterable

LIMIT = 400                # some 8 s of a lively conversation


@dataclass(frozen=True)
class Parcel:
    """What is to be sent now, in this order."""

    texts: tuple[str, ...]
    picture: bytes | None


class Outbox:
    """Texts in order, and the newest picture. Not locked: whoever shares it among threads does
    that.

    A browser that cannot follow is told the present, not the past: when ``limit`` texts wait, all
    of them go, and what holds now comes in their place.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._texts: deque[str] = deque()
        self._picture: bytes | None = None
        self._limit = limit
        self.dropped = 0               # texts
        self.skipped = 0               # pictures: the newest wins

    def __len__(self) -> int:
        return len(self._texts)

    def put(self, text: str, present: Iterable[str] = ()) -> None:
        """``present``: what holds now, asked for only when the box is full."""
        if len(self._texts) >= self._limit:
            self.dropped += len(self._texts)
            self._texts.clear()
            self._texts.extend(present)
        self._texts.append(text)

    def put_picture(self, picture: bytes) -> None:
        self.skipped += self._picture is not None
        self._picture = picture

    def take(self) -> Parcel:
        parcel = Parcel(tuple(self._texts), self._picture)
        self._texts.clear()
        self._picture = None
        return parcel
