"""What was played is put beside what was heard: jitter, drift, jumps, holes and restarts of either
device.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.audio import RATE
from omni_agent.core.front_end import (BLOCK, FASTEST, JUMP, PLAY, Cleaned, FrontEnd, Offset,
                                       Reference)

T0 = 1_700_000_000.0
BLOCK_S = BLOCK / RATE
# the loudspeaker's count when the microphone begins: it has been on for a while
FIRST = 7_000_000


class Keeper:
    """A canceller that keeps what it was given and takes nothing away."""

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []
        self.played: list[np.ndarray] = []

    def __call__(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        assert heard.shape == played.shape == (BLOCK,) and heard.dtype == played.dtype == np.int16
        self.heard.append(heard)
        self.played.append(played)
        return heard


class Devices:
    """A loudspeaker whose clock runs ``ppm`` faster and a microphone, told of block by block, two
    blocks ahead.
    """

    def __init__(self, ppm: float = 0.0, jitter_s: float = 0.0,
                 sound: np.ndarray | None = None) -> None:
        self.keeper = Keeper()
        self.front_end = FrontEnd(self.keeper, None)
        self.speed = 1.0 + ppm * 1e-6
        self.jitter_s = jitter_s
        self.rng = np.random.default_rng(4)
        self.sound = sound if sound is not None else np.zeros(0, np.int16)
        self.block = 0
        self.spoken = 0              # next block of the loudspeaker
        self.shift_s = 0.0           # of the loudspeaker's stamps against its counter

    def run(self, blocks: int) -> None:
        for _ in range(blocks):
            list(self.front_end.hear(T0 + self.block * BLOCK_S + self.noise(), self.block * BLOCK,
                                     np.zeros(BLOCK, np.int16)))
            while self.spoken <= self.block + 2:
                self.say(self.spoken)
                self.spoken += 1
            self.block += 1

    def say(self, block: int) -> None:
        samples = self.sound[block * BLOCK:(block + 1) * BLOCK]
        if samples.any():
            t = T0 + block * BLOCK_S / self.speed + self.shift_s + self.noise()
            self.front_end.play(t, FIRST + block * BLOCK, samples)

    def noise(self) -> float:
        return float(self.rng.normal(0, self.jitter_s)) if self.jitter_s else 0.0

    def played(self) -> np.ndarray:
        return np.concatenate(self.keeper.played)


def hum(seconds: float) -> np.ndarray:
    """Noise below 300 Hz: slow enough that a fraction of a sample shows as a small difference,
    never the same twice.
    """
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(size=round(seconds * RATE)))
    spectrum[np.fft.rfftfreq(round(seconds * RATE), 1 / RATE) > 300] = 0
    sound = np.fft.irfft(spectrum, round(seconds * RATE))
    return (sound / np.abs(sound).max() * 20_000).astype(np.int16)


def lag(played: np.ndarray, sound: np.ndarray, at: int, size: int = 8000, reach: int = 700) -> int:
    """By how many samples ``played`` is behind ``sound`` near sample ``at``."""
    piece = played[at:at + size].astype(float)
    lags = range(-reach, reach + 1)
    errors = [np.abs(piece - sound[at - shift:at - shift + size]).mean() for shift in lags]
    return lags[int(np.argmin(errors))]


def test_what_was_played_stands_beside_what_was_heard_at_the_same_time():
    sound = hum(2.0)
    devices = Devices(sound=sound)
    devices.run(100)
    played = devices.played()
    assert np.array_equal(played[3 * BLOCK:], sound[3 * BLOCK:played.size])


def test_silence_that_was_not_told_of_is_silence():
    sound = hum(3.0)
    sound[RATE:2 * RATE] = 0
    devices = Devices(sound=sound)
    devices.run(140)
    played = devices.played()
    assert not played[RATE:2 * RATE].any()
    assert np.array_equal(played[2 * RATE:], sound[2 * RATE:played.size])


@pytest.mark.parametrize('jitter_s', [1e-4, 1e-3])
def test_stamps_that_jitter_move_nothing(jitter_s: float):
    """Sample by sample: whoever cancels has learnt one alignment and loses it with every move."""
    sound = hum(12.0)
    devices = Devices(sound=sound, jitter_s=jitter_s)
    devices.run(590)
    late = devices.front_end.reference.offset
    assert late.jumps == 0 and abs(late.drift) < 100e-6
    assert abs(lag(devices.played(), sound, 10 * RATE)) <= 8
    assert (abs(lag(devices.played(), sound, 10 * RATE) - lag(devices.played(), sound, 6 * RATE))
            <= 3)


@pytest.mark.parametrize('ppm', [20.0, 100.0, -100.0])
def test_two_clocks_that_drift_apart_are_followed(ppm: float):
    sound = hum(40.0)
    devices = Devices(ppm, jitter_s=2e-4, sound=sound)
    devices.run(1990)
    offset = devices.front_end.reference.offset
    assert offset.jumps == 0 and offset.drift == pytest.approx(-ppm * 1e-6, abs=12e-6)
    # the block of second 39 is heard that much earlier
    true = -39.0 * RATE * ppm * 1e-6
    assert lag(devices.played(), sound, 39 * RATE - 4000) == pytest.approx(true, abs=2 * PLAY + 2)


@pytest.mark.parametrize('shift_ms', [30, -30, 200])
def test_a_jump_of_the_stamps_is_followed_at_once(shift_ms: int):
    sound = hum(6.0)
    devices = Devices(sound=sound, jitter_s=1e-4)
    devices.run(150)
    devices.shift_s = shift_ms / 1000
    devices.run(140)
    assert devices.front_end.reference.offset.jumps == 1
    assert (lag(devices.played(), sound, 4 * RATE,
                reach=4000) == pytest.approx(shift_ms * RATE / 1000, abs=6))


def test_a_speaker_that_was_started_again_counts_from_0():
    sound = hum(2.0)
    devices = Devices(sound=sound)
    devices.run(90)
    for block in range(20):
        devices.front_end.play(T0 + (92 + block) * BLOCK_S, block * BLOCK,
                               sound[block * BLOCK:(block + 1) * BLOCK])
        list(
            devices.front_end.hear(T0 + (90 + block) * BLOCK_S, (90 + block) * BLOCK,
                                   np.zeros(BLOCK, np.int16)))
    assert np.array_equal(devices.played()[92 * BLOCK:110 * BLOCK], sound[:18 * BLOCK])


def test_a_microphone_that_was_started_again_counts_from_0():
    sound = hum(6.0)
    devices = Devices(sound=sound)
    devices.run(100)
    for block in range(150):
        t = T0 + (150 + block) * BLOCK_S
        for cleaned in devices.front_end.hear(t, block * BLOCK, np.zeros(BLOCK, np.int16)):
            assert cleaned.position == block * BLOCK and cleaned.t == pytest.approx(t)
        devices.say(152 + block)
    assert lag(devices.played()[-100 * BLOCK:], sound[200 * BLOCK:], 4000, reach=200) == 0


def test_a_reference_that_comes_late_is_counted():
    front_end = FrontEnd(Keeper(), None)
    list(front_end.hear(T0, 0, np.zeros(10 * BLOCK, np.int16)))
    front_end.play(T0 + 12 * BLOCK_S, 0, np.ones(BLOCK, np.int16))
    assert front_end.late == 0
    front_end.play(T0 + 9 * BLOCK_S, BLOCK, np.ones(BLOCK, np.int16))
    assert front_end.late == BLOCK


@pytest.mark.parametrize(('t', 'position'), [(0.0, 0), (T0 + 1e6, 0), (T0, 2**63), (T0 - 5.0, 5)])
def test_a_reference_of_another_time_is_left_alone(t: float, position: int):
    devices = Devices(sound=hum(2.0))
    devices.run(40)
    devices.front_end.play(t, position, np.full(BLOCK, 9, np.int16))
    devices.run(40)
    assert devices.front_end.reference.offset.jumps == 0
    assert np.array_equal(devices.played()[50 * BLOCK:], devices.sound[50 * BLOCK:80 * BLOCK])


def test_a_hole_in_the_microphones_stream_begins_a_new_block():
    front_end = FrontEnd(Keeper(), None)
    assert list(front_end.hear(T0, 0, np.full(100, 1, np.int16))) == []
    blocks = list(front_end.hear(T0 + 1.0, RATE, np.full(2 * BLOCK + 5, 2, np.int16)))
    assert [block.position for block in blocks] == [RATE, RATE + BLOCK]
    assert all(set(block.gentle) == {2} for block in blocks)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=20))
def test_the_size_of_the_chunks_makes_no_difference(sizes: list[int]):
    sound = np.random.default_rng(1).integers(-9000, 9000, sum(sizes)).astype(np.int16)
    front_end, at, found = FrontEnd(Keeper(), None), 0, []
    for size in sizes:
        found += front_end.hear(T0 + at / RATE, at, sound[at:at + size])
        at += size
    assert ([block.position for block in found] == list(
        range(0,
              sum(sizes) // BLOCK * BLOCK, BLOCK)))
    heard = np.concatenate([block.gentle for block in found]) if found else sound[:0]
    assert np.array_equal(heard, sound[:heard.size])


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.integers(1, 5)), max_size=40), st.floats(-1, 1))
def test_whatever_the_stamps_say_a_block_comes_out_and_the_offset_stays_near_them(
        stamps: list[tuple[float, int]], start: float):
    reference, position, last = Reference(), 0, start
    for error_s, skip in stamps:
        last = start + error_s
        reference.write(position + last * RATE, position, np.full(BLOCK, 50, np.int16))
        assert abs(reference.offset.value - last * RATE) <= JUMP + PLAY
        assert abs(reference.offset.drift) <= FASTEST
        block = reference.read(position + int(last * RATE))
        assert block.shape == (BLOCK,) and block.dtype == np.int16 and np.abs(block).max() <= 60
        position += skip * BLOCK


def test_drift_is_told_from_jitter_only_after_a_while():
    offset, rng = Offset(), np.random.default_rng(2)
    for at in range(0, 100 * BLOCK, BLOCK):
        offset.measure(5000.0 + rng.normal(0, 16), at)
    assert offset.drift == 0.0 and offset.value == pytest.approx(5000.0, abs=16)


# -- which stream carries what --------------------------------------------------------------------


def clean(gentle: object, strict: object) -> Cleaned:
    return list(FrontEnd(gentle, strict).hear(T0, 0, np.full(BLOCK, 8, np.int16)))[0]


def minus(amount: int):  # noqa: ANN201
    return lambda heard, played: heard - np.int16(amount)


def test_each_stream_has_its_canceller():
    both = clean(minus(1), minus(5))
    assert (both.gentle[0], both.strict[0]) == (7, 3)


def test_a_strict_canceller_alone_serves_both_streams():
    alone = clean(None, minus(5))
    assert (alone.gentle[0], alone.strict[0]) == (3, 3)


def test_what_only_half_cancels_never_passes_for_strict():
    assert clean(minus(1), None).strict is None and clean(minus(1), None).gentle[0] == 7
    assert clean(None, None).gentle[0] == 8 and clean(None, None).strict is None
