"""Whom was that said to? Cheap evidence, the situation, and the language model's share in it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.address_words import called, signs
from omni_agent.core.addressee import Addressee, AddresseeParams, Score, Situation

PARAMS = AddresseeParams(sure=2.0)
ALONE = Situation()


def score(text: str, situation: Situation = ALONE, margin: float | None = None,
          **params: object) -> Score:
    return Addressee(AddresseeParams(**{'sure': 2.0, **params})).score(text, situation, margin)


def evidence(text: str, situation: Situation = ALONE) -> dict[str, float]:
    return dict(score(text, situation).evidence)


@pytest.mark.parametrize('text', [
    'What time is it?', 'Robot, what time is it?', 'Tell me a story.', 'Please play some music.',
    'Hey robot, how are you?', 'Can you help me?', 'Wait, what is the weather like?',
    'So, how does it work?', 'Could you tell me the way, please?', 'Robot.', 'Thanks, robot.'])
def test_these_are_for_the_robot(text: str):
    assert score(text).probability >= PARAMS.threshold


@pytest.mark.parametrize('text', [
    'Anna, did you lock the door?', 'I told him yesterday that they went.', 'Yeah, we should go.',
    'Right, exactly.', 'She said it was fine.', 'Did you lock the door, Carla?', '', 'Sure.',
    'Nice weather.', 'Well, maybe tomorrow.'])
def test_these_are_not_for_the_robot(text: str):
    assert score(text).probability < PARAMS.threshold


@pytest.mark.parametrize('text', ['What time is it, robot?', 'Robot, what time is it?',
                                  'Wait, what is that?', 'okay, robot', 'blue, green'])
def test_a_comma_alone_does_not_call_somebody(text: str):
    assert not any(name.startswith('calls') for name in evidence(text))


def test_somebody_who_is_called_is_named_in_the_evidence():
    assert 'calls Anna' in evidence('Anna, what time is it?')
    assert 'calls Carla' in evidence('What time is it, Carla?')
    assert 'calls anna' not in evidence('anna, what time is it?')      # only capitals make names


def test_its_name_outweighs_everything_that_was_going_on():
    busy = Situation(side_talk_s=0.5)
    assert score('Robot, we should go.', busy).probability >= PARAMS.threshold


def test_the_name_is_a_parameter_of_one_or_more_words():
    for name, text in [('Rosie', 'Rosie, come.'), ('rosie, max', 'Max, come.'),
                       ('Omni Bot', 'Hey omni bot, come.')]:
        found = score(text, name=name)
        assert 'its name' in dict(found.evidence)
        assert not any('calls' in item for item, _ in found.evidence)
    assert 'its name' not in dict(score('The bot is an omni.', name='Omni Bot').evidence)
    assert 'its name' not in dict(score('Robot, come.', name='Rosie').evidence)


def test_a_name_in_front_hides_neither_question_nor_request():
    assert 'a question' in dict(score('Rosie, what is it?', name='Rosie').evidence)
    assert 'a request' in dict(score('Hey Rosie, please tell me.', name='Rosie').evidence)


def test_a_request_may_have_the_form_of_a_question():
    assert 'a request' in evidence('Can you go there')
    assert 'a request' in evidence('Robot, could you go there')
    for text in ('Can he go there', 'Are you there', 'Can'):
        assert 'a yes/no question' in evidence(text)


def test_a_story_is_about_somebody_or_has_two_words_of_the_past():
    story = 'a story about people'
    assert story in evidence('So I went home')
    assert story in evidence('Paul said it was late')
    assert story not in evidence('Was it late')
    assert story not in evidence('Tell me what he likes')


def test_a_yes_in_front_makes_it_a_reply():
    assert 'a reply to somebody' in evidence('Yes, what a day.')


def test_after_its_own_words_the_robot_expects_an_answer_for_a_while():
    limit = PARAMS.follow_up_s
    assert 'the robot just spoke' in evidence('blue', Situation(robot_spoke_s=limit))
    assert 'the robot just spoke' not in evidence('blue', Situation(robot_spoke_s=limit + 0.1))
    too_late = Situation(robot_spoke_s=limit + 0.1, robot_asked=True)
    assert 'the robot asked' not in evidence('blue', too_late)
    assert 'the robot asked' not in evidence('blue', Situation(robot_asked=True))


def test_an_answer_to_the_robots_question_is_for_the_robot():
    asked = Situation(robot_spoke_s=1.0, robot_asked=True)
    for text in ('yes', 'the blue one', 'no, thanks', 'I would like two'):
        assert score(text, asked).probability >= PARAMS.threshold
        assert score(text).probability < PARAMS.threshold


def test_a_question_is_no_story_whoever_asks():
    for text in ('Sorry, can I ask something else?', 'Why do they fall?', 'Where can I sit?'):
        assert not any('people' in name for name in evidence(text))
    assert evidence('Did she call?')['a question about people'] < 0


def test_what_silenced_the_robot_is_for_the_robot():
    for text in ('Excuse me, who told you that?', 'Wait, how tall is that?', 'No, the other one.',
                 'Actually, make it two.'):
        found = score(text, Situation(cut_in=True, robot_spoke_s=0.5))
        assert found.probability > 0.7
        assert 'cut the robot off' in dict(found.evidence)


def test_over_the_robots_voice_a_correction_counts_more_than_talk():
    speaking = Situation(robot_speaking=True, robot_spoke_s=3.0)
    assert 'a correction' in dict(score('No, I meant Spain.', speaking).evidence)
    assert 'takes the floor' in dict(score('Hold on a moment.', speaking).evidence)
    assert score('No, I meant Spain.', speaking).probability >= 0.5
    assert score('The weather was fine.', speaking).probability < 0.5
    assert 'a correction' not in evidence('No, I meant Spain.')


def test_whatever_takes_the_floor_hides_neither_question_nor_request():
    for text in ('Excuse me, what time is it?', 'Okay, hold on, sorry, how far is it?',
                 'Well, actually, tell me more.'):
        found = evidence(text)
        assert 'a question' in found or 'a request' in found


def test_a_filler_hides_no_correction():
    assert 'a correction' in evidence('Oh, no, the other one.', Situation(robot_speaking=True))


def test_a_yes_no_question_right_after_the_robots_answer_is_for_it():
    assert score('Is it going to rain tomorrow?', Situation(robot_spoke_s=2.0), sure=1.0).decisive


def test_a_question_about_what_somebody_did_is_left_to_the_language_model():
    just = Situation(robot_spoke_s=2.0)
    for text in ('Did you remember to call your sister Carla?', 'Were you at home?',
                 'Are you coming?'):
        assert not score(text, just, sure=1.0).decisive


def test_what_is_said_to_a_speaking_robot_is_rather_for_it():
    speaking = Situation(robot_speaking=True)
    assert score('more slowly', speaking).probability > score('more slowly').probability


def test_while_people_talk_the_next_sentence_is_rather_for_them_and_that_wears_off():
    scores = [score('Is it late?', Situation(side_talk_s=age)).probability
              for age in (0.0, 1.9, 3.9, 4.0)]
    assert scores[0] == scores[1] < scores[2] < scores[3] == score('Is it late?').probability


def test_clear_cases_do_not_ask_the_language_model():
    clear = score('Robot, tell me a story.', margin=-4.0)
    assert clear.decisive
    assert 'language model' not in dict(clear.evidence)
    assert not score('What time is it?').decisive
    assert score('Anna, come here.').decisive


def test_what_is_sure_is_a_parameter():
    assert score('What time is it?', sure=1.0).decisive
    assert not score('Robot, what time is it?', sure=9.0).decisive


def test_without_weight_the_model_is_never_asked():
    assert score('What time is it?', model_weight=0.0).decisive


def test_the_model_moves_unclear_cases_by_its_weight():
    without = score('What time is it?')
    with_it = score('What time is it?', margin=2.0, model_weight=0.5)
    assert dict(with_it.evidence)['language model'] == 1.0
    assert _logit(with_it.probability) == pytest.approx(_logit(without.probability) + 1.0)


def test_the_model_is_limited_and_may_have_no_opinion():
    for margin, share in [(99.0, 2.0), (-math.inf, -2.0)]:
        found = score('What time is it?', margin=margin, model_weight=0.5)
        assert dict(found.evidence)['language model'] == share
    assert score('What time is it?', margin=math.nan) == score('What time is it?', margin=None)


def test_the_strongest_evidence_is_the_reason():
    assert score('Robot, blue.').because() == 'its name +4.0'
    assert score('Anna, blue.').because() == 'calls Anna -3.0'
    assert Score(0.5, (), False).because() == 'no evidence'


MEANT = 'robot what is the time please Anna , did you tell me I he went yes okay stop why'.split()
texts = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(MEANT), max_size=8).map(' '.join))
ages = st.one_of(st.none(), st.floats(0.0, 100.0))


@given(texts, ages, ages, st.booleans(), st.booleans(),
       st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)))
def test_the_score_is_the_sum_of_its_evidence(text, spoke, side, speaking, asked, margin):
    found = score(text, Situation(speaking, spoke, asked, side), margin)
    total = sum(value for _, value in found.evidence)
    assert 0.0 < found.probability < 1.0
    assert found.probability == pytest.approx(1 / (1 + math.exp(-total)))
    assert found.because()


@given(texts, st.floats(-10, 10), st.floats(-10, 10))
def test_more_margin_never_lowers_the_score(text: str, one: float, other: float):
    low, high = sorted([one, other])
    assert score(text, margin=low).probability <= score(text, margin=high).probability


OVER = Situation(robot_speaking=True)


def over(louder_db: float | None) -> Situation:
    return Situation(robot_speaking=True, louder_db=louder_db)


def test_farther_away_than_who_speaks_to_it_is_less_likely_for_it_and_ever_less():
    text = 'that is lovely'
    levels = [score(text, over(db)).probability for db in (0.0, -4.0, -8.0, -12.0)]
    assert levels[0] == levels[1] > levels[2] > levels[3]
    # nothing is known of the level
    assert levels[0] > score(text, OVER).probability > levels[2]
    assert score(text, over(-40.0)).probability > 0.05                  # that is no proof


def test_who_asks_a_question_from_the_other_end_of_the_room_is_answered():
    assert score('What time is it?', Situation(louder_db=-20.0)).probability >= PARAMS.threshold


def test_near_is_evidence_only_over_the_robots_voice():
    assert 'as near as who speaks to it' in evidence('the red one', over(0.0))
    assert evidence('the red one', Situation(louder_db=0.0)) == evidence('the red one')


def test_an_apology_that_sets_something_right_is_a_correction_and_no_story():
    found = evidence('I am sorry, that number is not valid.', OVER)
    assert 'a correction' in found and 'a story about people' not in found
    assert 'a correction' not in evidence('Sorry, can I ask something else?', OVER)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize('text, found', [
    ('Robot, what time is it?', 'calls'), ('What time is it, robot?', 'calls'),
    ('So robot what time is it?', 'calls'), ('What does robot do all day?', 'about'),
    ('Is robot asleep?', 'about')])
def test_a_name_behind_a_verb_whose_article_got_lost_calls_nobody(text: str, found: str):
    assert called(text, frozenset({'robot'})) == found


def test_what_was_said_to_the_robot_is_no_story_of_the_past():
    names = frozenset({'robot'})
    assert 'the past' not in signs('What was the first thing I asked you?', names)
    for text in ('I told you so yesterday.', 'What did you tell him?', 'He asked for you.'):
        assert 'the past' in signs(text, names)
