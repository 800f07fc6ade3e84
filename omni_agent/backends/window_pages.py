"""What the window's server answers to plain HTTP: the page, its files, and refusals."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from omni_agent.core.errors import ConfigError

if TYPE_CHECKING:
    from websockets.http11 import Response

FILES = {
    '/': ('index.html', 'text/html'),
    '/window.css': ('window.css', 'text/css'),
    '/window.js': ('window.js', 'text/javascript'),
    '/icon.svg': ('icon.svg', 'image/svg+xml')
}
UNLOCKED = ('/window.css', '/icon.svg')      # what the page that asks for the token looks like
LOCKED = b"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>omni_agent</title><link rel="stylesheet" href="/window.css"><main class="locked"><h1>This window is locked</h1>
<p>omni-agent watch printed a token when it started.</p>
<form><label>Token <input name="token" type="password" autocomplete="off" required autofocus></label>
<button>Open</button></form></main></html>"""


class Pages:
    """Read once: what is not in the table cannot be asked for. Raises ConfigError where a file is
    missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._files = {path: (folder / name).read_bytes() for path, (name, _) in FILES.items()}
        except OSError as error:
            raise ConfigError(
                f'the page of the window is not there ({error}): install the package again'
            ) from error

    def page(self, path: str, host: str) -> Response:
        """``host`` has been checked: it becomes part of a header."""
        if path not in self._files:
            return refusal(HTTPStatus.NOT_FOUND, 'There is nothing here.')
        return _response(HTTPStatus.OK, self._files[path], FILES[path][1], host)


def refusal(status: HTTPStatus, why: str) -> Response:
    return _response(status, f'{why}\n'.encode())


def locked() -> Response:
    """A form that asks for the token."""
    return _response(HTTPStatus.UNAUTHORIZED, LOCKED, 'text/html')


def entrance(cookie: str) -> Response:
    """The token moves from the address, which browsers remember and show, to a cookie."""
    response = _response(HTTPStatus.SEE_OTHER, b'')
    response.headers['Location'] = '/'
    response.headers['Set-Cookie'] = cookie
    return response


def _response(status: HTTPStatus, body: bytes, kind: str = 'text/plain',
              host: str = '') -> Response:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    # older Safari does not count it as 'self'
    socket = f' ws://{host} wss://{host}' if host else ''
    headers = Headers({
        'Content-Type': f'{kind}; charset=utf-8',
        'Content-Length': str(len(body)),
        'Connection': 'close',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
        'Cross-Origin-Resource-Policy': 'same-origin',
        'Cross-Origin-Opener-Policy': 'same-origin',
        # nothing from elsewhere, and nobody may put the stop button under a picture of something
        # else
        'Content-Security-Policy': f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"connect-src 'self'{socket}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    })
    return Response(status.value, status.phrase, headers, body)
