"""WebRTC's canceller and noise suppressor on a room: the robot goes, a person is still noticed,
noise goes, words stay.
"""

from __future__ import annotations

import ctypes.util
import sys

import numpy as np
import pytest

from omni_agent.backends import BLOCK, RATE, canceller, load, webrtc
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.core.audio import level_dbfs
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.front_end import FrontEnd
from omni_agent.core.scenario import Room

SECONDS = 8
T0 = 1_000_000.0


@pytest.fixture(scope='module', autouse=True)
def library() -> None:
    pytest.importorskip('pywebrtc_audio')


def syllables(seed: int, seconds: float, level: float = 3000.0) -> np.ndarray:
    """Noise that comes and goes, int16."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    return (rng.normal(0, level, t.size) * np.clip(np.sin(2 * np.pi * 3 * t + seed), 0, 1)).astype(
        np.int16)


def room_echo(played: np.ndarray, drive: float = 0.0, delay_ms: float = 40.0) -> np.ndarray:
    response = acoustics.echo_response(Room(echo_db=-12.0, delay_ms=delay_ms, rt60_s=0.3, seed=2))
    sound = acoustics.saturate(played.astype(np.float32) / 32768, drive)
    return (np.convolve(sound, response)[:played.size] * 32767).astype(np.int16)


def cleaned(heard: np.ndarray, played: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(gentle, strict) through the front end as the microphone node has it."""
    front_end, gentle, strict = FrontEnd(load.canceller('speex'), load.canceller('aec3')), [], []
    for at in range(0, heard.size - BLOCK + 1, BLOCK):
        front_end.play(T0 + at / RATE, at, played[at:at + BLOCK])
        for block in front_end.hear(T0 + at / RATE, at, heard[at:at + BLOCK]):
            gentle.append(block.gentle)
            strict.append(block.strict)
    return np.concatenate(gentle), np.concatenate(strict)


@pytest.mark.parametrize(('drive', 'delay_ms'), [(0.0, 40.0), (4.0, 120.0)],
                         ids=['linear', 'saturating, 120 ms'])
def test_nothing_of_the_robot_is_left_in_the_strict_stream(drive: float, delay_ms: float) -> None:
    played = syllables(1, SECONDS)
    heard = (room_echo(played, drive, delay_ms) +
             np.random.default_rng(5).normal(0, 8, played.size).astype(np.int16))
    gentle, strict = cleaned(heard, played)
    tail = slice(4 * RATE, None)
    # speech gives 35: this has no pauses
    assert level_dbfs(heard[tail]) - level_dbfs(strict[tail]) > 15.0
    assert level_dbfs(heard[tail]) - level_dbfs(gentle[tail]) > (8.0 if drive else 15.0)


def test_a_person_who_speaks_at_the_same_time_is_whole_in_the_gentle_stream_and_there_in_the_strict_one(
) -> None:
    played, person = syllables(1, SECONDS), syllables(2, SECONDS, level=1500.0)
    person[:5 * RATE] = 0
    heard = room_echo(played) + person
    gentle, strict = cleaned(heard, played)
    tail = slice(5 * RATE, gentle.size)
    assert level_dbfs(gentle[tail]) == pytest.approx(level_dbfs(person[tail]), abs=1.5)
    assert -20.0 < level_dbfs(strict[tail]) - level_dbfs(person[tail]) < 1.0


def test_who_speaks_alone_is_left_alone() -> None:
    person = syllables(2, 3.0)
    gentle, strict = cleaned(person, np.zeros_like(person))
    for stream in (gentle, strict):
        assert level_dbfs(stream[RATE:]) == pytest.approx(level_dbfs(person[RATE:]), abs=1.0)


def test_steady_noise_is_lowered_and_what_comes_and_goes_is_kept() -> None:
    suppressor, rng = webrtc.NoiseSuppressor(), np.random.default_rng(1)
    noise, voice = rng.normal(0, 100, 6 * RATE), syllables(3, 6.0, level=4000.0)
    voice[:4 * RATE] = 0
    heard = (noise + voice).astype(np.int16)
    left = np.concatenate([suppressor(heard[at:at + BLOCK]) for at in range(0, heard.size, BLOCK)])
    assert 6.0 < level_dbfs(heard[3 * RATE:4 * RATE]) - level_dbfs(left[3 * RATE:4 * RATE]) < 20.0
    assert level_dbfs(left[4 * RATE:]) == pytest.approx(level_dbfs(heard[4 * RATE:]), abs=2.0)


@pytest.mark.parametrize('name', ['aec3', 'webrtc'])
def test_a_missing_library_is_told_in_one_line_that_says_what_to_install(
        name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'pywebrtc_audio', None)
    with pytest.raises(BackendError, match='pip install pywebrtc-audio') as told:
        load.canceller(name) if name == 'aec3' else load.suppressor(name)
    assert '\n' not in str(told.value)


def test_a_missing_speexdsp_is_told_in_one_line_that_says_what_to_install(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, 'find_library', lambda name: 'libnobodyhasthis.so.7')
    with pytest.raises(BackendError, match='apt-get install libspeexdsp1'):
        canceller.SpeexCanceller()


def test_none_is_a_choice_and_an_unknown_one_is_not() -> None:
    assert load.canceller('none') is None and load.suppressor('none') is None
    with pytest.raises(ConfigError, match='speex, aec3, none'):
        load.canceller('magic')
