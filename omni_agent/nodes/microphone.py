"""Device -> ``audio``: 20 ms blocks with their sample positions."""

from __future__ import annotations

import array
from dataclasses import dataclass

from omni_agent_msgs.msg import AudioChunk
from rclpy.node import Node

from omni_agent.backends import RATE, Block
from omni_agent.backends.devices import open_microphone
from omni_agent.core.params import param

from . import qos
from .devices import DeviceWatch
from .health import Health
from .parameters import declare
from .shell import Urgency
from .shell import main as run
from .stamps import stamp
from .threads import Inbox


@dataclass(frozen=True)
class MicrophoneParams:
    """Where the sound comes from."""

    device: str = param('', 'name (or part of it) or index of the input device, a sound file, '
                            'or room:SCENARIO@FOLDER; empty = default')
    frame_id: str = param('microphone', 'frame of the recordings')


PARAMETERS = (('', MicrophoneParams),)     # (prefix, dataclass): what is declared below


class Microphone:
    """Copies device blocks onto the topic."""

    def __init__(self) -> None:
        self.node = Node('microphone')
        self.params = declare(self.node, MicrophoneParams)
        self.health = Health(self.node)
        self.audio = self.node.create_publisher(AudioChunk, 'audio', qos.AUDIO)
        self.inbox: Inbox[Block] = Inbox(self.node, self.publish, limit=50)
        self.device = open_microphone(self.params.device)
        self.watch = DeviceWatch(self.node, self.health, 'microphone', self.device, self.inbox)
        self.device.start(self.inbox.put)

    def publish(self, block: Block) -> None:
        chunk = AudioChunk(position=block.position, rate=RATE, channels=1,
                           samples=array.array('h', block.samples.tobytes()))
        chunk.header.stamp = stamp(block.t)
        chunk.header.frame_id = self.params.frame_id
        self.audio.publish(chunk)
        self.health.count('blocks')

    def close(self) -> None:
        self.device.stop()


def main() -> None:
    run(Microphone, Urgency.PROCESS)


if __name__ == '__main__':
    main()
