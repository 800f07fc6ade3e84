"""The page in the browser and the socket behind it, served from a thread of its own.

Only reading is HTTP: the page and its two files. Everything that does something travels over the
WebSocket, whose opening carries an Origin that no web page can forge (``core/web_gate.py``), so
there is no form to be posted from elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional, Union
from urllib.parse import urlsplit

from omni_agent.core.outbox import Outbox
from omni_agent.core.web_gate import Gate, Knock, Verdict

from .web_thread import WebThread
from .window_pages import UNLOCKED, Pages, entrance, locked, refusal

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

SOCKET = '/socket'
PACE_S = 0.04              # messages that come within this time travel together
LONGEST_REQUEST = 4096     # [bytes]
MOST_CLIENTS = 16
MISTAKE_S = 0.3            # guessing tokens is slow

Json = dict[str, object]


@dataclass(frozen=True)
class Stop:
    """The big button."""

    client: int
    number: int            # of the request, for the answer


@dataclass(frozen=True)
class Typed:
    client: int
    number: int
    text: str


Command = Union[Stop, Typed]
Wanted = Optional[frozenset[str]]        # panes that are looked at; None: nobody looks


@dataclass
class Client:
    """One browser. ``outbox`` and ``awake`` are guarded by the server's lock, the rest is the
    loop's.
    """

    outbox: Outbox = field(default_factory=Outbox)
    panes: frozenset[str] = frozenset()
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    awake: bool = False


class WindowServer:
    """``publish``, ``show`` and ``answer`` may be called by any thread and never wait.

    ``on_wanted`` and ``on_command`` are called by the server's thread and must not wait either.
    Raises ConfigError where the address cannot be listened at, BackendError without the library.
    """

    def __init__(self, folder: Path, gate: Gate, host: str, port: int,
                 on_wanted: Callable[[Wanted], None], on_command: Callable[[Command],
                                                                           None]) -> None:
        self._gate, self._pages = gate, Pages(folder)
        self._on_wanted, self._on_command = on_wanted, on_command
        self._lock = threading.Lock()
        self._clients: dict[int, Client] = {}
        # what holds now, for who comes later or cannot follow
        self._present: dict[str, str] = {}
        self._last_wanted: Wanted = None
        self._count = 0
        self._gone = 0                           # texts dropped for browsers that have left
        self._web = WebThread('window', self._talk, host, port,
                              'choose another with --host or --port', process_request=self._open,
                              max_size=LONGEST_REQUEST, max_queue=16)
        self._web.start()
        self.port = self._web.port

    # -- any thread -------------------------------------------------------------------------------

    @property
    def clients(self) -> int:
        with self._lock:
            return len(self._clients)

    @property
    def dropped(self) -> int:
        """Texts that slow browsers never got."""
        with self._lock:
            return self._gone + sum(client.outbox.dropped for client in self._clients.values())

    def publish(self, record: Json, key: str = '') -> None:
        """``key``: this replaces what was published with it before, for who comes later."""
        text = json.dumps(record, allow_nan=False, separators=(',', ':'))
        with self._lock:
            if not self._clients:
                # else what is old by then would greet the next one
                return
            if key:
                self._present[key] = text
            for client in self._clients.values():
                client.outbox.put(text, self._present.values())
                self._wake(client)

    def show(self, jpeg: bytes) -> None:
        with self._lock:
            for client in self._clients.values():
                if 'picture' in client.panes:
                    client.outbox.put_picture(jpeg)
                    self._wake(client)

    def answer(self, command: Command, ok: bool, text: str) -> None:
        record = {'topic': 'answer', 'number': command.number, 'ok': ok, 'text': text}
        with self._lock:
            client = self._clients.get(command.client)
            if client is not None:
                client.outbox.put(json.dumps(record), self._present.values())
                self._wake(client)

    def _wake(self, client: Client) -> None:
        """With the lock held."""
        if not client.awake:
            client.awake = True
            self._web.call(client.bell.set)

    def close(self) -> None:
        self._web.close()

    # -- the server's thread ----------------------------------------------------------------------

    async def _open(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: it is a WebSocket, and may be one."""
        path = urlsplit(request.path).path
        verdict = self._gate.judge(_knock(request))
        if verdict is Verdict.FOREIGN:
            return refusal(
                HTTPStatus.FORBIDDEN,
                'This address belongs to another site, or this site to another '
                'address. Names that are to be let in: the parameter "names" of the node window.')
        if verdict is Verdict.LOCKED and path not in UNLOCKED:
            await asyncio.sleep(MISTAKE_S)
            return locked()
        if verdict is Verdict.ENTER:
            return entrance(self._gate.cookie_line)
        if path != SOCKET:
            return self._pages.page(path, request.headers['Host'])
        if self.clients >= MOST_CLIENTS:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, 'Too many windows are open.')
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        """One browser, from its coming to its leaving."""
        from websockets.exceptions import ConnectionClosed

        client = Client()
        with self._lock:
            self._count += 1
            number = self._count
            for text in self._present.values():
                client.outbox.put(text)
            self._clients[number] = client
            self._wake(client)
        self._tell_wanted()
        sender = asyncio.ensure_future(self._send(connection, client))
        try:
            async for message in connection:
                self._take(number, client, message)
        except ConnectionClosed:
            pass
        finally:
            sender.cancel()
            with self._lock:
                del self._clients[number]
                self._gone += client.outbox.dropped
                if not self._clients:
                    self._present.clear()
            self._tell_wanted()

    async def _send(self, connection: ServerConnection, client: Client) -> None:
        from websockets.exceptions import ConnectionClosed

        told = 0
        try:
            while True:
                await client.bell.wait()
                with self._lock:
                    parcel, client.awake = client.outbox.take(), False
                    dropped = client.outbox.dropped
                client.bell.clear()
                texts = list(parcel.texts)
                if dropped > told:
                    told = dropped
                    texts.append(f'{{"topic":"dropped","count":{dropped}}}')
                if texts:
                    await connection.send(f'[{",".join(texts)}]')
                if parcel.picture is not None:
                    await connection.send(parcel.picture)
                await asyncio.sleep(PACE_S)
        except ConnectionClosed:
            return

    def _take(self, number: int, client: Client, message: str | bytes) -> None:
        """What a browser says; what it cannot mean is ignored, as it is the browser's mistake."""
        try:
            request = json.loads(message)
        except ValueError:
            return
        if not isinstance(request, dict):
            return
        panes, stop, typed = request.get('panes'), request.get('stop'), request.get('typed')
        if isinstance(panes, list):
            with self._lock:
                client.panes = frozenset(pane for pane in panes if isinstance(pane, str))
            self._tell_wanted()
        if isinstance(stop, int):
            self._on_command(Stop(number, stop))
        if isinstance(typed, str) and isinstance(request.get('number'), int):
            self._on_command(Typed(number, request['number'], typed))

    def _tell_wanted(self) -> None:
        with self._lock:
            panes = [client.panes for client in self._clients.values()]
        wanted: Wanted = frozenset().union(*panes) if panes else None
        if wanted != self._last_wanted:
            self._last_wanted = wanted
            self._on_wanted(wanted)


def _knock(request: Request) -> Knock:
    """A header that comes twice is no header: a proxy may have read the other one."""
    def only(name: str) -> str | None:
        values = request.headers.get_all(name)
        return values[0] if len(values) == 1 else '' if values else None

    return Knock(request.path, only('Host'), only('Origin'), only('Cookie'))
