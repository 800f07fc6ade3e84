"""The same steps and the same code give the same decisions; other code or parameters give
differences that are told.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_turn_properties import PARAMS, Play, scripts

from omni_agent.backends import languages
from omni_agent.core import trace
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.events import (Event, Interrupt, Judge, Judged, Played, Playing, React,
                                    Reason, SpeechStarted, SpeechStopped, Tick, Transcript, Typed,
                                    Weigh, Weighed)
from omni_agent.core.replay import Answers, Outcome, Rerun
from omni_agent.core.then_and_now import Done, Verdict, compare
from omni_agent.core.trace import Begin, Step
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

FAST = settings(max_examples=80, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
ENGLISH = languages.lexicon('en')
EPOCH = 5_000


class Recorded:
    """A machine that is traced while it is played, with an alarm that rings a little late."""

    def __init__(self, params: TurnParams = TurnParams(), late_s: float = 0.004) -> None:
        self.machine = TurnMachine(params, Addressee(AddresseeParams()), EPOCH, ENGLISH)
        self.late_s = late_s
        self.lines = [trace.write(trace.begin(self.machine, 0, 100.0, '0.1.0', 'en'))]

    def step(self, event: Event, now: float) -> Recorded:
        while (due := self.machine.deadline()) is not None and due + self.late_s < now:
            self._step(Tick(due + self.late_s), due + self.late_s)
        return self._step(event, now)

    def _step(self, event: Event, now: float) -> Recorded:
        effects = self.machine.step(event, now)
        self.lines.append(trace.write(Step(len(self.lines), now, event, tuple(effects),
                                           trace.state(self.machine.view()))))
        return self

    def says(self, t: float, utterance: int, text: str, turn_end: float = 0.95) -> Recorded:
        """Half a second of speech from ``t`` on."""
        self.step(SpeechStarted(t, utterance), t + 0.05)
        self.step(Transcript(t + 0.3, utterance, text.rsplit(' ', 1)[0], False, 0.3), t + 0.35)
        self.step(SpeechStopped(t + 0.5, utterance, 0.5), t + 0.66)
        return self.step(Transcript(t + 0.5, utterance, text, True, 0.5, turn_end), t + 0.7)

    def pieces(self) -> tuple[Begin, list[Step]]:
        return trace.pieces([trace.read(line) for line in self.lines])[0]


def conversation(params: TurnParams = TurnParams()) -> Recorded:
    """A question, its answer, and somebody who cuts in."""
    play = Recorded(params).says(101.0, 1, 'What time is it?')
    epoch = play.machine.epoch
    play.step(Playing(102.5, epoch, 'It is'), 102.55).step(Playing(103.0, epoch, 'It is nine'),
                                                           103.05)
    play.says(104.0, 2, 'What is the weather like tomorrow?')
    play.step(Played(104.5, epoch, 'It is nine', False), 104.75)
    play.step(Playing(106.0, play.machine.epoch, 'Tomorrow'), 106.05)
    return play.step(Played(107.0, play.machine.epoch, 'Tomorrow it rains.', True), 107.05)


def rerun(recorded: Recorded, answers: Answers = Answers(), **changes: float) -> Outcome:
    first, steps = recorded.pieces()
    turn, _ = trace.params_of(TurnParams, {**first.turn, **changes})
    addressee, _ = trace.params_of(AddresseeParams, first.addressee)
    machine, _ = trace.machine_of(first, ENGLISH, turn, addressee)
    return Rerun(machine, answers).run(steps)


def changed(outcome: Outcome) -> list[tuple[Verdict, str]]:
    return [(row.verdict, type((row.then or row.now).effect).__name__) for row in outcome.rows
            if row.verdict is not Verdict.SAME]


def test_the_same_code_decides_the_same() -> None:
    recorded = conversation()
    reasons = [
        effect.reason for _, steps in [recorded.pieces()] for step in steps
        for effect in step.effects if isinstance(effect, Interrupt)
    ]
    # or it would prove nothing
    assert reasons.count(Reason.NEW_REPLY) == 2 and Reason.BARGE_IN in reasons
    outcome = rerun(recorded)
    assert outcome.is_same and outcome.parted_s is None and changed(outcome) == []
    assert (outcome.unheard, outcome.asked, outcome.scores) == (0, 0, 0)


@given(script=scripts, params=st.sampled_from(PARAMS), cut=st.integers(0, 10))
@FAST
def test_whatever_happened_the_same_code_decides_the_same(script, params: TurnParams,
                                                          cut: int) -> None:
    play = Play(params).play(script[:cut])
    first = trace.read(trace.write(trace.begin(play.machine, 0, play.now, '0', 'en')))
    lines: list[str] = []
    step = play.step

    def traced(event: Event) -> None:
        now, before = play.now, len(play.log)
        step(event)
        _, effects = play.log[before]
        lines.append(
            trace.write(
                Step(len(lines), now, event, tuple(effects), trace.state(play.machine.view()))))

    play.step = traced          # type: ignore[method-assign]
    play.play(script[cut:])
    machine, _ = trace.machine_of(first, ENGLISH, params, AddresseeParams(sure=2.0))
    outcome = Rerun(machine).run([trace.read(line) for line in lines])
    assert outcome.parted_s is None and changed(outcome) == [] and outcome.scores == 0


def test_another_parameter_is_a_difference_that_is_told() -> None:
    outcome = rerun(conversation(), barge_in_words=10)
    assert not outcome.is_same
    cut, = [row for row in outcome.rows if isinstance(row.then and row.then.effect, Interrupt)
            and row.then.effect.reason is Reason.BARGE_IN]
    assert cut.verdict in (Verdict.GONE, Verdict.CHANGED) and 104.0 < cut.t < 105.0
    assert 104.0 < outcome.parted_s < 105.0


def test_a_longer_silence_is_a_later_answer_and_no_other_one() -> None:
    outcome = rerun(conversation(), end_of_turn_s=0.9)
    kinds = {verdict for verdict, _ in changed(outcome)}
    assert kinds <= {Verdict.CHANGED, Verdict.LATER, Verdict.EARLIER}
    reacts = [row for row in outcome.rows if isinstance(row.then and row.then.effect, React)]
    assert [row.then.effect.brief for row in reacts] == [row.now.effect.brief for row in reacts]
    assert any('not_before' in row.fields for row in reacts)


def test_what_was_said_of_a_reply_is_heard_of_the_same_reply_under_its_new_number() -> None:
    outcome = rerun(conversation(), barge_in_words=10)
    last = outcome.moments[-1]
    assert last.step.state.agent == last.state.agent == 'IDLE'
    assert not any(
        isinstance(row.now and row.now.effect, Interrupt) and row.now.effect.reason is Reason.LOST
        for row in outcome.rows)


def test_a_reply_that_does_not_exist_now_is_not_heard() -> None:
    recorded = Recorded().says(101.0, 1, 'What time is it?')
    recorded.step(Playing(102.5, recorded.machine.epoch, 'It'), 102.55)
    first, steps = recorded.pieces()
    addressee = AddresseeParams(threshold=0.95, sure=0.0)
    machine, _ = trace.machine_of(first, ENGLISH, TurnParams(), addressee)
    outcome = Rerun(machine).run(steps)
    assert outcome.unheard == 1 and (Verdict.GONE, 'React') in changed(outcome)


def doubtful(margin: float | None) -> Recorded:
    """Words that do not tell to whom, and what the language model said of them."""
    recorded = Recorded().says(101.0, 1, 'The light is on.')
    asked = [
        effect for step in recorded.pieces()[1] for effect in step.effects
        if isinstance(effect, Judge)
    ]
    assert asked, 'the language model was not asked'
    recorded.step(Judged(1, asked[0].text, margin), 101.9)
    return recorded.step(Tick(103.5), 103.5)


def test_the_answer_of_the_language_model_is_the_recorded_one() -> None:
    for margin in (3.0, -3.0, None):
        assert rerun(doubtful(margin), Answers(margin=lambda text: 1 / 0)).is_same
    yes = [
        effect for step in doubtful(4.0).pieces()[1] for effect in step.effects
        if isinstance(effect, React)
    ]
    no = [
        effect for step in doubtful(-4.0).pieces()[1] for effect in step.effects
        if isinstance(effect, React)
    ]
    assert yes and not no


def test_a_question_that_the_recording_does_not_have_is_asked_anew() -> None:
    asked: list[str] = []
    recorded = conversation()
    first, steps = recorded.pieces()
    machine, _ = trace.machine_of(first, ENGLISH, TurnParams(), AddresseeParams(sure=10.0))
    outcome = Rerun(machine, Answers(margin=lambda text: asked.append(text) or -4.0)).run(steps)
    assert 'What time is it?' in asked and outcome.asked == len(asked)
    assert {'not any more'} <= {row.verdict.value for row in outcome.rows}


def test_a_question_to_a_model_is_no_decision() -> None:
    rows = compare([
        Done(1.0, Weigh(1, 'x'), Tick(1.0)),
        Done(1.0, Interrupt(1, True, Reason.HUSH), Tick(1.0))
    ], [Done(1.0, Interrupt(7, True, Reason.HUSH), Tick(1.0))])
    assert ({(row.verdict, row.is_decision)
             for row in rows} == {(Verdict.GONE, False), (Verdict.SAME, True)})


def test_an_effect_that_comes_later_is_one_row_and_not_two() -> None:
    then = Done(1.0, React(1, 'x', 1.4), Tick(1.0))
    row, = compare([then], [replace(then, t=1.5, effect=React(2, 'x', 1.9))])
    assert row.verdict is Verdict.LATER and abs(row.by_s - 0.5) < 1e-9


def test_an_effect_far_away_is_another_one() -> None:
    then = Done(1.0, Interrupt(1, False, Reason.HUSH), Tick(1.0))
    assert ([row.verdict
             for row in compare([then], [replace(then, t=9.0)])] == [Verdict.GONE, Verdict.NEW])


def test_a_weight_that_changes_nothing_is_no_difference() -> None:
    outcome = rerun(conversation(), patience_s=16.0)
    assert outcome.is_same


def test_typed_words_are_replayed_as_well() -> None:
    recorded = Recorded().step(Typed(101.0, 'hello there'),
                               101.0).step(Weighed(1, 'x', 0.5), 101.2)
    assert any(isinstance(effect, React) for effect in recorded.pieces()[1][0].effects)
    assert rerun(recorded).is_same
