"""The only place that decides who may read the Foxglove WebSocket: the app and programs of this
machine, no page.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omni_agent.core.web_gate import is_loopback

from .web_thread import WebThread

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

LOOPBACK = '127.0.0.1'
SUBPROTOCOL = 'foxglove.sdk.v1'
APP = 'https://app.foxglove.dev'
LONGEST = 2 ** 27          # [bytes] a message: point clouds are large


class Door:
    """Passes on between a reader and the server at ``inside``. Raises ConfigError where the port
    is taken.
    """

    def __init__(self, port: int, inside: str) -> None:
        self._inside = inside
        self._web = WebThread('Foxglove WebSocket', self._relay, LOOPBACK, port,
                              'choose another with --foxglove', process_request=_look,
                              subprotocols=[SUBPROTOCOL], max_size=LONGEST)
        self._web.start()
        self.port = self._web.port

    async def _relay(self, outside: ServerConnection) -> None:
        """A slow reader makes the library wait, which drops its oldest."""
        from websockets.asyncio.client import connect

        async with connect(self._inside, subprotocols=[SUBPROTOCOL], compression=None,
                           max_size=LONGEST, max_queue=4, proxy=None) as inside:
            ways = [
                asyncio.ensure_future(_pass_on(*way))
                for way in ((inside, outside), (outside, inside))
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()

    def close(self) -> None:
        self._web.close()


async def _pass_on(source: Connection, sink: Connection) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        async for message in source:
            await sink.send(message)
    except ConnectionClosed:
        return


def _look(connection: ServerConnection, request: Request) -> Response | None:
    if all(map(may_read, request.headers.get_all('Origin'))):
        return None
    return connection.respond(HTTPStatus.FORBIDDEN,
                              'Only the Foxglove app and programs of this machine may read.\n')


def may_read(origin: str) -> bool:
    """The app in a browser, as a program (its scheme is none of the web's), or what this machine
    serves itself.
    """
    address = urlsplit(origin)
    if address.scheme in ('http', 'https'):
        return origin == APP or is_loopback(address.hostname or '')
    return bool(address.scheme)                  # 'null' is a page that hides where it comes from
