"""Boxes in a picture: how large they are, how far they overlap. (x0, y0, x1, y1) in pixels."""

from __future__ import annotations

import math
from typing import Tuple

from .scene import overlap

__all__ = ['Box', 'centre', 'extent', 'height', 'inside', 'overlap', 'width']

Box = Tuple[float, float, float, float]


def centre(box: Box) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def height(box: Box) -> float:
    return box[3] - box[1]


def width(box: Box) -> float:
    return box[2] - box[0]


def extent(box: Box) -> float:
    """Its size as one number [px]: the side of a square as large."""
    return math.sqrt(max(1e-6, (box[2] - box[0]) * (box[3] - box[1])))


def inside(one: Box, other: Box) -> bool:
    """Most of the smaller one lies within the other."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return False
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high > 0.7 * smaller
