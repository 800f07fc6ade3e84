"""Labelled moments at which a robot should speak up, and the figures of what it said: nothing else
judges remarks.

A remark counts if it comes within NEAR_S of a moment, each moment once; a second one is as wrong
as one for nothing.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import Iterable, Sequence

import numpy as np

from .errors import ConfigError

NEAR_S = 2.0             # before and after, as in the task
HALVES = ('development', 'test')
_SPAN = re.compile(r'(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?')
COLUMNS = ('file', 'say', 'moments', 'half', 'ask_s', 'unsure', 'crop', 'start_s', 'end_s',
           'loop_s', 'note')
REQUIRED = COLUMNS[:3]


@dataclass(frozen=True)
class Span:
    """Something that happens from ``start`` to ``end`` [s of the video]."""

    start: float
    end: float

    def near(self, t: float, near_s: float = NEAR_S) -> bool:
        return self.start - near_s <= t <= self.end + near_s


@dataclass(frozen=True)
class Watch:
    """An instruction given at ``ask_s``, and when it is to be told; in ``unsure`` spans nobody can
    say.
    """

    say: str
    moments: tuple[Span, ...]
    ask_s: float = 0.0
    unsure: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of labels.csv: one instruction for one video, or for a part of it."""

    file: str
    watch: Watch
    half: str
    crop: tuple[int, int, int, int] | None
    start_s: float
    end_s: float                 # infinite: to its end
    loop_s: float                # to be played forwards and backwards for so long; 0 = once
    line: int
    note: str

    @property
    def clip(self) -> tuple[str, str, tuple[int, ...] | None, float, float, float]:
        """Rows that agree in this are watched for at the same time."""
        return (self.file, self.half, self.crop, self.start_s, self.end_s, self.loop_s)


def parse_labels(text: str, name: str = 'labels.csv') -> list[Row]:
    """Raises ConfigError that names the line."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(
            f"{name}:1: there is no column '{missing[0]}': the first line names the columns, "
            f'{",".join(COLUMNS[:4])} at least')
    rows = []
    for cells in reader:
        try:
            rows.append(
                _row(
                    {
                        key: (value or '').strip()
                        for key, value in cells.items() if isinstance(key, str)
                    }, reader.line_num))
        except ValueError as error:
            raise ConfigError(f'{name}:{reader.line_num}: {error}') from error
    if not rows:
        raise ConfigError(f'{name} lists no video')
    return rows


def _row(cells: dict[str, str], line: int) -> Row:
    for column in ('file', 'say'):
        if not cells[column]:
            raise ValueError(f"'{column}' is empty")
    half = cells.get('half') or 'test'
    if half not in HALVES:
        raise ValueError(f"half '{half}' is not one of {', '.join(HALVES)}")
    watch = Watch(cells['say'], spans(cells['moments']), _number(cells, 'ask_s', 0.0),
                  spans(cells.get('unsure', '')))
    return Row(cells['file'], watch, half, _crop(cells.get('crop', '')),
               _number(cells, 'start_s', 0.0), _number(cells, 'end_s', math.inf),
               _number(cells, 'loop_s', 0.0), line, cells.get('note', ''))


def spans(text: str) -> tuple[Span, ...]:
    """'1.5 4-6.2' -> a moment and a span. Raises ValueError."""
    found = []
    for word in text.split():
        match = _SPAN.fullmatch(word)
        if match is None:
            raise ValueError(f"'{word}' is no time in seconds like 4.5, and no span like 4.5-6")
        start, end = float(match.group(1)), float(match.group(2) or match.group(1))
        if end < start:
            raise ValueError(f"'{word}' ends before it begins")
        found.append(Span(start, end))
    return tuple(sorted(found, key=lambda span: span.start))


def _number(cells: dict[str, str], name: str, default: float) -> float:
    if not cells.get(name):
        return default
    value = float(cells[name]) if re.fullmatch(r'\d+(\.\d+)?', cells[name]) else -1.0
    if value < 0:
        raise ValueError(f"{name} '{cells[name]}' is no number of seconds")
    return value


def _crop(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    numbers = text.split()
    if len(numbers) != 4 or not all(number.isdigit() for number in numbers):
        raise ValueError(f"crop '{text}' is not four numbers of pixels: left top right bottom")
    left, top, right, bottom = map(int, numbers)
    if left >= right or top >= bottom:
        raise ValueError(f"crop '{text}' is empty: left top right bottom")
    return left, top, right, bottom


@dataclass(frozen=True)
class Verdict:
    """What became of one instruction in one clip."""

    # [s] from each moment that was told to its remark, negative = before it
    hits: tuple[float, ...]
    missed: tuple[Span, ...]
    false: tuple[float, ...]     # times of remarks that belong to no moment

    @property
    def moments(self) -> int:
        return len(self.hits) + len(self.missed)


def judge(watch: Watch, remarks: Sequence[float]) -> Verdict:
    """Earliest moments first, each takes the first remark that is near it and free."""
    free = sorted(remarks)
    hits: list[float] = []
    missed: list[Span] = []
    for moment in watch.moments:
        told = next((t for t in free if moment.near(t)), None)
        if told is None:
            missed.append(moment)
        else:
            free.remove(told)
            hits.append(told - moment.start if told < moment.start else max(0.0, told - moment.end)
                        if moment.end > moment.start else told - moment.start)
    return Verdict(tuple(hits), tuple(missed),
                   tuple(t for t in free if not any(span.near(t, 0.0) for span in watch.unsure)))


def figures(verdicts: Iterable[Verdict],
            uneventful: Iterable[tuple[float, int]]) -> dict[str, float | None]:
    """Of one half; ``uneventful`` are seconds and number of remarks of clips in which nothing
    happens.
    """
    every, quiet = list(verdicts), list(uneventful)
    hits = sum(len(one.hits) for one in every)
    missed = sum(len(one.missed) for one in every)
    false = sum(len(one.false) for one in every)
    precision = hits / (hits + false) if hits + false else None
    recall = hits / (hits + missed) if hits + missed else None
    delays = [delay for one in every for delay in one.hits]
    seconds = sum(length for length, _ in quiet)
    return {
        'precision': precision,
        'recall': recall,
        'f1': 2 * hits / (2 * hits + false + missed) if hits + false + missed else None,
        'delay_p50_s': float(np.percentile(delays, 50)) if delays else None,
        'delay_p95_s': float(np.percentile(delays, 95)) if delays else None,
        'false_per_hour': 3600.0 * sum(count for _, count in quiet) / seconds if seconds else None,
        'uneventful_minutes': seconds / 60.0,
        'moments': float(hits + missed),
        'remarks': float(hits + false),
    }
