"""/diagnostics: one status a node, once a second, with counters that explain what was dropped and why."""

from __future__ import annotations

from collections import Counter

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

OK, WARN, ERROR, STALE = 0, 1, 2, 3


class Health:
    """Counters, values and a level; written by the executor thread only."""

    def __init__(self, node: Node, period_s: float = 1.0) -> None:
        self._node = node
        self.counters: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self._troubles: dict[str, tuple[int, str]] = {}
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(period_s, self.publish)

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def trouble(self, part: str, level: int, message: str) -> None:
        """``part`` has a problem until it is told to be ``well``; logged when it is new."""
        if self._troubles.get(part) != (level, message):
            say = self._node.get_logger().error if level == ERROR else self._node.get_logger().warning
            say(f'{part}: {message}')
        self._troubles[part] = (level, message)

    def well(self, part: str) -> None:
        if self._troubles.pop(part, None) is not None:
            self._node.get_logger().info(f'{part}: works again')

    def publish(self) -> None:
        level, message = max(self._troubles.values(), key=lambda item: item[0], default=(OK, 'OK'))
        status = DiagnosticStatus(level=bytes([level]), name=self._node.get_fully_qualified_name().lstrip('/'),
                                  message=message, hardware_id=self.values.get('device', 'none'))
        shown = {**self.values, **{name: str(count) for name, count in self.counters.items()}}
        status.values = [KeyValue(key=key, value=value) for key, value in sorted(shown.items())]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
