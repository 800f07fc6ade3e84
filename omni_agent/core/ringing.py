"""A phone or an alarm in the microphone's stream: the only place that tells ringing from other
sounds.

Ringing is a few pure tones that stay where they are, as loud as they began, for most of a second.
Voices glide, clinks and strings fade, and most other sounds have no tones. Music may fool it,
where a note is held.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from .audio import RATE

RINGS = 'the phone or an alarm rings'    # in words, for whoever remembers
SIZE, HOP = 512, 256                     # 32 ms every 16 ms
LOW_HZ, HIGH_HZ = 380.0, 6000.0          # below are voices and mains hum
PEAKS, REACH = 3, 2                      # strongest tones, and bins beside that belong to one
PURE = 0.9                               # share of the sound that they hold
LOUD = 10.0                              # times the power of what is always there
WINDOW_S = 3.0                           # over which is counted
ENOUGH_S = 0.7                           # of tones that stay
STEADY = 0.8                             # share of the tonal frames in one or two places
HELD, NEAR = 0.6, 0.25                   # share of them with that much of the largest power
QUIET_S = 7.0                            # a phone is silent for up to 4 s between two rings
FLOOR_S = 10.0                           # over which what is always there is learnt
_BINS = np.arange(SIZE // 2 + 1)
_BAND = (_BINS * RATE / SIZE >= LOW_HZ) & (_BINS * RATE / SIZE <= HIGH_HZ)
_FIRST = int(np.argmax(_BAND))
_WINDOW = np.hanning(SIZE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Tone:
    """A frame that is little else: the bin of its strongest tone, and its power."""

    place: int
    power: float


class Ringing:
    """``hear`` int16 samples at RATE, one after another; True once when something begins to
    ring.
    """

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._tones: deque[_Tone | None] = deque(maxlen=round(WINDOW_S * RATE / HOP))
        self._floor = 0.0                # [power] of what is always there; 0: not known yet
        self._quiet = QUIET_S            # [s] since it rang last

    def hear(self, samples: np.ndarray) -> bool:
        sound = np.concatenate([self._rest, samples.astype(np.float32) / 32768.0])
        begins = False
        at = 0
        while at + SIZE <= sound.size:
            begins |= self._step(sound[at:at + SIZE])
            at += HOP
        self._rest = sound[at:]
        return begins

    def _step(self, frame: np.ndarray) -> bool:
        power = np.square(np.abs(np.fft.rfft(frame * _WINDOW)))[_BAND] / SIZE
        total = float(power.sum())
        self._learn(total)
        place = _place(power, total) if total > LOUD * self._floor else 0
        self._tones.append(_Tone(place, total) if place else None)
        self._quiet += HOP / RATE
        if not place or not _stays([tone for tone in self._tones if tone is not None]):
            return False
        begins = self._quiet >= QUIET_S
        self._quiet = 0.0
        return begins

    def _learn(self, total: float) -> None:
        """Falls at once, rises slowly: a ring of seconds is no background."""
        if not self._floor or total < self._floor:
            self._floor = max(total, 1e-9)
        else:
            self._floor *= min(1.05, (total / self._floor)**(HOP / RATE / FLOOR_S))


def _place(power: np.ndarray, total: float) -> int:
    """The bin of the strongest tone, 0 where the sound is no tone."""
    rest, held, place = power.copy(), 0.0, 0
    for _ in range(PEAKS):
        peak = int(rest.argmax())
        place = place or peak + _FIRST
        near = slice(max(0, peak - REACH), peak + REACH + 1)
        held += float(rest[near].sum())
        rest[near] = 0.0
    return place if held >= PURE * total else 0


def _stays(tones: Sequence[_Tone]) -> bool:
    """They are in one place, or in two that a trill goes between, and hardly fade."""
    if len(tones) * HOP / RATE < ENOUGH_S:
        return False
    counts, held = Counter(tone.place for tone in tones), 0
    for _ in range(2):
        place = max(counts, key=lambda one: counts[one], default=0)
        held += sum(counts.pop(near, 0) for near in (place - 1, place, place + 1))
    loud = NEAR * max(tone.power for tone in tones)
    return (held >= STEADY * len(tones)
            and sum(tone.power >= loud for tone in tones) >= HELD * len(tones))
