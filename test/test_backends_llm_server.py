"""The language model on a server: a real llama.cpp server in another process, and servers that
misbehave.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
from typing import Callable, Iterator

import pytest
from human_recordings import need_model

from omni_agent.backends import Message
from omni_agent.backends.llm_server import KEY_VARIABLE, ServerLlm
from omni_agent.core.errors import BackendError, ConfigError

pytest.importorskip('httpx')

HELLO = [Message('system', 'You are a robot.'), Message('user', 'Say hello.')]
COUNT = [Message('user', 'Count from one to one thousand in words.')]

REAL_SERVER = '''
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel = 1024, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.hostnames, params.port, params.verbosity, params.fit_params = ['127.0.0.1'], 0, -1, False
params.api_keys = ['sesame']
server = xllamacpp.Server(params)
server.handle_chat_completions({'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 1})
print(server.listening_address, flush=True)
sys.stdin.read()
'''


@pytest.fixture(scope='module')
def server() -> Iterator[str]:
    pytest.importorskip('xllamacpp')
    path = need_model('smollm2_135m', 'SmolLM2-135M-Instruct.Q4_1.gguf')
    with subprocess.Popen([sys.executable, '-c', REAL_SERVER, str(path)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().strip() + '/v1'
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.fixture
def llm(server: str) -> Iterator[ServerLlm]:
    with contextlib.closing(ServerLlm(server, api_key='sesame')) as llm:
        yield llm


def test_a_real_server_streams_its_reply(llm: ServerLlm) -> None:
    pieces = list(llm.stream(HELLO, 12))
    assert len(pieces) >= 4 and ''.join(pieces).strip()
    assert llm.malformed == 0


def test_a_real_server_tells_yes_from_no(llm: ServerLlm) -> None:
    margins = [
        llm.margin([Message('user', f'Repeat this word and nothing else: {word}')])
        for word in ('Yes', 'No')]
    assert margins[0] > margins[1]


def test_a_real_server_stops_when_the_stream_is_closed(llm: ServerLlm) -> None:
    stream = llm.stream(COUNT, 900)
    next(stream)
    stream.close()
    began = time.perf_counter()
    assert list(llm.stream(HELLO, 2))       # it has one slot: this waits for the other to be over
    assert time.perf_counter() - began < 4.0


def test_a_real_server_warms_its_cache(llm: ServerLlm) -> None:
    llm.warm(HELLO)


def test_a_real_server_refuses_a_prompt_that_does_not_fit_in_its_own_words(llm: ServerLlm) -> None:
    with pytest.raises(BackendError, match='HTTP 400.*context size'):
        list(llm.stream([Message('user', 'word ' * 3000)]))


def test_a_wrong_key_is_refused_in_the_servers_own_words(server: str, monkeypatch) -> None:
    with pytest.raises(BackendError, match='HTTP 401.*(?i:api key)'):
        list(ServerLlm(server, model='any', api_key='wrong').stream(HELLO))
    monkeypatch.setenv(KEY_VARIABLE, 'sesame')
    assert list(ServerLlm(server).stream(HELLO, 2))


# -- servers that misbehave: each answers one request with a script -------------------------------

Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def misbehaving(script: Script) -> Iterator[ServerLlm]:
    """A client of a server whose answer to anything is ``script``."""
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            request = b''
            while b'\r\n\r\n' not in request:
                request += self.request.recv(65536)
            with contextlib.suppress(OSError):
                script(self.request)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
    with Server(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f'http://127.0.0.1:{server.server_address[1]}/v1'
        with contextlib.closing(ServerLlm(url, 'm', connect_timeout_s=1.0,
                                          first_token_timeout_s=0.4,
                                          idle_timeout_s=0.2)) as llm:
            yield llm
        server.shutdown()


def sending(content: bytes) -> Script:
    return lambda connection: connection.sendall(content)


def head(status: str = '200 OK', kind: str = 'text/event-stream') -> bytes:
    return f'HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n'.encode()


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {'delta': {'content': text}, 'finish_reason': finish}
    return f'data: {json.dumps({"choices": [choice]})}\n\n'.encode()


def collect(llm: ServerLlm) -> tuple[str, str]:
    """(text that arrived, error)."""
    text = ''
    try:
        for part in llm.stream(HELLO):
            text += part
    except BackendError as error:
        return text, str(error)
    return text, ''


def test_a_server_that_is_down_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))                # bound, but nobody listens
        url = f'http://127.0.0.1:{taken.getsockname()[1]}/v1'
        for ask in (
            lambda llm: list(llm.stream(HELLO)),
            lambda llm: llm.margin(HELLO),
            lambda llm: llm.warm(HELLO)):
            with pytest.raises(BackendError, match=f'{url}.*is the server running'):
                ask(ServerLlm(url))


def test_a_server_that_says_nothing_is_given_up() -> None:
    gone = threading.Event()
    with misbehaving(lambda connection: gone.wait(20)) as llm:
        began = time.perf_counter()
        assert collect(llm) == (
            '', f'{llm.url}: no word for 0.4 s; the server is overloaded or hangs')
        assert time.perf_counter() - began < 3.0
        with pytest.raises(BackendError, match='no word for'):
            llm.margin(HELLO)
        gone.set()


def test_a_server_that_only_keeps_the_connection_alive_is_given_up() -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(head())
        for _ in range(100):
            connection.sendall(b': ping\n\n')
            time.sleep(0.05)
    with misbehaving(script) as llm:
        assert 'no word for 0.4 s' in collect(llm)[1]


def test_what_a_server_said_before_it_stalls_is_kept() -> None:
    gone = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(head() + piece('Hello') + piece(' there'))
        gone.wait(20)
    with misbehaving(script) as llm:
        text, error = collect(llm)
        gone.set()
    assert text == 'Hello there' and 'no word for 0.2 s' in error


def test_a_connection_cut_in_the_middle_is_an_error_after_the_text() -> None:
    with misbehaving(sending(head() + piece('Hello') + piece(' there'))) as llm:
        text, error = collect(llm)
    assert text == 'Hello there' and 'in the middle' in error


def test_a_chunked_answer_cut_in_the_middle_is_an_error_after_the_text() -> None:
    def script(connection: socket.socket) -> None:
        body = piece('Hello')
        start = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
        connection.sendall(start + f'{len(body):x}\r\n'.encode() + body + b'\r\n')
    with misbehaving(script) as llm:
        text, error = collect(llm)
    assert text == 'Hello' and 'broke' in error


def test_lines_that_are_no_json_are_counted_and_skipped() -> None:
    body = (b': comment\nevent: x\ndata: {"broken\n\n' + piece('Hello')
            + b'data: 42\n\ndata: {"choices": []}\n\ndata: {"choices": [{"delta": null}]}\n\n'
            + piece('!', 'stop') + b'data: [DONE]\n\n')
    with misbehaving(sending(head() + body)) as llm:
        assert collect(llm) == ('Hello!', '')
        assert llm.malformed == 3


def test_an_error_inside_the_stream_is_reported() -> None:
    body = piece('Hel') + b'data: {"error": {"message": "out of memory"}}\n\n'
    with misbehaving(sending(head() + body)) as llm:
        text, error = collect(llm)
    assert text == 'Hel' and 'out of memory' in error


@pytest.mark.parametrize(('body', 'words'), [
    (b'{"error": {"message": "model not found"}}', 'HTTP 404: model not found'),
    (b'{"error": "model not found"}', 'HTTP 404: model not found'),
    (b'<h1>lost</h1>', 'HTTP 404: <h1>lost</h1>'), (b'', 'HTTP 404: Nope')])
def test_an_http_error_comes_with_the_servers_words(body: bytes, words: str) -> None:
    with misbehaving(sending(head('404 Nope', 'application/json') + body)) as llm:
        assert words in collect(llm)[1]


@pytest.mark.parametrize('body',
                         [b'{"choices": [{"message": {"content": "Yes"}}]}', b'{"choices": []}',
                          b'[]', b'{"choices": [{"logprobs": null}]}'])
def test_a_server_without_probabilities_is_missing_evidence_and_not_a_crash(body: bytes) -> None:
    with misbehaving(sending(head(kind='application/json') + body)) as llm:
        with pytest.raises(BackendError, match='unsupported'):
            llm.margin(HELLO)


def test_closing_the_stream_hangs_up_although_the_server_says_nothing() -> None:
    hung_up = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(head() + piece('Hello'))
        connection.settimeout(10)
        while connection.recv(65536):       # what is left of the request
            pass
        hung_up.set()
    with misbehaving(script) as llm:
        stream = llm.stream(HELLO)
        assert next(stream) == 'Hello'
        stream.close()
        assert hung_up.wait(5)


@pytest.mark.parametrize('url', ['http://[bad/v1', 'http://', 'http:///v1'])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match='no address'):
        ServerLlm(url)
