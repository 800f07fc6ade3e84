"""Television and talk beside the robot do not take its reply; who is near takes it at once."""

from __future__ import annotations

import pytest
from test_turn_stories import EPOCH, REQUEST, Talk, briefs, only, reasons

from omni_agent.backends import languages
from omni_agent.core.addressee import FAR, NEAR, TALKING, Addressee, AddresseeParams, Situation
from omni_agent.core.barge_in import BargeIn
from omni_agent.core.events import Effect, Interrupt, Judge, Judged, Reason, Transcript
from omni_agent.core.nearness import BEGINS_DB, BEGINS_S, WHOLE_S, Nearness
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

NEAR_DBFS, FAR_DBFS = -23.0, -33.0
# of which alone a question would still be more likely for the robot than not
BESIDE_DBFS, FIRST_WORDS_DBFS = NEAR_DBFS - 7.0, NEAR_DBFS - 6.0
UNHEARD_OF = -120.0                     # no level was measured
PLAIN = ('What would you do', 'Tell me who', 'How many of those', 'Please sit down')
LEXICON = languages.lexicon('en')
PARAMS = TurnParams()


class Beside(Talk):
    """A robot that speaks to somebody whose loudness it knows, and hears others."""

    def __init__(self, asked_dbfs: float = NEAR_DBFS) -> None:
        super().__init__()
        self.machine = TurnMachine(PARAMS, Addressee(AddresseeParams()), EPOCH, LEXICON)
        self.says(REQUEST, level_dbfs=asked_dbfs)
        self.wait(1.5)
        self.plays()
        self.wait(1.0)
        self.log.clear()

    def hears(self, *partials: str, level_dbfs: float, since_s: float = 0.4) -> list[Reason]:
        """What was made of a new utterance, one after the other while it lasts."""
        self.starts()
        for at, text in enumerate(partials):
            self.wait(0.15)
            self.step(Transcript(self.now, self.utterance, text, False, since_s + 0.15 * at,
                                 level_dbfs=level_dbfs))
        return reasons(self.log)

    def judges(self, margin: float) -> list[Effect]:
        text = only(Judge, self.log)[-1].text
        return self.step(Judged(self.utterance, text, margin))


# -- first words ----------------------------------------------------------------------------------


@pytest.mark.parametrize('text', PLAIN)
def test_plain_first_words_from_far_away_do_not_cut_in(text: str):
    heard = Beside().hears('The', text, level_dbfs=FIRST_WORDS_DBFS)
    assert heard == [Reason.FIRST_SOUND]


@pytest.mark.parametrize('text', PLAIN)
def test_the_same_words_from_near_cut_in_at_once(text: str):
    heard = Beside().hears('The', text, level_dbfs=NEAR_DBFS - 2.0)
    assert heard == [Reason.FIRST_SOUND, Reason.BARGE_IN]


def test_where_no_level_is_known_plain_words_cut_in_at_once():
    heard = Beside(asked_dbfs=UNHEARD_OF).hears('The', 'Tell me who', level_dbfs=FAR_DBFS)
    assert heard == [Reason.FIRST_SOUND, Reason.BARGE_IN]


@pytest.mark.parametrize(('text', 'reason'), [
    ('Stop', Reason.STOP_PHRASE), ('Robot, what is this?', Reason.BARGE_IN)])
def test_a_stop_and_its_name_pass_from_any_distance(text: str, reason: Reason):
    assert Beside().hears(text, level_dbfs=FAR_DBFS)[-1] is reason


def test_what_is_far_and_nowhere_clear_does_not_cut_in_however_long_it_goes_on():
    talk = Beside()
    assert Reason.BARGE_IN not in talk.hears(*['What would you do'] * 5, level_dbfs=BESIDE_DBFS,
                                             since_s=0.9)
    assert talk.machine.score is not None
    assert talk.machine.score.probability > PARAMS.barge_in_score


def test_a_clear_request_from_far_away_cuts_in_once_it_has_gone_on():
    text, level_dbfs = 'Please tell me', BESIDE_DBFS
    talk = Beside()
    assert talk.hears('Please', 'Please tell', level_dbfs=level_dbfs) == [Reason.FIRST_SOUND]
    assert Reason.BARGE_IN in Beside().hears(
        text, text, text, level_dbfs=level_dbfs, since_s=PARAMS.barge_in_settled_s - 0.3)


@pytest.mark.parametrize(('margin', 'reason'), [(4.0, Reason.BARGE_IN),
                                                (-4.0, Reason.NO_INTERRUPT)])
def test_of_final_words_from_far_away_the_language_model_says_for_whom_they_are(
        margin: float, reason: Reason):
    talk = Beside()
    talk.says('What would you do?', level_dbfs=BESIDE_DBFS)
    assert reasons(talk.log) == [Reason.FIRST_SOUND]
    talk.judges(margin)
    assert reasons(talk.log)[1] is reason


# -- while people talk ----------------------------------------------------------------------------


def after_side_talk(level_dbfs: float, asked_dbfs: float = NEAR_DBFS) -> list[Reason]:
    """What a question does straight after talk among people."""
    talk = Beside(asked_dbfs)
    talk.says('Anna, I told you about the door yesterday.', level_dbfs=FAR_DBFS)
    talk.wait(0.2)
    talk.log.clear()
    return talk.hears('What', 'What did you', level_dbfs=level_dbfs)


def test_while_people_talk_the_next_question_is_not_taken_for_an_interruption_at_once():
    assert after_side_talk(FAR_DBFS) == [Reason.FIRST_SOUND]
    assert after_side_talk(FAR_DBFS, asked_dbfs=UNHEARD_OF) == [Reason.FIRST_SOUND]


def test_who_is_near_asks_among_people_who_talk():
    assert after_side_talk(NEAR_DBFS) == [Reason.FIRST_SOUND, Reason.BARGE_IN]


@pytest.mark.parametrize(('louder_db', 'name'), [(-12.0, FAR), (-1.0, NEAR)])
def test_only_who_is_not_near_has_to_settle(louder_db: float, name: str):
    situation = Situation(robot_speaking=True, louder_db=louder_db, side_talk_s=3.0)
    score = Addressee(AddresseeParams()).score('What would you do', situation)
    assert name in dict(score.evidence) and TALKING in dict(score.evidence)
    words = Transcript(0.0, 1, 'What would you do', False, 0.6)
    near = BargeIn(PARAMS, LEXICON).cuts_in(words, score, (), goes_on=False)
    assert near is (name == NEAR)


# -- how loud who speaks to it is -----------------------------------------------------------------


def test_first_words_are_louder_than_the_whole_will_be():
    near = Nearness()
    near.spoke(-24.0, 0.0)
    times = (0.3, BEGINS_S, (BEGINS_S + WHOLE_S) / 2, WHOLE_S, 5.0)
    assert [near.louder_db(-24.0, 1.0, so_far_s) for so_far_s in times] == pytest.approx(
        [-BEGINS_DB, -BEGINS_DB, -BEGINS_DB / 2, 0.0, 0.0])
    assert near.louder_db(-24.0, 1.0) == 0.0


def test_who_the_language_model_lets_through_is_known_by_loudness_from_then_on():
    talk = Beside(asked_dbfs=UNHEARD_OF)
    talk.says('Here is the red cup', level_dbfs=NEAR_DBFS)
    talk.judges(4.0)
    talk.wait(1.5)
    talk.plays()
    talk.wait(1.0)
    talk.log.clear()
    assert talk.hears('The', 'Tell me who', level_dbfs=FAR_DBFS) == [Reason.FIRST_SOUND]


# -- a breath after the first word ----------------------------------------------------------------


@pytest.mark.parametrize('asked_dbfs', [NEAR_DBFS, UNHEARD_OF])
def test_who_says_no_and_goes_on_after_a_breath_sets_it_right(asked_dbfs: float):
    talk = Beside(asked_dbfs)
    talk.says('No,', voiced_s=0.4, level_dbfs=NEAR_DBFS)
    talk.wait(0.3)
    talk.says('The green door is older.', voiced_s=1.0, level_dbfs=NEAR_DBFS)
    talk.wait(2.0)
    assert Reason.BARGE_IN in reasons(talk.log)
    assert briefs(talk.log)[-1] == 'No, The green door is older.'


def test_a_no_of_long_ago_is_no_beginning():
    talk = Beside(asked_dbfs=UNHEARD_OF)
    talk.says('No,', voiced_s=0.4)
    talk.wait(3.0)
    talk.says('The green door is older.', voiced_s=1.0)
    assert only(Judge, talk.log) and Reason.BARGE_IN not in reasons(talk.log)


def test_a_word_before_it_never_makes_a_sentence_less_likely():
    talk = Beside()
    talk.says('Nope.', voiced_s=0.4, level_dbfs=NEAR_DBFS)
    talk.wait(0.3)
    talk.says('I said seven.', voiced_s=0.7, level_dbfs=NEAR_DBFS)
    assert reasons(talk.log)[-1] in (Reason.BARGE_IN, Reason.NEW_REPLY)
    assert all(effect.reason is not Reason.STOP_PHRASE for effect in only(Interrupt, talk.log))
