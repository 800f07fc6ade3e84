"""The only place that downloads a model file from a web address, going on where it was cut off."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, TypeVar
from urllib.parse import urlsplit

from omni_agent.backends.model_manifest import Hub, SourceError

if TYPE_CHECKING:
    import httpx

CONNECT_S = 3.0       # a machine without internet should notice quickly and go on
ANSWER_S = 10.0       # from the request to the first byte, name look-up and redirects included
READ_S = 30.0         # without a byte: the line is dead
OFFICIAL = 'https://huggingface.co'

Report = Callable[[int, str], None]      # bytes so far, from where
Result = TypeVar('Result')


class Hubs:
    """Downloads for the length of one pull; remembers which hosts do not answer."""

    def __init__(self) -> None:
        self._silent: dict[str, str] = {}
        self._client: httpx.Client | None = None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def download(self, source: Hub, size: int, partial: Path, report: Report) -> None:
        """Continues ``partial`` to ``size`` bytes.

        Raises SourceError, or OSError when the disk is full.
        """
        have = partial.stat().st_size if partial.is_file() else 0
        if have >= size:
            return
        client, host = self._connected(), host_of(source)
        import httpx
        with contextlib.closing(self._ask(client, source, have)) as response:
            start = _check_answer(response, host, have, size)
            try:
                _append(response.iter_raw(), partial, start, size, host, report)
            except httpx.HTTPError as error:
                raise SourceError(f'{host}: {in_short(error)}; what came is kept') from error

    def _connected(self) -> httpx.Client:
        try:
            import httpx
        except ImportError as error:
            raise SourceError('httpx is not installed: run "pip install httpx"') from error
        if self._client is None:
            timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
            self._client = httpx.Client(timeout=timeout, follow_redirects=True)
        return self._client

    def _ask(self, client: httpx.Client, source: Hub, have: int) -> httpx.Response:
        import httpx
        host = host_of(source)
        if host in self._silent:
            raise SourceError(f'{host}: {self._silent[host]}')
        # identity: a compressed answer could not be continued by byte range
        headers = {'Accept-Encoding': 'identity', **({'Range': f'bytes={have}-'} if have else {})}
        request = client.build_request('GET', mirrored(source.url), headers=headers)
        try:
            return within(ANSWER_S, lambda: client.send(request, stream=True))
        except (httpx.HTTPError, TimeoutError) as error:
            self._silent[host] = in_short(error)
            raise SourceError(f'{host}: {in_short(error)}') from error


def host_of(source: Hub) -> str:
    return urlsplit(mirrored(source.url)).netloc


def mirrored(url: str) -> str:
    """HF_ENDPOINT is how people name a mirror of the hub; the hash decides, whoever serves."""
    mirror = os.environ.get('HF_ENDPOINT', '').rstrip('/')
    return mirror + url[len(OFFICIAL):] if mirror and url.startswith(f'{OFFICIAL}/') else url


def within(limit_s: float, call: Callable[[], Result]) -> Result:
    """The result of ``call``, or TimeoutError: a name look-up has no limit of its own."""
    results: list[Result] = []
    faults: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:      # handed over to the caller's thread, whatever it is
            faults.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    if faults:
        raise faults[0]
    if not results:
        raise TimeoutError(f'no answer within {limit_s:g} s')
    return results[0]


def in_short(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _check_answer(response: httpx.Response, host: str, have: int, size: int) -> int:
    """Where in the file the answer begins. Raises SourceError when it is not the file."""
    if response.status_code == 206:
        begins = response.headers.get('Content-Range', '')
        if not begins.startswith(f'bytes {have}-'):
            raise SourceError(f'{host}: asked for bytes {have}-, answered {begins!r}')
        return have
    if response.status_code != 200:
        raise SourceError(f'{host}: answered HTTP {response.status_code}')
    length = response.headers.get('Content-Length', str(size))
    if length != str(size):
        raise SourceError(f'{host}: serves {length} bytes, the file has {size}')
    return 0


def _append(chunks: Iterator[bytes], partial: Path, start: int, size: int, host: str,
            report: Report) -> None:
    partial.touch()
    with partial.open('r+b') as out:
        out.truncate(start)
        out.seek(start)
        for chunk in chunks:
            if out.tell() + len(chunk) > size:
                raise SourceError(f'{host}: serves more than the {size} bytes of the file')
            out.write(chunk)
            report(out.tell(), host)
        if out.tell() < size:
            raise SourceError(f'{host}: closed after {out.tell()} of {size} bytes; '
                              'what came is kept')
