"""Whose voice that is, as a direction: 256 numbers of length 1 that hardly depend on the words,
the room or the place. The only place that computes them.

The network (Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification": three LSTM
layers and a linear one) is published as bare weights and put together here.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from omni_agent.backends import RATE
from omni_agent.backends.onnx import session
from omni_agent.backends.onnx_writing import network, node
from omni_agent.backends.torch_weights import tensors
from omni_agent.backends.turn_end import FFT, HANN, HOP, mel_filters
from omni_agent.core.errors import BackendError

MODEL, FILE = 'ge2e_voice', 'pretrained.pt'
SIZE = 256                   # numbers of an embedding
BANDS, LAYERS, CELLS = 40, 3, 256
WINDOW = 160                 # [frames of 10 ms] that the network was taught with
LEAST = 80                   # [frames] of voice; less tells nothing
# of the voice that are looked at: each costs 3 to 6 ms of one core
WINDOWS = 3
LONGEST = 12 * RATE          # [samples] of the end of an utterance that are looked at
# [dBFS] that the voice is brought to; recordings of the network's teachers were about as loud
LEVEL_DBFS = -26.0
# [dB] under the loudest frames; below is silence or the room
DEPTH_DB = 25.0
# [% of frames] that hold the noise, and how often that is taken out of each band. On eleven voices
# of development, human and synthetic, at 2 m and 10 dB: 31 % equal errors without, 21 % so
QUIET, TAKEN = 10.0, 2.0
_FILTERS = mel_filters(BANDS)
# from the sum of the power of a frame to its mean square (Parseval)
SQUARE = 2.0 / (FFT * float((HANN**2).sum()))


class VoiceEmbedding:
    """float32 samples at RATE of one utterance -> SIZE numbers of length 1, or () where less than
    LEAST of it is voice.

    Raises BackendError if the weights are missing or are not those of the network.
    """

    def __init__(self, threads: int = 1, path: Path | str | None = None) -> None:
        if path is None:
            from omni_agent.backends import models
            path = models.path(MODEL, FILE)
        self._session = session(_network(tensors(path, 'model_state'), path), threads)
        self._thread = ThreadPoolExecutor(1, 'voice embedding')
        self.of_windows(np.zeros((1, WINDOW, BANDS), np.float32))

    def __call__(self, samples: np.ndarray) -> tuple[float, ...]:
        mels = voiced(samples[-LONGEST:])
        if len(mels) < LEAST:
            return ()
        mean = self.of_windows(windows(mels)).mean(0)
        return tuple(float(value) for value in mean / np.linalg.norm(mean))

    def begin(self, samples: np.ndarray) -> Future[tuple[float, ...]]:
        """The same beside whatever the caller does meanwhile."""
        return self._thread.submit(self, samples)

    def of_windows(self, mels: np.ndarray) -> np.ndarray:
        """(n, frames, BANDS) -> (n, SIZE), each of length 1."""
        return self._session.run(None, {'mels': mels})[0]

    def close(self) -> None:
        self._thread.shutdown()


def powers(samples: np.ndarray) -> np.ndarray:
    """(n,) -> (1 + n // HOP, FFT // 2 + 1): power of 25 ms around every 10 ms."""
    padded = np.pad(samples.astype(np.float32), FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectrum = np.fft.rfft(frames * HANN)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)


def mel(power: np.ndarray) -> np.ndarray:
    """(frames, FFT // 2 + 1) -> (frames, BANDS)."""
    return power @ _FILTERS


def voiced(samples: np.ndarray) -> np.ndarray:
    """(n,) -> (frames, BANDS) of those in which somebody speaks, without what the quietest frames
    hold, as loud as the network is used to.
    """
    power = powers(samples)
    mels, level = mel(power), power.sum(1) * SQUARE          # mean square of each frame
    if not np.isfinite(level).all():
        return mels[:0]
    floor = float(np.percentile(level, QUIET))
    quiet = level <= floor
    over = np.maximum(level - level[quiet].mean(), 0.0)
    top = float(np.percentile(over, 95))
    kept = level > max(top * 10**(-DEPTH_DB / 10), 2.0 * floor)
    if top <= 0.0 or not kept.any():
        return mels[:0]
    clear = np.maximum(mels[kept] - TAKEN * mels[quiet].mean(0), 0.0)
    return clear * np.float32(10**(LEVEL_DBFS / 10) / over[kept].mean())


def windows(mels: np.ndarray) -> np.ndarray:
    """(frames, BANDS) -> (n, WINDOW, BANDS) that cover it, or all of it where it is shorter."""
    if len(mels) <= WINDOW:
        return mels[None]
    count = min(WINDOWS, 1 + -(-(len(mels) - WINDOW) // (WINDOW // 2)))
    starts = np.linspace(0, len(mels) - WINDOW, count).round().astype(int)
    return np.stack([mels[at:at + WINDOW] for at in starts])


def _network(weights: dict[str, np.ndarray], path: Path | str) -> bytes:
    """As ONNX: mels (n, frames, BANDS) -> embedding (n, SIZE). Raises BackendError."""
    _check(weights, path)
    parts = {'first': np.array([0], np.int64), 'second': np.array([1], np.int64),
             'out': weights['linear.weight'], 'out_bias': weights['linear.bias']}
    nodes, heard = [node('Transpose', ['mels'], ['frames'], perm=[1, 0, 2])], 'frames'
    for layer in range(LAYERS):
        own = [f'{kind}{layer}' for kind in ('inputs', 'cells', 'biases')]
        biases = [_gates(weights[f'lstm.bias_{kind}_l{layer}']) for kind in ('ih', 'hh')]
        parts.update(zip(own, (_gates(weights[f'lstm.weight_ih_l{layer}'])[None],
                               _gates(weights[f'lstm.weight_hh_l{layer}'])[None],
                               np.concatenate(biases)[None])))
        nodes += [node('LSTM', [heard, *own], [f'all{layer}', f'last{layer}'], hidden_size=CELLS),
                  node('Squeeze', [f'all{layer}', 'second'], [f'heard{layer}'])]
        heard = f'heard{layer}'
    nodes += [node('Squeeze', [f'last{LAYERS - 1}', 'first'], ['last']),
              node('Gemm', ['last', 'out', 'out_bias'], ['linear'], transB=1),
              node('Relu', ['linear'], ['positive']),
              node('LpNormalization', ['positive'], ['embedding'], axis=1, p=2)]
    return network(nodes, parts, {'mels': ('n', 'frames', BANDS)}, {'embedding': ('n', SIZE)})


def _gates(weights: np.ndarray) -> np.ndarray:
    """torch has the gates in the order input, forget, cell, output; ONNX wants i, o, f, c."""
    into, forget, cell, out = np.split(weights, 4)
    return np.concatenate([into, out, forget, cell])


def _check(weights: dict[str, np.ndarray], path: Path | str) -> None:
    shapes = {'linear.weight': (SIZE, CELLS), 'linear.bias': (SIZE,)}
    for layer in range(LAYERS):
        shapes.update({f'lstm.weight_ih_l{layer}': (4 * CELLS, CELLS if layer else BANDS),
                       f'lstm.weight_hh_l{layer}': (4 * CELLS, CELLS),
                       f'lstm.bias_ih_l{layer}': (4 * CELLS,),
                       f'lstm.bias_hh_l{layer}': (4 * CELLS,)})
    wrong = [name for name, shape in shapes.items()
             if name not in weights or weights[name].shape != shape]
    if wrong:
        raise BackendError(f'{path} holds other weights than those of {MODEL} ({wrong[0]} is not '
                           'as expected): run "omni-agent models verify"')
