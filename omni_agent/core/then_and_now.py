"""What was done then beside what is done now: the only place that says which two effects are the
same thing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from enum import Enum
from typing import Callable, Sequence

from .events import Effect, Event, Judge, Weigh

QUESTIONS = (Judge, Weigh)       # to the models: no decision
APART_S = 3.0                    # farther apart two effects are two things
INSTEAD_S = 0.5                  # closer than that, one may stand for another
EXACT_S = 0.001                  # less than that is the same time
COUNTED = ('epoch', 'halted')    # fields that number replies: other numbers are no other decision
# fields that depend on when and on what went before
BOUND = (*COUNTED, 'evidence', 'not_before')


@dataclass(frozen=True)
class Done:
    """An effect, when, and the event that led to it."""

    t: float
    effect: Effect
    event: Event


class Verdict(Enum):
    SAME = 'same'
    EARLIER = 'earlier'
    LATER = 'later'
    CHANGED = 'changed'
    GONE = 'not any more'
    NEW = 'new'


@dataclass(frozen=True)
class Row:
    """One effect then and now; ``by_s``: how much later it comes now."""

    verdict: Verdict
    then: Done | None
    now: Done | None
    by_s: float = 0.0
    fields: tuple[str, ...] = ()     # that differ

    @property
    def t(self) -> float:
        return min(done.t for done in (self.then, self.now) if done is not None)

    @property
    def is_decision(self) -> bool:
        done = self.then or self.now
        return done is not None and not isinstance(done.effect, QUESTIONS)


def compare(then: Sequence[Done], now: Sequence[Done], exact_s: float = EXACT_S) -> list[Row]:
    """Each effect of then beside the nearest one of now that says the same; in the order of
    time.
    """
    rows, then_alone, now_alone = _matched(then, now, _says, APART_S, exact_s)
    more, gone, new = _matched(then_alone, now_alone, lambda effect: (type(effect), ), INSTEAD_S,
                               exact_s)
    rows += [
        *more, *(Row(Verdict.GONE, done, None) for done in gone),
        *(Row(Verdict.NEW, None, done) for done in new)
    ]
    return sorted(rows, key=lambda row: row.t)


def _matched(then: Sequence[Done], now: Sequence[Done], key: Callable[[Effect], tuple],
             apart_s: float, exact_s: float) -> tuple[list[Row], list[Done], list[Done]]:
    """Rows of what belongs together, and what is left of either."""
    alike: dict[tuple, list[Done]] = defaultdict(list)
    for done in now:
        alike[key(done.effect)].append(done)
    rows: list[Row] = []
    alone: list[Done] = []
    for done in then:
        near = [other for other in alike[key(done.effect)] if abs(other.t - done.t) <= apart_s]
        if near:
            match = min(near, key=lambda other: abs(other.t - done.t))
            alike[key(done.effect)].remove(match)
            rows.append(_beside(done, match, exact_s))
        else:
            alone.append(done)
    return rows, alone, [done for left in alike.values() for done in left]


def _says(effect: Effect) -> tuple:
    return (type(effect), *(getattr(effect, item.name)
                            for item in fields(effect) if item.name not in BOUND))


def _beside(then: Done, now: Done, exact_s: float) -> Row:
    by_s = now.t - then.t
    changed = tuple(
        item.name for item in fields(then.effect) if item.name not in COUNTED
        and _differ(getattr(then.effect, item.name), getattr(now.effect, item.name), exact_s))
    if changed and (_says(then.effect) != _says(now.effect) or abs(by_s) <= exact_s):
        return Row(Verdict.CHANGED, then, now, by_s, changed)
    if abs(by_s) <= exact_s:
        return Row(Verdict.SAME, then, now, by_s)
    return Row(Verdict.LATER if by_s > 0 else Verdict.EARLIER, then, now, by_s, changed)


def _differ(one: object, other: object, exact_s: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) > exact_s
    return one != other
