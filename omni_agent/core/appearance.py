"""How a thing looks, as a direction: the colours of its upper, middle and lower part. The only
place that says how alike two things look.

Of every few pixels one is looked at, so it costs a fraction of a millisecond and no network. It
tells who is who of two that met a moment ago in the same light, and nobody after hours.
"""

from __future__ import annotations

import math

import numpy as np

from .boxes import Box

ACROSS, DOWN = 14, 36        # pixels of a thing that are looked at, at most
ASIDE = 0.22                 # [its width] at either side, which shows what is behind it
ABOVE = 0.06                 # [its height] the same above and below
PARTS = 3
HUES, GREYS = 12, 6
LEAST = 10                   # [px] what is narrower has no colours of its own
SLOWLY = 0.2                 # weight of the newest look
DARK = 0.3           # brightness below which grain looks like a hue


def appearance(image: np.ndarray, box: Box) -> np.ndarray | None:
    """uint8 BGR picture and a box in it [px] -> float32 of length 1; None: too small to tell."""
    pixels = _sampled(image, box)
    if pixels is None:
        return None
    bands = [_colours(part) for part in np.array_split(pixels, PARTS)]
    # the root: the product of two such directions is then how far their histograms overlap
    found = np.sqrt(np.concatenate(bands) / PARTS).astype(np.float32)
    return found / np.float32(max(1e-9, float(np.linalg.norm(found))))


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """1: the same colours in the same places; 0: none in common."""
    return float(one @ other)


def blend(old: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    """A slow mean of directions."""
    mean = new / max(1e-9, float(np.linalg.norm(new)))
    if old is not None:
        mean = (1.0 - SLOWLY) * old + SLOWLY * mean
    return mean / max(1e-9, float(np.linalg.norm(mean)))


def _sampled(image: np.ndarray, box: Box) -> np.ndarray | None:
    """(rows, columns, 3) in [0, 1]: the middle of the box, and of that every few pixels."""
    x0, x1 = max(0.0, box[0]), min(float(image.shape[1]), box[2])
    y0, y1 = max(0.0, box[1]), min(float(image.shape[0]), box[3])
    if x1 - x0 < LEAST or y1 - y0 < LEAST:
        return None
    aside, above = ASIDE * (x1 - x0), ABOVE * (y1 - y0)
    left, right = int(x0 + aside), math.ceil(x1 - aside)
    top, bottom = int(y0 + above), math.ceil(y1 - above)
    across = max(1, (right - left) // ACROSS)
    down = max(1, (bottom - top) // DOWN)
    return image[top:bottom:down, left:right:across].astype(np.float32) / np.float32(255.0)


def _colours(pixels: np.ndarray) -> np.ndarray:
    """How much of each hue, and without hue of each brightness: (HUES + GREYS,), sum 1."""
    blue, green, red = (pixels[..., at].ravel() for at in range(3))
    most, least = pixels.max(axis=-1).ravel(), pixels.min(axis=-1).ravel()
    spread = most - least
    safe = np.maximum(spread, 1e-6)
    hue = np.where(most == red, (green - blue) / safe % 6.0,
                   np.where(most == green, (blue - red) / safe + 2.0, (red - green) / safe + 4.0))
    # what is dark or pale has no hue that a camera could tell
    coloured = np.clip(2.5 * spread / np.maximum(most, DARK) - 0.25, 0.0, 1.0)
    found = np.concatenate([_counted(hue * (HUES / 6.0), coloured, HUES, True),
                            _counted(most * (GREYS - 1), 1.0 - coloured, GREYS, False)])
    return found / max(1e-9, float(found.sum()))


def _counted(values: np.ndarray, weights: np.ndarray, bins: int, round_: bool) -> np.ndarray:
    """A histogram in which each value counts for its two neighbours, so that a little more light
    changes little. ``round_``: the last bin is a neighbour of the first.
    """
    low = np.floor(values).astype(np.int64)
    share = values - low
    last = bins - 1
    first, second = (low % bins, (low + 1) % bins) if round_ else (
        np.clip(low, 0, last), np.clip(low + 1, 0, last))
    return (np.bincount(first, weights * (1.0 - share), bins)
            + np.bincount(second, weights * share, bins))
