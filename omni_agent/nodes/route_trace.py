"""``answer_route``: how an answer came about. The only writer of that message; decision tells of
finding out what to say, reaction of writing and speaking it.
"""

from __future__ import annotations

from typing import Sequence

from omni_agent_msgs.msg import AnswerRoute, RouteStep
from rclpy.node import Node

from omni_agent.core.answer_route import Step

from . import qos
from .health import Health
from .stamps import now, stamp


class RouteTrace:
    """Costs one small message an answer."""

    def __init__(self, node: Node, health: Health) -> None:
        self._node, self._health = node, health
        self._publisher = node.create_publisher(AnswerRoute, 'answer_route', qos.ROUTE)

    def tell(self, epoch: int, brief: str, steps: Sequence[Step]) -> None:
        """Nothing, where there are no steps."""
        if not steps:
            return
        message = AnswerRoute(epoch=epoch, brief=brief, steps=[
            RouteStep(specialist=one.specialist, why=one.why, cost_ms=one.cost_ms,
                      frames=one.frames, tokens=one.tokens) for one in steps])
        message.header.stamp = stamp(now(self._node))
        self._publisher.publish(message)
        self._health.values['last answer'] = ', '.join(map(str, steps))
