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
    assert set(again) <= set(CUES) | {'pitch', 'voiced', 'rise'}


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
