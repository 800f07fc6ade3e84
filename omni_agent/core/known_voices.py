"""Whose voice that is, as a number: the only place that tells voices apart by their prints.

A print is like that of the same voice at the same place (backends/voice_cues.py), so who walks to
the other end of the room has a new number there. It is no proof of who somebody is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

# [distance of prints] of the development half: seven of ten pairs of one voice are nearer, none of
# two voices; and what nine of ten pairs of one voice are nearer than
SAME, OTHER = 0.5, 0.72
KEPT_S = 1800.0              # after which a voice is not waited for any more
MOST = 16                    # voices; who was not heard for longest is forgotten
SHARE = 0.3                  # of a new print in what is known of a voice


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
        nearest, distance = self._nearest(own_print, t)
        if nearest is not None and distance <= SAME:
            return nearest.number
        return self._next if distance >= OTHER else 0

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
        known.print = tuple(old + SHARE * (new - old) for old, new in zip(known.print, own_print))

    def _nearest(self, own_print: Sequence[float], t: float) -> tuple[_Voice | None, float]:
        self._voices = [one for one in self._voices if t - one.t <= KEPT_S]
        near = [(math.dist(one.print, own_print), one) for one in self._voices]
        distance, voice = min(near, key=lambda pair: pair[0], default=(math.inf, None))
        return voice, distance
