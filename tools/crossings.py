"""How often two people who meet are taken for each other: composed scenes, the real detector and
the tracks.

    python tools/crossings.py [--scenes 24] [--places-only]

Drawn from the development half's cut-outs and backgrounds. Four kinds by turns: they pass each
other; meet, stand, and turn back; meet, stand, and go on; one waits and the other stops before
them. Judged only while they stand apart: a switch is another identity than before, kept is the
same one in the end as in the beginning.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from omni_agent.backends import composed_scenes, proactive_set, watcher  # noqa: E402
from omni_agent.backends.composed_scenes import HEIGHT, Scene, Stock, Studio, Thing  # noqa: E402
from omni_agent.backends.vision import NanoDet  # noqa: E402
from omni_agent.core.boxes import Box, overlap  # noqa: E402
from omni_agent.core.fovea import FoveaParams  # noqa: E402
from omni_agent.core.track import Track  # noqa: E402
from omni_agent.core.tracks import TracksParams  # noqa: E402

KINDS = ('pass', 'turn', 'stop', 'wait')
SEED = 77
RATE_HZ = 10.0
BEGIN_S, END_S, SECONDS = 1.5, 14.0, 13.0
ASIDE = 230.0            # [px] from where they meet, in the beginning
APART, SAME = 0.15, 0.3  # overlap of the two; overlap of a track with one of them

PathOf = Tuple[Tuple[float, float, float], ...]


def draw(number: int, stock: Stock) -> tuple[str, Scene]:
    chance = np.random.default_rng([SEED, number])
    kind = KINDS[number % len(KINDS)]
    people = [one for one in stock.things if one.label == 'person']
    two = [people[at] for at in chance.choice(len(people), 2, replace=False)]
    meet_s, meet_x, stay_s = chance.uniform(4, 5), chance.uniform(280, 360), chance.uniform(0.8, 2)
    things = []
    for who, side in zip(two, (-1, 1)):
        height = float(chance.uniform(190, 260))
        y = HEIGHT - height / 2 + 4 if who.bust else 0.95 * HEIGHT - height / 2
        over = meet_x + side * chance.uniform(-10, 15)
        path = _path(kind, number, side, meet_x, over, y, meet_s, stay_s)
        things.append(Thing(who.cutout, height, path, not who.bust, ()))
    if chance.random() < 0.5:
        things.reverse()
    background = stock.backgrounds[chance.integers(len(stock.backgrounds))]
    return kind, Scene(f'cross {number}', 'development', background, SECONDS,
                       chance.uniform(2, 7), chance.uniform(0, 0.15), chance.uniform(0, 0.8),
                       tuple(things), ())


def _path(kind: str, number: int, side: int, meet_x: float, over: float, y: float, meet_s: float,
          stay_s: float) -> PathOf:
    start, far = meet_x + side * ASIDE, meet_x - side * ASIDE
    if kind == 'wait' and side < 0:
        return ((0.0, meet_x, y), (END_S, meet_x, y))
    if kind == 'pass':
        away = 2 * meet_s - BEGIN_S
        return ((0.0, start, y), (BEGIN_S, start, y), (away, far, y), (END_S, far, y))
    back = kind == 'turn' or kind == 'wait' and number % 8 >= 4
    goal, away = start if back else far, 2 * meet_s + stay_s - BEGIN_S
    return ((0.0, start, y), (BEGIN_S, start, y), (meet_s, over, y), (meet_s + stay_s, over, y),
            (away, goal, y), (END_S, goal, y))


def _boxes(scene: Scene, t: float) -> list[Box]:
    found = []
    for thing in scene.things:
        x, y = (float(np.interp(t, [one[0] for one in thing.path],
                                [one[at] for one in thing.path])) for at in (1, 2))
        left, top, right, bottom = thing.cutout.box
        wide = thing.height * (right - left) / (bottom - top)
        found.append((x - wide / 2, y - thing.height / 2, x + wide / 2, y + thing.height / 2))
    return found


class Count:
    """Of one scene."""

    def __init__(self) -> None:
        self.first: list[Optional[int]] = [None, None]
        self.last: list[Optional[int]] = [None, None]
        self.switches = 0

    def see(self, boxes: list[Box], tracks: list[Track]) -> None:
        pairs = sorted(((overlap(box, one.box), at, one.id) for at, box in enumerate(boxes)
                        for one in tracks), reverse=True)
        taken: set[int] = set()
        told: set[int] = set()
        for value, at, found in pairs:
            if value < SAME or at in told or found in taken:
                continue
            told.add(at)
            taken.add(found)
            self.switches += self.last[at] not in (None, found)
            self.last[at] = found
            self.first[at] = found if self.first[at] is None else self.first[at]

    @property
    def kept(self) -> tuple[int, int]:
        seen = [at for at in (0, 1) if self.first[at] is not None]
        return sum(self.first[at] == self.last[at] for at in seen), len(seen)


def follow(scene: Scene, studio: Studio, detect: NanoDet) -> Count:
    looking, count = watcher.Watcher(detect, fovea=FoveaParams()), Count()
    for t, image in studio.frames(scene, RATE_HZ):
        tracks = looking.look(image, t).looked.tracks
        boxes = _boxes(scene, t)
        if t >= BEGIN_S - 0.1 and overlap(*boxes) <= APART:
            count.see(boxes, [one for one in tracks if one.label == 'person' and one.seen])
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--scenes', type=int, default=24, metavar='N')
    parser.add_argument('--places-only', action='store_true', help='without how they look')
    arguments = parser.parse_args()
    if arguments.places_only:
        watcher.appearance = lambda image, box: None
    stock = composed_scenes.read_stock(proactive_set.folder() / 'scenes.yaml')
    studio = Studio(proactive_set.Library().find)
    detect = NanoDet(score=TracksParams().keep_score)
    found: dict[str, list[Count]] = {kind: [] for kind in KINDS}
    for number in range(arguments.scenes):
        kind, scene = draw(number, stock)
        found[kind].append(follow(scene, studio, detect))
    found['all'] = [one for counts in found.values() for one in counts]
    for kind, counts in found.items():
        kept, seen = (sum(one.kept[at] for one in counts) for at in (0, 1))
        print(f'{kind}: {len(counts)} scenes, {sum(one.switches for one in counts)} switches, '
              f'{kept} of {seen} kept')


if __name__ == '__main__':
    main()
