"""How an answer came about, as running nodes tell it: who worked at it, why and for how long; and
what it saves that memory is asked before the camera.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from typing import Iterator

import numpy as np
import pytest
from human_recordings import need_model
from ros_bench import Bench, Heard, Running

from omni_agent_msgs.msg import (AgentState, AnswerRoute, Look, Percept, Playback, React,
                                 RouteStep, SpeechChunk)
from sensor_msgs.msg import Image
from std_msgs.msg import String

from omni_agent.core.answer_route import Step
from omni_agent.core.overview import LEAST
from omni_agent.core.recording import parse
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.recorder import Recorder
from omni_agent.nodes.stamps import seconds, stamp

pytest.importorskip('cv2')
HZ = 20.0
TURNS = 3
KEYS = 'What did I say about the keys you see in the blue box?'
TRIES = 4                        # a busy machine may look too late
BUSY = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)


class Robot:
    """Eyes with the real detector and a writer with a real language model; who decides comes and
    goes, and the test speaks, hears and holds the camera.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.routes: Heard = bench.listen(AnswerRoute, 'answer_route', qos.ROUTE)
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.inspect: Heard = bench.listen(String, 'inspect', qos.PERCEPT)
        self.looks: Heard = bench.listen(Look, 'look', qos.LOOK)
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.speech: Heard = bench.listen(SpeechChunk, 'speech', qos.SPEECH)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.picture, self._due, self.utterance = BUSY, 0.0, 0
        bench.pacers.append(self._send)
        bench.start('perception', vad='fake', recogniser='none', turn_end='none', faces='none',
                    detector='nanodet', open_vocabulary='none', watch_hz=HZ)
        bench.start('reaction', llm='smollm2_135m', tts='fake', max_tokens=8)
        self.decision: Running | None = None
        self.decide()

    def decide(self, **parameters: str) -> None:
        """From now on with a new decision node, which knows what it sees."""
        if self.decision in self.bench.running:      # it is gone before a second try
            assert self.bench.end(self.decision) == 0
        self.states.forget()
        self.decision = self.bench.start('decision', llm='none', sentence_end='none', **parameters)
        # by name: an intention that is published before the reaction node knows its writer is lost
        self.bench.matched('decision', 'reaction', publishers=(self.images, self.typed,
                                                               self.percepts, self.playback),
                           topics=('look', 'react', 'answer_route'))
        self.bench.until(lambda: self.states and self.states[-1].senses & AgentState.SEES, 'eyes')

    def _send(self) -> None:
        if time.time() >= self._due:
            self._due = time.time() + 1.0 / HZ
            message = from_bgr(self.picture)
            message.header.stamp = stamp(time.time())
            self.images.publish(message)

    def type(self, text: str) -> React:
        before = len(self.reacts)
        self.typed.publish(String(data=text))
        return self.hear(before)

    def say(self, text: str, took_s: float) -> React:
        before, self.utterance = len(self.reacts), self.utterance + 1
        for kind in (Percept.SPEECH_STARTED, Percept.SPEECH_STOPPED, Percept.FINAL):
            percept = Percept(kind=kind, utterance=self.utterance, voiced_s=1.0)
            percept.header.stamp = percept.start = stamp(time.time())
            if kind == Percept.FINAL:
                percept.text, percept.processing_s = text, took_s
                percept.turn_end_probability = 0.95
            self.percepts.publish(percept)
        return self.hear(before)

    def hear(self, before: int) -> React:
        """The newest intention after so many, played to its end."""
        react = self.bench.until(lambda: self.reacts[before:], 'an intention')[0]
        self.bench.until(lambda: [one for one in self.speech
                                  if one.epoch == react.epoch and one.last], 'its last word')
        for state in (Playback.STARTED, Playback.FINISHED):
            message = Playback(epoch=react.epoch, state=state, rate=16_000, samples_played=16_000,
                               heard='Well.')
            message.header.stamp = stamp(time.time())
            self.playback.publish(message)
        self.bench.until(lambda: self.states[-1].agent == AgentState.AGENT_IDLE
                         and self.states[-1].epoch >= react.epoch, 'an idle agent')
        return react

    def route(self, react: React) -> dict[str, RouteStep]:
        """Of both nodes, once the reply is over: steps by specialist."""
        def told() -> list[AnswerRoute]:
            found = [one for one in self.routes if one.epoch == react.epoch]
            return found if any(step.specialist == 'voice' for one in found
                                for step in one.steps) and len(found) == 2 else []
        found = self.bench.until(told, f'the route of {react.brief!r}')
        assert all(one.brief == react.brief and seconds(one.header.stamp) > 0 for one in found)
        return {step.specialist: step for one in found for step in one.steps}


@pytest.fixture(scope='module')
def robot(bench: Bench) -> Iterator[Robot]:
    need_model('smollm2_135m', 'SmolLM2-135M-Instruct.Q4_1.gguf')
    made = Robot(bench)
    yield made
    bench.pacers.remove(made._send)


def test_a_spoken_turn_names_who_worked_at_it_why_and_at_what_cost(robot: Robot) -> None:
    steps = robot.route(robot.say('Robot, what is the capital of France?', 0.075))
    assert {'speech recogniser', 'phrases', 'memory', 'language model', 'voice'} == steps.keys()
    assert steps['speech recogniser'].cost_ms == pytest.approx(75.0)
    assert 'capital of France' in steps['speech recogniser'].why
    assert all(0.0 < one.cost_ms < 60_000 for one in steps.values())
    assert steps['memory'].why == 'no answer there'
    # its prompt and eight tokens of reply, at most
    assert 10 < steps['language model'].tokens and not steps['memory'].tokens
    assert 'wrote' in steps['language model'].why


def test_a_closer_look_is_taken_for_the_question_alone_and_both_halves_tell_their_cost(
        robot: Robot) -> None:
    robot.bench.counted('decision', 'looks', LEAST)          # pictures to sum up
    before = len(robot.inspect)
    for asked_for in range(1, TRIES + 1):
        steps = robot.route(robot.type('What do you see?'))
        fast, slow = steps['overview'], steps['closer look']
        robot.bench.until(lambda: len(robot.inspect) == before + asked_for, 'what it asked for')
        if slow.frames:
            break
    assert fast.frames >= LEAST and slow.frames == 1
    # 128 pictures and more for less than one detection costs
    assert 0.0 < fast.cost_ms < slow.cost_ms
    assert not fast.tokens and steps['language model'].tokens > 0
    again = robot.route(robot.type('Is two more than one?'))
    assert 'closer look' not in again and 'overview' not in again
    assert len(robot.inspect) == before + asked_for


def test_what_memory_answers_needs_no_look_and_is_faster_than_without_memory(robot: Robot) -> None:
    robot.decide()
    robot.type('remember that the keys are in the blue box')
    robot.bench.turn_until(time.time() + 1.0)                # a commit each half second
    with_memory = [asked(robot) for _ in range(TURNS)]
    assert all('closer look' not in steps and steps['memory'].why.endswith('lines')
               for steps, _ in with_memory)
    looks = len(robot.inspect)
    robot.decide(state='none')
    without = [asked(robot) for _ in range(TURNS)]
    assert all('memory' not in steps and 'closer look' in steps for steps, _ in without)
    assert len(robot.inspect) == looks + TURNS
    fast, slow = (statistics.median(took for _, took in one) for one in (with_memory, without))
    print(f'with memory {1000 * fast:.0f} ms, without {1000 * slow:.0f} ms')
    assert fast < slow


def asked(robot: Robot) -> tuple[dict[str, RouteStep], float]:
    """Who worked at the answer about the keys, and how long it took until it was known what to
    say [s].
    """
    began, before = time.time(), len(robot.inspect)
    react = robot.type(KEYS)
    steps = robot.route(react)
    if 'closer look' in steps:
        robot.bench.until(lambda: len(robot.inspect) > before, 'what it asked for')
    return steps, seconds(react.header.stamp) - began


def test_the_recorder_of_a_demo_keeps_it_as_it_was_told(bench: Bench) -> None:
    records: list[dict] = []
    recorder = Recorder(bench.guest('ear'), records.append)
    routes = bench.publisher(AnswerRoute, 'answer_route', qos.ROUTE)
    bench.until(routes.get_subscription_count, 'who records')
    step = RouteStep(specialist='memory', why='words: 3 lines', cost_ms=math.nan, frames=2)
    message = AnswerRoute(epoch=2**63 + 1, brief='Where are my keys?', steps=[step])
    message.header.stamp = stamp(100.5)
    routes.publish(message)
    told = bench.until(lambda: [one for one in records if one['topic'] == 'answer_route'
                                and one['epoch'] == message.epoch], 'the record')[0]
    kept = parse(json.loads(json.dumps(told)))
    assert (kept.t, kept.epoch, kept.brief) == (100.5, 2**63 + 1, 'Where are my keys?')
    assert str(kept.steps) == str((Step('memory', 'words: 3 lines', math.nan, 2), ))
    del recorder
