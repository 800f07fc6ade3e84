"""What ``omni-agent replay`` says of a recording, in words and as JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Iterable

import omni_agent
from omni_agent.core.errors import ConfigError
from omni_agent.core.heard_then_and_now import HeardRow
from omni_agent.core.replay import Moment, Outcome
from omni_agent.core.seen_then_and_now import SeenRow
from omni_agent.core.then_and_now import Done, Row, Verdict
from omni_agent.core.trace import Begin, Step

from .bag_steps import Recorded

SHOWN = 60               # [characters] of an effect
PLAIN = ('skill', 'arguments')       # fields that are no words of anybody


@dataclass(frozen=True)
class Piece:
    """One stretch of the recording and what came of it."""

    begin: Begin | None          # None: put together from topics
    outcome: Outcome
    notes: tuple[str, ...]


def notes(found: Recorded, pieces: list[Piece]) -> list[str]:
    """What has to be known to believe the rest."""
    said = []
    if found.contents.repaired:
        said.append('The bag had not been closed; it was repaired.')
    if not found.pieces:
        said.append(
            'There is no trace of the decisions in this bag: its steps are put together from its '
            'topics, times are '
            'those of the recorder, and only interrupts and replies are compared.')
    versions = ({piece.begin.version
                 for piece in pieces if piece.begin is not None} - {omni_agent.__version__})
    if versions:
        said.append(
            f'Recorded with version {", ".join(sorted(versions))}, replayed with '
            f'{omni_agent.__version__}.'
        )
    if found.holes:
        said.append(f'The trace has {found.holes} hole(s); each stretch is replayed on its own.')
    said += sentences(sum((piece.notes for piece in pieces), ()))
    asked = sum(piece.outcome.asked for piece in pieces)
    if asked:
        said.append(
            f'{asked} question(s) to the models were asked that the recording has no answer to '
            '(--models asks '
            'them).')
    unheard = sum(piece.outcome.unheard for piece in pieces)
    if unheard:
        said.append(
            f'{unheard} message(s) of the loudspeaker were about replies that do not exist now.')
    return said


def sentences(notes: Iterable[str]) -> list[str]:
    """Each once."""
    return [note[0].upper() + note[1:] + '.' for note in dict.fromkeys(notes)]


def verdict(pieces: list[Piece], t0: float) -> str:
    rows = [row for piece in pieces for row in piece.outcome.rows if row.is_decision]
    different = [row for row in rows if row.verdict is not Verdict.SAME]
    steps = sum(len(piece.outcome.moments) for piece in pieces)
    if not different:
        return f'The same: {len(rows)} decisions in {steps} steps.'
    first = min(row.t for row in different) - t0
    return (f'Different: {len(different)} of {len(rows)} decisions in {steps} steps, the first at '
            f'{first:.2f} s.')


def print_rows(rows: list[Row], t0: float, arguments: argparse.Namespace) -> None:
    shown = [
        row for row in rows if row.is_decision and arguments.start <= row.t -
        t0 <= arguments.until and not (arguments.different and row.verdict is Verdict.SAME)
    ]
    if not shown:
        return
    width = max([4, *(len(words(row.then)) for row in shown)])
    print(f'{"time":>9}  {"verdict":<14} {"then":<{width}}  now')
    for row in shown:
        then, now = of_decision(row)
        print(f'{row.t - t0:8.2f}s  {verdict_of(row):<14} {then:<{width}}  {now}'.rstrip())


def of_decision(row: Row) -> tuple[str, str]:
    """Then and now; now is empty where it is the same."""
    now = '' if row.verdict is Verdict.SAME else words(row.now)
    if row.verdict is Verdict.CHANGED:
        now += f'  ({", ".join(row.fields)})'
    return words(row.then), now


def verdict_of(row: Row | HeardRow | SeenRow) -> str:
    by = f' {abs(row.by_s):.2f} s' if row.verdict in (Verdict.LATER, Verdict.EARLIER) else ''
    return row.verdict.value + by


def words(done: Done | None) -> str:
    """An effect in a few words."""
    if done is None:
        return '-'
    effect = done.effect
    told = [type(effect).__name__.lower()]
    for name in ('reason', 'brief', 'text', 'say', 'skill', 'arguments'):
        value = getattr(effect, name, None)
        if (value not in (None, '')
                and not (name == 'say' and value == getattr(effect, 'brief', None))):
            told.append(value.name.lower() if isinstance(value, Enum) else
                        value if name in PLAIN else f'"{value}"')
    if getattr(effect, 'ducked', False):
        told.append('(voice lowered)')
    text = ' '.join(told)
    text = text if len(text) <= SHOWN else text[:SHOWN - 1] + '…'
    not_before = getattr(effect, 'not_before', None)
    return text if not_before is None else f'{text} to be heard after {not_before - done.t:.2f} s'


def print_steps(outcome: Outcome, t0: float, start: float, until: float) -> None:
    for moment in outcome.moments:
        at = moment.t - t0
        if start <= at <= until:
            print(_moment(moment, at))


def _moment(moment: Moment, at: float) -> str:
    then, now = moment.step, moment
    if then is None:
        return '\n'.join([f'{at:8.2f}s  {describe(now.event)}   (heard now)',
                          *(f'{"":11}+ {words(Done(now.t, effect, now.event))}'
                            for effect in now.effects)])
    lines = [
        f'{at:8.2f}s  {describe(then.event)}' + ('' if now.event is not None else '   (not now)')
    ]
    if tuple(then.effects) == now.effects:
        lines += [f'{"":13}{words(Done(then.now, effect, then.event))}' for effect in then.effects]
    else:
        lines += [
            f'{"":11}- {words(Done(then.now, effect, then.event))}' for effect in then.effects
        ]
        lines += [
            f'{"":11}+ {words(Done(then.now, effect, then.event))}' for effect in now.effects
        ]
    if then.state.person and then.state != now.state:
        lines.append(f'{"":11}~ {_state(then)} -> {_state(now)}')
    return '\n'.join(lines)


def _state(of: Step | Moment) -> str:
    state = of.state
    score = '' if state.score is None else f' score {state.score:.2f}'
    return f'{state.person}/{state.agent}/{state.voice}{score} ({state.why})'.lower()


def describe(event: object) -> str:
    """An event in a few words."""
    kind = type(event).__name__
    text = next((getattr(event, name) for name in ('text', 'heard') if getattr(event, name, '')),
                '')
    number = next((f' {name} {getattr(event, name)}'
                   for name in ('utterance', 'epoch') if hasattr(event, name)), '')
    final = ' final' if getattr(event, 'final', False) else ''
    return f'{kind}{final}{number}' + (f' "{text}"' if text else '')


# -- JSON -----------------------------------------------------------------------------------------


def as_json(bag: Path, found: Recorded, pieces: list[Piece], changes: dict[str, object],
            same: bool) -> dict:
    t0 = found.contents.start
    return {
        'bag': str(bag),
        'same': same,
        'version': omni_agent.__version__,
        'from_trace': bool(found.pieces),
        'holes': found.holes,
        'repaired': found.contents.repaired,
        'set': changes,
        'recorded': found.contents.custom,
        'notes': notes(found, pieces),
        'pieces': [{
            'parted_s': None if piece.outcome.parted_s is None else piece.outcome.parted_s - t0,
            'steps': len(piece.outcome.moments),
            'unheard': piece.outcome.unheard,
            'asked': piece.outcome.asked,
            'other_scores': piece.outcome.scores,
            'decisions': [_row(row, t0) for row in piece.outcome.rows]
        } for piece in pieces]
    }


def _row(row: Row, t0: float) -> dict:
    return {
        't_s': row.t - t0,
        'verdict': row.verdict.value,
        'is_decision': row.is_decision,
        'by_s': row.by_s,
        'fields': list(row.fields),
        'then': _done(row.then),
        'now': _done(row.now)
    }


def _done(done: Done | None) -> dict | None:
    if done is None:
        return None
    return {'kind': type(done.effect).__name__, 'because_of': describe(done.event),
            **{name: value.name.lower() if isinstance(value, Enum) else value
               for name, value in asdict(done.effect).items()}}


def write_json(path: Path, data: dict) -> None:
    try:
        path.write_text(
            json.dumps(data, indent=2, ensure_ascii=False, default=str) + '\n', encoding='utf-8')
    except OSError as error:
        raise ConfigError(f'cannot write {path}: {error.strerror}') from error
