"""Whether a topic that a sense lives on is there: said as a value always, and as a warning when it
went away.
"""

from __future__ import annotations

import time
from typing import Callable

from rclpy.node import Node

from .health import WARN, Health
from .stamps import pace

SILENT_S = 5.0       # nothing for this long is a device that is gone, and no hiccup


class Arrival:
    """``part`` ('camera') sends ``what`` ('pictures') on ``topic``."""

    def __init__(self, node: Node, health: Health, part: str, what: str, topic: str,
                 attached: Callable[[], bool]) -> None:
        self._health, self._part, self._what, self._attached = health, part, what, attached
        self._topic = node.resolve_topic_name(topic)
        self._last: float | None = None          # [s, monotonic]
        self._gone = False
        node.create_timer(1.0, self.tell, clock=pace(node))

    def came(self) -> None:
        self._last = time.monotonic()
        if self._gone:
            self._gone = False
            self._health.well(self._part)

    def tell(self) -> None:
        self._health.values[self._part] = self._state()

    def _state(self) -> str:
        if not self._attached():
            self._last = None
            return self._well('detached')
        if self._last is None:                   # there may be none: that is no fault
            return f'no {self._what} yet'
        silent_s = time.monotonic() - self._last
        if silent_s < SILENT_S:
            return 'alive'
        if not self._gone:
            self._gone = True
            self._health.trouble(
                self._part, WARN, f'no {self._what} on {self._topic} for {SILENT_S:.0f} s: '
                'see whether its node runs')
        return f'no {self._what} for {silent_s:.0f} s'

    def _well(self, state: str) -> str:
        if self._gone:
            self._gone = False
            self._health.well(self._part)
        return state
