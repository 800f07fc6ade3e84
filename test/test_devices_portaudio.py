"""Real PortAudio, through the null sinks of a private PulseAudio: no sound card is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import pytest

from omni_agent.backends import BLOCK, RATE, Block, portaudio
from omni_agent.backends.portaudio import Format
from omni_agent.backends.sound_devices import SoundDeviceLoudspeaker, SoundDeviceMicrophone
from omni_agent.core.errors import DeviceError

NEEDED = ('pulseaudio', 'pactl', 'parec')
pytestmark = [
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)),
        reason=f'needs {", ".join(NEEDED)}: apt-get install '
        'pulseaudio pulseaudio-utils libasound2-plugins libportaudio2',
    ),
    pytest.mark.timeout(60),
]

ALSA = '\n'.join(
    ['</usr/share/alsa/alsa.conf>']
    + [
        f'pcm.{name} {{ type pulse device "{device}" hint {{ show on description "{name}" }} }}'
        for name, device in (
            ('robot_mic', 'mic.monitor'),
            ('robot_spk', 'spk'),
            ('human_mouth', 'mic'),
            ('human_ear', 'spk.monitor'),
        )
    ]
)


class Daemon:
    """A PulseAudio of our own. Its sinks are kept awake, since a sleeping one stalls its first
    stream for 1 s.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        socket = self._folder / 'pulse.sock'
        self._run(
            'pulseaudio',
            '-n',
            '--daemonize=no',
            '--exit-idle-time=-1',
            '--disallow-exit=0',
            '--use-pid-file=no',
            '--log-level=error',
            '--high-priority=no',
            '--realtime=no',
            '-L',
            f'module-native-protocol-unix socket={socket} auth-anonymous=1',
            '-L',
            'module-null-sink sink_name=spk rate=48000 channels=2',
            '-L',
            'module-null-sink sink_name=mic rate=48000 channels=1',
        )
        wait_until(lambda: subprocess.run(['pactl', 'info'], capture_output=True).returncode == 0)
        for sink in ('spk', 'mic'):
            self._run('parec', '-d', f'{sink}.monitor', '--latency-msec=10', '--raw')

    def _run(self, *command: str) -> None:
        self._processes.append(
            subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    **os.environ,
                    'HOME': str(self._folder),
                    'XDG_RUNTIME_DIR': str(self._folder),
                },
            )
        )

    def kill(self) -> None:
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()


def wait_until(is_so: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, 'has not come in time'
        time.sleep(0.02)


@pytest.fixture(scope='module')
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    try:
        portaudio.module()
    except DeviceError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp('pulse')
    folder.chmod(0o700)
    (folder / 'asound.conf').write_text(ALSA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PULSE_SERVER', f'unix:{folder / "pulse.sock"}')
        patch.setenv('ALSA_CONFIG_PATH', str(folder / 'asound.conf'))
        daemon = Daemon(folder)
        try:
            daemon.start()
            portaudio.note_failure()  # whoever looked at the devices before saw others
            yield daemon
        finally:
            daemon.kill()
            portaudio.note_failure()


class Ear:
    """A microphone that keeps what it hears."""

    def __init__(self, device: str) -> None:
        self.blocks: list[Block] = []
        self.microphone = SoundDeviceMicrophone(device)

    def __enter__(self) -> Ear:
        self.microphone.start(self.blocks.append)
        return self

    def __exit__(self, *_: object) -> None:
        self.microphone.stop()

    def hear(self, seconds: float) -> list[Block]:
        """The next blocks."""
        begin, count = len(self.blocks), round(seconds * RATE / BLOCK)
        wait_until(lambda: len(self.blocks) >= begin + count)
        return self.blocks[begin : begin + count]


class Mouth:
    """A loudspeaker that plays a tone while it is on."""

    def __init__(self, device: str, hz: float = 440.0) -> None:
        self.loudspeaker = SoundDeviceLoudspeaker(device)
        self.is_on = threading.Event()
        self.leads: list[float] = []
        self._hz = hz
        self._position = 0

    def fill(self, out: np.ndarray, t: float) -> None:
        self.leads.append(t - time.time())
        if self.is_on.is_set():
            at = np.arange(self._position, self._position + len(out)) / RATE
            out[:] = 8000 * np.sin(2 * np.pi * self._hz * at)
            self._position += len(out)

    def __enter__(self) -> Mouth:
        self.loudspeaker.start(self.fill)
        return self

    def __exit__(self, *_: object) -> None:
        self.loudspeaker.stop()


def test_a_microphone_hears_a_tone_at_its_frequency_in_blocks_without_gaps(daemon: Daemon) -> None:
    with Mouth('human_mouth', 440) as mouth, Ear('robot_mic') as ear:
        mouth.is_on.set()
        ear.hear(1.0)
        blocks = ear.hear(1.0)
        counters = ear.microphone.snapshot()
        age = time.time() - blocks[-1].t
    sound = np.concatenate([block.samples for block in blocks]).astype(float)
    assert np.argmax(np.abs(np.fft.rfft(sound))) / len(sound) * RATE == pytest.approx(440, abs=2)
    assert 7000 < np.abs(sound).max() < 9000
    assert counters.is_open and counters.reopenings == 0 and counters.blocks >= 99
    steps = np.diff([block.t for block in blocks])
    assert steps.min() > 0
    if not counters.xruns and steps.max() < 0.03:  # PulseAudio had time enough
        assert np.diff([block.position for block in blocks]).tolist() == [BLOCK] * len(steps)
    lags = [block.t - block.position / RATE for block in blocks]
    assert max(lags) - min(lags) < 0.15
    assert 0 < age < 0.5
    assert 0 < np.median(mouth.leads) < 0.3


def test_after_an_abort_nothing_older_is_heard_and_the_next_sound_is(daemon: Daemon) -> None:
    with Ear('human_ear') as ear, Mouth('robot_spk') as mouth:
        mouth.is_on.set()
        wait_until(lambda: any(np.abs(b.samples).max() > 4000 for b in ear.blocks))
        ear.hear(0.5)
        last = [_last_sound_after_abort(ear, mouth) for _ in range(5)]
        leads = mouth.leads[-20:]
    assert max(last) < 0.1
    assert np.median(last) < 0.035                          # 7 ms; what was written lasts 60 ms
    assert 0 < np.median(leads) < 0.15  # and the next stamps know nothing of it


def _last_sound_after_abort(ear: Ear, mouth: Mouth) -> float:
    mouth.is_on.clear()
    aborted = time.time()
    mouth.loudspeaker.abort()
    ends = [
        block.t + (np.flatnonzero(np.abs(block.samples) > 100)[-1] + 1) / RATE
        for block in ear.hear(0.4)
        if np.abs(block.samples).max() > 100
    ]
    mouth.is_on.set()
    wait_until(lambda: np.abs(ear.blocks[-1].samples).max() > 4000)
    ear.hear(0.2)
    return max(ends, default=aborted) - aborted


@pytest.mark.parametrize(
    'open_it, word',
    [
        (lambda name: SoundDeviceMicrophone(name).start(print), 'microphone'),
        (lambda name: SoundDeviceLoudspeaker(name).start(print), 'loudspeaker'),
    ],
)
def test_an_unknown_device_is_told_with_those_that_there_are(
    daemon: Daemon, open_it: Callable[[str], None], word: str
) -> None:
    for name in ('No Such Thing', '99'):
        with pytest.raises(
            DeviceError, match=f"there is no {word} '{name}': there are .*'robot_"
        ) as error:
            open_it(name)
        assert 'human_' in str(error.value)


def test_a_device_is_found_by_a_part_of_its_name_by_its_index_or_not_at_all(
    daemon: Daemon,
) -> None:
    names = portaudio.device_names('input')
    index = next(i for i, name in names.items() if name == 'human_ear')
    assert portaudio.find('HUMAN_EA', 'input') == portaudio.find(str(index), 'input') == index


def test_devices_that_vanish_are_opened_again_when_they_are_back(daemon: Daemon) -> None:
    with Ear('robot_mic') as ear, Mouth('human_mouth') as mouth:
        mouth.is_on.set()
        ear.hear(0.5)
        devices = (ear.microphone, mouth.loudspeaker)
        daemon.kill()
        wait_until(lambda: not any(device.snapshot().is_open for device in devices))
        wait_until(lambda: all(device.snapshot().failure for device in devices))
        before = len(ear.blocks)
        daemon.start()
        wait_until(lambda: any(np.abs(b.samples).max() > 4000 for b in ear.blocks[before:]))
        wait_until(lambda: all(d.snapshot().reopenings and d.snapshot().is_open for d in devices))
        last, first = ear.blocks[before - 1], ear.blocks[before]
    # at least the second that it took to be missed
    assert first.position - last.position > RATE
    assert (first.position - last.position) / RATE == pytest.approx(first.t - last.t, abs=0.05)


def test_a_device_that_is_away_for_ever_can_be_stopped_at_once(daemon: Daemon) -> None:
    with Ear('robot_mic') as ear:
        ear.hear(0.2)
        daemon.kill()
        wait_until(lambda: bool(ear.microphone.snapshot().failure))
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    daemon.start()


class Fussy:
    """As much of PortAudio as is asked about formats; takes only ``accepted``."""

    PortAudioError = OSError

    def __init__(self, *accepted: tuple[int, int]) -> None:
        self._accepted = accepted

    def query_devices(self, index: int) -> dict[str, object]:
        return {'name': 'fussy', 'default_samplerate': 48_000.0}

    def check_input_settings(
        self, device: int, samplerate: int, channels: int, dtype: str
    ) -> None:
        if (samplerate, channels) not in self._accepted:
            raise OSError('Invalid sample rate')


@pytest.mark.parametrize(
    'accepted, chosen',
    [
        (((RATE, 1), (48_000, 1)), (RATE, 1)),
        (((RATE, 2), (48_000, 1)), (RATE, 2)),
        (((48_000, 1),), (48_000, 1)),
        (((48_000, 2),), (48_000, 2)),
    ],
)
def test_a_device_that_refuses_our_format_is_opened_in_its_own(
    accepted: tuple[tuple[int, int], ...], chosen: tuple[int, int]
) -> None:
    assert portaudio._accepted_format(Fussy(*accepted), 0, portaudio.MICROPHONE) == Format(*chosen)


def test_a_device_that_refuses_everything_is_a_device_error() -> None:
    with pytest.raises(
        DeviceError,
        match="'fussy' takes neither 16000 Hz nor its own 48000 Hz: Invalid sample rate",
    ):
        portaudio._accepted_format(Fussy(), 0, portaudio.MICROPHONE)
