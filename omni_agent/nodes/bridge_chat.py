"""rqt_chat -> ``typed``: it publishes what is typed into it as the words of a voice
(hri_msgs/LiveSpeech).

The voices bridge publishes on the same topic what the microphone heard. That has the time at which
it was heard; what is typed into rqt_chat has none, and this is how the two are told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.node import Node
from std_msgs.msg import String

from . import qos
from .health import Health
from .interfaces import interface

if TYPE_CHECKING:
    from .bridges import BridgesParams

LONGEST = 2000           # [characters] of one query


class Chat:
    """Raises TargetError where hri_msgs is not installed."""

    def __init__(self, node: Node, health: Health, params: BridgesParams) -> None:
        self._health = health
        self.typed = node.create_publisher(String, 'typed', qos.PERCEPT)
        node.create_subscription(interface('hri_msgs/msg/LiveSpeech'),
                                 f'{params.humans}/voices/{params.voice}/speech', self.on_speech,
                                 qos.PERCEPT)

    def on_speech(self, message: object) -> None:
        text = message.final.strip()
        if not text or message.header.stamp.sec or message.header.stamp.nanosec:
            return                               # half a sentence, or heard by an ear
        if len(text) > LONGEST:
            self._health.count('typed texts that were too long')
            return
        self._health.count('typed texts')
        self.typed.publish(String(data=text))
