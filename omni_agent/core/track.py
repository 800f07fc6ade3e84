"""A thing in the picture with an identity, and what can become of it: what looks tell of, whoever
made them. ``tracks.py`` makes tracks out of detections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .boxes import Box

# What a detector takes for each other from look to look; a track's label is the one it was called
# most surely
FAMILIES = (('car', 'truck', 'bus', 'train', 'boat'), ('bicycle', 'motorcycle'),
            ('cat', 'dog', 'bear', 'teddy bear'), ('horse', 'cow', 'sheep', 'elephant', 'zebra',
                                                   'giraffe'),
            ('cup', 'bowl', 'wine glass', 'vase', 'bottle'), ('orange', 'apple', 'sports ball'),
            ('couch', 'chair', 'bed', 'bench'), ('tv', 'laptop'), ('oven', 'microwave',
                                                                   'refrigerator'))
FAMILY = {label: names[0] for names in FAMILIES for label in names}


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one thing at ``t``. Boxes in pixels, speeds in picture widths a second."""

    id: int
    label: str
    t: float
    box: Box
    first_s: float              # seen first
    born_s: float               # believed since
    last_s: float               # seen last
    hits: int                   # looks that showed it
    looks: int                  # looks since it was seen first
    score: float                # mean of the looks that showed it
    best: float
    speed: tuple[float, float]
    growth: float               # change of its height [shares a second]
    share: float                # of the picture that it covers
    at_edge: bool               # touches the border of the picture
    began_at_edge: bool
    # where it began, another one of its kind had just been lost, or stood
    near_lost: bool
    again: bool = False         # has been here before

    @property
    def seen(self) -> bool:
        return self.last_s >= self.t

    @property
    def stability(self) -> float:
        return self.hits / max(1, self.looks)


@dataclass(frozen=True, slots=True)
class Appeared:
    """``track`` is believed at ``t``; it was seen first at ``since``."""

    t: float
    since: float
    track: Track


@dataclass(frozen=True, slots=True)
class Left:
    """``track`` is not believed any more at ``t``; it was seen last at ``since``."""

    t: float
    since: float
    track: Track


@dataclass(frozen=True, slots=True)
class Moved:
    """``track`` is more than its own size away from where it had been since ``since``."""

    t: float
    since: float
    track: Track


@dataclass(frozen=True, slots=True)
class Approached:
    """``track`` is much larger than it was at ``since``."""

    t: float
    since: float
    track: Track


TrackEvent = Union[Appeared, Left, Moved, Approached]


def family(label: str) -> str:
    """What detectors take for each other bears one name."""
    return FAMILY.get(label, label)
