"""The only place that puts what was played beside what was heard: one time line, one block of each
at a time.

The two devices count their samples by different clocks, and stamps jitter. The loudspeaker's
counter says which of its samples follow each other, its stamps say where in the microphone's
stream they belong; a slow average of the stamps joins the two, to fractions of a sample: a
reference that hops costs the cancellers 15 dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Iterator

import numpy as np

from .audio import RATE, AudioRing

BLOCK = 320                # [samples] 20 ms: what a canceller takes
# of an error of the stamps is taken over per block: 3 s. Jitter of 0.3 ms becomes 0.4 samples
PULL = 0.006
LEARN = PULL ** 2 / 4      # of it becomes drift: as fast as it gets without overshooting
FASTEST = 500e-6           # drift of two clocks; beyond it is not drift
# [samples] the average may wander by this much before the alignment moves with it: what
PLAY = 3.0
#                            is left of jitter moves nothing, what drifts is followed evenly
# [samples] 10 ms: no clock drifts that far in 10 s; it is another alignment
JUMP = BLOCK // 2
LAST = 1 << 60             # [samples] beyond it no counter ever gets
# [s] of what was played are kept: the speaker is at most half a second ahead
REFERENCE_S = 4.0

Canceller = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """One block of the microphone's stream from sample ``position`` on, int16 (BLOCK,), cleaned
    twice.
    """

    position: int
    t: float
    gentle: np.ndarray               # the person's words whole, some of the robot's voice left
    # nothing of the robot's voice left, and not all of the person's
    strict: np.ndarray | None


class Offset:
    """Where one count lies in another that runs at nearly the same speed, from noisy
    measurements.
    """

    def __init__(self) -> None:
        self.value: float | None = None        # [samples]
        self.drift = 0.0                       # [samples per sample]
        self.jumps = 0
        self._mean = 0.0
        self._at = 0                           # position of the last measurement
        self._count = 0

    def measure(self, offset: float, at: int) -> None:
        """The other count's sample ``at`` was found at ``at + offset``. The first ones are
        averaged evenly.
        """
        expected = self._mean + self.drift * (at - self._at)
        if self.value is None or abs(offset - expected) > JUMP:
            self.jumps += self.value is not None
            self.value, self.drift, self._count = offset, 0.0, 0
            expected = offset
        self._count += 1
        error = offset - expected
        if self._count * PULL > 1:             # that many are needed to tell drift from jitter
            self.drift = min(max(self.drift + LEARN * error / BLOCK, -FASTEST), FASTEST)
        self._mean, self._at = expected + max(PULL, 1 / self._count) * error, at
        self.value = min(max(self.value, self._mean - PLAY), self._mean + PLAY)


class Reference:
    """What was played, in the loudspeaker's own count, to be read at the microphone's."""

    def __init__(self) -> None:
        # the microphone's position of the loudspeaker's sample 0
        self.offset = Offset()
        self._ring = AudioRing(REFERENCE_S)

    def write(self, at: float, position: int, samples: np.ndarray) -> None:
        """``samples`` begin with the loudspeaker's number ``position`` and are heard from ``at``
        on.
        """
        self.offset.measure(at - position, position)
        if position < self._ring.start:      # it was started again
            self._ring = AudioRing(REFERENCE_S)
        self._ring.write(samples, position)

    def read(self, at: int) -> np.ndarray:
        """int16 (BLOCK,) from the microphone's position ``at`` on; silence where nothing was
        played.
        """
        if self.offset.value is None:
            return np.zeros(BLOCK, np.int16)
        exact = at - self.offset.value
        start = math.floor(exact)
        known = self._ring.read(start - 1, start + BLOCK + 2)
        if not known.any():
            return np.zeros(BLOCK, np.int16)
        around = np.zeros(BLOCK + 3, np.float32)
        first = max(start - 1, self._ring.start) - (start - 1)
        around[first:first + known.size] = known
        sound = np.convolve(around, _between(exact - start), 'valid')
        return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def _between(fraction: float) -> np.ndarray:
    """Weights, last sample first, of four samples for the value ``fraction`` after the second
    (Lagrange).
    """
    x = fraction
    return np.array([(x + 1) * x * (x - 1) / 6, -(x + 1) * x * (x - 2) / 2,
                     (x + 1) * (x - 1) * (x - 2) / 2, -x * (x - 1) * (x - 2) / 6], np.float32)


class FrontEnd:
    """Microphone in, two cleaned streams out.

    Without a gentle canceller both are the strict one's. Without a strict one there is no strict
    stream: what the gentle one leaves of the robot must not pass for a person.
    """

    def __init__(self, gentle: Canceller | None, strict: Canceller | None) -> None:
        self.reference = Reference()
        # [samples] of the reference that came after they were needed
        self.late = 0
        self._gentle = gentle
        self._strict = strict
        self._zero = Offset()                # [samples] since 1970 at the microphone's sample 0
        self._open = np.zeros(0, np.int16)   # heard, not yet a whole block
        self._next = 0                       # position of its first sample

    def play(self, t: float, position: int, samples: np.ndarray) -> None:
        """int16 samples from the loudspeaker's ``position`` on that are heard from ``t`` on;
        silence need not be told.
        """
        if self._zero.value is None:         # nothing was heard yet
            return
        at = t * RATE - self._zero.value
        if abs(at - self._next) > REFERENCE_S * RATE or position > LAST:      # of another time
            return
        self.late += min(samples.size, max(0, self._next - round(at)))
        self.reference.write(at, position, samples)

    def hear(self, t: float, position: int, samples: np.ndarray) -> Iterator[Cleaned]:
        """int16 samples whose first one is number ``position``, recorded at ``t``; whole blocks
        come out.
        """
        if position != self._next + self._open.size:      # a hole, or another microphone
            self._open, self._next = np.zeros(0, np.int16), position
        self._zero.measure(t * RATE - position, position)
        self._open = np.concatenate((self._open, samples)) if self._open.size else samples
        while self._open.size >= BLOCK:
            block, self._open = self._open[:BLOCK], self._open[BLOCK:]
            at, self._next = self._next, self._next + BLOCK
            yield self._clean(at, t + (at - position) / RATE, block)

    def _clean(self, at: int, t: float, heard: np.ndarray) -> Cleaned:
        played = self.reference.read(at)
        strict = self._strict(heard, played) if self._strict else None
        if self._gentle:
            return Cleaned(at, t, self._gentle(heard, played), strict)
        return Cleaned(at, t, heard if strict is None else strict, strict)
