"""The spare voice: flite, a small program that most distributions have. Robotic, but always there.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

import numpy as np

from omni_agent.backends import Speech, audio_files
from omni_agent.backends.speech_finish import audible, finish, spread
from omni_agent.core.errors import BackendError

PROGRAM = 'flite'
LONGEST = 2000       # [characters] of one sentence; an argument list has an end
TIMEOUT_S = 10.0     # it takes 50 ms


class FliteTts:
    """One child process a sentence. Raises BackendError if flite is missing or fails."""

    def __init__(self, voice: str = 'slt') -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise BackendError('flite is not installed: run "apt install flite"')
        self._command = [program, '-voice', voice]

    def stream(self, text: str) -> Iterator[Speech]:
        words = text.split()
        readable = ' '.join(words)[:LONGEST].encode('ascii', 'ignore').decode().replace('\0', '')
        if not any(char.isalnum() for char in readable):
            # flite knows English letters only, and writes an empty file for anything else
            return
        sound = self._synthesise(readable)
        first, last = audible(sound)
        offsets = [(first + at, word) for at, word in
                   spread(words, [1.0 + len(word) for word in words], last - first)]
        speech = finish(sound, offsets)
        if speech is not None:
            yield speech

    def _synthesise(self, text: str) -> np.ndarray:
        with tempfile.TemporaryDirectory(prefix='omni-agent-') as folder:
            source, target = Path(folder, 'text'), Path(folder, 'speech.wav')
            source.write_text(text, encoding='ascii')
            try:
                done = subprocess.run(
                    [*self._command, '-f', str(source), '-o', str(target)],
                    capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            except subprocess.TimeoutExpired as error:
                raise BackendError(f'flite did not finish within {TIMEOUT_S:.0f} s') from error
            if done.returncode or not target.is_file():
                raise BackendError(
                    f'flite failed ({done.returncode}): {done.stderr.strip()[:200]}')
            return audio_files.read(target)
