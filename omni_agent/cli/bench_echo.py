"""Whether the robot takes its own voice for a person, and how soon it hears a person through it:
offline.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from omni_agent.backends import RATE, echo_play, echo_speech, load
from omni_agent.backends.echo_path import CASES, Case
from omni_agent.backends.echo_play import Overheard
from omni_agent.backends.echo_speech import HALVES, Own, Said
from omni_agent.cli.bench import Result
from omni_agent.cli.steps import Steps
from omni_agent.core.errors import BackendError

MINUTES = 10.0           # of own speech in each case
PEOPLE = 24              # who cut in, in each case
TURN_S = 7.0             # [s] of robot's speech for each of them
TARGETS = {
    'self_interruptions': ('==', 0),
    'notice_p50_s': ('<=', 0.25),
    'notice_p95_s': ('<=', 0.5)
}


@dataclass(frozen=True)
class Row:
    """One case, alone and interrupted."""

    case: Case
    alone: Overheard
    interrupted: Overheard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--minutes', type=float, default=MINUTES,
                        help=f'of the robot\'s own speech in each case (default: {MINUTES:g})')
    parser.add_argument('--people', type=int, default=PEOPLE,
                        help=f'who cut in, in each case (default: {PEOPLE})')
    parser.add_argument('--cases', type=int, default=len(CASES),
                        help='how many of the cases (default: all)')
    parser.add_argument(
        '--half', choices=HALVES, default=HALVES[0],
        help='of the sentences and recordings; what was tuned was tuned on the development half')


def measure(arguments: argparse.Namespace) -> Result:
    people, notes = _people(arguments.half)
    own = echo_speech.own(load.tts('hibari'), arguments.half,
                          max(arguments.minutes * 60, arguments.people * TURN_S + 20))
    recognise = load.recogniser('moonshine')
    with Steps('echo', arguments.cases) as bar:
        rows = [_row(case, own, people[:arguments.people], arguments.minutes, recognise, bar)
                for case in CASES[:arguments.cases]]
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / 'interruptions.csv'
    write(path, rows)
    return Result('echo', {**figures(rows), 'minutes_per_case': arguments.minutes}, TARGETS,
                  (table(rows), *notes, f'{arguments.half} half; every person: {path}'))


def _people(half: str) -> tuple[list[Said], list[str]]:
    try:
        return echo_speech.people(half), []
    except BackendError as error:
        return echo_speech.synthetic(half), [f'synthetic people only: {error}']


def _row(case: Case, own: Own, people: Sequence[Said], minutes: float,
         recognise: echo_play.Hears, bar: Steps) -> Row:
    bar.show(case.name)
    alone = echo_play.alone(case, _first(own, minutes * 60), recognise)
    over = echo_play.interrupted(case, _first(own, len(people) * TURN_S + 20), people, recognise)
    bar.done()
    return Row(case, alone, over)


def _first(own: Own, seconds: float) -> Own:
    end = round(seconds * RATE)
    return Own(own.samples[:end], tuple(word for word in own.words if word[0] < end))


def figures(rows: Sequence[Row]) -> dict[str, float | None]:
    """Over all cases; a person who was not noticed counts as noticed after an infinite time."""
    waits = [wait for row in rows for wait in _waits(row)]
    alone, both = [row.alone for row in rows
                   ], [part for row in rows for part in (row.alone, row.interrupted)]
    seconds = sum(part.seconds for part in alone)
    return {
        'self_interruptions': float(sum(len(part.stopped_by) for part in alone)),
        'notice_p50_s': _percentile(waits, 50), 'notice_p95_s': _percentile(waits, 95),
        'overlap_wer': _error_rate([row.interrupted for row in rows]),
        'cpu_per_s': sum(part.cpu_s for part in both) / sum(part.seconds for part in both),
        'people': float(len(waits)), 'unnoticed': float(sum(math.isinf(wait) for wait in waits)),
        'false_lowerings': float(sum(len(part.lowered_at) for part in alone)),
        'false_lowerings_per_10_min': sum(len(part.lowered_at) for part in alone) / seconds * 600,
        'falsely_lowered_s': sum(part.lowered_s for part in alone),
        'own_words_refused': float(sum(len(part.refused) for part in alone)),
        'words_of_people_refused': float(sum(len(row.interrupted.refused) for row in rows))}


def table(rows: Sequence[Row]) -> str:
    """One line a case."""
    lines = [
        f'  {"case":28} {"stops":>5} {"lowered":>8} {"for s":>6} {"p50 s":>6} {"p95 s":>6} '
        f'{"missed":>6} {"wer":>6}'
    ]
    for row in rows:
        waits, rate = _waits(row), _error_rate([row.interrupted])
        p50, p95 = (_shown(_percentile(waits, share)) for share in (50, 95))
        lines.append(
            f'  {row.case.name:28} {len(row.alone.stopped_by):5} {len(row.alone.lowered_at):8} '
            f'{row.alone.lowered_s:6.1f} {p50:>6} {p95:>6} {sum(map(math.isinf, waits)):6} '
            f'{_shown(rate):>6}'
        )
    return '\n'.join(lines)


def write(path: Path, rows: Sequence[Row]) -> None:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        out = csv.writer(file)
        out.writerow(('case', 'person', 'level_dbfs', 'notice_s', 'said', 'heard'))
        for row in rows:
            for (cut, wait), (_, text) in zip(row.interrupted.notices, row.interrupted.heard):
                out.writerow((row.case.name, cut.said.name, cut.level_dbfs,
                              '' if wait is None else f'{wait:.3f}', cut.said.text, text))


def _waits(row: Row) -> list[float]:
    return [math.inf if wait is None else wait for _, wait in row.interrupted.notices]


def _percentile(waits: Sequence[float], share: float) -> float | None:
    """None where it falls onto people who were never noticed."""
    if not waits:
        return None
    found = float(np.percentile(waits, share, method='higher'))
    return found if math.isfinite(found) else None


def _error_rate(parts: Sequence[Overheard]) -> float | None:
    counts = [echo_play.word_errors(part.heard) for part in parts]
    said = sum(words for _, words in counts)
    return sum(errors for errors, _ in counts) / said if said else None


def _shown(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'
