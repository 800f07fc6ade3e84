"""Words that sound alike are near to each other whatever their letters, and others are far."""

from __future__ import annotations

import pytest

from omni_agent.core.sounds_like import apart, sounds


def far(heard: str, said: str) -> float:
    return apart(sounds(heard.split()), sounds(said.split()))


@pytest.mark.parametrize('heard, said', [
    ('Roe Vart,', 'robot'), ('Bro, dot', 'robot'), ("Rue d'art", 'robot'), ('Sharpest', 'jarvis'),
    ('jar of whis', 'jarvis'), ('Rob in', 'robin'), ('Stark talking', 'stop talking'),
    ('Short-up', 'shut up')])
def test_what_a_recogniser_makes_of_a_name_is_nearer_to_it_than_other_words(heard: str, said: str):
    assert far(heard, said) < 0.5
    others = ('going home', 'message', 'yes', 'the window', 'number seven')
    assert far(heard, said) < min(far(other, said) for other in others)


def test_letters_that_sound_alike_are_the_same_sound():
    for one, other in (('write', 'rite'), ('knight', 'night'), ('phone', 'fone'),
                       ('Kwik', 'quick'), ('Björn', 'bjorn'), ('rabbit', 'rabit')):
        assert sounds([one]) == sounds([other]), (one, other)


def test_nothing_is_as_far_as_it_can_be_and_itself_is_no_way_off():
    assert far('', 'robot') == 1.0
    assert far('robot', 'robot') == 0.0
    assert apart(sounds(['robot']), '') == 1.0
    assert sounds(['\u4f60', '42', '!']) == ''
