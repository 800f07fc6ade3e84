"""What perception tells the decision core, field by field as Percept.msg has it: the only place
that reads that message, whoever decoded it, and the only one that makes events of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from .cues import Cues
from .events import Event, SceneChanged, SoundStarted, SpeechStarted, SpeechStopped, Transcript
from .sense_vectors import Vector, fused


class Kind(Enum):
    """Values match Percept.msg."""

    SPEECH_STARTED = 1
    SPEECH_STOPPED = 2
    PARTIAL = 3
    FINAL = 4
    SCENE = 5
    SOUND_STARTED = 6


NUMBERS = ('turn_end', 'voiced_s', 'level_dbfs', 'echo', 'text_echo', 'salience', 'processing_s')


@dataclass(frozen=True, slots=True)
class Perceived:
    """Something perceived; which fields say something depends on its kind."""

    kind: Kind
    t: float                         # end of the sound or image this is about [Unix s]
    utterance: int = 0
    start: float = 0.0               # of the utterance [Unix s]
    text: str = ''
    turn_end: float = math.nan       # NaN: not judged
    voiced_s: float = 0.0
    level_dbfs: float = 0.0
    echo: float = 0.0
    text_echo: float = 0.0
    salience: float = 0.0
    processing_s: float = 0.0
    cues: Cues = ()
    audio_vector: Vector = ()       # of what was said
    vision_vector: Vector = ()      # of the newest picture that was told of

    @property
    def fused_vector(self) -> Vector:
        return fused(self.audio_vector, self.vision_vector)


def read(message: Any) -> Perceived | None:
    """A Percept, by its fields alone; None for a kind that this version does not know. Fields that
    an older one does not have are those of nothing.
    """
    if message.kind not in {kind.value for kind in Kind}:
        return None
    names, values = getattr(message, 'cue_names', ()), getattr(message, 'cue_values', ())
    return Perceived(
        Kind(message.kind), _seconds(message.header.stamp), message.utterance,
        _seconds(message.start), message.text, message.turn_end_probability, message.voiced_s,
        message.level_dbfs, message.echo_likelihood,
        getattr(message, 'text_echo_likelihood', 0.0), message.salience, message.processing_s,
        tuple((name, float(value)) for name, value in zip(names, values)),
        tuple(map(float, getattr(message, 'audio_vector', ()))),
        tuple(map(float, getattr(message, 'vision_vector', ()))))


def as_sent(perceived: Perceived) -> Perceived:
    """What is left of it on the other side: numbers of 32 bits, times in nanoseconds."""
    numbers = {name: float(np.float32(getattr(perceived, name))) for name in NUMBERS}
    return replace(perceived, t=_sent(perceived.t), start=_sent(perceived.start),
                   cues=tuple((name, float(np.float32(value)))
                              for name, value in perceived.cues), **numbers)


def event(perceived: Perceived) -> Event:
    """What the decision core is told of it."""
    one = perceived
    if one.kind is Kind.SOUND_STARTED:
        return SoundStarted(one.t)
    if one.kind is Kind.SPEECH_STARTED:
        return SpeechStarted(one.t, one.utterance)
    if one.kind is Kind.SPEECH_STOPPED:
        return SpeechStopped(one.t, one.utterance, one.voiced_s)
    if one.kind is Kind.SCENE:
        return SceneChanged(one.t, one.text, one.salience)
    return Transcript(one.t, one.utterance, one.text, one.kind is Kind.FINAL, one.voiced_s,
                      None if math.isnan(one.turn_end) else one.turn_end, one.echo, one.text_echo,
                      one.level_dbfs or None, one.cues)


def _seconds(time: Any) -> float:
    return time.sec + time.nanosec * 1e-9


def _sent(t: float) -> float:
    nanoseconds = max(0, round(t * 1e9))
    return nanoseconds // 1_000_000_000 + nanoseconds % 1_000_000_000 * 1e-9
