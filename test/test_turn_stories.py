"""One rule of the conversation, one story: what the person does, what the robot does about it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from omni_agent.backends import languages
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.cues import NOD
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.events import (
    HALTING, ButtonHeld, CorrectionsForgotten, Effect, EndInstructions, Event, HushRequested,
    Interrupt, Judge, Judged, LookedAt, ModeWanted, Moving, Noticed, Played, Playing, React,
    Reason, Remember, Role, SceneChanged, SoundStarted, SpeechStarted, SpeechStopped, Tick,
    Transcript, Typed, Weigh, Weighed)
from omni_agent.core.params import check, param, specs
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, Person, TurnParams, Voice

ENGLISH = languages.lexicon('en')
EPOCH = 1_700_000_000_000
HANGOVER_S = 0.2           # the detector is certain of silence this much later
QUESTION = 'What time is it?'
REQUEST = 'Tell me a story, please.'              # so clear that the language model is not asked
SIDE_TALK = 'Anna, I told you about the door yesterday.'


class Talk:
    """A person and a loudspeaker around the machine, in scripted time; ``log`` is all it did."""

    def __init__(self, **params: float) -> None:
        addressee = Addressee(AddresseeParams(sure=2.0))
        self.machine = TurnMachine(TurnParams(**params), addressee, EPOCH, ENGLISH)
        self.now = 1000.0
        self.utterance = 0
        self.log: list[Effect] = []
        self.weighed: list[Weigh] = []
        self._told = 0                 # of the log, by ``answers``

    def step(self, event: Event) -> list[Effect]:
        effects = self.machine.step(event, self.now)
        self.weighed += [effect for effect in effects if isinstance(effect, Weigh)]
        effects = [effect for effect in effects if not isinstance(effect, Weigh)]
        self.log += effects
        return effects

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass; the alarm rings whenever the machine wants it to."""
        until, effects, ticks = self.now + seconds, [], 0
        while (due := self.machine.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            effects += self.step(Tick(self.now))
            ticks += 1
            assert ticks < 20, 'the alarm rings on and on'
        self.now = until
        return effects

    def answers(self, seconds: float = 0.0) -> list[str]:
        """Let time pass; what was to be answered since this was asked last."""
        self.wait(seconds)
        new, self._told = self.log[self._told:], len(self.log)
        return briefs(new)

    def starts(self, again: bool = False) -> list[Effect]:
        """``again``: the same utterance goes on."""
        self.utterance += not again
        return self.step(SpeechStarted(self.now - 0.064, self.utterance))

    def words(self, text: str, voiced_s: float = 0.6, nod: float | None = None) -> list[Effect]:
        return self.step(Transcript(self.now, self.utterance, text, False, voiced_s,
                                    cues=() if nod is None else ((NOD, nod),)))

    def stops(self, voiced_s: float = 0.6) -> list[Effect]:
        """The last sound was just now; known HANGOVER_S later."""
        end = self.now
        effects = self.wait(HANGOVER_S)
        return effects + self.step(SpeechStopped(end, self.utterance, voiced_s))

    def final(self, text: str, voiced_s: float = 0.6, turn_end: float | None = 0.9,
              level_dbfs: float | None = None, nod: float | None = None) -> list[Effect]:
        return self.step(Transcript(self.now, self.utterance, text, True, voiced_s, turn_end,
                                    level_dbfs=level_dbfs,
                                    cues=() if nod is None else ((NOD, nod),)))

    def says(self, text: str, voiced_s: float = 0.6, turn_end: float | None = 0.9,
             level_dbfs: float | None = None) -> list[Effect]:
        """One utterance from its first sound to its final words; nothing partial."""
        effects = self.starts() + self.wait(voiced_s)
        return effects + self.stops(voiced_s) + self.final(text, voiced_s, turn_end, level_dbfs)

    def sounds(self) -> list[Effect]:
        return self.step(SoundStarted(self.now))

    def coughs(self) -> list[Effect]:
        return self.says('', voiced_s=0.15)

    def plays(self, heard: str = 'It is') -> list[Effect]:
        return self.step(Playing(self.now, self.epoch, heard))

    def finishes(self, heard: str = 'It is noon.') -> list[Effect]:
        return self.step(Played(self.now, self.epoch, heard, True))

    @property
    def epoch(self) -> int:
        return self.machine.epoch

    @property
    def state(self) -> tuple[Person, Agent, Voice]:
        return self.machine.person, self.machine.agent, self.machine.voice


REST = (Person.QUIET, Agent.IDLE, Voice.UP)


def asked(text: str = REQUEST, **params: float) -> Talk:
    """A question was asked, and a reply is being prepared."""
    talk = Talk(**params)
    talk.says(text)
    assert talk.answers(1.5) == [text]
    assert talk.machine.agent is Agent.PREPARING
    return talk


def speaking(heard: str = 'It is', for_s: float = 0.5, **params: float) -> Talk:
    """The robot is in the middle of its reply."""
    talk = asked(**params)
    talk.plays(heard)
    talk.wait(for_s)
    assert talk.state == (Person.QUIET, Agent.SPEAKING, Voice.UP)
    return talk


def after_reply(heard: str, pause_s: float = 1.0) -> Talk:
    """The robot has said ``heard`` and is silent since."""
    talk = speaking(heard)
    talk.finishes(heard)
    talk.wait(pause_s)
    return talk


def only(kind: type, effects: list[Effect]) -> list:
    return [effect for effect in effects if isinstance(effect, kind)]


def briefs(effects: list[Effect]) -> list[str]:
    return [effect.brief for effect in only(React, effects)]


def reasons(effects: list[Effect]) -> list[Reason]:
    return [effect.reason for effect in only(Interrupt, effects)]


# -- questions and answers ------------------------------------------------------------------------


def test_the_first_message_voids_a_former_life():
    assert Talk().machine.start() == [Interrupt(EPOCH, False, Reason.STARTED)]


def test_a_question_is_answered():
    talk = Talk()
    talk.starts()
    talk.wait(1.0)
    end = talk.now
    talk.stops()
    assert talk.final(REQUEST) == [
        Interrupt(EPOCH + 1, False, Reason.NEW_REPLY, talk.now),
        React(EPOCH + 1, REQUEST, pytest.approx(end + talk.machine.params.end_of_turn_s))]
    talk.plays()
    talk.finishes()
    talk.wait(talk.machine.params.words_s)
    assert talk.state == REST
    assert talk.machine.deadline() is None


def test_a_reply_is_prepared_at_once_but_not_heard_before_the_turn_is_certainly_over():
    talk = Talk(end_of_turn_s=0.9)
    talk.says(REQUEST)
    react = only(React, talk.log)[0]
    assert talk.now < react.not_before == pytest.approx(talk.now - HANGOVER_S + 0.9)


def test_a_typed_query_is_over_at_once():
    talk = Talk()
    talk.step(Typed(talk.now, 'hello'))
    assert only(React, talk.log)[0].not_before == talk.now


def test_words_that_come_late_are_answered_at_once():
    talk = Talk()
    talk.starts()
    talk.stops()
    end = talk.now - HANGOVER_S
    talk.wait(4.0)
    assert talk.machine.person is Person.QUIET
    talk.final(REQUEST)
    assert talk.answers() == [REQUEST]
    assert only(React, talk.log)[0].not_before == pytest.approx(
        end + talk.machine.params.end_of_turn_s)     # long ago


@pytest.mark.parametrize('text, turn_end', [(REQUEST, 0.2), ('Tell me a story, please,', 0.9)])
def test_a_turn_that_may_not_be_over_is_prepared_for_later_and_answered_later_still(
        text: str, turn_end: float):
    talk = Talk()
    talk.says(text, turn_end=turn_end)
    end, params = talk.now - HANGOVER_S, talk.machine.params
    assert talk.answers(params.prepare_s - HANGOVER_S - 0.05) == []
    assert talk.answers(0.1) == [text]
    assert only(React, talk.log)[0].not_before == pytest.approx(end + params.pause_s)


def test_a_turn_that_breaks_off_gets_the_longest_silence_and_nothing_is_prepared():
    talk = Talk()
    talk.says('Tell me about the', turn_end=0.9)
    assert talk.answers(talk.machine.params.trailing_s - HANGOVER_S - 0.05) == []
    assert talk.answers(0.1) == ['Tell me about the']


@pytest.mark.parametrize('ending, silence', [(0.05, 'trailing_s'), (0.2, 'pause_s'),
                                             (0.6, 'end_of_turn_s'), (None, 'end_of_turn_s')])
def test_a_guess_that_the_sentence_goes_on_holds_the_answer_back(ending: float | None,
                                                                 silence: str):
    talk = Talk()
    talk.says(REQUEST)
    end = talk.now - HANGOVER_S
    assert [weigh.text for weigh in talk.weighed] == [REQUEST]
    talk.wait(0.1)
    talk.step(Weighed(talk.utterance, REQUEST, ending))
    reacts = only(React, talk.log)
    # the same answer, heard at another time
    assert {react.epoch for react in reacts} == {EPOCH + 1}
    assert reacts[-1].not_before == pytest.approx(end + getattr(talk.machine.params, silence))


def test_a_complete_question_does_not_wait_for_the_guess():
    talk = Talk()
    talk.says(QUESTION)
    assert talk.weighed == []                # it would change nothing
    talk.step(Judged(talk.utterance, QUESTION, 3.0))
    end = talk.now - HANGOVER_S
    assert (only(
        React, talk.log)[-1].not_before == pytest.approx(end + talk.machine.params.end_of_turn_s))


def test_a_guess_that_comes_before_the_decision_is_used_for_it():
    talk = Talk()
    talk.says('Tell me a story please', turn_end=0.9)
    assert [weigh.text for weigh in talk.weighed] == ['Tell me a story please']
    again = Talk()
    # not clear, so it is decided on a little later
    again.says('Tell me a story, please,', turn_end=0.9)
    again.step(Weighed(again.utterance, 'Tell me a story, please,', 0.01))
    end = again.now - HANGOVER_S
    again.wait(3.0)
    assert (only(React,
                 again.log)[0].not_before == pytest.approx(end + again.machine.params.trailing_s))


def test_a_clock_that_is_set_back_does_not_move_the_certain_end_of_a_turn():
    talk = Talk()
    talk.says(REQUEST)
    end = talk.now - HANGOVER_S
    talk.now -= 3600.0
    talk.step(Tick(talk.now))
    talk.step(Weighed(talk.utterance, REQUEST, 0.2))
    certain = only(React, talk.log)[-1].not_before
    assert certain == pytest.approx(end - 3600.0 + talk.machine.params.pause_s)


def test_a_guess_about_other_words_changes_nothing():
    talk = Talk()
    talk.says(REQUEST)
    talk.step(Weighed(talk.utterance, 'Tell me', 0.0))
    talk.step(Weighed(talk.utterance + 1, REQUEST, 0.0))
    assert len(only(React, talk.log)) == 1


def test_a_turn_end_that_was_not_judged_counts_as_complete():
    talk = Talk()
    talk.says(REQUEST, turn_end=None)
    assert talk.answers() == [REQUEST]


def test_the_turn_end_threshold_itself_is_complete():
    talk = Talk()
    talk.says(REQUEST, turn_end=talk.machine.params.complete)
    assert talk.answers() == [REQUEST]


def test_side_talk_is_left_alone():
    talk = Talk()
    talk.says(SIDE_TALK)
    assert talk.answers(20.0) == []
    assert talk.epoch == EPOCH
    assert talk.state == REST
    assert 'not for the robot' in talk.machine.why


def test_what_follows_side_talk_at_once_is_rather_part_of_it():
    alone = Talk()
    alone.says('Is it late?')
    assert alone.answers(2.0) == ['Is it late?']
    talk = Talk()
    talk.says(SIDE_TALK)
    talk.wait(0.5)
    talk.says('Is it late?')
    assert talk.answers(2.0) == []


def test_partial_words_alone_are_never_answered():
    talk = Talk()
    talk.starts()
    talk.words(REQUEST)
    assert only(React, talk.wait(30.0)) == []
    assert talk.state == REST


def test_a_typed_query_is_always_for_the_robot():
    talk = Talk()
    talk.step(Typed(talk.now, SIDE_TALK))
    assert talk.answers() == [SIDE_TALK]
    assert talk.epoch == EPOCH + 1


def test_a_typed_query_replaces_the_reply_in_progress():
    talk = speaking()
    effects = talk.step(Typed(talk.now, 'and tomorrow'))
    assert effects == [Interrupt(EPOCH + 2, False, Reason.NEW_REPLY, talk.now),
                       React(EPOCH + 2, 'and tomorrow', talk.now)]


def test_a_typed_query_before_any_sound_keeps_the_first_question():
    talk = asked()
    talk.step(Typed(talk.now, 'and tomorrow'))
    assert talk.answers() == [f'{REQUEST} and tomorrow']


def test_a_typed_stop_silences():
    talk = speaking()
    assert talk.step(Typed(talk.now, 'Stop!')) == [
        Interrupt(EPOCH + 2, False, Reason.STOP_PHRASE, talk.now), EndInstructions('Stop!')]
    assert talk.machine.agent is Agent.IDLE


def test_a_scene_is_remembered_and_nothing_else():
    talk = speaking()
    before = talk.state
    assert talk.step(SceneChanged(talk.now, 'a person', 1.0)) == [Remember(Role.SCENE, 'a person')]
    assert talk.state == before


# -- the language model as a judge ----------------------------------------------------------------


def test_the_language_model_is_asked_about_what_is_unclear():
    talk = Talk()
    assert talk.says(QUESTION) == [Judge(1, QUESTION)]
    assert only(Judge, Talk().says(REQUEST)) == []


def test_a_quick_judgement_is_acted_upon_at_once():
    talk = Talk()
    talk.says(QUESTION)
    assert talk.answers(0.1) == []
    talk.step(Judged(1, QUESTION, 3.0))
    assert talk.answers() == [QUESTION]
    assert 'language model' in dict(talk.machine.score.evidence)


def test_a_model_without_an_opinion_is_not_waited_for():
    talk = Talk()
    talk.says(QUESTION)
    talk.step(Judged(1, QUESTION, None))
    assert talk.answers() == [QUESTION]


def test_a_slow_model_is_not_waited_for_for_ever():
    talk = Talk()
    talk.says(QUESTION)
    params = talk.machine.params
    assert talk.answers(params.judge_s - HANGOVER_S - 0.05) == []
    assert talk.answers(0.1) == [QUESTION]


def test_the_judgement_can_turn_the_decision():
    talk = Talk()
    talk.says(QUESTION)
    talk.step(Judged(1, QUESTION, -4.0))
    assert talk.answers(5.0) == []


def test_a_judgement_that_is_not_a_number_is_no_opinion():
    talk = Talk()
    talk.says('It is rather nice today.')
    talk.step(Judged(1, 'It is rather nice today.', float('nan')))
    assert talk.answers(5.0) == []


def test_a_late_judgement_of_an_older_question_changes_nothing():
    talk = Talk()
    talk.says('How old is he?')
    talk.starts()                                     # the person goes on
    talk.wait(0.4)
    talk.stops()
    talk.final(QUESTION)
    talk.step(Judged(1, 'How old is he?', -4.0))
    assert talk.answers(2.0) == [f'How old is he? {QUESTION}']


def test_a_judgement_after_the_decision_changes_nothing():
    talk = asked(QUESTION)
    before = talk.machine.view()
    assert talk.step(Judged(1, QUESTION, -4.0)) == []
    assert talk.machine.view() == before
    talk.plays()
    talk.finishes()
    talk.says('How old is he?')
    assert talk.wait(0.15) == []                      # its own judgement is awaited


# -- one question, one answer ---------------------------------------------------------------------


def test_a_pause_does_not_split_one_question_into_two_answers():
    talk = Talk()
    talk.says('Tell me a story', turn_end=0.2)        # it does not sound complete
    talk.wait(0.5)
    assert talk.starts(again=True) == []
    talk.wait(0.8)
    talk.stops()
    talk.final('Tell me a story about a bear.')
    talk.wait(2.0)
    assert briefs(talk.log) == ['Tell me a story about a bear.']


def test_a_question_that_goes_on_as_a_new_utterance_is_one_question():
    talk = Talk()
    talk.says('Tell me a story', turn_end=0.2)
    talk.wait(0.5)
    talk.starts()
    talk.wait(0.5)
    talk.stops()
    talk.final('about a brown bear')
    talk.wait(2.0)
    assert briefs(talk.log) == ['Tell me a story about a brown bear']


@pytest.mark.parametrize('rest', ['in Paris tomorrow', 'tomorrow'])
def test_who_goes_on_before_the_turn_is_certainly_over_is_answered_as_a_whole(rest: str):
    talk = Talk()
    talk.says('Robot, what is the weather?')
    react = only(React, talk.log)[-1]
    talk.wait(0.08)
    talk.starts()
    assert talk.now - 0.064 < react.not_before        # nothing of that reply was heard
    talk.wait(0.3)
    talk.stops(0.3)
    talk.final(rest, 0.3)
    assert Reason.SUPERSEDED in reasons(talk.log)
    assert talk.answers(2.0)[-1] == f'Robot, what is the weather? {rest}'


def test_who_speaks_up_after_the_turn_was_over_needs_more_than_a_word():
    talk = Talk()
    talk.says('Robot, what is the weather?')
    talk.answers(0.4)
    talk.says('tomorrow')
    assert talk.answers(2.0) == []


def test_a_partial_word_of_who_goes_on_is_not_yet_enough():
    talk = Talk()
    talk.says('Robot, what is the weather?')
    talk.starts()
    assert only(Interrupt, talk.words('tomorrow')) == []


def test_who_went_on_once_needs_more_than_a_word_again_after_the_next_turn():
    talk = Talk()
    talk.says('Robot, what is the weather?')
    talk.says('in Paris')
    assert len(talk.answers(0.5)) == 2
    talk.says('tomorrow')
    assert talk.answers(2.0) == []


def test_who_adds_something_before_the_first_sound_of_the_reply_is_answered_as_a_whole():
    talk = Talk()
    talk.says('Please enter the number.')
    assert talk.answers(1.0) == ['Please enter the number.']
    talk.says('from the list')
    assert talk.answers(2.0) == ['Please enter the number. from the list']


def test_the_same_words_over_the_reply_are_not_taken_for_a_part_of_the_question():
    talk = asked('Please enter the number.')
    talk.plays()
    talk.wait(1.0)
    talk.says('from the list')
    assert talk.answers(2.0) == []


def test_a_sound_just_before_the_turn_is_certainly_over_puts_that_off_once():
    talk = Talk()
    talk.says(REQUEST)
    certain = only(React, talk.log)[-1].not_before
    talk.wait(certain - talk.now - 0.05)
    (moved,) = talk.sounds()
    assert moved == React(talk.epoch, REQUEST, pytest.approx(
        talk.now + talk.machine.params.resume_s))
    talk.wait(0.1)
    assert talk.sounds() == []                        # a kitchen is full of sounds


def test_a_sound_long_before_the_turn_is_certainly_over_changes_nothing():
    talk = Talk(end_of_turn_s=0.9)
    talk.says(REQUEST)
    assert talk.sounds() == []


def test_a_sound_between_the_voice_and_its_words_counts_too():
    talk = Talk()
    talk.starts()
    talk.wait(0.6)
    end = talk.now
    talk.stops()
    talk.wait(0.15)
    assert talk.sounds() == []
    sounded = talk.now
    talk.final(REQUEST)
    assert only(React, talk.log)[-1].not_before == pytest.approx(
        sounded + talk.machine.params.resume_s)
    assert sounded + talk.machine.params.resume_s > end + talk.machine.params.end_of_turn_s


def test_a_guess_that_comes_after_such_a_sound_does_not_hurry_the_reply():
    talk = Talk()
    talk.says(REQUEST)
    talk.wait(0.1)
    talk.sounds()
    moved = only(React, talk.log)[-1].not_before
    assert talk.step(Weighed(talk.utterance, REQUEST, 0.9)) == []
    assert only(React, talk.log)[-1].not_before == moved


def test_what_is_not_for_the_robot_is_given_up_after_such_a_sound_only_when_it_was_none():
    talk = Talk()
    talk.says(SIDE_TALK)
    talk.wait(0.15)
    talk.sounds()
    talk.wait(0.1)
    assert talk.machine.agent is Agent.DECIDING
    talk.wait(0.15)
    assert talk.machine.agent is Agent.IDLE


def test_the_first_sound_of_a_reply_waits_for_a_sound_to_be_explained():
    talk = asked()
    assert [effect.ducked for effect in talk.sounds()] == [True]
    assert [effect.ducked for effect in talk.wait(0.31)] == [False]
    assert talk.machine.agent is Agent.PREPARING


def test_a_cough_before_the_turn_is_certainly_over_does_not_stop_the_reply():
    talk = Talk()
    talk.says(REQUEST)
    talk.coughs()
    talk.wait(1.0)
    assert briefs(talk.log) == [REQUEST]
    assert talk.machine.agent is Agent.PREPARING


def test_a_question_that_goes_on_while_the_reply_is_prepared_gets_one_answer_to_all_of_it():
    talk = asked('Tell me the time, please.')
    lowered = talk.starts()
    assert [effect.ducked for effect in lowered] == [True]
    talk.wait(0.5)
    assert talk.words('and what is the weather like') == [
        Interrupt(EPOCH + 2, False, Reason.SUPERSEDED, talk.now)]
    talk.stops()
    effects = talk.final('and what is the weather like?') + talk.wait(2.0)
    assert briefs(effects) == ['Tell me the time, please. and what is the weather like?']
    assert talk.epoch == EPOCH + 3


def test_the_same_utterance_going_on_is_not_asked_twice():
    talk = asked('Tell me a story')
    talk.starts(again=True)                # it crossed the interrupt that ends the utterance
    talk.wait(0.5)
    talk.stops()
    talk.final('Tell me a story about a bear.')
    assert talk.answers(2.0) == ['Tell me a story about a bear.']


def test_the_same_utterance_going_on_is_not_judged_twice():
    talk = asked('Is it late')
    talk.starts(again=True)
    talk.wait(0.5)
    talk.stops()
    assert only(Judge, talk.final('Is it late in Rome?')) == [Judge(1, 'Is it late in Rome?')]


def test_a_cough_while_deciding_does_not_lose_the_question():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    assert talk.machine.agent is Agent.DECIDING
    talk.coughs()
    talk.wait(1.0)
    assert briefs(talk.log) == [REQUEST]


def test_a_noise_without_any_words_while_deciding_does_not_lose_the_question():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    assert talk.machine.agent is Agent.DECIDING
    talk.starts()
    talk.stops()
    assert talk.answers(talk.machine.params.words_s + 0.1) == [REQUEST]


def test_a_noise_whose_end_is_never_told_does_not_lose_the_question():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    assert talk.machine.agent is Agent.DECIDING
    talk.starts()
    assert talk.answers(talk.machine.params.patience_s + 0.1) == [REQUEST]


def test_late_words_of_a_noise_do_not_lose_the_question():
    talk = Talk(words_s=0.3)
    talk.says(QUESTION)
    talk.starts()
    talk.stops()
    talk.wait(0.15)                        # the noise is given up, the model thinks again
    assert talk.machine.agent is Agent.DECIDING
    talk.final('hm')
    assert talk.answers(1.0) == [QUESTION]


def test_words_of_a_noise_that_come_twice_do_not_lose_the_question():
    talk = Talk()
    talk.says(QUESTION)
    talk.coughs()
    assert talk.machine.agent is Agent.DECIDING
    talk.final('')
    assert talk.answers(2.0) == [QUESTION]


def test_final_words_that_crossed_more_speech_are_not_the_end_of_it():
    talk = Talk()
    talk.starts()
    talk.stops()
    talk.starts(again=True)
    assert talk.final(REQUEST) == []
    assert talk.answers(3.0) == []
    talk.stops()
    talk.final(f'{REQUEST} About a bear.')
    assert talk.answers(2.0) == [f'{REQUEST} About a bear.']


def test_final_words_that_crossed_more_speech_do_not_end_an_interruption_either():
    talk = speaking()
    talk.starts()
    talk.stops()
    talk.starts(again=True)
    assert talk.final('Hello.') == []
    assert talk.machine.voice is Voice.LOWERED
    talk.stops(1.0)
    talk.final('Hello. Tell me about tomorrow instead, please.', 1.0)
    assert talk.answers(2.0) == ['Hello. Tell me about tomorrow instead, please.']


def test_words_of_an_older_utterance_are_ignored():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    talk.starts()
    assert talk.step(Transcript(talk.now, 1, 'stop', True, 0.5)) == []
    assert talk.machine.view().text == ''


def test_an_utterance_that_was_refused_is_heard_again_when_it_goes_on():
    talk = Talk()
    talk.says('Well, they went home.')
    talk.wait(2.0)
    assert briefs(talk.log) == []
    talk.starts(again=True)
    talk.wait(0.5)
    talk.stops()
    talk.final('Well, they went home. Robot, what time is it?')
    assert len(talk.answers(2.0)) == 1


# -- nods and noises ------------------------------------------------------------------------------


@pytest.mark.parametrize('text',
                         ['Mm-hm.', 'yeah', 'Okay, right.', '', 'I see.', 'Go on.', 'Thank you.'])
def test_a_nod_during_the_reply_lowers_and_raises_the_voice_and_nothing_else(text: str):
    talk = speaking()
    talk.says(text)
    talk.wait(1.0)
    ducks = [(effect.epoch, effect.ducked) for effect in only(Interrupt, talk.log)[1:]]
    assert ducks == [(EPOCH + 1, True), (EPOCH + 1, False)]
    assert reasons(talk.log)[1:] == [Reason.FIRST_SOUND, Reason.NO_INTERRUPT]
    assert talk.state == (Person.TRAILING, Agent.SPEAKING, Voice.UP)
    assert len(briefs(talk.log)) == 1
    talk.finishes()
    talk.wait(5.0)
    assert talk.state == REST


def test_a_nod_while_the_robot_is_silent_needs_no_answer():
    talk = Talk()
    assert talk.says('Okay.') == []
    assert talk.wait(10.0) == []
    assert talk.state == REST


def test_an_answer_to_the_robots_question_needs_no_name():
    talk = after_reply('Shall I go on with the list?')
    talk.says('the second one')
    assert talk.answers(2.0) == ['the second one']
    stranger = Talk()
    stranger.says('the second one')
    assert stranger.answers(2.0) == []


def test_okay_after_a_question_is_an_answer():
    talk = after_reply('Shall I go on?')
    talk.says('Okay.')
    assert talk.answers(2.0) == ['Okay.']


def test_a_cough_after_a_question_is_no_answer_and_does_not_spoil_the_answer():
    talk = after_reply('Shall I go on?')
    assert talk.coughs() == []
    talk.wait(0.5)
    assert talk.machine.agent is Agent.IDLE
    talk.says('Okay.')
    assert talk.answers(2.0) == ['Okay.']


def test_a_question_of_the_robot_is_not_open_for_ever():
    talk = after_reply('Shall I go on with the list?', pause_s=20.0)
    talk.says('the second one')
    assert talk.answers(2.0) == []


# -- the voice gives way --------------------------------------------------------------------------


def test_the_first_sound_of_a_person_lowers_the_voice_at_once():
    talk = speaking()
    began = talk.now - 0.064
    assert talk.starts() == [Interrupt(EPOCH + 1, True, Reason.FIRST_SOUND, began)]
    assert talk.starts(again=True) == []              # it is low already


def test_a_sound_while_the_robot_is_silent_lowers_nothing():
    assert Talk().starts() == []


def test_the_voice_gives_way_to_a_mere_sound_and_comes_back_soon():
    talk = speaking()
    assert [effect.ducked for effect in talk.sounds()] == [True]
    assert not talk.wait(0.29)
    assert [(effect.epoch, effect.ducked) for effect in talk.wait(0.02)] == [(talk.epoch, False)]
    assert talk.state == (Person.QUIET, Agent.SPEAKING, Voice.UP)


def test_a_sound_that_turns_out_to_be_a_voice_keeps_the_robots_own_lowered():
    talk = speaking()
    talk.sounds()
    talk.wait(0.1)
    assert not talk.starts()                             # it is lowered already
    assert not talk.wait(1.8)
    # two seconds after the sound
    assert [effect.ducked for effect in talk.wait(0.2)] == [False]


def test_a_nod_that_is_misheard_as_two_words_does_not_stop_the_reply():
    for misheard in ('White white', 'Shorts short'):
        talk = Talk()
        talk.says(REQUEST, level_dbfs=-23.0)
        talk.wait(1.5)
        talk.plays()
        talk.wait(1.0)
        talk.says(misheard, voiced_s=0.45, level_dbfs=-23.0)
        talk.wait(2.5)
        assert talk.state[1:] == (Agent.SPEAKING, Voice.UP)


def heard_as(talk: Talk, *partials: str, nod: float | None = None) -> list[Reason]:
    """What an utterance that is heard as this, one after the other, does to a speaking robot."""
    talk.starts()
    for voiced_s, text in zip((0.3, 0.42, 0.55, 0.68, 0.81), partials):
        talk.wait(0.13)
        talk.words(text, voiced_s, nod)
    return reasons(talk.log)[1:]


LIKE_A_NOD, BETWEEN, UNLIKE_A_NOD = -2.0, -6.0, -9.0


@pytest.mark.parametrize('partials', [
    ('Sorrow, sorrow', 'What are you', 'What are you'), ("I'm not", "I'm not", "I'm not.")])
def test_what_sounds_like_a_nod_does_not_stop_the_reply_whatever_its_words(
        partials: tuple[str, ...]):
    talk = speaking()
    assert heard_as(talk, *partials, nod=LIKE_A_NOD) == [Reason.FIRST_SOUND]
    talk.stops(0.6)
    talk.final('What are you', 0.6, nod=LIKE_A_NOD)
    assert reasons(talk.log)[1:] == [Reason.FIRST_SOUND, Reason.NO_INTERRUPT]
    assert 'is a nod' in talk.machine.why and not talk.answers(3.0)


def test_a_stop_is_obeyed_even_if_it_sounds_like_a_nod():
    assert heard_as(speaking(), 'Hold on, what', nod=LIKE_A_NOD)[-1] is Reason.BARGE_IN
    assert heard_as(speaking(), 'Stop it.', nod=LIKE_A_NOD)[-1] is Reason.STOP_PHRASE


def test_words_that_no_nod_explains_need_not_settle():
    for nod, expected in ((UNLIKE_A_NOD, [Reason.FIRST_SOUND, Reason.BARGE_IN]),
                          (BETWEEN, [Reason.FIRST_SOUND]), (None, [Reason.FIRST_SOUND])):
        assert heard_as(speaking(), 'Mm', 'I did not', nod=nod) == expected


def test_a_question_after_the_reply_is_answered_even_if_it_sounds_like_a_nod():
    talk = after_reply('It is a bird.', 3.0)
    talk.starts()
    talk.wait(0.6)
    talk.stops(0.6)
    talk.final('What was that?', 0.6, nod=LIKE_A_NOD)
    assert talk.answers(2.0) == ['What was that?']


@pytest.mark.parametrize('partials', [
    ('Okay okay', 'Okay', "I don't think I'", "I don't think I'll"),      # while a nod lasted
    ('Tip, drop,', 'Did I?', 'The black clock.'),
    ("It's a it", 'Did I', 'Who was he?')])
def test_a_nod_of_which_a_recogniser_makes_something_else_each_time_does_not_stop_the_reply(
        partials: tuple[str, ...]):
    talk = speaking()
    assert heard_as(talk, *partials) == [Reason.FIRST_SOUND]
    talk.stops(0.7)
    talk.final('Okay okay', 0.7)
    assert reasons(talk.log)[1:] == [Reason.FIRST_SOUND, Reason.NO_INTERRUPT]


@pytest.mark.parametrize('partials', [
    ('Wet, wet', 'What do you'), ('Three, three', 'Please open the'), ('Plate', 'Tell me')])
def test_a_plain_question_or_request_cuts_in_at_once(partials: tuple[str, ...]):
    assert heard_as(speaking(), *partials) == [Reason.FIRST_SOUND, Reason.BARGE_IN]


@pytest.mark.parametrize('partials', [
    ('I am', 'I did not', "I didn't mean"), ('It is', 'Is that', 'Is that a')])
def test_other_words_cut_in_when_they_stay_while_more_come(partials: tuple[str, ...]):
    assert heard_as(speaking(), *partials) == [Reason.FIRST_SOUND, Reason.BARGE_IN]


def test_who_goes_on_speaking_cuts_in_however_the_words_change():
    talk = speaking(barge_in_settled_s=0.8)
    assert heard_as(talk, 'Mm', 'Right', 'Did I', 'A book', 'What is that') == [
        Reason.FIRST_SOUND, Reason.BARGE_IN]


def test_final_words_need_not_have_been_there_before():
    talk = speaking()
    heard_as(talk, 'We see', 'Very')
    talk.stops(0.6)
    talk.final('What time is it?', 0.6)
    assert talk.answers(2.0) == ['What time is it?']


def test_a_stop_need_not_have_been_there_before():
    assert heard_as(speaking(), 'Okay', 'Stop') == [Reason.FIRST_SOUND, Reason.STOP_PHRASE]


def test_a_mere_sound_does_nothing_to_a_silent_robot():
    assert not Talk().sounds()


def test_over_its_voice_as_loud_as_who_spoke_to_it_is_meant_and_much_quieter_is_not():
    words = 'the red one over there'                     # nothing in them tells for whom they are
    for level_dbfs, reasons in ((-24.0, [Reason.FIRST_SOUND, Reason.BARGE_IN]),
                                (-38.0, [Reason.FIRST_SOUND, Reason.NO_INTERRUPT])):
        talk = Talk()
        talk.says(REQUEST, level_dbfs=-23.0)
        talk.wait(1.5)
        talk.plays()
        talk.wait(1.0)
        told = only(Interrupt, talk.says(words, level_dbfs=level_dbfs))
        assert [effect.reason for effect in told] == reasons


def test_a_lowered_voice_without_news_comes_back_after_two_seconds():
    talk = speaking()
    talk.starts()
    assert talk.wait(1.95) == []
    assert talk.wait(0.1) == [Interrupt(EPOCH + 1, False, Reason.NO_INTERRUPT)]
    assert talk.machine.agent is Agent.SPEAKING


def test_the_end_of_the_reply_raises_the_voice():
    talk = speaking()
    talk.starts()
    assert talk.finishes()[-1] == Interrupt(EPOCH + 1, False, Reason.NO_INTERRUPT)
    assert talk.machine.voice is Voice.UP


def test_side_talk_is_ignored_and_does_not_stop_the_reply():
    talk = speaking()
    talk.starts()
    talk.wait(0.5)
    assert talk.words('Anna, I told you about') == []
    talk.stops(2.0)
    assert talk.final(SIDE_TALK, 2.0) == [Interrupt(EPOCH + 1, False, Reason.NO_INTERRUPT)]
    talk.wait(1.0)
    assert talk.machine.agent is Agent.SPEAKING
    assert talk.epoch == EPOCH + 1


def test_an_interruption_voids_the_epoch_and_the_new_question_is_answered():
    talk = speaking()
    talk.starts()
    talk.wait(0.6)
    assert talk.words('Wait, what about') == [
        Interrupt(EPOCH + 2, False, Reason.BARGE_IN, talk.now)]
    assert talk.state == (Person.SPEAKING, Agent.IDLE, Voice.UP)
    talk.step(Played(talk.now, EPOCH + 1, 'It is', False))
    talk.stops()
    talk.final('Wait, what about tomorrow?')
    assert talk.answers(2.0) == ['Wait, what about tomorrow?']
    assert talk.epoch == EPOCH + 3


def test_what_silenced_the_robot_is_answered_however_vague_its_words_are():
    talk = speaking()
    talk.starts()
    talk.wait(0.6)
    assert reasons(talk.words('Excuse me')) == [Reason.BARGE_IN]
    talk.stops()
    talk.final('Excuse me, who told you that')
    assert talk.answers(2.0) == ['Excuse me, who told you that']


def test_an_interruption_known_only_from_its_final_words_is_obeyed_and_answered():
    talk = speaking()
    effects = talk.says('Tell me about tomorrow instead, please.')
    assert reasons(effects)[:2] == [Reason.FIRST_SOUND, Reason.BARGE_IN]
    assert talk.answers(2.0) == ['Tell me about tomorrow instead, please.']


def test_an_interruption_before_any_sound_keeps_the_first_question():
    talk = asked()
    effects = talk.says('And what time is it, robot?')
    assert Reason.SUPERSEDED in reasons(effects)
    assert talk.answers(2.0) == [f'{REQUEST} And what time is it, robot?']


def test_an_interruption_after_the_first_sound_answers_only_the_new_question():
    talk = speaking()
    talk.says('Tell me about tomorrow instead, please.')
    assert talk.answers(2.0) == ['Tell me about tomorrow instead, please.']


def test_who_goes_on_as_the_reply_begins_is_answered_once_and_whole():
    talk = speaking(for_s=0.3)
    talk.says('About tomorrow.', voiced_s=0.5)
    assert talk.answers(2.0) == [f'{REQUEST} About tomorrow.']


def test_who_speaks_up_a_while_into_the_reply_has_a_new_question():
    talk = speaking(for_s=0.6)
    talk.says('Tell me about tomorrow instead, please.')
    assert talk.answers(2.0) == ['Tell me about tomorrow instead, please.']


def test_a_nod_as_the_reply_begins_does_not_start_it_again():
    talk = speaking(for_s=0.2)
    epoch = talk.epoch
    talk.says('Okay.', voiced_s=0.3)
    assert talk.answers(3.0) == [] and talk.epoch == epoch


VAGUE = 'The weather seems fine today.'


def doubting() -> Talk:
    """Somebody has said something over the robot's voice, and the language model is asked to
    whom.
    """
    talk = speaking()
    talk.says(VAGUE)
    assert [effect for effect in talk.log if isinstance(effect, Judge)][-1].text == VAGUE
    assert talk.state[1:] == (Agent.SPEAKING, Voice.LOWERED)
    return talk


def test_vague_words_over_its_voice_cut_in_if_the_language_model_thinks_so():
    talk = doubting()
    assert reasons(talk.step(Judged(talk.utterance, VAGUE, 2.0)))[:1] == [Reason.BARGE_IN]
    assert talk.answers(2.0) == [VAGUE]
    assert sum(isinstance(effect, Judge) for effect in talk.log) == 1       # it is not asked twice


@pytest.mark.parametrize('margin', [-2.0, None])
def test_vague_words_over_its_voice_pass_if_it_does_not_or_has_no_opinion(margin: float | None):
    talk = doubting()
    epoch = talk.epoch
    assert reasons(talk.step(Judged(talk.utterance, VAGUE, margin))) == [Reason.NO_INTERRUPT]
    assert talk.answers(3.0) == [] and talk.epoch == epoch and talk.machine.agent is Agent.SPEAKING


def test_a_language_model_that_does_not_answer_costs_two_seconds_of_low_voice():
    talk = doubting()
    assert reasons(talk.wait(2.0)) == [Reason.NO_INTERRUPT]
    assert talk.machine.agent is Agent.SPEAKING


def test_vague_words_that_go_on_are_judged_as_a_whole():
    talk = doubting()
    talk.starts(again=True)
    talk.step(Judged(talk.utterance, VAGUE, 2.0))
    assert talk.machine.agent is Agent.SPEAKING
    talk.stops()
    talk.final(f'{VAGUE} Anna.')
    assert ([effect for effect in talk.log
             if isinstance(effect, Judge)][-1].text == f'{VAGUE} Anna.')


def test_an_opinion_that_comes_after_the_reply_was_over_is_used_all_the_same():
    talk = doubting()
    talk.finishes()
    talk.step(Judged(talk.utterance, VAGUE, 2.0))
    assert talk.answers(2.0) == [VAGUE]


def test_its_own_sentence_neither_cuts_in_nor_is_answered():
    talk = speaking()
    epoch = talk.epoch
    talk.starts()
    talk.wait(0.6)
    talk.step(
        Transcript(talk.now, talk.utterance, 'What time is it', False, 0.6, None, echo=0.4,
                   text_echo=0.9))
    talk.stops()
    talk.step(
        Transcript(talk.now, talk.utterance, 'What time is it', True, 0.6, 0.9, echo=0.4,
                   text_echo=0.9))
    assert talk.answers(3.0) == [] and talk.epoch == epoch
    assert talk.machine.why == '"What time is it" is its own voice'


def test_who_repeats_the_robots_words_in_a_voice_of_their_own_is_heard():
    talk = speaking()
    talk.starts()
    talk.wait(0.6)
    effects = talk.step(
        Transcript(talk.now, talk.utterance, 'What time is it', False, 0.6, None, echo=0.0,
                   text_echo=0.9))
    assert reasons(effects) == [Reason.BARGE_IN]


def test_a_stop_that_the_robot_says_itself_does_not_stop_it():
    talk = speaking()
    talk.starts()
    talk.wait(0.3)
    assert (talk.step(
        Transcript(talk.now, talk.utterance, 'Stop', False, 0.3, None, echo=0.9,
                   text_echo=1.0)) == [])
    effects = talk.step(
        Transcript(talk.now, talk.utterance, 'Stop', False, 0.3, None, echo=0.1, text_echo=1.0))
    assert reasons(effects) == [Reason.STOP_PHRASE]


def test_hold_on_and_a_question_is_both():
    talk = speaking()
    talk.starts()
    talk.wait(0.2)
    assert reasons(talk.words('Hold on, who?', voiced_s=0.2)) == [Reason.BARGE_IN]
    talk.stops()
    talk.final('Hold on, who said that?')
    assert talk.answers(2.0) == ['Hold on, who said that?']


def test_one_new_word_is_not_yet_an_interruption():
    talk = speaking()
    talk.starts()
    assert talk.words('Tell') == []
    assert talk.words('okay yeah tell') == []         # nods do not count
    assert only(Interrupt, talk.words('Tell me')) != []


def test_a_short_sound_is_not_yet_an_interruption():
    talk = speaking()
    talk.starts()
    assert talk.words('Tell me more', voiced_s=0.34) == []
    assert only(Interrupt, talk.words('Tell me more', voiced_s=0.35)) != []


def test_it_counts_that_the_robot_was_speaking():
    talk = speaking()
    talk.starts()
    talk.words('Tell me more')
    assert 'said to a speaking robot' in dict(talk.machine.score.evidence)
    silent = Talk()
    silent.says('Tell me more')
    assert 'said to a speaking robot' not in dict(silent.machine.score.evidence)


def test_playing_of_a_voided_reply_does_not_make_the_robot_speak():
    talk = speaking()
    talk.says('Tell me about tomorrow instead, please.')
    talk.step(Playing(talk.now, EPOCH + 1, 'It is almost'))
    assert talk.machine.agent is Agent.PREPARING


def test_stop_ends_instructions_too_unless_it_is_its_own_voice():
    talk = after_reply('It is noon.')
    talk.starts()
    own = talk.step(
        Transcript(talk.now, talk.utterance, 'Stop telling me.', True, 0.6, 0.9, echo=0.9,
                   text_echo=1.0))
    assert [effect for effect in own if isinstance(effect, EndInstructions)] == []
    talk.starts()
    said = talk.step(Transcript(talk.now, talk.utterance, 'Stop telling me.', True, 0.6, 0.9))
    assert ([effect.text for effect in said
             if isinstance(effect, EndInstructions)] == ['Stop telling me.'])


def test_sound_of_a_newer_epoch_is_not_the_own_reply_and_is_outranked():
    # as after a restart with a clock that went back
    talk = asked()
    assert talk.step(Playing(talk.now, EPOCH + 50, 'Well')) == []
    assert talk.machine.agent is Agent.PREPARING
    assert only(Interrupt, talk.step(HushRequested(talk.now)))[0].epoch == EPOCH + 51


# -- stop -----------------------------------------------------------------------------------------


def test_stop_works_from_a_partial_result():
    talk = speaking()
    talk.starts()
    talk.wait(0.3)
    assert talk.words('stop', voiced_s=0.25) == [
        Interrupt(EPOCH + 2, False, Reason.STOP_PHRASE, talk.now)]
    talk.stops(0.3)
    assert talk.final('Stop!', 0.3) == [EndInstructions('Stop!')]
    assert talk.answers(20.0) == []
    assert talk.state == REST


def test_stop_works_while_the_reply_is_prepared_and_the_question_is_forgotten():
    talk = asked()
    talk.says('Stop.', voiced_s=0.3)
    assert talk.epoch == EPOCH + 2
    talk.wait(1.0)
    talk.says(QUESTION)
    assert talk.answers(2.0) == [QUESTION]


def test_stop_takes_back_a_question_that_is_still_being_decided():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    talk.starts()
    talk.wait(0.3)
    talk.words('stop')
    talk.stops(0.3)
    talk.final('Stop.', 0.3)
    assert talk.answers(30.0) == []
    assert talk.state == REST


def test_stop_and_a_new_question_in_one_breath_are_both_obeyed():
    talk = speaking()
    talk.starts()
    talk.wait(0.4)
    assert only(Interrupt, talk.words('Stop'))[0].reason is Reason.STOP_PHRASE
    talk.wait(1.0)
    talk.stops(1.4)
    talk.final('Stop, tell me the time instead.', 1.4)
    assert talk.answers(2.0) == ['Stop, tell me the time instead.']


def test_stop_in_silence_is_no_reason_for_anything():
    talk = Talk()
    assert talk.says('Stop.') == [EndInstructions('Stop.')]
    assert talk.wait(10.0) == []
    assert talk.epoch == EPOCH
    assert 'nothing is being said' in talk.machine.why


# -- when it listens ------------------------------------------------------------------------------


def in_mode(mode: str) -> Talk:
    talk = Talk()
    talk.step(ModeWanted(talk.now, mode))
    return talk


def test_name_only_answers_to_its_name_and_to_nothing_else():
    talk = in_mode('name_only')
    talk.says(QUESTION)
    assert talk.answers(3.0) == [] and 'listens name only' in talk.machine.why
    talk.says('Robot, what time is it?')
    assert talk.answers(3.0) == ['Robot, what time is it?']


def test_stop_passes_every_mode():
    talk = speaking()
    talk.step(ModeWanted(talk.now, 'push_to_talk'))
    talk.says('Stop!')
    assert (Reason.STOP_PHRASE
            in [effect.reason for effect in talk.log if isinstance(effect, Interrupt)])


def test_attentive_needs_a_look_and_then_follows_the_conversation():
    talk = in_mode('attentive')
    talk.says(QUESTION)
    assert talk.answers(3.0) == []
    talk.step(LookedAt(talk.now))
    talk.says(QUESTION)
    assert talk.answers(3.0) == [QUESTION]


def test_a_button_that_is_held_opens_the_ear():
    talk = in_mode('push_to_talk')
    talk.step(ButtonHeld(talk.now, True))
    talk.says(QUESTION)
    assert talk.answers(3.0) == [QUESTION]


def test_being_told_that_it_was_not_meant_makes_it_a_little_stricter_until_that_is_forgotten():
    talk = after_reply('It is noon.')
    talk.says('Robot, I was not talking to you.')
    talk.answers(3.0)
    talk.wait(20.0)
    talk.says(REQUEST)
    talk.answers(3.0)
    talk.says('Robot, not you.')
    talk.answers(3.0)
    assert talk.machine.attention.shift() < 0.0
    talk.step(CorrectionsForgotten(talk.now))
    assert talk.machine.attention.shift() == 0.0


# -- wheels and arms ------------------------------------------------------------------------------


def moving() -> Talk:
    """Nobody speaks, and the robot drives."""
    talk = Talk()
    talk.step(Moving(talk.now, True))
    return talk


def test_a_robot_that_moves_without_a_word_is_stopped_by_the_first_partial_words():
    talk = moving()
    assert [(effect.epoch, effect.ducked) for effect in talk.starts()] == [(EPOCH, True)]
    talk.wait(0.3)
    assert (talk.words(
        'stop', voiced_s=0.25) == [Interrupt(EPOCH + 1, False, Reason.STOP_PHRASE, talk.now)])
    assert talk.final('Stop!', 0.3) == [EndInstructions('Stop!')]


@pytest.mark.parametrize('said', ['Mhm.', SIDE_TALK])
def test_what_is_not_for_a_robot_that_moves_lets_it_go_on_in_its_epoch(said: str):
    talk = moving()
    talk.says(said)
    talk.wait(1.5)
    assert talk.state[2] is Voice.UP and talk.epoch == EPOCH


def test_a_question_lets_it_move_on_and_is_answered():
    talk = moving()
    talk.says(QUESTION)
    assert talk.answers(1.0) == [QUESTION]
    assert ([effect.reason for effect in talk.log
             if isinstance(effect, Interrupt)] == [Reason.FIRST_SOUND, Reason.NEW_REPLY])
    assert Reason.NEW_REPLY not in HALTING


def test_a_voice_of_which_nothing_comes_holds_it_for_two_seconds_at_most():
    talk = moving()
    talk.starts()
    assert talk.wait(2.1) == [Interrupt(EPOCH, False, Reason.NO_INTERRUPT)]


def test_what_has_stopped_does_not_have_to_be_held():
    talk = moving()
    talk.step(Moving(talk.now, False))
    assert talk.starts() == []
    other = moving()
    other.step(HushRequested(other.now))
    assert other.starts() == []


def test_the_bus_stop_is_not_a_stop():
    talk = speaking()
    talk.starts()
    talk.wait(0.5)
    assert talk.words('We met at the bus stop') == []
    talk.stops()
    talk.final('We met at the bus stop.')
    assert reasons(talk.wait(3.0))[:1] == [Reason.NO_INTERRUPT]
    assert talk.machine.agent is Agent.SPEAKING


def test_hush_silences():
    talk = speaking()
    assert talk.step(HushRequested(talk.now)) == [
        Interrupt(EPOCH + 2, False, Reason.HUSH, talk.now)]
    assert talk.state == REST


def test_hush_forgets_the_question_that_was_about_to_be_answered():
    talk = asked()
    talk.step(HushRequested(talk.now))
    talk.wait(1.0)
    talk.says(QUESTION)
    assert talk.answers(2.0) == [QUESTION]


def test_hush_while_deciding_leaves_nothing_to_decide():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    talk.step(HushRequested(talk.now))
    assert talk.answers(30.0) == []
    assert talk.state == REST


def test_hush_while_somebody_coughs_forgets_the_question_before():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    talk.starts()
    talk.step(HushRequested(talk.now))
    talk.stops(0.1)
    talk.final('', 0.1)
    assert talk.answers(30.0) == []


def test_a_typed_query_forgets_a_spoken_one_that_was_set_aside():
    talk = Talk()
    talk.says(REQUEST, turn_end=0.2)
    talk.starts()
    talk.step(Typed(talk.now, 'hello'))
    talk.answers()
    talk.plays('Hello.')
    talk.finishes('Hello.')
    talk.stops(0.1)
    talk.final('', 0.1)
    assert talk.answers(30.0) == []


# -- replies that go wrong ------------------------------------------------------------------------


def test_a_reply_without_news_is_lost():
    talk = asked()
    assert talk.wait(13.0) == []
    assert talk.wait(2.0) == [Interrupt(EPOCH + 2, False, Reason.LOST)]
    assert talk.state == REST


def test_a_lost_question_is_not_dragged_into_the_next_one():
    talk = asked()
    talk.wait(100.0)
    talk.says(QUESTION)
    assert talk.answers(2.0) == [QUESTION]


def test_a_reply_is_lost_although_people_go_on_talking():
    talk = asked()
    for _ in range(8):
        talk.says(SIDE_TALK)
        talk.wait(2.0)
    assert Reason.LOST in reasons(talk.log)


def test_a_voice_whose_end_was_never_told_is_given_up_although_the_robot_speaks():
    talk = speaking()
    talk.starts()
    for _ in range(20):
        talk.wait(1.0)
        talk.plays()
    assert talk.state == (Person.QUIET, Agent.SPEAKING, Voice.UP)


def test_a_long_reply_with_news_is_not_lost():
    talk = speaking()
    for _ in range(10):
        assert talk.wait(10.0) == []
        talk.plays()
    assert talk.machine.agent is Agent.SPEAKING


def test_an_empty_reply_ends():
    talk = asked()
    assert talk.step(Played(talk.now, talk.epoch, '', True)) == []
    assert talk.state == REST


# -- memory ---------------------------------------------------------------------------------------


def test_a_question_is_remembered_when_its_answer_is_heard():
    talk = asked()
    assert only(Remember, talk.log) == []
    assert talk.plays() == [Remember(Role.PERSON, REQUEST)]
    assert talk.plays() == []                         # once


def test_the_whole_reply_is_remembered_when_it_was_heard():
    talk = speaking()
    assert talk.finishes('It is noon.') == [Remember(Role.ROBOT, 'It is noon.', truncated=False)]


def test_heard_text_of_a_cut_reply_is_remembered_with_truncated():
    talk = speaking()
    talk.says('Tell me about tomorrow instead, please.')
    effects = talk.step(Played(talk.now, EPOCH + 1, 'It is al', False))
    assert effects == [Remember(Role.ROBOT, 'It is al', truncated=True)]


def test_a_reply_that_nobody_heard_is_not_remembered():
    talk = asked()
    assert talk.step(Played(talk.now, talk.epoch, '', False)) == []


def test_an_older_reply_that_ends_late_does_not_end_the_newer_one():
    talk = speaking()
    talk.step(Typed(talk.now, 'and tomorrow'))
    talk.step(Played(talk.now, EPOCH + 1, 'It is', False))
    assert talk.machine.agent is Agent.PREPARING
    talk.plays()
    talk.step(Played(talk.now, EPOCH + 1, 'It is', False))
    assert talk.machine.agent is Agent.SPEAKING


# -- every state has a way out by event and by deadline -------------------------------------------


def person_speaks() -> Talk:
    talk = Talk()
    talk.starts()
    return talk


def person_trails() -> Talk:
    talk = person_speaks()
    talk.stops()
    return talk


def agent_decides() -> Talk:
    talk = Talk()
    talk.says(QUESTION)
    return talk


def voice_is_low() -> Talk:
    talk = speaking()
    talk.starts()
    return talk


def question_is_set_aside() -> Talk:
    talk = agent_decides()
    talk.starts()
    return talk


STATES = [
    (person_speaks, Person.SPEAKING, SpeechStopped(0.0, 1, 0.5)),
    (person_trails, Person.TRAILING, SpeechStarted(0.0, 1)),
    (agent_decides, Agent.DECIDING, HushRequested(0.0)),
    (asked, Agent.PREPARING, HushRequested(0.0)),
    (speaking, Agent.SPEAKING, Played(0.0, EPOCH + 1, 'x', True)),
    (voice_is_low, Voice.LOWERED, Played(0.0, EPOCH + 1, 'x', True)),
    (question_is_set_aside, Person.SPEAKING, SpeechStopped(0.0, 2, 0.5)),
]


@pytest.mark.parametrize('enter, state, event', STATES)
def test_every_state_has_a_way_out_by_an_event(enter, state, event: Event):
    talk = enter()
    assert state in talk.state
    talk.step(event)
    assert state not in talk.state


@pytest.mark.parametrize('enter, state, event', STATES)
def test_every_state_has_a_way_out_by_deadlines_alone(enter, state, event: Event):
    talk = enter()
    assert state in talk.state
    began, ticks = talk.now, 0
    while (due := talk.machine.deadline()) is not None:
        talk.now = max(talk.now, due)
        talk.step(Tick(talk.now))
        ticks += 1
        assert ticks <= 8
    assert talk.state == REST
    assert talk.now - began <= 3 * talk.machine.params.patience_s


def test_every_state_but_the_idle_ones_is_in_the_table():
    everything = {*Person, *Agent, *Voice}
    assert {state for _, state, _ in STATES} == everything - set(REST)


# -- parameters -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sound:
    """Parameters as a node would have them."""

    level: float = param(-20.0, 'a level [dB]', -60.0, 0.0)
    size: str = param('small', 'a size', choices=('small', 'large'))


@pytest.mark.parametrize('params', [TurnParams, AddresseeParams, EndpointParams])
def test_every_default_is_inside_of_its_range(params: type):
    assert check(params()) == params()
    assert all(spec.doc for spec in specs(params))


@pytest.mark.parametrize('value', [-60.0, -1, 0.0])
def test_a_range_may_end_at_zero(value: float):
    assert check(Sound(level=value)).level == value


@pytest.mark.parametrize('value', [0.1, -60.1, float('nan')])
def test_a_value_outside_of_its_range_is_refused_by_name(value: float):
    with pytest.raises(ConfigError, match='level'):
        check(Sound(level=value))


def test_a_value_that_is_not_among_the_choices_is_refused():
    with pytest.raises(ConfigError, match='big.*small, large'):
        check(Sound(size='big'))


def test_a_question_taken_back_for_words_that_turn_out_to_be_noise_is_answered_after_all():
    talk = asked()
    talk.starts()
    talk.wait(0.6)
    assert Reason.SUPERSEDED in reasons(talk.words('Tell me about tomorrow'))
    talk.stops()
    effects = talk.final('') + talk.wait(3.0)
    assert briefs(effects) == [REQUEST]


# -- unasked --------------------------------------------------------------------------------------

REMARK = 'Somebody has come in.'


def notices(talk: Talk, text: str = REMARK) -> list[str]:
    return [effect.say for effect in only(React, talk.step(Noticed(talk.now, text)))]


def test_a_remark_is_made_at_once_where_nobody_speaks():
    talk = Talk()
    assert notices(talk) == [REMARK]
    assert talk.state == (Person.QUIET, Agent.PREPARING, Voice.UP)
    talk.plays('Somebody')
    talk.finishes(REMARK)
    assert talk.state == REST
    # nobody had asked
    assert [effect.role for effect in only(Remember, talk.log)] == [Role.ROBOT]


def test_a_remark_waits_for_a_person_who_is_speaking_and_for_the_answer_to_them():
    talk = Talk()
    talk.starts()
    assert not notices(talk)
    talk.wait(1.0)
    talk.stops()
    talk.final(REQUEST)
    assert not [effect for effect in only(React, talk.wait(2.0)) if effect.say]
    talk.plays()
    told = only(React, talk.finishes())
    assert [effect.say for effect in told] == [REMARK]


def test_a_remark_waits_for_the_end_of_a_short_reply_and_not_for_that_of_a_story():
    talk = speaking()
    assert not notices(talk)
    assert not only(React, talk.wait(3.9))
    old = talk.epoch
    told = only(React, talk.wait(0.2))
    assert [effect.say for effect in told] == [REMARK] and talk.epoch == old + 1


def test_a_remark_can_be_interrupted_like_any_reply():
    talk = Talk()
    notices(talk)
    talk.plays('Somebody')
    talk.wait(1.0)
    talk.starts()
    talk.wait(0.5)
    assert ([effect.reason
             for effect in only(Interrupt, talk.words('Stop!'))] == [Reason.STOP_PHRASE])
    assert not only(React, talk.wait(40.0))              # and is not made again


def test_a_remark_that_was_taken_back_before_its_first_sound_is_made_after_the_answer():
    talk = Talk()
    notices(talk)
    talk.wait(0.1)
    talk.says(QUESTION)
    talk.wait(2.0)
    talk.plays()
    assert [effect.say for effect in only(React, talk.finishes())] == [REMARK]


def test_a_remark_that_never_finds_its_moment_is_no_news_any_more():
    talk = Talk(remark_limit_s=5.0)
    talk.starts()
    notices(talk)
    for _ in range(8):                                   # somebody goes on and on
        talk.wait(1.0)
        talk.words('Anna told me about the door and the')
    talk.stops()
    talk.final(SIDE_TALK)
    assert not only(React, talk.wait(10.0))


def test_silence_that_was_asked_for_holds_for_remarks_that_wait():
    talk = Talk()
    talk.starts()
    notices(talk)
    talk.step(HushRequested(talk.now))
    talk.stops()
    talk.final('')
    assert not only(React, talk.wait(40.0))
