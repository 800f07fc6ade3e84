"""The only place that decides who may look through the window in the browser, and press its
buttons.

Three dangers, three checks. A stranger on the network: needs the token. A web page of somebody
else, open in a browser that may look: its requests carry its own Origin. The same page after its
name was pointed at this machine (DNS rebinding): its requests carry that name as Host. A number as
Host cannot be rebound, a name can.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from enum import Enum
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from .errors import ConfigError

HOST = re.compile(r'(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?')

TOKEN = re.compile(r'[A-Za-z0-9_-]{12,200}')


class Verdict(Enum):
    OPEN = 'go on'
    ENTER = 'the token was in the address: keep it in a cookie, and show it no longer'
    LOCKED = 'no token, or a wrong one'
    FOREIGN = 'a request of another web site'


@dataclass(frozen=True)
class Knock:
    """What a request says of itself; None where it says nothing."""

    target: str                  # path and query
    host: str | None
    origin: str | None = None
    cookies: str | None = None


class Gate:
    """``token`` '' lets everybody in who reaches the port; ``names`` are those that this machine
    is called by.

    Raises ConfigError for a token that is easily guessed or cannot stand in an address.
    """

    def __init__(self, token: str, names: frozenset[str], cookie: str) -> None:
        if token:
            check_token(token)
        self._token = token
        self._names = names | {'localhost'}
        self._cookie = cookie

    @property
    def cookie_line(self) -> str:
        """What keeps the token: no script may read it, and no other site's page makes a browser
        send it.
        """
        return f'{self._cookie}={self._token}; HttpOnly; SameSite=Lax; Path=/'

    def judge(self, knock: Knock) -> Verdict:
        if not self._is_ours(knock):
            return Verdict.FOREIGN
        if not self._token:
            return Verdict.OPEN
        address = urlsplit(knock.target)
        if any(map(self._fits, parse_qs(address.query).get('token', []))):
            return Verdict.ENTER if address.path == '/' else Verdict.OPEN
        return Verdict.OPEN if self._fits(self._kept(knock.cookies)) else Verdict.LOCKED

    def _is_ours(self, knock: Knock) -> bool:
        host = HOST.fullmatch(knock.host or '')
        if host is None or not (host['name'].lower() in self._names or _is_number(host['name'])):
            return False
        # No Origin: no web page. Programs of this machine send none; the token is what stops those
        # of others.
        return (knock.origin is None
                or knock.origin in (f'http://{knock.host}', f'https://{knock.host}'))

    def _fits(self, word: str) -> bool:
        # takes as long whatever is wrong
        return hmac.compare_digest(word.encode(), self._token.encode())

    def _kept(self, cookies: str | None) -> str:
        try:
            found = SimpleCookie(cookies or '').get(self._cookie)
        except CookieError:
            return ''
        return found.value if found else ''


def check_token(token: str) -> None:
    """Raises ConfigError."""
    if not TOKEN.fullmatch(token):
        raise ConfigError(
            'a token has 12 characters or more, letters, digits, - and _ only; without one of '
            'your own '
            'a good one is made')


def is_loopback(host: str) -> bool:
    """Whether an address to listen at can be reached from this machine alone."""
    try:
        return host == 'localhost' or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_number(name: str) -> bool:
    try:
        ip_address(name.strip('[]'))
    except ValueError:
        return False
    return True
