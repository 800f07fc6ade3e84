"""Microphones, loudspeakers and cameras: what is there, what the parameters would pick, and
whether it may be used.
"""

from __future__ import annotations

import grp
import os
import threading
import time
from pathlib import Path
from typing import Iterator

import numpy as np

from omni_agent.backends import RATE, Block, cameras, portaudio
from omni_agent.backends.devices import open_microphone
from omni_agent.backends.portaudio import LOUDSPEAKER, MICROPHONE
from omni_agent.backends.room_address import PREFIX
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, split, wrong
from omni_agent.core.errors import BackendError, ConfigError, DeviceError

SOUND, VIDEO = Path('/dev/snd'), Path('/dev')
WORDS = {MICROPHONE: 'microphone', LOUDSPEAKER: 'loudspeaker'}
LISTEN_S = 1.0
SILENT_DBFS = -80.0        # below it a microphone is muted, or is none
SHOWN = 8                  # devices that are listed by name


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield _sound_rights()
    for kind, node in ((MICROPHONE, 'microphone'), (LOUDSPEAKER, 'speaker')):
        yield from _sound(kind, wanted.parameter(node, 'device'))
    if wanted.open:
        yield heard(wanted.parameter('microphone', 'device'))
    yield _cameras()
    device = wanted.parameter('camera', 'device', '0')
    yield _picked_camera(device)
    if wanted.open and device != 'none':
        yield seen(device)


# -- sound ----------------------------------------------------------------------------------------


def _sound_rights() -> Finding:
    server = _sound_server()
    cards = sorted(SOUND.glob('pcm*')) if SOUND.is_dir() else []
    if server:
        return ok('sound', f'through a sound server, {server}')
    if not cards:
        return note(
            'sound', 'no sound card (/dev/snd) and no sound server',
            'plug one in; in a container add --device '
            '/dev/snd, or hand in the socket of the sound server')
    if not any(os.access(card, os.R_OK | os.W_OK) for card in cards):
        return wrong('sound', f'{SOUND} may not be used by this user', _join(cards[0]))
    return ok('sound', f'{len(cards)} streams of sound cards, allowed')


def _sound_server() -> str:
    given = os.environ.get('PULSE_SERVER', '')
    runtime = Path(os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.getuid()}')
    sockets = [
        one for one in (runtime / 'pulse' / 'native', runtime / 'pipewire-0') if one.is_socket()
    ]
    return given or (str(sockets[0]) if sockets else '')


def _join(file: Path) -> str:
    """How this user gets at a device file."""
    try:
        group = grp.getgrgid(file.stat().st_gid).gr_name
    except (KeyError, OSError):
        group = 'of the file'
    return f'sudo usermod -aG {group} $USER, then log in again'


def _sound(kind: str, device: str) -> Iterator[Finding]:
    try:
        names = portaudio.device_names(kind)
        yield ok(f'{WORDS[kind]}s', _listed(names) or 'none')
        yield _picked_sound(kind, device)
    except (DeviceError, ConfigError) as error:
        yield wrong(WORDS[kind], *split(str(error)))


def _listed(names: dict[int, str]) -> str:
    shown = [f"{index} '{name}'" for index, name in list(names.items())[:SHOWN]]
    return ', '.join(shown) + (f' and {len(names) - SHOWN} more' if len(names) > SHOWN else '')


def _picked_sound(kind: str, device: str) -> Finding:
    if device.startswith(PREFIX):
        return ok(WORDS[kind], f'{device}, a virtual room')
    if kind == MICROPHONE and Path(device).is_file():
        return ok(WORDS[kind], f'{device}, a sound file')
    index, form = portaudio.pick(device, kind)
    text = f"{index} '{portaudio.device_names(kind)[index]}' for {device!r}, {form.rate} Hz, {form.channels} channel" \
           f'{"s" * (form.channels > 1)}'
    return ok(WORDS[kind], text if form.rate == RATE else f'{text}, brought to {RATE} Hz here')


def heard(device: str) -> Finding:
    """One second of the microphone, as the node would open it."""
    blocks: list[Block] = []
    enough = threading.Event()

    def take(block: Block) -> None:
        blocks.append(block)
        if sum(one.samples.size for one in blocks) >= LISTEN_S * RATE:
            enough.set()

    try:
        microphone = open_microphone(device)
        microphone.start(take)
    except (DeviceError, ConfigError, BackendError) as error:
        return wrong('one second', *split(str(error)))
    try:
        enough.wait(5.0 * LISTEN_S)
    finally:
        microphone.stop()
    if not blocks:
        return wrong('one second', 'the microphone is open and sends nothing',
                     'see whether another program holds it')
    samples = np.concatenate([one.samples for one in blocks]).astype(np.float64) / 32768
    level = 20 * np.log10(max(1e-6, float(np.sqrt(np.mean(samples ** 2)))))
    text = f'{samples.size / RATE:.1f} s of sound at {level:.0f} dBFS'
    if level < SILENT_DBFS:
        return note('one second', f'{text}: that is no room',
                    'unmute it (alsamixer, F4), or pick another device')
    return ok('one second', text)


# -- pictures -------------------------------------------------------------------------------------


def _cameras() -> Finding:
    return ok('cameras', _listed(cameras.device_names()) or 'none')


def _picked_camera(device: str) -> Finding:
    shown = cameras.without_password(device)
    if device == 'none':
        return ok('camera', 'none is wanted')
    if device.startswith(PREFIX) or Path(device).is_file() or '://' in device:
        return ok(
            'camera',
            f'{shown}, {"a virtual room" if device.startswith(PREFIX) else "a file or an address"}'
        )
    try:
        index = cameras.index_of(device)
    except DeviceError as error:
        return wrong('camera', *split(str(error)))
    file = VIDEO / f'video{index}'
    if not file.exists():
        return wrong(
            'camera', f'there is no {file} for {device!r}',
            'plug it in, name another one, or none; in a '
            f'container add --device {file}')
    if not os.access(file, os.R_OK | os.W_OK):
        return wrong('camera', f'{file} may not be used by this user', _join(file))
    return ok('camera',
              f"{file} '{cameras.device_names().get(index, 'without a name')}' for {device!r}")


def seen(device: str) -> Finding:
    """One picture, as the node would get it."""
    began = time.monotonic()
    try:
        camera = cameras.open_camera(device)
        try:
            image = camera.read().image
        finally:
            camera.close()
    except (DeviceError, ConfigError, BackendError) as error:
        return wrong('one picture', *split(str(error)))
    text = f'{image.shape[1]} x {image.shape[0]} after {time.monotonic() - began:.1f} s'
    if int(image.max()) - int(image.min()) < 8:
        return note('one picture', f'{text}, all of one colour', 'take the cap off')
    return ok('one picture', text)
