"""Modes, the window after a contact, and what corrections teach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.addressee import Score, Verdict
from omni_agent.core.attention import Attention, AttentionParams, Mode, is_repeated
from omni_agent.core.errors import ConfigError

SURE = Score(0.95, (('a question', 3.0),), True, 3.0, Verdict.ADDRESSED)


def attention(mode: str = 'open', **params: float) -> Attention:
    return Attention.begin(AttentionParams(mode=mode, **params))


def test_open_listens_to_everything_and_changes_no_score():
    assert attention().admit(SURE, 'What time is it?', 5.0) is SURE


def test_name_only_answers_to_its_name_and_says_why_to_nothing_else():
    one = attention('name_only')
    assert one.admit(SURE, 'Robot, what time is it?', 5.0) is SURE
    refused = one.admit(SURE, 'What time is it?', 5.0)
    assert refused.probability < 0.01 and refused.verdict is Verdict.NOT_ADDRESSED
    assert 'listens name only' in refused.because()


def test_to_be_spoken_of_is_not_to_be_called():
    assert not attention('name_only').listens('I like the robot.', 0.0)


def test_attentive_needs_a_look_and_the_window_after_it_closes():
    one = attention('attentive', window_s=10.0)
    assert not one.listens('What time is it?', 5.0)
    one.looked_at(0.3, 6.0)
    assert not one.listens('What time is it?', 6.5)
    one.looked_at(0.9, 7.0)
    assert one.listens('What time is it?', 17.0)
    assert not one.listens('What time is it?', 17.1)


def test_its_own_answer_keeps_the_window_open_for_what_follows():
    one = attention('attentive', window_s=10.0)
    one.heard('Robot, what time is it?', 5.0, answered=True)
    assert one.listens('And in Tokyo?', 14.0)


def test_push_to_talk_is_deaf_even_to_its_name_until_the_button_is_held():
    one = attention('push_to_talk')
    assert not one.listens('Robot, stop.', 0.0)
    one.button(True)
    assert one.listens('what time is it', 1.0)
    one.button(False)
    assert not one.listens('what time is it', 2.0)


@pytest.mark.parametrize('text, mode', [('Robot, only listen to your name.', Mode.NAME_ONLY),
                                        ('Okay robot, listen to everything, please.', Mode.OPEN),
                                        ('Listen when I look at you.', Mode.ATTENTIVE),
                                        ('Stop listening.', Mode.PUSH_TO_TALK)])
def test_a_mode_is_switched_by_voice(text: str, mode: Mode):
    assert attention().wanted(text) is mode


@pytest.mark.parametrize('text', [
    'They told me to listen to everything he said.', 'Stop listening to that music.', 'Stop.', ''
])
def test_a_sentence_that_holds_more_switches_nothing(text: str):
    assert attention().wanted(text) is None


def test_to_be_told_off_moves_the_threshold_up_and_for_that_person_most():
    one = attention(step=0.5)
    one.heard('Did you feed the cat?', 10.0, answered=True, person='Anna')
    assert ('was not for it' in one.heard("I wasn't talking to you.", 14.0, answered=False,
                                          person='Anna'))
    assert one.shift('Anna') == -0.5 and one.shift('Ben') == -0.25 and one.shift() == -0.25
    assert one.learnt()['Anna'].corrections == 1


def test_a_question_that_has_to_be_repeated_moves_it_down():
    one = attention()
    assert one.heard('How tall is that tower', 10.0, answered=False) == ''
    assert 'said twice' in one.heard('How tall is that tower?', 16.0, answered=False)
    assert one.shift() == 0.5


def test_what_came_much_later_is_no_correction():
    one = attention(repeat_s=10.0)
    one.heard('Did you feed the cat?', 10.0, answered=True)
    assert one.heard("I wasn't talking to you.", 20.1, answered=True) == ''
    assert one.learnt() == {}


def test_one_call_forgets_everything():
    one = attention()
    one.heard('How tall is that tower', 10.0, answered=False)
    one.heard('How tall is that tower', 12.0, answered=False)
    one.forget()
    assert one.shift() == 0.0 and one.learnt() == {}


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(('', 'Anna', 'Ben'))), max_size=60))
def test_however_often_it_is_corrected_it_learns_no_more_than_the_bound(
        corrections: list[tuple[bool, str]]):
    one = attention(step=2.0, bound=1.5)
    for index, (told_off, person) in enumerate(corrections):
        t = 100.0 * index
        one.heard('one two three four', t, answered=told_off, person=person)
        one.heard('not you' if told_off else 'one two three four', t + 1, answered=False,
                  person=person)
    assert all(abs(learnt.shift) <= 1.5 for learnt in one.learnt().values())
    assert all(abs(one.shift(person)) <= 1.5 for person in ('', 'Anna', 'Ben'))


def test_an_unknown_mode_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match='open, attentive, name_only, push_to_talk'):
        attention('asleep')


def test_few_words_are_no_repetition():
    assert not is_repeated('yes please', 'yes please')
    assert is_repeated('how tall is it', 'How tall is it?')
