"""How long after the end of a question the answer is heard, and how long after an interruption
there is silence.
"""

from __future__ import annotations

import argparse

from omni_agent.backends import languages
from omni_agent.cli import report
from omni_agent.cli.bench import Result
from omni_agent.cli.bench_play import Line, Played, play, sayings
from omni_agent.core.echo import BLOCK
from omni_agent.core.recording import Recording

TURNS = 30
TARGETS = {'first_sound_p50_s': ('<=', 1.2), 'blocks_lost': ('==', 0), 'turns': ('>=', 30)}
EVERY = 3          # each third question is one with a long answer, which is interrupted
LONG = ('Tell me something about elephants.', 'How does a magnet work?',
        'Why do leaves fall in autumn?')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--turns', type=int, default=TURNS,
                        help=f'questions asked (default: {TURNS})')


def measure(arguments: argparse.Namespace) -> Result:
    played = play('latency', _lines(arguments.turns), arguments)
    outcome = played.outcome
    figures = {key: outcome['figures'][key] for key in
               ('first_sound_p50_s', 'first_sound_p95_s', 'first_sound_unprepared_p50_s',
                'first_sound_unprepared_p95_s', 'prepared_p50_s', 'prepared_p95_s',
                'silence_p50_ms', 'silence_p95_ms')}
    recording, _ = report.load(arguments.out)
    figures['blocks_lost'] = blocks_lost(recording)
    figures['turns'] = outcome['figures']['turns']
    figures.update(
        {key: outcome['figures'][key]
         for key in ('duck_p50_ms', 'duck_p95_ms', 'interruptions')})
    for stage, spread in outcome['stages'].items():
        figures[f'stage_{stage}_p50_s'] = spread['p50']
        figures[f'stage_{stage}_p95_s'] = spread['p95']
    return Result('latency', {
        **figures,
        **process_figures(played)
    }, TARGETS, (f'recording and report: {arguments.out}', ))


def _lines(turns: int) -> list[Line]:
    """Questions one after the other, with an interruption of each third answer."""
    long = [line for line in sayings('q') if line['text'] in LONG]
    short = [line for line in sayings('q') if line['text'] not in LONG]
    is_stop = languages.lexicon().is_stop
    cuts = [line for line in sayings('i') if is_stop(line['text']) or line['text'].endswith('?')]
    lines: list[Line] = []
    for index in range(turns):
        pool = long if index % EVERY == EVERY - 1 else short
        question = pool[(index // EVERY if pool is long else index) % len(pool)]
        lines.append({**question, 'robot_silent_s': 1.2, 'within_s': 30, 'expect': 'answered'})
        if pool is long:
            cut = cuts[(index // EVERY) % len(cuts)]
            expect = 'silences' if is_stop(cut['text']) else 'interrupts'
            lines.append({**cut, 'robot_speaking_s': 0.8, 'within_s': 8, 'expect': expect})
    return lines


LOSSES = (('microphone', 'dropped in the inbox'), ('microphone', 'dropped'),
          ('speaker', 'dropped in the inbox'), ('speaker', 'late_blocks'),
          ('perception', 'chunks from the past'), ('perception', 'refused chunks'))


def blocks_lost(recording: Recording) -> float:
    """20 ms blocks that did not arrive since the curtain: holes, full inboxes, blocks played too
    late to be heard.
    """
    lost = 0.0
    for node, key in (*LOSSES, ('perception', 'samples lost')):
        counts = [int(record.values.get(key, 0)) for record in recording.diagnostics
                  if record.node.endswith(node) and record.t >= recording.meta.t0]
        if counts:
            lost += (counts[-1] - counts[0]) / (BLOCK if key == 'samples lost' else 1)
    return lost


def process_figures(played: Played) -> dict[str, float]:
    figures: dict[str, float] = {}
    for node, usage in sorted(played.usage.items()):
        figures[f'cpu_{node}_percent'] = round(usage.cpu_percent, 1)
        figures[f'memory_{node}_mb'] = round(usage.memory_mb, 1)
    return figures
