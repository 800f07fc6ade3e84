"""``audio`` and ``speaker/reference`` -> audio_common_msgs of ros-drivers, while somebody listens.

A package of the same name and with other messages exists (mgonzs13/audio_common): that one is
recognised and refused.
"""

from __future__ import annotations

import array
from dataclasses import dataclass

from omni_agent_msgs.msg import AudioChunk
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription

from omni_agent.backends import RATE

from . import qos
from .health import Health
from .interfaces import TargetError, interface
from .stamps import pace

LOOK_S = 0.5             # how often it is looked whether somebody listens
FORMAT, CODING = 'S16LE', 'wave'      # as audio_capture calls raw samples
# ours below audio_common/ -> where it comes from
SOURCES = {'audio': 'audio', 'voice': 'speaker/reference'}


def ros_drivers(name: str) -> type:
    """A message of ros-drivers' package. Raises TargetError for the other one, too."""
    found = interface(f'audio_common_msgs/msg/{name}')
    fields = interface('audio_common_msgs/msg/AudioInfo').get_fields_and_field_types()
    if 'sample_rate' not in fields:
        raise TargetError(
            'audio_common_msgs is installed from mgonzs13/audio_common, whose messages are '
            'others: install '
            'ros-$ROS_DISTRO-audio-common-msgs in a workspace without it')
    return found


def audio_data(kind: type, chunk: AudioChunk) -> object:
    """The samples as little-endian bytes, which they are in memory on every machine that ROS 2
    runs on.
    """
    return kind(data=array.array('B', chunk.samples.tobytes()))


@dataclass
class Line:
    """One source of sound on its way out."""

    source: str
    plain: Publisher
    stamped: Publisher
    info: Publisher
    heard: Subscription | None = None
    told: tuple[int, int] | None = None          # rate and channels of the newest info

    @property
    def wanted(self) -> bool:
        return self.plain.get_subscription_count() + self.stamped.get_subscription_count() > 0


class SoundOut:
    """Raises TargetError where audio_common_msgs is not installed."""

    def __init__(self, node: Node, health: Health) -> None:
        self._node, self._health = node, health
        self._data, self._stamped, self._info = (
            ros_drivers(name) for name in ('AudioData', 'AudioDataStamped', 'AudioInfo'))
        self.lines = [self._line(name, source) for name, source in SOURCES.items()]
        node.create_timer(LOOK_S, self.on_timer, clock=pace(node))

    def _line(self, name: str, source: str) -> Line:
        topic = f'audio_common/{name}'
        line = Line(source, self._node.create_publisher(self._data, topic, qos.AUDIO),
                    self._node.create_publisher(self._stamped, f'{topic}_stamped', qos.AUDIO),
                    self._node.create_publisher(self._info, f'{topic}_info', qos.STATE))
        self._tell(line, RATE, 1)
        return line

    def _tell(self, line: Line, rate: int, channels: int) -> None:
        if line.told != (rate, channels):
            line.told = (rate, channels)
            line.info.publish(self._info(channels=channels, sample_rate=rate, sample_format=FORMAT,
                                         bitrate=16 * rate * channels, coding_format=CODING))

    def on_timer(self) -> None:
        for line in self.lines:
            if line.wanted and line.heard is None:
                line.heard = self._node.create_subscription(
                    AudioChunk, line.source, lambda chunk, line=line: self.on_chunk(line, chunk),
                    qos.AUDIO)
            elif not line.wanted and line.heard is not None:
                self._node.destroy_subscription(line.heard)
                line.heard = None

    def on_chunk(self, line: Line, chunk: AudioChunk) -> None:
        self._tell(line, chunk.rate, chunk.channels)
        data = audio_data(self._data, chunk)
        if line.plain.get_subscription_count():
            line.plain.publish(data)
        if line.stamped.get_subscription_count():
            line.stamped.publish(self._stamped(header=chunk.header, audio=data))
        self._health.count(f'blocks of {line.source} to audio_common')
