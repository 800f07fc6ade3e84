"""The only place that knows what television and radio sound like before they leave their
loudspeaker: voices of one loudness hard behind each other, music under them, and a small box that
has no low tones.

A model of broadcasting and not a recording of it; every programme is drawn from its seed.
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import RATE, noises
from omni_agent.backends import room_acoustics as acoustics

LEVEL_DBFS = -20.0
Music = Callable[[np.random.Generator], np.ndarray]


def programme(voices: Sequence[np.ndarray], seed: int,
              music: Music = noises.music) -> np.ndarray:
    """float32 samples at RATE of what comes out of the loudspeaker."""
    rng = np.random.default_rng(seed)
    pieces = []
    for voice in voices:
        first, last = acoustics.voiced_span(voice)
        said = voice[first:last]
        pieces += [said * acoustics.db(LEVEL_DBFS - acoustics.speech_level(said)),
                   np.zeros(round(rng.exponential(0.25) * RATE) + 480)]
    speech = np.concatenate(pieces)
    mixed = compressed(speech, ratio=float(rng.uniform(2.0, 5.0)))
    if rng.random() < 0.6:
        mixed = mixed + bed(mixed.size, rng, music) * acoustics.db(
            LEVEL_DBFS - rng.uniform(10.0, 24.0))
    return boxed(compressed(mixed, 2.0), float(rng.uniform(110, 260)),
                 float(rng.uniform(5500, 7800)))


def compressed(samples: np.ndarray, ratio: float, over_db: float = -12.0) -> np.ndarray:
    """Loud syllables are turned down and soft ones up, over 5 ms and 120 ms as in a studio."""
    levels = acoustics.frame_levels(samples)
    envelope = np.empty_like(levels)
    level = -60.0
    for index, now in enumerate(levels):         # 10 ms each
        level += (now - level) * (0.8 if now > level else 0.08)
        envelope[index] = level
    top = np.percentile(envelope, 98)
    excess = np.maximum(0.0, envelope - (top + over_db))
    gains = acoustics.db(1.0) ** (-excess * (1 - 1 / ratio))
    centres = (np.arange(len(gains)) + 0.5) * acoustics.FRAME
    shaped = samples * np.interp(np.arange(samples.size), centres, gains)
    return shaped * acoustics.db(LEVEL_DBFS - acoustics.speech_level(shaped))


def bed(size: int, rng: np.random.Generator, music: Music = noises.music) -> np.ndarray:
    """Music of RMS 1 that has no end."""
    parts = []
    while sum(part.size for part in parts) < size:
        parts.append(music(np.random.default_rng(int(rng.integers(2**31)))))
    sound = np.concatenate(parts)[:size]
    return sound / np.sqrt(np.mean(sound**2))


def boxed(samples: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """What a small loudspeaker leaves: 12 dB per octave below ``low_hz``, 18 above ``high_hz``, a
    hump at 2 kHz.
    """
    frequency = np.maximum(np.fft.rfftfreq(samples.size, 1 / RATE), 1.0)
    shape = 1 / np.sqrt(1 + (low_hz / frequency) ** 4) / np.sqrt(1 + (frequency / high_hz) ** 6)
    hump = 1 + 0.4 * np.exp(-np.log2(frequency / 2000) ** 2)
    return np.fft.irfft(np.fft.rfft(samples) * shape * hump, samples.size).astype(np.float32)
