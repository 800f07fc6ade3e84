"""What holds for the conversation whatever happens, in whatever order: random scripts."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omni_agent.backends import languages
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.events import (ButtonHeld, Effect, Event, HushRequested, Interrupt, Judge,
                                    Judged, LookedAt, ModeWanted, Moving, Noticed, PlaceEntered,
                                    Played, Playing, React, Reason, Remember, Role, SceneChanged,
                                    SoundStarted, SpeechStarted, SpeechStopped, Tick, Transcript,
                                    Typed)
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, Person, TurnParams, Voice

ENGLISH = languages.lexicon('en')
EPOCH = 1_000_000
MOST_TICKS = 8                   # few things can be awaited at once, each ends at its first Tick
FAST = settings(max_examples=200, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

TEXTS = ('', 'mm-hm', 'okay', 'stop', 'Stop!', 'the bus stop', 'What time is it?',
         'Tell me a story, please.', 'Anna, did you lock the door?', 'and the',
         'Wait, what about tomorrow?', 'robot', 'in Paris',
         'I told him yesterday that they went.', 'Shall I go on?', "I wasn't talking to you.")
PARAMS = (TurnParams(), TurnParams(words_s=0.2, judge_s=5.0, pause_s=6.0, keep_side_talk=True),
          TurnParams(judge_s=0.0, duck_limit_s=10.0),
          TurnParams(end_of_turn_s=3.0, barge_in_s=0.0, barge_in_words=1, barge_in_score=0.0,
                     patience_s=1.0))


@dataclass(frozen=True)
class Step:
    """One line of a script; what it means is decided when it is played, so that it fits."""

    kind: str
    wait_s: float
    text: str
    number: int        # distance to the newest utterance or epoch
    share: float       # probability, voiced time, ...


KINDS = ('sound', 'noticed', 'moving', 'still', 'looked', 'button', 'mode', 'place', 'started',
         'stopped', 'partial', 'final', 'judged', 'playing', 'played', 'cut', 'hush', 'typed',
         'scene', 'tick', 'says', 'says', 'reply')
texts, shares = st.sampled_from(TEXTS), st.floats(0.0, 1.0)
waits = st.one_of(st.sampled_from([0.0, 0.02, 0.1, 0.3]), st.floats(0.0, 1.5),
                  st.sampled_from([3.0, 16.0]))
steps = st.builds(Step, st.sampled_from(KINDS), waits, texts,
                  st.sampled_from([0, 0, 0, 1, 1, -1, -2, 5]), shares)
# a third of it plausible, or the deeper states would hardly be seen
plausible = st.builds(Step, st.sampled_from(['says', 'asks', 'reply', 'playing', 'played']),
                      st.sampled_from([0.0, 0.2, 1.5]), texts, st.just(0), shares)
scripts = st.lists(st.one_of(steps, steps, plausible), max_size=25)


class Play:
    """Plays a script; ``log`` holds (event, effects), everything is checked as it happens."""

    def __init__(self, params: TurnParams, rings: bool = True) -> None:
        self.machine = TurnMachine(params, Addressee(AddresseeParams(sure=2.0)), EPOCH, ENGLISH)
        self.now = 100.0
        self.utterance = 0
        self.rings = rings             # whether the alarm rings between events
        self.log: list[tuple[Event, list[Effect]]] = []
        self.asked: list[tuple[int, str]] = []

    def play(self, script: list[Step]) -> Play:
        for step in script:
            self.wait(step.wait_s)
            for event in self.events(step):
                self.step(event)
        return self

    def events(self, step: Step) -> list[Event]:
        t, machine = self.now, self.machine
        if step.kind in ('says', 'asks'):        # a plausible utterance
            self.utterance += 1
            text = step.text if step.kind == 'says' else 'Wait, what about tomorrow?'
            return [SpeechStarted(t, self.utterance), SpeechStopped(t, self.utterance, 0.6),
                    Transcript(t, self.utterance, text, True, 0.6, step.share)]
        if step.kind == 'reply':         # the robot speaks, or is about to
            return [Typed(t, 'hello'),
                    *[Playing(t, machine.epoch + 1, 'Well')] * bool(step.share > 0.5)]
        if step.kind == 'started':
            self.utterance = max(1, self.utterance + step.number)
        distance = step.number if step.kind in ('partial', 'final') else 0
        utterance = max(1, self.utterance + distance)
        turn_end = None if step.number else step.share
        epoch = max(0, machine.epoch + step.number)
        asked = self.asked or [(utterance, step.text)]
        judged = asked[step.number % len(asked)]
        return [{
            'sound': SoundStarted(t),
            'started': SpeechStarted(t, utterance),
            'stopped': SpeechStopped(t - 0.2, utterance, step.share),
            'partial': Transcript(t, utterance, step.text, False, step.share),
            'final': Transcript(t, utterance, step.text, True, step.share, turn_end,
                                level_dbfs=-60.0 * step.share),
            'judged': Judged(*judged, None if step.number < 0 else 8 * step.share - 4),
            'playing': Playing(t, epoch, step.text),
            'played': Played(t, epoch, step.text, True),
            'cut': Played(t, epoch, step.text, False),
            'hush': HushRequested(t),
            'typed': Typed(t, step.text or 'x'),
            'scene': SceneChanged(t, step.text, step.share),
            'noticed': Noticed(t, 'There is somebody.'),
            'moving': Moving(t, True),
            'still': Moving(t, False),
            'looked': LookedAt(t),
            'button': ButtonHeld(t, step.share > 0.5),
            'mode': ModeWanted(
                t, ('open', 'attentive', 'name_only', 'push_to_talk')[step.number % 4]),
            'place': PlaceEntered(t, ('', 'kitchen')[step.number % 2]),
            'tick': Tick(t),
        }[step.kind]]

    def wait(self, seconds: float) -> None:
        until, ticks = self.now + seconds, 0
        while self.rings and (due := self.machine.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.step(Tick(self.now))
            ticks += 1
            assert ticks <= MOST_TICKS, 'a deadline that was met must be gone'
        self.now = until

    def step(self, event: Event) -> None:
        before = self.machine.epoch
        effects = self.machine.step(event, self.now)
        self.log.append((event, effects))
        self.asked += [(effect.utterance, effect.text)
                       for effect in effects if isinstance(effect, Judge)]
        assert self.machine.epoch >= before
        due = self.machine.deadline()
        assert due is None or due > self.now, 'what is due was done in this very step'

    def drain(self) -> None:
        """Nothing but alarms until nothing is awaited."""
        ticks = 0
        while (due := self.machine.deadline()) is not None:
            self.now = max(self.now, due)
            self.step(Tick(self.now))
            ticks += 1
            assert ticks <= MOST_TICKS

    @property
    def effects(self) -> list[Effect]:
        return [effect for _, effects in self.log for effect in effects]


def play(script: list[Step], params: TurnParams, rings: bool = True) -> Play:
    return Play(params, rings).play(script)


anything = given(scripts, st.sampled_from(PARAMS), st.booleans())


def _line(kind: str, text: str = '', number: int = 0, wait_s: float = 0.0,
          share: float = 0.6) -> Step:
    return Step(kind, wait_s, text, number, share)


@FAST
@anything
@example([_line('says', 'What time is it?'), _line('started', number=1), _line('stopped'),
          _line('final', '', wait_s=0.3)], PARAMS[1], True)
def test_the_epoch_never_falls_and_nothing_raises_or_hangs(script, params, rings):
    play(script, params, rings)          # every step is checked as it is played


@FAST
@anything
def test_at_most_one_reply_an_epoch_and_always_of_the_newest_one(script, params, rings):
    newest, replied = EPOCH, set()
    for event, effects in play(script, params, rings).log:
        for effect in effects:
            if isinstance(effect, Interrupt):
                assert effect.epoch >= newest
                newest = effect.epoch
            elif isinstance(effect, React):
                assert effect.epoch == newest
                assert effect.epoch not in replied
                replied.add(effect.epoch)


@FAST
@anything
def test_a_reply_follows_an_interrupt_of_its_own_epoch_in_the_same_step(script, params, rings):
    for _, effects in play(script, params, rings).log:
        for at, effect in enumerate(effects):
            if isinstance(effect, React):
                told = effects[at - 1]
                assert isinstance(told, Interrupt)
                assert (told.epoch, told.ducked) == (effect.epoch, False)
                assert told.reason is Reason.NEW_REPLY


@FAST
@anything
def test_the_last_interrupt_always_tells_the_whole_state(script, params, rings):
    playing = Play(params, rings)
    last = playing.machine.start()[-1]
    for step in script:
        playing.wait(step.wait_s)
        for event in playing.events(step):
            playing.step(event)
            told = [effect for effect in playing.effects if isinstance(effect, Interrupt)]
            last = told[-1] if told else last
            assert last.ducked == (playing.machine.voice is Voice.LOWERED)
            # may come from a newer life of this node
            if not isinstance(event, (Playing, Played)):
                assert last.epoch == playing.machine.epoch or event_of_the_future(playing)


def event_of_the_future(playing: Play) -> bool:
    """Sound of an epoch that this machine never gave out was reported before."""
    return any(isinstance(event, Playing) and event.epoch == playing.machine.epoch
               for event, _ in playing.log)


@FAST
@anything
def test_a_voice_is_low_only_while_the_robot_is_busy_and_always_comes_back(script, params, rings):
    playing = play(script, params, rings)
    if playing.machine.voice is Voice.LOWERED:
        assert playing.machine.moves or playing.machine.agent in (Agent.PREPARING, Agent.SPEAKING)
    playing.drain()
    interrupts = [effect for effect in playing.effects if isinstance(effect, Interrupt)]
    for at, effect in enumerate(interrupts):
        if effect.ducked:
            assert not interrupts[at + 1].ducked


@FAST
@anything
def test_left_alone_everything_comes_to_rest_in_bounded_time(script, params, rings):
    playing = play(script, params, rings)
    began = playing.now
    playing.drain()
    machine = playing.machine
    assert (machine.person, machine.agent, machine.voice) == (Person.QUIET, Agent.IDLE, Voice.UP)
    longest = 2 * params.patience_s + params.pause_s + params.judge_s + params.words_s
    assert playing.now - began <= longest


@FAST
@anything
def test_a_tick_before_the_deadline_changes_nothing(script, params, rings):
    machine = play(script, params, rings).machine
    due = machine.deadline()
    early = 200_000.0 if due is None else due - 1e-3
    before = copy.deepcopy(vars(machine))
    assert machine.step(Tick(early), early) == []
    after = vars(machine)
    assert all(before[name] == after[name] for name in before
               if name not in ('addressee', 'gate', 'end_of_turn', 'barge_in', '_now'))
    assert machine.deadline() == due


@FAST
@anything
def test_every_stop_phrase_is_obeyed_at_once_whatever_the_state(script, params, rings):
    playing = play(script, params, rings)
    playing.utterance += 10
    playing.step(SpeechStarted(playing.now, playing.utterance))
    playing.step(Transcript(playing.now, playing.utterance, 'stop', False, 0.2))
    assert playing.machine.agent is Agent.IDLE
    epoch = playing.machine.epoch
    playing.drain()
    assert playing.machine.epoch == epoch
    assert not any(isinstance(effect, React) and effect.epoch > epoch
                   for effect in playing.effects)


@FAST
@anything
def test_what_was_heard_is_remembered_once_and_nothing_else_of_the_robot_is(script, params, rings):
    playing = play(script, params, rings)
    heard = [(event.heard, not event.complete) for event, _ in playing.log
             if isinstance(event, Played) and event.heard]
    kept = [(effect.text, effect.truncated) for effect in playing.effects
            if isinstance(effect, Remember) and effect.role is Role.ROBOT]
    assert kept == heard


@FAST
@given(st.lists(st.tuples(st.sampled_from(['mm-hm', 'Anna, did you lock the door?', '']),
                          st.floats(0.0, 3.0)), min_size=1, max_size=12))
def test_while_only_nods_and_side_talk_are_heard_a_reply_is_never_lost(lines):
    playing = play([_line('typed', 'hello'), _line('playing')], TurnParams())
    epoch = playing.machine.epoch
    for text, wait_s in lines:
        playing.play([_line('says', text, wait_s=wait_s), _line('playing')])
    assert playing.machine.epoch == epoch
    assert playing.machine.agent is Agent.SPEAKING


@FAST
@given(scripts, st.sampled_from(PARAMS))
def test_a_question_to_an_idle_robot_is_answered_exactly_once(script, params):
    playing = play(script, params)
    playing.play([_line('hush'), _line('tick', wait_s=10.0)])
    playing.drain()
    seen = len(playing.effects)
    playing.utterance += 10
    playing.play([_line('says', 'Robot, tell me a story, please.', share=1.0)])
    playing.drain()
    reacts = [effect for effect in playing.effects[seen:] if isinstance(effect, React)]
    assert [react.brief for react in reacts] == ['Robot, tell me a story, please.']


def test_the_scripts_reach_every_state_and_every_reason():
    """Otherwise the properties above would hold for want of anything to fail on."""
    states, reasons = set(), set()

    @settings(FAST, max_examples=600)
    @anything
    def collect(script, params, rings):
        playing = Play(params, rings)
        for step in script:
            playing.play([step])
            states.update({playing.machine.person, playing.machine.agent, playing.machine.voice})
        reasons.update(effect.reason for effect in playing.effects
                       if isinstance(effect, Interrupt))

    collect()
    assert states == {*Person, *Agent, *Voice}
    assert reasons == set(Reason) - {Reason.STARTED}
