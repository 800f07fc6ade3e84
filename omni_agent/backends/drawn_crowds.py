"""The only place that scripts busy squares by chance: people, small, who come from every side and
from behind a pillar, cross, walk in pairs, stand, turn back and go; and when that is to be told.

``tools/square_crowds.py`` makes videos of it with people who were cut out of a film. For fitting
and for trying trackers only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np

from omni_agent.backends.composed_scenes import HEIGHT, WIDTH
from omni_agent.backends.drawn_scenes import CALM_S, GRID_HZ, IN, OUT, Moments, Share, moments
from omni_agent.core.moments import NEAR_S, Span

SECONDS = 40.0
LEAST, MOST = 4, 9           # people; one more where the last ones are two
SMALLEST, TALLEST = 60.0, 160.0      # [px]
FAR, NEAR = 0.42, 0.98       # [picture heights] where the feet of the smallest, of the tallest are
PACE = 0.5, 1.0              # [own heights a second]
HIDDEN_S = 2.5               # who is covered for less has not left
PEEP = 0.15                  # share of a thing from which on somebody may say that it is there
BESIDE = 0.45                # [own heights] between two who walk together
PAIRS = 0.25                 # how often two walk together
PILLARS = 0.6                # how often there is one
SIDES = ('left', 'right', 'bottom', 'top')
SIDE_SHARES = (0.36, 0.36, 0.16, 0.12)
KINDS = ('crosses', 'visits', 'turns', 'stays', 'goes', 'stands', 'peeps')
KIND_SHARES = (0.38, 0.2, 0.1, 0.1, 0.1, 0.07, 0.05)

Point = tuple[float, float]
Path = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Walker:
    """Somebody ``height`` pixels tall whose centre goes through (t, x, y)."""

    height: float
    path: Path

    @property
    def feet(self) -> float:
        return self.path[0][2] + self.height / 2

    def at(self, t: float) -> Point | None:
        """Where the centre is; before and after its path it is nowhere."""
        times = [point[0] for point in self.path]
        if not times[0] <= t <= times[-1]:
            return None
        x, y = (float(np.interp(t, times, [point[axis] for point in self.path]))
                for axis in (1, 2))
        return x, y


def pillar(chance: np.random.Generator) -> tuple[int, ...]:
    """left, top, right, bottom; or none."""
    if chance.random() >= PILLARS:
        return ()
    left = int(chance.uniform(0.2, 0.7) * WIDTH)
    return left, 0, left + int(chance.uniform(0.05, 0.12) * WIDTH), HEIGHT


def crowd(before: tuple[int, ...], chance: np.random.Generator) -> list[Walker]:
    """Who is nearer comes later, and covers who is further away. ``before`` them is a pillar."""
    people: list[Walker] = []
    count = int(chance.integers(LEAST, MOST + 1))
    while len(people) < count:
        people += _people(before, chance)
    return sorted(people, key=lambda one: one.feet)


def _people(before: tuple[int, ...], chance: np.random.Generator) -> Iterator[Walker]:
    """One, or two who walk together."""
    deep = chance.random()
    height = SMALLEST + deep * (TALLEST - SMALLEST)
    path = _path(height, (FAR + deep * (NEAR - FAR)) * HEIGHT - height / 2, before, chance)
    for beside in (0.0, BESIDE * height)[:1 + int(chance.random() < PAIRS)]:
        yield Walker(height * chance.uniform(0.94, 1.06),
                     tuple((t, x + beside, y) for t, x, y in path))


def _path(height: float, y: float, before: tuple[int, ...],
          chance: np.random.Generator) -> Path:
    pace = height * chance.uniform(*PACE)
    start = chance.uniform(CALM_S - 6.0, SECONDS - 5.0)      # some are under way already
    kind = chance.choice(KINDS, p=KIND_SHARES)
    came = _door(height, y, before, chance)
    went = _door(height, y, before, chance)
    there = chance.uniform(0.12, 0.88) * WIDTH, y
    if kind == 'peeps':                          # no more than a part of them is ever seen
        inside = came[0] + (0.3 if came[0] < WIDTH / 2 else -0.3) * height
        return _walk(start, pace, [(came, 0.0), ((inside, y), chance.uniform(2, 6)), (came, 0.0)])
    if kind == 'stands':
        return ((0.0, *there), (SECONDS + 1, *there))
    if kind == 'goes':
        return ((0.0, *there), *_walk(max(CALM_S, start), pace, [(there, 0.0), (went, 0.0)]))
    if kind == 'stays':
        return _walk(start, pace, [(came, 0.0), (there, SECONDS)])
    if kind == 'visits':
        return _walk(start, pace, [(came, 0.0), (there, chance.uniform(1.5, 10)), (went, 0.0)])
    if kind == 'turns':
        return _walk(start, pace, [(came, 0.0), (there, chance.uniform(0, 2)), (came, 0.0)])
    while math.dist(came, went) < WIDTH / 3:     # they cross
        went = _door(height, y, before, chance)
    return _walk(start, pace, [(came, 0.0), (went, 0.0)])


def _door(height: float, y: float, before: tuple[int, ...],
          chance: np.random.Generator) -> Point:
    """Where somebody is not seen: outside of a border, or behind the pillar."""
    if before and before[2] - before[0] > 0.45 * height and chance.random() < 0.25:
        return (before[0] + before[2]) / 2, y
    side = chance.choice(SIDES, p=SIDE_SHARES)
    across, away = chance.uniform(0.1, 0.9) * WIDTH, 0.8 * height
    return {'left': (-away, y), 'right': (WIDTH + away, y), 'bottom': (across, HEIGHT + away),
            'top': (across, -away)}[str(side)]


def _walk(start: float, pace: float, stops: Sequence[tuple[Point, float]]) -> Path:
    """From stop to stop [place, seconds of rest], at ``pace`` [px/s]."""
    t, points = start, []
    here = stops[0][0]
    for place, rest in stops:
        t += math.dist(here, place) / pace
        points.append((t, *place))
        if rest:
            t += rest
            points.append((t, *place))
        here = place
    return tuple(points)


def told(share: Share, walker: Walker) -> Moments:
    """When that one has come and has left, by the ``share`` that is seen. Who is covered for a
    moment was there all the time; of whom only a part was seen, and who comes or goes right at the
    beginning, nobody can say.
    """
    seen = np.array([value for _, value in share])
    for begins, ends in _runs(seen <= OUT):
        inside = all(_is_inside(walker, share[at][0]) for at in (begins, ends - 1))
        if 0 < begins and ends < len(seen) and inside and (ends - begins) / GRID_HZ <= HIDDEN_S:
            seen[begins:ends] = IN
    came, left, unsure = moments([(t, float(value)) for (t, _), value in zip(share, seen)])
    for begins, ends in _runs(seen > OUT):
        if PEEP < seen[begins:ends].max() < IN:
            unsure.append(Span(max(0.0, share[begins][0] - NEAR_S),
                               share[ends - 1][0] + NEAR_S))
    unsure += [Span(0.0, span.end + NEAR_S) for span in (*came, *left) if span.start < CALM_S]
    came, left = ([span for span in spans if span.start >= CALM_S] for spans in (came, left))
    return came, left, unsure


def _runs(true: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where it is true: from, up to."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], true.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist())


def _is_inside(walker: Walker, t: float) -> bool:
    """In the picture, whatever covers it."""
    place, some = walker.at(t), 0.3 * walker.height
    return (place is not None and -some / 3 < place[0] < WIDTH + some / 3
            and -some < place[1] < HEIGHT + some)
