"""The echo canceller on a known echo: the robot goes, the person stays."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.backends import BLOCK, RATE
from omni_agent.core.audio import level_dbfs
from omni_agent.core.errors import BackendError

SECONDS = 12
DELAY = 640               # [samples] 40 ms


@pytest.fixture(scope='module')
def canceller_class() -> type:
    from omni_agent.backends import canceller

    try:
        canceller.SpeexCanceller()
    except BackendError as error:
        pytest.skip(str(error))
    return canceller.SpeexCanceller


def noise(seed: int, seconds: float, level: float = 3000.0) -> np.ndarray:
    """Noise that comes and goes like syllables, int16."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    return (rng.normal(0, level, t.size) *
            (0.55 + 0.45 * np.sin(2 * np.pi * 3 * t + seed))).astype(np.int16)


def run(canceller: object, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
    blocks = [
        canceller(heard[at:at + BLOCK], played[at:at + BLOCK])
        for at in range(0, heard.size - BLOCK + 1, BLOCK)
    ]
    return np.concatenate(blocks)


def echo_of(played: np.ndarray) -> np.ndarray:
    echo = np.zeros(played.size)
    for delay, gain in ((DELAY, 0.12), (DELAY + 90, -0.06), (DELAY + 400, 0.03)):
        echo[delay:] += gain * played[:-delay]
    return echo.astype(np.int16)


def test_own_voice_is_taken_out(canceller_class: type):
    played = noise(1, SECONDS)
    heard = echo_of(played)
    left = run(canceller_class(), heard, played)
    tail = slice(8 * RATE, None)
    assert level_dbfs(heard[tail]) - level_dbfs(left[tail]) > 12.0     # speech gives 20 and more


def test_a_person_who_speaks_at_the_same_time_stays(canceller_class: type):
    played, person = noise(1, SECONDS), noise(2, SECONDS)
    person[:8 * RATE] = 0
    left = run(canceller_class(), echo_of(played) + person, played)
    alone, kept = person[8 * RATE:left.size].astype(float), left[8 * RATE:].astype(float)
    lags = range(0, 3 * BLOCK)                     # the filter works in blocks and may delay
    best = max(
        np.corrcoef(alone[:-lags.stop], kept[lag:kept.size - lags.stop + lag])[0, 1]
        for lag in lags)
    assert best > 0.9
    assert abs(level_dbfs(kept.astype(np.int16)) - level_dbfs(alone.astype(np.int16))) < 2.0


def test_without_a_reference_nothing_is_changed(canceller_class: type):
    person = noise(3, 1.0)
    left = run(canceller_class(), person, np.zeros_like(person))
    assert abs(level_dbfs(left) - level_dbfs(person)) < 1.0
