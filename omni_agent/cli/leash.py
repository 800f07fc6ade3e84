"""Runs one module as a child that never outlives the process that started it.

The supervisor runs ``python leash.py MODULE ARGUMENT...``. Standard input is the leash: a pipe of
which only the supervisor holds the other end, so that the kernel closes it whatever the supervisor
dies of, SIGKILL included. Then this process interrupts itself, which lets a node close its devices
and its shared memory, and after GRACE_S its whole process group is killed, the node's own children
with it. (Linux's PR_SET_PDEATHSIG would be one line instead, but it leaves no time to clean up,
spares grandchildren, and fires when the starting *thread* ends.)

SIGINT and SIGTERM arrive blocked and are let through here, once they mean "end with exit code 0":
so a stop in the first second of a process, while it is still importing, is a clean stop too.

Run by path, as the first thing in a process: only the standard library is imported.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 5.0        # [s] as long as the supervisor itself would have waited
STOP = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Replace this script by the module named first on the command line."""
    for number in STOP:
        # Until the module installs its own. Not sys.exit: what is raised in the middle of an
        # import of compiled code comes out as an ImportError, and there is nothing to clean up.
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    threading.Thread(target=_hold, name='leash', daemon=True).start()
    del sys.path[0], sys.argv[0]           # this folder is nobody's import path
    runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)


def _hold() -> None:
    while os.read(0, 1):                   # nothing is ever written: this waits for the end
        pass
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)                       # nobody reads us any more: last words must not
    os.dup2(null, 2)                       # turn into errors
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_S)
    if os.getpgrp() == os.getpid():        # never a group that is not our own
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == '__main__':
    main()
