"""The only place that keeps the processes of the graph alive together, and ends them together.

No ROS and no launch: plain processes on POSIX, each in a session of its own, so that a Ctrl-C in
the terminal reaches only the supervisor, which then ends its children in an orderly way. Should
the supervisor itself be killed, the children end by themselves: ``leash.py`` says how.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable, Iterable, Mapping

from omni_agent import ros_env
from omni_agent.cli.child import Child, Death, Program
from omni_agent.core.restart import Restart

SELF = 'omni-agent'      # the name under which the supervisor's own sentences reach ``on_line``
TICK_S = 0.02            # [s] how often an ending is looked at
HOME = Path(__file__).resolve().parents[2]       # where the children find this package


class Supervisor:
    """Runs ``programs``. One thread calls ``start``, then ``poll`` again and again, then ``stop``.

    ``on_line(name, line)`` gets each line of output, and the supervisor's own sentences under the
    name SELF; it is called in ``poll`` and ``stop`` only, on their thread. ``environment``: see
    ``child_environment``. Do not fork (multiprocessing 'fork') while children run: the fork would
    hold their leashes too.
    """

    def __init__(self, programs: Iterable[Program],
                 on_line: Callable[[str, str], None] | None = None,
                 environment: Mapping[str, str] | None = None, respawn: bool = True) -> None:
        environment = child_environment(environment)
        self._children = [Child(program, environment, Restart(respawn)) for program in programs]
        self._on_line = on_line or (lambda name, line: None)
        self._in_a_hurry = False

    def start(self, now: float | None = None) -> None:
        """Start every child, in order. The next ``poll`` reports dead what cannot be started."""
        for child in self._children:
            child.start(_moment(now))

    def poll(self, now: float | None = None) -> list[Death]:
        """Pass on output, notice the dead, start again what is due. Returns at once."""
        deaths = []
        for child in self._children:
            death = child.reap(_moment(now))
            self._pass_on(child)
            if death:
                deaths.append(death)
                self._on_line(SELF, str(death))
            if child.restart.due is not None and child.restart.due <= _moment(now):
                child.start(_moment(now))
        return deaths

    def stop(self) -> dict[str, int]:
        """SIGINT to every child, after 5 s SIGTERM, after 8 s SIGKILL; returns ``codes``."""
        began = time.monotonic()
        for child in self._children:
            child.end(0.0)
        while self.running:
            time.sleep(TICK_S)
            for child in self._children:
                child.end(float('inf') if self._in_a_hurry else time.monotonic() - began)
                child.reap(time.monotonic())
                self._pass_on(child)
        return self.codes

    def hurry(self) -> None:
        """From now on ``stop`` kills at once; a signal handler may say so while ``stop`` waits."""
        self._in_a_hurry = True

    @property
    def running(self) -> dict[str, int]:
        """Process ids of the children that run now."""
        return {child.program.name: child.pid for child in self._children if child.pid is not None}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each child has been started again."""
        return {child.program.name: child.restart.count for child in self._children}

    @property
    def codes(self) -> dict[str, int]:
        """Exit code of each child's latest run that has ended, negative for a signal."""
        return {child.program.name: child.code for child in self._children
                if child.code is not None}

    @property
    def lines_dropped(self) -> dict[str, int]:
        """Output lines thrown away because nobody polled in time."""
        return {child.program.name: child.lines_dropped for child in self._children}

    @property
    def finished(self) -> bool:
        """Nothing runs and nothing is going to be started again."""
        return not self.running and all(child.restart.due is None for child in self._children)

    def _pass_on(self, child: Child) -> None:
        for line in child.take_lines():
            self._on_line(child.program.name, line)


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """``environment``, by default our own, with what ROS and a child behind a pipe need."""
    environment = os.environ if environment is None else environment
    result = {**environment, **ros_env.prepare(environment), 'PYTHONUNBUFFERED': '1'}
    if HOME.name not in ('site-packages', 'dist-packages'):    # a checkout, perhaps not installed
        known = environment.get('PYTHONPATH')
        result['PYTHONPATH'] = f'{known}{os.pathsep}{HOME}' if known else str(HOME)
    return result


def _moment(now: float | None) -> float:
    return time.monotonic() if now is None else now
