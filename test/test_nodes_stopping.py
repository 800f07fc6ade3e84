"""A motion stop never waits for a model: decision, skills and a simulated robot as processes, and
a language model that hangs or is lost.
"""

from __future__ import annotations

from typing import Iterator

import pytest
from robot_that_is_asked import ModelServer, Robot

from ros_bench import Bench

from omni_agent_msgs.msg import Interrupt, Percept, SkillState
from std_msgs.msg import String
from std_srvs.srv import Trigger

# no phrase covers it, and it is a request: only the language model may know which skill it means
UNCLEAR = 'Shuffle backwards for two seconds.'


@pytest.fixture(scope='module')
def server() -> Iterator[ModelServer]:
    made = ModelServer()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def robot(bench: Bench, server: ModelServer) -> Robot:
    made = Robot(bench, llm=server.url).ready()
    bench.until(lambda: made.is_ready('decision'), 'its language model')
    return made


def hang(robot: Robot, server: ModelServer) -> None:
    """The model is asked something, and thinks about it for the rest of the test."""
    server.mood = 'hangs'
    server.released.clear()
    robot.typed.publish(String(data=UNCLEAR))
    robot.bench.until(lambda: server.waiting, 'the model is asked')


@pytest.fixture(autouse=True)
def answering(server: ModelServer) -> Iterator[None]:
    server.mood = 'answers'
    yield
    server.mood = 'answers'
    server.released.set()


def test_stop_is_zero_while_the_model_thinks(robot: Robot, server: ModelServer) -> None:
    driving = robot.drives()
    hang(robot, server)
    robot.perceive(Percept.SPEECH_STARTED, utterance=1000)
    robot.perceive(Percept.PARTIAL, 'stop', 1000)
    assert robot.ended(driving).state == SkillState.CANCELLED
    robot.still()
    assert server.waiting                        # it has not answered yet
    robot.perceive(Percept.SPEECH_STOPPED, '', 1000)
    robot.perceive(Percept.FINAL, 'Stop.', 1000)


def test_hush_is_zero_while_the_model_thinks(robot: Robot, server: ModelServer) -> None:
    robot.bench.until(lambda: not server.waiting, 'the model is back')
    driving = robot.drives('drive forward two metres')
    hang(robot, server)
    robot.bench.until(robot.hush.service_is_ready, 'hush')
    answer = robot.hush.call_async(Trigger.Request())
    assert robot.ended(driving).state == SkillState.CANCELLED
    robot.still()
    assert server.waiting
    robot.bench.until(answer.done, 'the answer of hush')


def test_a_language_model_that_is_lost_on_the_way_is_zero_and_is_told(
        robot: Robot, server: ModelServer) -> None:
    robot.bench.until(lambda: not server.waiting, 'the model is back')
    driving = robot.drives('drive forward two metres')
    hang(robot, server)
    robot.interrupts.forget()
    server.drop()
    lost = robot.bench.until(
        lambda: [one for one in robot.interrupts if one.halted >= driving.epoch],
        'it is halted')[0]
    assert lost.reason == Interrupt.LOST and lost.halted == lost.epoch
    assert robot.ended(driving).state == SkillState.CANCELLED
    robot.still()
    declined = robot.bench.until(
        lambda: [one for one in robot.reacts if one.epoch == lost.epoch], 'a word on the request')
    robot.hear(declined[-1])                     # nothing is said over it
    robot.hear(robot.remark('lost my language model'))


def test_without_its_model_it_still_drives_where_words_are_plain_and_stops(
        robot: Robot, server: ModelServer) -> None:
    server.drop()
    driving = robot.drives('drive forward one metre')
    robot.say('stop')
    assert robot.ended(driving).state == SkillState.CANCELLED
    robot.still()
