"""Whether the robot goes on seeing, hearing and deciding while a reply is being written and
spoken.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Iterable, Sequence

import numpy as np

from omni_agent.cli import report
from omni_agent.cli.bench import Result
from omni_agent.cli.bench_latency import blocks_lost, process_figures
from omni_agent.cli.bench_play import Line, play, sayings
from omni_agent.core.recording import Recording

TARGETS = {
    'rate_ratio': ('>=', 0.95),
    'decision_ratio': ('<=', 2.0),
    'max_gap_periods': ('<=', 2.0)
}
Span = tuple[float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--replies', type=int, default=6,
                        help='replies that are listened through (default: 6)')


def measure(arguments: argparse.Namespace) -> Result:
    played = play('continuity', _lines(arguments.replies), arguments)
    recording, _ = report.load(Path(arguments.out))
    return Result('continuity', {**figures(recording), **process_figures(played)}, TARGETS,
                  (f'recording and report: {arguments.out}',))


def figures(recording: Recording) -> dict[str, float | None]:
    """Everything that a recording says about the pace of perception and decision."""
    busy = busy_spans(recording)
    looks = [one.received for one in recording.looks]
    frames = [one.t for one in recording.voice]
    idle, spoken = delays(recording, busy)
    return {
        'rate_ratio': _ratio(rate(looks, busy, inside=True), rate(looks, busy, inside=False)),
        'decision_ratio': _ratio(_median(spoken), _median(idle)),
        'max_gap_periods': max_gap_periods(looks, busy),
        'voice_rate_ratio': _ratio(rate(frames, busy, inside=True),
                                   rate(frames, busy, inside=False)),
        'decision_idle_p50_ms': _ms(_median(idle)),
        'decision_spoken_p50_ms': _ms(_median(spoken)),
        'decisions_idle': float(len(idle)),
        'decisions_spoken': float(len(spoken)),
        'busy_s': sum(end - start for start, end in busy),
        'blocks_lost': blocks_lost(recording)
    }


def _lines(replies: int) -> list[Line]:
    """Quiet with a nod now and then, then replies with a nod in each."""
    nods, questions = sayings('n'), sayings('q')
    lines: list[Line] = [{
        **nods[index % len(nods)], 'after_s': 2.0,
        'expect': 'none'
    } for index in range(2 * replies)]
    for index in range(replies):
        lines.append({
            **questions[index], 'robot_silent_s': 1.5,
            'within_s': 30,
            'expect': 'answered'
        })
        lines.append({
            **nods[index % len(nods)], 'robot_speaking_s': 0.7,
            'within_s': 6,
            'expect': 'none'
        })
    return lines


def busy_spans(recording: Recording) -> list[Span]:
    """From the intention to speak to the last sample of it: the model writes, the voice speaks.

    One span an epoch: an intention is told again when its turn is over sooner or later than was
    thought.
    """
    begins: dict[int, float] = {}
    for react in recording.reacts:
        begins.setdefault(react.epoch, react.received)
    spans = []
    for epoch, begin in begins.items():
        ends = [one.received for one in recording.playback
                if one.epoch == epoch and one.state in ('finished', 'flushed')]
        if ends:
            spans.append((begin, max(ends)))
    return spans


def rate(times: Sequence[float], busy: Sequence[Span], inside: bool) -> float | None:
    """Messages per second inside or outside of ``busy``, between the first and the last
    message.
    """
    if len(times) < 2:
        return None
    first, last = min(times), max(times)
    clipped = [(max(start, first), min(end, last)) for start, end in busy
               if end > first and start < last]
    seconds = sum(end - start for start, end in clipped)
    count = sum(any(start <= t < end for start, end in clipped) for t in times)
    if not inside:
        seconds, count = last - first - seconds, len(times) - count
    return count / seconds if seconds > 0 else None


def max_gap_periods(times: Sequence[float], busy: Sequence[Span]) -> float | None:
    """Longest gap that touches a busy span, in periods of the stream while idle (medians: a period
    is no mean).
    """
    stamps = np.sort(np.array(times))
    gaps = np.diff(stamps)
    touches = np.array([
        any(a < end and b > start for start, end in busy) for a, b in zip(stamps[:-1], stamps[1:])
    ], bool)
    if not touches.any() or touches.all():
        return None
    return float(gaps[touches].max() / np.median(gaps[~touches]))


def delays(recording: Recording, busy: Sequence[Span]) -> tuple[list[float], list[float]]:
    """Seconds from the first sound of a person to the decision node's state about it, idle and
    busy (by stamps).
    """
    idle: list[float] = []
    spoken: list[float] = []
    for percept in recording.percepts:
        if percept.kind != 'speech_started':
            continue
        about = [state.t for state in recording.states
                 if state.utterance == percept.utterance and state.t > percept.t]
        if about:
            inside = any(start <= percept.t < end for start, end in busy)
            (spoken if inside else idle).append(min(about) - percept.t)
    return idle, spoken


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(np.median(known)) if known else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
