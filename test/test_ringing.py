"""Phones and alarms are told from voices and from the noises of a household."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.backends import noises
from omni_agent.core.audio import RATE
from omni_agent.core.ringing import QUIET_S, Ringing

Part = tuple[tuple[float, ...], float]           # tones [Hz] at once, and for how long [s]
TRILL: list[Part] = [((1500.0 if beat % 2 else 1200.0, ), 0.04) for beat in range(25)]
RINGS: dict[str, list[Part]] = {
    'two tones for two seconds': [((440.0, 480.0), 2.0), ((), 1.0)],
    'a double ring': [((400.0, 450.0), 0.4), ((), 0.2), ((400.0, 450.0), 0.4), ((), 1.0)],
    'a trill': [*TRILL, ((), 0.5)],
    'an alarm': [((2900.0, ), 0.5), ((), 0.5)] * 3,
    'overtones': [((2100.0, 3150.0, 4700.0), 2.0), ((), 1.0)],
}


def sound(parts: list[Part], level: float = 0.1) -> np.ndarray:
    pieces = []
    for tones, length in parts:
        t = np.arange(round(length * RATE)) / RATE
        pieces.append(sum((np.sin(2 * np.pi * hz * t) for hz in tones), np.zeros(t.size)) /
                      max(1, len(tones)))
    return level * np.concatenate(pieces)


def heard(samples: np.ndarray, noise: float = 0.001, seed: int = 3) -> list[float]:
    """When it rings, [s] from the beginning of ``samples``, behind a second of the quiet room."""
    random = np.random.default_rng(seed)
    quiet = np.zeros(RATE)
    everything = np.concatenate([quiet, samples, np.zeros(RATE // 2)])
    everything = everything + noise * random.standard_normal(everything.size)
    ringing, times = Ringing(), []
    blocks = (np.clip(everything, -1, 1) * 32767).astype(np.int16)
    for at in range(0, blocks.size - 320, 320):
        if ringing.hear(blocks[at:at + 320]):
            times.append((at + 320) / RATE - 1.0)
    return times


@pytest.mark.parametrize('name', RINGS)
def test_what_rings_is_noticed_within_two_seconds_and_told_once(name: str) -> None:
    (t, ) = heard(sound(RINGS[name] * 2))
    assert 0.3 < t < 2.0


def test_rings_of_one_call_are_one_and_those_of_another_are_another() -> None:
    call = [*RINGS['a trill'], ((), 3.0)]
    assert len(heard(sound(call * 3))) == 1
    assert len(heard(sound([*call, ((), QUIET_S), *call]))) == 2


@pytest.mark.parametrize('kind', ['door', 'claps', 'cough', 'typing', 'dishes', 'vacuum', 'chair'])
def test_a_household_does_not_ring(kind: str) -> None:
    for seed in range(4):
        assert heard(np.tile(noises.make(kind, seed), 3)) == []


def test_voices_do_not_ring() -> None:
    """Vowels that glide and that are held for half a second, with the overtones of a voice."""
    random = np.random.default_rng(5)
    for start_hz in (110.0, 160.0, 230.0, 310.0):
        pieces = []
        for _ in range(12):
            length = round(random.uniform(0.15, 0.5) * RATE)
            pitch = start_hz * np.linspace(1.0, random.uniform(0.85, 1.2), length)
            phase = 2 * np.pi * np.cumsum(pitch) / RATE
            centre = random.uniform(400, 2500)
            pieces.append(sum(np.exp(-((k * start_hz - centre) / 700)**2) * np.sin(k * phase)
                              for k in range(1, 20)) * np.hanning(length))
            pieces.append(np.zeros(round(0.08 * RATE)))
        assert heard(0.1 * np.concatenate(pieces)) == []


def test_a_struck_glass_fades_and_does_not_ring() -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    glass = 0.3 * np.exp(-t / 0.15) * np.sin(2 * np.pi * 2400 * t)
    assert heard(np.tile(glass, 3)) == []


def test_a_hum_that_never_ends_is_the_room() -> None:
    hum = sound([((620.0, ), 40.0)], 0.05)
    assert len(heard(hum)) <= 1
