"""A decision node that watches, remembers and speaks up unasked; the looks and the loudspeaker are
the test's.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Iterator

import pytest

from ros_bench import Bench, Heard
from omni_agent_msgs.msg import AgentState, Look, Percept, Playback, React, Track
from omni_agent_msgs.msg import TrackEvent as Event
from omni_agent_msgs.srv import Forget
from std_msgs.msg import String

from omni_agent.nodes import qos
from omni_agent.nodes.stamps import stamp

LOOK_S = 0.1
ASKED = 'tell me when somebody comes in'


class Camera:
    """Ten looks a second, with whoever is in the picture."""

    def __init__(self, bench: Bench) -> None:
        self.looks = bench.publisher(Look, 'look', qos.LOOK)
        self.there: dict[int, tuple[str, float]] = {}      # id -> label, since
        self._events: list[Event] = []
        self._next = 0.0
        self.is_on = True
        bench.pacers.append(self.look)

    def comes(self, track: int, label: str = 'person') -> None:
        self.there[track] = label, time.time()
        self._events.append(
            Event(kind=Event.APPEARED, since=stamp(time.time()), track=self.track(track)))

    def goes(self, track: int) -> None:
        self._events.append(
            Event(kind=Event.LEFT, since=stamp(time.time()), track=self.track(track)))
        del self.there[track]

    def track(self, number: int) -> Track:
        label, since = self.there[number]
        looks = max(4, int((time.time() - since) / LOOK_S))
        return Track(id=number, label=label, box=[200.0, 100.0, 300.0, 400.0], first=stamp(since),
                     born=stamp(since), last=stamp(time.time()), hits=looks, looks=looks,
                     score=0.85, best=0.93, share=0.1, speed=[0.1, 0.0], began_at_edge=True)

    def look(self) -> None:
        if not self.is_on or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_S
        message = Look(width=640, height=480, tracks=[self.track(number) for number in self.there],
                       events=self._events)
        message.header.stamp = stamp(time.time())
        self._events = []
        self.looks.publish(message)


class Agent:
    """The decision node with a loudspeaker that says everything within a moment."""

    def __init__(self, bench: Bench, **parameters: object) -> None:
        self.bench, self.parameters = bench, parameters
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.forget = bench.node.create_client(Forget, 'decision/forget')
        self.start()

    def start(self) -> None:
        self.process = self.bench.start('decision', llm='none', sentence_end='none',
                                        **self.parameters)
        self.bench.matched('decision', publishers=(self.typed, self.playback, self.percepts),
                           topics=('react', ))

    def type(self, text: str) -> React:
        """And hear what is said to it, to the end."""
        seen = len(self.reacts)
        self.typed.publish(String(data=text))
        react = self.bench.until(lambda: self.reacts[seen:], f'an intention about {text!r}')[0]
        self.speak(react)
        return react

    def speak(self, react: React, heard: str = '') -> None:
        for state in (Playback.STARTED, Playback.FINISHED):
            message = Playback(epoch=react.epoch, state=state, rate=16_000, samples_played=16_000,
                               heard=heard or react.say or 'Well.')
            message.header.stamp = stamp(time.time())
            self.playback.publish(message)
        self.idle(react.epoch)

    def idle(self, epoch: int = 0) -> None:
        """Since that epoch: an older state says nothing of what was just published."""
        self.bench.until(
            lambda: self.states[-1].agent == AgentState.AGENT_IDLE and self.states[-1].epoch >=
            epoch, 'an idle agent')

    def remark(self, seconds: float = 6.0) -> React:
        seen = len(self.reacts)
        return self.bench.until(lambda: self.reacts[seen:], 'a remark', seconds)[0]

    def percept(self, kind: int, utterance: int, text: str = '') -> None:
        percept = Percept(kind=kind, utterance=utterance, text=text, voiced_s=1.0,
                          turn_end_probability=0.95)
        percept.header.stamp = percept.start = stamp(time.time())
        self.percepts.publish(percept)

    def silent_for(self, seconds: float) -> bool:
        seen = len(self.reacts)
        self.bench.turn_until(time.time() + seconds)
        return len(self.reacts) == seen


@pytest.fixture(scope='module')
def camera(bench: Bench) -> Iterator[Camera]:
    made = Camera(bench)
    yield made
    bench.pacers.remove(made.look)


@pytest.fixture(scope='module')
def agent(bench: Bench, camera: Camera) -> Agent:
    made = Agent(bench)
    bench.until(lambda: made.states and made.states[-1].senses & AgentState.SEES, 'eyes')
    return made


def test_an_instruction_is_confirmed_aloud_listed_and_kept(agent: Agent, bench: Bench) -> None:
    confirmed = agent.type(ASKED)
    assert 'person comes into view' in confirmed.say
    assert bench.until(lambda: list(agent.states[-1].watching), 'the list') == [ASKED]
    kept = Path(bench.folder, 'state', 'omni_agent', 'agent', 'instructions.json')
    bench.until(kept.is_file, f'{kept}')
    assert ASKED in kept.read_text()


def test_one_remark_for_one_event_and_none_for_a_still_scene(agent: Agent, camera: Camera) -> None:
    agent.bench.turn_until(time.time() + 1.2)                # what is there now was there before
    camera.comes(1)
    came = time.time()
    remark = agent.remark()
    assert remark.say and remark.brief == remark.say and time.time() - came < 2.0
    agent.bench.until(lambda: list(agent.states[-1].used) == ['vision'], 'what it rests on')
    agent.speak(remark)
    assert agent.silent_for(3.0)


def test_a_remark_waits_for_a_person_to_finish(agent: Agent, camera: Camera) -> None:
    agent.percept(Percept.SPEECH_STARTED, 1)
    agent.bench.until(lambda: agent.states[-1].person == AgentState.PERSON_SPEAKING,
                      'a person who speaks')
    camera.comes(2)
    assert agent.silent_for(2.0)
    agent.percept(Percept.SPEECH_STOPPED, 1)
    agent.percept(Percept.FINAL, 1, 'Anna, did you lock the door?')
    remark = agent.remark(8.0)
    assert remark.say
    agent.speak(remark)


def test_a_remark_that_waited_until_it_was_no_longer_true_is_told_as_past(
        agent: Agent, camera: Camera) -> None:
    agent.bench.turn_until(time.time() + 4.0)                # out of the cool-down
    agent.percept(Percept.SPEECH_STARTED, 2)
    agent.bench.until(lambda: agent.states[-1].person == AgentState.PERSON_SPEAKING,
                      'a person who speaks')
    camera.comes(20)
    assert agent.silent_for(1.5)
    for number in list(camera.there):
        camera.goes(number)
    assert agent.silent_for(1.0)
    agent.percept(Percept.SPEECH_STOPPED, 2)
    agent.percept(Percept.FINAL, 2, 'Anna, did you lock the door?')
    remark = agent.remark(8.0)
    assert remark.say == 'A moment ago I saw a person.'
    agent.speak(remark)


def test_a_restart_forgets_no_instruction_and_stop_telling_me_ends_it(
        agent: Agent, camera: Camera) -> None:
    agent.process.send(signal.SIGKILL)
    agent.bench.until(lambda: agent.process.pid is None, 'its end')
    agent.bench.end(agent.process)
    agent.states.forget()
    agent.start()
    agent.bench.until(lambda: agent.states and list(agent.states[-1].watching) == [ASKED],
                      'the kept instruction')
    agent.bench.turn_until(time.time() + 1.5)
    seen = len(agent.reacts)
    agent.typed.publish(String(data='stop telling me'))
    agent.bench.until(lambda: not agent.states[-1].watching, 'an empty list')
    told = agent.bench.until(lambda: agent.reacts[seen:], 'a confirmation')[0]
    agent.speak(told)
    camera.comes(3)
    assert agent.silent_for(3.0)


def test_a_question_about_the_past_is_answered_from_memory_and_says_how(agent: Agent) -> None:
    agent.speak(agent.type('remember that the keys are in the blue box'),
                heard='I will remember that.')
    agent.bench.turn_until(time.time() + 1.5)                # until it is written
    asked = agent.type('Where did I say the keys are?')
    assert any('blue box' in line for line in asked.recalled) and not asked.say
    state = agent.bench.until(lambda: agent.states[-1].route and agent.states[-1], 'the route')
    assert state.route.startswith('long-term') and 'memory' in state.used
    assert not agent.type('What is the capital of France?').recalled
    agent.bench.until(lambda: not agent.states[-1].route, 'no route')


def test_what_was_forgotten_is_gone_and_so_says_the_answer(agent: Agent, bench: Bench) -> None:
    bench.until(agent.forget.service_is_ready, 'the service')
    asked = agent.forget.call_async(Forget.Request())
    bench.until(asked.done, 'forgetting')
    assert asked.result().success and asked.result().forgotten >= 1
    again = agent.type('Where did I say the keys are?')
    assert not any('blue box' in line for line in again.recalled)
    assert not any('blue box' in turn.text for turn in again.history)
    folder = Path(bench.folder, 'state', 'omni_agent', 'agent')
    assert b'blue box' not in b''.join(path.read_bytes() for path in folder.glob('memory.db*'))


def test_without_a_camera_nothing_is_watched_for_and_it_says_so(agent: Agent,
                                                                camera: Camera) -> None:
    camera.is_on = False
    agent.bench.until(lambda: not agent.states[-1].senses & AgentState.SEES, 'blindness', 10.0)
    declined = agent.type(ASKED)
    assert 'camera' in declined.say.lower() and not agent.states[-1].watching
    seen = agent.type('What do you see?')
    assert any('off' in turn.text for turn in seen.history if turn.role == turn.SCENE)
    camera.is_on = True


def test_it_ends_well(agent: Agent) -> None:
    assert agent.bench.end(agent.process) == 0


def test_it_runs_where_a_language_without_words_for_instructions_is_spoken(bench: Bench) -> None:
    process = bench.start('decision', llm='none', sentence_end='none', state='none',
                          languages='de,fr')
    bench.matched('decision', topics=('react',))
    assert bench.end(process) == 0
