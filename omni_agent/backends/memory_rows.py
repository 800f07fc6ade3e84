"""Rows of the memory's file: what one costs, and how it becomes one of core's types."""

from __future__ import annotations

from typing import Sequence

from omni_agent.core.consolidation import Kept
from omni_agent.core.past import Kind, Moment

PAGE = 4096
# [bytes] What a row costs beside its texts, indices and half-empty pages included; set so that the
# file stays below the sum (measured over eight hours of churn: 0.25 to 0.94 of it; its log comes
# on top, 4 MB at most)
MOMENT, EPISODE, NAME = 200, 320, 60
FIXED = 96 << 10         # an empty file, and pages that are half empty
SEPARATOR = '\n'         # between names in a column
KEPT = 'SELECT id, start, end, place, people, salience, moments, bytes, level, summary FROM episode'


def cost_of(text: str, joined: str, names: Sequence[str]) -> int:
    return (MOMENT + len(text.encode()) + 3 * len(joined.encode()) +
            sum(NAME + 2 * len(name.encode()) for name in names))


def cost_of_picture(size: int) -> int:
    return -(-size // PAGE) * PAGE + 128 if size > PAGE // 2 else (3 * size) // 2 + 64


def cost_of_vector(size: int) -> int:
    return (5 * size) // 4


def names_in(column: str) -> tuple[str, ...]:
    return tuple(filter(None, column.split(SEPARATOR)))


def kept_of(row: Sequence[object]) -> Kept:
    key, start, end, place, people, salience, moments, size, level, summary = row
    return Kept(key, start, end, place, frozenset(names_in(people)), salience, moments, size,
                level, summary)


def moment_of(row: Sequence[object]) -> Moment:
    t, kind, who, text = row
    return Moment(t, Kind(kind), text, names_in(who))
