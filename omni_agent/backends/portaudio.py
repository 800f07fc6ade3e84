"""The only place that talks to PortAudio: finds devices, opens streams in a format they accept.

PortAudio's list of devices is made once. It can be made anew only while this process has no stream
open.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Callable

from omni_agent.backends import RATE
from omni_agent.core.errors import DeviceError

if TYPE_CHECKING:
    import sounddevice as sd

BLOCK_S = 0.02
MICROPHONE, LOUDSPEAKER = 'input', 'output'
_WORD = {MICROPHONE: 'microphone', LOUDSPEAKER: 'loudspeaker'}

_lock = threading.Lock()         # of the two below, and of opening and closing
_open_streams = 0
_is_stale = False                # a stream was lost: the list of devices may have changed


@dataclass(frozen=True)
class Format:
    rate: int
    channels: int

    @property
    def block(self) -> int:
        """[samples] per channel in a callback"""
        return round(self.rate * BLOCK_S)


def module() -> ModuleType:
    try:
        import sounddevice
    except ImportError as error:
        raise DeviceError(
            f'no sound without sounddevice: install it with pip ({error})') from error
    except OSError as error:
        raise DeviceError(
            f'no sound without PortAudio: apt-get install libportaudio2 ({error})') from error
    return sounddevice


def device_names(kind: str) -> dict[int, str]:
    """Index -> name of every device that can be a microphone or a loudspeaker."""
    return {index: device['name'] for index, device in enumerate(module().query_devices())
            if device[f'max_{kind}_channels'] > 0}


def find(device: str, kind: str) -> int:
    """Index of a device given by its index or (a part of) its name; '' is the default one."""
    names = device_names(kind)
    if not device:
        default = module().default.device[0 if kind == MICROPHONE else 1]
        if default in names:
            return default
        raise DeviceError(f'there is no default {_WORD[kind]}: {_what_there_is(names)}')
    if device.isdigit() and int(device) in names:
        return int(device)
    wanted = device.lower()
    matches = [index for index, name in names.items() if wanted in name.lower()]
    exact = [index for index in matches if names[index].lower() == wanted]
    if not matches:
        raise DeviceError(f"there is no {_WORD[kind]} '{device}': {_what_there_is(names)}")
    return (exact or matches)[0]


def pick(device: str, kind: str) -> tuple[int, Format]:
    """What ``open_stream`` would open, and how; nothing is opened. Raises DeviceError."""
    index = find(device, kind)
    return index, _accepted_format(module(), index, kind)


def _what_there_is(names: dict[int, str]) -> str:
    listing = ', '.join(f"{index} '{name}'" for index, name in names.items())
    return f'there are {listing}' if listing else \
        "this machine has no such device (plug one in, or use 'room:conversation')"


def open_stream(device: str, kind: str, callback_for: Callable[[Format], Callable[..., None]]
                ) -> tuple[sd.InputStream | sd.OutputStream, Format]:
    """Opens and starts a stream of int16 blocks of 20 ms, at RATE if the device can.

    Raises DeviceError when the device is missing or refuses.
    """
    global _open_streams
    sd = module()
    with _lock:
        _rescan_if_stale(sd)
        index = find(device, kind)
        sound_format = _accepted_format(sd, index, kind)
        make = sd.InputStream if kind == MICROPHONE else sd.OutputStream
        try:
            stream = make(device=index, samplerate=sound_format.rate, blocksize=sound_format.block,
                          channels=sound_format.channels, dtype='int16', latency='low',
                          callback=callback_for(sound_format))
            _start(stream)
        except sd.PortAudioError as error:
            raise DeviceError(f"the {_WORD[kind]} '{device}' cannot be opened: {error}; "
                              'is another program using it?') from error
        _open_streams += 1
        return stream, sound_format


def _start(stream: sd.InputStream | sd.OutputStream) -> None:
    try:
        stream.start()
    except BaseException:
        stream.close(ignore_errors=True)
        raise


def close_stream(stream: sd.InputStream | sd.OutputStream, lost: bool = False) -> None:
    """``lost``: the device is gone, so that the list of devices may have changed."""
    global _open_streams, _is_stale
    with _lock:
        stream.close(ignore_errors=True)
        _open_streams -= 1
        _is_stale = _is_stale or lost


def note_failure() -> None:
    """A device could not be opened: look at the list anew next time."""
    global _is_stale
    with _lock:
        _is_stale = True


def _rescan_if_stale(sd: ModuleType) -> None:
    global _is_stale
    if _is_stale and _open_streams == 0:
        sd._terminate()
        sd._initialize()
        _is_stale = False


def _accepted_format(sd: ModuleType, index: int, kind: str) -> Format:
    """RATE and mono if the device takes it; else its own rate, or two channels."""
    device = sd.query_devices(index)
    check = sd.check_input_settings if kind == MICROPHONE else sd.check_output_settings
    refusal: Exception | None = None
    for rate in dict.fromkeys((RATE, int(device['default_samplerate']))):
        for channels in (1, 2):
            try:
                check(device=index, samplerate=rate, channels=channels, dtype='int16')
                return Format(rate, channels)
            except (sd.PortAudioError, ValueError) as error:
                refusal = refusal or error
    raise DeviceError(f"the {_WORD[kind]} '{device['name']}' takes neither {RATE} Hz nor its own "
                      f'{device["default_samplerate"]:g} Hz: {refusal}')
