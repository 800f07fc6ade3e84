"""A ROS domain of one's own: graphs running side by side on one machine do not hear each other."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator

from omni_agent.core.errors import ConfigError

DOMAINS = range(1, 102)       # 0 is everybody's default; above 101 begin Linux's ephemeral ports
FIRST_PORT = 7400             # DDS: discovery of domain d listens at 7400 + 250 d,
PORTS_PER_DOMAIN = 250        # and its first participant at 10 more
FIRST_PARTICIPANT = 10


@contextmanager
def free_domain_id() -> Iterator[int]:
    """A domain that nobody uses, ours as long as the context lasts; give it to the children as
    ROS_DOMAIN_ID.

    A lock held on a file says so to other runs of this user; the ports tell of everybody else. The
    lock goes with the process, however it ends. ConfigError when every domain is taken.
    """
    folder = _lock_folder()
    for domain in sorted(DOMAINS, key=lambda number: (number - os.getpid()) % len(DOMAINS)):
        with open(folder / f'{domain}.lock', 'a') as lock:
            if _locked(lock) and _is_silent(domain):
                yield domain
                return
    raise ConfigError(f'all ROS domains from {DOMAINS[0]} to {DOMAINS[-1]} are in use on this '
                      'machine: end a graph that is still running')


def _lock_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f'omni_agent-{os.getuid()}' / 'domains'
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():                    # /tmp is everybody's
        raise ConfigError(f'{folder} is another user\'s: remove it, or point TMPDIR elsewhere')
    return folder


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_silent(domain: int) -> bool:
    """No socket of this machine has the domain's first ports."""
    discovery = FIRST_PORT + PORTS_PER_DOMAIN * domain
    for port in (discovery, discovery + FIRST_PARTICIPANT):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', port))
            except OSError:
                return False
    return True
