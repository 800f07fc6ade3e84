"""Whether the robot lets people finish, and how soon it knows that they have: human recordings,
offline.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

import numpy as np

from omni_agent.backends import languages, load, turn_set
from omni_agent.backends.turn_memo import Memo, Models
from omni_agent.backends.turn_play import Final, Outcome, Play
from omni_agent.backends.turn_set import MID_SENTENCE, Pause, Turn
from omni_agent.cli.bench import Result

TARGETS = {
    'cut_off_share': ('<=', 0.05),
    'decide_p50_s': ('<=', 0.5),
    'split_questions': ('==', 0)
}
# the voice-activity model may see an end this much before or after the true one
NEAR_S = 0.25


@dataclass(frozen=True)
class Row:
    """One silence, and what came of it: a pause that was or was not respected, or the true end of
    a turn.
    """

    turn: Turn
    kind: str                    # a pause's, 'end', or 'loose end'
    start: float                 # [s]
    length: float                # [s] of silence; infinite at the end
    final: Final | None          # what was known of it; None: too short, or missed
    decided: float | None        # from the start of the silence until a reply was released
    cut: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--items', type=int,
                        help='recordings listened to (default: all, some four minutes)')


def measure(arguments: argparse.Namespace) -> Result:
    recognise = load.recogniser('moonshine')
    turns = turn_set.build(recognise, arguments.items)
    memo = Memo(
        Models(load.vad('silero'), recognise, load.turn_end('smart_turn'),
               lambda: load.suppressor('none'), load.sentence_end('smollm2_135m'),
               load.vad('silero')))
    outcomes = [Play(memo).run(turn.samples) for turn in _shown(turns)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = arguments.out / 'silences.csv'
    write(table, [row for turn, outcome in zip(turns, outcomes) for row in rows(turn, outcome)])
    return Result('turns', figures(turns, outcomes), TARGETS,
                  (f'every silence: {table}',
                   'targets are judged on the test half, by which nothing was tuned'))


def figures(turns: Sequence[Turn], outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """The test half under the plain keys, the other as ``development_*``."""
    found: dict[str, float | None] = {}
    for half, prefix in (('test', ''), ('development', 'development_')):
        chosen = [(turn, outcome) for turn, outcome in zip(turns, outcomes) if turn.half == half]
        table = [row for turn, outcome in chosen for row in rows(turn, outcome)]
        pauses = [row for row in table if row.kind in MID_SENTENCE]
        waits = [row.decided for row in table if row.kind == 'end' and row.decided is not None]
        found[f'{prefix}cut_off_share'] = share(row.cut for row in pauses)
        found[f'{prefix}decide_p50_s'] = _percentile(waits, 50)
        found[f'{prefix}decide_p95_s'] = _percentile(waits, 95)
        found[f'{prefix}split_questions'] = float(
            sum(is_split(turn, outcome) for turn, outcome in chosen))
        for kind in (*MID_SENTENCE, 'between'):
            found[f'{prefix}cut_off_{kind}'] = share(row.cut for row in table if row.kind == kind)
        found[f'{prefix}pauses'] = float(len(pauses))
        found[f'{prefix}turns'] = float(len(chosen))
        found[f'{prefix}never_decided'] = share(row.decided is None for row in table
                                                if row.kind == 'end')
    return found


def rows(turn: Turn, outcome: Outcome) -> list[Row]:
    return [*(_pause(turn, pause, outcome) for pause in turn.pauses), _end(turn, outcome)]


def _pause(turn: Turn, pause: Pause, outcome: Outcome) -> Row:
    """Cut off if a reply was released before the robot could know that the person goes on."""
    known = min((start for start in outcome.starts if start > pause.end - NEAR_S),
                default=turn.end)
    early = [one.released for one in outcome.decisions
             if not one.void and pause.start - NEAR_S < one.released < known]
    return Row(turn, pause.kind, pause.start, pause.end - pause.start,
               _final_at(outcome, pause.start, known),
               min(early) - pause.start if early else None, bool(early))


def _end(turn: Turn, outcome: Outcome) -> Row:
    """From the true end to the last decision: an earlier one was about a part of it.

    Joined recordings were not read as the end of a sentence and do not sound like one: a loose
    end.
    """
    after = [
        one.released for one in outcome.decisions
        if not one.void and one.released > turn.end - NEAR_S
    ]
    kind = 'loose end' if any(pause.kind == 'joined' for pause in turn.pauses) else 'end'
    return Row(turn, kind, turn.end, float('inf'), _final_at(outcome, turn.end, float('inf')),
               max(after) - turn.end if after else None, False)


def _final_at(outcome: Outcome, start: float, until: float) -> Final | None:
    found = [
        final for final in outcome.finals if start - NEAR_S < final.stopped and final.known < until
    ]
    return found[-1] if found else None


def is_split(turn: Turn, outcome: Outcome) -> bool:
    """A reply to the first part was heard while the person was not done, and another one after
    that.
    """
    heard = [one.heard for one in outcome.decisions if one.heard is not None]
    return len(heard) > 1 and min(heard) < turn.end


def share(flags: Iterable[bool]) -> float | None:
    known = list(flags)
    return sum(known) / len(known) if known else None


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None


def write(path: Path, table: Sequence[Row]) -> None:
    lexicon = languages.lexicon()
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(('name', 'half', 'voice', 'kind', 'start_s', 'silence_s', 'cut',
                         'released_s', 'known_s', 'turn_end', 'trailing', 'heard'))
        for row in table:
            final = row.final
            known = ((round(final.known - row.start, 3), round(final.turn_end, 4),
                      lexicon.is_trailing(final.text), final.text) if final else ('', '', '', ''))
            writer.writerow(
                (row.turn.name, row.turn.half, row.turn.voice, row.kind, round(row.start, 3),
                 round(row.length,
                       3), row.cut, '' if row.decided is None else round(row.decided, 3), *known))


def _shown(turns: Sequence[Turn]) -> Iterable[Turn]:
    from rich.progress import track

    return track(turns, description='turns')
