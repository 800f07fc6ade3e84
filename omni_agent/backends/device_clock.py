"""The only place that turns a sound device's stamps into smooth Unix times.

Devices lie: PulseAudio claims for a second after it has slept that its sound is half a second old.
Callbacks come late when the machine is busy, and several at once afterwards. Neither means that
sound was lost; blocks that keep coming later than their number says do.
"""

from __future__ import annotations

from collections import deque

from omni_agent.backends import RATE

PULL = 0.02              # of an error is taken over per block: jitter of 10 ms becomes 0.2 ms
PATIENCE = 10            # [blocks] later than GAP_S, each of them: sound was lost
GAP_S = 0.04
CREEP_S = 20e-6          # per callback, 1000 ppm: how fast the offset of two clocks may grow
STEP_S = 1.0             # more than this, and somebody has set the clock


class DeviceClock:
    """Predicts each block from the one before and lets the device's own stamp pull at it."""

    def __init__(self) -> None:
        self._next: float | None = None      # predicted time of the next sample
        self._blocks = 0
        self._errors: deque[float] = deque(maxlen=PATIENCE)
        self.lost_s = 0.0                    # just before the block that was stamped last

    def stamp(self, measured: float, samples: float) -> float:
        """Time of the first of ``samples`` (at RATE), for which the device says ``measured``."""
        self._blocks += 1
        length_s = samples / RATE
        t = measured if self._next is None else self._next + self._correction(measured, length_s)
        self._next = t + length_s
        return t

    def _correction(self, measured: float, length_s: float) -> float:
        """The first blocks are averaged. Backwards goes slowly, so that stamps always rise."""
        assert self._next is not None
        error = measured - self._next
        self._errors.append(error)
        self.lost_s = min(self._errors) if len(self._errors) == PATIENCE else 0.0
        if self.lost_s > GAP_S:
            self._errors.clear()
            return self.lost_s
        self.lost_s = 0.0
        pull = max(PULL, 1 / self._blocks) * min(error, GAP_S)
        return max(-0.5 * length_s, pull)


class UnixTime:
    """PortAudio's clock in Unix seconds, whoever kept the callback waiting.

    Python sees the Unix time of a callback only when it gets to run, which is late by what other
    threads take. Waiting only ever adds, so the smallest difference of the two clocks is the true
    one.
    """

    def __init__(self, longest_s: float, usual_s: float) -> None:
        """A latency beyond ``longest_s`` is nonsense and replaced by ``usual_s``.

        The latter is negative for a microphone: its sound is older than the callback.
        """
        self._longest_s = longest_s
        self._usual_s = usual_s
        self._offset: float | None = None

    def __call__(self, now: float, callback_time: float, stamp: float) -> float:
        """Unix time of ``stamp``; ``now`` is the Unix time and ``callback_time`` PortAudio's."""
        offset = now - callback_time
        if self._offset is None or offset > self._offset + STEP_S:
            self._offset = offset
        self._offset = min(offset, self._offset + CREEP_S)
        latency = stamp - callback_time
        is_known = 0 < stamp and abs(latency) <= self._longest_s and latency * self._usual_s >= 0
        return callback_time + self._offset + (latency if is_known else self._usual_s)
