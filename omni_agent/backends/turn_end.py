"""End of turn from the sound alone: Smart Turn v3.2, a Whisper encoder with one output.

It hears melody and hesitation, not words: good at "finished", weak at "cut off abruptly". Use it
to shorten a silence time-out, never as the only judge.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from omni_agent.backends import RATE
from omni_agent.backends.asr import check
from omni_agent.backends.onnx import session

SECONDS = 8                    # what the network sees; shorter sound stands at the END of it
WINDOW = SECONDS * RATE
VARIANCE_FLOOR = 1e-7          # of the whole window, before it is scaled to unit variance


class SmartTurn:
    """float32 samples of shape (n,) at RATE, up to now -> probability in [0, 1] that the speaker
    has finished.

    40 ms on one core, however short the sound. Raises WireError for NaN or a wrong shape.
    """

    def __init__(self, threads: int = 1, path: Path | str | None = None) -> None:
        if path is None:
            from omni_agent.backends import models
            path = models.path('smart_turn', 'smart-turn-v3.2-cpu.onnx')
        self._session = session(path, threads)
        self(np.zeros(RATE, np.float32))

    def __call__(self, samples: np.ndarray) -> float:
        check(samples)
        output = self._session.run(None, {'input_features': log_mel(window(samples))[None]})[0]
        return float(output[0, 0])      # called 'logits', but a sigmoid is inside


def window(samples: np.ndarray) -> np.ndarray:
    """The last SECONDS, silence in front if there is less, with zero mean and unit variance."""
    out = np.zeros(WINDOW, np.float32)
    tail = samples[-WINDOW:]
    out[WINDOW - len(tail):] = tail
    return (out - out.mean()) / np.sqrt(out.var() + VARIANCE_FLOOR)


# Whisper's log-mel spectrogram (Radford et al. 2022, section 2.2): 25 ms Hann windows every 10 ms,
# 80 triangular filters on Slaney's mel scale (linear up to 1 kHz, logarithmic above), each of unit
# area.
FFT, HOP, BANDS = 400, 160, 80
KNEE_HZ, KNEE_MEL = 1000.0, 15.0
LOG_STEP = np.log(6.4) / 27.0        # natural log of frequency for each mel above the knee
POWER_FLOOR = 1e-10
DYNAMIC = 8.0                        # decades below the loudest point that are kept


def mel_filters(bands: int) -> np.ndarray:
    """(FFT / 2 + 1, bands): what each frequency bin gives to each band."""
    top = KNEE_MEL + np.log(RATE / 2 / KNEE_HZ) / LOG_STEP
    mels = np.linspace(0.0, top, bands + 2)
    linear = mels * (KNEE_HZ / KNEE_MEL)
    edges = np.where(mels < KNEE_MEL, linear, KNEE_HZ * np.exp(LOG_STEP * (mels - KNEE_MEL)))
    bins = np.fft.rfftfreq(FFT, 1 / RATE)
    weights = [np.interp(bins, edges[i:i + 3], [0.0, 2.0 / (edges[i + 2] - edges[i]), 0.0])
               for i in range(bands)]
    return np.stack(weights, axis=1).astype(np.float32)


HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)
_FILTERS = mel_filters(BANDS)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) -> float32 (BANDS, n // HOP), about -1 .. 1.5."""
    padded = np.pad(samples, FFT // 2, mode='reflect')
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[:-1:HOP]
    spectrum = np.fft.rfft(frames[:len(samples) // HOP] * HANN)
    power = spectrum.real ** 2 + spectrum.imag ** 2
    bands = np.log10(np.maximum(power.astype(np.float32) @ _FILTERS, POWER_FLOOR))
    bands = np.maximum(bands, bands.max() - DYNAMIC)
    return np.ascontiguousarray(((bands + 4.0) / 4.0).T, dtype=np.float32)
