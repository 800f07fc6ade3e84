"""The only place that computes how a box-shaped room answers a voice that is turned somewhere:
image sources (Allen and Berkley 1979) for the first 60 ms, and a tail of noise that falls as the
walls have it.

A mouth is a loudspeaker with a direction: behind the head low tones are some 4 dB and high ones 14
dB weaker (after Chu and Warnock 2002), for the direct sound and for every image of it. Own code
and not pyroomacoustics, which has no package for Python 3.10 on arm64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_agent.backends import RATE

SOUND_M_S = 343.0
EARLY_S = 0.06
CROSSOVER_HZ = 1500.0
BEHIND = {'low': 0.4, 'high': 0.8}       # share of the amplitude that is lost behind the head
# reverberation time of high tones, as a share of that of low ones
DULLER = 0.75


@dataclass(frozen=True)
class Box:
    """Edges [m], reverberation time [s], and where the microphone is [m]."""

    size: tuple[float, float, float]
    rt60_s: float
    microphone: tuple[float, float, float]


def draw(seed: int) -> Box:
    """A living room, a kitchen, an office."""
    rng = np.random.default_rng(seed)
    size = (rng.uniform(3.5, 7.5), rng.uniform(3.0, 6.0), rng.uniform(2.4, 3.2))
    microphone = (size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.15, 0.4),
                  rng.uniform(0.8, 1.3))
    return Box(size, float(rng.uniform(0.2, 0.55)), microphone)


def response(box: Box, distance_m: float, turned_deg: float, seed: int) -> np.ndarray:
    """float32 impulse response from a mouth at ``distance_m``, or as far as the walls allow, which
    is turned away by ``turned_deg``; the direct sound of a mouth at 1 m that is not turned has the
    amplitude 1.
    """
    rng = np.random.default_rng(seed)
    mouth = _stand(box, distance_m, rng)
    facing = _turned(np.asarray(box.microphone) - mouth, np.radians(turned_deg), rng)
    bands = {'low': box.rt60_s, 'high': DULLER * box.rt60_s}
    trains = {
        band: _train(box, mouth, facing, rt60_s, BEHIND[band], rng)
        for band, rt60_s in bands.items()
    }
    length = 1 << (max(len(train) for train in trains.values()) - 1).bit_length()
    octaves = np.log2(np.maximum(np.fft.rfftfreq(length, 1 / RATE), 1.0) / CROSSOVER_HZ)
    high = np.clip(octaves + 0.5, 0.0, 1.0)
    spectrum = (np.fft.rfft(trains['low'], length) * (1 - high) +
                np.fft.rfft(trains['high'], length) * high)
    return np.fft.irfft(spectrum, length).astype(np.float32)


def _stand(box: Box, distance_m: float, rng: np.random.Generator) -> np.ndarray:
    """Somewhere at about that distance with 0.3 m to every wall."""
    size, microphone = np.asarray(box.size), np.asarray(box.microphone)
    best, off = microphone, np.inf
    for angle in rng.uniform(0, 2 * np.pi, 24):
        place = microphone + distance_m * np.array([np.cos(angle), np.sin(angle), 0.0])
        place[2] = 1.5
        kept = np.clip(place, 0.3, size - 0.3)
        missing = abs(np.linalg.norm(kept - microphone) - distance_m)
        if missing < off:
            best, off = kept, missing
        if off < 0.2:
            break
    return best


def _turned(towards: np.ndarray, by: float, rng: np.random.Generator) -> np.ndarray:
    """A direction, in the horizontal plane, that is ``by`` off the one to the microphone."""
    by *= rng.choice([-1.0, 1.0])
    x, y = towards[0], towards[1]
    turned = np.array([np.cos(by) * x - np.sin(by) * y, np.sin(by) * x + np.cos(by) * y, 0.0])
    return turned / max(1e-9, np.linalg.norm(turned))


def _train(box: Box, mouth: np.ndarray, facing: np.ndarray, rt60_s: float, behind: float,
           rng: np.random.Generator) -> np.ndarray:
    size = np.asarray(box.size)
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    # of the amplitude (Eyring)
    reflected = np.sqrt(np.exp(-0.161 * size.prod() / (surface * rt60_s)))
    reach = np.ceil(EARLY_S * SOUND_M_S / (2 * size)).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing='ij'),
                    -1).reshape(-1, 3)
    parity = np.stack(np.meshgrid(*([0, 1],) * 3, indexing='ij'), -1).reshape(-1, 3)
    n, p = (one.reshape(-1, 3) for one in np.broadcast_arrays(grid[:, None], parity[None]))
    images = (1 - 2 * p) * mouth + 2 * n * size
    hits = (np.abs(n - p) + np.abs(n)).sum(1)
    way = np.asarray(box.microphone) - images
    far = np.maximum(np.linalg.norm(way, axis=1), 0.1)
    cosine = ((1 - 2 * p) * facing * way).sum(1) / far
    gain = reflected ** hits / far * (1 - behind * (1 - cosine) / 2)
    at = np.round(far / SOUND_M_S * RATE).astype(int)
    early = int((EARLY_S + far[hits == 0].min() / SOUND_M_S) * RATE)
    train = np.zeros(early + int(rt60_s * RATE))
    np.add.at(train, at[at < early], gain[at < early])
    last = train[early - RATE // 50:early]
    falling = np.exp(-6.91 * np.arange(len(train) - early) / (rt60_s * RATE))
    train[early:] = (rng.standard_normal(falling.size) * np.sqrt(np.mean(last**2)) *
                     np.exp(-0.0691 / rt60_s) * falling)
    return train
