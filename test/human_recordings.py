"""Recordings of two human voices with transcripts, from Debian packages: what speech models are
tested on.
"""

from __future__ import annotations

import functools
import glob
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import RATE, audio_files, models
from omni_agent.core.errors import OmniAgentError

ALLISON = '/usr/share/asterisk/sounds/en*'
LIBRIVOX = Path('/usr/share/pocketsphinx/test/data/librivox')
PROMPTS = Path(__file__).with_name('allison_prompts.txt')
NUMBERS = dict(zip('0 1 2 3 4 5 6 7 8 9 10'.split(),
                   'zero one two three four five six seven eight nine ten'.split()))
SPELLINGS = {'mr': 'mister', 'mrs': 'missus', 'mailbox': 'mail box', 'goodbye': 'good bye'}


def need_model(name: str, file: str) -> Path:
    """The path of a model file, or a skip that says why."""
    try:
        return models.path(name, file)
    except OmniAgentError as error:
        pytest.skip(str(error))


@functools.lru_cache(maxsize=None)
def allison(count: int = 40) -> list[tuple[np.ndarray, str]]:
    """float32 samples at RATE and what is said in them; a woman in a studio, 16 kHz G.722."""
    folders = [folder for folder in glob.glob(ALLISON) if glob.glob(folder + '/*.g722')]
    if not folders or shutil.which('ffmpeg') is None:
        pytest.skip('needs recordings: apt install asterisk-core-sounds-en-g722 ffmpeg')
    lines = [line.split(': ', 1)
             for line in PROMPTS.read_text().splitlines() if not line.startswith(';')]
    return [(_g722(Path(folders[0], name + '.g722')), text) for name, text in lines[:count]]


def _g722(path: Path) -> np.ndarray:
    command = ['ffmpeg', '-v', 'error', '-f', 'g722', '-i', str(path),
               '-f', 's16le', '-ar', str(RATE), '-']
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, '<i2').astype(np.float32) / 32768


@functools.lru_cache(maxsize=None)
def librivox() -> list[tuple[np.ndarray, str]]:
    """Five sentences of a reading of 'Sense and Sensibility'; a volunteer's microphone."""
    if not LIBRIVOX.is_dir():
        pytest.skip('needs recordings: apt install pocketsphinx-testdata')
    lines = (LIBRIVOX / 'transcription').read_text().splitlines()
    parts = (re.fullmatch(r'<s> (.*) </s> \((.*)\)', line) for line in lines if line)
    return [(audio_files.read(LIBRIVOX / f'{part[2]}.wav'), part[1]) for part in parts]


def spoken(text: str) -> list[str]:
    """Words without case, punctuation and differences of spelling."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace('-', ' ').replace('’', "'"))
    return ' '.join(SPELLINGS.get(word, NUMBERS.get(word, word)) for word in words).split()


def word_errors(truth: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions between two rows of words (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for at, word in enumerate(truth, 1):
        above, row[0] = row[0], at
        for to, other in enumerate(heard, 1):
            above, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, above + (word != other))
    return row[-1]


def word_error_rate(pairs: list[tuple[str, str]]) -> float:
    """Over (truth, heard) pairs."""
    errors = sum(word_errors(spoken(truth), spoken(heard)) for truth, heard in pairs)
    return errors / sum(len(spoken(truth)) for truth, _ in pairs)


def pink_noise(size: int, level_dbfs: float, seed: int = 0) -> np.ndarray:
    """float32 (size,) with the same power in every octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=size))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(spectrum.size))), size)
    return (noise / np.sqrt(np.mean(noise ** 2)) * 10 ** (level_dbfs / 20)).astype(np.float32)
