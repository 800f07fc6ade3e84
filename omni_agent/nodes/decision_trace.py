"""``decision_trace``: what the decision core was told and what it did, while somebody records
it.
"""

from __future__ import annotations

from typing import Sequence

from rclpy.node import Node
from std_msgs.msg import String

import omni_agent
from omni_agent.core import trace
from omni_agent.core.errors import WireError
from omni_agent.core.events import Effect, Event
from omni_agent.core.turn import TurnMachine

from . import qos
from .health import WARN, Health
from .stamps import now, pace

# [s] between two beginnings: what a lost line can cost, or another listener misses
AGAIN_S = 10


class DecisionTrace:
    """Costs nothing while nobody listens. Owned by the executor thread."""

    def __init__(self, node: Node, health: Health, machine: TurnMachine, languages: str) -> None:
        self._node, self._health, self._machine, self._languages = node, health, machine, languages
        self._publisher = node.create_publisher(String, 'decision_trace', qos.TRACE)
        self._open = False
        self._matched_s = 0                      # for how long somebody has been there
        self._number = 0
        self._given = trace.given(machine)       # with the last beginning
        node.create_timer(1.0, self.on_timer, clock=pace(node))

    def on_timer(self) -> None:
        """A listener is there for good when it was there a second ago: the other side may notice a
        match later.
        """
        there = self._publisher.get_subscription_count() > 0
        self._matched_s = self._matched_s + 1 if there else 0
        self._open = self._open and there
        if self._matched_s == 2 or self._matched_s > 2 and self._matched_s % AGAIN_S == 0:
            self._begin()

    def _begin(self) -> None:
        """Between two steps, so that the next one starts from here."""
        self._given = trace.given(self._machine)
        try:
            line = trace.write(
                trace.begin(self._machine, self._number, now(self._node), omni_agent.__version__,
                            self._languages))
        except WireError as error:
            self._open = False
            self._health.trouble('trace', WARN, f'{error}; a recording of this cannot be replayed step by step')
        else:
            self._open = True
            self._publish(line)

    def step(self, event: Event, at: float, effects: Sequence[Effect]) -> None:
        """One step of the machine, right after it."""
        if not self._open:
            return
        done = trace.Step(self._number, at, event, tuple(effects),
                          trace.state(self._machine.view()))
        try:
            self._publish(trace.write(done))
        except WireError as error:
            self._open = False
            self._health.trouble('trace', WARN,
                                 f'{error}; a recording of this cannot be replayed step by step')
        if self._open and trace.given(self._machine) != self._given:
            self._begin()                        # somebody has changed a parameter

    def _publish(self, line: str) -> None:
        self._publisher.publish(String(data=line))
        self._number += 1
