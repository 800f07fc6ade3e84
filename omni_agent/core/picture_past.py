"""Since when a place in the picture has looked as it does now: what tells a thing that came or
went from one that a detector overlooked for a while.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from .frame_skip import FLOOR, difference

Box = tuple[float, float, float, float]

EVERY_S = 0.25           # between the thumbnails that are kept
SPAN_S = 8.0             # and for how long: what has not changed for so long was there already
FACTOR = 8.0             # a cell has changed if it differs by this many times the noise
NOISE_WEIGHT = 0.05      # of the newest picture in the mean of the noise


class PicturePast:
    """``add`` every thumbnail (core/frame_skip.py); without any, every place has just changed."""

    def __init__(self, changed: float) -> None:
        self.changed = changed                   # share of a place's cells
        self._past: deque[tuple[float, np.ndarray]] = deque()
        self._now: np.ndarray | None = None
        self._noise = FLOOR

    def add(self, t: float, picture: np.ndarray | None) -> None:
        """The thumbnail of what was seen at ``t``; times do not go back."""
        if picture is None or self._now is not None and picture.shape != self._now.shape:
            self._past.clear()
        elif self._now is not None:
            noise = float(np.median(np.abs(difference(picture, self._now))))
            self._noise += NOISE_WEIGHT * (max(FLOOR / 4, noise) - self._noise)
        self._now = picture
        if picture is not None and (not self._past or t - self._past[-1][0] >= EVERY_S):
            self._past.append((t, picture))
        while self._past and t - self._past[0][0] > SPAN_S:
            self._past.popleft()

    def since(self, box: Box, size: tuple[float, float], t: float) -> float:
        """From when on, going back from ``t``, the box (in a picture of ``size``) looked so."""
        found = t
        for then, picture in reversed(self._past):
            if then < t:
                if self._differs(picture, box, size):
                    break
                found = then
        return found

    def same(self, box: Box, size: tuple[float, float], t: float) -> bool:
        """It looks as it did at ``t``, or as soon after as is remembered."""
        then = next((picture for at, picture in self._past if at >= t - EVERY_S), None)
        return then is not None and not self._differs(then, box, size)

    def _differs(self, then: np.ndarray, box: Box, size: tuple[float, float]) -> bool:
        if self._now is None:
            return True
        down, across = self._now.shape
        x0, x1 = _cells(box[0], box[2], across / size[0], across)
        y0, y1 = _cells(box[1], box[3], down / size[1], down)
        change = np.abs(difference(self._now, then)[y0:y1, x0:x1])
        limit = max(FACTOR * self._noise, 3 * FLOOR)
        return bool(np.count_nonzero(change > limit) > self.changed * change.size)


def _cells(low: float, high: float, scale: float, count: int) -> tuple[int, int]:
    """Those that lie within, one at least."""
    first = min(count - 1, max(0, round(low * scale)))
    return first, max(first + 1, min(count, round(high * scale)))
