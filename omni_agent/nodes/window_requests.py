"""What a browser may ask of the agent: silence, and to hear what was typed. Each request is
answered, in time.
"""

from __future__ import annotations

from typing import Callable

from rclpy.client import Client
from rclpy.publisher import Publisher
from rclpy.task import Future
from rclpy.timer import Timer
from std_msgs.msg import String
from std_srvs.srv import Trigger

from omni_agent.backends.window_server import Command, Stop, Typed

from . import qos
from .health import Health
from .node import AgentNode
from .stamps import pace

HUSH_S = 2.0               # after which a stop that nobody confirmed is called that
LONGEST_TYPED = 500        # [characters]

Answer = Callable[[Command, bool, str], None]      # whether it was done, and what to say about it


class Requests:
    """Exists while somebody looks; works at rest as well, as a stop button should."""

    def __init__(self, node: AgentNode, health: Health, answer: Answer) -> None:
        self._node, self._health, self._answer = node, health, answer
        with node.always():
            self._typed: Publisher = node.create_publisher(String, 'typed', qos.PERCEPT)
        self._hush: Client = node.create_client(Trigger, 'decision/hush')

    def take(self, command: Command) -> None:
        if isinstance(command, Stop):
            self._stop(command)
        else:
            self._type(command)

    def _type(self, command: Typed) -> None:
        text = ' '.join(command.text.split())[:LONGEST_TYPED]
        if not text or not self._node.active:
            self._answer(command, False,
                         'The node window is not active.' if text else 'There is nothing in it.')
            return
        self._typed.publish(String(data=text))
        self._health.count('typed')
        heard = self._typed.get_subscription_count() > 0
        self._answer(command, heard,
                     '' if heard else 'Nobody reads it: the decision node does not run.')

    def _stop(self, command: Stop) -> None:
        self._health.count('stops')
        if not self._hush.service_is_ready():
            self._answer(command, False,
                         'The decision node does not run: use the stop on the robot.')
            return
        asked = self._hush.call_async(Trigger.Request())
        with self._node.always():
            late = self._node.create_timer(HUSH_S, lambda: self._too_late(command, late, asked),
                                           clock=pace(self._node))
        asked.add_done_callback(lambda done: self._stopped(command, late, done))

    def _stopped(self, command: Stop, late: Timer, done: Future) -> None:
        if self._node.destroy_timer(late):       # else it was answered already
            response = done.result()
            self._answer(command, response.success, response.message)

    def _too_late(self, command: Stop, late: Timer, asked: Future) -> None:
        if self._node.destroy_timer(late):
            self._hush.remove_pending_request(asked)
            self._answer(command, False,
                         f'No answer within {HUSH_S:.0f} s: use the stop on the robot.')

    def close(self) -> None:
        self._node.destroy_publisher(self._typed)
        self._node.destroy_client(self._hush)
