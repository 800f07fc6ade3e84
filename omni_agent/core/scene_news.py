"""What of the tracks is told as a scene, and when: changes, and one now and then so that a late
joiner knows.

A track is believed after three looks, which is right for what must be noticed at once and too soon
for what is said aloud: a detector sees a car in a seat for a second. Here a doubtful thing has to
last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .scene import novelty, summary
from .track import Track, TrackEvent

UNDECIDED = 4       # [looks] the first ones believe nothing yet: an empty scene would be a guess
SURE = 0.6          # mean score from which a thing is told as soon as it is believed
DOUBTFUL = 0.4      # below, one in three boxes is imagined: never told
LASTING_S = 2.0     # what lies between has to be there for as long
STEADY = 0.6        # and to be seen at this share of the looks
ABSENT_S = 2.0      # what was told and is not seen for as long is told no more


@dataclass(frozen=True, slots=True)
class News:
    """``salience``: share of the things that came, went or moved since the last. ``changed``: no
    mere repetition.
    """

    text: str
    salience: float
    changed: bool


class SceneNews:
    """``step`` it with every look, the skipped ones as well; times must not go back."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._looks = 0
        self._told: dict[int, Track] = {}
        self._t = 0.0
        self._text: str | None = None
        self._before: Sequence[Track] = ()
        self._goes_on = False

    def go_on(self, t: float) -> None:
        """As somebody who had looked before, and at ``t`` told what the next look shows."""
        self._looks, self._t, self._goes_on = UNDECIDED, t, True

    def step(self, t: float, tracks: Sequence[Track], events: Sequence[TrackEvent]) -> News | None:
        self._looks += 1
        told = self._tell(t, tracks)
        text = summary(told)
        if self._goes_on:
            self._text, self._before, self._goes_on = text, told, False
        if self._looks < UNDECIDED and not told:
            return None
        changed = text != self._text or any(event.track.id in self._told for event in events)
        if not changed and t - self._t < self.every_s:
            return None
        salience = novelty(self._before, told) if self._text is not None else 1.0
        self._t, self._text, self._before = t, text, told
        return News(text, salience, changed)

    def _tell(self, t: float, tracks: Sequence[Track]) -> list[Track]:
        for track in tracks:
            if track.id in self._told or _is_certain(track):
                self._told[track.id] = track
        for track in [track for track in self._told.values() if t - track.last_s > ABSENT_S]:
            del self._told[track.id]
        return list(self._told.values())


def _is_certain(track: Track) -> bool:
    return track.score >= SURE or (track.score >= DOUBTFUL and track.stability >= STEADY
                                   and track.last_s - track.first_s >= LASTING_S)
