"""Since when a place has looked as it does now."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.core.frame_skip import ACROSS, DOWN
from omni_agent.core.picture_past import SPAN_S, PicturePast

SIZE = (640.0, 480.0)
THERE = (200.0, 100.0, 300.0, 300.0)
ELSEWHERE = (400.0, 100.0, 500.0, 300.0)


class Wall:
    """A grey wall with grain; ``painted``: something hangs THERE. Ten pictures a second."""

    def __init__(self, past: PicturePast, light: float = 0.0) -> None:
        self.past, self.light, self.t = past, light, 0.0
        self.chance = np.random.default_rng(4)
        self.painted = False

    def pass_by(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.t = round(self.t + 0.1, 6)
            picture = 100 + np.linspace(0, 40, ACROSS)[None] + self.chance.normal(
                0, 0.5, (DOWN, ACROSS))
            if self.painted:
                picture[5:15, 10:15] += 30
            picture *= 1 + self.light * np.sin(self.t)
            self.past.add(self.t, picture.astype(np.float32))


@pytest.mark.parametrize('light', [0.0, 0.2])
def test_what_came_is_told_from_what_was_there_whatever_the_light_does(light: float) -> None:
    past = PicturePast(0.15)
    wall = Wall(past, light)
    wall.pass_by(3.0)
    wall.painted = True
    wall.pass_by(2.0)
    assert past.since(THERE, SIZE, wall.t) == pytest.approx(3.1, abs=0.3)
    assert past.since(ELSEWHERE, SIZE, wall.t) == pytest.approx(0.1, abs=0.3)


def test_a_place_is_the_same_until_what_was_there_has_gone() -> None:
    past = PicturePast(0.15)
    wall = Wall(past)
    wall.painted = True
    wall.pass_by(2.0)
    seen = wall.t
    wall.pass_by(1.0)
    assert past.same(THERE, SIZE, seen)
    wall.painted = False
    wall.pass_by(0.5)
    assert not past.same(THERE, SIZE, seen) and past.same(ELSEWHERE, SIZE, seen)


def test_it_remembers_for_a_while_only() -> None:
    past = PicturePast(0.15)
    wall = Wall(past)
    wall.pass_by(3 * SPAN_S)
    assert wall.t - past.since(THERE, SIZE, wall.t) == pytest.approx(SPAN_S, abs=0.3)


def test_without_pictures_everything_has_just_changed() -> None:
    past = PicturePast(0.15)
    past.add(1.0, None)
    assert past.since(THERE, SIZE, 1.0) == 1.0 and not past.same(THERE, SIZE, 1.0)
    past.add(2.0, np.full((DOWN, ACROSS), 80.0, np.float32))
    past.add(3.0, np.full((4, 4), 80.0, np.float32))     # another size: another camera
    assert past.since(THERE, SIZE, 3.0) == 3.0
