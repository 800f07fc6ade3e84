"""/diagnostics: one status a node, by default once a second, with counters that explain what was
dropped and why.
"""

from __future__ import annotations

import platform
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from .node import AgentNode
from .stamps import pace

HOST = platform.node() or 'none'      # what has no device of its own runs on this
LOADING = 'loading'      # what a part that is not ready yet is troubled by
OPENING = 'opening'
OTHERS = 'also wrong'    # all troubles but the worst, which is the message
SLOW = 'slow'            # it works, and later than it should
OK, WARN, ERROR, STALE = 0, 1, 2, 3
# Counters of what flows, as opposed to what goes wrong: their rates are told as well
FLOWS = ('audio chunks', 'blocks', 'chunks', 'images', 'looks', 'percepts')


@dataclass
class Trouble:
    """What is wrong with a part; ``shown`` once it was published, ``over`` when it works again."""

    level: int
    message: str
    shown: bool = False
    over: bool = False


class Health:
    """Counters, values and a level; written by the executor thread only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.counters: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self._troubles: dict[str, Trouble] = {}
        self._period_s = node.diagnostics_s if isinstance(node, AgentNode) else 1.0
        self._counted: Counter[str] = Counter()          # when it was published last
        at_rest_as_well = node.always() if isinstance(node, AgentNode) else nullcontext()
        if isinstance(node, AgentNode):
            node.health = self
        with at_rest_as_well:
            self._timer = node.create_timer(self._period_s, self.publish, clock=pace(node))
            self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)

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

    def progress(self, part: str, message: str) -> None:
        """``part`` is not ready, and this is how far it is: not logged, as it changes all the
        time.
        """
        self._troubles[part] = Trouble(WARN, f'{LOADING}, {message}')

    def well(self, part: str) -> None:
        """The trouble is over. One that nobody was told of is shown once all the same."""
        known = self._troubles.get(part)
        if known is not None:
            known.over = True
            self._drop(part)

    def misfit(self, topic: str, words: str) -> None:
        """Who does not fit on a topic; nobody does not: ''."""
        part = f'quality of service of {topic}'
        if words:
            self.trouble(part, WARN, words)
        else:
            self.well(part)

    @property
    def awaited(self) -> list[str]:
        """Parts that are not ready yet."""
        return [part for part, trouble in self._troubles.items()
                if trouble.message.startswith((LOADING, OPENING)) and not trouble.over]

    @property
    def failures(self) -> list[str]:
        """What keeps the node from its work."""
        return [f'{part}: {trouble.message}' for part, trouble in self._troubles.items()
                if trouble.level == ERROR and not trouble.over]

    def _drop(self, part: str) -> None:
        """Forget a trouble that is over and was shown."""
        if self._troubles[part].over and self._troubles[part].shown:
            del self._troubles[part]
            self._node.get_logger().info(f'{part}: works again')

    def publish(self) -> None:
        worst = max(self._troubles.values(), key=lambda trouble:
                    (trouble.level, not trouble.message.startswith(SLOW)),
                    default=Trouble(OK, 'OK'))
        status = DiagnosticStatus(
            level=bytes([worst.level]), name=self._node.get_fully_qualified_name().lstrip('/'),
            message=worst.message, hardware_id=self.values.get('device') or HOST)
        shown = {
            **self.values,
            **{
                name: str(count)
                for name, count in self.counters.items()
            },
            **self._rates()
        }
        others = [f'{part}: {trouble.message}' for part, trouble in self._troubles.items()
                  if trouble is not worst]
        if others:
            shown[OTHERS] = '; '.join(others)
        if not getattr(self._node, 'active', True):
            status.message, shown = self._resting(worst), {}     # figures would pass for news
        status.values = [KeyValue(key=key, value=value) for key, value in sorted(shown.items())]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
        for part, trouble in list(self._troubles.items()):
            trouble.shown = True
            self._drop(part)

    def _rates(self) -> dict[str, str]:
        """Of the last period."""
        rates = {
            f'{name} [Hz]': f'{(self.counters[name] - self._counted[name]) / self._period_s:.1f}'
            for name in FLOWS if name in self.counters
        }
        self._counted = Counter(self.counters)
        return rates

    def _resting(self, worst: Trouble) -> str:
        return 'inactive' if worst.level == OK else f'inactive; {worst.message}'
