"""What came in while it was recorded, as data, and in the order in which the agent would take it:
the only place that says which of two messages of one moment comes first.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Union

import numpy as np

from .faces import Face

# A reference is to be known before the sound that may hold it (the node subscribes to it first),
# and a recorder may have taken two topics the other way round
REFERENCE_FIRST_S = 0.01


@dataclass(frozen=True, slots=True)
class Sound:
    """int16 mono ``samples`` of 'audio', 'strict' or 'reference'; ``stamp`` is their first one's
    time.
    """

    t: float                 # when it came [Unix s]; so below
    stream: str
    stamp: float
    position: int
    rate: int
    samples: np.ndarray


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the loudspeaker said by ``stamp`` of a reply; ``begins``: it is the first of it."""

    t: float
    stamp: float
    epoch: int
    heard: str
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What had been decided then."""

    t: float
    stamp: float
    ducked: bool
    is_new_reply: bool


@dataclass(frozen=True, slots=True)
class Faces:
    """Those that were measured in a picture."""

    t: float
    stamp: float
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Taken at ``stamp``; ``pixels`` decodes it, to uint8 BGR."""

    t: float
    stamp: float
    pixels: Callable[[], np.ndarray]


Input = Union[Sound, Spoken, Decided, Faces, Picture]


def in_order(inputs: Iterable[Input]) -> Iterator[Input]:
    """What is given in the order of recording, in that of the agent."""
    waiting: list[tuple[float, int, Input]] = []
    count = itertools.count()
    for one in inputs:
        first = isinstance(one, Sound) and one.stream == 'reference'
        heapq.heappush(waiting, (one.t - REFERENCE_FIRST_S * first, next(count), one))
        while waiting and waiting[0][0] <= one.t - REFERENCE_FIRST_S:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
