"""What was seen then beside what is seen now: the only place that says which two events of tracks
are about the same thing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Sequence

from .then_and_now import Verdict
from .track import Appeared, Approached, Left, Moved, Track, TrackEvent

APART_S = 2.0            # farther apart two events are about two things
SAME_S = 0.25            # a look and a bit at the usual pace: less is the same time
LONGEST_S = 2.5          # [s] two looks farther apart say nothing about what was between them
WORDS = {Appeared: 'appears', Left: 'leaves', Moved: 'moves', Approached: 'comes nearer'}


@dataclass(frozen=True)
class Saw:
    """A look at a picture taken at ``t``, then or now, and how long it took."""

    t: float
    skipped: bool
    tracks: tuple[Track, ...]
    events: tuple[TrackEvent, ...]
    faces: int
    seconds: float


@dataclass(frozen=True)
class Event:
    """``what`` became of a thing, by its label."""

    t: float
    what: str
    label: str


@dataclass(frozen=True)
class SeenRow:
    """One event then and now; ``by_s``: how much later it is seen now."""

    verdict: Verdict
    then: Event | None
    now: Event | None
    by_s: float = 0.0

    @property
    def t(self) -> float:
        return min(one.t for one in (self.then, self.now) if one is not None)

    @property
    def is_other(self) -> bool:
        """Something was seen that is not, or the other way round."""
        return self.verdict in (Verdict.GONE, Verdict.NEW)


@dataclass(frozen=True)
class Counts:
    """``in_view_s``: how long something of each label was there."""

    looks: int
    skipped: int
    with_faces: int
    in_view_s: dict[str, float]


def events(saws: Sequence[Saw]) -> list[Event]:
    return [Event(one.t, WORDS[type(event)], event.track.label)
            for one in saws for event in one.events]


def compare(then: Sequence[Saw], now: Sequence[Saw]) -> list[SeenRow]:
    """Each event of then beside the nearest one of now of the same kind and label; in the order of
    time.
    """
    left, rows = events(now), []
    for one in events(then):
        near = [other for other in left if (other.what, other.label) == (one.what, one.label)
                and abs(other.t - one.t) <= APART_S]
        if not near:
            rows.append(SeenRow(Verdict.GONE, one, None))
            continue
        match = min(near, key=lambda other: abs(other.t - one.t))
        left.remove(match)
        by_s = match.t - one.t
        verdict = (Verdict.SAME if abs(by_s) <= SAME_S else
                   Verdict.LATER if by_s > 0 else Verdict.EARLIER)
        rows.append(SeenRow(verdict, one, match, by_s))
    rows += [SeenRow(Verdict.NEW, None, one) for one in left]
    return sorted(rows, key=lambda row: row.t)


def counts(saws: Sequence[Saw]) -> Counts:
    in_view_s: Counter[str] = Counter()
    for one, after in zip(saws, saws[1:]):
        if after.t - one.t <= LONGEST_S:
            for label in {track.label for track in one.tracks}:
                in_view_s[label] += after.t - one.t
    return Counts(len(saws), sum(one.skipped for one in saws), sum(one.faces > 0 for one in saws),
                  dict(sorted(in_view_s.items())))
