"""Percepts carry a vector of each sense and one of both: three perception nodes with real
networks, one that hears and sees, one without a camera, one without a microphone.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Callable, Iterator

import numpy as np
import pytest
from human_recordings import need_model
from ros_bench import BLOCK, RATE, Bench, Heard, audio_chunk, blocks
from test_nodes_perception import RECORDING

from omni_agent_msgs.msg import AudioChunk, Percept
from sensor_msgs.msg import Image

from omni_agent.backends import audio_files
from omni_agent.core.sense_vectors import AUDIO, VISION, cosine, fused
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import stamp

pytest.importorskip('cv2')
SENSES = {'both': (), 'blind': ('image_raw',), 'deaf': ('audio',)}      # topics that never come
HZ = 10.0


def picture(seed: int) -> np.ndarray:
    """Patches of colour."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(patches.repeat(40, 0).repeat(40, 1))


class Stage:
    """One microphone and one camera for all three."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.percepts: dict[str, Heard] = {}
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        for name, missing in SENSES.items():
            self.percepts[name] = bench.listen(Percept, f'{name}/percept', qos.PERCEPT)
            remaps = {'percept': f'{name}/percept', 'look': f'{name}/look', '__node': name,
                      **{topic: f'nowhere/{topic}' for topic in missing}}
            words = tuple(word for pair in remaps.items()
                          for word in ('-r', ':='.join(pair)))
            bench.start('perception', arguments=words, turn_end='none', detector='fake',
                        faces='none', scene_s=0.5, watch_hz=HZ)
        bench.matched(publishers=(self.audio, self.images),
                      topics=[f'{name}/percept' for name in SENSES])
        for name in SENSES:
            bench.until(lambda name=name: 'loading' not in self.complaint(name), name, 90)
        self.seed, self._t, self._position, self._due = 1, time.time(), 0, 0.0
        self._queue: deque[np.ndarray] = deque()
        bench.pacers.append(self.send)

    def complaint(self, name: str) -> str:
        """Of its newest status; a sense that never comes is one as well."""
        known = self.bench.health.get(name)
        return known[-1].message if known else 'loading'

    def send(self) -> None:
        """What is due; the microphone never stops."""
        now = time.time()
        while self._t + BLOCK / RATE <= now:
            block = self._queue.popleft() if self._queue else np.zeros(BLOCK, np.int16)
            self.audio.publish(audio_chunk(self._t, self._position, block))
            self._t, self._position = self._t + BLOCK / RATE, self._position + BLOCK
        if now >= self._due:
            self._due = now + 1.0 / HZ
            message = from_bgr(picture(self.seed))
            message.header.stamp = stamp(now)
            self.images.publish(message)

    def first(self, name: str, kind: int, is_it: Callable[[Percept], bool]) -> Percept:
        return self.bench.until(lambda: [one for one in self.percepts[name] if one.kind == kind
                                         and is_it(one)], f'{name}: kind {kind}')[0]

    def hear(self, samples: np.ndarray) -> dict[str, Percept]:
        """The words of it, by who has ears."""
        for heard in self.percepts.values():
            heard.forget()
        self._queue.extend(blocks(samples))
        return {name: self.first(name, Percept.FINAL, lambda one: bool(one.text))
                for name in ('both', 'blind')}

    def show(self, seed: int) -> dict[str, Percept]:
        """A scene with that picture, by who has eyes."""
        self.seed = seed
        self.bench.turn_until(time.time() + 3.0 / HZ)
        for heard in self.percepts.values():
            heard.forget()
        return {name: self.first(name, Percept.SCENE, lambda one: bool(one.vision_vector))
                for name in ('both', 'deaf')}


@pytest.fixture(scope='module')
def stage(bench: Bench) -> Iterator[Stage]:
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    need_model('silero_vad', 'silero_vad.onnx')
    made = Stage(bench)
    yield made
    bench.pacers.remove(made.send)


def test_without_a_camera_the_vector_of_what_is_said_is_the_same_to_the_bit(stage: Stage) -> None:
    stage.show(1)
    samples = audio_files.to_int16(audio_files.read(RECORDING))
    said = stage.hear(samples)
    both, blind = said['both'], said['blind']
    assert len(both.audio_vector) == AUDIO and both.text == blind.text
    assert both.audio_vector.tobytes() == blind.audio_vector.tobytes()
    assert len(both.vision_vector) == VISION and not blind.vision_vector
    assert not any(blind.fused_vector[AUDIO:]) and all(both.fused_vector[AUDIO:AUDIO + 1])
    assert list(both.fused_vector) == pytest.approx(
        fused(tuple(both.audio_vector), tuple(both.vision_vector)))
    assert not [one for one in stage.percepts['deaf'] if one.kind == Percept.FINAL]


def test_without_a_microphone_the_vector_of_what_is_seen_is_the_same_to_the_bit(
        stage: Stage) -> None:
    vectors = []
    for seed in (2, 3):
        seen = stage.show(seed)
        both, deaf = seen['both'], seen['deaf']
        assert len(deaf.vision_vector) == VISION and not deaf.audio_vector
        assert both.vision_vector.tobytes() == deaf.vision_vector.tobytes()
        assert list(deaf.fused_vector) == [0.0] * AUDIO + list(deaf.vision_vector)
        vectors.append(deaf.vision_vector)
    assert cosine(*vectors) < 0.99                           # it is of that picture
    assert not [one for one in stage.percepts['blind'] if one.kind == Percept.SCENE]
