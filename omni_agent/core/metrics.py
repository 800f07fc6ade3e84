"""The numbers of a run as one JSON-able mapping: what ``metrics.json`` holds."""

from __future__ import annotations

import math
from typing import Callable, Iterable, Sequence

import numpy as np

from .recording import Recording, Tracks
from .score import STAGES, Judge, Result
from .sounding import Span

RATES: dict[str, Callable[[Recording], list[float]]] = {
    'image': lambda recording: [record.received for record in recording.images],
    'speech_state': lambda recording: [record.t for record in recording.voice],
    'look': lambda recording: [one.received for one in recording.looks],
}


def metrics(recording: Recording, tracks: Tracks) -> dict:
    """Everything that was measured, as plain JSON types; None where it was not.

    Times of lines are seconds since the first sample. Percentiles interpolate linearly.
    """
    judge = Judge(recording, tracks)
    results = judge.results()
    failures = _failures(judge, results)
    return _clean({
        'scenario': recording.meta.scenario,
        'version': recording.meta.version,
        'hardware': recording.meta.hardware,
        'started': recording.meta.started,
        'duration_s': tracks.robot.size / tracks.rate,
        'all_passed': bool(results) and not failures,
        'failures': failures,
        'lines': [_line(result, tracks.t0) for result in results],
        'figures': _figures(results),
        'stages': {stage: _spread(result.stages.get(stage) for result in results)
                   for stage in STAGES},
        'rates': {name: _rate(times(recording), judge.sound.audible())
                  for name, times in RATES.items()},
        'counts': _counts(recording, judge, results),
        'stale': [{'t': stale.span.start - tracks.t0, 'seconds': stale.span.seconds,
                   'epoch': stale.epoch, 'current': stale.current} for stale in judge.stale],
        'nodes': _nodes(recording),
    })


def _failures(judge: Judge, results: Sequence[Result]) -> list[str]:
    """One sentence for everything that must not be."""
    found = [f'{result.line.name}: {result.why}' for result in results if result.passed is False]
    if not results:
        found.append('The recording holds no line of the room: there was nothing to judge.')
    if judge.stale or judge.stale_records:
        seconds = sum(stale.span.seconds for stale in judge.stale)
        found.append(f'{seconds:.2f} s of sound that an interrupt had made void were played.')
    false = len(judge.causes.false_interrupts)
    if false:
        found.append(f'The robot cut itself off {false} time(s) with nobody speaking.')
    return found


def _line(result: Result, t0: float) -> dict:
    line = result.line
    return {
        'index': line.index, 'name': line.name, 'who': line.who, 'text': line.text,
        'expect': line.expect, 'start_s': line.t - t0, 'end_s': line.end - t0,
        'missed': line.missed,
        'passed': result.passed, 'why': result.why, 'said': result.said,
        'epoch': result.epoch, 'cut_epoch': result.cut_epoch,
        'first_sound_s': result.first_sound_s, 'prepared_s': result.prepared_s,
        'silence_ms': result.silence_ms,
        'duck_ms': result.duck_ms, 'lowered_ms': result.lowered_ms, 'stages': dict(result.stages),
        'marks': {name: t - t0 for name, t in result.marks.items()},
    }


def _spread(values: Iterable[float | None]) -> dict:
    known = [value for value in values if value is not None]
    if not known:
        return {'n': 0, 'p50': None, 'p95': None, 'max': None}
    p50, p95 = np.percentile(known, (50, 95))
    return {'n': len(known), 'p50': float(p50), 'p95': float(p95), 'max': max(known)}


def _figures(results: Sequence[Result]) -> dict:
    """The headline numbers, under the keys that the benchmarks use."""
    wanted = [result for result in results if result.line.expect in ('answered', 'interrupts')]
    cut = [result for result in results if result.line.expect in ('interrupts', 'silences')]
    spreads = {
        'first_sound_{}_s': _spread(result.first_sound_s for result in wanted),
        'prepared_{}_s': _spread(result.prepared_s for result in wanted),
        'first_sound_unprepared_{}_s': _spread(
            result.first_sound_s + result.prepared_s for result in wanted
            if result.first_sound_s is not None and result.prepared_s is not None),
        'silence_{}_ms': _spread(result.silence_ms for result in cut),
        'duck_{}_ms': _spread(result.duck_ms for result in results),
        'lowered_{}_ms': _spread(result.lowered_ms for result in results),
    }
    figures = {key.format(name): spread[name]
               for key, spread in spreads.items() for name in ('p50', 'p95')}
    return {**figures, 'turns': spreads['first_sound_{}_s']['n'],
            'interruptions': spreads['silence_{}_ms']['n']}


def _rate(times: list[float], speaking: Sequence[Span]) -> dict:
    """Messages per second while the robot is silent and while it speaks, from first to last."""
    if len(times) < 2:
        return {'n': len(times), 'idle_hz': None, 'speaking_hz': None, 'ratio': None,
                'max_gap_s': None}
    stamps = np.sort(np.array(times))
    spans = [Span(max(span.start, stamps[0]), min(span.stop, stamps[-1])) for span in speaking]
    spans = [span for span in spans if span.seconds > 0]
    loud_s = sum(span.seconds for span in spans)
    loud = sum(int(np.sum((stamps >= span.start) & (stamps < span.stop))) for span in spans)
    idle_s = float(stamps[-1] - stamps[0]) - loud_s
    idle_hz = (stamps.size - 1 - loud) / idle_s if idle_s > 0 else None
    speaking_hz = loud / loud_s if loud_s > 0 else None
    ratio = speaking_hz / idle_hz if idle_hz and speaking_hz is not None else None
    return {'n': int(stamps.size), 'idle_hz': idle_hz, 'speaking_hz': speaking_hz, 'ratio': ratio,
            'max_gap_s': float(np.max(np.diff(stamps)))}


def _counts(recording: Recording, judge: Judge, results: Sequence[Result]) -> dict:
    reasons: dict[str, int] = {}
    for interrupt in recording.interrupts:
        reasons[interrupt.reason] = reasons.get(interrupt.reason, 0) + 1
    return {
        'lines': len(results),
        'passed': sum(result.passed is True for result in results),
        'failed': sum(result.passed is False for result in results),
        'missed': sum(result.line.missed for result in results),
        'replies': len(recording.reacts),
        'unasked': len(judge.causes.reacts.get(-1, ())),
        'stale': max(len(judge.stale), len({record.epoch for record in judge.stale_records})),
        'false_interrupts': len(judge.causes.false_interrupts),
        'interrupts': reasons,
        'images': len(recording.images),
        'malformed': recording.malformed,
        'unknown': recording.unknown,
    }


def _nodes(recording: Recording) -> dict:
    """Each node's worst level in the conversation, which loading came before, and the values it
    reported last.
    """
    nodes: dict[str, dict] = {}
    for report in recording.diagnostics:
        node = nodes.setdefault(report.node, {'worst': 0, 'message': ''})
        if report.t >= recording.meta.t0 and report.level > node['worst']:
            node.update(worst=report.level, message=report.message)
        node['values'] = dict(report.values)
    return nodes


def _clean(value: object) -> object:
    """JSON has no NaN, and nobody measured nanoseconds."""
    if isinstance(value, dict):
        return {key: _clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
