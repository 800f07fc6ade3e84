"""The robot does not mistake its own voice for a person's, and hears a person through it."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.core.echo import BANDS, BLOCK, RATE, EchoGate, bands
from omni_agent.core.endpoint import EndpointParams

BLOCK_S = BLOCK / RATE
LIMIT = EndpointParams().echo_limit


def voice(seed: int, seconds: float, level: float = 3000.0) -> np.ndarray:
    """Something like speech: noise in syllables of 60 to 300 ms, each with two resonances."""
    rng = np.random.default_rng(seed)
    pieces: list[np.ndarray] = []
    while sum(piece.size for piece in pieces) < seconds * RATE:
        size = int(rng.uniform(0.06, 0.3) * RATE)
        spectrum = np.fft.rfft(rng.normal(size=size))
        hz = np.fft.rfftfreq(size, 1 / RATE)
        shape = sum(1 / (1 + ((hz - peak) / 150) ** 2)
                    for peak in (rng.uniform(250, 900), rng.uniform(900, 3000)))
        piece = np.fft.irfft(spectrum * (shape + 0.02), size) * np.hanning(size) ** 0.3
        pieces += [piece / piece.std() * level * rng.uniform(0.3, 1.0),
                   np.zeros(int(rng.uniform(0, 0.08) * RATE))]
    return np.concatenate(pieces)[:int(seconds * RATE)]


def echo_of(sound: np.ndarray, gain_db: float = -12.0, delay_s: float = 0.05) -> np.ndarray:
    """Through the room: a delay and a tail of 0.3 s."""
    rng = np.random.default_rng(9)
    length = int(0.3 * RATE)
    tail = 0.05 * rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail[0] = 1.0
    size = 2 ** int(np.ceil(np.log2(sound.size + tail.size)))
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[:sound.size]
    return np.concatenate([np.zeros(int(delay_s * RATE)), wet])[:sound.size] * 10 ** (gain_db / 20)


def likelihoods(gate: EchoGate, microphone: np.ndarray, loudspeaker: np.ndarray,
                t: float = 0.0) -> np.ndarray:
    found = []
    noise = np.random.default_rng(5).normal(0, 3, microphone.size)
    for at in range(0, microphone.size - BLOCK + 1, BLOCK):
        played = loudspeaker[at:at + BLOCK].astype(np.int16)
        if played.any():
            gate.play(t + at / RATE, played)
        heard = np.clip(microphone[at:at + BLOCK] + noise[at:at + BLOCK], -32767, 32767)
        found.append(gate.hear(t + at / RATE, heard.astype(np.int16)))
    return np.array(found)


def longest_run(flags: np.ndarray) -> int:
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


@pytest.mark.parametrize('hz', [200, 440, 1000, 3000, 6000])
def test_a_tone_lies_in_the_band_of_its_frequency(hz: int):
    tone = (8000 * np.sin(2 * np.pi * hz * np.arange(BLOCK) / RATE)).astype(np.int16)
    energy = bands(tone)
    assert energy.shape == (BANDS,)
    edges = np.geomspace(120.0, 7200.0, BANDS + 1)
    loudest = int(np.argmax(energy))
    assert edges[loudest] * 0.85 <= hz <= edges[loudest + 1] * 1.15


def test_a_silent_robot_has_no_echo():
    person = voice(1, 2.0)
    assert not likelihoods(EchoGate(), person, np.zeros_like(person)).any()


@pytest.mark.parametrize('gain_db', [-6.0, -12.0, -20.0, -30.0])
def test_its_own_voice_is_echo_from_the_first_syllable_on(gain_db: float):
    robot = voice(2, 8.0)
    found = likelihoods(EchoGate(), echo_of(robot, gain_db), robot)
    audible = np.abs(echo_of(robot, gain_db)).reshape(-1, BLOCK).max(axis=1) > 60
    assert longest_run((found <= LIMIT) & audible) < 3          # 64 ms of voice start an utterance
    assert np.mean(found[audible] > LIMIT) > 0.97


@pytest.mark.parametrize('delay_s', [0.0, 0.03, 0.09])
def test_the_delay_of_the_echo_need_not_be_known(delay_s: float):
    robot = voice(2, 6.0)
    microphone = echo_of(robot, delay_s=delay_s)
    audible = np.abs(microphone).reshape(-1, BLOCK).max(axis=1) > 60
    found = likelihoods(EchoGate(), microphone, robot)
    assert np.mean(found[audible] > LIMIT) > 0.95


def test_the_tail_after_the_last_word_is_echo_too():
    robot = np.concatenate([voice(2, 4.0), np.zeros(RATE)])
    microphone = echo_of(robot)
    found = likelihoods(EchoGate(), microphone, robot)
    tail = slice(4 * RATE // BLOCK, 4 * RATE // BLOCK + 10)
    assert longest_run(found[tail] <= LIMIT) < 2


def test_a_person_is_heard_through_the_robots_voice():
    robot, gate = voice(2, 12.0), EchoGate()
    microphone = echo_of(robot, -20.0)
    likelihoods(gate, microphone[:8 * RATE], robot[:8 * RATE])
    person = voice(7, 4.0)
    both = microphone[8 * RATE:] + person
    found = likelihoods(gate, both, robot[8 * RATE:], t=8.0)
    loud = np.abs(person).reshape(-1, BLOCK).max(axis=1) > 1000
    assert np.mean(found[loud] <= LIMIT) > 0.7
    assert longest_run(found <= LIMIT) >= 8


def test_a_person_after_the_robot_is_nobodys_echo():
    robot = np.concatenate([voice(2, 4.0), np.zeros(3 * RATE)])
    person = np.concatenate([np.zeros(5 * RATE), voice(7, 2.0)])
    found = likelihoods(EchoGate(), echo_of(robot) + person, robot)
    assert not found[5 * RATE // BLOCK + 10:].any()


def test_a_loudspeaker_that_was_turned_up_is_learnt_again():
    robot, gate = voice(2, 24.0), EchoGate()
    quiet, loud = echo_of(robot, -30.0), echo_of(robot, -6.0)
    likelihoods(gate, quiet[:8 * RATE], robot[:8 * RATE])
    found = likelihoods(gate, loud[8 * RATE:], robot[8 * RATE:], t=8.0)
    audible = np.abs(loud[8 * RATE:]).reshape(-1, BLOCK).max(axis=1) > 60
    last = slice(-4 * RATE // BLOCK, None)
    assert np.mean((found > LIMIT)[last][audible[last]]) > 0.95


def test_even_a_steady_sound_that_is_suddenly_much_louder_is_learnt_in_the_end():
    gate, sound = EchoGate(), np.random.default_rng(6).normal(0, 3000, 20 * RATE)
    likelihoods(gate, sound[:5 * RATE] * 0.03, sound[:5 * RATE])
    found = likelihoods(gate, sound[5 * RATE:] * 0.3, sound[5 * RATE:], t=5.0)
    assert np.all(found[:10] < LIMIT)             # at first it can only be somebody else
    assert np.all(found[-50:] > LIMIT)


def test_references_of_another_time_do_not_count():
    gate, sound = EchoGate(), voice(2, 0.02).astype(np.int16)
    gate.play(10.0, sound)
    assert gate.hear(9.9, sound) == 0.0
    assert gate.hear(10.0, sound) > 0.9


def test_the_likelihood_is_a_probability_whatever_is_heard():
    rng, gate = np.random.default_rng(1), EchoGate()
    for block in range(300):
        t = block * BLOCK_S
        played, heard = rng.integers(-32768, 32767, (2, BLOCK)).astype(np.int16)
        gate.play(t, played // rng.integers(1, 3000))
        found = gate.hear(t, heard // rng.integers(1, 30_000))
        assert 0.0 <= found <= 1.0
    assert np.isfinite(gate.coupling_db).all()
