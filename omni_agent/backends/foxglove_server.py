"""The only place that knows the Foxglove library: a WebSocket on the loopback interface that
passes on serialized messages.

The library lets any Origin in, so a page of somebody else in a browser of this machine could read
camera and microphone. It therefore listens where no page finds it, at one of the sixteen million
loopback addresses, and a door (``foxglove_door.py``) in front of it looks at the Origin first.
"""

from __future__ import annotations

import secrets
import sys
from typing import Callable

from omni_agent.core.errors import BackendError, ConfigError

from .foxglove_door import LOOPBACK, Door

BACKLOG = 64               # [messages] a client; the oldest goes


class FoxgloveServer:
    """``on_subscribed(topic, clients)`` is called by the library's threads whenever that number
    changes.

    Raises BackendError without the library, ConfigError where the port is taken.
    """

    def __init__(self, port: int, on_subscribed: Callable[[str, int], None]) -> None:
        try:
            import foxglove
        except ImportError as error:
            raise BackendError(f'the Foxglove WebSocket needs foxglove-sdk ({error}): pip install '
                               '"omni_agent[foxglove]"') from error
        self._foxglove = foxglove
        self._context = foxglove.Context()
        self._channels: dict[str, foxglove.Channel] = {}
        hidden = _hidden_address()
        self._server = foxglove.start_server(
            name='omni_agent', host=hidden, port=0, context=self._context,
            server_listener=_Listener(on_subscribed), message_backlog_size=BACKLOG)
        try:
            self._door = Door(port, f'ws://{hidden}:{self._server.port}')
        except ConfigError:
            self._server.stop()
            raise

    @property
    def port(self) -> int:
        return self._door.port

    def offer(self, topic: str, kind: str, schema: str) -> None:
        """``kind``: as in 'std_msgs/msg/String'; ``schema``: its definition, those it needs behind
        it.
        """
        described = self._foxglove.Schema(name=kind, encoding='ros2msg', data=schema.encode())
        self._channels[topic] = self._foxglove.Channel(topic, message_encoding='cdr',
                                                       schema=described, context=self._context)

    def withdraw(self, topic: str) -> None:
        self._channels.pop(topic).close()

    def pass_on(self, topic: str, message: bytes) -> None:
        channel = self._channels.get(topic)
        if channel is not None:
            channel.log(message)

    def close(self) -> None:
        self._door.close()
        self._server.stop()


class _Listener:
    """Counts who reads what."""

    def __init__(self, on_subscribed: Callable[[str, int], None]) -> None:
        self._tell = on_subscribed
        self._readers: dict[str, set[int]] = {}

    def on_subscribe(self, client: object, channel: object) -> None:
        readers = self._readers.setdefault(channel.topic, set())
        readers.add(client.id)
        self._tell(channel.topic, len(readers))

    def on_unsubscribe(self, client: object, channel: object) -> None:
        readers = self._readers.setdefault(channel.topic, set())
        readers.discard(client.id)
        self._tell(channel.topic, len(readers))


def _hidden_address() -> str:
    # elsewhere there is one loopback address; the port is chance, too
    if sys.platform != 'linux':
        return LOOPBACK
    return '127.{}.{}.{}'.format(*(1 + secrets.randbelow(254) for _ in range(3)))
