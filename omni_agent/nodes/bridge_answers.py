"""``playback`` -> rqt_chat: what the robot said, beside what was typed.

rqt_chat shows what somebody has said by an engine for speech (tts_msgs/TTS), which it plays the
part of. A real engine of that name would say everything a second time: only rqt is sent anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_agent_msgs.msg import Playback
from rclpy.action import ActionClient, get_action_server_names_and_types_by_node
from rclpy.node import Node

from . import qos
from .health import Health
from .interfaces import interface

if TYPE_CHECKING:
    from .bridges import BridgesParams

RQT = 'rqt'              # how the names of its nodes begin
CUT = ' –'               # after what was broken off
ENDS = (Playback.FINISHED, Playback.FLUSHED)


class Answers:
    """What was heard, not what was written. Raises TargetError where tts_msgs is not installed."""

    def __init__(self, node: Node, health: Health, params: BridgesParams) -> None:
        self._node, self._health, self._params = node, health, params
        self._action = interface('tts_msgs/action/TTS')
        self._client = ActionClient(node, self._action, params.engine)
        node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)

    def on_playback(self, playback: Playback) -> None:
        if playback.state in ENDS and playback.heard and self._is_chat():
            text = playback.heard + CUT * (playback.state == Playback.FLUSHED)
            self._client.send_goal_async(
                self._action.Goal(input=text, locale=self._params.locale))
            self._health.count('answers to rqt_chat')

    def _is_chat(self) -> bool:
        wanted = self._node.resolve_topic_name(self._params.engine)
        return self._client.server_is_ready() and any(
            wanted == action for name, space in self._node.get_node_names_and_namespaces()
            if name.startswith(RQT)
            for action, _ in get_action_server_names_and_types_by_node(self._node, name, space))
