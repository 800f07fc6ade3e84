"""What perception tells of a voice besides its words: in its percepts, and in the pieces that make
them.
"""

from __future__ import annotations

import pytest
from ros_bench import Bench
from test_nodes_perception import World

from omni_agent_msgs.msg import Percept

from omni_agent.core.cues import CUES
from omni_agent.core.heard_cues import HeardCues


@pytest.fixture(scope='module')
def world(bench: Bench) -> World:
    return World(bench)


def test_words_come_with_what_their_sound_tells(world: World) -> None:
    final = world.utterance(1.2)
    cues = dict(zip(final.cue_names, final.cue_values))
    assert len(cues) == len(final.cue_names) == len(final.cue_values)
    assert {'tilt_db', 'range_db', 'length_s', 'silence_s', 'talk_share'} <= set(cues)
    assert 0.0 <= cues['talk_share'] <= 1.0
    world.pause(0.8)
    soon = dict(zip(world.utterance(1.2).cue_names, world.percepts[-1].cue_values))
    assert soon
    final = world.of(Percept.FINAL)[-1]
    again = dict(zip(final.cue_names, final.cue_values))
    assert again['silence_s'] < 5.0 and again['talk_share'] > 0.0 and 'raised_db' in again
    assert set(again) <= set(CUES) | {'pitch', 'voiced', 'rise', 'voice'}


def test_nothing_is_known_of_an_utterance_that_was_not_measured():
    cues = HeardCues()
    cues.measured(1, 10.0, (('tilt_db', -10.0),), (1.0,))
    assert cues.of(2, -30.0) == ()
    assert dict(cues.of(1, -30.0))['tilt_db'] == -10.0


def test_the_voice_that_was_answered_is_known_again():
    cues = HeardCues()
    cues.measured(1, 10.0, (), (1.0, 2.0))
    cues.said(1, 10.0, 12.0, -30.0)
    cues.answered(12.5)
    cues.measured(2, 20.0, (), (1.0, 2.5))
    assert dict(cues.of(2, -30.0))['same_voice'] == pytest.approx(-0.5)


ANNA, BEN, BETWEEN = (1.0, 0.0, 0.2), (0.0, 1.0, 0.2), (1.0, 0.6, 0.2)


def speaks(cues: HeardCues, utterance: int, own_print: tuple[float, ...]) -> dict[str, float]:
    """Ten seconds after the one before."""
    t = 10.0 * utterance
    cues.measured(utterance, t, (), own_print)
    told = dict(cues.of(utterance, -30.0))
    cues.said(utterance, t, t + 2.0, -30.0)
    return told


def test_each_voice_has_a_number_by_which_it_is_known_again():
    cues = HeardCues()
    assert [speaks(cues, at, own).get('voice') for at, own in enumerate((ANNA, BEN, ANNA, BEN), 1)
            ] == [1.0, 2.0, 1.0, 2.0]


def test_a_voice_that_may_be_one_or_another_has_no_number_and_teaches_nothing():
    cues = HeardCues()
    assert speaks(cues, 1, ANNA)['voice'] == 1.0
    assert 'voice' not in speaks(cues, 2, BETWEEN)
    assert 'voice' not in speaks(cues, 3, ())
    assert speaks(cues, 4, BEN)['voice'] == 2.0 and speaks(cues, 5, ANNA)['voice'] == 1.0


def test_a_pause_in_an_utterance_makes_no_second_voice_of_it():
    cues = HeardCues()
    for end in (12.0, 14.0):
        cues.measured(1, 10.0, (), ANNA)
        cues.said(1, 10.0, end, -30.0)
    assert speaks(cues, 2, BEN)['voice'] == 2.0
