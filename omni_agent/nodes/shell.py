"""How every node starts and stops: exit code 0 on SIGINT and SIGTERM, 2 for a configuration that
cannot work.

A node starts by itself, or with the parameter ``managed`` waits for a manager (``managed.py``).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from enum import Enum
from types import FrameType
from typing import Callable, Protocol

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from omni_agent.core.errors import ConfigError, DeviceError
from omni_agent.core.params import param

from .managed import Agent, Managed
from .node import AgentNode, join, offer
from .parameters import declare

BAD_CONFIGURATION = 2      # the supervisor does not restart a node that ends with this
# the longest that a device's thread waits for another one to let go of the interpreter
SWITCH_S = 0.001
NICENESS = -10             # where real-time priority is not allowed


class Urgency(Enum):
    """Which threads of a node go before the models', where the system lets them (rtprio, see
    README).

    The value is their real-time priority, of which these are the lowest there are.
    """

    NONE = 0
    EXECUTOR = 1      # the callbacks, which are short; the models' workers wait like everybody
    PROCESS = 2       # also the device's threads, before all others: sound that comes late is lost


@dataclass(frozen=True)
class NodeParams:
    """What every node has."""

    managed: bool = param(
        False,
        'wait for a lifecycle manager to configure and activate the node, instead of starting')
    # doctor and dashboards take a node that says nothing for four seconds for one that hangs
    diagnostics_s: float = param(1.0, 'time between two reports on /diagnostics [s]', 0.1, 2.0)


def main(make: Callable[[], Agent], urgency: Urgency = Urgency.NONE) -> None:
    """Run one node until a signal arrives; never returns.

    ``make`` makes a box that lives on the node of its own name, in lower case (``node.join``).
    """
    stop = threading.Event()

    failed = threading.Event()

    def on_bug(arguments: threading.ExceptHookArgs) -> None:
        """A thread that died of our own mistake would leave a node that looks alive."""
        threading.__excepthook__(arguments)
        failed.set()
        stop.set()

    threading.excepthook = on_bug

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    try:
        _join()
        if urgency is Urgency.PROCESS:       # threads inherit it from the one that starts them
            sys.setswitchinterval(SWITCH_S)
            _go_first(urgency)
        node = AgentNode(_name(make))
        offer(_name(make), node)
        made = _made(make, urgency)
        params = declare(node, NodeParams, fixed=True)
        node.diagnostics_s = params.diagnostics_s
        if params.managed:
            _run(node, Managed(node, made, _parameters(make)), stop)
        else:
            _run(node, Unmanaged(made()), stop)
        code = 1 if failed.is_set() else 0
    except (ConfigError, DeviceError) as error:
        print(f'{sys.argv[0].rsplit("/", 1)[-1]}: {error}', file=sys.stderr, flush=True)
        code = BAD_CONFIGURATION
    rclpy.try_shutdown()
    sys.stdout.flush()
    sys.exit(code)


class Life(Protocol):
    """What goes on between two callbacks."""

    def step(self) -> None: ...

    def close(self) -> None: ...


class Unmanaged:
    """A box that lives as long as its process."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def step(self) -> None:
        pass

    def close(self) -> None:
        self._agent.close()


def _made(make: Callable[[], Agent], urgency: Urgency) -> Callable[[], Agent]:
    """The threads that a box starts inherit the priority of the one that makes it."""
    def made() -> Agent:
        if urgency is Urgency.EXECUTOR:
            _go_as_usual()
        agent = make()
        assert agent.node is join(
            _name(make)), 'a box lives on the node that join gives to its name'
        if urgency is Urgency.EXECUTOR:
            _go_first(urgency)
        return agent
    return made


def _name(make: Callable[[], Agent]) -> str:
    return make.__name__.lower()


def _parameters(make: Callable[[], Agent]) -> tuple[tuple[str, type], ...]:
    """(prefix, dataclass) pairs that a box declares, as its file lists them."""
    return getattr(sys.modules[make.__module__], 'PARAMETERS', ())


def _go_first(urgency: Urgency) -> None:
    """On Linux this is of the calling thread and of those that it starts. Two busy cores cost a
    block of sound every few seconds without it. Niceness alone would not do: it counts only within
    a session, and each node has its own.
    """
    if sys.platform != 'linux':
        return
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(urgency.value))
    except PermissionError:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        except PermissionError:
            # a right, not a need: most machines have a core to spare
            pass


def _go_as_usual() -> None:
    """The calling thread goes no more before others than the process does."""
    if sys.platform == 'linux' and os.sched_getscheduler(0) == os.SCHED_RR:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _join() -> None:
    # rclpy's own handlers race with publishing timers and end some runs with a traceback
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    # RCLError, which rclpy does not export, and UnknownROSArgsError
    except RuntimeError as error:
        raise ConfigError(
            f'the command line or a parameter file cannot be used: {error}') from error


def _run(node: AgentNode, life: Life, stop: threading.Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
        life.step()
    life.close()
    executor.shutdown()
    node.destroy_node()
