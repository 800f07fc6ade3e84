"""Who is who after two things covered each other: the only place that tells tracks apart by how
they look.

Where a thing should be says who it is as long as it goes on as it went. Two who meet, stand and
turn back do not; and of one who stands before the other a detector may see but one box. So the
looks of both are kept from before they met, and compared once each stands alone again.
Of two who walk side by side the one may not be seen for seconds: who comes out beside somebody is
taken for the one who went behind, and for a newcomer where that one looked otherwise.
"""

from __future__ import annotations

import math
from typing import Iterable, Mapping, Sequence, Tuple

import numpy as np

from .appearance import alike
from .boxes import Box, centre, extent, overlap
from .fovea import Detected
from .life import Life
from .track import family

APART_S = 10.0       # [s] after which place alone says who is who again
MEETS_S = 0.5        # [s] after which a box that stood before another one shows itself again
COVERED = 0.15       # share of a box, covered by another of its kind, from which it shows both
BETWEEN = 0.35       # overlap of a box with two surer ones, from which on it shows half of each
HIDDEN = 0.3         # share of where somebody should be, covered by another one
UNLIKE = 0.6         # cosine of the colours below which who comes out is somebody else
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


def hide(lives: Iterable[Life], found: Mapping[Life, Seen], t: float) -> None:
    """Who is lost where another one of its kind was found is behind that one."""
    fronts = [one for one in found if one.tid is not None]
    for life in lives:
        if life in found or life.tid is None:
            life.behind = None
        elif life.behind is None or life.behind not in found:
            place = life.expected(t)
            shares = [(covered(place, one.box), -at, one) for at, one in enumerate(fronts)
                      if one.family == life.family]
            best = max(shares, default=None, key=lambda item: item[:2])
            if best is not None and best[0] > HIDDEN:
                life.behind = best[2]


def emerged(life: Life, lives: Sequence[Life], reach: float) -> Life | None:
    """Who went behind the one beside whom ``life`` came out, ``reach`` of its own sizes away at
    most.
    """
    found: list[tuple[float, int, Life]] = []
    for at, one in enumerate(lives):
        front = one.behind
        if (one.tid is None or front is None or front not in lives or one.family != life.family
                or one.last_s >= life.began_s
                or math.dist(centre(front.box), centre(life.box)) > reach * extent(life.box)):
            continue
        known = one.embedding is not None and life.embedding is not None
        found.append((alike(one.embedding, life.embedding) if known else UNLIKE, -at, one))
    best = max(found, default=None, key=lambda item: item[:2])
    return best[2] if best is not None and best[0] >= UNLIKE else None


def covered(box: Box, other: Box) -> float:
    """The share of ``box`` that ``other`` covers."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / max(1e-6, (box[2] - box[0]) * (box[3] - box[1]))


def between(one: Detected, others: Iterable[Detected]) -> bool:
    """It shows a half of each of two who stand side by side."""
    return sum(other.score > one.score and family(other.label) == family(one.label)
               and overlap(one.box, other.box) > BETWEEN for other in others) >= 2


def alone(seen: Iterable[Seen], sure: float) -> list[Seen]:
    """Without the looks of what is covered by another one of its kind: they are of both."""
    boxes = list(seen)
    kinds = [family(one.label) for one, _ in boxes]
    return [(one, None if looks is None or any(
        other != at and kinds[other] == kinds[at] and boxes[other][0].score >= sure
        and covered(one.box, boxes[other][0].box) > COVERED for other in range(len(boxes)))
        else looks) for at, (one, looks) in enumerate(boxes)]
