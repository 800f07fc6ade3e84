"""Things in the picture with an identity over time: detections -> tracks, and what came, left,
moved or came nearer.

A box is given to the track whose expected place it overlaps best, then to the nearest lost one.
Doubtful boxes keep a track alive and never begin one (the idea of ByteTrack, Zhang et al. 2022).
Who met is told apart by how they look (``meetings.py``), and so is who comes back.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

import numpy as np

from .appearance import alike, blend
from .boxes import Box, centre, extent, height, inside, overlap, width
from .fovea import Detected, Known
from .life import Life
from .meetings import Meetings, Seen, alone, between, emerged, hide
from .params import param
from .picture_past import EVERY_S, PicturePast
from .track import Appeared, Approached, Left, Moved, Track, TrackEvent, family

# [share of the picture] a box this close to its border may be entering or leaving
EDGE = 0.03
SMALL = 0.3          # [share of the picture's height]
# a box of which the sides shrink by more from one look to the next shows only a part of it
PART = 0.7
PIECE = 0.85         # a doubtful box within a sure one, with sides shorter than this, is of it
DRIFT = 0.3          # [picture heights a second]
SURELY = 2           # looks in which a box was sure, from which on it is waited for
CLEARLY = 0.5        # score from which once is enough for that
VELOCITY_S = 0.5     # [s] over which a velocity is averaged
YOUNG_S = 1.0        # [s] before that a velocity is a guess, and looks may not be far apart
FAR = 0.25           # [own widths] so far may one go unseen; then another one may be there
CUT = 0.01           # [share of the picture] a box this close to its border is cut by it
SOON_S = 0.3         # who is at the border by then is on the way out
STANDS = 0.3         # [own sizes a second] who goes faster does not stand there unseen
FASTEST = 3.0        # [own sizes a second] of who is lost in one place and found in another


@dataclass(frozen=True)
class TracksParams:
    """When a thing is there, when it is gone, and when it is the same one."""

    LIVE = True          # each is read where it is used

    born_score: float = param(0.35, 'a box at least as sure as this can begin a track', 0.05, 1.0)
    keep_score: float = param(0.25, 'a box at least as sure as this keeps a track alive', 0.05,
                              1.0, live=False)
    born_of: int = param(4, 'looks over which a birth is decided', 1, 20)
    born_looks: int = param(3, 'of those, how many must show it', 1, 20)
    edge_lost_s: float = param(
        0.6, 'what is not seen at the border of the picture for this long has left [s]', 0.1, 30.0)
    lost_s: float = param(2.0, 'the same in the middle, where it may be covered [s]', 0.1, 60.0)
    hidden_s: float = param(
        8.0, 'the same for who was lost behind another one, and no longer than it was seen before '
        '[s]', 0.0, 60.0)
    same_s: float = param(
        20.0, 'what is not seen for a while, though its place looks as it did, is still there, '
        'for this long at most and no longer than it was seen before [s]', 0.0, 3600.0)
    changed: float = param(0.15, 'share of a place that must look otherwise for something to have '
                           'come or gone there; 0: any of it', 0.0, 1.0, live=False)
    same_place: float = param(0.2, 'overlap above which a box is the expected one', 0.05, 0.95)
    reach: float = param(1.0,
                         'how far from its place a covered thing may come back [its own size]',
                         0.0, 5.0)
    again_s: float = param(30.0, 'who comes back this soon is recognised by the looks [s]', 0.0,
                           86400.0)
    again_cosine: float = param(0.85, 'how alike two looks must be to be of the same thing: '
                                'cosine of their colours', 0.0, 1.0)
    moved: float = param(1.0, 'how far from its place a thing has moved [its own size]', 0.1, 10.0)
    nearer: float = param(1.8, 'how much larger a thing must have become to have come nearer', 1.1,
                          20.0)
    most: int = param(48, 'tracks that are kept, and remembered after they left', 1, 1000,
                      live=False)


class Tracks:
    """``step`` the detections of each look; times must not go back (a look from the past is left
    out).
    """

    def __init__(self, params: TracksParams = TracksParams()) -> None:
        self.params = params
        self._lives: list[Life] = []
        self._gone: deque[Life] = deque(maxlen=params.most)
        self._next = 1
        self._t: float | None = None
        self._looked_s = 0.0                     # of the last look
        self._size = (1.0, 1.0)
        self._past = PicturePast(params.changed)
        self._meetings = Meetings()

    def go_on_with(self, tracks: Iterable[Track], size: tuple[float, float]) -> None:
        """As somebody who had looked before: these were there, in pictures of ``size``."""
        self._size = (float(size[0]), float(size[1]))
        for one in tracks:
            life = Life({one.label: one.score * one.hits}, one.box, one.first_s, one.last_s,
                         one.last_s, one.best, one.score * one.hits, one.began_at_edge,
                         one.near_lost, one.id, one.born_s, one.hits, one.looks, one.again,
                         deque([True] * self.params.born_looks),
                         (one.speed[0] * self._size[0], one.speed[1] * self._size[0]), one.growth,
                         one.box, one.last_s, height(one.box), one.last_s)
            self._lives.append(life)
            self._next = max(self._next, one.id + 1)

    @property
    def expecting(self) -> bool:
        """Something is about to be believed, or to walk out of the picture, or was missed just
        now: whether it has left is not decided by two or three looks. A box that was hardly sure,
        and once, is what detectors imagine.
        """
        return any(self._leaving(life) or self._missed(life) if life.tid is not None else
                   sum(life.recent) >= SURELY or life.last_s == self._t and life.best >= CLEARLY
                   for life in self._lives)

    def hurries(self, t: float) -> bool:
        """By ``t`` somebody may be so far from where the last look showed them that place does
        not say any more who it is. How fast a newcomer goes is not known yet.
        """
        return any(life.tid is not None and (
            life.looked_s == self._looked_s and life.looked_s - life.began_s < YOUNG_S
            or not self._stands(life)
            and math.hypot(*life.speed) * (t - life.looked_s) > FAR * width(life.box))
            for life in self._lives)

    def expected(self, t: float) -> list[Known]:
        """Where everything should be at ``t`` that is believed, or may soon be."""
        return [Known(life.expected(t), life.tid is None,
                      life.tid is not None and life.best >= CLEARLY) for life in self._lives]

    @property
    def settled(self) -> bool:
        """All that is believed was seen in the last look: an unchanged picture need not be looked
        at.
        """
        return all(life.last_s == self._t for life in self._lives if life.tid is not None)

    def now(self) -> tuple[Track, ...]:
        """Every track that is believed, the oldest first."""
        return tuple(self._track(life) for life in self._lives if life.tid is not None)

    def step(self, detections: Sequence[Detected], t: float, size: tuple[float, float],
             embeddings: Sequence[np.ndarray | None] = (),
             picture: np.ndarray | None = None) -> list[TrackEvent]:
        """What a look at ``t`` showed in a picture of ``size`` (width, height) in pixels.

        ``embeddings`` run parallel to ``detections``; they tell who comes back after having left.
        ``picture`` is the thumbnail: it tells what came or went from what was only overlooked.
        """
        if self._t is not None and t <= self._t:
            return []
        self._past.add(t, picture)
        self._looked_s = t
        self._size = (float(size[0]), float(size[1]))
        seen = alone([(one, embeddings[at] if at < len(embeddings) else None)
                      for at, one in enumerate(detections)
                      if one.score >= self.params.keep_score
                      and not between(one, detections)], self.params.born_score)
        dt = t - self._t if self._t is not None else 0.0
        self._t = t
        left = self._assign(seen, t)
        self._meetings.note(self._lives, t)
        events = self._births(t)
        events += self._changes(t, dt)
        events += self._deaths(t)
        self._begin(left, t)
        return events

    def unchanged(self, t: float, picture: np.ndarray | None = None) -> list[TrackEvent]:
        """The picture is as it was at the last look: what was there still is. Counts as no
        evidence.
        """
        if self._t is None or t <= self._t:
            return []
        self._past.add(t, picture)
        for life in self._lives:
            if life.last_s == self._t:
                life.last_s = t
        self._t = t
        return self._deaths(t)

    # -- one look ---------------------------------------------------------------------------------

    def _assign(self, seen: list[Seen], t: float) -> list[Seen]:
        """Each box to at most one track, the sure ones first: of a thing there are often doubtful
        boxes that are only a part of it. What is left over is given back.
        """
        waiting = dict(enumerate(self._lives))
        left: dict[int, Seen] = {}
        found: dict[Life, Seen] = {}
        for sure in (True, False):
            boxes = {index: one for index, one in enumerate(seen)
                     if (one[0].score >= self.params.born_score) == sure
                     and not (self._part(one[0], found) and not sure)}
            found.update(self._match(waiting, boxes, t))
            left.update(boxes)
        for one, other in self._meetings.mistaken(found):
            one.change_places(other)
            swapped = {other: found.pop(one, None), one: found.pop(other, None)}
            found.update((life, box) for life, box in swapped.items() if box is not None)
        for life in self._lives:
            if life in found:
                self._hit(life, *found[life], t)
            else:
                self._miss(life, t)
        hide(self._lives, found, t)
        return [left[index] for index in sorted(left)]

    def _part(self, one: Detected, found: Mapping[Life, Seen]) -> bool:
        """A piece of somebody who was found already."""
        return any(life.family == family(one.label) and inside(one.box, whole.box)
                   and extent(one.box) < PIECE * extent(whole.box)
                   for life, (whole, _) in found.items())

    def _match(self, waiting: dict[int, Life], boxes: dict[int, Seen],
               t: float) -> dict[Life, Seen]:
        """The best pairs first; who has found each other is taken out of both."""
        found: dict[Life, Seen] = {}
        for measure, least in ((self._overlap, self.params.same_place), (self._closeness, 0.0)):
            pairs = sorted(((-measure(life, one[0], t), at, index) for at, life in waiting.items()
                            for index, one in boxes.items()
                            if life.family == family(one[0].label)))
            for value, at, index in pairs:
                if -value > least and at in waiting and index in boxes:
                    found[waiting.pop(at)] = boxes.pop(index)
        return found

    def _overlap(self, life: Life, one: Detected, t: float) -> float:
        return overlap(life.expected(t), one.box)

    def _closeness(self, life: Life, one: Detected, t: float) -> float:
        """1 in its place, 0 at ``reach`` of its own sizes; the size must be alike."""
        expected = life.expected(t)
        ratio = height(one.box) / max(1e-6, height(expected))
        if self.params.reach <= 0.0 or not 0.5 < ratio < 2.0:
            return 0.0
        far = (math.dist(centre(expected), centre(one.box)) /
               max(1e-6, self.params.reach * extent(expected)))
        return max(0.0, 1.0 - far)

    def _hit(self, life: Life, one: Detected, embedding: np.ndarray | None, t: float) -> None:
        dt = t - life.last_s
        expected = life.expected(t)
        part = (inside(one.box, expected) and extent(one.box) < PART * extent(life.box)
                and not self._at_edge(one.box))
        # of a doubtful box nobody knows how much of the thing it shows
        if dt > 0 and not part and one.score >= self.params.born_score:
            # the first ones count fully
            weight = max(1.0 - math.exp(-dt / VELOCITY_S), 1.0 / life.hits)
            across, down = (old + weight * (way / dt - old)
                            for old, way in zip(life.speed, self._way(life.box, one.box)))
            life.speed = across, down
            grown = (height(one.box) / max(1e-6, height(life.box)) - 1.0) / dt
            life.growth += weight * (grown - life.growth)
        life.box = _around(expected, one.box) if part else one.box
        life.last_s = life.looked_s = t
        life.votes[one.label] = life.votes.get(one.label, 0.0) + one.score
        life.best, life.total = max(life.best, one.score), life.total + one.score
        life.hits, life.looks = life.hits + 1, life.looks + 1
        self._note(life, one.score >= self.params.born_score)
        if embedding is not None and (life.embedding is None
                                      or not self._meetings.meets(life, t)):
            life.embedding = blend(life.embedding, embedding)

    def _way(self, before: Box, after: Box) -> tuple[float, float]:
        """How far it went [px]: of what the border of the picture cuts, its free side tells."""
        ways = []
        for low, high, whole in ((0, 2, self._size[0]), (1, 3, self._size[1])):
            first, last = after[low] - before[low], after[high] - before[high]
            cut_low = min(before[low], after[low]) < CUT * whole
            cut_high = max(before[high], after[high]) > (1 - CUT) * whole
            ways.append((first + last) / 2 if cut_low == cut_high else
                        last if cut_low else first)
        return ways[0], ways[1]

    def _miss(self, life: Life, t: float) -> None:
        if life.last_s > life.looked_s:          # it went while no picture was looked at
            then = self._past.since(life.box, self._size, t) - EVERY_S
            life.last_s = max(life.looked_s, min(life.last_s, then))
        life.looks += 1
        self._note(life, False)

    def _note(self, life: Life, sure: bool) -> None:
        life.recent.append(sure)
        while len(life.recent) > self.params.born_of:
            life.recent.popleft()

    def _begin(self, left: Iterable[Seen], t: float) -> None:
        for one, embedding in left:
            if one.score < self.params.born_score or len(self._lives) >= 2 * self.params.most:
                continue
            if any(
                    inside(one.box, life.box) for life in self._lives
                    if life.family == family(one.label) and (
                        life.last_s == t or life.tid is not None)):
                continue                         # a second box of the same thing, or a part of it
            life = Life({one.label: one.score}, one.box, t, t, t, one.score, one.score,
                         self._at_edge(one.box), self._near_lost(one), anchor=one.box, anchor_s=t,
                         size=height(one.box), size_s=t,
                         embedding=None if embedding is None else blend(None, embedding),
                        began_s=t)
            self._note(life, True)
            self._lives.append(life)

    def _near_lost(self, one: Detected) -> bool:
        others = [life for life in self._lives if life.tid is not None]
        others += [life for life in self._gone if self._t is not None
                   and self._t - life.last_s < 2 * self.params.lost_s]
        return any(life.family == family(one.label)
                   and math.dist(centre(life.box), centre(one.box)) < 1.5 * extent(one.box)
                   for life in others)

    # -- births, deaths and changes ---------------------------------------------------------------

    def _births(self, t: float) -> list[TrackEvent]:
        found: list[TrackEvent] = []
        for life in list(self._lives):
            if (life.tid is None and sum(life.recent) >= self.params.born_looks
                    and self._believed < self.params.most):
                lost = emerged(life, self._lives, self.params.reach) or self._lost(life, t)
                if lost is not None:
                    lost.goes_on_as(life)
                    self._lives.remove(life)
                    continue
                life.first_s = self._past.since(life.box, self._size, life.first_s)
                self._bear(life, t)
                found.append(Appeared(t, life.first_s, self._track(life)))
        return found

    @property
    def _believed(self) -> int:
        return sum(life.tid is not None for life in self._lives)

    def _bear(self, life: Life, t: float) -> None:
        life.born_s = t
        known = self._known(life, t)
        if known is None:
            life.tid, self._next = self._next, self._next + 1
        else:
            life.tid, life.again = known.tid, True
            self._gone.remove(known)

    def _lost(self, life: Life, t: float) -> Life | None:
        """Who was covered and has come out again further away than it was looked for."""
        return self._most_alike(life, [
            one for one in self._lives if one.tid is not None and one.last_s < life.began_s
            and math.dist(centre(one.box), centre(life.box)) < extent(one.box) * (
                self.params.reach + FASTEST * (t - one.last_s))])

    def _known(self, life: Life, t: float) -> Life | None:
        """Who left and has come back."""
        return self._most_alike(life, [one for one in self._gone
                                       if t - one.last_s <= self.params.again_s])

    def _most_alike(self, life: Life, others: Iterable[Life]) -> Life | None:
        """Of its kind, and alike enough to be the same."""
        if life.embedding is None:
            return None
        known = [(alike(life.embedding, one.embedding), -at, one) for at, one in enumerate(others)
                 if one.embedding is not None and one.family == life.family]
        best = max(known, key=lambda item: item[:2], default=None)
        return best[2] if best is not None and best[0] >= self.params.again_cosine else None

    def _changes(self, t: float, dt: float) -> list[TrackEvent]:
        found: list[TrackEvent] = []
        for life in self._lives:
            if life.tid is None or life.last_s != t:
                continue
            if (math.dist(centre(life.box), centre(life.anchor))
                    > self.params.moved * extent(life.anchor)):
                found.append(Moved(t, life.anchor_s, self._track(life)))
                life.anchor, life.anchor_s = life.box, t
            if height(life.box) > self.params.nearer * life.size:
                found.append(Approached(t, life.size_s, self._track(life)))
                life.size, life.size_s = height(life.box), t
            elif height(life.box) < life.size / self.params.nearer:
                # it went away: it may come again
                life.size, life.size_s = height(life.box), t
        return found

    def _deaths(self, t: float) -> list[TrackEvent]:
        found: list[TrackEvent] = []
        for life in [life for life in self._lives if self._is_over(life, t)]:
            self._lives.remove(life)
            if life.tid is not None:
                found.append(Left(t, life.last_s, self._track(life)))
                self._gone.append(life)
        return found

    def _is_over(self, life: Life, t: float) -> bool:
        if life.tid is None:
            return len(life.recent) >= self.params.born_of and sum(life.recent) < 2 or \
                t - life.last_s > self.params.edge_lost_s
        if life.looked_s == self._looked_s:      # nobody has missed it yet
            return False
        leaving = self._at_edge(life.expected(t), life.speed[1])
        if t - life.last_s <= (self.params.edge_lost_s if leaving else self.params.lost_s):
            return False
        known_s = life.last_s - life.first_s
        if (not leaving and life.behind in self._lives
                and t - life.last_s <= min(self.params.hidden_s, known_s)):
            return False
        overlooked = min(self.params.same_s, known_s)
        return not (t - life.last_s < overlooked and self._stands(life)
                    and self._past.same(life.box, self._size, life.looked_s))

    def _stands(self, life: Life) -> bool:
        return math.hypot(*life.speed) < STANDS * extent(life.box)

    def _leaving(self, life: Life) -> bool:
        """Walks out of the picture, or has just done so."""
        return (life.looked_s > self._looked_s - 1.0 and not self._stands(life)
                and self._at_edge(life.expected((self._t or 0.0) + SOON_S), life.speed[1]))

    def _missed(self, life: Life) -> bool:
        """It was clearly there, and is not seen any more."""
        return (life.looked_s < self._looked_s and life.best >= CLEARLY
                and (self._t or 0.0) - life.last_s <= self.params.lost_s)

    def _at_edge(self, box: Box, down: float = 0.0) -> bool:
        """Entering or leaving. Who stands close touches the lower border all the time: only small
        ones, or those that go ``down`` (or up) [px/s], come and go there.
        """
        wide, tall = self._size
        if box[0] < EDGE * wide or box[2] > (1 - EDGE) * wide:
            return True
        low, high = box[3] > (1 - EDGE) * tall, box[1] < EDGE * tall
        small = height(box) < SMALL * tall
        return (low and (small or down > DRIFT * tall) or high and
                (small or down < -DRIFT * tall))

    def _track(self, life: Life) -> Track:
        wide, tall = self._size
        share = (life.box[2] - life.box[0]) * height(life.box) / (wide * tall)
        return Track(life.tid or 0, life.label, self._t or 0.0, life.box, life.first_s,
                     life.born_s, life.last_s, life.hits, life.looks, life.total / life.hits,
                     life.best, (life.speed[0] / wide, life.speed[1] / wide), life.growth,
                     min(1.0, max(0.0, share)), self._at_edge(life.box, life.speed[1]),
                     life.began_at_edge, life.near_lost, life.again)


def _around(whole: Box, part: Box) -> Box:
    """The whole, moved no further than it must be to hold its part."""
    dx, dy = (max(0.0, part[at + 2] - whole[at + 2]) + min(0.0, part[at] - whole[at])
              for at in (0, 1))
    return (whole[0] + dx, whole[1] + dy, whole[2] + dx, whole[3] + dy)
