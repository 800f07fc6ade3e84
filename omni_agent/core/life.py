"""A track in the making: all that ``tracks.py`` remembers of one thing, told or not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from .boxes import Box
from .track import family


@dataclass(eq=False)
class Life:
    """``tid`` is None until it is believed. Who it is and where it is are two things: when two
    were taken for each other, they change ``PLACE``.
    """

    votes: dict[str, float]
    box: Box
    first_s: float
    last_s: float
    looked_s: float              # of the look that showed it last
    best: float
    total: float
    began_at_edge: bool
    near_lost: bool
    tid: int | None = None
    born_s: float = 0.0
    hits: int = 1
    looks: int = 1
    again: bool = False
    recent: deque[bool] = field(default_factory=deque)
    speed: tuple[float, float] = (0.0, 0.0)      # [px/s] of its centre
    growth: float = 0.0                          # [1/s] of its height
    # where, and how large, it was when it was last told of
    anchor: Box = (0.0, 0.0, 0.0, 0.0)
    anchor_s: float = 0.0
    size: float = 0.0                            # height when it was last told to come nearer
    size_s: float = 0.0
    embedding: np.ndarray | None = None          # how it looks where nothing covers it
    began_s: float = 0.0                         # of the look that showed it first
    behind: Life | None = None                   # who covered it when it was lost

    @property
    def label(self) -> str:
        return max(sorted(self.votes), key=lambda name: self.votes[name])

    @property
    def family(self) -> str:
        return family(self.label)

    def expected(self, t: float) -> Box:
        """Where it should be at ``t``."""
        ahead = min(t - self.last_s, 1.0)        # a guess further ahead is worse than none
        dx, dy = self.speed[0] * ahead, self.speed[1] * ahead
        return (self.box[0] + dx, self.box[1] + dy, self.box[2] + dx, self.box[3] + dy)

    def change_places(self, other: Life) -> None:
        """They were taken for each other."""
        for name in PLACE:
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, theirs)
            setattr(other, name, mine)

    def goes_on_as(self, seen: Life) -> None:
        """It was lost, and ``seen`` is it."""
        for name in PLACE:
            setattr(self, name, getattr(seen, name))
        self.behind = None
        for label, vote in seen.votes.items():
            self.votes[label] = self.votes.get(label, 0.0) + vote
        self.best, self.total = max(self.best, seen.best), self.total + seen.total
        self.hits += seen.hits


PLACE = ('box', 'last_s', 'looked_s', 'recent', 'speed', 'growth', 'anchor', 'anchor_s', 'size',
         'size_s')
