"""What becomes a summary, which lines it keeps, and what goes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core import consolidation
from omni_agent.core.consolidation import Budget, Grouping, Kept
from omni_agent.core.errors import ConfigError
from omni_agent.core.past import Kind, Moment

NOW = 100_000.0
RULES = Grouping()


def kept(number: int, start: float, length: float = 30.0, place: str = 'kitchen',
         people: tuple[str, ...] = ('Anna', ), salience: float = 0.5, level: int = 0,
         summary: int | None = None) -> Kept:
    return Kept(number, start, start + length, place, frozenset(people), salience, 5, 1000, level,
                summary)


def ids(groups: list[list[Kept]]) -> list[list[int]]:
    return [[one.id for one in group] for group in groups]


def test_neighbours_of_the_same_people_become_one_group_and_others_another():
    episodes = [
        kept(1, 0),
        kept(2, 40),
        kept(3, 80, people=('Ben', )),
        kept(4, 120, people=('Ben', 'Clara'))
    ]
    assert ids(consolidation.groups(episodes, NOW)) == [[1, 2], [3, 4]]


def test_a_silence_or_another_place_with_other_people_ends_a_group():
    episodes = [
        kept(1, 0),
        kept(2, 400),
        kept(3, 440, place='hall'),
        kept(4, 480, place='study', people=('Ben', ))
    ]
    assert ids(consolidation.groups(episodes, NOW)) == [[1], [2, 3], [4]]


def test_an_empty_room_belongs_to_what_was_before():
    assert ids(consolidation.groups([kept(1, 0), kept(2, 40, people=())], NOW)) == [[1, 2]]


def test_what_is_young_or_may_still_grow_is_left_alone():
    assert consolidation.groups([kept(1, NOW - 100)], NOW) == []
    assert consolidation.groups([kept(1, NOW - 950, 30), kept(2, NOW - 910, 30)], NOW) == []
    assert (ids(
        consolidation.groups([kept(1, NOW - 3000, 30, people=('Ben', )),
                              kept(2, NOW - 940, 30)], NOW)) == [[1]])


@given(st.lists(st.tuples(st.floats(0.1, 500), st.floats(1, 300), st.sampled_from('abc'),
                          st.sets(st.sampled_from('xyz'))), max_size=40))
def test_every_old_episode_is_in_at_most_one_group_and_groups_are_bounded(life: list[tuple]):
    episodes, t = [], 0.0
    for number, (gap, length, place, people) in enumerate(life):
        t += gap
        episodes.append(kept(number, t, length, place, tuple(people)))
        t += length
    now = t + 600.0
    groups = consolidation.groups(episodes, now)
    flat = [one for group in groups for one in group]
    assert flat == episodes[:len(flat)]
    for group in groups:
        assert (1 <= len(group) <= RULES.most
                and all(one.end <= now - RULES.after_s for one in group))
        assert len(group) == 1 or group[-1].end - group[0].start <= RULES.longest_s


def test_the_lines_that_say_most_are_kept_and_none_twice():
    lines = [
        Moment(t, Kind.SAID, text)
        for t, text in enumerate(('yes please', 'the passport is in the drawer', 'yes please',
                                  'the passport is in the drawer', 'good morning'))
    ]
    rarity = {'passport': 6.0, 'drawer': 5.0, 'good': 0.5, 'morn': 0.5, 'ye': 0.1}
    assert (1 in consolidation.chosen(lines, rarity, 1)
            or 3 in consolidation.chosen(lines, rarity, 1))
    assert len({1, 3} & set(consolidation.chosen(lines, rarity, 2))) == 1


@given(st.lists(st.tuples(st.sampled_from(Kind), st.text(max_size=30)), max_size=30),
       st.integers(0, 12))
def test_chosen_lines_are_in_order_and_as_many_as_allowed(lines: list[tuple[Kind, str]],
                                                          most: int):
    moments = [Moment(float(t), kind, text) for t, (kind, text) in enumerate(lines)]
    picked = consolidation.chosen(moments, {}, most)
    assert picked == sorted(set(picked)) and len(picked) == min(most, len(lines))


def test_what_lives_on_goes_first_then_what_stands_out_least_then_the_oldest_and_summaries_last():
    episodes = [
        kept(1, 0, level=1),
        kept(2, 0),
        kept(3, 10, summary=9),
        kept(4, 0, salience=0.9, summary=9),
        kept(5, 5000, summary=9),
        kept(6, 0, salience=0.1)
    ]
    assert [one.id for one in consolidation.going(episodes, NOW)] == [3, 5, 4, 6, 2, 1]


def test_what_stood_out_is_worth_as_much_as_something_younger():
    old, new = kept(1, 0, salience=1.0, summary=9), kept(2, consolidation.HALF_LIFE_S * 0.9,
                                                         salience=0.5, summary=9)
    assert [one.id for one in consolidation.going([old, new], NOW)] == [2, 1]


def test_when_room_is_needed_the_oldest_group_is_taken_however_young():
    assert ([one.id
             for one in consolidation.oldest([kept(2, 40), kept(1, 0),
                                              kept(3, 900)])] == [1, 2])


def test_a_summary_spans_its_group():
    whole = consolidation.merged(
        [kept(1, 0, salience=0.2),
         kept(2, 40, people=('Ben', ), place='hall', salience=0.7)])
    assert ((whole.start, whole.end, whole.people, whole.salience,
             whole.level) == (0, 70, {'Anna', 'Ben'}, 0.7, 1))


def test_a_budget_that_cannot_hold_anything_is_refused():
    with pytest.raises(ConfigError, match='at least 50 items'):
        Budget(10, 1 << 30).check()
