"""Stop phrases, nods, noises and unfinished sentences, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.words import (NODS, NOISES, STOPS, TRAILING, is_nod, is_noise, is_stop,
                                   is_trailing, news, words)


@pytest.mark.parametrize('text, found', [
    ('Hello, World!', ['hello', 'world']), ("That's it.", ["that's", 'it']),
    ('That’s it', ["that's", 'it']), ('mm-hm', ['mm-hm']), ('so - well', ['so', 'well']),
    ('stop--', ['stop']), ("'stop'", ['stop']), ('3 men', ['3', 'men']),
    ('ça va', ['ça', 'va']), ('', []), ('...', [])])
def test_words_are_lower_case_and_without_punctuation(text: str, found: list[str]):
    assert words(text) == found


@pytest.mark.parametrize('text', [
    'stop', 'Stop!', 'STOP.', 'Stop it.', 'Please stop.', 'okay, stop', 'stop stop stop',
    'robot, stop', 'hey robot stop', 'Stop talking.', 'please be quiet now', 'Shut up!',
    "That's enough.", 'That’s enough', 'no, stop', 'Enough.', 'cancel', 'stop please', 'mm stop',
    'Stop-', 'just stop', 'Wait!', 'okay, wait', 'no wait wait wait', 'wait, stop it',
    'Hold on, please.'])
def test_these_ask_for_silence(text: str):
    assert is_stop(text)


@pytest.mark.parametrize('text', [
    'the bus stop', "don't stop", 'stop at the red light', 'where is the bus stop', 'okay', '',
    'never stop learning', 'please', 'robot', 'I had enough of it', 'it was quiet', 'non-stop',
    'the next stop', 'a quiet place', 'unstoppable', 'stop the music and go',
    'wait for me', 'we had to wait', 'I was on hold'])
def test_these_do_not_ask_for_silence(text: str):
    assert not is_stop(text)


def test_a_stop_may_call_the_robot_by_its_name():
    assert is_stop('Rosie, stop!', frozenset({'rosie'}))
    assert is_stop('stop it, Rosie', frozenset({'rosie'}))
    assert not is_stop('Rosie, stop!')
    assert not is_stop('Rosie!', frozenset({'rosie'}))


@given(st.sampled_from(sorted(STOPS)), st.sampled_from(['', 'please', 'okay', 'hey robot', 'mm']),
       st.sampled_from(['', '.', '!', '...', ' -']))
def test_every_stop_phrase_works_politely_and_with_any_punctuation(phrase, before, after):
    assert is_stop(f'{before} {phrase.capitalize()}{after}')


@pytest.mark.parametrize('text',
                         ['mm-hm', 'Yeah.', 'okay okay', 'oh wow', 'I see', 'Got it.',
                          'uh-huh, right', 'you',
                                  'Bye.', '', '...', 'of course', 'thank you'])
def test_these_are_nods_or_noise(text: str):
    assert is_nod(text)


@pytest.mark.parametrize('text',
                         ['yeah but why', 'okay tell me more', 'I see a bear', 'the time',
                          'hello robot',
                                  'yeah yeah yeah yeah yeah', 'no', 'bye bye robot'])
def test_these_are_not_nods(text: str):
    assert not is_nod(text)


@pytest.mark.parametrize('text', ['', 'Hm.', 'you', 'Cough'])
def test_noise_is_what_a_cough_is_written_as(text: str):
    assert is_noise(text)
    assert is_nod(text)


@pytest.mark.parametrize('text', ['yes', 'okay', 'yeah', 'no', 'I see'])
def test_an_answer_is_no_noise(text: str):
    assert not is_noise(text)


@pytest.mark.parametrize('text',
                         ['tell me about the', 'I was, um', 'go to', 'and', 'well,', 'because...',
                          'so -',
                                  'and then…', '', 'what is your'])
def test_these_are_not_over(text: str):
    assert is_trailing(text)


@pytest.mark.parametrize('text',
                         ['Tell me about it.', 'What time?', 'stop', 'go', 'Well, yes', 'e-mail'])
def test_these_may_be_over(text: str):
    assert not is_trailing(text)


@pytest.mark.parametrize('text, count',
                         [('', 0), ('mm-hm yeah', 0), ('yeah tell me', 2), ('Wait!', 1),
                                         ('okay what is it', 3)])
def test_nods_are_no_news(text: str, count: int):
    assert news(text) == count


def test_no_phrase_is_both_a_stop_and_a_nod():
    assert not any(is_nod(phrase) for phrase in STOPS)
    assert not any(is_stop(phrase) for phrase in NODS | NOISES | TRAILING | {''})


@given(st.text(max_size=30))
def test_any_text_at_all_has_an_answer(text: str):
    for judge in (is_stop, is_nod, is_noise, is_trailing):
        assert judge(text) in (True, False)
    assert 0 <= news(text) <= len(words(text))
    assert not (is_stop(text) and is_nod(text))
