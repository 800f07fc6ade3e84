"""Sound files as they are found in the wild, and the arithmetic between a device's format and
ours.
"""

from __future__ import annotations

import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.backends import BLOCK, RATE, Block, audio_files, devices, voices
from omni_agent.backends.device_clock import DeviceClock, UnixTime
from omni_agent.backends.file_microphone import FileMicrophone
from omni_agent.backends.portaudio import Format
from omni_agent.backends.sound_devices import BlockCutter, BlockSource
from omni_agent.backends.stream_resampler import StreamResampler
from omni_agent.core.backoff import Backoff
from omni_agent.core.errors import BackendError, ConfigError, DeviceError


def tone(hz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def frequency(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


# files


@pytest.mark.parametrize(
    'rate, channels, subtype, suffix',
    [
        (44_100, 1, 'PCM_16', 'wav'),
        (44_100, 2, 'PCM_24', 'wav'),
        (48_000, 2, 'FLOAT', 'wav'),
        (16_000, 1, 'PCM_16', 'flac'),
        (8_000, 1, 'PCM_16', 'wav'),
        (22_050, 2, 'PCM_24', 'flac'),
        (96_000, 1, 'DOUBLE', 'wav'),
        (16_000, 1, 'PCM_U8', 'wav'),
        (16_000, 1, 'VORBIS', 'ogg'),
    ],
)
def test_any_sound_file_becomes_sixteen_kilohertz_mono(
    tmp_path: Path, rate: int, channels: int, subtype: str, suffix: str
) -> None:
    sound = np.repeat(tone(440, 1.0, rate)[:, np.newaxis], channels, axis=1)
    soundfile.write(tmp_path / f'x.{suffix}', sound, rate, subtype)
    samples = audio_files.read(tmp_path / f'x.{suffix}')
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) == pytest.approx(RATE, abs=2)
    assert frequency(samples) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(samples[2000:-2000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_resampling_leaves_nothing_above_the_new_limit(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'x.wav', tone(11_000, 1.0, 44_100), 44_100)
    assert np.abs(audio_files.read(tmp_path / 'x.wav')[1000:-1000]).max() < 0.01


@pytest.mark.parametrize(
    'content, message',
    [
        (None, 'there is no sound file'),
        (b'', r'is empty \(0 bytes\)'),
        (b'hello' * 100, 'is not a sound file'),
        (b'RIFF\x24\0\0\0WAVEfmt ', 'is not a sound file|holds no samples'),
    ],
)
def test_what_is_no_sound_file_is_told_by_name(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / 'x.wav'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        audio_files.read(path)
    assert str(path) in str(error.value)
    with pytest.raises(DeviceError, match=message):
        devices.open_microphone(str(path))


def test_a_folder_a_file_without_samples_and_one_with_nan_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / 'none.wav', np.zeros(0), RATE)
    soundfile.write(tmp_path / 'nan.wav', np.array([0.0, np.nan], np.float32), RATE, 'FLOAT')
    for path, message in (
        (tmp_path, 'is a folder'),
        (tmp_path / 'none.wav', 'holds no samples'),
        (tmp_path / 'nan.wav', 'not numbers'),
    ):
        with pytest.raises(ConfigError, match=message):
            audio_files.read(path)


def test_what_is_too_loud_for_int16_is_clipped_and_not_wrapped_around() -> None:
    assert audio_files.to_int16(np.array([2.0, -2.0, 0.5])).tolist() == [32767, -32768, 16384]


def test_a_growing_file_can_be_read_before_it_is_closed_and_continued_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'x.wav'
    growing = audio_files.GrowingWav(path)
    growing.append(np.full(RATE, 7, np.int16))
    with wave.open(str(path)) as file:
        assert file.getnframes() == RATE
    growing.append(np.full(100, 8, np.int16))
    growing.close()
    growing = audio_files.GrowingWav(path, append=True)
    growing.pad_to(RATE + 200)
    growing.append(np.full(1, 9, np.int16))
    growing.close()
    samples = np.rint(audio_files.read(path) * 32768)
    assert samples[[0, RATE, RATE + 99, RATE + 100, RATE + 200]].tolist() == [7, 8, 8, 0, 9]
    assert len(samples) == RATE + 201


def test_a_file_plays_at_the_pace_of_the_clock_and_then_there_is_silence(tmp_path: Path) -> None:
    audio_files.write(tmp_path / 'x.wav', np.arange(1, 1001, dtype=np.int16))
    blocks: list[Block] = []
    late: list[float] = []
    enough = threading.Event()

    def on_block(block: Block) -> None:
        blocks.append(block)
        late.append(time.time() - block.t - BLOCK / RATE)
        if len(blocks) == 25:
            enough.set()

    microphone = FileMicrophone(tmp_path / 'x.wav')
    microphone.start(on_block)
    assert enough.wait(5) and microphone.over.is_set()
    microphone.stop()
    sound = np.concatenate([block.samples for block in blocks])
    assert sound[:1000].tolist() == list(range(1, 1001)) and not sound[1000:].any()
    assert [b.position for b in blocks] == [i * BLOCK for i in range(len(blocks))]
    assert min(late) > -0.002 and np.median(late) < 0.01
    assert microphone.snapshot().blocks == len(blocks)


def test_a_file_can_end(tmp_path: Path) -> None:
    audio_files.write(tmp_path / 'x.wav', np.ones(1000, np.int16))
    blocks: list[Block] = []
    microphone = FileMicrophone(tmp_path / 'x.wav', ends=True)
    microphone.start(blocks.append)
    assert microphone.over.wait(5)
    microphone.stop()
    assert len(blocks) == 4


def test_a_sound_file_is_no_loudspeaker() -> None:
    with pytest.raises(DeviceError, match='can only be a microphone'):
        devices.open_loudspeaker('x.wav')


# voices


def test_a_voice_is_made_once_and_then_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('shutil').which('flite') or pytest.skip('flite is not installed')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    first = voices.synthesise('Hello there.', 'flite:slt')
    assert 0.3 * RATE < len(first) < 3 * RATE and np.abs(first).max() > 0.05
    monkeypatch.setenv('PATH', '')
    assert np.array_equal(first, voices.synthesise('Hello there.', 'flite:slt'))
    with pytest.raises(
        BackendError, match="needs flite, which is not installed: apt-get install flite"
    ):
        voices.synthesise('Something else.', 'flite:slt')


@pytest.mark.parametrize(
    'voice, message',
    [
        ('flite:nobody', "flite has no voice 'nobody': it has .*slt"),
        ('robot', "'robot' is no voice"),
        ('flite:../x', 'is no voice'),
    ],
)
def test_an_unknown_voice_is_refused(
    voice: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('shutil').which('flite') or pytest.skip('flite is not installed')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(ConfigError, match=message):
        voices.synthesise('Hello.', voice)


def test_espeak_speaks_text_that_looks_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('shutil').which('espeak-ng') or pytest.skip('espeak-ng is not installed')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert len(voices.synthesise('--help; rm x', 'espeak:en-us+m3')) > 0.3 * RATE
    with pytest.raises(BackendError, match="cannot speak with the voice 'xx-nope'"):
        voices.synthesise('Hello.', 'espeak:xx-nope')


# formats


@pytest.mark.parametrize(
    'rate_in, rate_out',
    [(48_000, RATE), (44_100, RATE), (8_000, RATE), (RATE, 48_000), (RATE, 44_100)],
)
def test_a_stream_is_resampled_without_seams(rate_in: int, rate_out: int) -> None:
    resampler = StreamResampler(rate_in, rate_out)
    sound = tone(1000, 1.0, rate_in).astype(np.float32)
    pieces = [resampler(piece) for piece in np.array_split(sound, 37)]
    out = np.concatenate(pieces)[200:]
    assert len(out) == pytest.approx(rate_out - 200, abs=1)
    angle = 2 * np.pi * 1000 * np.arange(len(out)) / rate_out
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    rest = out - basis @ np.linalg.lstsq(basis, out, rcond=None)[0]
    # -54 dB at worst: a seam would be at -6
    assert np.abs(rest).max() < 1e-3


@settings(deadline=None)      # other programs may hold the machine for a while
@given(
    st.lists(st.integers(1, 2000), min_size=1, max_size=30),
    st.sampled_from([44_100, 48_000, 11_025]),
)
def test_pieces_of_any_size_give_the_same_samples_as_one_piece(
    sizes: list[int], rate: int
) -> None:
    sound = np.random.default_rng(0).standard_normal(sum(sizes)).astype(np.float32)
    resampler = StreamResampler(rate, RATE)
    pieces = [resampler(piece) for piece in np.split(sound, np.cumsum(sizes)[:-1])]
    assert np.concatenate(pieces) == pytest.approx(StreamResampler(rate, RATE)(sound), abs=1e-5)


@pytest.mark.parametrize(
    'rate, channels', [(RATE, 1), (RATE, 2), (48_000, 2), (44_100, 1), (11_025, 1)]
)
def test_whatever_a_device_sends_becomes_blocks_in_a_row(rate: int, channels: int) -> None:
    sound_format = Format(rate, channels)
    data = np.repeat(
        (tone(440, 2.0, rate) * 32767).astype(np.int16)[:, np.newaxis], channels, axis=1
    )
    cutter, blocks = BlockCutter(), []
    for i in range(0, len(data) - sound_format.block, sound_format.block):
        blocks += cutter(100 + i / rate, data[i : i + sound_format.block], sound_format, i == 0)
    assert [b.position for b in blocks] == [i * BLOCK for i in range(len(blocks))]
    assert all(b.samples.dtype == np.int16 and len(b.samples) == BLOCK for b in blocks)
    assert [b.t - b.position / RATE for b in blocks] == pytest.approx(
        [100.0] * len(blocks), abs=2e-3
    )
    assert frequency(
        np.concatenate([b.samples for b in blocks]).astype(float)[1000:]
    ) == pytest.approx(440, abs=1)
    assert len(blocks) > 95


def test_what_an_unplugged_microphone_missed_is_a_jump_of_the_position() -> None:
    cutter, data = BlockCutter(), np.ones((BLOCK, 1), np.int16)
    cutter(10.0, data, Format(RATE, 1), True)
    jump = cutter(15.02, data, Format(RATE, 1), True)[0]
    assert (jump.position, jump.t) == (5 * RATE + BLOCK, 15.02)


def test_a_hiccup_is_no_gap_but_what_never_comes_is() -> None:
    cutter, data = BlockCutter(), np.ones((BLOCK, 1), np.int16)
    times = [i * 0.02 for i in range(50)]
    times[20:25] = [0.5] * 5                                # held up, then all at once
    times[40:] = [t + 0.3 for t in times[40:]]              # 15 blocks that were lost
    blocks = [cutter(10 + t, data, Format(RATE, 1), i == 0)[0] for i, t in enumerate(times)]
    steps = np.diff([block.position for block in blocks]) // BLOCK
    assert (steps[:45] == 1).all() and steps.max() == pytest.approx(16, abs=1)
    assert blocks[-1].t == pytest.approx(10 + times[-1], abs=0.02)
    assert blocks[-1].position / RATE == pytest.approx(times[-1], abs=0.03)


def test_a_loudspeaker_at_another_rate_asks_for_whole_blocks_and_plays_all_of_them() -> None:
    asked: list[float] = []

    def fill(out: np.ndarray, t: float) -> None:
        out[:] = (tone(440, 30)[len(asked) * BLOCK :][:BLOCK] * 32767).astype(np.int16)
        asked.append(t)

    source = BlockSource(Format(48_000, 2), fill)
    out = np.concatenate([source(960, 50 + i * 0.02) for i in range(100)])
    assert len(out) == 96_000
    assert np.argmax(np.abs(np.fft.rfft(out[-48_000:].astype(float)))) == 440
    assert np.diff(asked) == pytest.approx(0.02, abs=1e-3) and len(asked) in (100, 101)


def test_after_an_abort_the_time_of_what_was_thrown_away_is_forgotten() -> None:
    asked: list[float] = []
    source = BlockSource(Format(RATE, 1), lambda out, t: asked.append(t))
    for i in range(10):
        source(BLOCK, 50 + i * 0.02)
    source.restart()
    source(BLOCK, 50.1)
    assert asked[-1] == 50.1


# clocks


@given(st.lists(st.floats(-0.03, 0.03), min_size=2, max_size=200))
def test_stamps_never_run_backwards_and_forgive_jitter(jitter: list[float]) -> None:
    clock = DeviceClock()
    stamps = [clock.stamp(1000 + i * 0.02 + error, BLOCK) for i, error in enumerate(jitter)]
    assert all(b > a for a, b in zip(stamps, stamps[1:]))
    assert all(0.0175 < b - a < 0.0225 for a, b in zip(stamps[50:], stamps[51:]))


def test_a_clock_follows_a_device_that_drifts_and_one_that_jumps() -> None:
    clock = DeviceClock()
    stamps = [clock.stamp(i * 0.02 * 1.0005, BLOCK) for i in range(5000)]
    assert stamps[-1] == pytest.approx(4999 * 0.02 * 1.0005, abs=0.002)
    ahead = [clock.stamp(200 + i * 0.02, BLOCK) for i in range(50)]
    assert ahead[-1] == pytest.approx(200 + 49 * 0.02, abs=0.01)
    back = [clock.stamp(200.5 + i * 0.02, BLOCK) for i in range(400)]
    assert np.diff(back).min() >= 0.0099                    # slowly, never backwards
    assert back[-1] == pytest.approx(200.5 + 399 * 0.02, abs=0.01)


def test_a_starved_device_that_loses_a_little_all_the_time_shows_it_in_its_positions() -> None:
    cutter, data = BlockCutter(), np.ones((BLOCK, 1), np.int16)
    last = [cutter(10.0 + i * 0.03, data, Format(RATE, 1), i == 0)[0] for i in range(200)][-1]
    assert last.t == pytest.approx(10.0 + 199 * 0.03, abs=0.15)
    assert last.position / RATE > 0.9 * 199 * 0.03          # 0.67 of it has come as sound


def test_a_stamp_that_the_driver_does_not_know_is_replaced_by_the_usual_latency() -> None:
    assert UnixTime(0.15, -0.02)(1000.0, 50.0, 49.97) == pytest.approx(999.97)
    assert UnixTime(0.15, -0.02)(1000.0, 50.0, 0.0) == pytest.approx(999.98)
    assert UnixTime(0.15, -0.02)(1000.0, 50.0, 49.5) == pytest.approx(999.98)
    assert UnixTime(2.0, 0.02)(1000.0, 50.0, 50.5) == pytest.approx(1000.5)


def test_a_callback_that_had_to_wait_does_not_move_its_stamp() -> None:
    unix_time = UnixTime(0.15, -0.02)
    waits = [0.0, 0.08, 0.001, 0.3, 0.0, 0.05]
    stamps = [
        unix_time(1000 + i * 0.02 + wait, i * 0.02 + 1, i * 0.02 + 0.97)
        for i, wait in enumerate(waits)
    ]
    assert stamps == pytest.approx([999.97 + i * 0.02 for i in range(6)], abs=1e-3)
    assert unix_time(5000.0, 2.0, 1.97) == pytest.approx(4999.97)      # the clock was set


def test_the_wait_for_a_lost_device_doubles_up_to_a_limit_and_starts_anew_after_a_success() -> (
    None
):
    backoff = Backoff()
    assert [backoff.failed() for _ in range(6)] == [0.5, 1, 2, 4, 8, 8]
    assert backoff.failures == 6
    backoff.succeeded()
    assert (backoff.failed(), backoff.failures) == (0.5, 1)
