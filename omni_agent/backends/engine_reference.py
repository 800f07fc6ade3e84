"""What a network must give: the only place that judges whether an engine computes the same thing.

A reference is a few hundred numbers of each output, taken once from ONNX Runtime in float32 for an
input that is made from a seed. tools/make_golden.py writes them to models/references/.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

import numpy as np

from omni_agent.core.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from omni_agent.backends.engines import TensorSpec

SEED = 20240817
POINTS = 512           # kept of each output, evenly spread over it
PATCHES = 8            # across: what is seen is coarse, as pictures are, with a little noise
LEAST_COSINE = 0.99    # fp16 keeps 0.9999, int8 of a convolution network about 0.995
SCALE = 0.1            # a cosine is blind to size: norms may differ by this share


@dataclass(frozen=True)
class Reference:
    """``expected``: output name -> its POINTS float32 numbers for the input of ``seed``, or for
    ``given``.
    """

    seed: int
    expected: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray] | None = None

    def feeds(self, inputs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
        return seeded_feeds(inputs, self.seed) if self.given is None else dict(self.given)

    def judge(self, outputs: Mapping[str, np.ndarray], who: str) -> float:
        """The worst output's cosine. Raises BackendError below LEAST_COSINE or at another size."""
        worst = 1.0
        for name, expected in self.expected.items():
            if name not in outputs:
                raise BackendError(f'{who} has no output {name}: it is another network')
            found = points(outputs[name])
            if found.shape != expected.shape:
                raise BackendError(f'output {name} of {who} has another size than the reference: '
                                   'it is another network')
            similar, size = cosine(found, expected), _norm(found) / max(_norm(expected), 1e-12)
            if not similar >= LEAST_COSINE or abs(size - 1) > SCALE:
                raise BackendError(
                    f'output {name} of {who} differs from the float32 reference (cosine '
                    f'{similar:.4f}, at least {LEAST_COSINE} is asked; {size:.2f} of its size): '
                    'do not use this engine for it')
            worst = min(worst, similar)
        return worst

    def save(self, path: Path) -> None:
        np.savez_compressed(path, seed=self.seed, **dict(self.expected))


def load(path: Path) -> Reference:
    """Raises ConfigError."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            expected = {name: kept[name] for name in kept.files if name != 'seed'}
            return Reference(int(kept['seed']), expected)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f'{path} is no reference of a network ({error}): '
                          'install the package again') from error


def taken(outputs: Mapping[str, np.ndarray], seed: int = SEED) -> Reference:
    return Reference(seed, {name: points(values) for name, values in outputs.items()})


def seeded_feeds(inputs: Sequence[TensorSpec], seed: int = SEED) -> dict[str, np.ndarray]:
    """One picture-like item for each input, the same on every machine and numpy."""
    random = np.random.RandomState(seed)        # its stream is frozen, a Generator's is not
    return {spec.name: _pattern(random, [1 if side < 0 else side for side in spec.shape],
                                spec.dtype) for spec in inputs}


def points(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values).reshape(-1)
    if flat.size <= POINTS:
        return flat.astype(np.float32)
    return flat[np.linspace(0, flat.size - 1, POINTS).astype(np.int64)].astype(np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of all numbers of two arrays; nan when one is all zero."""
    a, b = np.asarray(a, np.float64).reshape(-1), np.asarray(b, np.float64).reshape(-1)
    norms = _norm(a) * _norm(b)
    return float(a @ b / norms) if norms else float('nan')


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(values, np.float64)))


def _pattern(random: np.random.RandomState, shape: list[int], dtype: np.dtype) -> np.ndarray:
    noise = random.standard_normal(shape)
    if len(shape) == 4:
        coarse = random.standard_normal([*shape[:2], PATCHES, PATCHES])
        rows, columns = (np.arange(side) * PATCHES // side for side in shape[2:])
        noise = 0.2 * noise + coarse[:, :, rows][:, :, :, columns]
    return noise.astype(dtype)
