"""The only place that reads a recording and says where in it the sound begins and ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import PeerError

RATE = 16_000            # [Hz] of the microphone
FRAME = RATE // 100      # 10 ms: shorter than what is measured, long enough for a level
FLOOR_DBFS = -45.0       # under this a frame is not the first sound, however quiet the file is
RANGE_DB = 30.0          # nor if it is this far under the loudest frame: breath, room, hiss


def load(path: Path) -> np.ndarray:
    """Mono int16 samples at RATE, whatever the file holds. Raises PeerError."""
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype='float32', always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise PeerError(f'{path} cannot be read as sound ({error}).') from error
    mono = samples.mean(axis=1)
    if rate != RATE:
        import soxr

        mono = soxr.resample(mono, rate, RATE)
    return np.round(np.clip(mono, -1.0, 1.0) * 32767).astype(np.int16)


def first_sound(samples: np.ndarray) -> float:
    """Start of the first audible frame of int16 samples of shape (n,) at RATE [s].

    Audible: RMS over 10 ms above FLOOR_DBFS and within RANGE_DB of the loudest such frame. A file
    without one begins at 0.
    """
    frames = np.flatnonzero(_audible(samples))
    return float(frames[0]) * FRAME / RATE if frames.size else 0.0


def last_sound(samples: np.ndarray) -> float:
    """End of the last audible frame [s]; a file without one ends where it ends."""
    frames = np.flatnonzero(_audible(samples))
    return float(frames[-1] + 1) * FRAME / RATE if frames.size else samples.size / RATE


def _audible(samples: np.ndarray) -> np.ndarray:
    level = levels_dbfs(samples, FRAME)
    return level > max(FLOOR_DBFS, float(level.max(initial=FLOOR_DBFS)) - RANGE_DB)


def levels_dbfs(samples: np.ndarray, frame: int) -> np.ndarray:
    """RMS of int16 samples in whole frames, shape (n // frame,); digital silence is -120 dBFS."""
    whole = samples[:samples.size // frame * frame].astype(np.float64).reshape(-1, frame) / 32768
    return 20.0 * np.log10(np.maximum(np.sqrt(np.mean(np.square(whole), axis=1)), 1e-6))
