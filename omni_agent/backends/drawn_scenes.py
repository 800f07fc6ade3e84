"""The only place that draws composed scenes by chance: people and things that come, stay and go,
as many as a fit wants. Their labels follow from what of them is in the picture.

For fitting only, from the development half's cut-outs and backgrounds; the same number gives the
same scene.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

from omni_agent.backends.composed_scenes import (HEIGHT, SEED, WIDTH, Scene, Stock, Stocked,
                                                 Studio, Thing, visible)
from omni_agent.core.moments import NEAR_S, Span, Watch

SECONDS = 24.0
CALM_S = 2.6             # nothing begins before: what is there by then was there already
PERSON = 'person'
IN, OUT = 0.5, 0.03      # share of a thing from which on it is in the picture, or out of it
GRID_HZ = 10.0
TOGETHER_S = 1.0         # who come or go within this are one event

Share = Sequence[tuple[float, float]]
# when it has come, when it has left, when nobody can say
Moments = tuple[list[Span], list[Span], list[Span]]


def draw(number: int, stock: Stock, studio: Studio) -> Scene:
    """Scene ``number``. Raises BackendError where a picture is missing."""
    chance = np.random.default_rng([SEED, number])
    people = [one for one in stock.things if one.label == PERSON]
    others = [one for one in stock.things if one.label != PERSON]
    count = chance.choice((0, 1, 1, 2, 3))
    chosen = [people[at] for at in chance.integers(len(people), size=count)]
    if chance.random() < 0.4 or not chosen:
        chosen.append(others[chance.integers(len(others))])
    things = tuple(_thing(one, chance) for one in chosen)
    scene = Scene(f'drawn {number}', 'development',
                  stock.backgrounds[chance.integers(len(stock.backgrounds))], SECONDS,
                  chance.uniform(2, 9), chance.uniform(0, 0.2), chance.uniform(0, 1.2), things, ())
    shares = [visible(scene, studio, at, GRID_HZ) for at in range(len(things))]
    labels = sorted({PERSON, *(one.label for one in chosen)})
    found = [moments(share) for share in shares]
    told = tuple(watch for label in labels for watch in watches(
        label, [one for one, thing in zip(found, chosen) if thing.label == label], SECONDS))
    return Scene(scene.name, scene.half, scene.background, SECONDS, scene.grain, scene.light,
                 scene.shake, things, told)


def _thing(one: Stocked, chance: np.random.Generator) -> Thing:
    box = one.cutout.box
    height = float(np.exp(chance.uniform(np.log(200 if one.bust else 80), np.log(340))))
    width = height * (box[2] - box[0]) / (box[3] - box[1])
    y = (HEIGHT - height / 2 + 4 if one.bust else
         min(HEIGHT + 0.1 * height, chance.uniform(0.62, 1.0) * HEIGHT) - height / 2)
    behind = ()
    if chance.random() < 0.2:
        left = int(chance.uniform(0.3, 0.6) * WIDTH)
        behind = (left, 0, left + int(chance.uniform(0.1, 0.2) * WIDTH), HEIGHT)
    return Thing(one.cutout, height, _path(width, y, chance), not one.bust, behind)


def _path(width: float, y: float, chance: np.random.Generator
          ) -> tuple[tuple[float, float, float], ...]:
    """Crosses the picture, comes and goes, comes and stays, or is there and goes."""
    outside = -width / 2 - 5, WIDTH + width / 2 + 5
    came, went = (outside[at] for at in chance.integers(2, size=2))
    middle = chance.uniform(0.25, 0.75) * WIDTH
    pace = chance.uniform(70, 260)               # [px/s]
    start = chance.uniform(CALM_S, 0.55 * SECONDS)
    kind = chance.choice(('crosses', 'visits', 'stays', 'goes'), p=(0.3, 0.35, 0.2, 0.15))
    if kind == 'crosses':
        went = outside[0] if came > 0 else outside[1]
        return ((start, came, y), (start + abs(went - came) / pace, went, y))
    there = start + abs(middle - came) / pace
    if kind == 'stays':
        return ((start, came, y), (there, middle, y), (SECONDS + 1, middle, y))
    leaves = start if kind == 'goes' else there + chance.uniform(1.0, 6.0)
    away = (leaves, middle, y), (leaves + abs(went - middle) / pace, went, y)
    return ((0.0, middle, y), *away) if kind == 'goes' else ((start, came, y), (there, middle, y),
                                                             *away)


def watches(label: str, found: Sequence[Moments], seconds: float) -> tuple[Watch, Watch]:
    """What may be asked for in a scene: of each thing with that ``label``, what ``moments`` found.
    """
    came, left, unsure = ([span for one in found for span in one[at]] for at in range(3))
    late = Span(seconds - NEAR_S, seconds)       # too late to be told in time
    came, left = ([span for span in spans if span.start < late.start] for spans in (came, left))
    unsure.append(late)
    names = ('somebody', 'somebody') if label == PERSON else (f'a {label}', f'the {label}')
    return (Watch(f'Tell me when {names[0]} comes in.', _spans(came), 0.0, _spans(unsure)),
            Watch(f'Let me know when {names[1]} leaves.', _spans(left), 0.0, _spans(unsure)))


def moments(share: Share) -> Moments:
    """(when it has come, when it has left, when nobody can say): covered for long is unsure."""
    came, left, unsure = [], [], []
    inside = share[0][1] >= IN
    for (before, _), (t, now) in zip(share, share[1:]):
        if not inside and now >= IN:
            came.append(Span(t, t))
            inside = True
        elif inside and now <= OUT:
            left.append(Span(t, t))
            inside = False
    # it went behind something: who knows
    while (again := next((one for one in came if left and left[0].start < one.start),
                         None)) is not None:
        gone = max((one for one in left if one.start < again.start), key=lambda one: one.start)
        came.remove(again)
        left.remove(gone)
        unsure.append(Span(max(0.0, gone.start - NEAR_S), again.start + 2 * NEAR_S))
    return came, left, unsure


def _spans(found: Sequence[Span]) -> tuple[Span, ...]:
    """In order, and those that come together as one."""
    spans: list[Span] = []
    for span in sorted(found, key=lambda one: one.start):
        if spans and span.start - spans[-1].end <= TOGETHER_S:
            spans[-1] = Span(spans[-1].start, max(spans[-1].end, span.end))
        else:
            spans.append(span)
    return tuple(spans)
