"""What the models made of each piece of sound, and how long it took them: recordings are listened
to again and again without asking twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

import numpy as np

from omni_agent.backends import RATE, Suppressor
from omni_agent.core.end_of_turn import PUNCTUATION
from omni_agent.core.hearing import HeardFrame, Hearing, VoiceModel

BLOCK_S = 0.02             # the microphone sends blocks
BLOCK = round(BLOCK_S * RATE)
START = 1_000_000.0        # Unix time of the first sample


@dataclass(frozen=True)
class Models:
    """``voice`` has a memory; the others have none."""

    voice: VoiceModel
    recognise: Callable[[np.ndarray], str]
    judge_end: Callable[[np.ndarray], float]
    # a fresh one for each recording
    suppressor: Callable[[], Suppressor | None] = lambda: None
    # how likely a sentence ends after these words
    ending: Callable[[str], float] | None = None


class Memo:
    """Results of the models by piece of sound, with the processor time each took: replays cost
    nothing.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: dict = {}

    def listen(self, samples: np.ndarray) -> tuple[list[HeardFrame], np.ndarray]:
        """Judged frames, and the sound as the recogniser gets it."""
        return self._once(('voice', samples.tobytes()), lambda: self._listen(samples))[0]

    def _listen(self, samples: np.ndarray) -> tuple[list[HeardFrame], np.ndarray]:
        self._models.voice.reset()
        hearing = Hearing(self._models.voice, None, self._models.suppressor(),
                          seconds=samples.size / RATE + 1)
        pcm = pcm16(samples)
        pcm = pcm[:pcm.size // BLOCK * BLOCK]
        frames = [frame for at in range(0, pcm.size, BLOCK)
                  for frame in hearing.hear(START + at / RATE, at, pcm[at:at + BLOCK])]
        return frames, hearing.clean.read(0, pcm.size).astype(np.float32) / 32768

    def words(self, samples: np.ndarray) -> tuple[str, float]:
        return self._once(('words', samples.tobytes()),
                          lambda: self._models.recognise(samples).strip())

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


def pcm16(samples: np.ndarray) -> np.ndarray:
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)
