"""Which line of the room an utterance, a reply or an interruption came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

from .recording import NAN, Interrupt, Line, Percept, React, Recording

UNASKED = -1            # in place of the index of a line
EARLY_S = 0.5           # a reply may be decided this much before the recorded end of a line
PATIENCE_S = 8.0        # a reply later than this is not an answer to it
SLOW_S = 2.0            # an interruption may be decided this long after the line was over
ONSET_S = 0.1           # a line may begin to be heard this much before its nominal start


@dataclass(frozen=True)
class Utterance:
    """What perception made of a stretch of speech; times it never reported are NaN."""

    number: int
    start: float
    stop: float = NAN              # end of its newest sound
    text: str = ''
    stopped: float = NAN           # speech_stopped arrived
    final: float = NAN             # final transcript arrived


def utterances(percepts: Sequence[Percept]) -> list[Utterance]:
    found: dict[int, Utterance] = {}
    for percept in percepts:
        if percept.kind == 'scene' or not percept.utterance:
            continue
        start = percept.start if percept.start == percept.start else percept.t
        utterance = found.get(percept.utterance) or Utterance(percept.utterance, start)
        utterance = replace(utterance, stop=_later(utterance.stop, percept.t),
                            text=percept.text or utterance.text)
        if percept.kind == 'speech_stopped':
            utterance = replace(utterance, stopped=percept.received)
        if percept.kind == 'final':
            utterance = replace(utterance, final=percept.received)
        found[percept.utterance] = utterance
    return list(found.values())


def _later(a: float, b: float) -> float:
    return b if a != a else max(a, b)


def overlap(utterance: Utterance, line: Line) -> float:
    """Seconds that an utterance and a line share."""
    return min(utterance.stop, line.end) - max(utterance.start, line.t)


def line_of(utterance: Utterance, lines: Sequence[Line]) -> Line | None:
    """The line an utterance is about: the last it covers by half, else the one it covers most."""
    shared = [(line, overlap(utterance, line)) for line in lines]
    half = [line for line, seconds in shared if seconds >= 0.5 * (line.end - line.t) > 0]
    if half:
        return half[-1]
    best, seconds = max(shared, key=lambda pair: pair[1], default=(None, 0.0))
    return best if seconds > 0 else None


def utterance_behind(react: React, heard: Sequence[Utterance]) -> Utterance | None:
    """The utterance a reply answers: the newest one with the words of the brief."""
    brief = _words(react.brief)
    if not brief:
        return None
    for utterance in reversed([one for one in heard if one.start <= react.received]):
        words = _words(utterance.text)
        if words and (words == brief or len(words) > 2 and ' '.join(words) in ' '.join(brief)):
            return utterance
    return None


def _words(text: str) -> list[str]:
    plain = ''.join(char if char.isalnum() or char == "'" else ' ' for char in text.lower())
    return plain.split()


def line_behind(react: React, lines: Sequence[Line], heard: Sequence[Utterance]) -> Line | None:
    """The line that made the robot decide to reply; None if it spoke up unasked.

    A remark is of no line. By the words where the brief repeats them, else by time: the line that
    was over last.
    """
    if react.is_remark:
        return None
    utterance = utterance_behind(react, heard)
    if utterance is not None and react.received - utterance.stop < PATIENCE_S:
        line = line_of(utterance, lines)
        if line is not None:
            return line
    over = [line for line in lines if line.end - EARLY_S <= react.received < line.end + PATIENCE_S]
    return max(over, key=lambda line: line.end, default=None)


def line_interrupting(interrupt: Interrupt, lines: Sequence[Line]) -> Line | None:
    """The line that was in the air when a barge-in or a stop was decided."""
    when = interrupt.evidence if interrupt.evidence > 0 else interrupt.received
    near = [line for line in lines if line.t - ONSET_S <= when <= line.end + SLOW_S]
    return near[-1] if near else None


@dataclass(frozen=True)
class Causes:
    """Everything the robot heard and decided, sorted by the line it came from."""

    lines: tuple[Line, ...]                       # those that were really said
    utterances: tuple[Utterance, ...]
    reacts: dict[int, tuple[React, ...]]          # line index -> replies; -1: unasked
    false_interrupts: tuple[Interrupt, ...]       # cut off although nobody had said anything

    def utterances_of(self, line: Line) -> list[Utterance]:
        return [one for one in self.utterances if line_of(one, self.lines) is line]


def causes(recording: Recording) -> Causes:
    lines = tuple(line for line in recording.lines if not line.missed)
    heard = tuple(utterances(recording.percepts))
    reacts: dict[int, tuple[React, ...]] = {}
    for react in recording.reacts:
        line = line_behind(react, lines, heard)
        index = UNASKED if line is None else line.index
        reacts[index] = (*reacts.get(index, ()), react)
    false = tuple(interrupt for interrupt in recording.interrupts
                  if interrupt.reason in ('barge_in', 'stop_phrase')
                  and line_interrupting(interrupt, lines) is None)
    return Causes(lines, heard, reacts, false)
