"""Who is who after two things covered each other, told by how they look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np
import pytest

from omni_agent.backends import Detection
from omni_agent.backends.watcher import Watcher
from omni_agent.core.appearance import alike, appearance
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.meetings import alone
from omni_agent.core.track import Appeared, Left
from omni_agent.core.tracks import Tracks

SIZE = (640, 480)
RED, BLUE = (40, 40, 200), (200, 60, 30)         # BGR
WALL = (150, 160, 170)
WIDE, TALL = 80, 160


@dataclass(frozen=True)
class Man:
    """``x`` of his left side at each look; trousers are the same for all. The first of a list
    stands in front.
    """

    shirt: tuple[int, int, int]
    path: tuple[float, ...]


def path(*points: tuple[int, float]) -> tuple[float, ...]:
    """Through (look, x)."""
    looks, places = zip(*points)
    return tuple(float(np.interp(at, looks, places)) for at in range(looks[-1] + 1))


def film(*men: Man) -> Iterator[tuple[float, np.ndarray, list[Detection]]]:
    """(t, picture, boxes): of who is mostly covered there is no box."""
    for at in range(len(men[0].path)):
        image = np.full((SIZE[1], SIZE[0], 3), WALL, np.uint8)
        for man in reversed(men):
            left = round(man.path[at])
            image[200:200 + TALL, left:left + WIDE] = (60, 50, 50)
            image[200:200 + TALL // 2, left:left + WIDE] = man.shirt
        places = [man.path[at] for man in men]
        boxes = [Detection('person', 0.8, (x, 200.0, x + WIDE, 200.0 + TALL))
                 for index, x in enumerate(places)
                 if all(abs(x - other) > 0.6 * WIDE for other in places[:index])]
        yield round(0.1 * at, 3), image, boxes


def followed(men: Sequence[Man], by_looks: bool = True) -> tuple[list[int | None], list]:
    """(the identity of each man in the end, everything that was told)"""
    tracks, told = Tracks(), []
    for t, image, boxes in film(*men):
        looks = [appearance(image, one.box) for one in boxes] if by_looks else ()
        told += tracks.step(boxes, t, SIZE, looks)
    ends = [next((one.id for one in tracks.now() if abs(one.box[0] - man.path[-1]) < 20), None)
            for man in men]
    return ends, told


TURN = (Man(RED, path((10, 60), (30, 270), (45, 270), (65, 60))),
        Man(BLUE, path((10, 500), (30, 275), (45, 275), (65, 500))))
PASS = (Man(RED, path((10, 60), (30, 270), (45, 270), (65, 500))),
        Man(BLUE, path((10, 500), (30, 275), (45, 275), (65, 60))))


@pytest.mark.parametrize('men', (TURN, TURN[::-1], PASS, PASS[::-1]))
def test_two_who_meet_and_stand_before_each_other_are_who_they_were(men: tuple[Man, ...]) -> None:
    ends, told = followed(men)
    first = {event.track.id: event.track.box[0] for event in told if isinstance(event, Appeared)}
    assert len(first) == 2 and None not in ends
    for man, end in zip(men, ends):
        assert first[end] == man.path[0]
    assert not any(isinstance(event, Left) for event in told)


def test_place_alone_takes_them_for_each_other() -> None:
    """What the looks are for: without them one of these four ends otherwise."""
    wrong = 0
    for men in (TURN, TURN[::-1], PASS, PASS[::-1]):
        ends, told = followed(men, by_looks=False)
        first = {event.track.id: event.track.box[0] for event in told
                 if isinstance(event, Appeared)}
        wrong += any(end not in first or first[end] != man.path[0]
                     for man, end in zip(men, ends))
    assert wrong


def test_who_comes_out_further_away_than_looked_for_is_the_same_one_and_no_news() -> None:
    def story(shirt: tuple[int, int, int]) -> list:
        tracks, told = Tracks(), []
        walks = [*film(Man(RED, path((0, 60), (20, 200))))]
        stands = [*film(Man(shirt, path((0, 440), (20, 440))))]
        for at, (_, image, boxes) in enumerate([*walks, *stands]):
            t = 0.1 * at + (1.2 if at >= len(walks) else 0.0)        # covered for so long
            told += tracks.step(boxes, t, SIZE, [appearance(image, one.box) for one in boxes])
        return [(type(event), event.track.id) for event in told
                if isinstance(event, (Appeared, Left))]

    assert story(RED) == [(Appeared, 1)]
    assert (Appeared, 2) in story(BLUE)


def test_who_is_missed_just_now_is_looked_for_at_every_picture_and_not_for_ever() -> None:
    tracks = Tracks()
    boxes = [Detection('person', 0.8, (280.0, 200.0, 360.0, 360.0))]
    for at in range(10):
        tracks.step(boxes, 0.1 * at, SIZE)
    assert not tracks.expecting
    wall = np.zeros((24, 32), np.float32)        # its place looks the same: it is kept for long
    expecting = []
    for at in range(10, 40):
        tracks.step([], 0.1 * at, SIZE, picture=wall)
        expecting.append(tracks.expecting)
    assert all(expecting[:19]) and not any(expecting[-5:])


def beside(shirt: tuple[int, int, int]) -> list:
    """A red man walks along; a blue one beside him is covered for 5 s, and who comes out again
    wears ``shirt``.
    """
    tracks, told = Tracks(), []
    red = path((0, 60), (70, 100), (120, 250), (150, 340))
    blue = path((0, 180), (60, 180), (70, 110), (120, 260), (130, 390), (150, 470))
    before = list(film(Man(RED, red), Man(BLUE, blue)))
    after = list(film(Man(RED, red), Man(shirt, blue)))
    for t, image, boxes in before[:90] + after[90:]:
        told += tracks.step(boxes, t, SIZE, [appearance(image, one.box) for one in boxes])
    return [(type(event), event.track.id) for event in told if isinstance(event, (Appeared, Left))]


def test_who_walks_on_behind_another_has_not_left_and_is_no_news_when_seen_again() -> None:
    assert beside(BLUE) == [(Appeared, 1), (Appeared, 2)]


def test_who_comes_out_from_behind_another_and_looks_otherwise_is_a_newcomer() -> None:
    assert (Appeared, 3) in beside((40, 220, 220))


def looked_at(width: int, speed: float) -> int:
    """Of 40 pictures, once a man of this ``width`` [px] has been there for 2 s; he goes at
    ``speed`` [px a picture] before a wall that a small lamp at its end changes all the time.
    """
    looks = 0

    def detect(image: np.ndarray) -> list[Detection]:
        nonlocal looks
        looks += 1
        return [Detection('person', 0.8, (x, 200.0, x + width, 200.0 + 2 * width))]

    watcher = Watcher(detect)
    for at in range(60):
        x = 300.0 + speed * at
        image = np.full((SIZE[1], SIZE[0], 3), WALL, np.uint8)
        image[200:200 + 2 * width, round(x):round(x) + width] = RED
        image[:60, :60] = 60 * (at % 3)
        looks = 0 if at == 20 else looks
        watcher.look(image, 0.1 * at)
    return looks


def test_who_walks_is_looked_at_before_another_may_have_taken_the_place() -> None:
    assert looked_at(40, 5.0) > 15
    assert looked_at(40, 0.0) < 8                # it calms down where all stand
    assert looked_at(40, 5.0) > looked_at(40, 2.0)


def test_what_is_covered_by_another_of_its_kind_teaches_nothing() -> None:
    looks = np.ones(3, np.float32)

    def box(x: float, label: str = 'person') -> Detection:
        return Detection(label, 0.8, (x, 0.0, x + 80, 160.0))

    def taught(*boxes: Detection) -> list[bool]:
        return [found is not None for _, found in alone([(one, looks) for one in boxes], 0.35)]

    assert taught(box(0), box(200)) == [True, True]
    assert taught(box(0), box(40)) == [False, False]
    assert taught(box(0), box(40, 'chair')) == [True, True]


def test_looks_hardly_change_with_light_and_grain_and_much_with_clothes() -> None:
    chance = np.random.default_rng(3)
    (_, red, (one,)), = [*film(Man(RED, (100.0,)))]
    (_, blue, (other,)), = [*film(Man(BLUE, (300.0,)))]
    dim = np.clip(0.85 * red + chance.normal(0, 6, red.shape), 0, 255).astype(np.uint8)
    looks = [appearance(image, seen.box) for image, seen in ((red, one), (dim, one),
                                                             (blue, other))]
    assert all(found is not None and np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)
               for found in looks)
    assert alike(looks[0], looks[1]) > 0.9 > 0.75 > alike(looks[0], looks[2])


@pytest.mark.parametrize('box', ((10, 10, 15, 300), (-50, 0, 4, 90), (700, 10, 800, 90)))
def test_what_is_too_small_or_outside_has_no_looks(box: tuple[float, ...]) -> None:
    assert appearance(np.zeros((480, 640, 3), np.uint8), box) is None


def test_the_watcher_tells_them_apart_by_the_picture() -> None:
    seen: list[Detection] = []
    watcher = Watcher(lambda image: list(seen), skip=FrameSkipParams(cells=0))
    ids: dict[float, list[int]] = {}
    for t, image, boxes in film(*TURN):
        seen[:] = boxes
        tracks = watcher.look(image, t).looked.tracks
        ids[t] = [one.id for one in sorted(tracks, key=lambda one: one.box[0])]
    assert ids[0.9] == ids[6.5] and len(ids[6.5]) == 2
