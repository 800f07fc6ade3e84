"""The virtual room: how it sounds, and that two processes share it at the pace of the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest

from omni_agent.backends import BLOCK, RATE, Block, audio_files, devices, scenarios
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.room import RoomCounters, RoomLoudspeaker, RoomMicrophone
from omni_agent.backends.room_address import RoomAddress
from omni_agent.backends.room_records import Record, read_truth
from omni_agent.backends.room_ring import RING, RoomRing, raise_curtain
from omni_agent.core.errors import ConfigError, DeviceError
from omni_agent.core.scenario import Person, Room, Scenario

# acoustics


def test_the_echo_response_has_its_delay_and_its_energy() -> None:
    response = acoustics.echo_response(Room(echo_db=-12, delay_ms=55))
    assert np.argmax(np.abs(response)) == 880
    assert not response[:880].any()
    assert 10 * np.log10(np.sum(response**2)) == pytest.approx(-12, abs=0.01)


def test_the_tail_of_the_response_falls_by_sixty_decibels_in_rt60() -> None:
    response = acoustics.echo_response(Room(rt60_s=0.5, delay_ms=0))
    energy = np.cumsum(response[::-1] ** 2)[::-1]  # Schroeder's backward integration
    fall = 10 * np.log10(energy / energy[800])
    at_ten, at_thirty = np.argmax(fall < -10), np.argmax(fall < -30)
    assert (at_thirty - at_ten) / RATE * 3 == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize('length', [1, 320, 321, 5000])
def test_block_convolution_is_convolution(length: int) -> None:
    rng = np.random.default_rng(0)
    response, sound = rng.standard_normal(length), rng.standard_normal(20 * BLOCK).astype(
        np.float32
    )
    convolve = acoustics.BlockConvolver(response)
    out = np.concatenate([convolve(block) for block in sound.reshape(-1, BLOCK)])
    assert out == pytest.approx(
        np.convolve(sound, response)[: len(out)], abs=1e-3 * np.sqrt(length)
    )


def test_silence_after_sound_lets_the_tail_out_and_then_costs_nothing() -> None:
    convolve = acoustics.BlockConvolver(np.ones(2 * BLOCK))
    convolve(np.ones(BLOCK, np.float32))
    assert convolve(None)[0] == pytest.approx(BLOCK, rel=1e-4)
    assert convolve(None)[0] == pytest.approx(BLOCK - 1, rel=1e-4)
    assert [convolve(None) for _ in range(2)][-1] is None


def test_noise_is_pink_has_its_level_and_is_the_same_for_the_same_seed() -> None:
    noise = acoustics.pink_noise(-50, seed=3)
    assert 10 * np.log10(np.mean(noise**2)) == pytest.approx(-50, abs=0.01)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octave = [power[f * 20 : 2 * f * 20].sum() for f in (125, 500, 2000)]  # 20 bins a Hz
    assert max(octave) / min(octave) == pytest.approx(1, abs=0.15)
    assert np.array_equal(noise, acoustics.pink_noise(-50, seed=3))
    assert not len(acoustics.pink_noise(-200, seed=3))


def a_voice(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(round(seconds * RATE)) / RATE)
    return (0.1 * envelope * rng.standard_normal(len(envelope))).astype(np.float32)


@pytest.mark.parametrize('floor', [0.0, 1e-4, 2e-3])
def test_silence_around_a_recording_is_not_voice(floor: float) -> None:
    recording = floor * np.random.default_rng(2).standard_normal(RATE)
    recording[4000:12000] += a_voice(0.5)
    first, last = acoustics.voiced_span(recording)
    assert abs(first - 4000) <= acoustics.FRAME and abs(last - 12000) <= acoustics.FRAME


def test_a_far_voice_is_as_loud_as_asked_for_but_duller_and_more_reverberant() -> None:
    voice = a_voice(1.0)
    near, far = (
        acoustics.at_a_distance(voice, Person(distance_m=m), 0.4, seed=1) for m in (1.0, 4.0)
    )
    for heard in (near, far):
        assert acoustics.speech_level(heard[: len(voice)]) == pytest.approx(-24, abs=0.01)
    high = [
        np.sum(np.abs(np.fft.rfft(h))[6000:] ** 2) / np.sum(np.abs(np.fft.rfft(h)) ** 2)
        for h in (near, far)
    ]
    assert high[1] < 0.5 * high[0]
    tail = [np.mean(h[len(voice) + 800 :] ** 2) for h in (near, far)]
    assert tail[1] > 4 * tail[0]


def test_saturation_bends_loud_sound_only() -> None:
    assert acoustics.saturate(np.array([0.001]), 3.0)[0] == pytest.approx(0.001, rel=1e-4)
    assert acoustics.saturate(np.array([1.0]), 3.0)[0] < 0.4
    assert acoustics.saturate(np.array([1.0]), 0.0)[0] == 1.0


# the ring


def test_what_was_not_played_or_is_a_lap_old_or_was_taken_back_is_silence(tmp_path: Path) -> None:
    ring, ones = RoomRing(tmp_path), np.ones(BLOCK, np.int16)
    for block in (5, 6, 7):
        ring.write(block, ones)
    assert ring.read(4) is None and ring.read(5 + RING) is None
    ring.silence_from(5 * BLOCK + 100, 7)
    assert ring.read(5).sum() == 100 and ring.read(6) is None and ring.read(7) is None
    ring.close()


def test_those_who_meet_in_a_room_share_its_clock_and_an_empty_room_starts_anew(
    tmp_path: Path,
) -> None:
    first, second = RoomRing(tmp_path), RoomRing(tmp_path)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.unix(RATE) == second.unix(RATE) == first.t0_unix + 1
    old = first.t0_unix
    first.close()
    assert RoomRing(tmp_path).t0_unix == old  # the second is still there
    second.close()
    third = RoomRing(tmp_path)
    assert third.is_new and third.t0_unix > old
    third.close()


def test_a_folder_that_cannot_be_a_room_is_a_device_error(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(DeviceError, match='cannot use the virtual room'):
        RoomLoudspeaker(tmp_path / 'file' / 'room')


def test_a_room_is_named_by_scenario_and_folder() -> None:
    address = RoomAddress.parse('room:conversation@/tmp/x?wait')
    assert (address.scenario, address.folder, address.waits) == (
        'conversation',
        Path('/tmp/x'),
        True,
    )
    assert str(address) == 'room:conversation@/tmp/x?wait'
    assert not RoomAddress.parse('room:conversation').waits
    with pytest.raises(ConfigError, match='names no scenario'):
        RoomAddress.parse('room:@/tmp/x')


# two processes

SCENARIO = """\
version: 1
name: test
room: {echo_db: -18, delay_ms: 40, noise_dbfs: -200}
people: {anna: {}}
lines:
  - {name: hello, who: anna, text: hello, sound: voice.wav, after_s: 0.2, expect: answered}
  - {name: cut in, who: anna, text: wait, sound: voice.wav, robot_speaking_s: 0.8, within_s: 8}
  - {name: again, who: anna, text: again, sound: voice.wav, robot_silent_s: 0.5, within_s: 8}
  - {name: never, who: anna, text: never, sound: voice.wav, robot_speaking_s: 0.5, within_s: 0.6}
tail_s: 0.2
"""

SPEAKER = """\
import json, sys, threading, time
import numpy as np
from omni_agent.backends.room import RoomLoudspeaker
rng = np.random.default_rng(0)
playing = threading.Event()
def fill(out, t):
    if playing.is_set():
        out[:] = np.rint(rng.standard_normal(len(out)) * 2000)
speaker = RoomLoudspeaker(sys.argv[1])
speaker.start(fill)
print('ready', flush=True)
sys.stdin.readline()
playing.set()
sys.stdin.readline()
playing.clear()
aborted = time.time()
speaker.abort()
sys.stdin.readline()
speaker.stop()
print(json.dumps({'aborted': aborted, 'late': speaker.snapshot().late_blocks}), flush=True)
"""


@dataclass(frozen=True)
class Session:
    """What came out of one run of the room in two processes."""

    blocks: list[Block]
    arrivals: list[float]
    cpu_share: float  # of the microphone's thread
    truth: list[Record]
    aborted: float  # Unix time at which the speaker's process called abort
    person: np.ndarray
    robot: np.ndarray
    counters: RoomCounters

    def heard(self, start: float, end: float) -> np.ndarray:
        """What the microphone heard from one Unix time to another."""
        sound = np.concatenate([block.samples for block in self.blocks])
        offset = self.blocks[0].t
        return sound[round((start - offset) * RATE) : round((end - offset) * RATE)].astype(float)

    def played(self, start: float, end: float) -> np.ndarray:
        offset = self.truth[0]['t0']
        return self.robot[round((start - offset) * RATE) : round((end - offset) * RATE)].astype(
            float
        )

    def line(self, name: str) -> Record:
        return next(record for record in self.truth if record.get('name') == name)


def small_scenario(folder: Path) -> tuple[Scenario, Path]:
    recording = np.zeros(RATE, np.float32)
    recording[4000:8000] = a_voice(0.25)
    audio_files.write(folder / 'voice.wav', audio_files.to_int16(recording))
    (folder / 'test.yaml').write_text(SCENARIO)
    return scenarios.load(folder / 'test.yaml'), folder / 'test.yaml'


@pytest.fixture(scope='module')
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp('room')
    microphone = RoomMicrophone(*(lambda s, p: (s, folder / 'room', p))(*small_scenario(folder)))
    speaker = subprocess.Popen(
        [sys.executable, '-c', SPEAKER, str(folder / 'room')],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    try:
        yield _run(folder / 'room', microphone, speaker)
    finally:
        speaker.kill()
        speaker.wait()


def _run(room: Path, microphone: RoomMicrophone, speaker: subprocess.Popen[str]) -> Session:
    assert speaker.stdout.readline() == 'ready\n'
    blocks: list[Block] = []
    arrivals: list[float] = []
    cpu: list[float] = []

    def on_block(block: Block) -> None:
        blocks.append(block)
        arrivals.append(time.time())
        cpu.append(time.thread_time())

    microphone.start(on_block)
    _wait_for(room, 'hello')
    _tell(speaker, 1.0)  # plays
    _wait_for(room, 'cut in')
    _tell(speaker, 0.6)  # aborts
    _wait_for(room, 'over')
    _tell(speaker, 0.0)
    counters = microphone.snapshot()
    microphone.stop()
    result = json.loads(speaker.stdout.readline())
    return Session(
        blocks,
        arrivals,
        (cpu[-1] - cpu[5]) / (arrivals[-1] - arrivals[5]),
        read_truth(room / 'truth.jsonl'),
        result['aborted'],
        _wav(room / 'person.wav'),
        _wav(room / 'robot.wav'),
        counters,
    )


def _wait_for(room: Path, word: str) -> None:
    deadline = time.monotonic() + 15
    while not any(
        word in (record.get('name'), *record) for record in read_truth(room / 'truth.jsonl')
    ):
        assert time.monotonic() < deadline, f'{word} has not come'
        time.sleep(0.02)


def _tell(speaker: subprocess.Popen[str], after_s: float) -> None:
    time.sleep(after_s)
    speaker.stdin.write('\n')
    speaker.stdin.flush()


def _wav(path: Path) -> np.ndarray:
    return audio_files.to_int16(audio_files.read(path))


def test_positions_have_no_gaps_and_stamps_follow_them(session: Session) -> None:
    assert [block.position for block in session.blocks] == [
        i * BLOCK for i in range(len(session.blocks))
    ]
    first = session.blocks[0].t
    assert all(b.t == pytest.approx(first + b.position / RATE, abs=1e-5) for b in session.blocks)
    assert all(b.samples.dtype == np.int16 and b.samples.shape == (BLOCK,) for b in session.blocks)


def test_blocks_come_when_they_have_sounded_and_do_not_drift(session: Session) -> None:
    late = np.array(
        [at - block.t - BLOCK / RATE for at, block in zip(session.arrivals, session.blocks)]
    )
    assert late.min() >= -0.002
    assert np.median(late) < 0.010
    assert abs(np.median(late[-50:]) - np.median(late[:50])) < 0.005


def test_the_room_costs_little(session: Session) -> None:
    assert session.cpu_share < 0.06  # measured: 0.01 to 0.02 on one slow core


def test_each_line_comes_at_its_trigger(session: Session) -> None:
    hello, cut_in, again = (session.line(name) for name in ('hello', 'cut in', 'again'))
    begin = next(record['t'] for record in session.truth if 'begin' in record)
    audible = np.flatnonzero(np.abs(session.robot) > 100) / RATE + session.truth[0]['t0']
    # 60 ms of the recording before it
    assert hello['start'] - begin == pytest.approx(0.2 + 0.06, abs=0.04)
    assert cut_in['start'] - audible[0] == pytest.approx(0.8 + 0.06, abs=0.06)
    assert again['start'] - audible[-1] == pytest.approx(0.5 + 0.06, abs=0.06)


def test_the_truth_tells_when_the_voice_can_be_heard_and_not_the_silence_around_it(
    session: Session,
) -> None:
    hello = session.line('hello')
    assert hello['end'] - hello['start'] == pytest.approx(0.25, abs=0.02)
    levels = acoustics.frame_levels(
        session.heard(hello['start'] - 0.05, hello['end'] + 0.05) / 32768
    )
    assert levels[:4].max() < -60 and levels[5:10].max() > -35
    assert acoustics.speech_level(
        session.heard(hello['start'], hello['end']) / 32768
    ) == pytest.approx(-24, abs=1)


def test_a_line_whose_trigger_does_not_come_is_recorded_as_missed(session: Session) -> None:
    never = session.line('never')
    assert never['missed'] is True and never['start'] is None
    assert [session.line(name)['missed'] for name in ('hello', 'cut in', 'again')] == [False] * 3
    assert session.truth[-1]['over'] is True and session.truth[-1]['reason'] == 'script'


def test_the_echo_comes_after_its_delay_at_its_level(session: Session) -> None:
    cut_in = session.line('cut in')
    start, end = cut_in['start'] - 0.5, cut_in['start'] - 0.1  # the robot alone
    heard, played = session.heard(start, end), session.played(start, end)
    lags = np.correlate(heard, played, 'full')[len(played) - 1 :]
    assert np.argmax(np.abs(lags)) == 640
    echo_db = 20 * np.log10(heard.std() / played.std())
    assert echo_db == pytest.approx(-18, abs=1)


def test_after_an_abort_what_the_device_held_is_not_heard(session: Session) -> None:
    audible = np.flatnonzero(session.robot) / RATE + session.truth[0]['t0']
    # without abort: 20 to 60 ms of what was written
    assert audible[-1] - session.aborted < 0.010
    after = session.heard(session.aborted + 0.04 + 0.35 + 0.05, session.aborted + 0.5)
    assert np.abs(after).max() <= 2  # delay and reverberation are over


def test_the_tracks_of_person_and_robot_begin_at_room_time_zero(session: Session) -> None:
    onset = session.line('hello')['start'] - session.truth[0]['t0']
    loud = np.flatnonzero(np.abs(session.person) > 300)[0] / RATE
    assert loud == pytest.approx(onset, abs=0.02)
    assert len(session.person) == len(session.robot)
    assert len(session.person) / RATE == pytest.approx(
        session.blocks[-1].t + 0.02 - session.truth[0]['t0'], abs=1e-3
    )


# one process


class Ears:
    """Collects blocks and lets a test wait for them."""

    def __init__(self, stall_at: int = -1) -> None:
        self.blocks: list[Block] = []
        self._stall_at = stall_at
        self._news = threading.Condition()

    def __call__(self, block: Block) -> None:
        if len(self.blocks) == self._stall_at:
            time.sleep(0.3)
        with self._news:
            self.blocks.append(block)
            self._news.notify()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.blocks) >= count, 10)


def test_a_stalled_microphone_catches_up_without_losing_a_block(tmp_path: Path) -> None:
    scenario, path = small_scenario(tmp_path)
    ears = Ears(stall_at=10)
    microphone = RoomMicrophone(scenario, tmp_path / 'room', path)
    microphone.start(ears)
    ears.wait_for(50)
    microphone.stop()
    assert [block.position for block in ears.blocks] == [
        i * BLOCK for i in range(len(ears.blocks))
    ]
    assert microphone.snapshot().worst_late_s > 0.25


def test_nobody_speaks_before_the_curtain_rises(tmp_path: Path) -> None:
    scenario, path = small_scenario(tmp_path)
    ears = Ears()
    microphone = devices.open_microphone(f'room:{path}@{tmp_path / "room"}?wait')
    assert isinstance(microphone, RoomMicrophone)
    microphone.start(ears)
    ears.wait_for(40)
    assert [list(record) for record in read_truth(tmp_path / 'room' / 'truth.jsonl')] == [['t0']]
    raise_curtain(tmp_path / 'room')
    ears.wait_for(80)
    microphone.stop()
    assert 'hello' in [
        record.get('name') for record in read_truth(tmp_path / 'room' / 'truth.jsonl')
    ]


def test_a_microphone_that_comes_back_goes_on_with_the_next_line(tmp_path: Path) -> None:
    scenario, path = small_scenario(tmp_path)
    scenario = replace(
        scenario,
        lines=tuple(
            replace(line, after_s=0.1, robot_speaking_s=None, robot_silent_s=None)
            for line in scenario.lines
        ),
    )
    other = RoomRing(tmp_path / 'room')  # somebody stays in the room
    for _ in range(2):
        ears = Ears()
        microphone = RoomMicrophone(scenario, tmp_path / 'room', path)
        microphone.start(ears)
        ears.wait_for(20)
        microphone.stop()
    other.close()
    truth = read_truth(tmp_path / 'room' / 'truth.jsonl')
    assert [record['line'] for record in truth if 'line' in record] == [0, 1]
    person = _wav(tmp_path / 'room' / 'person.wav')
    assert len(person) / RATE == pytest.approx(ears.blocks[-1].t + 0.02 - truth[0]['t0'], abs=1e-3)


def test_an_abort_while_sound_is_being_asked_for_voids_that_sound_too(tmp_path: Path) -> None:
    ring = RoomRing(tmp_path)
    speaker = RoomLoudspeaker(tmp_path)
    times: list[float] = []
    done = threading.Event()

    def fill(out: np.ndarray, t: float) -> None:
        if not times:
            out[:] = 1000
            speaker.abort()  # from here it is the same as from another thread
        times.append(t)
        if len(times) == 5:
            done.set()

    speaker.start(fill)
    assert done.wait(5)
    first = round((times[0] - ring.t0_unix) * RATE / BLOCK)
    assert ring.read(first) is None
    assert np.diff(times) == pytest.approx(0.02, abs=1e-4)
    speaker.stop()
    ring.close()


def test_a_recording_without_a_voice_is_refused(tmp_path: Path) -> None:
    scenario, path = small_scenario(tmp_path)
    audio_files.write(tmp_path / 'voice.wav', np.zeros(RATE, np.int16))
    with pytest.raises(ConfigError, match="line 'hello' in .*test.yaml is silent"):
        RoomMicrophone(scenario, tmp_path / 'room', path)
