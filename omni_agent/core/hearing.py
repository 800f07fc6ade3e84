"""Microphone samples -> judged voice frames: canceller, echo gate and voice-activity model on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Protocol

import numpy as np

from .audio import RATE, AudioRing, level_dbfs
from .echo import BLOCK, EchoGate
from .endpoint import VoiceFrame

FRAME = 512                # [samples] 32 ms: what the voice-activity model takes
LONGEST_CHUNK = RATE       # [samples] a chunk longer than a second is not a live microphone
SNAP = BLOCK // 2          # [samples] a reference block this near to the end of the last one follows it

DULL = 30                  # [frames] after a second without a voice the model forgets: its memory fills with echo and noise
#                            until it misses whole words (with reset 34 ms to an onset, without 640 ms, same sound)
VOICE = 0.3                # probability from which a frame is not "without a voice"

Canceller = Callable[[np.ndarray, np.ndarray], np.ndarray]


class VoiceModel(Protocol):
    """Probability that FRAME float32 samples hold speech; has a memory."""

    def __call__(self, frame: np.ndarray) -> float: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """A judged frame that ends at sample ``end`` of the stream."""

    end: int
    voice: VoiceFrame
    level_dbfs: float


class Hearing:
    """Keeps the last half minute of the stream and judges it frame by frame.

    ``ring`` is what was heard, ``clean`` what is left of it without the robot's own voice; without a canceller
    both are the same.
    """

    def __init__(self, voice: VoiceModel, canceller: Canceller | None = None,
                 seconds: float = 32.0) -> None:
        self.ring = AudioRing(seconds)
        self.clean = AudioRing(seconds) if canceller else self.ring
        self.echo = EchoGate()
        self.lost = 0                        # [samples] missing from the stream
        self.late = 0                        # [samples] of the reference that came after they were needed
        self._played = AudioRing(4.0)        # the reference at the positions of the microphone's stream
        self._canceller = canceller
        self._voice = voice
        self._dull = 0                       # [frames] since the last one with a voice
        self._echo_at: list[tuple[int, float]] = []     # (end, likelihood) of the blocks of the open frame
        self._gated = 0                      # next sample for the canceller and the echo gate
        self._framed = 0                     # next sample for the voice model
        self._t0 = 0.0                       # Unix time of sample 0

    def time(self, position: int) -> float:
        """Acquisition time of a sample [Unix s]."""
        return self._t0 + position / RATE

    def play(self, t: float, samples: np.ndarray) -> None:
        """An int16 block of shape (BLOCK,) whose first sample leaves the loudspeaker at ``t`` [Unix s]."""
        self.echo.play(t, samples)
        at = round((t - self._t0) * RATE)
        if abs(at - self._played.end) <= SNAP:
            at = self._played.end
        if self.ring.end and at >= 0:
            self.late += min(samples.size, max(0, self._gated - at))
            self._played.write(samples, at)

    def hear(self, t: float, position: int, samples: np.ndarray) -> Iterator[HeardFrame]:
        """Take int16 samples whose first one is number ``position``, recorded at ``t``; old ones are ignored."""
        if self.ring.end and position > self.ring.end:
            self.lost += position - self.ring.end
        if not self.ring.end or position > self.ring.end + RATE:
            self._gated = self._framed = position
        if not self.ring.write(samples, position):
            return
        self._t0 = t - position / RATE
        yield from self._judge()

    def _judge(self) -> Iterator[HeardFrame]:
        while self._gated + BLOCK <= self.ring.end:
            block = self._cancelled(self._gated)
            self._gated += BLOCK
            self._echo_at.append((self._gated, self.echo.hear(self.time(self._gated - BLOCK), block)))
        while self._framed + FRAME <= self._gated:
            frame = self.clean.read(self._framed, self._framed + FRAME)
            self._framed += FRAME
            yield self._frame(frame)

    def _cancelled(self, at: int) -> np.ndarray:
        heard = self.ring.read(at, at + BLOCK)
        if self._canceller is None:
            return heard
        played = np.zeros(BLOCK, np.int16)
        known = self._played.read(at, at + BLOCK)
        first = max(at, self._played.start) - at
        played[first:first + known.size] = known
        block = self._canceller(heard, played)
        self.clean.write(block, at)
        return block

    def _frame(self, samples: np.ndarray) -> HeardFrame:
        start = self._framed - FRAME
        shares = [share for end, share in self._echo_at if end > start]
        self._echo_at = [item for item in self._echo_at if item[0] > self._framed]
        probability = self._probability(samples)
        voice = VoiceFrame(self.time(self._framed), FRAME / RATE, probability, float(np.mean(shares or [0.0])))
        return HeardFrame(self._framed, voice, level_dbfs(samples))

    def _probability(self, samples: np.ndarray) -> float:
        probability = self._voice(samples.astype(np.float32) / 32768.0)
        self._dull = 0 if probability >= VOICE else self._dull + 1
        if self._dull == DULL:
            self._voice.reset()
            self._dull = 0
        return probability
