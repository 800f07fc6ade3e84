"""Whose voice that is, as a number: the only place that tells voices apart by their prints.

A print is a speaker embedding (backends/voice_embedding.py), which hardly depends on the place.
Without its model it is spectrum and pitch (backends/voice_cues.py), which are like those of the
same voice at the same place: who walks to the other end of the room has a new number there. It is
no proof of who somebody is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

# [distance of prints] of the development half: seven of ten pairs of one voice are nearer, none of
# two voices; and what nine of ten pairs of one voice are nearer than
SAME, OTHER = 0.5, 0.72
# Numbers of an embedding, and how its distances become those of the other prints, so that SAME
# (a cosine of 0.71) and OTHER (0.62) mean much the same: of five human development voices 1 to 4 m
# away (tools/voice_prints.py) SAME holds seven of ten pairs of one voice and one of 200 pairs of
# two, OTHER more than nine of ten pairs of one. At 10 dB SAME holds one of three, and one of 20
EMBEDDED, SLOPE, OFFSET = 256, 2.0, 0.51
KEPT_S = 1800.0              # after which a voice is not waited for any more
MOST = 16                    # voices; who was not heard for longest is forgotten
SHARE = 0.3                  # of a new print in what is known of a voice


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two prints; infinite where one is missing or of another kind."""
    if not one or len(one) != len(other):
        return math.inf
    far = math.dist(one, other)
    return max(0.0, SLOPE * (far - OFFSET)) if len(one) == EMBEDDED else far


@dataclass
class _Voice:
    number: int
    print: tuple[float, ...]
    t: float


class KnownVoices:
    """Numbers from 1 on; none is given twice."""

    def __init__(self) -> None:
        self._voices: list[_Voice] = []
        self._next = 1

    def number(self, own_print: Sequence[float], t: float) -> int:
        """Of a known voice, or of a new one that is like none; 0 where that is not clear."""
        if not own_print:
            return 0
        nearest, far = self._nearest(own_print, t)
        if nearest is not None and far <= SAME:
            return nearest.number
        return self._next if far >= OTHER else 0

    def heard(self, own_print: Sequence[float], t: float) -> None:
        """To the end; what is not clear teaches nothing."""
        number = self.number(own_print, t)
        if number == 0:
            return
        if number == self._next:
            self._next += 1
            self._voices.append(_Voice(number, tuple(own_print), t))
            self._voices = sorted(self._voices, key=lambda one: one.t)[-MOST:]
            return
        known = next(one for one in self._voices if one.number == number)
        known.t = t
        known.print = _between(known.print, own_print)

    def _nearest(self, own_print: Sequence[float], t: float) -> tuple[_Voice | None, float]:
        self._voices = [one for one in self._voices if t - one.t <= KEPT_S]
        near = [(distance(one.print, own_print), one) for one in self._voices]
        far, voice = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        return voice, far


def _between(old: Sequence[float], new: Sequence[float]) -> tuple[float, ...]:
    """An embedding stays as long as it is."""
    mixed = tuple(one + SHARE * (other - one) for one, other in zip(old, new))
    length = math.hypot(*mixed) if len(mixed) == EMBEDDED else 1.0
    return tuple(value / length for value in mixed)
