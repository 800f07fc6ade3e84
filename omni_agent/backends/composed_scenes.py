"""The only place that makes videos out of pictures: cut-out objects on scripted paths over real
backgrounds.

The same scene and variant give the same pictures, so labels that follow from the script hold. A
variant other than 0 is mirrored, lit, scaled and grained otherwise: more of the same for fitting
weights, never for judging.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Sequence

import numpy as np

from omni_agent.backends import yaml_lines
from omni_agent.core.checked_table import FieldError, Table, Value
from omni_agent.core.errors import BackendError
from omni_agent.core.moments import HALVES, Watch, spans

WIDTH, HEIGHT = 640, 480     # [px] of what is made
STEPS_HZ = 1.8               # a walker's head goes up and down
SEED = 20

Find = Callable[[str], Path]


@dataclass(frozen=True)
class Cutout:
    """The object within ``box`` of a picture; ``sure`` boxes belong to it, whatever their
    colour.
    """

    picture: str
    box: tuple[int, ...]
    sure: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Thing:
    """A cut-out ``height`` pixels tall whose centre goes through (t, x, y); before and after it is
    away.
    """

    cutout: Cutout
    height: float
    path: tuple[tuple[float, float, float], ...]
    walks: bool
    behind: tuple[int, ...]      # a piece of the background that is in front of it


@dataclass(frozen=True)
class Scene:
    """Grain [grey levels], light [share] and shake [px] are what a real camera adds."""

    name: str
    half: str
    background: str
    seconds: float
    grain: float
    light: float
    shake: float
    things: tuple[Thing, ...]
    watches: tuple[Watch, ...]


@dataclass(frozen=True)
class Stocked:
    """A cut-out and what it is; a bust ends at the lower border of the picture."""

    cutout: Cutout
    label: str
    bust: bool


@dataclass(frozen=True)
class Stock:
    """What further scenes may be drawn from (backends/drawn_scenes.py)."""

    things: tuple[Stocked, ...] = ()
    backgrounds: tuple[str, ...] = ()


def read(path: Path) -> list[Scene]:
    """Raises ConfigError that names line and field."""
    return yaml_lines.read(path, 'the scenes', lambda data: _parsed(data)[0])


def read_stock(path: Path) -> Stock:
    """Of the same file. Raises ConfigError."""
    return yaml_lines.read(path, 'the scenes', lambda data: _parsed(data)[1])


def _parsed(data: Value) -> tuple[list[Scene], Stock]:
    table = Table(data, ())
    cutouts = {name: _cutout(one) for name, one in table.named_tables('cutouts')}
    stock = _stock(table.table('drawn'), cutouts) if table.holds_table('drawn') else Stock()
    found = [_scene(one, cutouts) for one in table.tables('scenes', at_least=1)]
    table.finish()
    return found, stock


def _stock(table: Table, cutouts: dict[str, Cutout]) -> Stock:
    words = [(f'{name}=person', kind == 'busts') for kind in ('people', 'busts')
             for name in table.text(kind).split()]
    words += [(word, False) for word in table.text('others').split()]
    found = []
    for word, bust in words:
        name, _, label = word.partition('=')
        if name not in cutouts or not label:
            raise FieldError(table.where, f"'{name}' is no cut-out with a label, like kitten=cat")
        found.append(Stocked(cutouts[name], label, bust))
    stock = Stock(tuple(found), tuple(table.text('backgrounds').split()))
    table.finish()
    return stock


def _cutout(table: Table) -> Cutout:
    found = Cutout(
        table.text('picture'), _numbers(table, 'box', 4),
        tuple(_whole(part, table) for part in table.text('sure', ' ').split(',') if part.strip()))
    table.finish()
    return found


def _scene(table: Table, cutouts: dict[str, Cutout]) -> Scene:
    scene = Scene(table.text('name'), table.choice('half', HALVES, None), table.text('background'),
                  table.number('seconds', None, 1, 7200), table.number('grain', 3, 0, 60),
                  table.number('light', 0.05, 0, 0.9), table.number('shake', 0.4, 0, 20),
                  tuple(_thing(one, cutouts) for one in table.tables('things')),
                  tuple(_watch(one) for one in table.tables('watches', at_least=1)))
    table.finish()
    return scene


def _thing(table: Table, cutouts: dict[str, Cutout]) -> Thing:
    name = table.choice('cutout', tuple(cutouts), None)
    flat = [float(word) for word in table.text('path').replace(',', ' ').split()]
    if len(flat) % 3 or len(flat) < 6:
        raise FieldError((*table.where, 'path'), 'must be two points or more, each "seconds x y"')
    path = tuple((flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat), 3))
    behind = table.text('behind', ' ')
    thing = Thing(cutouts[name], table.number('height', None, 8, 2000), path,
                  table.choice('walks', ('yes', 'no'), 'yes') == 'yes',
                  _whole(behind, table) if behind.strip() else ())
    table.finish()
    return thing


def _watch(table: Table) -> Watch:
    try:
        watch = Watch(table.text('say'), spans(table.text('moments', ' ')),
                      table.number('ask_s', 0.0, 0, 7200), spans(table.text('unsure', ' ')))
    except ValueError as error:
        raise FieldError((*table.where, 'moments'), str(error)) from error
    table.finish()
    return watch


def _numbers(table: Table, name: str, count: int) -> tuple[int, ...]:
    return _whole(table.text(name), table, count)


def _whole(text: str, table: Table, count: int = 4) -> tuple[int, ...]:
    words = text.split()
    if len(words) != count or not all(word.isdigit() for word in words):
        raise FieldError(table.where,
                         f"'{text.strip()}' is not {count} whole numbers: left top right bottom")
    return tuple(map(int, words))


class Studio:
    """Makes the pictures; ``find`` brings a named picture file to this machine."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._cut: dict[Cutout, np.ndarray] = {}

    def frames(self, scene: Scene, rate_hz: float,
               variant: int = 0) -> Iterator[tuple[float, np.ndarray]]:
        """(t, uint8 BGR picture of WIDTH x HEIGHT). Raises BackendError where a picture is
        missing.
        """
        chance = np.random.default_rng([SEED, variant, *scene.name.encode()])
        look = _Variant.of(variant, chance)
        background = self._background(scene.background)
        sprites = [self._sprite(thing, look) for thing in scene.things]
        for index in range(int(scene.seconds * rate_hz)):
            t = index / rate_hz
            image = background.copy()
            for thing, sprite in zip(scene.things, sprites):
                _paste(image, sprite, _place(thing, t))
                if thing.behind:
                    x0, y0, x1, y1 = thing.behind
                    image[y0:y1, x0:x1] = background[y0:y1, x0:x1]
            yield t, _through_camera(image, scene, look, t, chance)

    def _background(self, name: str) -> np.ndarray:
        image = _read(self._find(name))
        scale = max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
        image = _cv2().resize(image, None, fx=scale, fy=scale, interpolation=_cv2().INTER_AREA)
        left, top = (image.shape[1] - WIDTH) // 2, (image.shape[0] - HEIGHT) // 2
        return np.ascontiguousarray(image[top:top + HEIGHT, left:left + WIDTH])

    def _sprite(self, thing: Thing, look: _Variant) -> np.ndarray:
        """BGRA of the wanted height."""
        if thing.cutout not in self._cut:
            self._cut[thing.cutout] = cut_out(_read(self._find(thing.cutout.picture)),
                                              thing.cutout)
        whole = self._cut[thing.cutout]
        scale = thing.height * look.scale / whole.shape[0]
        return _cv2().resize(whole, None, fx=scale, fy=scale, interpolation=_cv2().INTER_AREA)


@dataclass(frozen=True)
class _Variant:
    """How a scene is varied."""

    mirrored: bool
    scale: float
    grain: float
    light: float

    @classmethod
    def of(cls, number: int, chance: np.random.Generator) -> _Variant:
        if number == 0:
            return cls(False, 1.0, 1.0, 1.0)
        return cls(bool(number % 2), float(chance.uniform(0.75, 1.15)),
                   float(chance.uniform(0.5, 3.0)), float(chance.uniform(0.6, 1.3)))


def cut_out(image: np.ndarray, cutout: Cutout) -> np.ndarray:
    """BGRA of the object in the box, by GrabCut (Rother et al. 2004), with a soft border."""
    cv2 = _cv2()
    cv2.setRNGSeed(SEED)
    x0, y0 = max(1, cutout.box[0]), max(1, cutout.box[1])
    x1, y1 = min(image.shape[1] - 1, cutout.box[2]), min(image.shape[0] - 1, cutout.box[3])
    mask = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    mask[y0:y1, x0:x1] = cv2.GC_PR_FGD
    for left, top, right, bottom in cutout.sure:
        mask[top:bottom, left:right] = cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, mask, None, *models, 5, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(solid)
    least = 0.02 * figures[1:, cv2.CC_STAT_AREA].max(initial=0)
    for part in range(1, count):
        if figures[part, cv2.CC_STAT_AREA] < least:
            solid[labels == part] = 0
    alpha = cv2.GaussianBlur(255 * solid, (5, 5), 0)
    return np.dstack([image, alpha])[y0:y1, x0:x1]


def _place(thing: Thing, t: float) -> tuple[float, float] | None:
    times = [point[0] for point in thing.path]
    if not times[0] <= t <= times[-1]:
        return None
    x = float(np.interp(t, times, [point[1] for point in thing.path]))
    y = float(np.interp(t, times, [point[2] for point in thing.path]))
    ahead = float(np.interp(t + 0.1, times, [point[1] for point in thing.path]))
    walking = thing.walks and abs(ahead - x) > 1.0
    return x, y + (0.012 * thing.height * math.sin(2 * math.pi * STEPS_HZ * t) if walking else 0.0)


def _paste(image: np.ndarray, sprite: np.ndarray, place: tuple[float, float] | None) -> None:
    if place is None:
        return
    height, width = sprite.shape[:2]
    left, top = round(place[0] - width / 2), round(place[1] - height / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
    if x0 >= x1 or y0 >= y1:
        return
    piece = sprite[y0 - top:y1 - top, x0 - left:x1 - left]
    alpha = piece[:, :, 3:].astype(np.float32) / 255
    image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - alpha) + piece[:, :, :3] * alpha + 0.5


def _through_camera(image: np.ndarray, scene: Scene, look: _Variant, t: float,
                    chance: np.random.Generator) -> np.ndarray:
    if scene.shake:
        dx, dy = chance.normal(0, scene.shake, 2)
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        image = _cv2().warpAffine(image, move, (WIDTH, HEIGHT), borderMode=_cv2().BORDER_REPLICATE)
    light = look.light * (1 + scene.light * math.sin(2 * math.pi * t / 7.0))
    grain = (chance.standard_normal(
        (HEIGHT, WIDTH, 1), np.float32) * np.float32(scene.grain * look.grain))
    image = np.clip(image * np.float32(light) + grain, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image[:, ::-1]) if look.mirrored else image


def visible(scene: Scene, studio: Studio, index: int,
            rate_hz: float = 10.0) -> Sequence[tuple[float, float]]:
    """(t, share of thing number ``index`` that is in the picture and not covered, by what is in
    front of it or by a later thing): what labels follow from.
    """
    thing = scene.things[index]
    plain = _Variant.of(0, np.random.default_rng(0))
    sprite, *covers = [studio._sprite(one, plain) for one in scene.things[index:]]
    black = [np.dstack([np.zeros_like(one[:, :, :3]), one[:, :, 3]]) for one in covers]
    found = []
    for step in range(int(scene.seconds * rate_hz)):
        shown = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        white = np.dstack([np.full_like(sprite[:, :, :3], 255), sprite[:, :, 3]])
        _paste(shown, white, _place(thing, step / rate_hz))
        if thing.behind:
            x0, y0, x1, y1 = thing.behind
            shown[y0:y1, x0:x1] = 0
        for other, cover in zip(scene.things[index + 1:], black):
            _paste(shown, cover, _place(other, step / rate_hz))
        found.append(
            (step / rate_hz, float(shown[:, :, 0].sum() / max(1.0, float(sprite[:, :, 3].sum())))))
    return found


def _read(path: Path) -> np.ndarray:
    image = _cv2().imread(str(path))
    if image is None:
        raise BackendError(f'{path} is not a picture that OpenCV can read')
    return image


def _cv2():  # noqa: ANN202 - a module
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            'no scenes without OpenCV: run "pip install opencv-python-headless"') from error
    return cv2
