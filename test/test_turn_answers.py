"""'Okay' is an answer straight after a yes/no question of the robot, and a nod otherwise; complete
questions do not wait.
"""

from __future__ import annotations

import pytest

from omni_agent.backends import languages
from omni_agent.core.events import SpeechStarted, Transcript
from test_turn_stories import Talk, after_reply, asked


@pytest.mark.parametrize('question', [
    'Shall I go on?', 'Do you want to hear more?', 'How are you?',
    'It is a long story. Is that okay?', 'How about a song?'
])
def test_okay_answers_a_question_that_it_can_answer(question: str) -> None:
    talk = after_reply(question)
    talk.says('Okay.')
    assert talk.answers(2.0) == ['Okay.']


@pytest.mark.parametrize('said', [
    'What is your name?', 'Where do you live?', 'It is a lot, right?', 'Who knows?', 'It is noon.',
    'It is cold, isn\'t it?'
])
def test_okay_after_anything_else_is_a_nod(said: str) -> None:
    talk = after_reply(said)
    talk.says('Okay.')
    assert talk.answers(2.0) == []


def test_okay_long_after_the_question_is_a_nod() -> None:
    talk = after_reply('Shall I go on?', pause_s=20.0)
    talk.says('Okay.')
    assert talk.answers(2.0) == []


def test_no_is_an_answer_to_any_question() -> None:
    talk = after_reply('Shall I go on?')
    talk.says('No.')
    assert talk.answers(2.0) == ['No.']


def test_a_complete_question_that_ends_in_a_preposition_does_not_wait() -> None:
    talk = Talk()
    talk.says('Robot, where are you from?')
    assert talk.answers(0.1) == ['Robot, where are you from?']


def test_a_sentence_that_ends_in_and_waits() -> None:
    talk = Talk()
    talk.says('Robot, tell me about cats and')
    assert talk.answers(0.3) == []
    assert talk.answers(2.0) == ['Robot, tell me about cats and']


@pytest.mark.parametrize('said', ['Arrête !', 'Tais-toi.', '¡Para!', 'Hör auf!', '停下。', 'stop'])
def test_a_stop_in_any_spoken_language_is_obeyed_from_its_first_partial_words(said: str) -> None:
    lexicon = languages.lexicon('en,de,es,fr,zh')
    talk = asked()
    talk.machine.lexicon = lexicon
    epoch = talk.machine.epoch
    talk.step(SpeechStarted(talk.now, 9))
    talk.step(Transcript(talk.now, 9, said, False, 0.2))
    assert talk.machine.epoch == epoch + 1
