"""Camera, microphone and loudspeaker, each there or not: the eight combinations through the real
decision, perception, reaction and speaker nodes. A sense that was never there and one that goes
while the robot runs are the same to it.
"""

from __future__ import annotations

import time
from typing import Callable, Iterator

import numpy as np
import pytest
from ros_bench import BLOCK, RATE, Bench, Heard, audio_chunk, blocks, tone
from whole_graph import fakes

from omni_agent_msgs.msg import AgentState, AudioChunk, DialogueTurn, Playback, React
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from omni_agent.backends import watching
from omni_agent.backends.devices import open_microphone
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import stamp
from test_nodes_watching import EMPTY, room

SEES, HEARS, SPEAKS = AgentState.SEES, AgentState.HEARS, AgentState.SPEAKS
NAMES = {SEES: 'sees', HEARS: 'hears', SPEAKS: 'speaks'}
PATIENCE_S = 2.0                     # a reply that nobody plays is given up
# what the fake recogniser makes of any two seconds of sound
SPOKEN = 'hello robot what can you see'
TYPED = 'Robot, what can you see there?'
INSTRUCTION = 'Tell me when somebody comes in.'
BLIND = watching.watch_words('en').say('no_camera')
DARK = 'nothing, because it is off'


class Robot:
    """The nodes, and the world around them: a camera, a microphone and a loudspeaker that can be
    taken away.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.playback: Heard = bench.listen(Playback, 'playback', qos.PLAYBACK)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.hush = bench.node.create_client(Trigger, 'decision/hush')
        self.camera = self.microphone = False
        self._pictures_due, self._t, self._position = 0.0, 0.0, 0
        self._queue: list[np.ndarray] = []
        self._device = fakes(bench.folder)['speaker']['device']
        # who keeps the room of the loudspeaker
        self._ears = open_microphone(self._device)
        self._ears.start(lambda block: None)
        bench.start('perception', vad='fake', recogniser='fake', turn_end='fake', detector='fake',
                    faces='none')
        bench.start('reaction', llm='fake', tts='fake')
        bench.start('decision', llm='none', sentence_end='none', turn__patience_s=PATIENCE_S)
        bench.pacers.append(self._send)
        bench.matched(publishers=(self.typed, self.audio, self.images),
                      topics=('agent_state', 'react', 'percept'))

    def _send(self) -> None:
        now = time.time()
        if self.camera and now >= self._pictures_due:
            self._pictures_due = now + 0.2
            message = from_bgr(room(EMPTY))
            message.header.stamp = stamp(now)
            self.images.publish(message)
        while self.microphone and self._t + BLOCK / RATE <= now:
            block = self._queue.pop(0) if self._queue else np.zeros(BLOCK, np.int16)
            self.audio.publish(audio_chunk(self._t, self._position, block))
            self._t, self._position = self._t + BLOCK / RATE, self._position + BLOCK

    # -- senses come and go -----------------------------------------------------------------------

    def show(self) -> None:
        self.camera = True

    def cover(self) -> None:
        self.camera = False

    def plug_in(self) -> None:
        self.microphone, self._t, self._position = True, time.time(), 0

    def unplug(self) -> None:
        self.microphone = False

    def give_voice(self) -> None:
        self.speaker = self.bench.start('speaker', device=self._device)

    def take_voice(self) -> None:
        assert self.bench.end(self.speaker) == 0

    def detach(self, sense: str) -> None:
        """The device goes on sending."""
        client = self.bench.node.create_client(SetBool, f'perception/{sense}')
        self.bench.until(client.service_is_ready, sense)
        answer = client.call_async(SetBool.Request(data=False))
        self.bench.until(answer.done, f'{sense} detached')
        assert answer.result().success

    # -- what it makes of that --------------------------------------------------------------------

    def is_known_to_have(self, senses: int) -> None:
        words = [name for flag, name in NAMES.items() if senses & flag]
        self.bench.until(lambda: self.states and self.states[-1].senses == senses,
                         f'a robot that {" and ".join(words) or "has no senses"}, not '
                         f'{self.states[-1].senses if self.states else None}')

    def asked(self, text: str) -> React:
        """What is made of a typed sentence."""
        self.reacts.forget()
        self.typed.publish(String(data=text))
        return self._reaction(text)

    def hears_a_question(self) -> React:
        self.reacts.forget()
        self._queue += [*blocks(tone(440, 2.1)), *blocks(np.zeros(RATE, np.int16))]
        return self._reaction(SPOKEN)

    def _reaction(self, brief: str) -> React:
        return self.bench.until(lambda: [one for one in self.reacts if one.brief == brief],
                                f'a reaction to {brief!r}')[-1]

    def ends_of(self, react: React) -> list[Playback]:
        return [
            one for one in self.playback
            if one.epoch == react.epoch and one.state == Playback.FINISHED
        ]

    def rests_after(self, react: React) -> None:
        self.bench.until(lambda: self.states[-1].epoch >= react.epoch
                         and self.states[-1].agent == AgentState.AGENT_IDLE, 'rest')

    def silence(self) -> None:
        self.bench.until(self.hush.service_is_ready, 'the hush service')
        asked = self.hush.call_async(Trigger.Request())
        self.bench.until(asked.done, 'hush')
        self.bench.until(lambda: self.states[-1].agent == AgentState.AGENT_IDLE, 'rest')

    def used(self) -> list[str]:
        """By the last decision."""
        return list(self.states[-1].used)

    def acts_as_one_who(self, senses: int) -> None:
        """It reacts to what it can perceive, says what it rests on, and does not claim what it
        cannot know.
        """
        sees, hears = bool(senses & SEES), bool(senses & HEARS)
        question = self.hears_a_question() if hears else self.asked(TYPED)
        expected = ['audio' if hears else 'typed', *(['vision'] if sees else [])]
        self.bench.until(lambda: self.used() == expected,
                         f'a decision that used {expected}, not {self.used()}')
        shown = [turn.text for turn in question.history if turn.role == DialogueTurn.SCENE]
        assert (DARK in shown) == (not sees), shown
        self.is_heard(question, bool(senses & SPEAKS))
        told = self.asked(INSTRUCTION)
        assert (told.say == BLIND) == (not sees) and told.say, told.say
        self.bench.until(lambda: not sees or INSTRUCTION in self.states[-1].watching,
                         'the instruction')
        self.silence()

    def is_heard(self, react: React, speaks: bool) -> None:
        if speaks:
            (end,) = self.bench.until(lambda: self.ends_of(react), 'the end of the reply')
            assert end.heard
        else:
            self.rests_after(react)                               # by giving up: nobody plays it
            assert not [one for one in self.playback if one.epoch == react.epoch]

    def close(self) -> None:
        self._ears.stop()


@pytest.fixture
def robot(bench: Bench) -> Iterator[Robot]:
    made = Robot(bench)
    yield made
    made.close()


# a sense that falls silent is missed after five seconds, and four do
@pytest.mark.timeout(400)
def test_the_eight_combinations_of_senses_are_known_published_and_acted_upon(robot: Robot) -> None:
    """Each sense is off from the start, comes, and goes again: by its device, or by the service
    that detaches it.
    """
    walk: list[tuple[int, Callable[[], None]]] = [
        (0, lambda: None),
        (SEES, robot.show),
        (SEES | HEARS, robot.plug_in),
        (HEARS, robot.cover),
        (HEARS | SPEAKS, robot.give_voice),
        (SEES | HEARS | SPEAKS, robot.show),
        (SEES | SPEAKS, robot.unplug),
        (SPEAKS, lambda: robot.detach('see')),
        (0, robot.take_voice),
    ]
    assert {senses for senses, _ in walk} == set(range(8))
    for senses, change in walk:
        change()
        robot.is_known_to_have(senses)
        robot.acts_as_one_who(senses)
        robot.is_known_to_have(senses)
