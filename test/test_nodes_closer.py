"""Looking closer, and for what only words describe: the real perception and decision nodes with a
tiny text-image encoder of SigLIP's shape, which knows colours.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from ros_bench import BLOCK, RATE, Bench, Heard, audio_chunk, blocks

from omni_agent_msgs.msg import AgentState, AudioChunk, Look, Playback, React, Track, TrackEvent
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool

from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import stamp
from sensor_msgs.msg import Image

pytest.importorskip('cv2')
pytest.importorskip('onnx')
pytest.importorskip('tokenizers')

import tiny_towers  # noqa: E402
from tiny_towers import COLOURS, painted  # noqa: E402

RED = 'something red'
WATCH = f'Tell me when you see {RED}.'
# a tower this small is never as sure as one that was trained
TINY = {'words__there': 0.2, 'words__gone': 0.1, 'words__every_s': 0.2}


class Robot:
    """Eyes and a mind; the camera, and whoever types, are the test's."""

    def __init__(self, bench: Bench, towers: str) -> None:
        self.bench = bench
        self.looks: Heard = bench.listen(Look, 'look', qos.LOOK)
        self.found: Heard = bench.listen(Look, 'inspected', qos.LOOK)
        self.asked: Heard = bench.listen(String, 'inspect', qos.PERCEPT)
        self.able: Heard = bench.listen(Bool, 'any_words', qos.STATE)
        self.wanted: Heard = bench.listen(String, 'look_for', qos.STATE)
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.sounds: Heard = bench.listen(String, 'sound', qos.PERCEPT)
        self.colour, self._seed, self._due = 'black', 0, 0.0
        bench.pacers.append(self._send)
        bench.start('perception', vad='fake', recogniser='none', turn_end='none', faces='none',
                    detector='fake', open_vocabulary=towers, **TINY)
        bench.start('decision', llm='none', sentence_end='none', speak_up__threshold=0.1)
        bench.matched(publishers=(self.images, self.typed, self.playback),
                      topics=('look', 'react', 'any_words', 'look_for'))
        bench.until(lambda: self.states and self.states[-1].senses & AgentState.SEES, 'eyes')

    def _send(self) -> None:
        if time.time() < self._due:
            return
        self._due = time.time() + 0.1
        self._seed += 1
        message = from_bgr(painted(COLOURS[self.colour], self._seed % 40, 240, 320))
        message.header.stamp = stamp(time.time())
        self.images.publish(message)

    def type(self, text: str) -> React:
        """And hear what is said to it."""
        seen = len(self.reacts)
        self.typed.publish(String(data=text))
        react = self.bench.until(lambda: self.reacts[seen:], f'an intention about {text!r}')[0]
        self.hear(react)
        return react

    def hear(self, react: React) -> None:
        for state in (Playback.STARTED, Playback.FINISHED):
            message = Playback(epoch=react.epoch, state=state, rate=16_000, samples_played=16_000,
                               heard=react.say or 'Well.')
            message.header.stamp = stamp(time.time())
            self.playback.publish(message)
        self.bench.until(
            lambda: self.states[-1].agent == AgentState.AGENT_IDLE and self.states[-1].epoch >=
            react.epoch, 'an idle agent')

    def sees(self, colour: str, kind: int) -> Track:
        """The track by words that comes or goes when the picture becomes that colour."""
        seen = len(self.looks)
        self.colour = colour
        return self.bench.until(
            lambda: [event.track for look in self.looks[seen:] for event in look.events
                     if event.kind == kind and event.track.label == RED],
            f'{colour}: event {kind}')[0]

    def attach(self, on: bool) -> None:
        client = self.bench.node.create_client(SetBool, 'perception/see')
        self.bench.until(client.service_is_ready, 'the service')
        answer = client.call_async(SetBool.Request(data=on))
        self.bench.until(answer.done, 'the service')
        assert answer.result().success, answer.result().message


@pytest.fixture(scope='module')
def robot(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    towers = tiny_towers.make(Path(tmp_path_factory.mktemp('towers')))
    made = Robot(bench, str(towers))
    yield made
    bench.pacers.remove(made._send)


def test_that_any_words_can_be_looked_for_is_told_to_whoever_comes_late(robot: Robot) -> None:
    robot.bench.until(lambda: robot.able and robot.able[-1].data, 'the ability')


def test_a_thing_that_no_detector_knows_is_watched_for_by_its_words(robot: Robot) -> None:
    robot.bench.turn_until(time.time() + 1.2)                # what is there now was there before
    confirmed = robot.type(WATCH)
    assert RED in confirmed.say and 'comes into view' in confirmed.say
    robot.bench.until(lambda: robot.wanted and robot.wanted[-1].data == RED, 'what to look for')
    robot.bench.turn_until(time.time() + 1.2)
    seen = len(robot.reacts)
    came = robot.sees('red', TrackEvent.APPEARED)
    assert came.id >= 1 << 20 and came.hits >= 2
    remark = robot.bench.until(lambda: robot.reacts[seen:], 'a remark')[0]
    assert RED in remark.say
    robot.hear(remark)
    robot.sees('black', TrackEvent.LEFT)


def test_a_question_about_what_is_seen_has_a_closer_look_and_names_what_it_rests_on(
        robot: Robot) -> None:
    robot.colour = 'white'                                   # bright is a person to the fake
    robot.bench.turn_until(time.time() + 0.5)
    before = len(robot.found)
    answered = robot.type('What can you see?')
    shown = [turn.text for turn in answered.history if turn.role == turn.SCENE]
    robot.bench.until(lambda: len(robot.found) > before, 'what it found')    # of another topic
    assert len(robot.found) == before + 1 and not answered.say
    assert shown and 'one person' in shown[0], shown
    robot.bench.until(lambda: list(robot.states[-1].used) == ['typed', 'vision'], 'what it used')


def test_the_third_turn_still_knows_what_the_first_one_saw(robot: Robot) -> None:
    robot.colour = 'white'
    robot.bench.turn_until(time.time() + 0.5)
    first = robot.type('What can you see in the kitchen?')
    assert any('one person' in turn.text for turn in first.history if turn.role == turn.SCENE)
    robot.colour = 'black'                                   # and nobody is there any more
    robot.bench.turn_until(time.time() + 1.5)                # until it is written
    robot.type('Is two more than one?')
    before = len(robot.asked)
    third = robot.type('What did you see when I asked about the kitchen?')
    assert any('person' in line for line in third.recalled) or 'person' in third.say, third
    robot.bench.until(lambda: 'memory' in robot.states[-1].used, 'what it used')
    assert len(robot.asked) == before, 'it looked anew at an empty room'


def test_asked_for_a_thing_without_a_name_it_compares_the_picture_with_the_words(
        robot: Robot) -> None:
    for colour, answer in (('red', 'Yes'), ('black', 'No')):
        robot.colour = colour
        robot.bench.turn_until(time.time() + 0.5)
        found = robot.type(f'Do you see {RED}?')
        assert found.say.startswith(answer) and RED in found.say, (colour, found.say)
        robot.bench.until(lambda: robot.asked and robot.asked[-1].data == RED, 'what it sought')


def test_a_question_that_memory_answers_makes_no_new_look(robot: Robot) -> None:
    robot.type('remember that the keys are in the blue box')
    robot.bench.turn_until(time.time() + 1.5)                # until it is written
    before = len(robot.asked), len(robot.found)
    told = robot.type('What did I say about the keys you see in the blue box?')
    assert any('blue box' in line for line in told.recalled)
    robot.bench.until(lambda: 'memory' in robot.states[-1].used, 'what it used')
    assert (len(robot.asked), len(robot.found)) == before
    robot.type('What do you see?')                           # the same words with a new look
    robot.bench.until(lambda: len(robot.asked) > before[0], 'another look')


def test_a_phone_that_rings_is_heard_and_remembered(robot: Robot) -> None:
    begin, samples = time.time(), int16_ringing()
    robot.bench.matched(publishers=(robot.audio,))
    for number, block in enumerate(blocks(samples)):
        robot.audio.publish(audio_chunk(begin + number * BLOCK / RATE, number * BLOCK, block))
        robot.bench.turn(0.01)
    robot.bench.until(lambda: robot.sounds, 'a ring')
    robot.bench.turn_until(time.time() + 1.5)                # until it is written
    told = robot.type('When did the phone ring?')
    assert any('you heard the phone' in line for line in told.recalled), told
    assert len(robot.sounds) == 1


def int16_ringing() -> np.ndarray:
    """A trill of a second, twice, in a room that is not quite silent."""
    t = np.arange(RATE) / RATE
    trill = 0.1 * np.sin(2 * np.pi * np.where(t % 0.08 < 0.04, 1200, 1500) * t)
    rest = np.zeros(RATE // 2)
    sound = np.concatenate([np.zeros(RATE), trill, rest, trill, rest])
    sound += 0.001 * np.random.default_rng(1).standard_normal(sound.size)
    return (sound * 32767).astype(np.int16)


def test_without_the_encoder_it_says_that_it_cannot_and_goes_on_when_it_is_back(
        robot: Robot) -> None:
    robot.attach(False)
    robot.bench.until(lambda: not robot.able[-1].data, 'no ability')
    robot.attach(True)
    robot.bench.until(lambda: robot.able[-1].data, 'the ability')
    seen = len(robot.reacts)
    robot.sees('red', TrackEvent.APPEARED)                   # it stood all the while
    robot.hear(robot.bench.until(lambda: robot.reacts[seen:], 'a remark')[0])
    robot.type('Stop telling me.')
    robot.bench.until(lambda: robot.wanted[-1].data == '', 'nothing to look for')
    look = robot.bench.until(lambda: robot.looks[-1:], 'a look')[0]
    robot.bench.until(lambda: RED not in [track.label for track in robot.looks[-1].tracks],
                      f'no {RED} in {[track.label for track in look.tracks]}')


def test_where_nobody_knows_words_a_thing_without_a_name_is_declined(bench: Bench) -> None:
    with_words = bench.listen(Bool, 'blunt/any_words', qos.STATE)
    remaps = tuple(word for topic in ('image_raw', 'look', 'percept', 'audio', 'any_words',
                                      'look_for', 'inspect', 'inspected')
                   for word in ('-r', f'{topic}:=blunt/{topic}'))
    process = bench.start('perception', arguments=('-r', '__node:=blunt', *remaps), vad='fake',
                          recogniser='none', turn_end='none', faces='none', detector='fake',
                          open_vocabulary='none')
    bench.until(lambda: with_words and not with_words[-1].data, 'that it does not')
    assert bench.end(process) == 0
