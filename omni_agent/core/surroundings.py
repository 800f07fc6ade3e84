"""What stands around a thing that comes or goes: the only place that tells who may be somebody
else that was lost, who is only covered, and who is far from any border.

In a square people hide each other: who comes out from behind somebody has not come in, and who is
not seen behind somebody has not left. One track tells nothing of that.
"""

from __future__ import annotations

import math

from .boxes import Box, centre, height
from .meetings import covered
from .speak_score import Around
from .track import Left, Track, family
from .watch_events import Looked

MISSING_S = 3.0          # who has not been seen for longer does not come out again
WALKS = 1.2              # [own heights a second] of people
ALIKE = 0.6, 1.7         # ratio of the heights of one who is seen again


class Surroundings:
    """``note`` each look, then ask what is ``of`` a track in it."""

    def __init__(self) -> None:
        self._recent: dict[int, Track] = {}      # who is there, or was a moment ago
        self._began: dict[int, Box] = {}         # where each was believed first
        self._covered: dict[int, float] = {}     # the most of each since it was seen last

    def note(self, look: Looked) -> None:
        tracks = (*look.tracks, *(event.track for event in look.events
                                  if isinstance(event, Left)))
        self._recent.update((one.id, one) for one in tracks)
        self._recent = {key: one for key, one in self._recent.items()
                        if look.t - one.last_s <= 2 * MISSING_S}
        self._began = {one.id: self._began.get(one.id, one.box) for one in tracks}
        now = {one.id: _covered(one, look) for one in tracks}
        self._covered = {one.id: now[one.id] if one.seen else
                         max(now[one.id], self._covered.get(one.id, 0.0)) for one in tracks}

    def of(self, track: Track, look: Looked) -> Around:
        if not any(look.size) or height(track.box) <= 0.0:
            return Around()
        return Around(self._covered.get(track.id, 0.0), _border(track.box, look.size),
                      self._may_be_another(track))

    def _may_be_another(self, track: Track) -> bool:
        """One of its kind was not seen when it came, and may have walked there."""
        began = self._began.get(track.id, track.box)
        return any(0.0 < track.first_s - one.last_s <= MISSING_S and _is_other(one, track)
                   and _within_reach(one.box, began, track.first_s - one.last_s)
                   for one in self._recent.values())


def _covered(track: Track, look: Looked) -> float:
    """The share of it behind, or before, another one of its kind that is seen."""
    return max((covered(track.box, one.box) for one in look.tracks
                if one.seen and _is_other(one, track)), default=0.0)


def _is_other(one: Track, track: Track) -> bool:
    return one.id != track.id and family(one.label) == family(track.label)


def _within_reach(box: Box, other: Box, seconds: float) -> bool:
    far = math.dist(centre(box), centre(other))
    ratio = height(box) / max(1e-6, height(other))
    return far < height(box) * (1.0 + WALKS * seconds) and ALIKE[0] < ratio < ALIKE[1]


def _border(box: Box, size: tuple[int, int]) -> float:
    """How far it is from the nearest border of the picture [its own heights]."""
    near = min(box[0], box[1], size[0] - box[2], size[1] - box[3])
    return max(0.0, near) / height(box)
