"""/diagnostics: one status a node, once a second, with counters that explain what was dropped and
why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from .stamps import pace

OK, WARN, ERROR, STALE = 0, 1, 2, 3


@dataclass
class Trouble:
    """What is wrong with a part; ``shown`` once it was published, ``over`` when it works again."""

    level: int
    message: str
    shown: bool = False
    over: bool = False


class Health:
    """Counters, values and a level; written by the executor thread only."""

    def __init__(self, node: Node, period_s: float = 1.0) -> None:
        self._node = node
        self.counters: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self._troubles: dict[str, Trouble] = {}
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(period_s, self.publish, clock=pace(node))

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def trouble(self, part: str, level: int, message: str) -> None:
        """``part`` has a problem until it is told to be ``well``; logged when it is new."""
        known = self._troubles.get(part)
        if known is None or (known.level, known.message) != (level, message):
            if level == ERROR:      # a line each: rclpy raises where one logs at two severities
                self._node.get_logger().error(f'{part}: {message}')
            else:
                self._node.get_logger().warning(f'{part}: {message}')
            known = self._troubles[part] = Trouble(level, message)
        known.over = False

    def well(self, part: str) -> None:
        """The trouble is over. One that nobody was told of is shown once all the same."""
        known = self._troubles.get(part)
        if known is not None:
            known.over = True
            self._drop(part)

    def _drop(self, part: str) -> None:
        """Forget a trouble that is over and was shown."""
        if self._troubles[part].over and self._troubles[part].shown:
            del self._troubles[part]
            self._node.get_logger().info(f'{part}: works again')

    def publish(self) -> None:
        worst = max(self._troubles.values(), key=lambda trouble: trouble.level,
                    default=Trouble(OK, 'OK'))
        status = DiagnosticStatus(
            level=bytes([worst.level]), name=self._node.get_fully_qualified_name().lstrip('/'),
            message=worst.message, hardware_id=self.values.get('device', 'none'))
        shown = {**self.values, **{name: str(count) for name, count in self.counters.items()}}
        status.values = [KeyValue(key=key, value=value) for key, value in sorted(shown.items())]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
        for part, trouble in list(self._troubles.items()):
            trouble.shown = True
            self._drop(part)
