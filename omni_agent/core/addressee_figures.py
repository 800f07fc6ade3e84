"""Outcomes of labelled utterances -> figures: how often the robot was right about for whom
something was.

A piece of speech that was refused counts as right where it was for others; a recording for the
robot counts once, as answered if any piece of it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from .addressee_set import BROADCAST, DIRECT, FOR_ROBOT, TO_OTHERS
from .addressee_trial import Outcome

NOISY_DB = (7.0, 13.0)       # counts as 10 dB
RECORDED = 'human:'          # before the name of who was recorded
QUIET_DB = 25.0
BINS = 10


@dataclass(frozen=True)
class Counts:
    """Utterances for the robot that were answered and missed, and others that were answered."""

    right: int
    missed: int
    false: int

    @property
    def precision(self) -> float | None:
        return _share(self.right, self.right + self.false)

    @property
    def recall(self) -> float | None:
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        return _share(2 * self.right, 2 * self.right + self.missed + self.false)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def counts(outcomes: Iterable[Outcome]) -> Counts:
    answered: dict[str, bool] = {}
    false = 0
    for one in outcomes:
        if one.item.for_robot:
            answered[one.item.file] = answered.get(one.item.file, False) or one.accepted
        else:
            false += one.accepted
    return Counts(sum(answered.values()), sum(not hit for hit in answered.values()), false)


def hours(outcomes: Sequence[Outcome], label: str) -> float:
    """Of sound: pieces with what little silence follows each."""
    chosen = [one.final for one in outcomes if one.item.label == label and one.final is not None]
    return sum(final.end - final.begin + 0.5 for final in chosen) / 3600


def missed_share(outcomes: Iterable[Outcome], suits: Callable[[Outcome], bool]) -> float | None:
    found = counts([one for one in outcomes if one.item.for_robot and suits(one)])
    return _share(found.missed, found.missed + found.right)


def is_noisy(one: Outcome) -> bool:
    return (one.item.kind in DIRECT and one.item.snr_db is not None
            and NOISY_DB[0] <= one.item.snr_db <= NOISY_DB[1])


def figures(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Of one run; times in ms from the end of the voice."""
    found = counts(outcomes)
    per_hour = {
        label: _share(sum(one.accepted for one in outcomes if one.item.label == label),
                      hours(outcomes, label))
        for label in (BROADCAST, TO_OTHERS)
    }
    return {
        'precision': found.precision,
        'recall': found.recall,
        'f1': found.f1,
        'false_per_hour_tv': per_hour[BROADCAST],
        'false_per_hour_people': per_hour[TO_OTHERS],
        'missed_share_10db': missed_share(outcomes, is_noisy),
        'verdict_p95_ms': _percentile(
            [1000 * one.took_s for one in outcomes if one.final is not None], 0.95),
        'verdict_p95_robot_ms': _percentile([
            1000 * one.took_s for one in outcomes if one.final is not None and one.item.for_robot
        ], 0.95),
        'verdict_p50_ms': _percentile(
            [1000 * one.took_s for one in outcomes if one.final is not None], 0.5)
    }


def conditions(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """Missed and false shares by kind, noise and distance, and of people who were recorded."""
    found: dict[str, float | None] = {}
    for kind in sorted({one.item.kind for one in outcomes if one.item.kind}):
        mine = [one for one in outcomes if one.item.kind == kind]
        if mine[0].item.for_robot:
            found[f'missed_{kind}'] = missed_share(mine, lambda one: True)
        else:
            found[f'false_{kind}'] = _share(sum(one.accepted for one in mine), len(mine))
    direct = [one for one in outcomes if one.item.kind in DIRECT and one.item.snr_db is not None]
    found['missed_quiet'] = missed_share(direct, lambda one: one.item.snr_db >= QUIET_DB)
    found['missed_20db'] = missed_share(direct,
                                        lambda one: NOISY_DB[1] < one.item.snr_db < QUIET_DB)
    people = [one for one in outcomes if one.item.voice.startswith(RECORDED)]
    found['missed_human'] = missed_share(people, lambda one: True)
    found['missed_human_10db'] = missed_share(people, is_noisy)
    others = [one for one in people if not one.item.for_robot]
    found['false_human'] = _share(sum(one.accepted for one in others), len(others))
    near = [one for one in direct if one.item.distance_m is not None]
    found['missed_below_2m'] = missed_share(near, lambda one: one.item.distance_m < 2.0)
    found['missed_beyond_2m'] = missed_share(near, lambda one: one.item.distance_m >= 2.0)
    return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True)
class Bin:
    """Utterances whose score lay in one tenth: what was said of them, and what was so."""

    expected: float
    observed: float
    count: int


def calibration(outcomes: Iterable[Outcome]) -> list[Bin]:
    scored = [(one.score.probability, one.item.for_robot) for one in outcomes
              if one.score is not None]
    bins = []
    for index in range(BINS):
        inside = [(p, real) for p, real in scored
                  if index <= p * BINS < index + 1 or index == BINS - 1 and p == 1.0]
        if inside:
            bins.append(
                Bin(
                    sum(p for p, _ in inside) / len(inside),
                    sum(real for _, real in inside) / len(inside), len(inside)))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Mean distance between what was said and what was so (expected calibration error)."""
    whole = sum(one.count for one in bins)
    return _share(sum(one.count * abs(one.expected - one.observed) for one in bins), whole)


def _percentile(values: Sequence[float], share: float) -> float | None:
    """Of few values the higher one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def labels_of(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many recordings there are of each label."""
    files = {(one.item.file, one.item.label) for one in outcomes}
    return {
        label: sum(1 for _, other in files if other == label)
        for label in (FOR_ROBOT, TO_OTHERS, BROADCAST)
    }
