"""Makes a set of labelled videos of busy squares out of one film of people who walk.

    python tools/square_crowds.py FILM.mp4 OUT [--videos 22] [--background PICTURE ...]

The camera must stand still, high enough that people are seen whole and one by one. They
are found tile by tile, followed, and cut out of what is always there; then they walk along the
scripts of ``backends/drawn_crowds.py``, in other clothes, over other backgrounds. OUT gets the
videos and a labels.csv: moments follow from what of each is in the picture. Development only.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from omni_agent.backends import composed_scenes, drawn_crowds, proactive_set  # noqa: E402
from omni_agent.backends.composed_scenes import HEIGHT, WIDTH  # noqa: E402
from omni_agent.backends.drawn_crowds import SECONDS, Walker  # noqa: E402
from omni_agent.backends.drawn_scenes import PERSON, watches  # noqa: E402
from omni_agent.backends.vision import NanoDet  # noqa: E402
from omni_agent.core.boxes import Box, overlap  # noqa: E402
from omni_agent.core.moments import COLUMNS, Span  # noqa: E402

SEED = 7
RATE_HZ = 10.0
STEP_HZ = 12.5           # of the film
TILE, STRIDE = (560, 420), (340, 220)
SURE, SAME, DOUBLE = 0.25, 0.25, 0.5
LEAST = 20               # pictures of one person
TALL = 85                # [px] smaller ones are left out
ROOM = 1.15, 0.75        # height and width of a cut-out [heights of its box]
BODIES = 0.14, 0.5       # share of its frame that a whole body fills
BODY, SHADOW = 22, 55    # [grey levels] from the empty place; the second near the feet

Cut = List[np.ndarray]   # (height, width, 2): grey, alpha


def pictures(film: Path) -> np.ndarray:
    """(n, height, width) uint8, at STEP_HZ."""
    capture, found, due = cv2.VideoCapture(str(film)), [], 0.0
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    index = 0
    while capture.grab():
        if index / fps + 0.5 / fps >= due:
            due += 1.0 / STEP_HZ
            found.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2GRAY))
        index += 1
    if not found:
        raise SystemExit(f'{film} is not a video that OpenCV can play')
    return np.stack(found)


def people(picture: np.ndarray, detect: NanoDet) -> list[Box]:
    """Everybody who is whole in one of the tiles, once."""
    high, wide = picture.shape
    found: list[tuple[float, Box]] = []
    for top in range(0, max(1, high - TILE[1] + 1), STRIDE[1]):
        for left in range(0, max(1, wide - TILE[0] + 1), STRIDE[0]):
            tile = picture[top:top + TILE[1], left:left + TILE[0]]
            colours = np.ascontiguousarray(np.repeat(tile[:, :, None], 3, axis=2))
            for one in detect(colours):
                x0, y0, x1, y1 = one.box
                if (one.label == PERSON and x0 > 4 and y0 > 4 and x1 < tile.shape[1] - 4
                        and y1 < tile.shape[0] - 4):
                    found.append((one.score, (x0 + left, y0 + top, x1 + left, y1 + top)))
    kept: list[Box] = []
    for _, box in sorted(found, reverse=True):
        if all(overlap(box, other) < DOUBLE for other in kept):
            kept.append(box)
    return kept


def followed(boxes: Sequence[Sequence[Box]]) -> list[dict[int, Box]]:
    """Of each person: picture -> box, while nobody else is near."""
    live: list[dict[int, Box]] = []
    done: list[dict[int, Box]] = []
    for at, found in enumerate(boxes):
        alone = [box for box in found if not any(
            other is not box and _touch(box, other) for other in found)]
        for track in live:
            box = max(alone, key=lambda one: overlap(one, track[max(track)]), default=None)
            if box is not None and overlap(box, track[max(track)]) > SAME:
                track[at] = box
                alone.remove(box)
        done += [track for track in live if at - max(track) > 2]
        live = [track for track in live if at - max(track) <= 2]
        live += [{at: box} for box in alone]
    return [track for track in done + live if len(track) >= LEAST]


def _touch(one: Box, other: Box, room: float = 6.0) -> bool:
    return (min(one[2], other[2]) + room > max(one[0], other[0]) - room
            and min(one[3], other[3]) + room > max(one[1], other[1]) - room)


def cut(track: dict[int, Box], film: np.ndarray, empty: np.ndarray) -> Cut:
    """What is not always there, in a frame that goes along; empty where they are too small."""
    tall = float(np.median([box[3] - box[1] for box in track.values()]))
    high, wide = int(ROOM[0] * tall), int(ROOM[1] * tall)
    found: Cut = []
    for at, box in track.items():
        left = int((box[0] + box[2] - wide) / 2)
        top = int((box[1] + box[3] - high) / 2)
        place = (slice(max(0, top), top + high), slice(max(0, left), left + wide))
        grey = film[at][place]
        if tall < TALL or grey.shape != (high, wide):
            continue
        least = np.where(np.arange(high)[:, None] > 0.72 * high, SHADOW, BODY)
        differs = cv2.GaussianBlur(cv2.absdiff(grey, empty[place]), (5, 5), 0) > least
        whole = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7)))
        count, parts, figures, _ = cv2.connectedComponentsWithStats(whole)
        if count > 1:
            body = (parts == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
            alpha = cv2.GaussianBlur(255 * cv2.erode(body, np.ones((3, 3))), (3, 3), 0)
            if BODIES[0] < body.mean() < BODIES[1]:
                found.append(np.dstack([grey, alpha]))
    return found if len(found) >= LEAST else []


def dressed(cut_out: Cut, height: float, chance: np.random.Generator) -> list[np.ndarray]:
    """BGRA of that height, with a head, a top and trousers of their own colours."""
    light, mirrored = chance.uniform(0.7, 1.35), chance.random() < 0.5
    top, bottom = chance.uniform(0.55, 1.5, 3), chance.uniform(0.55, 1.4, 3)
    found = []
    for one in cut_out[:50]:
        scale = ROOM[0] * height / one.shape[0]
        small = cv2.resize(one, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        row = (np.arange(small.shape[0]) / small.shape[0])[:, None, None]
        legs, head = np.clip((row - 0.52) / 0.06, 0, 1), np.clip((0.2 - row) / 0.04, 0, 1)
        colour = (top * (1 - legs) + bottom * legs) * (1 - head) + (0.85, 0.95, 1.15) * head
        grey = small[:, :, :1].astype(np.float32) * light
        image = np.dstack([np.clip(grey * colour, 0, 255), small[:, :, 1]]).astype(np.float32)
        found.append(np.ascontiguousarray(image[:, ::-1]) if mirrored else image)
    return found


def paste(image: np.ndarray, owner: np.ndarray, number: int, sprite: np.ndarray,
          place: Tuple[float, float]) -> None:
    high, wide = sprite.shape[:2]
    left, top = round(place[0] - wide / 2), round(place[1] - high / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + wide), min(HEIGHT, top + high)
    if x0 < x1 and y0 < y1:
        piece = sprite[y0 - top:y1 - top, x0 - left:x1 - left]
        alpha = piece[:, :, 3:] / 255
        image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - alpha) + piece[:, :, :3] * alpha
        owner[y0:y1, x0:x1][alpha[:, :, 0] > 0.5] = number


def make(path: Path, number: int, cuts: Sequence[Cut],
         backgrounds: Sequence[np.ndarray]) -> Iterator[list[str]]:
    """Writes one video, and gives its rows of labels.csv."""
    chance = np.random.default_rng([SEED, number])
    empty = backgrounds[chance.integers(len(backgrounds))] * np.float32(chance.uniform(0.7, 1.1))
    before = drawn_crowds.pillar(chance)
    if before:
        shape = (HEIGHT, before[2] - before[0], 1)
        rough = cv2.GaussianBlur(chance.normal(0, 40, shape).astype(np.float32), (0, 0), 3)
        empty[:, before[0]:before[2]] = chance.uniform(30, 150, 3) + rough[:, :, None]
    empty = np.clip(empty, 0, 255).astype(np.float32)
    walkers = drawn_crowds.crowd(before, chance)
    sprites = [dressed(cuts[chance.integers(len(cuts))], one.height, chance) for one in walkers]
    shares: list[list[tuple[float, float]]] = [[] for _ in walkers]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), RATE_HZ, (WIDTH, HEIGHT))
    grain, shake = chance.uniform(2, 6), chance.uniform(0, 0.4)
    for at in range(int(SECONDS * RATE_HZ)):
        t, image = at / RATE_HZ, empty.copy()
        owner = np.full((HEIGHT, WIDTH), -1, np.int16)
        shown = [_pose(walker, poses, t) for walker, poses in zip(walkers, sprites)]
        for who, (pose, place) in enumerate(shown):
            if place is not None:
                paste(image, owner, who, pose, place)
        if before:
            image[:, before[0]:before[2]] = empty[:, before[0]:before[2]]
            owner[:, before[0]:before[2]] = -1
        seen = np.bincount(owner[owner >= 0].ravel(), minlength=len(walkers))
        for who, (pose, place) in enumerate(shown):
            whole = max(1, int((pose[:, :, 3] > 127).sum()))
            shares[who].append((t, float(seen[who]) / whole if place is not None else 0.0))
        move = np.array([[1, 0, chance.normal(0, shake)], [0, 1, chance.normal(0, shake)]])
        image = cv2.warpAffine(image, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        image += chance.standard_normal((HEIGHT, WIDTH, 1), np.float32) * np.float32(grain)
        writer.write(np.clip(image, 0, 255).astype(np.uint8))
    writer.release()
    found = [drawn_crowds.told(share, walker) for share, walker in zip(shares, walkers)]
    for watch in watches(PERSON, found, SECONDS):
        cells = {'file': path.name, 'say': watch.say, 'moments': _text(watch.moments),
                 'half': 'development', 'unsure': _text(watch.unsure),
                 'note': f'{len(walkers)} people'}
        yield [cells.get(column, '') for column in COLUMNS]


def _pose(walker: Walker, poses: Sequence[np.ndarray],
          t: float) -> tuple[np.ndarray, Tuple[float, float] | None]:
    """To and fro through its pictures while it walks."""
    place, soon = walker.at(t), walker.at(t + 0.1)
    walks = place is not None and soon is not None and np.hypot(
        soon[0] - place[0], soon[1] - place[1]) > 0.8
    at = int(t * STEP_HZ) % (2 * len(poses) - 2) if walks else 0
    return poses[min(at, 2 * len(poses) - 2 - at)], place


def _text(spans: Sequence[Span]) -> str:
    return ' '.join(f'{one.start:.1f}' if one.end - one.start < 0.05 else
                    f'{one.start:.1f}-{one.end:.1f}' for one in spans)


def _fitted(image: np.ndarray) -> np.ndarray:
    scale = max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top = (image.shape[1] - WIDTH) // 2, (image.shape[0] - HEIGHT) // 2
    return image[top:top + HEIGHT, left:left + WIDTH].astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('film', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--videos', type=int, default=22)
    parser.add_argument('--background', type=Path, action='append', default=[],
                        help="pictures to walk over, beside the film's own place and ours")
    arguments = parser.parse_args()
    film, detect = pictures(arguments.film), NanoDet(score=SURE)
    empty = np.median(film[::6], axis=0).astype(np.uint8)
    cuts = [one for track in followed([people(picture, detect) for picture in film])
            if (one := cut(track, film, empty))]
    if len(cuts) < drawn_crowds.LEAST:
        raise SystemExit(f'only {len(cuts)} people could be cut out of {arguments.film}')
    library = proactive_set.Library()
    stock = composed_scenes.read_stock(proactive_set.folder() / 'scenes.yaml')
    places = [*arguments.background, *map(library.find, stock.backgrounds)]
    backgrounds = [_fitted(cv2.cvtColor(empty, cv2.COLOR_GRAY2BGR)),
                   *(_fitted(cv2.imread(str(path))) for path in places)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / 'labels.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(arguments.videos):
            writer.writerows(make(arguments.out / f'square_{number:02d}.mp4', number, cuts,
                                  backgrounds))
            print(f'{number + 1} of {arguments.videos}', file=sys.stderr)


if __name__ == '__main__':
    main()
