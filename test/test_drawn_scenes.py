"""Scenes that are drawn by chance: from the development half alone, and with labels that hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import composed_scenes, drawn_crowds, drawn_scenes, proactive_set
from omni_agent.backends.composed_scenes import Cutout, Stock, Stocked, Studio
from omni_agent.backends.drawn_crowds import Walker
from omni_agent.core.moments import NEAR_S

cv2 = pytest.importorskip('cv2')

PERSON = Stocked(Cutout('square.png', (25, 25, 75, 75), ((35, 35, 65, 65),)), 'person', False)
CAT = Stocked(PERSON.cutout, 'cat', False)
STOCK = Stock((PERSON, CAT), ('room.png',))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    cv2.imwrite(str(tmp_path / 'room.png'), np.full((480, 640, 3), 128, np.uint8))
    square = np.full((100, 100, 3), (0, 200, 0), np.uint8)
    square[30:70, 30:70] = (0, 0, 220)
    cv2.imwrite(str(tmp_path / 'square.png'), square)
    return Studio(lambda name: tmp_path / name)


def test_nothing_is_drawn_from_what_the_test_half_shows() -> None:
    path = proactive_set.folder() / 'scenes.yaml'
    stock = composed_scenes.read_stock(path)
    drawn = {one.cutout.picture for one in stock.things} | set(stock.backgrounds)
    shown = {name for scene in composed_scenes.read(path) if scene.half == 'test' for name in (
        scene.background, *(thing.cutout.picture for thing in scene.things))}
    assert drawn and not drawn & shown and drawn <= set(proactive_set.items())


def test_the_same_number_is_the_same_scene_and_others_are_not(studio: Studio) -> None:
    first, again, other = (drawn_scenes.draw(number, STOCK, studio) for number in (3, 3, 4))
    assert first == again and first.things != other.things and first.half == 'development'


def test_moments_are_when_things_are_half_in_the_picture_and_when_they_are_out(
        studio: Studio) -> None:
    told = 0
    for number in range(6):
        scene = drawn_scenes.draw(number, STOCK, studio)
        if len(scene.things) != 1:
            continue
        share = dict(composed_scenes.visible(scene, studio, 0))
        label = 'cat' if scene.watches[0].say.endswith('a cat comes in.') else 'somebody'
        for watch in scene.watches:
            if label not in watch.say:
                continue
            for moment in watch.moments:
                told += 1
                assert moment.start < drawn_scenes.SECONDS - NEAR_S
                before, now = share[round(moment.start - 0.1, 1)], share[moment.start]
                assert (before < 0.5 <= now if 'comes' in watch.say else now <= 0.03 < before)
    assert told >= 3


def test_what_comes_together_is_one_moment_and_what_hides_for_a_while_is_unsure() -> None:
    spans = drawn_scenes._spans([drawn_scenes.Span(4.0, 4.0), drawn_scenes.Span(3.2, 3.2)])
    assert spans == (drawn_scenes.Span(3.2, 4.0),)
    share = [(t / 10, 1.0 if 10 <= t < 30 or 60 <= t < 90 else 0.0) for t in range(120)]
    came, left, unsure = drawn_scenes.moments(share)
    assert [one.start for one in came] == [1.0] and [one.start for one in left] == [9.0]
    assert len(unsure) == 1 and unsure[0].near(4.5, 0.0)


def _share(*gone: tuple[float, float]) -> list[tuple[float, float]]:
    return [(t / 10, 0.0 if any(begins <= t / 10 < ends for begins, ends in gone) else 1.0)
            for t in range(300)]


def test_a_crowd_comes_from_every_side_and_who_is_nearer_is_painted_last() -> None:
    begins = set()
    for number in range(40):
        chance = np.random.default_rng(number)
        before = drawn_crowds.pillar(chance)
        people = drawn_crowds.crowd(before, chance)
        assert drawn_crowds.LEAST <= len(people) <= drawn_crowds.MOST + 1
        assert [one.feet for one in people] == sorted(one.feet for one in people)
        for one in people:
            assert all(was[0] <= now[0] for was, now in zip(one.path, one.path[1:]))
            _, x, y = one.path[0]
            begins.add('left' if x < 0 else 'right' if x > 640 else 'top' if y < 0 else
                       'bottom' if y > 480 else 'inside')
    assert begins == {'left', 'right', 'top', 'bottom', 'inside'}


def test_who_is_covered_for_a_moment_has_not_left_and_who_walks_out_has() -> None:
    stays = Walker(100.0, ((0.0, 300.0, 300.0), (40.0, 320.0, 300.0)))
    assert drawn_crowds.told(_share((10.0, 11.5)), stays) == ([], [], [])
    came, left, unsure = drawn_crowds.told(_share((10.0, 15.0)), stays)
    assert not came and not left and len(unsure) == 1            # covered for long: who knows
    leaves = Walker(100.0, ((0.0, 300.0, 300.0), (20.0, 800.0, 300.0)))
    came, left, unsure = drawn_crowds.told(_share((18.0, 30.0)), leaves)
    assert not came and not unsure and [one.start for one in left] == [18.0]


def test_of_whom_only_a_part_is_ever_seen_nobody_can_say_whether_they_came() -> None:
    peeps = Walker(100.0, ((5.0, -80.0, 300.0), (9.0, -80.0, 300.0)))
    share = [(t / 10, 0.3 if 60 <= t < 80 else 0.0) for t in range(300)]
    came, left, unsure = drawn_crowds.told(share, peeps)
    assert not came and not left
    assert len(unsure) == 1 and unsure[0].near(7.0, 0.0) and not unsure[0].near(12.0, 0.0)
