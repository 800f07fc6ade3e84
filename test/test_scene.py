"""What the camera shows, in words and as a change."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.scene import novelty, overlap, plural, summary


@dataclass(frozen=True)
class Thing:
    label: str
    box: tuple[float, float, float, float] = (0.0, 0.0, 10.0, 10.0)


def at(x: float, label: str = 'cup') -> Thing:
    return Thing(label, (x, 0.0, x + 10.0, 10.0))


@pytest.mark.parametrize(('labels', 'words'),
                         [('', 'nothing I know'),
                          ('person', 'one person'),
                          ('cup person cup', 'one person and two cups'),
                          ('dog cup cup person person', 'two people, two cups and one dog'),
                          ('sheep sheep', 'two sheep'),
                          ('bus bus bench bench', 'two benches and two buses'),
                          ('cup ' * 13, '13 cups')])
def test_a_scene_is_told_like_a_person_would(labels: str, words: str) -> None:
    assert summary([Thing(label) for label in labels.split()]) == words


@pytest.mark.parametrize(('one', 'many'),
                         [('knife', 'knives'),
                          ('mouse', 'mice'),
                          ('toothbrush', 'toothbrushes'),
                          ('sandwich', 'sandwiches'),
                          ('wine glass', 'wine glasses'),
                          ('tv', 'tvs')])
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def test_nothing_changed_is_no_news_and_a_new_scene_is_all_news() -> None:
    scene = [at(0), at(50), at(0, 'person')]
    assert novelty(scene, list(reversed(scene))) == 0.0
    assert novelty([], []) == 0.0
    assert novelty([], scene) == novelty(scene, []) == 1.0
    assert novelty([at(0)], [at(0, 'person')]) == 1.0


def test_a_small_move_is_no_news_a_large_one_is() -> None:
    assert novelty([at(0)], [at(3)]) == 0.0
    assert novelty([at(0)], [at(9)]) == 1.0


def test_one_more_of_three_is_a_little_news() -> None:
    before = [at(0), at(50), at(100)]
    assert novelty(before, [*before, at(0, 'person')]) == pytest.approx(1 / 7)


def test_one_box_cannot_stand_for_two() -> None:
    assert novelty([at(0)], [at(0), at(1)]) == pytest.approx(1 / 3)


things = st.builds(
    lambda label, x, y, w, h: Thing(label, (x, y, x + w, y + h)),
    st.sampled_from(['cup', 'dog']),
    *[st.floats(0, 100)] *2, *[st.floats(1, 100)] *2)


@given(st.lists(things, max_size=6), st.lists(things, max_size=6))
def test_novelty_is_a_share_and_looks_both_ways_alike(a: list[Thing], b: list[Thing]) -> None:
    assert 0.0 <= novelty(a, b) <= 1.0
    assert novelty(a, b) == pytest.approx(novelty(b, a))
    assert novelty(a, a) == pytest.approx(0.0)


@given(things, things)
def test_overlap_is_symmetric_and_one_only_for_the_same_box(a: Thing, b: Thing) -> None:
    assert overlap(a.box, b.box) == pytest.approx(overlap(b.box, a.box))
    assert 0.0 <= overlap(a.box, b.box) <= 1.0 + 1e-9
    assert overlap(a.box, a.box) == pytest.approx(1.0)
