"""The microphone as a process: what it makes of sound files in place of a device, and of devices
that are not there.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from ros_bench import (BLOCK, RATE, WARN, Bench, Heard, Running, audio_chunk, level_of, pitch,
                       tone, values_of)

from omni_agent_msgs.msg import AudioChunk

from omni_agent.backends import audio_files
from omni_agent.core.audio import level_dbfs
from omni_agent.nodes import qos
from omni_agent.nodes.stamps import seconds

HZ = 1_000
LENGTH_S = 3.0           # whoever listens to a new node may miss its first seconds
FORMATS = {
    '16 kHz': (16_000, 1, 2),
    '44.1 kHz': (44_100, 1, 2),
    'stereo': (44_100, 2, 2),
    '24 bits': (48_000, 2, 3)
}


def wav(path: Path, rate: int, channels: int, width: int) -> Path:
    """A tone of HZ; the second channel is silent."""
    mono = tone(HZ, LENGTH_S, 0.4, rate).astype('<i4')
    sound = np.zeros((mono.size, channels), '<i4')
    sound[:, 0] = mono << (8 * (width - 2))
    data = sound.tobytes() if width == 4 else b''.join(
        value.tobytes()[:width] for value in sound.ravel())
    with wave.open(str(path), 'wb') as file:
        file.setparams((channels, width, rate, 0, 'NONE', ''))
        file.writeframes(data)
    return path


def stream(heard: Heard) -> np.ndarray:
    return np.concatenate([np.frombuffer(chunk.samples, np.int16) for chunk in heard])


Playing = dict[str, tuple[Running, Heard]]


@pytest.fixture(scope='module')
def playing(bench: Bench) -> Playing:
    """A microphone for each format, side by side, and what came from it up to half a second after
    the sound.
    """
    made: Playing = {}
    for rate, channels, width in FORMATS.values():
        name = f'microphone_{rate}_{channels}_{width}'
        heard = bench.listen(AudioChunk, f'{name}/audio', qos.AUDIO)
        file = wav(bench.folder / f'{name}.wav', rate, channels, width)
        process = bench.start('microphone', device=str(file),
                              arguments=('-r', f'audio:={name}/audio', '-r', f'__node:={name}'))
        made[name] = process, heard
    bench.until(
        lambda: all(heard and heard[-1].position > (LENGTH_S + 0.5) * RATE
                    for _, heard in made.values()), 'all of the sound')
    return made


@pytest.mark.parametrize(('rate', 'channels', 'width'), FORMATS.values(), ids=FORMATS)
def test_a_sound_file_is_heard_without_a_gap_at_its_own_pitch(playing: Playing, rate: int,
                                                              channels: int, width: int) -> None:
    _, heard = playing[f'microphone_{rate}_{channels}_{width}']
    assert ({(chunk.rate, chunk.channels, len(chunk.samples))
             for chunk in heard} == {(RATE, 1, BLOCK)})
    positions = [chunk.position for chunk in heard]
    assert (np.diff(positions) == BLOCK).all()
    times = np.array([seconds(chunk.header.stamp) for chunk in heard])
    assert np.allclose(np.diff(times), BLOCK / RATE, atol=1e-6)
    assert heard[0].header.frame_id == 'microphone'
    sound = stream(heard)
    end = np.flatnonzero(np.abs(sound) > 500)[-1]
    assert (positions[0] + end) / RATE == pytest.approx(LENGTH_S, abs=0.02)
    middle = sound[max(0, end - RATE // 4):end - 800]
    assert pitch(middle) == pytest.approx(HZ, abs=15)
    assert np.abs(middle).max() == pytest.approx(0.4 * 32767 / channels, rel=0.1)


def test_a_block_is_published_when_its_last_sample_was_heard(bench: Bench,
                                                             playing: Playing) -> None:
    for name, (process, heard) in playing.items():
        lags = [
            received - seconds(chunk.header.stamp) for received, chunk in zip(heard.times, heard)
        ]
        assert min(lags) >= BLOCK / RATE - 0.005 and np.median(lags) < 0.1
        bench.until(lambda: name in bench.health, 'diagnostics')
        status = bench.health[name][-1]
        assert level_of(status) == 0 and values_of(status)['dropped in the inbox'] == '0'
        assert 0 <= heard[-1].position / BLOCK + 1 - int(values_of(status)['blocks']) < 200
        assert bench.end(process) == 0


def syllables(seconds: float) -> np.ndarray:
    """Noise that comes and goes, float32."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (np.random.default_rng(1).normal(0, 0.1, t.size) *
            np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)).astype(np.float32)


class Cleaner:
    """A microphone that hears a loudspeaker 40 ms late and at a third, and is told what the
    loudspeaker plays.
    """

    SECONDS = 8.0

    def __init__(self, bench: Bench, name: str, **parameters: object) -> None:
        played, delay = syllables(self.SECONDS), int(0.04 * RATE)
        self.heard = (0.3 * np.concatenate((np.zeros(delay, np.float32), played))[:played.size])
        self.played, self.bench, self.sent = audio_files.to_int16(played), bench, 0
        file = bench.folder / f'{name}.wav'
        audio_files.write(file, audio_files.to_int16(self.heard))
        self.reference = bench.publisher(AudioChunk, f'{name}/speaker/reference', qos.AUDIO)
        self.gentle = bench.listen(AudioChunk, f'{name}/audio', qos.AUDIO)
        self.strict = bench.listen(AudioChunk, f'{name}/audio/strict', qos.AUDIO)
        self.process = bench.start('microphone', device=str(file),
                                   arguments=('-r', f'__ns:=/{name}'), **parameters)
        bench.pacers.append(self.tell)

    def tell(self) -> None:
        """As a speaker does, a moment ahead; its counter is not the microphone's."""
        if not self.gentle:
            return
        first = self.gentle[0]
        began = seconds(first.header.stamp) - first.position / RATE
        # half a second: this process may be kept waiting
        ahead = self.gentle[-1].position // BLOCK + 25
        for block in range(max(self.sent, ahead - 24), min(ahead, self.played.size // BLOCK)):
            samples = self.played[block * BLOCK:(block + 1) * BLOCK]
            self.reference.publish(
                audio_chunk(began + block * BLOCK / RATE, 10**6 + block * BLOCK, samples))
            self.sent = block + 1

    def finish(self) -> None:
        end = (self.SECONDS - 0.3) * RATE
        self.bench.until(lambda: self.gentle and self.gentle[-1].position > end,
                         'all of the sound')
        self.bench.pacers.remove(self.tell)

    def left_db(self, heard: Heard) -> float:
        """How far below what was heard the last two seconds are."""
        tail = slice(int((self.SECONDS - 2.5) * RATE), int((self.SECONDS - 0.5) * RATE))
        sound = np.zeros(self.played.size + RATE, np.int16)
        for chunk in heard:
            if chunk.position + BLOCK <= sound.size:
                sound[chunk.position:chunk.position + BLOCK] = np.frombuffer(
                    chunk.samples, np.int16)
        return level_dbfs(sound[tail]) - level_dbfs(audio_files.to_int16(self.heard)[tail])


@pytest.fixture(scope='module')
def cleaners(bench: Bench) -> dict[str, Cleaner]:
    """Side by side, up to the end of their sound: as it should be, with a device that cancels, and
    without WebRTC.
    """
    broken = bench.folder / 'broken'
    broken.mkdir()
    (broken / 'pywebrtc_audio.py').write_text('raise ImportError("not for this machine")\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(broken), prepend=':')
        made = {'half': Cleaner(bench, 'half')}
    made |= {
        'whole': Cleaner(bench, 'whole'),
        'hardware': Cleaner(bench, 'hardware', canceller='none')
    }
    for cleaner in made.values():
        cleaner.finish()
    return made


def test_the_robots_voice_is_taken_out_of_both_streams_which_bear_the_same_stamps(
        cleaners: dict[str, Cleaner]) -> None:
    pytest.importorskip('pywebrtc_audio')
    whole = cleaners['whole']
    assert whole.left_db(whole.gentle) < -10.0 and whole.left_db(whole.strict) < -15.0
    stamps = {
        chunk.position: (chunk.header.stamp.sec, chunk.header.stamp.nanosec)
        for chunk in whole.gentle
    }
    twins = [chunk for chunk in whole.strict if chunk.position in stamps]
    assert len(twins) > 200
    assert all(stamps[twin.position] == (twin.header.stamp.sec, twin.header.stamp.nanosec)
               for twin in twins)


def test_a_device_that_cancels_by_itself_is_passed_on_as_it_is(
        bench: Bench, cleaners: dict[str, Cleaner]) -> None:
    hardware = cleaners['hardware']
    assert abs(hardware.left_db(hardware.gentle)) < 0.1 and not hardware.strict
    assert bench.node.count_publishers('/hardware/audio/strict') == 0


def test_without_webrtc_there_is_no_strict_stream_and_the_diagnostics_say_what_to_install(
        bench: Bench, cleaners: dict[str, Cleaner]) -> None:
    half = cleaners['half']
    status = bench.news('half/microphone')
    assert level_of(status) == WARN and 'hearing itself' in status.message
    assert 'pip install pywebrtc-audio' in status.message
    assert half.left_db(half.gentle) < -10.0 and not half.strict
    assert all(bench.end(cleaner.process) == 0 for cleaner in cleaners.values())


def test_without_a_reference_and_without_speexdsp_sound_goes_on_and_the_diagnostics_say_both(
        bench: Bench) -> None:
    """What is heard is passed on as it is: there is nothing to take out, and nothing is lost."""
    bare = bench.folder / 'bare'
    bare.mkdir(exist_ok=True)       # a second try
    (bare / 'sitecustomize.py').write_text(
        'import ctypes.util\nctypes.util.find_library = lambda name: "libnobodyhasthis.so.7"\n')
    sound = audio_files.to_int16(syllables(6.0))
    audio_files.write(bare / 'sound.wav', sound)
    gentle, strict = (bench.listen(AudioChunk, f'bare/{topic}', qos.AUDIO)
                      for topic in ('audio', 'audio/strict'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(bare), prepend=':')
        process = bench.start('microphone', device=str(bare / 'sound.wav'), reference_s=0.5,
                              arguments=('-r', '__ns:=/bare'))
    bench.until(lambda: gentle and gentle[-1].position >= sound.size, 'all of the sound')
    for words in ('apt-get install libspeexdsp1', 'start the speaker node'):
        bench.until(lambda: any(words in str(status)
                                for status in bench.health.get('bare/microphone', [])), words)
    for heard in (gentle, strict) if strict else (gentle,):
        kept = [chunk for chunk in heard if chunk.position + BLOCK <= sound.size]
        assert len(kept) > 100
        passed = np.concatenate([np.frombuffer(chunk.samples, np.int16) for chunk in kept])
        given = np.concatenate([sound[chunk.position:chunk.position + BLOCK] for chunk in kept])
        assert abs(level_dbfs(passed) - level_dbfs(given)) < 0.5
    assert bench.end(process) == 0


@pytest.mark.parametrize('node', ['microphone', 'speaker'])
@pytest.mark.parametrize('device', ['a device that nobody has', '4711'])
def test_an_unknown_device_ends_with_code_2_and_one_line_that_says_what_there_is(
        bench: Bench, node: str, device: str) -> None:
    process = bench.start(node, device=device)
    bench.until(lambda: process.code is not None, f'the end of {node}')
    assert process.code == 2, process.words
    said = [line for line in process.said if device in line]
    assert len(said) == 1 and said[0].startswith(node), process.words
    assert 'Traceback' not in process.words
    assert 'there is' in said[0] or 'this machine' in said[0] or 'choose' in said[0], said[0]
    bench.end(process)


@pytest.mark.parametrize(('name', 'content'), [('absent.wav', None),
                                               ('text.wav', b'no sound at all')])
def test_a_file_that_is_no_sound_ends_with_code_2_and_its_name(bench: Bench, name: str,
                                                               content: bytes | None) -> None:
    file = bench.folder / name
    if content is not None:
        file.write_bytes(content)
    process = bench.start('microphone', device=str(file))
    bench.until(lambda: process.code is not None, 'the end of the microphone')
    assert process.code == 2 and str(
        file) in process.words and 'Traceback' not in process.words, process.words
    bench.end(process)
