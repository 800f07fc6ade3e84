"""To whom was that said? Stories of people beside the robot, and what it makes of itself known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from test_turn_stories import ENGLISH, EPOCH, REQUEST, Talk, after_reply, only, speaking

from omni_agent.backends import addressee_model
from omni_agent.core.addressee import Addressee, AddresseeParams, Situation, Verdict
from omni_agent.core.cues import Cues
from omni_agent.core.events import (CorrectionsForgotten, Effect, Interrupt, Judge, Judged,
                                    ModeWanted, Overheard, PlaceEntered, React, Reason, Remember,
                                    Transcript, Typed)
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, TurnParams

LOOKS: Cues = (('faces', 1.0), ('looks_here', 0.9), ('lips', 0.95))
AWAY: Cues = (('faces', 1.0), ('looks_here', 0.1), ('lips', 0.95))
ANNA, BEN = (('face', 3.0),), (('face', 4.0),)
UNCLEAR = 'Did you find the right key?'      # without a language model it stays so
VOICE: Cues = (('tilt_db', -12.0), ('onset_db', 14.0), ('range_db', 30.0), ('gaps', 0.2),
               ('silence_s', 5.0), ('talk_share', 0.1))
OTHERS = 'Yes, I told her about it yesterday.'


class Room(Talk):
    """As Talk, with cues of voice and camera; ``fitted``: judged by the fitted weights."""

    def __init__(self, fitted: bool = False, **params: float) -> None:
        super().__init__(**params)
        judgement = addressee_model.load() if fitted else None
        self.machine = TurnMachine(TurnParams(**params), Addressee(AddresseeParams(), judgement),
                                   EPOCH, ENGLISH)

    def hears(self, text: str, cues: Cues = (), echo: float = 0.0,
              level_dbfs: float | None = None) -> list[Effect]:
        effects = self.starts() + self.wait(0.6) + self.stops()
        return effects + self.step(
            Transcript(self.now, self.utterance, text, True, 0.6, 0.9, echo, echo,
                       level_dbfs=level_dbfs, cues=cues))

    def verdict(self, text: str, cues: Cues = (), wait_s: float = 2.0) -> Verdict:
        self.hears(text, cues)
        self.wait(wait_s)
        assert self.machine.score is not None
        return self.machine.score.verdict


def log_odds(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


# -- whom it was meant for ------------------------------------------------------------------------


@pytest.mark.parametrize('fitted', [False, True])
def test_a_question_to_anna_is_not_for_the_robot(fitted: bool):
    room = Room(fitted)
    assert room.verdict('Anna, did you lock the door?', VOICE) is Verdict.NOT_ADDRESSED
    assert room.answers() == []


def test_what_do_you_think_is_for_the_robot():
    room = Room()
    room.hears('What do you think?')
    assert room.answers(2.0) == ['What do you think?']


def test_among_people_who_are_talking_it_is_for_the_robot_that_is_looked_at():
    for cues, answered in ((LOOKS, ['What do you think?']), (AWAY, [])):
        room = Room(fitted=True)
        room.hears(OTHERS, VOICE)
        room.wait(0.9)
        room.hears('What do you think?', (*VOICE, *cues))
        assert room.answers(2.0) == answered


@pytest.mark.parametrize(('pause_s', 'found'), [(1.0, True), (8.0, False)])
def test_who_begins_soon_after_others_is_among_them_however_long_the_sentence_is(
        pause_s: float, found: bool):
    room = Room(fitted=True)
    room.hears(OTHERS, VOICE)
    room.wait(pause_s)
    room.starts()
    room.wait(6.0)
    room.stops()
    room.step(Transcript(room.now, room.utterance, 'We could go there on Sunday.', True, 5.0, 0.9,
                         cues=VOICE))
    room.wait(1.0)
    names = {name for name, _ in room.machine.score.evidence}
    assert ('people are talking' in names) is found


def test_an_answer_to_the_robots_question_needs_no_name():
    talk = after_reply('Do you want red or blue?')
    talk.says('Red would be nice.')
    assert talk.answers(3.0) == ['Red would be nice.']


@pytest.mark.parametrize('fitted', [False, True])
def test_two_people_who_discuss_the_robot_are_left_alone_and_a_question_to_it_is_answered(
        fitted: bool):
    room = Room(fitted)
    for text, pause_s in (('I think the robot is broken.', 0.4), ('Did it understand you?', 2.5),
                          ('It never does.', 3.0)):
        room.hears(text, VOICE if fitted else ())
        assert room.answers(pause_s) == [] and not only(Judge, room.log)
    room.wait(2.0)
    room.hears('What is the capital of France?', VOICE if fitted else ())
    assert room.answers(3.0) == ['What is the capital of France?']


def test_two_people_in_one_utterance_are_two_people():
    """The pause between a question and its answer is often too short to end an utterance."""
    talk = after_reply('It is noon.')
    talk.says('Did you find the right key? Yes, it was in the drawer.')
    assert talk.answers(3.0) == [] and not only(Judge, talk.log)
    talk.says('Is it late? Yes or no?')
    assert talk.answers(3.0) == ['Is it late? Yes or no?']


def test_what_it_is_is_no_longer_the_robot_when_nobody_has_spoken_of_it_for_a_while():
    for pause_s, answered in ((1.5, []), (15.0, ['Is it going to rain?'])):
        room = Room()
        room.hears('I think the robot is broken.')
        room.wait(pause_s)
        room.hears('Is it going to rain?')
        room.step(Judged(room.utterance, 'Is it going to rain?', 1.0))
        assert room.answers(3.0) == answered


def test_a_radio_that_asks_questions_gets_no_turn_after_the_robot_knows_how_near_people_are():
    """From farther away, in one long stream, with nobody's lips moving here."""
    room = Room()
    room.says('Robot, tell me a story.', level_dbfs=-24.0)
    room.answers(2.0)
    room.plays('Once')
    room.wait(0.5)
    room.finishes('Once upon a time.')
    room.wait(20.0)
    for text in ('And the traffic was bad again today, they told us.',
                 'But what does that mean for you?', 'Who would have thought that?',
                 'He said that the trains were late as well.', 'Will it get better, Susan?'):
        room.says(text, level_dbfs=-42.0)
        assert room.answers(0.6) == []
    assert room.answers(5.0) == []


AFTER_ITS_ANSWER = 'Who is going to pay for that?'


@pytest.mark.parametrize('same_voice, level_dbfs, answers', [
    (-0.95, -42.0, []), (-0.3, -24.0, [AFTER_ITS_ANSWER])])
def test_a_lone_question_from_the_radio_straight_after_its_answer_is_left_alone(
        same_voice: float, level_dbfs: float, answers: list[str]):
    """And one of the person who had asked is not."""
    room = Room()
    room.hears('Robot, what does a house cost?', VOICE, level_dbfs=-24.0)
    room.answers(2.0)
    room.plays('A lot')
    room.wait(1.0)
    room.finishes('A lot of money.')
    room.wait(2.0)
    room.hears(AFTER_ITS_ANSWER, (*VOICE, ('same_voice', same_voice)), level_dbfs=level_dbfs)
    assert room.answers(3.0) == answers and not only(Judge, room.log)


def test_another_person_may_answer_the_robots_question():
    room = Room()
    room.hears('Robot, tell me a story.', VOICE)
    room.answers(2.0)
    room.plays('About')
    room.finishes('About a fox or a bear?')
    room.wait(2.0)
    room.hears('A bear would be nice.', (*VOICE, ('same_voice', -0.95)))
    assert room.answers(3.0) == ['A bear would be nice.']


@pytest.mark.parametrize('fitted', [False, True])
def test_what_nobody_understood_is_for_nobody(fitted: bool):
    addressee = Addressee(AddresseeParams(), addressee_model.load() if fitted else None)
    score = addressee.score('', Situation(robot_spoke_s=1.0, cues=(*VOICE, *LOOKS)))
    assert score.verdict is Verdict.NOT_ADDRESSED
    assert log_odds(score.probability) == pytest.approx(
        sum(share for _, share in score.evidence), abs=1e-6)


@pytest.mark.parametrize('mode', ['open', 'attentive', 'name_only', 'push_to_talk'])
def test_what_is_typed_is_for_the_robot_in_every_mode_whatever_people_talk_about(mode: str):
    room = Room()
    room.step(ModeWanted(room.now, mode))
    room.hears(OTHERS, (*VOICE, *AWAY))
    room.wait(0.1)
    room.step(Typed(room.now, 'and in Rome'))
    assert room.answers(1.0) == ['and in Rome']


# -- what it shows --------------------------------------------------------------------------------


@pytest.mark.parametrize('fitted', [False, True])
def test_every_piece_of_evidence_has_its_share_and_they_add_up_to_the_score(fitted: bool):
    """Words, dialogue, voice, source, camera and language model, as they are published."""
    room = Room(fitted)
    room.step(PlaceEntered(room.now, 'kitchen'))
    room.hears(OTHERS, VOICE)
    room.wait(1.0)
    text = 'Is it the third door?'
    room.hears(text, (*VOICE, *LOOKS))
    for effect in only(Judge, room.log):
        room.step(Judged(effect.utterance, effect.text, 1.5))
    room.wait(2.0)
    score = room.machine.view().score
    assert score is not None
    shares = dict(score.evidence)
    assert log_odds(score.probability) == pytest.approx(sum(shares.values()), abs=1e-6)
    expected = {'a yes/no question', 'people are talking'}
    expected |= {'a clear voice', 'loud and soft', 'somebody looks at it'} if fitted else set()
    assert expected <= set(shares)


@pytest.mark.parametrize('mode', ['name_only', 'push_to_talk'])
def test_a_mode_that_forbids_and_its_own_voice_are_pieces_of_evidence_like_any_other(mode: str):
    room = Room()
    room.step(ModeWanted(room.now, mode))
    room.hears('What time is it?')
    forbidden = room.machine.view().score
    room.step(ModeWanted(room.now, 'open'))
    room.wait(5.0)
    room.hears('What time is it?', echo=0.9)
    own = room.machine.view().score
    assert forbidden is not None and own is not None
    for score, why in ((forbidden, f'listens {mode.replace("_", " ")}'), (own, 'its own voice')):
        assert why in dict(score.evidence) and 'a question' in dict(score.evidence)
        assert log_odds(score.probability) == pytest.approx(
            sum(share for _, share in score.evidence), abs=1e-6)
        assert score.probability < 1e-6 and score.verdict is Verdict.NOT_ADDRESSED


def test_what_was_said_so_far_has_a_verdict_before_it_is_over():
    room = Room()
    room.starts()
    room.wait(0.4)
    room.words('Anna, did you')
    assert room.machine.view().score.verdict is Verdict.NOT_ADDRESSED
    assert room.machine.agent is Agent.IDLE
    room.words('Robot, did you')
    assert room.machine.view().score.verdict is Verdict.ADDRESSED
    assert room.answers(0.0) == []


def test_the_verdict_comes_with_the_final_words_before_the_end_of_the_turn_is_certain():
    for text in ('Robot, what time is it?', 'Anna, what time is it?'):
        room = Room()
        room.hears(text)                         # known HANGOVER_S after the last sound
        verdict = room.machine.view().score.verdict
        assert verdict is (Verdict.ADDRESSED if 'Robot' in text else Verdict.NOT_ADDRESSED)
        assert all(react.not_before > room.now for react in only(React, room.log))


def test_unsure_is_told_apart_and_says_nothing():
    room = Room()
    room.hears('The blue one.')
    assert room.answers(5.0) == []
    assert room.machine.view().score.verdict is Verdict.UNSURE
    assert room.machine.view().why.startswith('perhaps for the robot')
    room.hears('Anna, the blue one.')
    assert room.answers(5.0) == []
    assert room.machine.view().score.verdict is Verdict.NOT_ADDRESSED
    assert room.machine.view().why.startswith('not for the robot')


# -- what it keeps --------------------------------------------------------------------------------


def test_side_talk_is_neither_remembered_nor_in_any_brief():
    room = Room()
    for text in (OTHERS, 'Anna, did you lock the door?', 'Good, then we can leave at six.'):
        room.hears(text)
        room.wait(1.0)
    room.hears('Robot, what time is it?')
    room.wait(2.0)
    room.plays('Noon')
    room.finishes('Noon.')
    assert [effect.text for effect in only(Remember, room.log)] == ['Robot, what time is it?',
                                                                     'Noon.']
    assert {effect.brief for effect in only(React, room.log)} == {'Robot, what time is it?'}
    assert not only(Overheard, room.log)


@pytest.mark.parametrize('then', ['says', 'types'])
def test_side_talk_that_was_still_being_decided_on_is_in_no_brief(then: str):
    """Somebody turns to the robot half a second after the others."""
    room = Room()
    room.hears('Anna, I told you about the door yesterday.')
    room.wait(0.1)
    assert room.machine.agent is Agent.DECIDING
    room.hears('Robot, what time is it?')
    if then == 'types':
        room.step(Typed(room.now, 'and in Rome'))
    room.wait(2.0)
    room.plays('Noon')
    briefs = [effect.brief for effect in only(React, room.log)]
    assert briefs and not any('door' in brief for brief in briefs)
    assert not any('door' in effect.text for effect in only(Remember, room.log))


def test_who_falls_in_with_a_question_to_somebody_else_is_no_part_of_the_question():
    room = Room()
    room.hears('Robot, what is the weather?')
    room.wait(0.08)
    room.hears('Anna, did you lock the back door?')      # before the turn is certainly over
    room.wait(3.0)
    assert {effect.brief for effect in only(React, room.log)} == {'Robot, what is the weather?'}


def test_a_question_after_a_breath_is_still_one_question():
    room = Room()
    room.says('Robot, I would like to know', turn_end=0.1)
    room.wait(0.1)
    room.says('how tall that tower is')
    assert room.answers(3.0) == ['Robot, I would like to know how tall that tower is']


def test_side_talk_is_overheard_only_where_that_was_switched_on():
    room = Room(keep_side_talk=True)
    room.hears(OTHERS)
    room.wait(2.0)
    room.hears('Robot, what time is it?')
    room.wait(2.0)
    room.plays('It is')
    room.hears('Anna, that was yesterday, I told you.')      # over its voice
    room.wait(3.0)
    assert [effect.text for effect in only(Overheard, room.log)] == [
        OTHERS, 'Anna, that was yesterday, I told you.']


# -- what corrections teach -----------------------------------------------------------------------


@pytest.mark.parametrize('fitted', [False, True])
def test_a_question_that_was_ignored_and_is_repeated_lowers_the_threshold_for_who_said_it(
        fitted: bool):
    room = Room(fitted)
    text = UNCLEAR
    before = room.verdict(text, ANNA), room.machine.score.probability
    assert before[0] is not Verdict.ADDRESSED
    room.wait(5.0)
    room.hears(text, ANNA)
    room.wait(3.0)
    learnt = room.machine.attention.learnt()
    assert set(learnt) == {'at here', 'face 3'}
    assert all(one.shift == 0.25 and one.corrections == 1 for one in learnt.values())
    room.wait(60.0)
    room.verdict(text, ANNA)
    assert dict(room.machine.score.evidence)['learnt from corrections'] == 0.5
    assert room.machine.score.probability > before[1]
    room.step(CorrectionsForgotten(room.now))
    assert room.machine.attention.learnt() == {}


def test_another_person_who_repeats_it_teaches_nothing():
    room = Room()
    room.verdict(UNCLEAR, ANNA)
    room.verdict(UNCLEAR, BEN)
    assert room.machine.attention.learnt() == {}


def test_a_jingle_that_is_no_question_teaches_nothing():
    room = Room()
    for _ in range(3):
        room.verdict('The best coffee in the whole town')
    assert room.machine.attention.learnt() == {}


def test_what_a_mode_forbids_was_no_mistake():
    room = Room()
    room.step(ModeWanted(room.now, 'name_only'))
    for _ in range(3):
        room.verdict('What time is it?')
    assert room.machine.attention.learnt() == {}


def test_what_was_learnt_in_the_kitchen_stays_there():
    room = Room()
    room.step(PlaceEntered(room.now, 'kitchen'))
    for _ in range(2):
        room.verdict(UNCLEAR)
        room.wait(1.0)
    assert set(room.machine.attention.learnt()) == {'at kitchen'}
    assert room.machine.attention.shift() == 0.5
    room.step(PlaceEntered(room.now, 'hall'))
    assert room.machine.attention.shift() == 0.0
    room.step(PlaceEntered(room.now, 'kitchen'))
    assert room.machine.attention.shift() == 0.5


def test_who_was_not_talking_to_it_silences_it_and_makes_it_stricter():
    talk = speaking('Well, the')
    talk.says("I wasn't talking to you.")
    talk.wait(3.0)
    assert Reason.STOP_PHRASE in [effect.reason for effect in only(Interrupt, talk.log)]
    assert talk.machine.agent is Agent.IDLE and talk.answers() == []
    assert talk.machine.attention.shift() < 0.0


def test_those_words_are_obeyed_before_they_are_over():
    talk = speaking('Well, the')
    talk.starts()
    talk.wait(0.5)
    epoch = talk.epoch
    talk.words('I was not talking to you')
    assert talk.epoch == epoch + 1 and talk.machine.agent is Agent.IDLE


def test_nobody_is_told_off_by_words_that_go_on_otherwise():
    talk = after_reply('It is noon.')
    talk.says('Why not you, then? Tell me a story, please.')
    assert talk.answers(3.0) == ['Why not you, then? Tell me a story, please.']
    assert talk.machine.attention.learnt() == {}


def test_a_person_it_does_not_hear_teaches_for_the_place_alone():
    talk = after_reply('It is noon.')
    talk.says('Not you.')
    talk.answers(3.0)
    assert set(talk.machine.attention.learnt()) == {'at here'}
    assert replace(talk.machine.attention.learnt()['at here']).corrections == 1


def test_a_request_after_a_correction_is_answered_as_before():
    talk = after_reply('It is noon.')
    talk.says("I wasn't talking to you.")
    talk.wait(1.0)
    talk.answers()
    talk.says(REQUEST)
    assert talk.answers(3.0) == [REQUEST]
