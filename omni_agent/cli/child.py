"""One process of the graph: how it is started, heard, noticed when dead, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterator, Mapping

from omni_agent.core.restart import Restart

LEASH = Path(__file__).with_name('leash.py')
# [s] after the wish to end
ENDING = ((0.0, signal.SIGINT), (5.0, signal.SIGTERM), (8.0, signal.SIGKILL))
BACKLOG = 2_000          # [lines] unread output that is kept; the oldest go first and are counted
LAST_LINES = 5           # quoted when the process dies
LINE_BYTES = 16_384      # a longer line is cut, so that no child can fill our memory
SETTLE_S = 0.5           # [s] that the last words of a dead process may take through its pipe
NOT_STARTED = 127        # exit code of a process that could not even be started, as in a shell


@dataclass(frozen=True)
class Program:
    """A Python module to run as a process, and its command line."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Death:
    """A process ended without being asked to. ``code`` is negative for a signal."""

    name: str
    code: int
    last_lines: tuple[str, ...]
    restart_in_s: float | None          # None: it is not started again

    def __str__(self) -> str:
        cause = (f'exit code {self.code}' if self.code >= 0 else
                 f'signal {_signal_name(-self.code)}')
        then = ('is not started again' if self.restart_in_s is None else
                f'starts again in {self.restart_in_s:.1f} s')
        words = ''.join(f'\n    {line}' for line in self.last_lines)
        return f'{self.name} ended by itself with {cause} and {then}' + (
            f'; its last words were:{words}' if words else '')


class Child:
    """Runs ``program`` behind the leash, in a session of its own, as often as it is started.

    One thread calls everything; a thread of this class's own only collects output.
    """

    def __init__(self, program: Program, environment: Mapping[str, str], restart: Restart) -> None:
        self.program = program
        self.restart = restart
        self.code: int | None = None         # of the latest run that has ended
        self.lines_dropped = 0
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lines: deque[str] = deque(maxlen=BACKLOG)
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._stillborn = False
        self._signals_sent = 0               # how many rows of ENDING have been carried out

    @property
    def pid(self) -> int | None:
        """None while nothing runs."""
        return self._process.pid if self._process else None

    def start(self, now: float) -> None:
        self.restart.started(now)
        self._last.clear()
        command = [sys.executable, str(LEASH), self.program.module, *self.program.arguments]
        try:
            with _blocked(signal.SIGINT, signal.SIGTERM):            # the leash lets them through
                self._process = subprocess.Popen(
                    command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:                                     # no memory, no process left
            self._stillborn = True
            self._keep(f'cannot start {command[0]}: {error}')
            return
        assert self._process.stdout
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,),
                                        name=f'{self.program.name} output', daemon=True)
        self._reader.start()

    def reap(self, now: float) -> Death | None:
        """Notice that the process has ended, take its exit code and kill what it left behind."""
        if self._stillborn:
            self._stillborn, self.code = False, NOT_STARTED
        elif self._process is None or not _has_ended(self._process.pid):
            return None
        else:
            self._bury(self._process)
        if self._signals_sent:
            return None
        assert self.code is not None
        self.restart.died(now, self.code)
        wait_s = None if self.restart.due is None else self.restart.due - now
        return Death(self.program.name, self.code, tuple(self._last), wait_s)

    def end(self, elapsed_s: float) -> None:
        """Carry out ENDING as far as due ``elapsed_s`` after the wish; nothing starts again."""
        self.restart.enabled, self.restart.due = False, None
        while self._signals_sent < len(ENDING) and ENDING[self._signals_sent][0] <= elapsed_s:
            if self._process:            # the node alone: it ends its own children, or _bury does
                os.kill(self._process.pid, ENDING[self._signals_sent][1])
            self._signals_sent += 1

    def take_lines(self) -> Iterator[str]:
        """Output since the last call; what there is now, so a chatty child cannot keep us."""
        for _ in range(len(self._lines)):
            yield self._lines.popleft()

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        # Not reaped yet, so the process id, also the group's, cannot belong to a stranger.
        os.killpg(process.pid, signal.SIGKILL)
        self.code = process.wait()
        self._process = None
        assert self._reader and process.stdin
        self._reader.join(SETTLE_S)
        process.stdin.close()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(LINE_BYTES), b''):
                self._keep(line.decode(errors='replace').rstrip('\r\n'))

    def _keep(self, line: str) -> None:
        self.lines_dropped += len(self._lines) == BACKLOG
        self._lines.append(line)
        self._last.append(line)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:                       # a real-time signal has no name
        return str(number)


@contextmanager
def _blocked(*numbers: signal.Signals) -> Iterator[None]:
    """Signals sent meanwhile wait; a child started meanwhile inherits the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
