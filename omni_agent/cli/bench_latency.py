"""How long after the end of a question the answer is heard, and how long after an interruption there is silence."""

from __future__ import annotations

import argparse

from omni_agent.cli.bench import Result
from omni_agent.cli.bench_play import Line, Played, play, sayings
from omni_agent.core.echo import BLOCK

TURNS = 30
TARGETS = {'first_sound_p50_s': ('<=', 1.2), 'blocks_lost': ('==', 0), 'turns': ('>=', 30)}
EVERY = 3          # each third question is interrupted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--turns', type=int, default=TURNS, help=f'questions asked (default: {TURNS})')


def measure(arguments: argparse.Namespace) -> Result:
    played = play('latency', _lines(arguments.turns), arguments)
    outcome = played.outcome
    figures = {key: outcome['figures'][key] for key in
               ('first_sound_p50_s', 'first_sound_p95_s', 'silence_p50_ms', 'silence_p95_ms')}
    figures['blocks_lost'] = blocks_lost(outcome)
    figures['turns'] = outcome['figures']['turns']
    figures.update({key: outcome['figures'][key] for key in ('duck_p50_ms', 'duck_p95_ms', 'interruptions')})
    for stage, spread in outcome['stages'].items():
        figures[f'stage_{stage}_p50_s'] = spread['p50']
        figures[f'stage_{stage}_p95_s'] = spread['p95']
    return Result('latency', {**figures, **process_figures(played)}, TARGETS, (f'recording and report: {arguments.out}',))


def _lines(turns: int) -> list[Line]:
    """Questions one after the other, with an interruption of each third answer."""
    questions, interruptions = sayings('q'), sayings('i')
    lines: list[Line] = []
    for index in range(turns):
        question = questions[index % len(questions)]
        lines.append({**question, 'robot_silent_s': 1.2, 'within_s': 30, 'expect': 'answered'})
        if index % EVERY == EVERY - 1:
            cut = interruptions[(index // EVERY) % len(interruptions)]
            lines.append({**cut, 'robot_speaking_s': 0.8, 'within_s': 8, 'expect': 'none'})
    return lines


def blocks_lost(outcome: dict) -> float:
    """20 ms blocks that did not arrive: holes in the stream, full inboxes, blocks a loudspeaker never played."""
    values = {node.rsplit('/', 1)[-1]: found.get('values', {}) for node, found in outcome['nodes'].items()}
    holes = int(values.get('perception', {}).get('samples lost', 0)) / BLOCK
    counts = [int(values.get(node, {}).get(key, 0)) for node, key in (
        ('microphone', 'dropped in the inbox'), ('speaker', 'dropped in the inbox'), ('speaker', 'late_blocks'),
        ('perception', 'chunks from the past'), ('perception', 'refused chunks'))]
    return holes + sum(counts)


def process_figures(played: Played) -> dict[str, float]:
    figures: dict[str, float] = {}
    for node, usage in sorted(played.usage.items()):
        figures[f'cpu_{node}_percent'] = round(usage.cpu_percent, 1)
        figures[f'memory_{node}_mb'] = round(usage.memory_mb, 1)
    return figures


