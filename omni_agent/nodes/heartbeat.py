"""Whether the decision node is alive: the only place that says how that is told, and how it is
known.

A process that dies is noticed by the middleware, which keeps a lease for it and needs no message
and no Python for that; one that hangs is noticed by the messages that cease to come.
"""

from __future__ import annotations

from typing import Callable

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import LivelinessPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Empty

try:
    from rclpy.event_handler import QoSLivelinessChangedInfo, SubscriptionEventCallbacks
except ImportError:                                      # Humble
    from rclpy.qos_event import QoSLivelinessChangedInfo, SubscriptionEventCallbacks

from .stamps import pace

TOPIC = 'heartbeat'
LEASE_S = 0.25           # a dead process is gone after that
PERIOD_S = 0.25
GONE, SILENT = 'the decision node is gone', 'the decision node has said nothing for {:g} s'


def _qos() -> QoSProfile:
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                      liveliness=LivelinessPolicy.AUTOMATIC,
                      liveliness_lease_duration=Duration(seconds=LEASE_S))


class Heartbeat:
    """In the decision node: it says that its executor still turns."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(Empty, TOPIC, _qos())
        self._timer = node.create_timer(PERIOD_S, lambda: self._publisher.publish(Empty()),
                                        clock=pace(node))

    def close(self) -> None:
        """From now on nobody is told that the node is alive."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)


class HeartbeatWatch:
    """In whoever must not go on without it: ``found``, then ``doubted`` and ``found`` again, or
    ``lost``.

    A process that gets no turn for a quarter of a second looks dead, too: that is a doubt, and a
    beat ends it.
    """

    def __init__(self, node: Node, silent_s: float, doubted: Callable[[str], None],
                 lost: Callable[[str], None], found: Callable[[], None]) -> None:
        self._doubted, self._lost, self._found, self._silent_s = doubted, lost, found, silent_s
        self._clock = pace(node)
        self._is_there = self._is_doubted = False
        self._heard_t = 0.0
        node.create_subscription(
            Empty, TOPIC, self._on_beat, _qos(),
            event_callbacks=SubscriptionEventCallbacks(liveliness=self._on_liveliness))
        self._timer = node.create_timer(min(0.1, silent_s / 5), self._on_timer, clock=self._clock)

    def forget(self) -> None:
        """The next beat is the first one."""
        self._is_there = self._is_doubted = False

    def _t(self) -> float:
        return self._clock.now().nanoseconds * 1e-9

    def _on_beat(self, message: Empty) -> None:
        self._heard_t = self._t()
        if self._is_doubted or not self._is_there:
            self._is_there, self._is_doubted = True, False
            self._found()

    def _on_liveliness(self, change: QoSLivelinessChangedInfo) -> None:
        if change.alive_count == 0 and self._is_there and not self._is_doubted:
            self._is_doubted = True
            self._doubted(GONE)

    def _on_timer(self) -> None:
        if self._is_there and self._t() - self._heard_t > self._silent_s:
            why = GONE if self._is_doubted else SILENT.format(self._silent_s)
            self._is_there = self._is_doubted = False
            self._lost(why)
