"""The only place that reads and writes sound files.

Whatever a file holds (44.1 kHz, stereo, int24, float, flac), the rest of the package sees float32
mono at RATE.
"""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np

from omni_agent.backends import RATE
from omni_agent.core.errors import ConfigError

_HEADER = 44         # [bytes] RIFF + fmt + data, as plain as WAV gets


def read(path: str | Path) -> np.ndarray:
    """float32 mono samples at RATE, of shape (n,), in [-1, 1].

    Raises ConfigError when the file is missing, empty or no sound.
    """
    path = Path(path)
    _must_be_a_file(path)
    try:
        import soundfile
    except ImportError as error:
        raise ConfigError(f"cannot read {path}: install 'soundfile' with pip ({error})") from error
    try:
        samples, rate = soundfile.read(path, dtype='float32', always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise ConfigError(f'{path} is not a sound file that can be read '
                          f'(wav, flac and ogg can): {error}') from error
    if not len(samples):
        raise ConfigError(f'{path} holds no samples: record it again')
    if not np.isfinite(samples).all():
        raise ConfigError(f'{path} holds samples that are not numbers (NaN or infinite): '
                          'write it again from its source')
    return np.clip(resample(samples.mean(axis=1), rate, RATE), -1.0, 1.0)


def _must_be_a_file(path: Path) -> None:
    if not path.exists():
        raise ConfigError(f'there is no sound file {path}: check the path')
    if not path.is_file():
        raise ConfigError(f'{path} is a folder, not a sound file: name a file in it')
    if path.stat().st_size == 0:
        raise ConfigError(f'{path} is empty (0 bytes): record or download it again')


def resample(samples: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """float32 mono samples brought from one rate to another with a linear-phase low-pass."""
    samples = np.asarray(samples, dtype=np.float32)
    if rate_in == rate_out:
        return samples
    from scipy.signal import resample_poly
    divisor = math.gcd(rate_in, rate_out)
    return resample_poly(samples, rate_out // divisor, rate_in // divisor).astype(np.float32)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] -> int16; what is louder is clipped, never wrapped around."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def write(path: str | Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Writes int16 samples of shape (n,) or (n, channels) as a WAV file."""
    if samples.dtype != np.int16:
        raise TypeError(f'write wants int16 samples, not {samples.dtype}')
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, dtype='<i2').tobytes())


class GrowingWav:
    """A mono int16 WAV file at RATE that is written while it is recorded.

    The header is brought up to date once a second and at ``close``, so a killed process loses at
    most a second of it. ``pad_to`` and an existing file make it possible to go on after a restart.
    """

    def __init__(self, path: str | Path, append: bool = False) -> None:
        self.path = Path(path)
        self.length = 0                                    # [samples]
        self._header_length = -1
        self._file = self._open(append)

    def _open(self, append: bool) -> BinaryIO:
        if append and self.path.exists() and self.path.stat().st_size >= _HEADER:
            file = open(self.path, 'r+b')
            self.length = (self.path.stat().st_size - _HEADER) // 2
            file.seek(_HEADER + 2 * self.length)
            return file
        file = open(self.path, 'wb')
        file.write(bytes(_HEADER))
        return file

    def append(self, samples: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(samples, dtype='<i2').tobytes())
        self.length += len(samples)
        if self.length - self._header_length >= RATE:
            self._write_header()

    def pad_to(self, length: int) -> None:
        """Adds silence until the file is ``length`` samples long."""
        while self.length < length:
            self.append(np.zeros(min(RATE, length - self.length), np.int16))

    def close(self) -> None:
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        size = 2 * self.length
        self._file.seek(0)
        self._file.write(struct.pack('<4sI8sIHHIIHH4sI', b'RIFF', 36 + size, b'WAVEfmt ', 16, 1, 1,
                                     RATE, 2 * RATE, 2, 16, b'data', size))
        self._file.seek(_HEADER + size)
        self._file.flush()
        self._header_length = self.length
