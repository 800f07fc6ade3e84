"""What the camera shows, in words and as a change."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.scene import LOOKS, Steady, novelty, overlap, plural, summary


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


# -- a detector that wavers -----------------------------------------------------------------------


def told(*looks: str) -> list[str]:
    """What is said after each look; a look is the labels that were seen."""
    steady = Steady()
    return [summary(steady.look([Thing(label) for label in look.split()])) for look in looks]


def test_the_first_look_is_believed() -> None:
    assert told('cup') == ['one cup']


def test_what_is_seen_at_every_other_look_is_not_told() -> None:
    assert told('person', *['person tie', 'person'] * 3) == ['one person'] * 7


def test_what_is_seen_at_three_of_four_looks_is_told() -> None:
    assert told('', '', 'cup', '', 'cup', 'cup')[-2:] == ['nothing I know', 'one cup']
    assert told('', 'cup', 'cup', 'cup')[-1] == 'one cup'


def test_what_is_missed_thrice_stays_and_what_is_missed_four_times_is_gone() -> None:
    assert told('cup', '', '', '', '') == [*['one cup'] * 4, 'nothing I know']


def test_a_thing_at_every_fourth_look_that_was_there_stays() -> None:
    assert set(told(*['cup', '', '', ''] * 4)) == {'one cup'}


def test_a_number_wavers_no_more_than_a_thing() -> None:
    assert told('person', 'person person', 'person', 'person') == ['one person'] * 4
    assert told('person person', *['person'] * 4)[3:] == ['two people', 'one person']


def test_what_is_missed_stays_where_it_was_and_is_no_news() -> None:
    steady = Steady()
    before = steady.look([at(0), at(50)])
    assert novelty(before, steady.look([at(51)])) == 0.0


def test_a_doubtful_second_box_does_not_take_the_place_of_the_known_one() -> None:
    steady = Steady()
    steady.look([at(0)])
    assert steady.look([at(50), at(1)]) == [at(1)]


@given(st.lists(st.lists(st.sampled_from(['cup', 'dog']), max_size=3), min_size=1, max_size=12))
def test_only_what_was_seen_of_late_is_held_and_what_every_late_look_shows_always_is(
    looks: list[list[str]],
) -> None:
    steady = Steady()
    for number, look in enumerate(looks, 1):
        held = [thing.label for thing in steady.look([Thing(label) for label in look])]
        late = looks[max(0, number - LOOKS):number]
        for label in ('cup', 'dog'):
            counts = [one.count(label) for one in late]
            assert min(counts) <= held.count(label) <= max(counts)
