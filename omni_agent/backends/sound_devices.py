"""Real microphones and loudspeakers. One that vanishes is opened again when it is back.

The device's thread only copies. Positions count samples at RATE since ``start``. Where sound was
lost (overrun, unplugged) they jump by the time that has passed.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable

import numpy as np

from omni_agent.backends import BLOCK, RATE, Block, portaudio
from omni_agent.backends.device_clock import DeviceClock, UnixTime
from omni_agent.backends.portaudio import LOUDSPEAKER, MICROPHONE, Format
from omni_agent.backends.stream_resampler import StreamResampler
from omni_agent.core.backoff import Backoff
from omni_agent.core.errors import DeviceError

if TYPE_CHECKING:
    import sounddevice as sd

LOST_S = 1.0             # without a callback: the device is gone
WAKE_S = 3.0             # after opening nothing is held against it: a sound server may have slept
WATCH_S = 0.2
OLDEST_S = 0.15          # sound of a microphone that claims to be older is not
FARTHEST_S = 2.0         # sound that will be heard later than that neither
WAITING = 100            # [blocks] from the device's thread to ours; then the newest is dropped

CallbackFor = Callable[[Format], Callable[..., None]]
Recorded = tuple[float, np.ndarray, Format, bool]    # time, (frames, channels), format, is first


@dataclass(frozen=True)
class SoundCounters:
    """What a device has done since ``start``."""

    blocks: int = 0              # callbacks of the driver
    xruns: int = 0               # the driver says that sound was lost
    dropped: int = 0             # blocks lost because nobody took them for 2 s
    reopenings: int = 0
    is_open: bool = False
    failure: str = ''            # why the last attempt to open it failed


class _Stream:
    """Keeps one PortAudio stream alive until ``stop``."""

    def __init__(self, device: str, kind: str, callback_for: CallbackFor) -> None:
        self._device = device
        self._kind = kind
        self._callback_for = callback_for
        self._lock = threading.RLock()       # of the stream: watcher, abort and stop
        self._stream: sd.InputStream | sd.OutputStream | None = None
        self._heard_of = self._patient_until = time.monotonic()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.counters = SoundCounters()

    def start(self) -> None:
        """Raises DeviceError when the device cannot be opened now; later losses are repaired."""
        portaudio.note_failure()     # what was plugged in since the last look shall be found
        self._open()
        self._thread = threading.Thread(
            target=self._watch, name=f'{self._kind} watcher', daemon=True)
        self._thread.start()

    def _open(self) -> None:
        with self._lock:
            self._patient_until = time.monotonic() + WAKE_S
            self._stream, _ = portaudio.open_stream(self._device, self._kind, self._callback_for)
            self.counters = replace(self.counters, is_open=True, failure='')

    def noticed(self, xrun: bool) -> None:
        """Called from the device's thread for each block."""
        self._heard_of = time.monotonic()
        old = self.counters
        self.counters = replace(old, blocks=old.blocks + 1, xruns=old.xruns + xrun)

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            if self._is_lost():
                self._close(lost=True)
                self._open_again()

    def _is_lost(self) -> bool:
        with self._lock:
            if self._stream is None:
                return True
            now = time.monotonic()
            if now > self._patient_until and now - self._heard_of > LOST_S:
                return True
            try:
                return not self._stream.active
            except portaudio.module().PortAudioError:
                return True

    def _open_again(self) -> None:
        backoff = Backoff()
        while not self._stopping.wait(backoff.failed()):
            try:
                self._open()
            except DeviceError as error:
                portaudio.note_failure()
                self.counters = replace(self.counters, failure=str(error))
                continue
            self.counters = replace(self.counters, reopenings=self.counters.reopenings + 1)
            return

    def _close(self, lost: bool = False) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
            self.counters = replace(self.counters, is_open=False)
        if stream is not None:
            portaudio.close_stream(stream, lost)

    def abort(self) -> None:
        """Throws away what the driver holds. The watcher repairs a stream that cannot do it."""
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.abort()
                self._stream.start()
            except portaudio.module().PortAudioError:
                self._heard_of = self._patient_until = -LOST_S       # lost: the watcher sees it
            else:
                self._heard_of = time.monotonic()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._close()


class SoundDeviceMicrophone:
    """A microphone by (part of a) name, index, or '' for the default one."""

    def __init__(self, device: str = '') -> None:
        self._stream = _Stream(device, MICROPHONE, self._callback_for)
        self._blocks: queue.Queue[Recorded | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def start(self, on_block: Callable[[Block], None]) -> None:
        """Raises DeviceError."""
        self._stream.start()
        self._thread = threading.Thread(target=self._work, args=(on_block,), name='microphone',
                                        daemon=True)
        self._thread.start()

    def _callback_for(self, sound_format: Format) -> Callable[..., None]:
        unix_time = UnixTime(OLDEST_S, -sound_format.block / sound_format.rate)
        is_first = True

        def callback(data: np.ndarray, frames: int, times: sd.CallbackTime,
                     status: sd.CallbackFlags) -> None:
            nonlocal is_first
            t = unix_time(time.time(), times.currentTime, times.inputBufferAdcTime)
            try:
                self._blocks.put_nowait((t, data.copy(), sound_format, is_first))
            except queue.Full:
                self._dropped += 1
            is_first = False
            self._stream.noticed(bool(status.input_overflow))
        return callback

    def _work(self, on_block: Callable[[Block], None]) -> None:
        cutter = BlockCutter()
        while (item := self._blocks.get()) is not None:
            for block in cutter(*item):
                on_block(block)

    def stop(self) -> None:
        self._stream.stop()
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None

    def snapshot(self) -> SoundCounters:
        return replace(self._stream.counters, dropped=self._dropped)


class BlockCutter:
    """Makes mono blocks of BLOCK samples at RATE out of whatever the device sends."""

    def __init__(self) -> None:
        self._format = Format(RATE, 1)
        self._resampler: StreamResampler | None = None
        self._rest = np.zeros(0, np.int16)
        self._position = 0                   # of the first sample in _rest
        self._clock = DeviceClock()
        self._end: float | None = None       # Unix time up to which sound has come

    def __call__(self, t: float, data: np.ndarray, sound_format: Format,
                 is_first: bool) -> list[Block]:
        """``data``: int16 (frames, channels), taken at Unix second ``t``; ``is_first`` of an
        opened stream.
        """
        if is_first:
            self._begin(t, sound_format)
        t = self._clock.stamp(t, len(data) * RATE / sound_format.rate)
        if self._clock.lost_s:
            self._skip(self._clock.lost_s)
        self._end = t + len(data) / sound_format.rate
        start = t - len(self._rest) / RATE
        sound = np.concatenate((self._rest, self._convert(data)))
        whole = len(sound) // BLOCK * BLOCK
        blocks = [Block(self._position + i, start + i / RATE, sound[i:i + BLOCK])
                  for i in range(0, whole, BLOCK)]
        self._rest = sound[whole:]
        self._position += whole
        return blocks

    def _begin(self, t: float, sound_format: Format) -> None:
        self._format = sound_format
        self._clock = DeviceClock()
        self._resampler = None
        if sound_format.rate != RATE:
            self._resampler = StreamResampler(sound_format.rate, RATE)
        if self._end is not None:
            self._skip(max(0.0, t - self._end))

    def _skip(self, gap_s: float) -> None:
        """That much is missing before what comes now; so is the piece of a block before it."""
        self._position += len(self._rest) + round(gap_s * RATE)
        self._rest = self._rest[:0]
        if self._resampler is not None:
            self._resampler.reset()

    def _convert(self, data: np.ndarray) -> np.ndarray:
        mono = data[:, 0] if data.shape[1] == 1 else data.mean(axis=1)
        if self._resampler is None:
            return mono.astype(np.int16)
        return np.clip(np.rint(self._resampler(mono)), -32768, 32767).astype(np.int16)


class SoundDeviceLoudspeaker:
    """A loudspeaker by (part of a) name, index, or '' for the default one.

    ``fill`` is called in the device's thread and must only copy. Don't call ``abort`` or ``stop``
    while holding a lock that ``fill`` takes: both wait for the device's thread.
    """

    def __init__(self, device: str = '') -> None:
        self._stream = _Stream(device, LOUDSPEAKER, self._callback_for)
        self._fill: Callable[[np.ndarray, float], None] = lambda out, t: out.fill(0)
        self._source: BlockSource | None = None

    def start(self, fill: Callable[[np.ndarray, float], None]) -> None:
        """Raises DeviceError."""
        self._fill = fill
        self._stream.start()

    def _callback_for(self, sound_format: Format) -> Callable[..., None]:
        source = self._source = BlockSource(sound_format, self._ask)
        unix_time = UnixTime(FARTHEST_S, sound_format.block / sound_format.rate)

        def callback(out: np.ndarray, frames: int, times: sd.CallbackTime,
                     status: sd.CallbackFlags) -> None:
            t = unix_time(time.time(), times.currentTime, times.outputBufferDacTime)
            out[:] = source(frames, t)[:, np.newaxis]
            self._stream.noticed(bool(status.output_underflow))
        return callback

    def _ask(self, out: np.ndarray, t: float) -> None:
        self._fill(out, t)

    def abort(self) -> None:
        """Nothing older is heard after a few milliseconds; the device goes on asking for sound."""
        self._stream.abort()
        if self._source is not None:
            self._source.restart()

    def stop(self) -> None:
        self._stream.stop()

    def snapshot(self) -> SoundCounters:
        return self._stream.counters


class BlockSource:
    """Gives a device as many samples at its own rate as it wants, made of BLOCKs at RATE."""

    def __init__(self, sound_format: Format, fill: Callable[[np.ndarray, float], None]) -> None:
        self._rate = sound_format.rate
        self._fill = fill
        self._resampler = None if self._rate == RATE else StreamResampler(RATE, self._rate)
        self._rest = np.zeros(0, np.int16)
        self._clock = DeviceClock()

    def __call__(self, frames: int, t: float) -> np.ndarray:
        """int16 (frames,) of which the first will be heard at Unix second ``t``."""
        t = self._clock.stamp(t, frames * RATE / self._rate)
        while len(self._rest) < frames:
            block = np.zeros(BLOCK, np.int16)
            self._fill(block, t + len(self._rest) / self._rate)
            self._rest = np.concatenate((self._rest, self._convert(block)))
        out, self._rest = self._rest[:frames], self._rest[frames:]
        return out

    def restart(self) -> None:
        """What was taken has been thrown away, so that its time is over before it has come."""
        self._clock = DeviceClock()

    def _convert(self, block: np.ndarray) -> np.ndarray:
        if self._resampler is None:
            return block
        return np.clip(np.rint(self._resampler(block)), -32768, 32767).astype(np.int16)
