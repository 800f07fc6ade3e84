"""Which microphone or loudspeaker a device parameter means. (Cameras: cameras.open_camera.)

'room:...' is a virtual room, the path of a sound file is a microphone that plays it, and anything
else names a sound device: a part of its name, its index, or nothing for the default one.
"""

from __future__ import annotations

from pathlib import Path

from omni_agent.backends import Loudspeaker, Microphone
from omni_agent.backends.room_address import PREFIX, RoomAddress
from omni_agent.core.errors import DeviceError

_SOUND_FILES = {'.wav', '.flac', '.ogg', '.mp3', '.aiff'}


def open_microphone(device: str) -> Microphone:
    """Raises ConfigError, BackendError, DeviceError; a sound device is opened by its ``start``."""
    if device.startswith(PREFIX):
        from omni_agent.backends import scenarios
        from omni_agent.backends.room import RoomMicrophone
        address = RoomAddress.parse(device)
        path = scenarios.find(address.scenario)
        return RoomMicrophone(scenarios.load(path), address.folder, path, address.waits)
    if Path(device).suffix.lower() in _SOUND_FILES:
        from omni_agent.backends.file_microphone import FileMicrophone
        return FileMicrophone(device)
    from omni_agent.backends.sound_devices import SoundDeviceMicrophone
    return SoundDeviceMicrophone(device)


def open_loudspeaker(device: str) -> Loudspeaker:
    """Raises ConfigError or DeviceError; a sound device is opened by its ``start``."""
    if device.startswith(PREFIX):
        from omni_agent.backends.room import RoomLoudspeaker
        return RoomLoudspeaker(RoomAddress.parse(device).folder)
    if Path(device).suffix.lower() in _SOUND_FILES:
        raise DeviceError(f"'{device}' is a sound file, which can only be a microphone: name a "
                          "loudspeaker or 'room:SCENARIO'")
    from omni_agent.backends.sound_devices import SoundDeviceLoudspeaker
    return SoundDeviceLoudspeaker(device)
