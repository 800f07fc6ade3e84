"""The only place that makes the voices of scripted people, with flite or espeak-ng.

They are not the robot's voice: a person whose voice is the robot's own would make echo tests say
nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from omni_agent.backends import audio_files
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.scenario import VOICE

TIMEOUT_S = 60.0
_PROGRAM = {'flite': 'flite', 'espeak': 'espeak-ng'}


def synthesise(text: str, voice: str) -> np.ndarray:
    """float32 mono samples at RATE of ``text`` in ``voice`` ('flite:slt', 'espeak:en-us+m3').

    Raises ConfigError for an unknown voice, BackendError when the program is missing or fails.
    """
    if not VOICE.fullmatch(voice):
        raise ConfigError(f"'{voice}' is no voice: write it like 'flite:slt' or 'espeak:en-us+m3'")
    key = hashlib.sha256(f'1\0{voice}\0{text}'.encode()).hexdigest()
    cached = _cache_folder() / f'{key}.wav'
    if cached.is_file():
        return audio_files.read(cached)
    engine, _, name = voice.partition(':')
    with tempfile.TemporaryDirectory(prefix='omni_agent_voice_') as folder:
        wav = Path(folder, 'voice.wav')
        _run(engine, name, text, wav)
        _keep(wav, cached)
        return audio_files.read(wav)


def _cache_folder() -> Path:
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'voices')


def _keep(wav: Path, cached: Path) -> None:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(f'.{os.getpid()}.part')
        shutil.copyfile(wav, part)
        os.replace(part, cached)
    except OSError:
        return          # a full or read-only cache costs time on the next run, nothing else


def _run(engine: str, name: str, text: str, wav: Path) -> None:
    program = _PROGRAM[engine]
    if shutil.which(program) is None:
        raise BackendError(f"the voice '{engine}:{name}' needs {program}, which is not installed: "
                           f'apt-get install {program}')
    if engine == 'flite':
        _check_flite_voice(name)
        command = [program, '-voice', name, '-t', text, '-o', str(wav)]
    else:
        command = [program, '-v', name, '-w', str(wav), '--stdin']
    try:
        done = subprocess.run(command, input=text, text=True,
                              capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f'{program} has not finished within {TIMEOUT_S:g} s: shorten the text') from error
    if done.returncode != 0 or not wav.is_file():
        words = (done.stderr or done.stdout).strip().splitlines()
        raise BackendError(f"{program} cannot speak with the voice '{name}': "
                           f"{words[-1] if words else f'exit status {done.returncode}'}")


def _check_flite_voice(name: str) -> None:
    """flite takes its default voice for one that it does not know, and says nothing."""
    if name not in _flite_voices():
        raise ConfigError(f"flite has no voice '{name}': it has {', '.join(_flite_voices())}")


@lru_cache(maxsize=1)
def _flite_voices() -> tuple[str, ...]:
    listing = subprocess.run(['flite', '-lv'], capture_output=True,
                             text=True, timeout=TIMEOUT_S).stdout
    return tuple(sorted(set(listing.partition(':')[2].split())))
