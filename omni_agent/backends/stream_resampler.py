"""Brings an endless stream of sound from one rate to another, piece by piece without seams.

For devices that refuse RATE. Whole files are audio_files.resample's.
"""

from __future__ import annotations

import math

import numpy as np

ZERO_CROSSINGS = 16      # of the windowed sinc on each side: -80 dB at the mirror frequencies
BETA = 8.0               # of its Kaiser window


class StreamResampler:
    """A polyphase low-pass with memory. Delays by ZERO_CROSSINGS samples of the lower rate."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        divisor = math.gcd(rate_in, rate_out)
        self._up, self._down = rate_out // divisor, rate_in // divisor
        self._filters = _filters(self._up, self._down)           # (phase, tap)
        self._taps = self._filters.shape[1]
        self.reset()

    def reset(self) -> None:
        """Forgets the past, as after a gap."""
        self._pending = np.zeros(self._taps - 1, np.float32)
        self._phase = 0      # of the next output, in 1/up of an input sample past _pending

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """float32 (n,) -> float32 (about n * rate_out / rate_in,)."""
        sound = np.concatenate((self._pending, samples.astype(np.float32, copy=False)))
        available = (len(sound) - self._taps + 1) * self._up     # in 1/up of an input sample
        ticks = np.arange(self._phase, available, self._down)
        windows = np.lib.stride_tricks.sliding_window_view(sound, self._taps)[ticks // self._up] \
            if len(ticks) else np.zeros((0, self._taps), np.float32)
        used = len(sound) - self._taps + 1
        self._phase += len(ticks) * self._down - used * self._up
        self._pending = sound[used:]
        return np.einsum('ij,ij->i', windows, self._filters[ticks % self._up]).astype(np.float32)


def _filters(up: int, down: int) -> np.ndarray:
    """One row of taps per phase; a row meets the samples oldest first."""
    widest = max(up, down)
    half = ZERO_CROSSINGS * widest
    taps = 2 * (-(-half // up)) + 1
    at = np.arange(taps * up) - (taps * up - 1) // 2                # in 1/up of an input sample
    cutoff = 0.92 / widest                               # of half the lower rate: room to fall
    prototype = cutoff * np.sinc(at * cutoff) * np.kaiser(len(at), BETA) * up
    return prototype.reshape(taps, up).T[:, ::-1].astype(np.float32).copy()
