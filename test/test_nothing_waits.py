"""While a reply is being written and spoken the robot goes on watching and deciding: the real
decision, perception, reaction and speaker nodes, and a language model that takes its time.
"""

from __future__ import annotations

import time
from typing import Iterator

import numpy as np
import pytest
from ros_bench import Bench, Heard
from test_nodes_watching import EMPTY, SOMEBODY, room
from whole_graph import fakes

from omni_agent_msgs.msg import AgentState, Look, Playback, React
from sensor_msgs.msg import Image
from std_msgs.msg import String

from omni_agent.backends.devices import open_microphone
from omni_agent.backends.story_server import StoryServer
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import seconds, stamp

HZ = 10.0
REPLY_S = 5.0                    # of writing and speaking, before anything happens
WORDS_PER_S = 4.0                # a model that writes 96 words for 24 s
TRIES = 3                        # a machine that others use stalls now and then
COOL_DOWN_S = 4.0
STORY = 'Robot, tell me a story.'
ASKED = 'Tell me when somebody comes in.'


class Stage:
    """The nodes, a camera that the test holds, and what is told of them."""

    def __init__(self, bench: Bench, llm: str) -> None:
        self.bench = bench
        self.looks: Heard = bench.listen(Look, 'look', qos._profile(500))
        self.reacts: Heard = bench.listen(React, 'react', qos.REACT)
        self.playback: Heard = bench.listen(Playback, 'playback', qos.PLAYBACK)
        self.states: Heard = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.typed = bench.publisher(String, 'typed', qos.PERCEPT)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.shown, self.sent, self._due = EMPTY, [], 0.0
        device = fakes(bench.folder)['speaker']['device']
        self._ears = open_microphone(device)     # who keeps the room of the loudspeaker
        self._ears.start(lambda block: None)
        bench.start('perception', vad='fake', recogniser='none', turn_end='none', detector='fake',
                    faces='none', watch_hz=HZ)
        bench.start('reaction', llm=llm, llm_model='story', tts='fake')
        bench.start('speaker', device=device)
        bench.start('decision', llm='none', sentence_end='none')
        bench.pacers.append(self.send_what_is_due)
        bench.matched(publishers=(self.typed, self.images),
                      topics=('look', 'react', 'playback', 'agent_state'))
        bench.until(lambda: self.states and self.states[-1].senses
                    & AgentState.SEES and self.states[-1].senses & AgentState.SPEAKS, 'its senses')

    def send_what_is_due(self) -> None:
        now = time.time()
        if now < self._due:
            return
        self._due = max(self._due + 1.0 / HZ, now)
        message = from_bgr(room(self.shown))
        message.header.stamp = stamp(now)
        self.images.publish(message)
        self.sent.append(now)

    def says(self, text: str) -> React:
        """What is made of a typed sentence; an older intention may be told again meanwhile."""
        before = self.states[-1].epoch
        self.typed.publish(String(data=text))
        return self.bench.until(lambda: self.after(before), f'an intention about {text!r}')[0]

    def after(self, epoch: int) -> list[React]:
        return [one for one in self.reacts if one.epoch > epoch]

    def told(self, epoch: int, state: int) -> list[Playback]:
        return [one for one in self.playback if one.epoch == epoch and one.state == state]

    def rests_after(self, react: React) -> None:
        self.bench.until(lambda: self.told(react.epoch, Playback.FINISHED), 'the last word', 60.0)
        self.bench.until(lambda: self.states[-1].agent == AgentState.AGENT_IDLE, 'rest')

    def worst_gap(self, since: float, until: float) -> float:
        """Between two looks, by the time when they came [s]."""
        times = [t for t in self.looks.times if since <= t <= until]
        return float(np.diff([since, *times, until]).max())

    def close(self) -> None:
        self._ears.stop()


@pytest.fixture
def stage(bench: Bench) -> Iterator[Stage]:
    with StoryServer(words_per_s=WORDS_PER_S) as llm:
        made = Stage(bench, llm)
        yield made
        made.close()


def test_while_five_seconds_of_a_reply_are_written_and_spoken_looks_go_on_and_a_new_decision_falls(
        stage: Stage) -> None:
    bench = stage.bench
    stage.rests_after(stage.says(ASKED))
    for _ in range(TRIES):
        gaps = story(stage)
        # a machine that cannot send pictures in time cannot look at them in time
        if gaps['looks'] <= 2.0 * max(1.0 / HZ, gaps['pictures']):
            break
        print(gaps)
        stage.shown = EMPTY
        bench.until(lambda: not stage.looks[-1].tracks, 'an empty room')
        # whoever comes in again so soon is no news
        bench.turn_until(time.time() + COOL_DOWN_S)
    else:
        pytest.fail(f'the watcher waits for the reply: {gaps}')


def story(stage: Stage) -> dict[str, float]:
    """Somebody comes in while a story is told; the longest gaps [s] of looks and pictures until
    that was decided upon.
    """
    bench = stage.bench
    asked = stage.says(STORY)
    since = time.time()
    bench.until(lambda: stage.told(asked.epoch, Playback.STARTED), 'the voice')
    bench.turn_until(since + REPLY_S)
    stage.shown = SOMEBODY
    came = time.time()
    remark = bench.until(lambda: stage.after(asked.epoch), 'a decision of its own')[0]
    then = time.time()
    # it fell inside of the reply: nothing of that was over, or cut off before
    assert 'person' in remark.say and asked.brief == STORY
    assert not stage.told(asked.epoch, Playback.FINISHED) and then - since >= REPLY_S
    assert seconds(remark.header.stamp) > came
    stage.rests_after(remark)
    assert not stage.after(remark.epoch)
    sent = [t for t in stage.sent if since <= t <= then]
    return {'looks': stage.worst_gap(since, then), 'pictures': float(np.diff(sent).max())}
