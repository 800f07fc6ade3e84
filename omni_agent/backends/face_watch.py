"""When faces are looked at: only those of people who are believed to be there, at a pace of their
own, and not while their heads look as they did. What was measured last stands until then.

Owned by the watcher's thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from omni_agent.backends import FaceFinder
from omni_agent.backends.vision import need_opencv
from omni_agent.core.faces import Box, Face, head_places, measured, with_tracks
from omni_agent.core.track import Track

PERSON = 'person'
# [periods] a look may come early: faces are looked at with the look that comes nearest
EARLY = 0.3
CELLS = 24           # across a head's square: lips are two or three of them
# [grey levels] of one cell; camera noise is below 4 there, a moving mouth above 12
CHANGED = 8.0
HOLD_S = 2.0         # [s] the longest that a face stands unmeasured


@dataclass(frozen=True)
class FacesSeen:
    """``fresh``: they were judged in this picture, not only remembered."""

    faces: tuple[Face, ...] = ()
    fresh: bool = False


class FaceWatch:
    """``hz``: looks at faces per second. ``find`` may come and go: without it there are no
    faces.
    """

    def __init__(self, hz: float, find: FaceFinder | None = None) -> None:
        self.find, self.hz = find, hz
        self._next = float('-inf')
        self._measured_s = float('-inf')
        # by track, as they were when they were measured
        self._heads: dict[int, np.ndarray] = {}
        self._faces: tuple[Face, ...] = ()

    def look(self, image: np.ndarray, t: float, tracks: Sequence[Track],
             spare: bool = False) -> FacesSeen:
        """``spare``: somebody waits for the processor. Raises what the finder raises."""
        period = 1.0 / self.hz
        persons = [one for one in tracks if one.label == PERSON] if self.find is not None else []
        there = {one.id for one in persons}
        self._faces = tuple(face for face in self._faces if face.track in there or not face.track)
        if not persons or t - self._measured_s > HOLD_S + period:
            self._faces, self._heads = (), {}
        if not persons or spare or t < self._next - EARLY * period:
            return FacesSeen(self._faces)
        self._next = (self._next if t < self._next + period else t) + period
        seen = [one for one in persons if one.seen]
        heads = {one.id: _head(image, one.box) for one in seen}
        if seen and (t - self._measured_s > HOLD_S or self._changed(heads)):
            self._faces = with_tracks(map(measured, self.find(image, [one.box for one in seen])),
                                      seen)
            self._heads, self._measured_s = heads, t
        return FacesSeen(self._faces, True)

    def _changed(self, heads: dict[int, np.ndarray]) -> bool:
        """Compared with the picture that was measured, so that slow movements add up."""
        return (heads.keys() != self._heads.keys() or any(
            float(_difference(head, self._heads[track]).max()) > CHANGED
            for track, head in heads.items()))


def _difference(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Without what a cloud or an exposure control does to all of it."""
    difference = now - before
    return np.abs(difference - np.median(difference))


def _head(image: np.ndarray, box: Box) -> np.ndarray:
    """(CELLS, CELLS) mean grey levels of the square where the head is."""
    cv2 = need_opencv()
    (place,) = head_places(box)
    height, width = image.shape[:2]
    x0, y0 = (int(max(0, min(edge, size - 1))) for edge, size in zip(place[:2], (width, height)))
    x1, y1 = (int(min(size, max(edge, low + 1)))
              for edge, low, size in zip(place[2:], (x0, y0), (width, height)))
    small = cv2.resize(image[y0:y1, x0:x1], (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return small.mean(axis=2, dtype=np.float32)
