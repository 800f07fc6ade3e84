"""A decision node that is asked to do things; who carries them out, and the loudspeaker, are the
test's.
"""

from __future__ import annotations

import json
import time

import pytest

from ros_bench import Bench, Heard
from omni_agent_msgs.msg import Act, AgentState, Interrupt, Percept, Playback, React, SkillState
from std_msgs.msg import String

from omni_agent.nodes import qos
from omni_agent.nodes.stamps import stamp


class Robot:
    """Says what a skill came to; and a person who types and speaks."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.interrupts: Heard = bench.listen(Interrupt, 'interrupt', qos.STATE)
        self.acts = Heard()
        self.hands = bench.node.create_subscription(Act, 'act', self.acts.take, qos.ACT)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.progress = bench.publisher(SkillState, 'skill_state', qos.SKILL_STATE)
        self._utterance = 0
        self.process = bench.start('decision', llm='none', sentence_end='none', state='none',
                                   skills='default')
        bench.matched('decision',
                      publishers=(self.typed, self.percepts, self.playback, self.progress),
                      topics=('react', 'act'))

    def type(self, text: str) -> React:
        seen = len(self.reacts)
        self.typed.publish(String(data=text))
        react = self.bench.until(lambda: self.reacts[seen:], f'an answer to {text!r}')[-1]
        for state in (Playback.STARTED, Playback.FINISHED):
            self.heard(react, state)
        # two topics: what is typed next may overtake the end of what was heard
        self.bench.until(lambda: self.states and (self.states[-1].epoch, -self.states[-1].agent)
                         >= (react.epoch, -AgentState.AGENT_IDLE), f'{react.say!r} heard to its end')
        return react

    def heard(self, react: React, state: int) -> None:
        message = Playback(epoch=react.epoch, state=state, samples_played=1000, rate=16_000,
                           heard=react.say)
        message.header.stamp = stamp(time.time())
        self.playback.publish(message)

    def act(self, react: React, step: int = 0) -> Act:
        return self.bench.until(
            lambda: [act for act in self.acts if (act.epoch, act.step) == (react.epoch, step)],
            f'step {step} of {react.say!r}')[-1]

    def tell(self, act: Act, state: int, text: str = '') -> None:
        message = SkillState(epoch=act.epoch, step=act.step, steps=act.steps, skill=act.skill,
                             state=state, text=text)
        message.header.stamp = stamp(time.time())
        self.progress.publish(message)

    def starts_speaking(self) -> None:
        self._utterance += 1
        self.perceive(Percept.SPEECH_STARTED)

    def perceive(self, kind: int, text: str = '') -> None:
        percept = Percept(kind=kind, utterance=self._utterance, text=text, voiced_s=0.4,
                          turn_end_probability=0.9)
        percept.header.stamp = percept.start = stamp(time.time())
        self.percepts.publish(percept)

    def interrupt(self, reason: int) -> Interrupt:
        return self.bench.until(lambda: [one for one in self.interrupts if one.reason == reason],
                                f'reason {reason}')[-1]

    def is_doing(self, what: str) -> None:
        self.bench.until(
            lambda: self.states and what in self.states[-1].doing and bool(what) == bool(
                self.states[-1].doing), f'doing {what!r}, not {self.states[-1].doing!r}')


@pytest.fixture(scope='module')
def robot(bench: Bench) -> Robot:
    return Robot(bench)


def test_a_request_is_confirmed_aloud_carried_out_step_by_step_and_shown(robot: Robot) -> None:
    react = robot.type('drive forward one metre and then turn left')
    assert 'drive forward' in react.say and 'turn left' in react.say
    drive = robot.act(react)
    assert (drive.skill, drive.steps, json.loads(drive.arguments)['distance']) == ('drive', 2, 1.0)
    robot.is_doing('drive forward')
    robot.tell(drive, SkillState.SUCCEEDED)
    assert robot.act(react, step=1).skill == 'turn'
    robot.tell(robot.act(react, step=1), SkillState.SUCCEEDED)
    robot.is_doing('')


def test_what_went_wrong_is_said_as_it_came_back(robot: Robot) -> None:
    react = robot.type('drive forward one metre')
    robot.tell(robot.act(react), SkillState.FAILED, 'something is in the way')
    said = robot.bench.until(lambda: [one for one in robot.reacts if 'in the way' in one.say],
                             'a report')[-1]
    assert said.say == 'I could not drive forward: something is in the way.'
    for state in (Playback.STARTED, Playback.FINISHED):      # or it is said again, and is lost
        robot.heard(said, state)


def test_news_are_shown_without_anything_else_that_happens(robot: Robot) -> None:
    react = robot.type('drive forward one metre')
    robot.is_doing('drive forward')
    robot.bench.news('decision')
    for far in ('one third', 'two thirds'):
        robot.tell(robot.act(react), SkillState.RUNNING, far)
        robot.is_doing(far)
    robot.tell(robot.act(react), SkillState.SUCCEEDED)
    robot.is_doing('')


def test_a_voice_holds_what_moves_and_stop_halts_its_epoch(robot: Robot) -> None:
    react = robot.type('drive forward one metre')
    robot.tell(robot.act(react), SkillState.RUNNING, 'driving')
    robot.is_doing('driving')
    robot.interrupts.forget()
    robot.starts_speaking()
    assert robot.interrupt(Interrupt.FIRST_SOUND).ducked
    robot.perceive(Percept.PARTIAL, 'stop')
    halt = robot.interrupt(Interrupt.STOP_PHRASE)
    assert halt.halted >= react.epoch and not halt.ducked
    robot.is_doing('')
    robot.perceive(Percept.SPEECH_STOPPED)
    robot.perceive(Percept.FINAL, 'Stop.')
    # or it comes after what is typed next, and takes that back
    robot.bench.until(lambda: robot.states[-1].text == 'Stop.', 'its last word')


def test_a_question_while_it_drives_lets_it_drive_on(robot: Robot) -> None:
    react = robot.type('drive forward one metre')
    robot.act(react)
    robot.interrupts.forget()
    robot.type('what is the capital of Italy?')
    assert robot.interrupt(Interrupt.NEW_REPLY).halted < react.epoch
    robot.is_doing('drive forward')
    robot.tell(robot.act(react), SkillState.CANCELLED)
    robot.is_doing('')


def test_what_cannot_be_undone_is_asked_about_first(robot: Robot) -> None:
    react = robot.type('forget everything')
    assert react.say.endswith('?')
    assert 'not' in robot.type('no').say
    robot.type('forget everything')
    assert 'forget' in robot.type('yes').say


def test_nothing_outside_of_the_list_is_done_and_the_answer_says_so(robot: Robot) -> None:
    seen = len(robot.acts)
    assert robot.type('drive to the moon').say == 'I know no place called moon.'
    assert len(robot.acts) == seen


def test_without_anybody_who_carries_it_out_it_says_so(robot: Robot) -> None:
    robot.bench.node.destroy_subscription(robot.hands)
    robot.bench.until(lambda: not robot.bench.node.count_subscribers('act'), 'nobody')
    said = robot.bench.until(
        lambda: [one for one in [robot.type('turn left')] if 'carries out' in one.say],
        'an honest answer')
    assert said
    robot.bench.level('decision', 1, 'start the node skills')
    assert robot.bench.end(robot.process) == 0
