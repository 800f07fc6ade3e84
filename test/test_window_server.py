"""The window's server as browsers, strangers and slow readers meet it, over real sockets."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

websockets = pytest.importorskip('websockets', minversion='15')

from websockets.exceptions import InvalidStatus  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402

from omni_agent.backends.window_server import MOST_CLIENTS, Stop, Typed, Wanted, WindowServer  # noqa: E402
from omni_agent.core.errors import BackendError, ConfigError  # noqa: E402
from omni_agent.core.outbox import Outbox  # noqa: E402
from omni_agent.core.web_gate import Gate, Knock, Verdict, check_token, is_loopback  # noqa: E402

FOLDER = Path(__file__).resolve().parents[1] / 'window'
TOKEN = 'correct-horse_battery'
PATIENCE_S = 10.0


class House:
    """A server, what it asked for, and its visitors."""

    def __init__(self, token: str = '') -> None:
        self.wanted: list[Wanted] = []
        self.commands: list[Stop | Typed] = []
        gate = Gate(token, frozenset({'robot.local'}), 'omni_agent_test')
        self.server = WindowServer(FOLDER, gate, '127.0.0.1', 0, self.wanted.append,
                                   self.commands.append)
        self.origin = f'http://127.0.0.1:{self.server.port}'
        self._visitors = ExitStack()

    def get(self, path: str = '/', **headers: str) -> httpx.Response:
        return httpx.get(self.origin + path, headers=headers, timeout=PATIENCE_S)

    def visit(self, path: str = '/socket', **options: object) -> ClientConnection:
        address = f'ws://127.0.0.1:{self.server.port}{path}'
        return self._visitors.enter_context(connect(address, close_timeout=1, **options))

    def look(self) -> ClientConnection:
        """A visitor whom the server knows of."""
        known = self.server.clients
        visitor = self.visit()
        until(lambda: self.server.clients > known)
        return visitor

    def close(self) -> None:
        self._visitors.close()
        self.server.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, 'in vain'
        time.sleep(0.005)


def records(visitor: ClientConnection, count: int) -> list[dict]:
    found: list[dict] = []
    while len(found) < count:
        found += json.loads(visitor.recv(timeout=PATIENCE_S))
    return found


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@pytest.fixture
def locked() -> Iterator[House]:
    made = House(TOKEN)
    yield made
    made.close()


# -- the page -------------------------------------------------------------------------------------


def test_the_page_and_what_it_needs_are_there_and_nothing_else_is(house: House):
    page = house.get()
    assert page.status_code == 200 and '<title>omni_agent' in page.text
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert house.get(path).status_code == 200
    assert ({
        house.get(path).status_code
        for path in ('/nothing', '/../setup.py', '/%2e%2e/setup.py')
    } == {404})


def test_the_page_needs_no_internet():
    for file in FOLDER.iterdir():
        foreign = (set(re.findall(r'(?:https?:)?//[\w.-]+\.\w+', file.read_text())) -
                   {'http://www.w3.org'})
        assert not foreign, f'{file.name}: {foreign}'


def test_the_page_may_load_nothing_from_elsewhere_and_nobody_may_frame_it(house: House):
    policy = house.get().headers['content-security-policy']
    assert ("default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            and "'unsafe" not in policy)


def test_nothing_can_be_posted(house: House):
    with pytest.raises(httpx.HTTPError):
        assert httpx.post(house.origin, data={'stop': '1'}).status_code >= 400
        raise httpx.HTTPError('refused, as it should be')
    assert not house.commands


# -- who is let in --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'host', ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '', 'localhost@evil'])
def test_a_name_that_was_pointed_at_this_machine_opens_nothing(house: House, host: str):
    assert house.get('/', Host=host).status_code == 403


@pytest.mark.parametrize(
    'host',
    ['localhost:1', '127.0.0.1', '[::1]:8742', '192.168.1.7:8742', 'robot.local', 'Robot.local'])
def test_this_machine_has_several_names(house: House, host: str):
    assert house.get('/', Host=host).status_code == 200


@pytest.mark.parametrize(
    'origin', ['http://evil.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:1', 'file://'])
def test_a_page_from_elsewhere_cannot_reach_the_stop_button(house: House, origin: str):
    with pytest.raises(InvalidStatus) as refused:
        house.visit(origin=origin)
    assert refused.value.response.status_code == 403
    assert house.server.clients == 0


def test_the_own_page_can(house: House):
    house.visit(origin=house.origin).send('{"stop": 1}')
    until(lambda: house.commands)


def test_two_hosts_are_none(house: House):
    with socket.create_connection(('127.0.0.1', house.server.port), timeout=PATIENCE_S) as line:
        line.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n')
        assert line.recv(200).startswith(b'HTTP/1.1 403')


def test_without_the_token_nothing_is_shown(locked: House):
    for path in ('/', '/window.js', f'/?token={TOKEN[:-1]}', '/nothing'):
        assert locked.get(path).status_code == 401, path
    assert locked.get('/', Cookie='omni_agent_test=wrong').status_code == 401
    for path in ('/socket', '/socket?token=wrong'):
        with pytest.raises(InvalidStatus) as refused:
            locked.visit(path)
        assert refused.value.response.status_code == 401
    assert locked.server.clients == 0


def test_the_token_in_the_address_becomes_a_cookie_that_no_script_can_read(locked: House):
    answer = locked.get(f'/?token={TOKEN}')
    assert answer.status_code == 303 and answer.headers['location'] == '/'
    cookie = answer.headers['set-cookie']
    assert 'HttpOnly' in cookie and 'SameSite=Lax' in cookie
    pair = cookie.split(';')[0]
    assert locked.get('/', Cookie=pair).status_code == 200
    locked.visit(additional_headers={'Cookie': pair}).send('{"stop": 1}')
    until(lambda: locked.commands)


def test_a_program_may_bring_the_token_along(locked: House):
    locked.visit(f'/socket?token={TOKEN}').send('{"stop": 1}')
    until(lambda: locked.commands)


def test_the_token_does_not_open_the_socket_to_a_page_from_elsewhere(locked: House):
    with pytest.raises(InvalidStatus) as refused:
        locked.visit(origin='http://evil.example',
                     additional_headers={'Cookie': f'omni_agent_test={TOKEN}'})
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize('token',
                         ['short', 'with a space in it', 'semicolon;semicolon', 'x' * 300])
def test_a_token_that_is_none_is_refused(token: str):
    with pytest.raises(ConfigError, match='12 characters'):
        check_token(token)


@given(st.text(max_size=40), st.text(max_size=40) | st.none(), st.text(max_size=60) | st.none())
def test_no_headers_whatever_open_a_locked_gate(host: str, origin: str | None,
                                                cookies: str | None):
    verdict = Gate(TOKEN, frozenset(), 'c').judge(Knock('/socket', host, origin, cookies))
    assert verdict in (Verdict.FOREIGN, Verdict.LOCKED)


def test_only_loopback_addresses_are_loopback():
    assert all(map(is_loopback, ('localhost', '127.0.0.1', '127.1.2.3', '::1')))
    assert not any(
        map(is_loopback,
            ('', '0.0.0.0', '::', '192.168.1.7', 'robot.local', 'localhost.evil.example')))


# -- what is told ---------------------------------------------------------------------------------


def test_records_arrive_in_order(house: House):
    visitor = house.look()
    for number in range(300):
        house.server.publish({'topic': 'n', 'number': number})
    assert [one['number'] for one in records(visitor, 300)] == list(range(300))


def test_who_comes_later_is_told_what_holds_and_not_what_is_over(house: House):
    first = house.look()
    for number in range(3):
        house.server.publish({'topic': 'state', 'number': number}, key='state')
        house.server.publish({'topic': 'event', 'number': number})
    records(first, 6)
    assert records(house.visit(), 1) == [{'topic': 'state', 'number': 2}]


def test_what_was_said_while_nobody_looked_is_not_kept(house: House):
    visitor = house.look()
    house.server.publish({'topic': 'state', 'number': 1}, key='state')
    visitor.close()
    until(lambda: not house.server.clients)
    house.server.publish({'topic': 'state', 'number': 2}, key='state')
    visitor = house.look()
    house.server.publish({'topic': 'state', 'number': 3}, key='state')
    assert [one['number'] for one in records(visitor, 1)] == [3]


def test_pictures_go_only_to_those_who_see_the_pane(house: House):
    seeing, blind = house.look(), house.look()
    seeing.send('{"panes": ["picture"]}')
    until(lambda: house.wanted[-1] == {'picture'})
    house.server.show(b'\xff\xd8picture')
    house.server.publish({'topic': 'n'})
    assert ({type(seeing.recv(timeout=PATIENCE_S)),
             type(seeing.recv(timeout=PATIENCE_S))} == {bytes, str})
    assert json.loads(blind.recv(timeout=PATIENCE_S)) == [{'topic': 'n'}]
    with pytest.raises(TimeoutError):
        blind.recv(timeout=0.1)


def test_the_robot_is_told_what_is_in_sight_anywhere(house: House):
    first, second = house.look(), house.look()
    first.send('{"panes": ["lanes"]}')
    until(lambda: house.wanted[-1] == {'lanes'})
    second.send('{"panes": ["picture"]}')
    until(lambda: house.wanted[-1] == {'lanes', 'picture'})
    first.close()
    until(lambda: house.wanted[-1] == {'picture'})
    second.close()
    until(lambda: house.wanted[-1] is None)
    assert house.wanted[0] == frozenset()


def test_a_slow_browser_costs_the_robot_nothing_and_is_told_the_present(house: House):
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(('127.0.0.1', house.server.port))
    # it does not read on when 16 messages wait
    slow = house.visit(sock=line)
    until(lambda: house.server.clients)
    words = 'x' * 2000
    house.server.publish({'topic': 'state', 'number': 7}, key='state')
    assert records(slow, 1)[0]['number'] == 7
    while house.server.dropped < 20_000:
        # could not wait for it: it reads nothing meanwhile
        house.server.publish({'topic': 'event', 'words': words})
    house.server.publish({'topic': 'end'})
    found: list[dict] = []
    while not any(one['topic'] == 'end' for one in found):
        found += json.loads(slow.recv(timeout=PATIENCE_S))
    while not any(one['topic'] == 'dropped' for one in found):
        found += json.loads(slow.recv(timeout=PATIENCE_S))
    assert next(one['count'] for one in reversed(found) if one['topic'] == 'dropped') >= 20_000
    assert any(one.get('number') == 7
               for one in found), 'the state stands in front of what came after the gap'
    assert sum(one['topic'] == 'event' for one in found) < 5000


@given(st.lists(st.sampled_from(('event', 'state', 'take')), max_size=200), st.integers(1, 9))
def test_an_outbox_never_holds_more_than_its_limit_and_always_ends_with_the_newest(
        script: list[str], limit: int):
    box, present, newest = Outbox(limit), 'state 0', ''
    for number, what in enumerate(script):
        if what == 'take':
            box.take()
            continue
        newest = f'{what} {number}'
        present = newest if what == 'state' else present
        box.put(newest, [present])
        assert len(box) <= max(2, limit)
    assert newest == '' or box.take().texts[-1:] in ((newest,), ())


# -- what is asked --------------------------------------------------------------------------------


def test_a_request_is_answered_to_who_asked(house: House):
    asking, other = house.look(), house.look()
    asking.send('{"typed": "come here", "number": 4}')
    until(lambda: house.commands)
    assert house.commands[0].text == 'come here'
    house.server.answer(house.commands[0], True, 'yes')
    assert records(asking, 1) == [{'topic': 'answer', 'number': 4, 'ok': True, 'text': 'yes'}]
    with pytest.raises(TimeoutError):
        other.recv(timeout=0.1)


@pytest.mark.parametrize('nonsense', [
    '', '[', '[1]', '7', 'null', '{"stop": "now"}', '{"typed": 5, "number": 1}', '{"typed": "x"}',
    '{"panes": {"lanes": 1}}', '{"panes": [[1]]}', b'\xff\xfe'
])
def test_nonsense_is_ignored(house: House, nonsense: str | bytes):
    visitor = house.look()
    visitor.send(nonsense)
    visitor.send('{"stop": 1}')
    until(lambda: house.commands)
    assert len(house.commands) == 1


def test_windows_are_not_endless(house: House):
    for _ in range(MOST_CLIENTS):
        house.look()
    with pytest.raises(InvalidStatus) as refused:
        house.visit()
    assert refused.value.response.status_code == 503


def test_a_port_that_is_taken_is_named_with_what_to_do(house: House):
    with pytest.raises(ConfigError, match=f'port {house.server.port}.*--port'):
        WindowServer(FOLDER, Gate('', frozenset(), 'c'), '127.0.0.1', house.server.port, print,
                     print)


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'websockets.asyncio.server', None)
    with pytest.raises(BackendError, match=r'pip install "omni_agent\[watch\]"'):
        WindowServer(FOLDER, Gate('', frozenset(), 'c'), '127.0.0.1', 0, print, print)
