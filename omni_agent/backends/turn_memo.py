"""What the models made of each piece of sound, and how long it took them: recordings are listened
to again and again without asking twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import Suppressor, voice_cues
from omni_agent.core.end_of_turn import PUNCTUATION
from omni_agent.core.hearing import FRAME, Ear, VoiceModel


@dataclass(frozen=True)
class Models:
    """``voice`` and ``strict`` have a memory; the others have none. ``strict`` listens while the
    robot speaks.
    """

    voice: VoiceModel
    recognise: Callable[[np.ndarray], str]
    judge_end: Callable[[np.ndarray], float]
    # a fresh one for each recording
    suppressor: Callable[[], Suppressor | None] = lambda: None
    # how likely a sentence ends after these words
    ending: Callable[[str], float] | None = None
    strict: VoiceModel | None = None


class Memo:
    """Results of the models by piece of sound, with the processor time each took: replays cost
    nothing.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: dict = {}

    def voices(self, samples: np.ndarray) -> tuple[VoiceModel, VoiceModel | None]:
        """For the two streams of one int16 recording; the first is asked from its first sample
        on.
        """
        if self._models.strict is not None:
            self._models.strict.reset()
        return Known(self._once(('voice', samples.tobytes()), lambda: self._judge(samples))[0]
                     ), self._models.strict

    def _judge(self, samples: np.ndarray) -> list[float]:
        self._models.voice.reset()
        ear = Ear(self._models.voice)
        return [ear(samples[at:at + FRAME], at + FRAME)
                for at in range(0, samples.size - FRAME + 1, FRAME)]

    def suppressor(self) -> Suppressor | None:
        return self._models.suppressor()

    def words(self, samples: np.ndarray) -> tuple[str, float]:
        return self._once(('words', samples.tobytes()),
                          lambda: self._models.recognise(samples).strip())

    def cues(self, samples: np.ndarray) -> tuple[voice_cues.Measured, float]:
        return self._once(('cues', samples.tobytes()), lambda: voice_cues.measure(samples))

    def turn_end(self, samples: np.ndarray) -> tuple[float, float]:
        return self._once(('end', samples.tobytes()), lambda: self._models.judge_end(samples))

    def ending(self, text: str) -> tuple[float | None, float]:
        """Its threads are its own, so its time is that of the clock."""
        if self._models.ending is None:
            return None, 0.0
        return self._once(('ending', text), lambda: self._models.ending(text.rstrip(PUNCTUATION)),
                          time.perf_counter)

    def _once(self, key: tuple, work: Callable,
              clock: Callable[[], float] = time.thread_time) -> tuple:
        key = key[0], hash(key[1])
        if key not in self._known:
            began = clock()
            result = work()
            self._known[key] = result, clock() - began
        return self._known[key]


class Known:
    """A voice model that has heard it all before."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        self._rest = iter(probabilities)

    def __call__(self, frame: np.ndarray) -> float:
        return next(self._rest)

    def reset(self) -> None:
        """What it knows was heard with it."""
