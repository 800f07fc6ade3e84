"""Which senses are there and alive, as the decision node knows it.

Ears are known by what perception says of them in the diagnostics, once a second: its
voice-activity frames come 31 times a second, and counting those costs 3 % of a core.
"""

from __future__ import annotations

from typing import Callable

from diagnostic_msgs.msg import DiagnosticArray
from omni_agent_msgs.msg import AgentState
from rclpy.node import Node

from .stamps import pace

ALIVE, DETACHED = 'alive', 'detached'      # as Arrival says it
PATIENCE = 5             # [s] without news that make a sense dead


class Alive:
    """Eyes are looks, ears are what perception calls alive, a voice is somebody who plays."""

    def __init__(self, node: Node, on_change: Callable[[], None]) -> None:
        self._node, self._on_change = node, on_change
        self._silent_s = {AgentState.SEES: PATIENCE, AgentState.HEARS: PATIENCE}
        self.flags = 0
        self._ears = f'{node.get_namespace()}/perception'.strip('/')
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        node.create_timer(1.0, self._on_timer, clock=pace(node))

    @property
    def sees(self) -> bool:
        return bool(self.flags & AgentState.SEES)

    def news(self, sense: int) -> None:
        self._silent_s[sense] = 0
        self._set(self.flags | sense)

    def _gone(self, sense: int) -> None:
        self._silent_s[sense] = PATIENCE + 1
        self._set(self.flags & ~sense)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        """What perception says is missing or detached is not waited for."""
        for status in message.status:
            if status.name.strip('/') != self._ears:
                continue
            values = {value.key: value.value for value in status.values}
            if values.get('microphone') == ALIVE:
                self.news(AgentState.HEARS)
            elif 'microphone' in values:
                self._gone(AgentState.HEARS)
            if values.get('camera') == DETACHED:
                self._gone(AgentState.SEES)

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
