"""The language model on a server: anything that speaks OpenAI's /v1/chat/completions (llama.cpp,
vLLM, Ollama, ...).

A reader thread takes the answer off the wire, so that the three ways of waiting (for a connection,
for the first word, for the next word) each have their own limit, and a reply can be dropped while
nothing arrives.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from omni_agent.backends import Message
from omni_agent.backends.llm import yes_margin
from omni_agent.core.errors import BackendError, ConfigError

if TYPE_CHECKING:
    import httpx

KEY_VARIABLE = 'OMNI_AGENT_LLM_API_KEY'
CANDIDATES = 20              # the most that OpenAI's interface allows
PATH = '/chat/completions'
ANSWER = 'answer'            # the field of what is asked for under a schema
LONGEST_COMPLAINT = 300      # [characters] of a server's own words that go into an error
SIGN_OF_LIFE_S = 0.2     # an interrupted reply must not make the next one wait for a dead server
LOOPBACK = frozenset({'localhost', '127.0.0.1', '::1'})


class ServerLlm:
    """A chat model behind ``url``, as in 'http://127.0.0.1:8080/v1'. May be called from several
    threads.

    Without ``model`` the server's first one is taken; without ``api_key`` the one in
    $OMNI_AGENT_LLM_API_KEY. Every failure is a BackendError that names the address, but a
    malformed address is a ConfigError. ``malformed`` counts lines of an answer that were skipped.
    """

    def __init__(self, url: str, model: str = '', api_key: str | None = None,
                 connect_timeout_s: float = 2.0, first_token_timeout_s: float = 15.0,
                 idle_timeout_s: float = 5.0) -> None:
        try:
            import httpx
        except ImportError as error:
            raise BackendError('httpx is not installed: run "pip install httpx"') from error
        host = _host(url)
        self.url = url.rstrip('/').removesuffix(PATH)
        self._model = model
        self._first_s, self._idle_s = first_token_timeout_s, idle_timeout_s
        self.malformed = 0
        key = api_key or os.environ.get(KEY_VARIABLE, '')
        timeout = httpx.Timeout(first_token_timeout_s, connect=connect_timeout_s)
        self._client = httpx.Client(
            timeout=timeout, headers={'Authorization': f'Bearer {key}'} if key else {},
            trust_env=host not in LOOPBACK)     # no proxy between us and ourselves

    def stream(self, messages: Sequence[Message], max_tokens: int = 96) -> Iterator[str]:
        """Pieces of the reply; closing the iterator closes the connection, at which servers stop
        computing.

        What arrived before a failure is yielded first, then BackendError is raised. While nothing
        arrives an empty piece comes every SIGN_OF_LIFE_S.
        """
        reply = _Reply(self, self._request(messages, max_tokens) | {'stream': True})
        try:
            limit_s = self._first_s
            since = time.monotonic()
            while True:
                try:
                    left_s = since + limit_s - time.monotonic()
                    piece = reply.pieces.get(timeout=max(0.0, min(SIGN_OF_LIFE_S, left_s)))
                except Empty:
                    if time.monotonic() - since >= limit_s:
                        raise self._silence(limit_s) from None
                    yield ''         # whoever no longer wants the answer can leave now
                    continue
                if piece is None:
                    return
                if isinstance(piece, BackendError):
                    raise piece
                yield piece
                limit_s, since = self._idle_s, time.monotonic()
        finally:
            reply.cancel()

    def margin(self, messages: Sequence[Message]) -> float:
        """log P(Yes) - log P(No) of the first token. Raises BackendError where the server tells no
        probabilities.
        """
        probabilities = {'logprobs': True, 'top_logprobs': CANDIDATES}
        reply = self._post(self._request(messages, 1) | probabilities)
        try:
            candidates = reply['choices'][0]['logprobs']['content'][0]['top_logprobs']
            return yes_margin({c['token']: c['logprob'] for c in candidates})
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(
                f'{self.url}: unsupported: this server gives no top_logprobs') from error

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        """JSON text under ``response_format``; a server that ignores it may answer anything.

        OpenAI's own takes only objects at the root: what is no object travels as the field ANSWER
        of one.
        """
        wrapped = schema.get('type') != 'object'
        form = _object({ANSWER: dict(schema)}) if wrapped else dict(schema)
        wanted = {
            'type': 'json_schema',
            'json_schema': {
                'name': ANSWER,
                'strict': True,
                'schema': form
            }
        }
        reply = self._post(self._request(messages, max_tokens) | {'response_format': wanted})
        try:
            text = str(reply['choices'][0]['message']['content'])
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(f'{self.url}: gave no answer') from error
        return _unwrapped(text) if wrapped else text

    def warm(self, messages: Sequence[Message]) -> None:
        self._post(self._request(messages, 1))

    def close(self) -> None:
        self._client.close()

    def _request(self, messages: Sequence[Message], max_tokens: int) -> dict:
        return {'model': self._model or self._first_model(),
                'max_tokens': max_tokens, 'temperature': 0.0,
                'messages': [{'role': m.role, 'content': m.content} for m in messages]}

    def _first_model(self) -> str:
        with self._failures():
            response = self._client.get(self.url + '/models')
            self._raise_for(response)
            try:
                self._model = response.json()['data'][0]['id']
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise BackendError(f'{self.url}: lists no model: name one') from error
        return self._model

    def _post(self, request: Mapping[str, object]) -> dict:
        with self._failures():
            response = self._client.post(self.url + PATH, json=request)
            self._raise_for(response)
            try:
                return response.json()
            except ValueError as error:
                raise BackendError(
                    f'{self.url}: answered with something that is no JSON') from error

    def read(self, request: Mapping[str, object], reply: _Reply) -> None:
        """Take one streamed answer off the wire, until its end or until nobody wants it. Raises
        BackendError.
        """
        address = self.url + PATH
        with self._failures(), self._client.stream('POST', address, json=request) as response:
            reply.attach(response)
            if response.status_code != 200:
                response.read()
                self._raise_for(response)
            finished = False
            for line in response.iter_lines():
                if reply.cancelled.is_set():
                    return
                finished = self._take(line, reply) or finished
            if not finished:
                raise BackendError(
                    f'{self.url}: closed the connection in the middle of the answer')

    def _take(self, line: str, reply: _Reply) -> bool:
        """One line of the event stream. True if the answer is complete."""
        field, _, data = line.partition(':')
        # empty lines, comments that keep the connection alive, event names
        if field != 'data':
            return False
        if data.strip() == '[DONE]':
            return True
        try:
            chunk = json.loads(data)
            if 'error' in chunk:
                raise BackendError(f'{self.url}: {_complaint(chunk)}')
            choice = (chunk.get('choices') or [{}])[0]
            text = choice.get('delta', {}).get('content') or ''
            done = bool(choice.get('finish_reason'))
        except (ValueError, AttributeError, TypeError, KeyError):
            self.malformed += 1
            return False
        if text:
            reply.pieces.put(text)
        return done

    def _silence(self, limit_s: float) -> BackendError:
        return BackendError(
            f'{self.url}: no word for {limit_s:g} s; the server is overloaded or hangs')

    def _raise_for(self, response: httpx.Response) -> None:
        if response.status_code == 200:
            return
        try:
            complaint = _complaint(response.json())
        except ValueError:
            complaint = response.text.strip()[:LONGEST_COMPLAINT]
        raise BackendError(
            f'{self.url}: HTTP {response.status_code}: {complaint or response.reason_phrase}')

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """httpx's exceptions as ours."""
        import httpx
        try:
            yield
        except httpx.ConnectTimeout as error:
            raise BackendError(f'{self.url}: no connection in time: check the address') from error
        except httpx.ConnectError as error:
            raise BackendError(
                f'{self.url}: cannot connect ({error}): is the server running?') from error
        except httpx.TimeoutException as error:
            raise self._silence(self._first_s) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise BackendError(
                f'{self.url}: the connection broke: {error or type(error).__name__}') from error


class _Reply:
    """One answer on its way: pieces of text, then None, or a BackendError."""

    def __init__(self, llm: ServerLlm, request: Mapping[str, object]) -> None:
        self.pieces: SimpleQueue[str | BackendError | None] = SimpleQueue()
        self.cancelled = threading.Event()
        self._socket: socket.socket | None = None
        threading.Thread(target=self._run, args=(llm, request),
                         name='llm reply', daemon=True).start()

    def _run(self, llm: ServerLlm, request: Mapping[str, object]) -> None:
        try:
            llm.read(request, self)
            self.pieces.put(None)
        except BackendError as error:
            self.pieces.put(error)

    def attach(self, response: httpx.Response) -> None:
        stream = response.extensions.get('network_stream')
        self._socket = stream.get_extra_info('socket') if stream else None

    def cancel(self) -> None:
        """Hang up: shutting the socket down wakes a reader that waits for a server which says
        nothing.
        """
        self.cancelled.set()
        if self._socket is not None:
            # it is closed already when the answer was complete
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _object(properties: dict[str, object]) -> dict[str, object]:
    return {
        'type': 'object',
        'properties': properties,
        'required': list(properties),
        'additionalProperties': False
    }


def _unwrapped(text: str) -> str:
    """What stands in ANSWER; any other text as it is, for whoever checks it."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return json.dumps(found[ANSWER]) if isinstance(found, dict) and ANSWER in found else text


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ConfigError(
            f'{url!r} is no address of a server: it looks like http://127.0.0.1:8080/v1')
    return host


def _complaint(reply: object) -> str:
    """The server's own message, wherever it put it."""
    error = reply.get('error', reply) if isinstance(reply, dict) else reply
    message = error.get('message', error) if isinstance(error, dict) else error
    return str(message)[:LONGEST_COMPLAINT]
