"""Who is who after two things covered each other: the only place that tells tracks apart by how
they look.

Where a thing should be says who it is as long as it goes on as it went. Two who meet, stand and
turn back do not; and of one who stands before the other a detector may see but one box. So the
looks of both are kept from before they met, and compared once each stands alone again.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence, Tuple

import numpy as np

from .appearance import alike
from .boxes import Box
from .fovea import Detected
from .life import Life
from .track import family

APART_S = 10.0       # [s] after which place alone says who is who again
MEETS_S = 0.5        # [s] after which a box that stood before another one shows itself again
COVERED = 0.15       # share of a box, covered by another of its kind, from which it shows both
MARGIN = 0.06        # by how much a pair must be more alike the other way round, for each of them

Seen = Tuple[Detected, 'np.ndarray | None']          # with how it looks


class Meetings:
    """``note`` where all are at each look; ``mistaken`` then says who was taken for whom."""

    def __init__(self) -> None:
        self._met: dict[tuple[Life, Life], float] = {}

    def note(self, lives: Sequence[Life], t: float) -> None:
        known = [one for one in lives if one.tid is not None]
        boxes = [one.expected(t) for one in known]
        for at, one in enumerate(known):
            for other in range(at):
                if (one.family == known[other].family
                        and max(covered(boxes[at], boxes[other]),
                                covered(boxes[other], boxes[at])) > COVERED):
                    self._met[known[other], one] = t
        alive = set(known)
        self._met = {pair: then for pair, then in self._met.items()
                     if t - then <= APART_S and alive.issuperset(pair)}

    def meets(self, life: Life, t: float) -> bool:
        """It covers another one, or is covered: a box of it may show the other."""
        return any(life in pair and t - then < MEETS_S for pair, then in self._met.items())

    def mistaken(self, found: Mapping[Life, Seen]) -> list[tuple[Life, Life]]:
        """Pairs that should change places: what was ``found`` for one of them looks like the
        other, who may have been found, too, or be lost.
        """
        wrong: list[tuple[Life, Life]] = []
        taken: set[Life] = set()
        for one, other in self._met:
            if not taken & {one, other} and _gain(one, other, found) > 0.0:
                wrong.append((one, other))
                taken |= {one, other}
        return wrong


def _gain(one: Life, other: Life, found: Mapping[Life, Seen]) -> float:
    """How much more alike they would be the other way round, beyond what chance may do."""
    if one.embedding is None or other.embedding is None:
        return 0.0
    total = 0.0
    for mine, theirs in ((one, other), (other, one)):
        looks = found[mine][1] if mine in found else None
        if looks is not None:
            assert mine.embedding is not None and theirs.embedding is not None
            total += alike(theirs.embedding, looks) - alike(mine.embedding, looks) - MARGIN
    return total


def covered(box: Box, other: Box) -> float:
    """The share of ``box`` that ``other`` covers."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / max(1e-6, (box[2] - box[0]) * (box[3] - box[1]))


def alone(seen: Iterable[Seen], sure: float) -> list[Seen]:
    """Without the looks of what is covered by another one of its kind: they are of both."""
    boxes = list(seen)
    kinds = [family(one.label) for one, _ in boxes]
    return [(one, None if looks is None or any(
        other != at and kinds[other] == kinds[at] and boxes[other][0].score >= sure
        and covered(one.box, boxes[other][0].box) > COVERED for other in range(len(boxes)))
        else looks) for at, (one, looks) in enumerate(boxes)]
