"""Which senses are there and alive, as the decision node knows it: by what arrives, whoever sends it."""

from __future__ import annotations

from typing import Callable

from omni_agent_msgs.msg import AgentState, SpeechState
from rclpy.node import Node

from . import qos
from .stamps import pace

PATIENCE = 5             # [s] without news that make a sense dead


class Alive:
    """Eyes are looks, ears are voice-activity frames, a voice is somebody who plays."""

    def __init__(self, node: Node, on_change: Callable[[], None]) -> None:
        self._node, self._on_change = node, on_change
        self._silent_s = {AgentState.SEES: PATIENCE, AgentState.HEARS: PATIENCE}
        self.flags = 0
        node.create_subscription(SpeechState, 'speech_state', lambda message: self.news(AgentState.HEARS),
                                 qos.SPEECH_STATE)
        node.create_timer(1.0, self._on_timer, clock=pace(node))

    @property
    def sees(self) -> bool:
        return bool(self.flags & AgentState.SEES)

    def news(self, sense: int) -> None:
        self._silent_s[sense] = 0
        self._set(self.flags | sense)

    def _on_timer(self) -> None:
        flags = self.flags
        for sense in self._silent_s:
            self._silent_s[sense] += 1
            if self._silent_s[sense] > PATIENCE:
                flags &= ~sense
        speaks = self._node.count_publishers('playback') > 0
        self._set(flags | AgentState.SPEAKS if speaks else flags & ~AgentState.SPEAKS)

    def _set(self, flags: int) -> None:
        if flags != self.flags:
            self.flags = flags
            self._on_change()
