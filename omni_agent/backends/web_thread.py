"""The only place that opens a port for browsers: one WebSocket server in a thread and event loop
of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Awaitable, Callable

from omni_agent.core.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

START_S = 10.0


class WebThread:
    """``talk`` is one connection, from its coming to its leaving; ``options`` are those of
    websockets' ``serve``.

    Raises BackendError without the library; ``start`` raises ConfigError, ending with ``advice``,
    where the address cannot be listened at.
    """

    def __init__(self, name: str, talk: Callable[[ServerConnection], Awaitable[None]], host: str,
                 port: int, advice: str, **options: object) -> None:
        _need_websockets()
        self.port = port
        self._name, self._talk, self._host, self._advice, self._options = name, talk, host, advice, options
        self._ready, self._failure = threading.Event(), ''
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=name,
                                        daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(START_S) or self._failure:
            raise ConfigError(f'the {self._name} cannot listen at {self._host} port {self.port}: '
                              f'{self._failure or "no answer"}; {self._advice}')

    def call(self, function: Callable[[], object]) -> None:
        """In the loop's thread, soon; never, when it is closed."""
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)
        except RuntimeError:                     # it has just been closed
            pass

    def close(self, timeout_s: float = 3.0) -> None:
        self.call(self._stop.set)
        self._thread.join(timeout_s)

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._loop = asyncio.get_running_loop()
        quiet = logging.getLogger(f'omni_agent.{self._name}')
        # every scanner on the network would be a traceback
        quiet.setLevel(logging.CRITICAL)
        try:
            server = await serve(self._talk, self._host, self.port, compression=None,
                                 server_header=None, logger=quiet, **self._options)
        except OSError as error:
            self._failure = error.strerror or str(error)
            self._ready.set()
            return
        self.port = int(next(iter(server.sockets)).getsockname()[1])
        self._ready.set()
        async with server:
            await self._stop.wait()


def _need_websockets() -> None:
    try:
        import websockets.asyncio.server                    # noqa: F401
    except ImportError as error:
        raise BackendError(f'the window in the browser needs websockets 15 or later ({error}): '
                           'pip install "omni_agent[watch]"') from error
