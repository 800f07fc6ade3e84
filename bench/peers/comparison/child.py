"""The only place that runs a child process here: whatever ends the comparison ends the child, and
everything that the child started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterable, Iterator, Sequence

STOP = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 5.0            # what a child may take for its own end, once it was asked


@contextmanager
def running(command: Sequence[str | Path],
            errors: IO[str] | int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A child that prints text to ``stdout``, in a session of its own: a Ctrl-C of the terminal
    reaches it through here alone, and so does its end.
    """
    child = None
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        try:
            child = _started(command, errors, heard)
        finally:                             # who broke off meanwhile is heard here
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        yield child
        child.wait()
    except BaseException:
        if child is not None:
            _end(child)
        raise
    finally:
        if child is not None and child.stdout is not None:
            child.stdout.close()


def _started(command: Sequence[str | Path], errors: IO[str] | int | None,
             heard: Iterable[int]) -> subprocess.Popen[str]:
    """A child that hears the signals which its parent does not hear while it starts it."""
    return subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=errors, text=True,
        errors='replace', start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, heard))


def _end(child: subprocess.Popen[str]) -> None:
    """The child is asked, then its whole group is killed, for some of it may outlive the child;
    which is not waited for before that, since its number is theirs.
    """
    for number, grace_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break                                # nobody is left
        give_up = time.monotonic() + grace_s
        while not _has_ended(child.pid) and time.monotonic() < give_up:
            time.sleep(0.01)
    child.wait()


def _has_ended(pid: int) -> bool:
    """Without taking its exit code away."""
    if not hasattr(os, 'waitid'):                # macOS
        return False
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
