"""What one sense gave as a direction, and both senses as one: the only place that puts vectors of
senses together.

Each is made of its own sense and nothing else, so taking the other sense away leaves it as it is,
to the bit. Nothing is learnt here: the fused one is both after each other, with zeros in place of
the one that is not there, so a cosine of two of them is the mean over the senses that both have.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Sequence

import numpy as np

Vector = tuple[float, ...]       # of 32 bits each, of length 1; () = not measured

AUDIO = 288                      # numbers: as wide as the encoder of Moonshine tiny
VISION = 256


def unit(values: np.ndarray) -> Vector:
    """() for what has no direction."""
    length = float(np.linalg.norm(values))
    if not (length > 0.0 and math.isfinite(length)):
        return ()
    return tuple((values / length).astype(np.float32).tolist())


def sketch(values: np.ndarray, size: int = VISION) -> Vector:
    """Numbers as a direction of ``size``: each one is added, with a fixed sign, to one of them
    (a count sketch), which keeps cosines as they are in the mean.
    """
    at = np.arange(values.size)
    return unit(np.bincount(at % size, weights=_signs(values.size) * values, minlength=size))


@lru_cache(maxsize=4)
def _signs(count: int) -> np.ndarray:
    """The same for ever: this generator's stream is frozen."""
    return np.random.RandomState(0).choice((-1.0, 1.0), count)


def fused(audio: Vector, vision: Vector) -> Vector:
    """() where neither is there."""
    there = (*(audio or (0.0,) * AUDIO), *(vision or (0.0,) * VISION))
    return unit(np.array(there)) if audio or vision else ()


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two directions of one size."""
    return float(np.dot(one, other))
