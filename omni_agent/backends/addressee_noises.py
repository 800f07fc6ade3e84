"""The only place that makes what goes on in the rooms of our own set of scenes while people talk:
machines, dishes, music, and people in the next room. No kind of it is in both halves.
"""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import (RATE, addressee_script, broadcast, noises, recorded_people,
                                 speakers)
from omni_agent.backends import room_acoustics as acoustics

NOISE_S = 20.0
# alone, and under television
MUSIC = {'development': noises.music, 'test': noises.waltz}
BAND_HZ = (100, 4000)        # what a wall leaves of people


def noise_of(kind: str, half: str, seed: int) -> np.ndarray:
    """NOISE_S seconds with an RMS of 1."""
    rng = np.random.default_rng(seed)
    size = round(NOISE_S * RATE)
    if kind in ('babble', 'chatter'):
        sound = _crowd(half, size, rng)
    elif kind in ('murmur', 'voices'):
        sound = _readers(half, size, rng)
    elif kind in ('guitar', 'accordion'):
        sound = broadcast.bed(size, rng, MUSIC[half])
    elif kind == 'pink':
        sound = acoustics.pink_noise(0.0, seed % 2**31)[:size]
    elif kind == 'vacuum':
        sound = np.resize(noises.make('vacuum', seed % 2**31)[RATE // 2:-RATE // 2], size)
    elif kind == 'dishes':
        sound = (_now_and_then(lambda: noises.dishes(rng), size, rng) +
                 0.01 * rng.standard_normal(size))
    elif kind == 'water':
        gush = 1 + 0.3 * np.sin(2 * np.pi * np.cumsum(rng.uniform(0.5, 3, size)) / RATE)
        sound = noises.band(rng.standard_normal(size), 400, 6500) * gush
    elif kind == 'fan':
        t = np.arange(size) / RATE
        hum = sum(np.sin(2 * np.pi * 37 * k * t + k) / k for k in range(1, 9))
        sound = noises.band(rng.standard_normal(size), 60, 1800) + 0.25 * hum
    else:
        sound = (_now_and_then(lambda: _clank(rng), size, rng) +
                 0.008 * noises.band(rng.standard_normal(size), 100, 5000))
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def _now_and_then(one: Callable[[], np.ndarray], size: int,
                  rng: np.random.Generator) -> np.ndarray:
    out, at = np.zeros(size), 0
    while at < size:
        sound = one()[:size - at]
        out[at:at + sound.size] += sound * rng.uniform(0.3, 1.0)
        at += int(rng.uniform(0.4, 1.6) * RATE)
    return out


def _clank(rng: np.random.Generator) -> np.ndarray:
    """A pot lid: few low partials that ring, and a knock."""
    t = np.arange(round(0.6 * RATE)) / RATE
    tones = sum(
        np.sin(2 * np.pi * hz * t) * np.exp(-t / rng.uniform(0.05, 0.2))
        for hz in rng.uniform(500, 2600, 6))
    return 0.15 * tones + noises.burst(rng, 0.6, 0.01, 150, 2000)


def _crowd(half: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Six people in the next room."""
    lines = addressee_script.texts(half)['other']['phone']
    people = addressee_script.PERSONS[half]
    return _talk([(voice, lines[index::len(people)]) for index, voice in enumerate(people)], size,
                 rng)


def _readers(half: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """The same of people who were recorded."""
    read = recorded_people.of_kinds(half, recorded_people.READ)
    return _talk(list(recorded_people.by_voice(read).items()), size, rng)


def _talk(people: Sequence[tuple[str, Sequence[str]]], size: int,
          rng: np.random.Generator) -> np.ndarray:
    out = np.zeros(size)
    for voice, own in people:
        at = int(rng.integers(RATE))
        while at < size:
            said = speakers.speak(str(rng.choice(own)), voice)
            said = (said * acoustics.db(-26.0 - acoustics.speech_level(said)))[:size - at]
            out[at:at + said.size] += said
            at += said.size + int(rng.uniform(0.1, 0.5) * RATE)
    return noises.band(out, *BAND_HZ)
