"""Device and ``speaker/reference`` -> ``audio`` and ``audio/strict``: 20 ms blocks with their
sample positions.

Both are the same sound without the robot's own voice: ``audio`` with a person's words whole, for
recognition and whoever listens, ``audio/strict`` without a trace of the robot, for knowing that
somebody speaks.
"""

from __future__ import annotations

import array
from dataclasses import dataclass

import numpy as np
from omni_agent_msgs.msg import AudioChunk
from rclpy.publisher import Publisher

from omni_agent.backends import RATE, Block, Canceller, load
from omni_agent.backends.devices import open_microphone
from omni_agent.core.errors import BackendError
from omni_agent.core.front_end import FrontEnd
from omni_agent.core.params import param

from . import qos
from .devices import DeviceWatch
from .health import WARN, Health
from .node import join
from .parameters import declare
from .shell import Urgency
from .shell import main as run
from .stamps import now, pace, seconds, stamp
from .threads import Inbox

CANCELLERS = {'both': ('speex', 'aec3'), 'gentle': ('speex', 'none'), 'strict': ('none', 'aec3')}


@dataclass(frozen=True)
class MicrophoneParams:
    """Where the sound comes from, and what is taken out of it."""

    device: str = param('', 'name (or part of it) or index of the input device, a sound file, '
                            'or room:SCENARIO@FOLDER; empty = default')
    frame_id: str = param('microphone', 'frame of the recordings', live=True)
    canceller: str = param(
        'both',
        'what removes the robot\'s own voice: gentle (SpeexDSP, for audio), strict (WebRTC, '
        'for audio/strict), both, or none for a device that does it itself or a robot '
        'without a voice', choices=('both', 'gentle', 'strict', 'none'))
    reference_s: float = param(
        15.0, 'without anybody who publishes speaker/reference for this long after the start '
        'the diagnostics complain: a speaker node started together with this one has been '
        'found by then [s]', 0.5, 300.0, live=True)


PARAMETERS = (('', MicrophoneParams),)     # (prefix, dataclass): what is declared below


class Microphone:
    """Cleans device blocks and puts them onto the topics."""

    def __init__(self) -> None:
        self.node = join('microphone')
        self.params = declare(self.node, MicrophoneParams)
        self.health = Health(self.node)
        self.health.values['device'] = self.params.device or 'default'
        self.audio = self.node.create_publisher(AudioChunk, 'audio', qos.AUDIO)
        self.front_end: FrontEnd | None = None
        self.strict: Publisher | None = None
        if self.params.canceller in CANCELLERS:
            self._begin_cancelling()
        self.inbox: Inbox[Block] = Inbox(self.node, self.publish, limit=50)
        self.device = open_microphone(self.params.device)
        self.watch = DeviceWatch(self.node, self.health, 'microphone', self.device, self.inbox)
        self.device.start(self.inbox.put)

    def _begin_cancelling(self) -> None:
        gentle, strict = (self._load(name) for name in CANCELLERS[self.params.canceller])
        if strict is not None:               # what only half cancels must not pass for strict
            self.strict = self.node.create_publisher(AudioChunk, 'audio/strict', qos.AUDIO)
        if gentle is not None or strict is not None:
            self.front_end = FrontEnd(gentle, strict)
            self.node.create_subscription(AudioChunk, 'speaker/reference', self.on_reference,
                                          qos.AUDIO)
            self._born = now(self.node)
            self.node.create_timer(1.0, self.on_timer, clock=pace(self.node))

    def _load(self, name: str) -> Canceller | None:
        try:
            return load.canceller(name)
        except BackendError as error:
            self.health.trouble(f'echo canceller {name}', WARN, str(error))
            return None

    def on_reference(self, chunk: AudioChunk) -> None:
        """Comes ahead of its echo: the speaker hands it out when the device takes it."""
        samples = np.frombuffer(chunk.samples, np.int16)
        if chunk.rate != RATE or chunk.channels != 1 or not 0 < samples.size <= RATE:
            self.health.count('refused references')
            return
        self.front_end.play(seconds(chunk.header.stamp), chunk.position, samples)

    def on_timer(self) -> None:
        """What the alignment is like, and whether there is anything to align."""
        self.health.values['reference samples late'] = str(self.front_end.late)
        self.health.values['reference realigned'] = str(self.front_end.reference.offset.jumps)
        self.health.values[
            'reference drift'] = f'{self.front_end.reference.offset.drift * 1e6:.0f} ppm'
        if self.node.count_publishers('speaker/reference'):
            self.health.well('reference')
        elif now(self.node) > self._born + self.params.reference_s:
            self.health.trouble(
                'reference', WARN,
                'nobody publishes speaker/reference, so the robot\'s own voice is not '
                'removed: start the speaker node, or set canceller to none')

    def publish(self, block: Block) -> None:
        if not self.node.active:             # the device is open, and nobody hears it
            return
        self.health.count('blocks')
        if self.front_end is None:
            self._send(self.audio, block.position, block.t, block.samples)
            return
        for cleaned in self.front_end.hear(block.t, block.position, block.samples):
            if self.strict is not None:
                self._send(self.strict, cleaned.position, cleaned.t, cleaned.strict)
            self._send(self.audio, cleaned.position, cleaned.t, cleaned.gentle)

    def _send(self, topic: Publisher, position: int, t: float, samples: np.ndarray) -> None:
        chunk = AudioChunk(position=position, rate=RATE, channels=1,
                           samples=array.array('h', samples.tobytes()))
        chunk.header.stamp = stamp(t)
        chunk.header.frame_id = self.params.frame_id
        topic.publish(chunk)

    def close(self) -> None:
        self.device.stop()


def main() -> None:
    run(Microphone, Urgency.PROCESS)


if __name__ == '__main__':
    main()
