"""The ears of a robot that listens to one recording in simulated time: the only place that gives
them its streams there, and says how long the models take.

Nothing of the robot's own voice is left in either stream; what it costs to get rid of it is
measured by the echo bench. But the ears know that it speaks, so they ask more often then, and hear
on two streams. It has spoken before, so they know the room.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.ear_workers import EarWorkers, Job
from omni_agent.backends.turn_memo import Memo
from omni_agent.core.ears import Ears, PerceptionParams, Recognise, Recognised, TurnEndJudged
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Perceived

START = 1_000_000.0        # Unix time of the first sample
HOP_S = 0.012              # a topic, and waiting for the executor
RECOGNISE_S = (0.02, 0.02)     # of a partial result: fixed, and per second of sound
# [samples] before the recording, whole frames and blocks: the robot speaks in a quiet room
BEFORE = 51_200
REVERB = RATE // 2         # [samples] after its last word
VOICE_DBFS, LOW_DB, ROOM_DBFS = -20.0, -26.0, -62.0

At = Callable[[float, Callable[[float], None]], None]


class Remembered:
    """Models as the memo knows them; without ``reads`` nobody would read partial words now."""

    def __init__(self, memo: Memo, reads: Callable[[], bool]) -> None:
        self._memo, self._reads = memo, reads

    def jobs(self, wanted: Recognise, end: float,
             now: float) -> tuple[Job[Recognised], Job[TurnEndJudged] | None]:
        request, samples = wanted.request, wanted.samples
        if not request.final:
            fixed_s, share = RECOGNISE_S
            takes_s = fixed_s + share * samples.size / RATE
            return Job(takes_s, lambda: self._partial(wanted, takes_s)), None
        text, took_s = self._memo.words(samples)
        found, measured_s = self._memo.cues(samples)
        said = Recognised(request, text, took_s, tuple(found.cues.items()), found.print)
        probability, judged_s = self._memo.turn_end(samples)
        return (Job(took_s + measured_s, lambda: said),
                Job(judged_s, lambda: TurnEndJudged(request, probability)))

    def _partial(self, wanted: Recognise, takes_s: float) -> Recognised:
        text = self._memo.words(wanted.samples)[0] if self._reads() else ''
        return Recognised(wanted.request, text, takes_s)


class TurnEars:
    """``at`` has something done at a time, ``tell`` gets what is perceived, and when."""

    def __init__(self, memo: Memo, perception: PerceptionParams, endpoint: EndpointParams,
                 reads: Callable[[], bool], at: At,
                 tell: Callable[[Perceived, float], None]) -> None:
        self._memo, self._at, self._tell = memo, at, tell
        self._workers = EarWorkers(Remembered(memo, reads))
        self.ears = Ears(perception, endpoint, LipsInTime(), self._workers.is_idle,
                         lambda what: None)
        self.speaks, self.low = False, False         # the robot

    @property
    def stopped_s(self) -> float:
        """End of the voice as heard [s of the recording]."""
        return (self.ears.utterance.last_voiced - BEFORE) / RATE

    def begin(self, samples: np.ndarray) -> None:
        """All of a recording is put on its way, block by block."""
        sound = np.concatenate((pcm16(room()), pcm16(samples)))
        sound = sound[:sound.size // BLOCK * BLOCK]
        self.ears.hear_with(*self._memo.voices(sound), self._memo.suppressor())
        for position in range(0, sound.size, BLOCK):
            self._at(START + (position + BLOCK - BEFORE) / RATE + HOP_S,
                     lambda now, position=position: self._hear(sound, position, now))

    def _hear(self, sound: np.ndarray, position: int, now: float) -> None:
        t, block = START + (position - BEFORE) / RATE, sound[position:position + BLOCK]
        if self.speaks or position < BEFORE - REVERB:
            self.ears.reference(t, voice(self.low)[position % BEFORE:][:BLOCK])
        for into in (self.ears.strict, self.ears.audio):
            for one in self._workers.take(self.ears, into(t, position, block), now):
                self._tell(one, now)
        self._await()

    def _await(self) -> None:
        if np.isfinite(self._workers.due_s):
            self._at(self._workers.due_s, self._answer)

    def _answer(self, now: float) -> None:
        while self._workers.due_s <= now:
            for one in self._workers.answer(self.ears):
                self._tell(one, now)
        self._await()


@lru_cache(maxsize=None)
def room() -> np.ndarray:
    return np.resize(acoustics.pink_noise(ROOM_DBFS, 2), BEFORE)


@lru_cache(maxsize=None)
def voice(low: bool) -> np.ndarray:
    """As good as any where nothing of it is left."""
    loud = VOICE_DBFS + (LOW_DB if low else 0.0)
    return pcm16(np.resize(acoustics.pink_noise(loud, 3), BEFORE))


def pcm16(samples: np.ndarray) -> np.ndarray:
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)
