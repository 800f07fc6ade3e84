"""Where one stretch of experience ends and the next begins: by content, people, speaker and place,
not by the clock.

A slow mean says what the episode is about, a fast one what is going on. An episode ends when the
two have differed for a while (after HippoMM's adaptive segmentation), or at once where the place
changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Mapping

import numpy as np

from .params import param


@dataclass(frozen=True)
class EpisodesParams:
    """How different is different, and for how long."""

    LIVE = True          # each is read where it is used

    high: float = param(0.55, 'difference at which an episode may end', 0.05, 1.0)
    low: float = param(0.35, 'difference below which it was nothing after all', 0.0, 1.0)
    hold_s: float = param(1.5, 'how long the difference must last [s]', 0.0, 60.0)
    shortest_s: float = param(4.0, 'an episode lasts at least [s]', 0.0, 600.0)
    longest_s: float = param(300.0, 'an episode lasts at most [s]', 1.0, 86400.0)
    fast_s: float = param(1.0, 'what is going on: mean over [s]', 0.05, 60.0)
    slow_s: float = param(20.0, 'what the episode is about: mean over [s]', 0.5, 3600.0)
    most_people: int = param(16, 'people that are named in one episode', 1, 1000)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is there at ``t``: number of things by label, who, who speaks, where, and what it looks
    like.
    """

    t: float
    labels: Mapping[str, int]
    people: frozenset[str] = frozenset()
    speaker: str = ''
    place: str = ''
    embedding: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of time that hangs together; ``seen`` is the mean number of things by label."""

    start: float
    end: float
    who: tuple[str, ...]
    seen: tuple[tuple[str, float], ...]
    place: str
    salience: float             # how much it differed from what was before [0..1]
    keyframe_s: float           # when it looked most like itself
    why: str                    # what ended it


@dataclass
class _Open:
    """The episode that is going on."""

    start: float
    salience: float
    place: str
    slow: dict[str, float]
    fast: dict[str, float]
    speaker: str
    people: frozenset[str]
    embedding: np.ndarray | None
    now: np.ndarray | None
    last: Glimpse
    seen_s: float = 0.0


class Episodes:
    """``step`` each glimpse; an episode comes out when it is over."""

    def __init__(self, params: EpisodesParams = EpisodesParams()) -> None:
        self.params = params
        self._open: _Open | None = None
        self._who: dict[str, float] = {}
        self._sums: dict[str, float] = {}
        self._key = (math.inf, 0.0)              # smallest difference so far, and when
        self._since: float | None = None         # from when on it has differed
        self._because = ''
        self._peak = 0.0

    def step(self, glimpse: Glimpse) -> Episode | None:
        """A glimpse from the past is left out."""
        if self._open is None:
            self._begin(glimpse, 1.0)
            return None
        if glimpse.t <= self._open.last.t:
            return None
        self._blend(self._open, glimpse)
        difference, because = self._difference(self._open, glimpse)
        ended = self._is_over(difference, because, glimpse)
        if ended is not None:
            return self._end(glimpse, *ended)
        if self._since is None:                  # else it may belong to the next one
            self._count(glimpse)
        if difference < self._key[0]:
            self._key = (difference, glimpse.t)
        self._open.last = glimpse
        return None

    def deadline(self) -> float | None:
        """When the episode ends for its length alone."""
        return None if self._open is None else self._open.start + self.params.longest_s

    def close(self, t: float) -> Episode | None:
        """The end of everything: what is going on becomes an episode."""
        if self._open is None:
            return None
        found = self._episode(max(t, self._open.last.t), 'the end')
        self._open = None
        return found

    # -- what is going on -------------------------------------------------------------------------

    def _begin(self, glimpse: Glimpse, salience: float) -> None:
        counts = {label: float(count) for label, count in glimpse.labels.items() if count}
        unit = _unit(glimpse.embedding)
        self._open = _Open(glimpse.t, salience, glimpse.place, dict(counts), dict(counts),
                           glimpse.speaker, glimpse.people, unit, unit, glimpse)
        self._who, self._sums, self._key = {}, {}, (math.inf, glimpse.t)
        self._since, self._peak = None, 0.0
        self._name(glimpse)

    def _blend(self, one: _Open, glimpse: Glimpse) -> None:
        dt = glimpse.t - one.last.t
        counts = {label: float(count) for label, count in glimpse.labels.items()}
        for means, over_s in ((one.fast, self.params.fast_s), (one.slow, self.params.slow_s)):
            weight = 1.0 - math.exp(-dt / over_s)
            for label in {*means, *counts}:
                means[label] = (means.get(label, 0.0) + weight *
                                (counts.get(label, 0.0) - means.get(label, 0.0)))
                if means[label] < 0.01:
                    del means[label]
        unit = _unit(glimpse.embedding)
        if unit is None:
            return
        if one.now is None or one.embedding is None or one.now.shape != unit.shape:
            one.now = one.embedding = unit
            return
        fast, slow = (1.0 - math.exp(-dt / over_s)
                      for over_s in (self.params.fast_s, self.params.slow_s))
        one.now, one.embedding = one.now + fast * (unit - one.now), one.embedding + slow * (
            unit - one.embedding)

    def _difference(self, one: _Open, glimpse: Glimpse) -> tuple[float, str]:
        """The strongest of the reasons; 0 = all as it was, 1 = nothing is."""
        reasons = [
            (_histogram(one.slow, one.fast), 'other things'),
            (_drift(one.embedding, one.now), 'another picture'),
            (0.8 * _other(one.people, glimpse.people), 'other people'),
            (0.7 *
             (bool(one.speaker) and bool(glimpse.speaker) and one.speaker != glimpse.speaker),
             'another speaker')
        ]
        return max(reasons, key=lambda reason: reason[0])

    def _is_over(self, difference: float, because: str,
                 glimpse: Glimpse) -> tuple[float, str, float] | None:
        """(end, reason, salience of what follows), None while it goes on."""
        one = self._open
        assert one is not None
        if one.place and glimpse.place and one.place != glimpse.place:
            return glimpse.t, 'another place', 1.0
        one.place = one.place or glimpse.place
        if difference >= self.params.high and self._since is None:
            self._since, self._because = glimpse.t, because
        elif difference < self.params.low:
            self._since, self._peak = None, 0.0
            one.people, one.speaker = glimpse.people or one.people, glimpse.speaker or one.speaker
        self._peak = max(self._peak, difference) if self._since is not None else 0.0
        if self._since is not None and glimpse.t - self._since >= self.params.hold_s \
                and self._since - one.start >= self.params.shortest_s:
            return self._since, self._because, min(1.0, self._peak)
        if glimpse.t - one.start >= self.params.longest_s:
            return glimpse.t, 'it was long enough', 0.1
        return None

    def _count(self, glimpse: Glimpse) -> None:
        one = self._open
        assert one is not None
        dt = glimpse.t - one.last.t
        for label, count in glimpse.labels.items():
            self._sums[label] = self._sums.get(label, 0.0) + count * dt
        one.seen_s += dt
        self._name(glimpse)

    def _name(self, glimpse: Glimpse) -> None:
        for name in sorted({*glimpse.people, *([glimpse.speaker] if glimpse.speaker else [])}):
            if name in self._who or len(self._who) < self.params.most_people:
                self._who.setdefault(name, glimpse.t)

    def _end(self, glimpse: Glimpse, end: float, why: str, salience: float) -> Episode:
        found = self._episode(end, why)
        self._begin(replace(glimpse, t=end), salience)
        assert self._open is not None
        self._open.last = glimpse
        return found

    def _episode(self, end: float, why: str) -> Episode:
        one = self._open
        assert one is not None
        counts = self._sums if one.seen_s > 0 else one.slow
        over = one.seen_s if one.seen_s > 0 else 1.0
        seen = sorted(((label, total / over) for label, total in counts.items()), key=lambda item:
                      (-item[1], item[0]))
        return Episode(one.start, end, tuple(self._who),
                       tuple((label, round(mean, 3)) for label, mean in seen if mean >= 0.05),
                       one.place, one.salience, min(self._key[1], end), why)


def _unit(vector: np.ndarray | None) -> np.ndarray | None:
    return None if vector is None else vector / max(1e-9, float(np.linalg.norm(vector)))


def _histogram(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Share of things that are in one only, in [0, 1]; a fraction of a thing counts as one that
    flickers.
    """
    everything = sum(one.values()) + sum(other.values())
    if everything < 0.5:
        return 0.0
    both = sum(min(one.get(label, 0.0), other.get(label, 0.0)) for label in one)
    return 1.0 - 2.0 * both / everything


def _drift(one: np.ndarray | None, other: np.ndarray | None) -> float:
    """Unrelated pictures have a cosine of about 0.5, two of one scene of 0.9 and more: 0.4 apart
    is everything.
    """
    if one is None or other is None:
        return 0.0
    cosine = float(one @ other) / max(1e-9, float(np.linalg.norm(one) * np.linalg.norm(other)))
    return min(1.0, max(0.0, (1.0 - cosine) / 0.4))


def _other(one: frozenset[str], other: frozenset[str]) -> float:
    everybody = one | other
    return len(one ^ other) / len(everybody) if everybody else 0.0
