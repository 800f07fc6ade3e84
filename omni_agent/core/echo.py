"""How much of what the microphone hears is the robot's own voice.

A plain reference gate: per frequency band, the loudest recent loudspeaker energy times a learnt
coupling predicts the echo; what is left above it belongs to somebody else. It removes nothing from
the sound.
"""

from __future__ import annotations

from collections import deque

import numpy as np

RATE = 16_000
BLOCK = 320                    # [samples] 20 ms
BANDS = 20
EDGES_HZ = np.geomspace(120.0, 7200.0, BANDS + 1)
MEMORY = 6                     # [blocks] 120 ms: the true delay lies somewhere in here
# a block of reverberation tail: 60 dB in 0.48 s, a lively living room
TAIL_DB = 2.5
MARGIN_DB = 6.0                # the coupling differs by about this much from word to word
# before anything was learnt the echo is assumed louder than the reference
START_DB = 6.0
FALL_DB, RISE_DB = 0.25, 1.0   # per block: settles near the 80th percentile of what is observed
# per block while somebody else seems to speak: 1.5 dB/s, so that a moved
CREEP_DB = 0.03
#                                loudspeaker cannot stay mistaken for a person for ever
SILENT = 1e-7                  # band energy below which a reference counts as silence (-70 dBFS)

_BINS = np.fft.rfftfreq(BLOCK, 1 / RATE)
_MASKS = np.stack([(_BINS >= low) & (_BINS < high)
                   for low, high in zip(EDGES_HZ[:-1], EDGES_HZ[1:])]).astype(np.float32)
_WINDOW = np.hanning(BLOCK).astype(np.float32)


def bands(samples: np.ndarray) -> np.ndarray:
    """Energy per band of one int16 block of shape (BLOCK,) -> float32 (BANDS,)."""
    spectrum = np.fft.rfft(samples.astype(np.float32) / 32768.0 * _WINDOW)
    power = (spectrum.real ** 2 + spectrum.imag ** 2).astype(np.float32) / BLOCK
    return _MASKS @ power


class EchoGate:
    """Feed reference blocks as they are played and microphone blocks as they come."""

    def __init__(self) -> None:
        self.coupling_db = np.full(BANDS, START_DB, np.float32)
        self.active = False                  # the robot could be heard in the last block
        self._references: deque[tuple[float, np.ndarray]] = deque(maxlen=100)
        self._envelope = np.zeros(BANDS, np.float32)

    def play(self, t: float, samples: np.ndarray) -> None:
        """A block whose first sample leaves the loudspeaker at ``t`` [Unix s]; silence need not be
        told.
        """
        self._references.append((t, bands(samples)))

    def hear(self, t: float, samples: np.ndarray) -> float:
        """Likelihood in [0, 1] that the block recorded at ``t`` is nothing but echo."""
        reference = self._reference(t)
        active = reference > SILENT
        self.active = bool(active.any())
        if not self.active:
            return 0.0
        microphone = bands(samples)
        predicted = reference * 10 ** ((self.coupling_db + MARGIN_DB) / 10)
        total = float(microphone.sum()) + 1e-12
        share = float(np.minimum(microphone, predicted).sum()) / total
        self._learn(microphone, reference, active, person=share < 0.5)
        return min(1.0, share)

    def _reference(self, t: float) -> np.ndarray:
        block_s = BLOCK / RATE
        recent = [energy for start, energy in self._references
                  if t - MEMORY * block_s <= start <= t + block_s]
        loudest = np.max(recent, axis=0) if recent else np.zeros(BANDS, np.float32)
        self._envelope = np.maximum(loudest, self._envelope * 10 ** (-TAIL_DB / 10))
        return self._envelope

    def _learn(self, microphone: np.ndarray, reference: np.ndarray, active: np.ndarray,
               person: bool) -> None:
        ratio_db = 10 * np.log10((microphone + 1e-12) / (reference + 1e-12))
        rise = CREEP_DB if person else RISE_DB
        # first seconds: catch up fast
        far = np.where(self.coupling_db - ratio_db > 12.0, 4.0, 1.0)
        step = np.where(ratio_db > self.coupling_db, rise, -FALL_DB * far)
        self.coupling_db = np.where(active, np.clip(self.coupling_db + step, -60.0, 20.0),
                                    self.coupling_db).astype(np.float32)
