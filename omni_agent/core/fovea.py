"""Where a second, closer look is worth its time: places that changed or that the detector doubts,
and that nothing seen explains. A fovea: the whole picture is seen small, one place of it large.

Bounded three times: crops a look, milliseconds a second, and a place where nothing was found rests
longer each time. All times are those of the pictures, so a replay takes the same closer looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, Sequence

import numpy as np

from .boxes import Box, inside, overlap
from .frame_skip import FLOOR, difference
from .params import param

BACK_S = 20.0            # [s] after which what stands somewhere is the background there
FACTOR = 8.0             # a cell has changed if it differs by this many times the noise
NOISE_WEIGHT = 0.05      # of the newest picture in the mean of the noise
ELSEWHERE = 0.5          # share of changed cells from which on it is another picture
LEAST = 2                # cells of a place: one alone is a leaf
REST_S = 1.0             # a place that was looked at rests, each time in vain REST times longer
REST = 3.0
REST_MOST_S = 120.0
SAME = 0.2               # overlap of a box with where it was expected
ALSO = 0.5               # overlap of a box with another place that it explains as well
ROOM = 1.7               # [its longer side] side of the square around a place
SMALLEST = 0.15          # [the picture's longer side] of such a square; less shows no more
SAVED_S = 2.0            # [s] of the budget that may be saved up


@dataclass(frozen=True)
class FoveaParams:
    """How much closer looks may cost, and when they are believed."""

    LIVE = True          # each is read where it is used

    crops: int = param(2, 'closer looks at one picture, where something in it is not explained; '
                       '0: none', 0, 8)
    budget_ms: float = param(
        120.0, 'closer looks a second, in milliseconds of one core: 120 is 12 % of it at most, '
        'and only while something is not explained', 0.0, 1000.0)
    crop_ms: float = param(
        40.0, 'what a closer look is taken to cost [ms]; declared and not measured, so that a '
        'replay takes the same ones', 1.0, 1000.0)
    doubt: float = param(0.5, 'a box less sure than this is looked at more closely', 0.05, 1.0)
    sure: float = param(0.45, 'a box of a closer look at least as sure as this is believed', 0.05,
                        1.0)
    widest: float = param(0.7, 'a square wider than this shows no more than the whole picture '
                          'does [its longer side]', 0.1, 1.0)


class Detected(Protocol):
    """A labelled box in pixels (x0, y0, x1, y1) and how sure it is [0..1]."""

    @property
    def label(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def box(self) -> Box: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What the tracks expect in this picture. ``is_new``: not believed yet, so each look counts.
    ``is_clear``: believed, and seen without doubt at least once.
    """

    box: Box
    is_new: bool
    is_clear: bool


@dataclass(frozen=True, slots=True)
class Region:
    """Look closer at ``crop`` (x0, y0, x1, y1) [whole px], because of ``place`` in it."""

    place: Box
    crop: tuple[int, int, int, int]
    follows: bool = False        # what an earlier closer look showed only a part of


@dataclass(frozen=True, slots=True)
class _Place:
    """``urgent``: it may be about to be believed, and needs no rest."""

    box: Box
    urgent: bool = False
    follows: bool = False


class Fovea:
    """For each picture that is looked at ``see``, ``begin`` with what the whole of it showed, then
    ask for the ``next`` closer look and tell what was ``found``, until there is none.
    """

    def __init__(self, params: FoveaParams = FoveaParams()) -> None:
        self.params = params
        self._back: np.ndarray | None = None     # thumbnail of what is always there
        self._before: np.ndarray | None = None
        self._noise = FLOOR
        self._t = 0.0
        self._saved_ms = math.inf                # as much as may be saved up
        self._size = (1, 1)
        self._places: list[_Place] = []          # the most pressing first
        self._looked: list[Region] = []          # at this picture
        self._changed = np.zeros((1, 1), bool)
        self._tries = np.zeros((1, 1), np.int64)         # of each cell, in vain
        self._until = np.zeros((1, 1))                   # [s] it rests

    def see(self, thumbnail: np.ndarray | None, t: float) -> None:
        """The thumbnail (core/frame_skip.py) of the picture taken at ``t``."""
        passed = max(0.0, t - self._t)
        self._t = t
        self._saved_ms = min(max(self.params.crop_ms, SAVED_S * self.params.budget_ms),
                             self._saved_ms + passed * self.params.budget_ms)
        if thumbnail is None or self._back is None or thumbnail.shape != self._back.shape:
            self._begin(thumbnail)
            return
        assert self._before is not None
        noise = float(np.median(np.abs(difference(thumbnail, self._before))))
        self._noise += NOISE_WEIGHT * (max(FLOOR / 4, noise) - self._noise)
        change = np.abs(difference(thumbnail, self._back))
        self._changed = change > max(FACTOR * self._noise, 3 * FLOOR)
        if self._changed.mean() > ELSEWHERE:
            self._begin(thumbnail)
            return
        self._back = self._back + (1.0 - math.exp(-passed / BACK_S)) * (thumbnail - self._back)
        self._before = thumbnail

    def _begin(self, thumbnail: np.ndarray | None) -> None:
        """Another camera, or another view: nothing has changed in it yet."""
        self._back = self._before = thumbnail
        shape = (1, 1) if thumbnail is None else thumbnail.shape
        self._changed = np.zeros(shape, bool)
        self._tries, self._until = np.zeros(shape, np.int64), np.zeros(shape)

    def begin(self, seen: Sequence[Detected], known: Sequence[Known],
              size: tuple[int, int]) -> None:
        """``seen`` in the whole picture of ``size`` (width, height) [px], and what is ``known`` of
        it.
        """
        self._size, self._looked, self._places = size, [], []
        if self.params.crops and self._back is not None:
            self._places = self._wondered(seen, known)

    def next(self) -> Region | None:
        """Where to look closer now; None: enough is understood, or spent."""
        if len(self._looked) >= self.params.crops or self._saved_ms < self.params.crop_ms:
            return None
        while self._places:
            place = self._places.pop(0)
            crop = _square(place.box, self._size)
            if (crop[2] - crop[0] > self.params.widest * max(self._size)
                    or not place.urgent and self._rests(place.box)
                    or any(inside(place.box, other.place) for other in self._looked)
                    and not place.follows):
                continue
            self._saved_ms -= self.params.crop_ms
            self._looked.append(Region(place.box, crop, place.follows))
            return self._looked[-1]
        return None

    def found(self, region: Region, close: Sequence[Detected]) -> list[Detected]:
        """Of what a closer look showed, in pixels of the whole picture: what to believe."""
        sure = [one for one in close if one.score >= self.params.sure
                and self._explains(one.box, region.place)]
        good = [one for one in sure if not _is_cut(one.box, region.crop, self._size)]
        if sure and not good and not region.follows:         # it is there, and larger
            self._places.insert(0, _Place(_joined(sure[0].box, region.place), True, True))
            return []
        rows, columns = self._cells(region.place)
        tries = 0 if good else int(self._tries[rows, columns].max())
        self._until[rows, columns] = self._t + min(REST_MOST_S, REST_S * REST**tries)
        self._tries[rows, columns] = 0 if good else tries + 1
        return good

    def _explains(self, box: Box, place: Box) -> bool:
        """The place that was looked at, or another one that nothing explains yet."""
        return inside(box, place) or any(overlap(box, one.box) > ALSO for one in self._places)

    # -- places -----------------------------------------------------------------------------------

    def _wondered(self, seen: Sequence[Detected], known: Sequence[Known]) -> list[_Place]:
        """What may be about to be believed, what is missed, what changed (the largest first), and
        what is doubted (the surest first).
        """
        clear = [one.box for one in seen if one.score >= self.params.doubt]
        explained = clear + [one.box for one in known if one.is_clear]
        new = [one.box for one in known if one.is_new
               and not any(inside(one.box, other) for other in explained)]
        missed = [one.box for one in known if not one.is_new
                  and not any(overlap(one.box, other.box) > SAME for other in seen)]
        doubted = [one.box for one in sorted(seen, key=lambda one: -one.score)
                   if one.score < self.params.doubt
                   and not any(inside(one.box, other) for other in clear)]
        return [_Place(box, True) for box in new] + [
            _Place(box) for box in (*missed, *self._blobs(explained), *doubted)]

    def _blobs(self, explained: Sequence[Box]) -> list[Box]:
        """Pieces of the picture that changed and that no box covers."""
        if not self._changed.any():
            return []
        open_ = self._changed.copy()
        for box in explained:
            rows, columns = self._cells(box, 1)
            open_[rows, columns] = False
        down, across = open_.shape
        high, wide = self._size[1] / down, self._size[0] / across
        return [(x0 * wide, y0 * high, x1 * wide, y1 * high) for x0, y0, x1, y1 in pieces(open_)]

    def _rests(self, place: Box) -> bool:
        """Most of it has just been looked at."""
        rows, columns = self._cells(place)
        return float((self._until[rows, columns] > self._t).mean()) > 0.5

    def _cells(self, box: Box, around: int = 0) -> tuple[slice, slice]:
        down, across = self._changed.shape
        return (_span(box[1], box[3], down / self._size[1], down, around),
                _span(box[0], box[2], across / self._size[0], across, around))


def pieces(cells: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Bounding boxes (x0, y0, x1, y1) of what hangs together (corners too), the largest first."""
    rest = {(int(y), int(x)) for y, x in zip(*np.nonzero(cells))}
    found: list[tuple[int, tuple[int, int, int, int]]] = []
    while rest:
        front, piece = [rest.pop()], []
        while front:
            y, x = front.pop()
            piece.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & rest
            rest -= near
            front += near
        if len(piece) >= LEAST:
            ys, xs = zip(*piece)
            found.append((len(piece), (min(xs), min(ys), max(xs) + 1, max(ys) + 1)))
    return [box for _, box in sorted(found, key=lambda one: (-one[0], one[1]))]


def merge(whole: Sequence[Detected], close: Sequence[Detected]) -> list[Detected]:
    """One picture of both: what was seen closer replaces what of the same place was less sure."""
    found = list(whole)
    for one in close:
        rivals = [other for other in found if overlap(other.box, one.box) > 0.5
                  or other.label == one.label and inside(other.box, one.box)]
        if any(other.score >= one.score and other.label == one.label for other in rivals):
            continue
        found = [other for other in found if other not in rivals or other.score >= one.score]
        found.append(one)
    return sorted(found, key=lambda one: -one.score)


def _joined(one: Box, other: Box) -> Box:
    """The smallest box around both."""
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]),
            max(one[3], other[3]))


def _square(place: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Around the place, within the picture."""
    side = max(ROOM * max(place[2] - place[0], place[3] - place[1]), SMALLEST * max(size))
    wide, high = (round(min(side, whole)) for whole in size)
    left = round(min(max(0.0, (place[0] + place[2] - wide) / 2), size[0] - wide))
    top = round(min(max(0.0, (place[1] + place[3] - high) / 2), size[1] - high))
    return left, top, left + wide, top + high


def _is_cut(box: Box, crop: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """It goes on beyond the crop, and is not whole."""
    near = 0.02 * (crop[2] - crop[0])
    return (crop[0] > 0 and box[0] < crop[0] + near or crop[1] > 0 and box[1] < crop[1] + near
            or crop[2] < size[0] and box[2] > crop[2] - near
            or crop[3] < size[1] and box[3] > crop[3] - near)


def _span(low: float, high: float, scale: float, count: int, around: int) -> slice:
    """Of cells, one at least."""
    first = min(count - 1, max(0, math.floor(low * scale) - around))
    return slice(first, max(first + 1, min(count, math.ceil(high * scale) + around)))
