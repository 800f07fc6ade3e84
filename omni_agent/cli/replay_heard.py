"""What ``omni-agent replay --from senses`` says of what is heard now, in words and as JSON; and
beside it what is seen and decided.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict

from omni_agent.core.heard_then_and_now import SAME_S, HeardRow
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.seen_then_and_now import SeenRow
from omni_agent.core.then_and_now import Row, Verdict

from . import replay_seen
from .replay_senses import Heard
from .replay_words import of_decision, verdict_of

WORDS = 60               # [characters] of what was heard
SHOWN = 4                # fields that differ; all of them are in the JSON
NAMES = {'turn_end': 'turn end', 'text_echo': 'own words', 'voiced_s': 'voiced',
         'level_dbfs': 'level', 'text': 'words'}
SHORT = {Kind.SPEECH_STARTED: 'speech begins', Kind.SPEECH_STOPPED: 'speech stops',
         Kind.PARTIAL: 'words so far', Kind.FINAL: 'words', Kind.SOUND_STARTED: 'a sound'}


def print_both(heard: Heard, rows: list[Row], t0: float, arguments: argparse.Namespace) -> None:
    """What is heard, seen and decided, in the order of time: one leads to the other."""
    lines = [(row.t, 'heard', verdict_of(row), said(row.then), _now(row))
             for row in heard.rows
             if _is_shown(row, row.t - t0, arguments) and (arguments.steps or not row.is_detail)]
    lines += [(row.t, 'seen', verdict_of(row), replay_seen.said(row.then), replay_seen.now_of(row))
              for row in (heard.seen.rows if heard.seen is not None else ())
              if _is_shown(row, row.t - t0, arguments)]
    lines += [(row.t, 'decided', verdict_of(row), *of_decision(row)) for row in rows
              if row.is_decision and _is_shown(row, row.t - t0, arguments)]
    width = max([4, *(len(then) for _, _, _, then, _ in lines)])
    if lines:
        print(f'{"time":>9}  {"what":<8} {"verdict":<14} {"then":<{width}}  now')
    for t, what, told, then, now in sorted(lines, key=lambda line: line[0]):
        print(f'{t - t0:8.2f}s  {what:<8} {told:<14} {then:<{width}}  {now}'.rstrip())
    print(summary(heard))
    if heard.seen is not None:
        print(replay_seen.summary(heard.seen))


def _is_shown(row: Row | HeardRow | SeenRow, at: float, arguments: argparse.Namespace) -> bool:
    return (arguments.start <= at <= arguments.until
            and not (arguments.different and row.verdict is Verdict.SAME))


def summary(heard: Heard) -> str:
    rows = [row for row in heard.rows if not row.is_detail]
    other = sum(row.is_other for row in rows)
    moved = sum(row.verdict is not Verdict.SAME for row in rows) - other
    pace = heard.seconds / max(heard.took_s, 1e-9)
    return (f'Heard {heard.seconds:.1f} s of sound in {heard.took_s:.1f} s ({pace:.1f} times as '
            f'fast as it was): of {len(rows)} percepts {other} other ones, {moved} with another '
            'time or score.')


def said(one: Perceived | None) -> str:
    """A percept in a few words."""
    if one is None:
        return '-'
    text = f'{SHORT[one.kind]}{f" {one.utterance}" if one.utterance else ""}'
    if one.kind in (Kind.PARTIAL, Kind.FINAL):
        text += f' "{one.text}"'
    return text if len(text) <= WORDS else text[:WORDS - 1] + '…'


def _now(row: HeardRow) -> str:
    if row.verdict is Verdict.SAME:
        return ''
    if row.then is None or row.now is None:
        return said(row.now)
    names = [name for name in row.fields if name not in ('text', 'start')]
    told = [f'{NAMES.get(name, name)} {_value(row.then, name)} -> {_value(row.now, name)}'
            for name in names[:SHOWN]]
    told += [f'{len(names) - SHOWN} more'] if len(names) > SHOWN else []
    if 'start' in row.fields:
        told.append(f'began {row.now.start - row.then.start:+.2f} s')
    if 'text' in row.fields and abs(row.by_s) > SAME_S:
        told.append(f'ends {row.by_s:+.2f} s')
    words = said(row.now) if 'text' in row.fields else ''
    return '  '.join(filter(None, (words, f'({", ".join(told)})' if told else '')))


def _value(one: Perceived, name: str) -> str:
    value = getattr(one, name) if hasattr(one, name) else dict(one.cues).get(name, math.nan)
    return 'none' if math.isnan(value) else f'{value:.2f}'


# -- JSON -----------------------------------------------------------------------------------------


def heard_json(heard: Heard, t0: float) -> dict:
    return {
        'seconds': heard.seconds,
        'took_s': heard.took_s,
        'same': heard.is_same,
        'notes': list(heard.notes),
        'percepts': [{
            't_s': row.t - t0,
            'verdict': row.verdict.value,
            'by_s': row.by_s,
            'fields': list(row.fields),
            'then': _percept(row.then),
            'now': _percept(row.now)
        } for row in heard.rows]
    }


def _percept(one: Perceived | None) -> dict | None:
    if one is None:
        return None
    return {name: _plain(value) for name, value in
            {**asdict(one), 'kind': one.kind.name.lower(), 'cues': dict(one.cues)}.items()}


def _plain(value: object) -> object:
    """JSON has no word for what was not measured."""
    return None if isinstance(value, float) and math.isnan(value) else value
