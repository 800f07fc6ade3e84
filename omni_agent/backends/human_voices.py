"""The only place that knows where recordings of human voices lie on this machine: Debian packages,
never downloads.

One woman in a studio (570 prompts, 16 kHz G.722, CC-BY-SA-3.0) and volunteers at their own
microphones.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Sequence

import numpy as np

from omni_agent.backends import RATE, audio_files
from omni_agent.core.errors import BackendError
from omni_agent.share import share_dir

ALLISON = '/usr/share/asterisk/sounds/en*'
READERS = Path('/usr/share/pocketsphinx/test/data')
ADVICE = 'run "apt-get install asterisk-core-sounds-en-g722 pocketsphinx-testdata ffmpeg"'
AT_ONCE = 40            # files that one run of the decoder takes


def prompts(names: Sequence[str]) -> dict[str, np.ndarray]:
    """float32 samples at RATE by name. Raises BackendError that says what to install."""
    folder = _folder()
    cached = {name: _cached(folder / f'{name}.g722') for name in dict.fromkeys(names)}
    wanted = [name for name, path in cached.items() if not path.is_file()]
    for at in range(0, len(wanted), AT_ONCE):
        _decode(folder, {name: cached[name] for name in wanted[at:at + AT_ONCE]})
    return {name: audio_files.read(path) for name, path in cached.items()}


def _folder() -> Path:
    folders = [folder for folder in sorted(glob.glob(ALLISON)) if glob.glob(f'{folder}/*.g722')]
    if not folders:
        raise BackendError(
            f'the human recordings of Debian\'s asterisk-core-sounds-en-g722 are missing: {ADVICE}'
        )
    return Path(folders[0])


def _cached(source: Path) -> Path:
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'human')
    return cache / f'{hashlib.sha256(str(source).encode()).hexdigest()[:24]}.wav'


def _decode(folder: Path, targets: dict[str, Path]) -> None:
    if shutil.which('ffmpeg') is None:
        raise BackendError(f'human recordings cannot be decoded without ffmpeg: {ADVICE}')
    missing = [name for name in targets if not (folder / f'{name}.g722').is_file()]
    if missing:
        raise BackendError(f'{folder} has no {missing[0]}.g722: {ADVICE}')
    with tempfile.TemporaryDirectory(prefix='omni_agent_human_') as scratch:
        command = ['ffmpeg', '-v', 'error', '-y']
        for name in targets:
            command += ['-f', 'g722', '-i', str(folder / f'{name}.g722')]
        for index in range(len(targets)):
            command += ['-map', str(index), '-ar', str(RATE), '-ac', '1', f'{scratch}/{index}.wav']
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise BackendError(
                f'ffmpeg cannot decode the recordings in {folder}: {done.stderr.strip()[-200:]}')
        for index, path in enumerate(targets.values()):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(f'{scratch}/{index}.wav', path)


def readers() -> dict[str, tuple[np.ndarray, str]]:
    """Samples and words by name: sentences of a novel read by a volunteer, and playing cards named
    by another.
    """
    if not (READERS / 'librivox').is_dir():
        raise BackendError(
            f'the human recordings of Debian\'s pocketsphinx-testdata are missing: {ADVICE}')
    found = {}
    for folder, list_ in (('librivox', 'transcription'), ('cards', 'cards.transcription')):
        for line in (READERS / folder / list_).read_text(encoding='utf-8').splitlines():
            text, _, name = line.strip().rpartition(' (')
            if name:
                path = READERS / folder / f'{name.rstrip(")")}.wav'
                found[f'{folder}/{path.stem}'] = audio_files.read(path), text.replace(
                    '<s>', '').replace('</s>', '').strip()
    return found


def listed(file: str) -> dict[str, str]:
    """A list of scenarios/human: key -> what is said."""
    lines = (share_dir() / 'scenarios' / 'human' / file).read_text(encoding='utf-8').splitlines()
    pairs = (line.split(': ', 1) for line in lines if line and not line.startswith(';'))
    return {key: text for key, text in pairs}
