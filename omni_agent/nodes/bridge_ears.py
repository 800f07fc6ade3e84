"""audio_common_msgs of ros-drivers -> ``audio``: a foreign microphone in place of ours.

Only raw samples of 16 bits (S16LE, "wave"). Sound without stamps is taken to end when it arrives.
"""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

import numpy as np
from omni_agent_msgs.msg import AudioChunk
from rclpy.node import Node
from rclpy.subscription import Subscription

from omni_agent.backends import BLOCK, RATE
from omni_agent.backends.stream_resampler import ZERO_CROSSINGS, StreamResampler

from . import qos
from .bridge_sound import FORMAT, ros_drivers
from .health import WARN, Health
from .stamps import now, pace, seconds, stamp

if TYPE_CHECKING:
    from .bridges import BridgesParams

LOOK_S = 0.5             # how often it is looked what is published on the topic
PLAIN, STAMPED = 'audio_common_msgs/msg/AudioData', 'audio_common_msgs/msg/AudioDataStamped'
HOLE_S = 0.25            # stamps that are farther from the samples before them: sound is missing
PART = 'foreign microphone'


class ForeignMicrophone:
    """Raises TargetError where audio_common_msgs is not installed."""

    def __init__(self, node: Node, health: Health, params: BridgesParams) -> None:
        self._node, self._health = node, health
        self._topic = node.resolve_topic_name(params.microphone)
        self._types = {PLAIN: ros_drivers('AudioData'), STAMPED: ros_drivers('AudioDataStamped')}
        self._rate, self._channels, self._format = params.microphone_rate, params.microphone_channels, FORMAT
        self.audio = node.create_publisher(AudioChunk, 'audio', qos.AUDIO)
        self._ears: Subscription | None = None
        self._begin()
        info = self._topic.removesuffix('_stamped') + '_info'
        # told anew every 5 s, not latched
        node.create_subscription(ros_drivers('AudioInfo'), info, self.on_info, 1)
        node.create_timer(LOOK_S, self.on_timer, clock=pace(node))

    def _begin(self) -> None:
        self._health.values['foreign sound'] = f'{self._rate} Hz, {self._channels} channels'
        self._resample = None if self._rate == RATE else StreamResampler(self._rate, RATE)
        self._delay_s = ZERO_CROSSINGS / min(self._rate, RATE) if self._resample else 0.0
        self._rest = np.zeros(0, np.int16)       # less than a block
        self._position = 0                       # of the first sample of the rest
        self._t = 0.0                            # its time [Unix s]; 0: nothing yet

    def on_timer(self) -> None:
        """Which of the two it is, is known when somebody publishes it."""
        if self._ears is not None:
            return
        kinds = {
            kind
            for end in self._node.get_publishers_info_by_topic(self._topic)
            for kind in [end.topic_type]
        }
        for kind, take in ((STAMPED, self.on_stamped), (PLAIN, self.on_plain)):
            if kind in kinds:
                self._ears = self._node.create_subscription(self._types[kind], self._topic, take,
                                                            qos.AUDIO)
                self._health.well(PART)
                return
        self._health.trouble(
            PART, WARN,
            f'nobody publishes sound of audio_common_msgs on {self._topic}: start the driver, '
            'or check the parameter microphone')

    def on_info(self, info: object) -> None:
        self._format = info.sample_format
        if ((info.sample_rate, info.channels) != (self._rate, self._channels) and info.sample_rate
                and info.channels):
            self._rate, self._channels = info.sample_rate, info.channels
            self._begin()

    def on_stamped(self, message: object) -> None:
        t = seconds(message.header.stamp)
        self._take(bytes(message.audio.data), t or None)

    def on_plain(self, message: object) -> None:
        self._take(bytes(message.data), None)

    def _take(self, data: bytes, t: float | None) -> None:
        """``t``: of the first sample; None: it has just ended."""
        width = 2 * self._channels
        if self._format != FORMAT or not data or len(data) % width:
            self._health.count('refused foreign sound')
            self._health.trouble(
                PART, WARN,
                f'{len(data)} bytes of {self._format} with {self._channels} channels on '
                f'{self._topic}: send raw {FORMAT} (audio_capture: format:=wave)')
            return
        self._health.well(PART)
        sound = np.frombuffer(data, '<i2').reshape(-1, self._channels)
        length_s = len(sound) / self._rate
        self._place(now(self._node) - length_s if t is None else t, steady=t is not None)
        mono = sound[:, 0] if self._channels == 1 else sound.mean(axis=1)
        if self._resample is not None:
            mono = np.clip(self._resample(mono.astype(np.float32)), -32768, 32767)
        self._rest = np.concatenate((self._rest, mono.astype(np.int16)))
        self._send()

    def _place(self, t: float, steady: bool) -> None:
        """Blocks follow each other by their samples; a hole in the stamps is one in the
        positions.
        """
        t -= self._delay_s
        begin = self._t + self._rest.size / RATE
        if not self._t:
            self._t = t
        elif abs(t - begin) > HOLE_S:
            self._position += max(0, self._rest.size + round((t - begin) * RATE))
            self._rest, self._t = np.zeros(0, np.int16), t
            self._health.count('holes in foreign sound')
        elif steady:
            # the clocks of samples and stamps drift apart: follow slowly
            self._t += 0.01 * (t - begin)

    def _send(self) -> None:
        while self._rest.size >= BLOCK:
            block, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
            chunk = AudioChunk(position=self._position, rate=RATE, channels=1,
                               samples=array.array('h', block.tobytes()))
            chunk.header.stamp = stamp(self._t)
            self.audio.publish(chunk)
            self._position += BLOCK
            self._t += BLOCK / RATE
