"""What was heard then beside what is heard now: the only place that says which two percepts are
about the same sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

from .cues import CUES
from .percepts import Kind, Perceived
from .then_and_now import Verdict

# farther apart two percepts are about two sounds; partial results come every 0.2 to 0.3 s
APART_S = {Kind.PARTIAL: 0.15, Kind.SOUND_STARTED: 0.3}
REST_S = 1.0
SAME_S = 0.05                    # a frame and a half of sound: less is the same time
SAME_SHARE = 0.05                # of a likelihood
SAME_DB = 1.0
SAME_CUE = 0.1                   # of a cue's own range
SHARES = ('turn_end', 'echo', 'text_echo', 'salience')


@dataclass(frozen=True)
class HeardRow:
    """One percept then and now; ``by_s``: how much later is what it is about now."""

    verdict: Verdict
    then: Perceived | None
    now: Perceived | None
    by_s: float = 0.0
    fields: tuple[str, ...] = ()     # that differ

    @property
    def either(self) -> Perceived:
        one = self.then or self.now
        assert one is not None, 'a row is about something'
        return one

    @property
    def t(self) -> float:
        return min(one.t for one in (self.then, self.now) if one is not None)

    @property
    def is_detail(self) -> bool:
        """Words in progress depend on when the recogniser had time for them."""
        return self.either.kind is Kind.PARTIAL

    @property
    def is_other(self) -> bool:
        """Somebody else would have been heard, or other words: more than a moment, a score, or a
        sound that may be none.
        """
        return (self.either.kind not in (Kind.PARTIAL, Kind.SOUND_STARTED)
                and (self.verdict in (Verdict.GONE, Verdict.NEW) or 'text' in self.fields))


def compare(then: Sequence[Perceived], now: Sequence[Perceived]) -> list[HeardRow]:
    """Each percept of then beside the nearest one of now of its kind; in the order of time."""
    left = {kind: [one for one in now if one.kind is kind] for kind in Kind}
    rows = []
    for one in then:
        apart_s = APART_S.get(one.kind, REST_S)
        near = [other for other in left[one.kind] if abs(other.t - one.t) <= apart_s]
        if near:
            match = min(near, key=lambda other: abs(other.t - one.t))
            left[one.kind].remove(match)
            rows.append(_beside(one, match))
        else:
            rows.append(HeardRow(Verdict.GONE, one, None))
    rows += [HeardRow(Verdict.NEW, None, one) for kind in left.values() for one in kind]
    return sorted(rows, key=lambda row: (row.t, row.either.kind.value))


def _beside(then: Perceived, now: Perceived) -> HeardRow:
    by_s, fields = now.t - then.t, tuple(_differing(then, now))
    if 'text' in fields or fields and abs(by_s) <= SAME_S:
        return HeardRow(Verdict.CHANGED, then, now, by_s, fields)
    if abs(by_s) <= SAME_S:
        return HeardRow(Verdict.SAME, then, now, by_s)
    return HeardRow(Verdict.LATER if by_s > 0 else Verdict.EARLIER, then, now, by_s, fields)


def _differing(then: Perceived, now: Perceived) -> list[str]:
    """Names of what is told differently, beyond what a frame of sound makes of it."""
    found = ['text'] if then.text != now.text else []
    if then.kind is Kind.SOUND_STARTED:
        return found
    found += [name for name in SHARES
              if _apart(getattr(then, name), getattr(now, name), SAME_SHARE)]
    found += ['start'] * _apart(then.start, now.start, SAME_S)
    if then.kind not in (Kind.SPEECH_STARTED, Kind.SCENE):
        found += ['voiced_s'] * _apart(then.voiced_s, now.voiced_s, SAME_S)
        found += ['level_dbfs'] * _apart(then.level_dbfs, now.level_dbfs, SAME_DB)
    return found + _other_cues(dict(then.cues), dict(now.cues))


def _other_cues(then: dict[str, float], now: dict[str, float]) -> list[str]:
    return [name for name in dict.fromkeys((*then, *now))
            if _apart(then.get(name, math.nan), now.get(name, math.nan), _same_cue(name))]


def _same_cue(name: str) -> float:
    cue = CUES.get(name)
    return SAME_SHARE if cue is None else SAME_CUE * (cue.most - cue.least)


def _apart(one: float, other: float, by: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) != math.isnan(other)
    return abs(one - other) > by
