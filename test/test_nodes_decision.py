"""The decision node as a process: percepts in, epochs out; and what the speaker makes of a
decision node that died.
"""

from __future__ import annotations

import itertools
import math
import signal
import time

import pytest
from whole_graph import fakes

from ros_bench import OK, Bench, level_of, speech_chunk, tone
from omni_agent_msgs.msg import (AgentState, DialogueTurn, Interrupt, Percept, Playback, React,
                                 SpeechChunk)
from std_msgs.msg import String
from std_srvs.srv import Trigger

from omni_agent.nodes import qos
from omni_agent.nodes.stamps import seconds, stamp


class Ears:
    """Stands for perception, the reaction and the speaker around a decision node that may be
    started again.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._utterances = itertools.count(1)
        self.interrupts = bench.listen(Interrupt, 'interrupt', qos.STATE)
        self.reacts = bench.listen(React, 'react', qos.REACT)
        self.states = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.hush = bench.node.create_client(Trigger, 'decision/hush')
        self.process = bench.start('decision', respawn=True, llm='none', sentence_end='fake')
        bench.matched('decision', publishers=(self.percepts, self.playback, self.typed),
                      topics=('react',))

    def tell(self, kind: int, utterance: int, text: str = '', voiced_s: float = 1.0,
             turn_end: float = 0.95) -> float:
        """A percept about the sound of right now."""
        percept = Percept(kind=kind, utterance=utterance, text=text, voiced_s=voiced_s,
                          turn_end_probability=turn_end)
        t = time.time()
        percept.header.stamp = percept.start = stamp(t)
        self.percepts.publish(percept)
        return t

    def start_speaking(self) -> int:
        utterance = next(self._utterances)
        self.tell(Percept.SPEECH_STARTED, utterance)
        return utterance

    def finish(self, utterance: int, text: str) -> None:
        self.tell(Percept.SPEECH_STOPPED, utterance)
        self.tell(Percept.FINAL, utterance, text)

    def say(self, text: str) -> None:
        self.finish(self.start_speaking(), text)

    def interrupt(self, reason: int) -> Interrupt:
        """The newest state, once it has that reason."""
        return self.bench.until(lambda: self.interrupts and self.interrupts[-1].reason == reason
                                and self.interrupts[-1],
                                f'interrupt of reason {reason}, not {self.interrupts[-1:]}')

    def react(self, epoch: int) -> React:
        return self.bench.until(lambda: [react for react in self.reacts if react.epoch == epoch],
                                f'react of {epoch}')[0]

    def reply(self, reason: int = Interrupt.NEW_REPLY) -> React:
        react = self.react(self.interrupt(reason).epoch)
        return react

    def played(self, epoch: int, state: int, heard: str) -> None:
        message = Playback(epoch=epoch, state=state, heard=heard, rate=16_000,
                           samples_played=16_000)
        message.header.stamp = stamp(time.time())
        self.playback.publish(message)

    def speaking(self, epoch: int) -> None:
        self.played(epoch, Playback.STARTED, 'Well,')
        self.agent_is(AgentState.AGENT_SPEAKING)

    def agent_is(self, agent: int) -> AgentState:
        return self.bench.until(lambda: self.states and self.states[-1].agent == agent
                                and self.states[-1], f'agent state {agent}')

    def silence(self) -> None:
        """Nothing is being said or decided, whatever a test before left behind."""
        self.bench.until(self.hush.service_is_ready, 'the hush service')
        asked = self.hush.call_async(Trigger.Request())
        self.bench.until(asked.done, 'hush')
        self.agent_is(AgentState.AGENT_IDLE)
        for heard in (self.interrupts, self.reacts):
            heard.forget()


@pytest.fixture(scope='module')
def ears_of_module(bench: Bench) -> Ears:
    return Ears(bench)


@pytest.fixture
def ears(ears_of_module: Ears) -> Ears:
    ears_of_module.silence()
    return ears_of_module


def test_the_first_epoch_is_the_time_of_the_start(ears_of_module: Ears) -> None:
    first = ears_of_module.interrupt(Interrupt.STARTED)
    assert first.epoch == pytest.approx(time.time() * 1000, abs=60_000) and not first.ducked


def test_a_question_becomes_a_new_epoch_and_an_intention_with_the_same_one(ears: Ears) -> None:
    before = ears.bench.counter('decision', 'percepts')
    began = time.time()
    ears.say('Robot, what is the capital of France?')
    interrupt = ears.interrupt(Interrupt.NEW_REPLY)
    react = ears.react(interrupt.epoch)
    assert react.brief == 'Robot, what is the capital of France?' and not interrupt.ducked
    assert began <= seconds(interrupt.evidence) <= seconds(interrupt.header.stamp)
    assert ears.bench.counted('decision', 'percepts', before + 3) == before + 3


def test_talk_between_people_is_left_alone(ears: Ears) -> None:
    ears.say('Anna, I told you yesterday that we went to the lake.')
    state = ears.bench.until(lambda: 'not for the robot' in ears.states[-1].why
                             and ears.states[-1], 'a decision')
    assert state.addressee_score < 0.5 and state.evidence_names
    assert len(state.evidence_values) == len(state.evidence_names)
    assert not ears.interrupts and not ears.reacts


def test_a_person_who_cuts_in_lowers_the_voice_at_once_and_then_ends_it(ears: Ears) -> None:
    ears.say('Robot, tell me a story.')
    old = ears.reply().epoch
    ears.speaking(old)
    utterance = ears.start_speaking()
    lowered = ears.interrupt(Interrupt.FIRST_SOUND)
    assert (lowered.epoch, lowered.ducked) == (old, True)
    ears.tell(Percept.PARTIAL, utterance, 'wait what is the time')
    cut = ears.interrupt(Interrupt.BARGE_IN)
    assert cut.epoch == old + 1 and not cut.ducked
    ears.played(old, Playback.FLUSHED, 'Well, once upon')
    ears.finish(utterance, 'wait what is the time in Rome')
    react = ears.reply()
    assert react.epoch > cut.epoch and 'what is the time in Rome' in react.brief
    robot = [turn for turn in react.history if turn.role == DialogueTurn.ROBOT][-1]
    assert (robot.text, robot.truncated) == ('Well, once upon', True)     # heard, not generated


def test_a_nod_gives_the_voice_back_in_the_same_epoch(ears: Ears) -> None:
    ears.say('Robot, tell me a story.')
    epoch = ears.reply().epoch
    ears.speaking(epoch)
    utterance = ears.start_speaking()
    ears.interrupt(Interrupt.FIRST_SOUND)
    ears.finish(utterance, 'mm-hm')
    back = ears.interrupt(Interrupt.NO_INTERRUPT)
    assert (back.epoch, back.ducked) == (epoch, False)


def test_a_lowered_voice_is_given_back_when_nothing_more_is_perceived(ears: Ears) -> None:
    ears.say('Robot, tell me a story.')
    epoch = ears.reply().epoch
    ears.speaking(epoch)
    ears.start_speaking()
    lowered = ears.interrupt(Interrupt.FIRST_SOUND)
    back = ears.interrupt(Interrupt.NO_INTERRUPT)
    assert back.epoch == epoch
    assert 1.9 <= seconds(back.header.stamp) - seconds(lowered.header.stamp) <= 4.0


def test_stop_is_silence(ears: Ears) -> None:
    ears.say('Robot, tell me a story.')
    epoch = ears.reply().epoch
    ears.speaking(epoch)
    ears.tell(Percept.PARTIAL, ears.start_speaking(), 'stop', voiced_s=0.2)
    assert ears.interrupt(Interrupt.STOP_PHRASE).epoch > epoch
    assert len(ears.reacts) == 1


def test_the_hush_service_voids_the_reply(ears: Ears) -> None:
    ears.say('Robot, tell me a story.')
    epoch = ears.reply().epoch
    asked = ears.hush.call_async(Trigger.Request())
    ears.bench.until(asked.done, 'the answer of the service')
    silent = ears.interrupt(Interrupt.HUSH)
    assert asked.result().success and silent.epoch == epoch + 1
    assert str(silent.epoch) in asked.result().message
    ears.agent_is(AgentState.AGENT_IDLE)


def test_a_typed_question_is_for_the_robot_and_a_typed_stop_is_obeyed(ears: Ears) -> None:
    ears.typed.publish(String(data='  '))
    ears.typed.publish(String(data=' name three birds '))
    react = ears.reply()
    assert react.brief == 'name three birds'
    ears.typed.publish(String(data='stop'))
    assert ears.interrupt(Interrupt.STOP_PHRASE).epoch > react.epoch


def test_the_topic_listen_says_when_it_listens_and_a_voice_may_say_so_too(ears: Ears) -> None:
    listen = ears.bench.publisher(String, 'listen', qos.STATE)
    ears.bench.until(listen.get_subscription_count, 'who listens')
    listen.publish(String(data='name_only'))
    ears.bench.until(lambda: ears.bench.health_of('decision')[2].get('listens') == 'name_only',
                     'the mode')
    ears.say('What time is it?')
    ears.bench.until(lambda: 'listens name only' in ears.states[-1].why, 'a refusal')
    ears.say('Robot, listen to everything.')
    assert 'listen to everything' in ears.reply().say
    ears.bench.until(lambda: ears.bench.health_of('decision')[2].get('listens') == 'open',
                     'the mode')
    listen.publish(String(data='asleep'))
    ears.bench.level('decision', 1, 'none of open')
    listen.publish(String(data='open'))
    ears.bench.level('decision', 0)


def test_impossible_percepts_are_counted_and_change_nothing(ears: Ears) -> None:
    before = ears.bench.counter('decision', 'percepts of unknown kind')
    ears.tell(99, 2**64 - 1, 'what is this?')
    ears.tell(Percept.SPEECH_STARTED, 1, voiced_s=math.nan, turn_end=math.inf)
    ears.percepts.publish(Percept(kind=Percept.SPEECH_STOPPED, utterance=1))      # stamped 1970
    ears.tell(Percept.SCENE, 0, '')
    ears.played(2**64 - 1, 200, 'never said by us')
    assert ears.bench.counted('decision', 'percepts of unknown kind', before + 1) == before + 1
    ears.say('Robot, what is the capital of France?')
    assert ears.reply().brief == 'Robot, what is the capital of France?'
    assert level_of(ears.bench.news('decision')) == OK


def test_a_late_joiner_learns_the_current_epoch_at_once(ears: Ears) -> None:
    ears.typed.publish(String(data='name three birds'))
    epoch = ears.reply().epoch
    late = ears.bench.listen(Interrupt, 'interrupt', qos.STATE)
    ears.bench.until(lambda: late, 'the latched state')
    assert (late[0].epoch, late[0].reason) == (epoch, Interrupt.NEW_REPLY)
    states = ears.bench.listen(AgentState, 'agent_state', qos.STATE)
    ears.bench.until(lambda: states and states[-1].epoch == epoch, 'the latched agent state')


def test_a_restarted_decision_outranks_its_former_self_and_the_speaker_flushes_the_old_reply(
        ears: Ears) -> None:
    bench = ears.bench
    playback = bench.listen(Playback, 'speaker_playback', qos.PLAYBACK)
    speech = bench.publisher(SpeechChunk, 'speech', qos.SPEECH)
    speaker = bench.start('speaker', device=fakes(bench.folder)['speaker']['device'],
                          arguments=('-r', 'playback:=speaker_playback'))
    bench.matched('speaker', publishers=(speech,), topics=('speaker_playback',))
    ears.typed.publish(String(data='tell me a story'))
    old = ears.reply().epoch
    for at in range(4):
        speech.publish(speech_chunk(old, at, tone(500, 2.0), f'word{at}'))
    bench.until(lambda: playback, 'the voice')
    killed = ears.process.pid
    ears.process.send(signal.SIGKILL)
    new = ears.interrupt(Interrupt.STARTED)
    assert new.epoch > old and ears.process.pid not in (None, killed)
    flushed = bench.until(lambda: [message for message in playback
                                   if message.state == Playback.FLUSHED], 'a flush')[0]
    assert flushed.epoch == old
    assert flushed.heard.startswith('word0') and 'word3' not in flushed.heard

    def asked() -> list[React]:          # until the new one has found us
        ears.typed.publish(String(data='what is the capital of France'))
        return [react for react in ears.reacts if react.epoch > new.epoch]
    bench.until(asked, 'an answer of the new one')
    assert bench.end(speaker) == 0
