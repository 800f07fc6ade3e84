"""Every topic of the agent for Foxglove, as it is on the wire; each is subscribed to only while
somebody reads it.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Iterator

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from omni_agent.backends.foxglove_server import FoxgloveServer
from omni_agent.core.errors import BackendError

from .health import WARN, Health
from .stamps import pace
from .threads import Inbox

LOOK_AROUND_S = 2.0        # between two looks at which topics there are
SHARED = ('/diagnostics', '/tf', '/tf_static', '/clock')
NESTED = re.compile(r'([a-zA-Z][a-zA-Z0-9_]*)/([A-Z][A-Za-z0-9]*)')
DEPTH = 10


def open_bridge(node: Node, health: Health, port: int) -> FoxgloveBridge | None:
    """None for port 0, and without the library, which is said in one line."""
    if not port:
        return None
    try:
        return FoxgloveBridge(node, health, port)
    except BackendError as error:
        health.trouble('foxglove', WARN, str(error))
        return None


class FoxgloveBridge:
    """The executor thread owns everything; the library's threads reach it through the inbox."""

    def __init__(self, node: Node, health: Health, port: int) -> None:
        self._node, self._health = node, health
        self._inbox: Inbox[tuple[str, int]] = Inbox(node, lambda news: self.on_readers(*news))
        self._server = FoxgloveServer(port, lambda topic, readers: self._inbox.put(
            (topic, readers)))
        self._kinds: dict[str, str] = {}                     # of the topics on offer
        self._listening: dict[str, Subscription] = {}
        health.values['foxglove'] = f'ws://127.0.0.1:{self._server.port}'
        node.create_timer(LOOK_AROUND_S, self.look_around, clock=pace(node))
        self.look_around()

    @property
    def port(self) -> int:
        return self._server.port

    def look_around(self) -> None:
        """Offer what is new, take back what is gone."""
        there = {topic: kinds[0] for topic, kinds in self._node.get_topic_names_and_types()
                 if self._is_ours(topic) and self._node.count_publishers(topic)}
        for topic in [topic for topic, kind in self._kinds.items() if there.get(topic) != kind]:
            self.on_readers(topic, 0)
            del self._kinds[topic]
            self._server.withdraw(topic)
        for topic, kind in there.items():
            if topic not in self._kinds and (described := schema(kind)):
                self._kinds[topic] = kind
                self._server.offer(topic, kind, described)

    def _is_ours(self, topic: str) -> bool:
        home = self._node.get_namespace().rstrip('/')
        return topic.startswith(f'{home}/') or topic in SHARED

    def on_readers(self, topic: str, readers: int) -> None:
        if readers and topic in self._kinds and topic not in self._listening:
            self._listening[topic] = self._node.create_subscription(
                message_type(self._kinds[topic]), topic,
                lambda data: self._server.pass_on(topic, data), self._profile(topic), raw=True)
        elif not readers and topic in self._listening:
            self._node.destroy_subscription(self._listening.pop(topic))
        self._health.values['foxglove topics'] = str(len(self._listening))

    def _profile(self, topic: str) -> QoSProfile:
        """The most that all who publish it can give."""
        offered = [each.qos_profile for each in self._node.get_publishers_info_by_topic(topic)]
        reliable = all(one.reliability == ReliabilityPolicy.RELIABLE for one in offered)
        latched = all(one.durability == DurabilityPolicy.TRANSIENT_LOCAL for one in offered)
        return QoSProfile(
            depth=DEPTH, history=HistoryPolicy.KEEP_LAST,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)

    def close(self) -> None:
        self._server.close()


def schema(kind: str) -> str:
    """The definition of 'package/msg/Name' with all that it is made of; '' where one is not
    installed.
    """
    try:
        parts = list(_definitions(kind, set()))
    except (PackageNotFoundError, ImportError, AttributeError, OSError):
        return ''
    head, *rest = (text for _, text in parts)
    return (head + ''.join(f'\n{"=" * 80}\nMSG: {name}\n{text}'
                           for (name, _), text in zip(parts[1:], rest)))


def _definitions(kind: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    package, _, name = kind.partition('/msg/')
    seen.add(kind)
    text = Path(get_package_share_directory(package), 'msg',
                f'{name}.msg').read_text(encoding='utf-8')
    yield f'{package}/{name}', text
    for field in message_type(kind).get_fields_and_field_types().values():
        for inner_package, inner in NESTED.findall(field):
            if f'{inner_package}/msg/{inner}' not in seen:
                yield from _definitions(f'{inner_package}/msg/{inner}', seen)


def message_type(kind: str) -> type:
    """'package/msg/Name' -> its class."""
    package, _, name = kind.partition('/msg/')
    return getattr(importlib.import_module(f'{package}.msg'), name)
