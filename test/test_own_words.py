"""The robot knows its own sentence again, and does not take a person's for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.own_words import CLEAR, OWN, OwnWords, distance, is_own

SAID = 'The old library was cleaned on the second floor, because nobody has asked for it.'


def told(text: str = SAID, epoch: int = 7) -> OwnWords:
    """Word by word, three a second, as the speaker tells of them."""
    own, words = OwnWords(), text.split()
    for count in range(1, len(words) + 1):
        own.played(100.0 + count / 3, epoch, ' '.join(words[:count]))
    return own


@pytest.mark.parametrize('heard', [
    'the old library was cleaned', 'library was cleaned on the', 'Second floor because.',
    'the old liberty was cleaned', 'nobody has asked'
])
def test_its_own_words_are_known_even_misheard(heard: str):
    assert told().likelihood(heard, since=100.5) >= OWN


@pytest.mark.parametrize('heard', [
    'wait a moment please', 'what is the weather like tomorrow', 'stop',
    'I wanted to hear about something else'
])
def test_what_a_person_says_is_not_its_own(heard: str):
    assert told().likelihood(heard, since=102.0) < OWN


def test_words_in_another_order_are_not_its_own():
    assert told().likelihood('asked floor cleaned library', since=100.5) < 0.5


def test_what_was_said_long_before_is_not_heard_now():
    assert told().likelihood('the old library was cleaned', since=110.0) == 0.0


def test_nothing_said_and_nothing_heard_are_not_its_own():
    assert OwnWords().likelihood('hello', since=0.0) == 0.0
    assert told().likelihood('', since=100.0) == 0.0


def test_the_next_reply_begins_with_its_own_first_word():
    own = told()
    own.played(106.0, 8, 'Elephants')
    own.played(106.4, 8, 'Elephants travel')
    assert own.likelihood('elephants travel', since=106.0) == 1.0


def test_a_message_told_twice_counts_once():
    own = OwnWords()
    for _ in range(3):
        own.played(5.0, 1, 'one two')
    assert own.likelihood('one two one two', since=5.0) == 0.5


def test_a_clear_voice_is_a_person_even_with_the_robots_words():
    assert is_own(OWN, CLEAR) and not is_own(1.0, CLEAR / 2)


def test_as_long_as_nothing_proves_a_person_the_words_do_not_matter():
    assert is_own(0.0, OWN) and not is_own(0.0, OWN - 0.1)


def test_half_a_proof_and_half_of_its_words_are_enough():
    assert is_own(OWN / 2, OWN / 2) and not is_own(OWN / 3, OWN / 2)


def test_a_stop_phrase_needs_no_proof_unless_the_robot_itself_said_it():
    assert not is_own(0.0, 1.0, is_stop=True) and is_own(1.0, 1.0, is_stop=True)
    assert not is_own(1.0, OWN - 0.1, is_stop=True)


@given(st.text('ab', max_size=6), st.text('ab', max_size=6), st.text('ab', max_size=6))
def test_distance_is_a_metric(a: str, b: str, c: str):
    assert distance(a, b) == distance(b, a) and (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_distance_counts_words_too():
    assert distance('the red cup'.split(), 'a red big cup'.split()) == 2
