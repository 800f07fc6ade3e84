"""The only place that makes sounds of a household that are nobody's words, from fixed seeds.

float32 samples at RATE with a peak of about 0.5. They are shaped noise and plucked strings, not
recordings: as loud, as sudden and as long as the real thing.
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import RATE

MUSIC_S = 3.6


def band(noise: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """What lies between two frequencies, with edges of half an octave."""
    spectrum = np.fft.rfft(noise)
    octave = np.log2(np.maximum(np.fft.rfftfreq(noise.size, 1 / RATE), 1.0))
    rise = np.clip((octave - np.log2(low_hz)) * 2 + 1, 0, 1)
    fall = np.clip((np.log2(high_hz) - octave) * 2 + 1, 0, 1)
    return np.fft.irfft(spectrum * rise * fall, noise.size)


def decay(seconds: float, fall_s: float, attack_s: float = 0.002) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.exp(-t / fall_s) * np.minimum(1.0, t / attack_s)


def placed(seconds: float, events: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Sounds at their times [s]; the loudest sample becomes 0.5."""
    out = np.zeros(round(seconds * RATE))
    for at, sound in events:
        start = round(at * RATE)
        part = sound[:out.size - start]
        out[start:start + part.size] += part
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def burst(rng: np.random.Generator, seconds: float, fall_s: float, low_hz: float, high_hz: float,
          attack_s: float = 0.002) -> np.ndarray:
    shape = decay(seconds, fall_s, attack_s)
    return band(rng.standard_normal(shape.size), low_hz, high_hz) * shape


def door(rng: np.random.Generator) -> np.ndarray:
    slam = 3 * burst(rng, 0.7, 0.09, 50, 260) + burst(rng, 0.7, 0.02, 300, 4000)
    latch = 0.4 * burst(rng, 0.1, 0.008, 1500, 6000)
    return placed(0.9, [(0.05, slam), (0.16 + 0.05 * rng.random(), latch)])


def claps(rng: np.random.Generator) -> np.ndarray:
    times = 0.05 + np.cumsum(rng.uniform(0.28, 0.4, 4)) - 0.28
    return placed(1.8,
                  [(t, rng.uniform(0.7, 1) * burst(rng, 0.12, 0.018, 700, 4000)) for t in times])


def cough(rng: np.random.Generator) -> np.ndarray:
    """An explosive start, then breath through a throat of two resonances."""
    def one(size: float) -> np.ndarray:
        breath = (burst(rng, 0.32, 0.09, 250, 1200, 0.006) +
                  0.7 * burst(rng, 0.32, 0.06, 1400, 3800, 0.004))
        return size * breath
    return placed(1.1, [(0.05, one(1.0)), (0.05 + rng.uniform(0.3, 0.4), one(0.7))])


def typing(rng: np.random.Generator) -> np.ndarray:
    times = 0.05 + np.cumsum(rng.uniform(0.07, 0.22, 14))
    return placed(2.8,
                  [(t, rng.uniform(0.5, 1) * burst(rng, 0.05, 0.006, 1200, 6500)) for t in times])


def dishes(rng: np.random.Generator) -> np.ndarray:
    def clink() -> np.ndarray:
        t = np.arange(round(0.5 * RATE)) / RATE
        tones = rng.uniform(1800, 6000, 5)
        return (sum(
            np.sin(2 * np.pi * tone * t + rng.uniform(0, 6)) * np.exp(-t / rng.uniform(0.03, 0.12))
            for tone in tones) * np.minimum(1, t / 0.001))
    return placed(1.6, [(t, rng.uniform(0.5, 1) * clink()) for t in (0.05, 0.34, 0.5, 0.93)])


def vacuum(rng: np.random.Generator) -> np.ndarray:
    size = round(3.2 * RATE)
    t = np.arange(size) / RATE
    hum = sum(np.sin(2 * np.pi * 100 * k * t) / k for k in (1, 2, 3, 4, 6, 8))
    swell = np.minimum(1, t / 0.5) * np.minimum(1, (t[-1] - t) / 0.3)
    return placed(3.2,
                  [(0.0, (2 * band(rng.standard_normal(size), 200, 5000) + 0.3 * hum) * swell)])


def chair(rng: np.random.Generator) -> np.ndarray:
    size = round(0.9 * RATE)
    t = np.arange(size) / RATE
    rate = 90 + 60 * np.sin(2 * np.pi * 0.8 * t + rng.uniform(0, 6))
    stick = np.maximum(0, np.sin(2 * np.pi * np.cumsum(rate) / RATE)) ** 4
    return placed(1.0,
                  [(0.05, band(rng.standard_normal(size), 300, 3500) * stick * np.hanning(size))])


def music(rng: np.random.Generator) -> np.ndarray:
    """Plucked chords over a bass line, with a soft drum."""
    base = rng.choice([196.0, 220.0, 246.9])
    events = []
    for at, degrees in enumerate(((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 7, 16))):
        start = 0.02 + 0.88 * at
        events += [(start, 0.9 * pluck(rng, base / 2 * 2 ** (degrees[0] / 12), 0.85))]
        events += [(start + 0.22 * step, 0.6 * pluck(rng, base * 2 ** (degree / 12), 0.7))
                   for step, degree in enumerate((*degrees, degrees[1]))]
        events += [(start + beat, 0.25 * burst(rng, 0.1, 0.02, 80, 3000)) for beat in (0.0, 0.44)]
    return placed(MUSIC_S, events)


def waltz(rng: np.random.Generator) -> np.ndarray:
    """An accordion in a minor key: reeds that are not quite in tune, under a tune of their own. As
    long as ``music``.
    """
    base, beat_s = rng.choice([174.6, 207.7, 233.1]), 0.3
    events = []
    for bar, chord in enumerate(((0, 3, 7), (5, 8, 12), (7, 10, 14), (3, 7, 12))):
        start = 3 * beat_s * bar
        events += [(start, 0.9 * reed(base / 2 * 2 ** (chord[0] / 12), beat_s))]
        events += [(start + beat * beat_s, 0.4 * reed(base * 2 ** (degree / 12), 0.6 * beat_s))
                   for beat in (1, 2) for degree in chord]
        events += [(start, 0.7 * reed(2 * base * 2 ** (rng.choice(chord) / 12), 2 * beat_s)),
                   (start + 2 * beat_s, 0.7 * reed(2 * base * 2 ** (rng.choice(chord) / 12),
                                                   beat_s))]
    return placed(MUSIC_S, events)


def reed(pitch_hz: float, seconds: float) -> np.ndarray:
    """Two of them, six cents apart, that speak and fall silent within 30 ms."""
    t = np.arange(round(seconds * RATE)) / RATE
    both = sum(np.sin(2 * np.pi * k * pitch_hz * tuned * t + k) / k**1.3
               for k in range(1, 9) for tuned in (1.0, 1.0035) if k * pitch_hz < RATE / 2)
    return both * np.minimum(1.0, np.minimum(t, t[-1] - t) / 0.03)


def pluck(rng: np.random.Generator, pitch_hz: float, seconds: float) -> np.ndarray:
    """A string after Karplus and Strong: a burst of noise that runs around a shrinking loop."""
    loop = rng.uniform(-1, 1, round(RATE / pitch_hz))
    rounds = []
    for _ in range(round(seconds * RATE / loop.size) + 1):
        rounds.append(loop)
        loop = 0.996 * 0.5 * (loop + np.roll(loop, 1))
    return np.concatenate(rounds)[:round(seconds * RATE)]


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    'door': door,
    'claps': claps,
    'cough': cough,
    'typing': typing,
    'dishes': dishes,
    'vacuum': vacuum,
    'chair': chair,
    'music': music
}


def make(kind: str, seed: int) -> np.ndarray:
    """One of KINDS."""
    return KINDS[kind](np.random.default_rng(seed))
