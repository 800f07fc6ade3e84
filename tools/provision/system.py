"""The only place that installs system packages. It asks the machine, not the package manager, what
is missing.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import glob
import importlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from . import SetupError
from .console import run

APT = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120']


@dataclass(frozen=True)
class Need:
    """A Debian or Ubuntu package, why it is needed, and how to see that it is there."""

    package: str
    why: str
    is_there: Callable[[], bool]


def program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def library(name: str) -> Callable[[], bool]:
    return lambda: ctypes.util.find_library(name) is not None


def file(pattern: str) -> Callable[[], bool]:
    return lambda: bool(glob.glob(pattern))


def _has_headers() -> bool:
    return Path(sysconfig.get_paths()['include'], 'Python.h').is_file()


def _has_venv() -> bool:
    """Debian splits both off its Python."""
    importlib.invalidate_caches()      # they may have come since the last look
    return all(importlib.util.find_spec(name) is not None for name in ('venv', 'ensurepip'))


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get('ID') == 'debian'
    except OSError:                    # it says nothing of itself
        return False


def _python_package(kind: str) -> str:
    """The one of this interpreter: python3.11-dev, not what python3-dev happens to point at."""
    return f'python{sys.version_info.major}.{sys.version_info.minor}-{kind}'


RUNNING = [
    Need('libportaudio2', 'microphone and loudspeaker', library('portaudio')),
    Need('libspeexdsp1', 'taking the robot out of what it hears', library('speexdsp')),
    Need('flite', 'the fallback voice, and people in the virtual room', program('flite')),
    Need('espeak-ng', 'people in the virtual room', program('espeak-ng')),
]
BUILDING = [
    Need(_python_package('venv'), 'the virtual environment', _has_venv),
    Need(_python_package('dev'), 'compiling the messages', _has_headers),
    Need('cmake', 'compiling the messages', program('cmake')),
    Need('make', 'compiling the messages', program('make')),
    Need('g++', 'compiling the messages', program('g++')),
]
TESTING = [
    Need('pulseaudio', 'sound devices without a sound card', program('pulseaudio')),
    Need('pulseaudio-utils', 'speaking to them', program('paplay')),
    Need('libasound2-plugins', 'reaching them from PortAudio',
         file('/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so')),
    Need('asterisk-core-sounds-en-g722', 'recordings of a human voice',
         file('/usr/share/asterisk/sounds/en*/*.g722')),
    Need('pocketsphinx-testdata', 'recordings of human voices',
         file('/usr/share/pocketsphinx/test/data/librivox/*.wav')),
    Need('ffmpeg', 'decoding the recordings', program('ffmpeg')),
    # Ubuntu's is a snap, which no container runs: there those tests say that they were left out
    *([Need('chromium', 'turning the pages of the window', program('chromium'))]
      if _is_debian() else []),
]


def ensure(needs: Sequence[Need], log: Path) -> None:
    """Installs what is missing: as root, through sudo, or by saying the one line to type."""
    missing = [need for need in needs if not need.is_there()]
    if not missing:
        return
    packages = [need.package for need in missing]
    if shutil.which('apt-get') is None:
        wanted = '\n'.join(f'    {need.package}: {need.why}' for need in missing)
        raise SetupError(f'This machine lacks (by their Debian names):\n{wanted}\nInstall them '
                         'with its own package manager, then run the same again.')
    line = f'apt-get install -y --no-install-recommends {" ".join(packages)}'
    right = _right_to_install(line)
    by_hand = f'{" ".join([*right, "apt-get update"])} && {" ".join([*right, line])}'
    advice = f'Try it by hand: "{by_hand}".'
    with contextlib.suppress(SetupError):      # a broken list of a third party may not matter
        run('system packages: lists', [*right, *APT, 'update'], log.with_suffix('.update.log'), '')
    print(f'  system packages to install: {" ".join(packages)}', flush=True)
    run('system packages', [*right, *APT, *line.split()[1:]], log, advice, AptProgress())
    left = [need.package for need in missing if not need.is_there()]
    if left:
        raise SetupError(f'apt installed {" ".join(left)}, and still it is not found. {advice}')


class AptProgress:
    """apt says how many packages come, then names each when it is fetched, unpacked and set up."""

    def __init__(self) -> None:
        self._lines = 0
        self._seen = 0

    def __call__(self, line: str) -> float | None:
        announced = re.search(r'(\d+) newly installed', line)
        if announced:
            self._lines = 3 * int(announced.group(1))
        self._seen += line.startswith(('Get:', 'Unpacking ', 'Setting up '))
        return self._seen / self._lines if self._lines else None


def _right_to_install(line: str) -> list[str]:
    """What to put in front of apt-get. Raises SetupError with the line when it may not be run."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which('sudo')
    if sudo and _succeeds(sudo, '-n', 'true'):
        return [sudo, '-n']
    if sudo and sys.stdin.isatty():
        print(f'  System packages are missing; sudo asks for your password to run:\n    {line}',
              flush=True)
        if _succeeds(sudo, '-v'):
            return [sudo]
    raise SetupError('System packages are missing. Run this as root, then the same again:\n'
                     f'    {line}')


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
