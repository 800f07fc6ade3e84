"""The only place that knows the voices of test sets by name: who speaks is 'engine:voice', e.g.
'kokoro:jf_alpha', 'kokoro:jf_alpha+jm_kumo' (a voice half-way), 'hibari:heart', 'flite:rms',
'espeak:en-us+f3', or 'human:NAME' for somebody who was recorded and says what there is of him.

'@0.9' after it makes a throat of another length (pitch and formants times 0.9, the pace stays that
of the words / 0.9). What was once spoken is kept in the cache.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Callable

import numpy as np

from omni_agent.backends import RATE, audio_files, models, recorded_people, voices
from omni_agent.backends.onnx import session
from omni_agent.core.errors import BackendError, ConfigError

KOKORO_HZ = 24000
MODEL = 'kokoro_voices'
VERSION = '1'            # of what is kept


def speak(text: str, voice: str) -> np.ndarray:
    """float32 mono samples at RATE. Raises ConfigError for an unknown voice, BackendError where an
    engine is missing.
    """
    if voice.startswith(recorded_people.ENGINE):
        return recorded_people.say(text, voice)
    key = hashlib.sha256(f'{VERSION}\0{voice}\0{text}'.encode()).hexdigest()[:32]
    kept = _folder() / f'{key}.wav'
    if kept.is_file():
        return audio_files.read(kept)
    name, _, throat = voice.partition('@')
    sound = _engine(name)(text)
    if throat:
        sound = audio_files.resample(sound, round(RATE * float(throat)), RATE)
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f'.{os.getpid()}.part')
    audio_files.write(part,
                      audio_files.to_int16(0.9 * sound / max(1e-6, float(np.abs(sound).max()))))
    os.replace(part, kept)
    return audio_files.read(kept)


def _folder() -> Path:
    return Path(
        os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'speakers')


def _engine(voice: str) -> Callable[[str], np.ndarray]:
    engine, _, name = voice.partition(':')
    if engine == 'kokoro':
        return lambda text: _kokoro().say(text, name)
    if engine == 'hibari':
        return lambda text: _hibari(text)
    if engine in ('flite', 'espeak'):
        return lambda text: voices.synthesise(text, voice)
    raise ConfigError(
        f"'{voice}' is no voice: write it like 'kokoro:jf_alpha', 'hibari:heart', 'flite:slt' or "
        "'espeak:en-us+m3'")


@lru_cache(maxsize=1)
def _tts() -> object:
    from omni_agent.backends.tts import HibariTts

    return HibariTts()


def _hibari(text: str) -> np.ndarray:
    sounds = [speech.samples for speech in _tts().stream(text)]
    if not sounds:
        raise BackendError(f'hibari says nothing for "{text}"')
    return np.concatenate(sounds).astype(np.float32) / 32768.0


class _Kokoro:
    """English out of a model packed for Japanese: its languages share one alphabet of sounds."""

    def __init__(self) -> None:
        from hibari import Hibari

        self._english = Hibari()
        self._session = session(models.path(MODEL, 'kokoro.onnx'), 1)
        self._styles = dict(np.load(models.path(MODEL, 'voices_ja.npz')))

    def say(self, text: str, voice: str) -> np.ndarray:
        sounds = ' '.join(self._english.phonemize(text))
        # hibari was distilled from Kokoro and numbers the phonemes alike; 0 marks both ends
        ids = [self._english.vocab[one] for one in sounds if one in self._english.vocab]
        feeds = {
            'tokens': np.array([[0, *ids, 0]], np.int64),
            'style': self._style(voice, len(ids)),
            'speed': np.array([1.0], np.float32)
        }
        sound = self._session.run(None, feeds)[0].ravel()
        return audio_files.resample(sound, KOKORO_HZ, RATE)

    def _style(self, voice: str, length: int) -> np.ndarray:
        unknown = [name for name in voice.split('+') if name not in self._styles]
        if unknown:
            raise ConfigError(
                f"Kokoro has no voice '{unknown[0]}': it has {', '.join(self._styles)}")
        return np.mean([self._styles[name][length - 1] for name in voice.split('+')],
                       axis=0).reshape(1, 256)


@lru_cache(maxsize=1)
def _kokoro() -> _Kokoro:
    return _Kokoro()
