"""The fitted judgement: shares that add up, what is missing, guarantees, and the file it comes
from.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.backends import addressee_model
from omni_agent.core import judgement
from omni_agent.core.address_words import SIGNS, called, signs
from omni_agent.core.addressee import Addressee, AddresseeParams, Situation, Verdict
from omni_agent.core.cues import CUES, GROUPS, SURE, Stream, scaled
from omni_agent.core.errors import ConfigError
from omni_agent.core.judgement import GUESS, RULES, WHOLE, Judgement, group_of

ROBOT = frozenset({'robot'})
FITTED = addressee_model.load()
ADDRESSEE = Addressee(AddresseeParams(), FITTED)
LOOKS = (('faces', 1.0), ('looks_here', 0.95), ('lips', 0.9))
QUIET = (('silence_s', 10.0), ('talk_share', 0.1))       # nothing else was measured
AWAY = (('faces', 1.0), ('looks_here', 0.05), ('lips', 0.9))


def probability(text: str, situation: Situation = Situation()) -> float:
    return ADDRESSEE.score(text, replace(situation, cues=(*QUIET, *situation.cues))).probability


cues = st.lists(
    st.tuples(st.sampled_from([*CUES, 'never_heard_of']),
              st.floats(allow_nan=True, allow_infinity=True)), max_size=12).map(tuple)
texts = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(
    'robot the what you did I he please Anna , ? go tell me'.split()), max_size=9).map(' '.join))


@given(texts, cues, st.one_of(st.none(), st.floats(0, 100)), st.booleans(), st.floats(-1.5, 1.5))
def test_the_score_is_the_sum_of_its_shares_whatever_was_measured(text, found, spoke, asked,
                                                                  learnt):
    score = ADDRESSEE.score(
        text, Situation(robot_spoke_s=spoke, robot_asked=asked, cues=found, learnt=learnt))
    assert (score.probability == pytest.approx(
        1 / (1 + math.exp(-sum(value for _, value in score.evidence)))))
    assert score.because()


def test_what_was_not_measured_is_not_there_and_is_not_zero():
    nothing = dict(ADDRESSEE.score('it is red', Situation(cues=QUIET)).evidence)
    zero = dict(
        ADDRESSEE.score('it is red', Situation(cues=(*QUIET, ('looks_here', 0.0)))).evidence)
    assert not any(CUES[name].words in nothing for name in CUES if name not in dict(QUIET))
    assert CUES['looks_here'].words in zero and zero[CUES['looks_here'].words] < 0


def test_a_cue_of_another_version_is_left_alone():
    assert (probability('it is red',
                        Situation(cues=(('never_heard_of', 3.0), ))) == probability('it is red'))
    assert (probability('it is red',
                        Situation(cues=(('looks_here', math.nan), ))) == probability('it is red'))


@given(texts, cues)
def test_its_name_always_counts(text, found):
    if called(text, ROBOT) == 'calls':
        assert probability(text, Situation(side_talk_s=0.5, cues=found)) > 0.8


def test_the_same_words_are_for_it_when_the_speaker_looks_at_it_and_not_when_they_look_away():
    text = 'what do you think'
    assert (probability(text, Situation(cues=LOOKS)) > 0.5 > probability(
        text, Situation(side_talk_s=1.0, cues=AWAY)))


def test_an_answer_to_the_robots_question_needs_no_name():
    asked = Situation(robot_spoke_s=1.0, robot_asked=True)
    for text in ('the blue one', 'yes please', 'for Anna and me'):
        assert probability(text, asked) > 0.5


def test_a_question_to_anna_and_talk_about_the_robot_are_not_for_it():
    talking = Situation(side_talk_s=1.5)
    for text in ('Anna, did you lock the door?', 'What does the robot do at night?',
                 'The robot never listens to her.'):
        assert probability(text, talking) < 0.5


def test_over_the_robots_voice_everything_is_as_the_hand_set_rules_have_it():
    by_hand = Addressee(AddresseeParams())
    for text in ('No, I meant Spain.', 'mm-hm', 'what time is it'):
        for over in (Situation(robot_speaking=True, cues=LOOKS),
                     Situation(cut_in=True, robot_spoke_s=0.5, cues=LOOKS)):
            assert ADDRESSEE.score(text, over) == by_hand.score(text, over)


def test_limits_for_the_share_of_the_words_mean_the_same_whoever_judges():
    by_hand = Addressee(AddresseeParams())
    for text in ('Stop.', 'Can you help me?', 'Yes, I told her.', ''):
        alone = Situation(cues=QUIET)
        assert ADDRESSEE.score(text, alone).by_words == by_hand.score(text, alone).by_words


def test_what_the_rules_make_of_the_words_is_one_bounded_cue_and_missing_where_nobody_asked():
    found = [judgement.values((), (), QUIET, rules=rules).get(RULES) for rules in
             (None, -99.0, 1.5, 99.0)]
    assert found == [None, -2.0, 1.0, 2.0]


@pytest.mark.parametrize(('sure', 'weight'), [
    (None, 1.0), (math.nan, 1.0), (0.0, 1.0), (-0.1, 1.0), (-0.6, 0.5), (-9.0, GUESS)])
def test_words_of_which_the_recogniser_is_not_sure_tell_less_but_its_name_as_much(
        sure: float | None, weight: float):
    cues = QUIET if sure is None else (*QUIET, (SURE, sure))
    found = judgement.values(('a command', 'its name'), ('the robot spoke',), cues, rules=1.5,
                             whole=judgement.WHOLE_SCALE)
    assert [found[name] for name in ('a command', RULES, WHOLE)] == pytest.approx([weight] * 3)
    assert found['its name'] == found['the robot spoke'] == 1.0
    assert SURE not in found


def test_a_guessed_sentence_of_somebody_else_weighs_less_against_a_person_who_looks_here():
    text = 'He told her about it yesterday.'
    known, guessed = (probability(text, Situation(cues=(*LOOKS, (SURE, sure))))
                      for sure in (-0.05, -1.0))
    assert guessed > known + 0.1


@pytest.mark.parametrize('text', [
    'What time is it?', 'Tell me a story, please.', 'Can you help me?', 'Turn on the light.',
    'Wait, what is the weather like?', 'How are you?', 'Good morning.', 'Thank you.',
    'I would like to know how tall that tower is'])
def test_plain_words_are_for_it_however_little_else_is_known(text: str):
    assert probability(text) > 0.5


@pytest.mark.parametrize('text', [
    'I told him yesterday that they went.', 'Yeah, we should go.', 'Right, exactly.',
    'Yes, I called her yesterday after work.', 'Did your brother find the right key?'])
def test_what_people_tell_each_other_is_not(text: str):
    assert probability(text) < 0.5


def test_to_ask_you_is_not_to_tell_you_and_this_talk_is_with_the_robot():
    assert 'asks you' in signs('Do you speak English?', ROBOT)
    for text in ('Do you speak English?', 'What was the first thing I asked you?'):
        assert 'you' not in signs(text, ROBOT)
    assert 'you' in signs('I told you so.', ROBOT)


def test_where_no_cue_was_measured_the_hand_set_rules_hold():
    by_hand = Addressee(AddresseeParams())
    for text in ('What time is it?', 'Anna, come here.', 'it is red'):
        assert ADDRESSEE.score(text, Situation()) == by_hand.score(text, Situation())


def test_between_the_two_thresholds_the_verdict_is_that_nobody_knows():
    params = AddresseeParams(threshold=0.6, unsure=0.4)
    for bias, verdict in ((1.0, Verdict.ADDRESSED), (0.0, Verdict.UNSURE),
                          (-1.0, Verdict.NOT_ADDRESSED)):
        assert (Addressee(params, Judgement(bias, {})).score('blue', Situation(cues=QUIET)).verdict
                is verdict)


def test_what_was_learnt_moves_the_score_and_is_shown():
    score = ADDRESSEE.score('it is red', Situation(learnt=-0.75, cues=QUIET))
    assert dict(score.evidence)['learnt from corrections'] == -0.75
    assert score.probability < probability('it is red')


@pytest.mark.parametrize('text, what', [('Robot, come.', 'calls'),
                                        ('What time is it robot', 'calls'), ('hey robot', 'calls'),
                                        ('I like that robot.', 'about'),
                                        ('The robot is broken, robot.', 'calls'),
                                        ('Robots are stupid.', 'about'),
                                        ("my robot's wheel", 'about'), ('Ro bot', '')])
def test_to_call_somebody_is_not_to_speak_of_them(text: str, what: str):
    assert called(text, ROBOT) == what


@given(st.text(max_size=60))
def test_every_sign_has_a_name_that_is_known(text: str):
    assert set(signs(text, ROBOT)) <= set(SIGNS)


def test_every_piece_of_evidence_belongs_to_a_group():
    assert {group_of(name) for name in judgement.NAMES} == set(GROUPS)


@given(st.sampled_from(list(CUES)), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_cue_is_bounded_and_keeps_its_order(name: str, one: float, other: float):
    low, high = sorted((one, other))
    assert -2.0 <= scaled(name, low) <= scaled(name, high) <= 2.0


def test_weights_that_are_none_are_refused_and_say_what_to_do(tmp_path):
    good = json.loads(
        (addressee_model.share_dir() / 'config' / 'addressee' / 'addressee.json').read_text())
    for broken in ('{', json.dumps({
            **good, 'weights': {
                'its naem': 1.0
            }
    }), json.dumps({
            **good, 'bias': 'much'
    }), json.dumps({
            **good, 'version': 99
    })):
        path = tmp_path / 'addressee.json'
        path.write_text(broken)
        with pytest.raises(ConfigError, match='fit_addressee'):
            addressee_model.load(path)
    with pytest.raises(ConfigError, match='install'):
        addressee_model.load(tmp_path / 'nowhere.json')


def test_the_stream_knows_silence_talk_and_the_voice_that_spoke_to_the_robot():
    stream = Stream()
    first = dict(stream.before(10.0, (), -30.0, (1.0, 0.0)))
    assert first == {'silence_s': 60.0, 'talk_share': 0.0}
    stream.said(10.0, 13.0, (('tilt_db', -12.0),), -30.0)
    stream.answered((1.0, 0.0), 13.0)
    then = dict(stream.before(15.0, (('tilt_db', -9.0),), -27.0, (1.0, 0.5)))
    assert (then == pytest.approx({
        'silence_s': 2.0,
        'talk_share': 0.1,
        'raised_db': 3.0,
        'clearer_db': 3.0,
        'same_voice': -0.5
    }))
    late = dict(stream.before(400.0, (), -30.0, (1.0, 0.0)))
    assert 'same_voice' not in late and late['talk_share'] == 0.0


def test_an_utterance_that_goes_on_is_one_and_not_two():
    stream = Stream()
    stream.said(10.0, 12.0, (), -30.0)
    stream.said(10.0, 14.0, (), -30.0)
    assert dict(stream.before(20.0, (), -30.0))['talk_share'] == pytest.approx(4.0 / 30.0)
