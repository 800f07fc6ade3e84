"""Where one stretch of experience ends and the next begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.episodes import Episode, Episodes, EpisodesParams, Glimpse

KITCHEN = {'oven': 1, 'cup': 2, 'person': 1}
STREET = {'car': 3, 'bus': 1}


def film(*scenes: tuple[float, dict], hz: float = 5.0, **params: float) -> list[Episode]:
    """Each scene is (seconds, what a Glimpse is made of)."""
    episodes, found, step = Episodes(EpisodesParams(**params)), [], 0
    for seconds, parts in scenes:
        for _ in range(int(seconds * hz)):
            one = episodes.step(Glimpse(t=step / hz, **parts))
            found += [one] if one is not None else []
            step += 1
    return found + [episodes.close(step / hz)]


def test_a_scene_that_stays_is_one_episode_however_long_it_is() -> None:
    episode, = film((250, {'labels': KITCHEN}))
    assert (episode.start, episode.end) == (0.0, 250.0)
    assert dict(episode.seen) == {'cup': 2.0, 'oven': 1.0, 'person': 1.0}


def test_another_scene_is_another_episode_that_begins_where_the_change_was() -> None:
    one, other = film((20, {'labels': KITCHEN}), (20, {'labels': STREET}))
    assert 20.0 <= one.end < 22.0 and other.start == one.end
    assert (one.why == 'other things' and 'bus' not in dict(one.seen)
            and 'oven' not in dict(other.seen))


def test_a_glance_away_is_no_new_episode() -> None:
    assert (len(
        film((20, {
            'labels': KITCHEN
        }), (1.0, {
            'labels': STREET
        }), (20, {
            'labels': KITCHEN
        }))) == 1)


def test_a_thing_that_flickers_is_no_new_episode() -> None:
    scenes = [(0.4, {'labels': {**KITCHEN, 'vase': step % 2}}) for step in range(100)]
    assert len(film(*scenes)) == 1


def test_episodes_are_as_long_as_what_happens() -> None:
    lengths = [7.0, 31.0, 12.0]
    found = film(*[(length, {
        'labels': labels
    }) for length, labels in zip(lengths, (KITCHEN, STREET, {
        'dog': 2
    }))])
    assert [episode.end - episode.start for episode in found] == pytest.approx(lengths, abs=2.0)


def test_other_people_another_speaker_and_another_place_end_an_episode() -> None:
    ann, ben = frozenset({'ann'}), frozenset({'ben'})
    for before, after, why in (({'people': ann}, {'people': ben}, 'other people'),
                               ({'speaker': 'ann'}, {'speaker': 'ben'}, 'another speaker'),
                               ({'place': 'hall'}, {'place': 'attic'}, 'another place')):
        one, other = film((12, {'labels': KITCHEN, **before}), (12, {'labels': KITCHEN, **after}))
        assert one.why == why and one.end == pytest.approx(12.0, abs=0.5)
    assert film((12, {'labels': {}, 'people': ann, 'speaker': 'ben'}))[0].who == ('ann', 'ben')


def test_another_picture_ends_an_episode_though_nothing_in_it_has_a_name() -> None:
    one = {'labels': {}, 'embedding': np.eye(4)[0]}
    other = {'labels': {}, 'embedding': np.array([0.5, 0.87, 0, 0])}
    assert ([episode.why
             for episode in film((15, one), (15, other))] == ['another picture', 'the end'])
    near = {'labels': {}, 'embedding': np.array([0.95, 0.31, 0, 0])}
    assert len(film((15, one), (15, near))) == 1


def test_no_episode_is_shorter_or_longer_than_allowed() -> None:
    quick = [(1.8, {'labels': labels}) for labels in (KITCHEN, STREET) * 10]
    assert all(episode.end - episode.start >= 4.0 for episode in film(*quick)[:-1])
    assert film((1.0, {'labels': KITCHEN}), (20, {'labels': STREET}))[0].end > 4.0
    long = film((50, {'labels': KITCHEN}), longest_s=20.0)
    assert ([episode.end - episode.start for episode in long] == pytest.approx([20.0, 20.0, 10.0],
                                                                               abs=0.3))


def test_the_keyframe_lies_within_its_episode() -> None:
    for episode in film((20, {'labels': KITCHEN}), (20, {'labels': STREET})):
        assert episode.start <= episode.keyframe_s <= episode.end


labels = st.dictionaries(st.sampled_from(['cup', 'dog', 'person']), st.integers(0, 3))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 3.0), labels), min_size=1, max_size=60))
def test_episodes_follow_each_other_without_a_gap(glimpses: list[tuple[float, dict]]) -> None:
    episodes, t, found = Episodes(EpisodesParams(longest_s=30.0)), 0.0, []
    for step, (dt, seen) in enumerate(glimpses):
        t += dt if step else 0.0
        one = episodes.step(Glimpse(t, seen))
        found += [one] if one is not None else []
    found.append(episodes.close(t))
    assert found[0].start == 0.0 and found[-1].end == t
    assert all(one.end == other.start for one, other in zip(found, found[1:]))
    assert all(0.0 <= episode.salience <= 1.0 for episode in found)
