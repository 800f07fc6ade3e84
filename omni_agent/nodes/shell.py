"""How every node starts and stops: exit code 0 on SIGINT and SIGTERM, 2 for a configuration that
cannot work.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from enum import Enum
from types import FrameType
from typing import Callable, Protocol

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from omni_agent.core.errors import ConfigError, DeviceError

BAD_CONFIGURATION = 2      # the supervisor does not restart a node that ends with this
SWITCH_S = 0.001           # the longest that a device's thread waits for another one to let go of the interpreter
NICENESS = -10             # where real-time priority is not allowed


class Urgency(Enum):
    """Which threads of a node go before the models', where the system lets them (rtprio, see README).

    The value is their real-time priority, of which these are the lowest there are.
    """

    NONE = 0
    EXECUTOR = 1      # the callbacks, which are short; the models' workers wait like everybody
    PROCESS = 2       # also the device's threads, before all others: sound that comes late is lost


class Agent(Protocol):
    """What main() runs: a node in a box, so that the box can own threads."""

    node: Node

    def close(self) -> None: ...


def main(make: Callable[[], Agent], urgency: Urgency = Urgency.NONE) -> None:
    """Run one node until a signal arrives; never returns."""
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
        agent = make()
        if urgency is Urgency.EXECUTOR:
            _go_first(urgency)
        _run(agent, stop)
        code = 1 if failed.is_set() else 0
    except (ConfigError, DeviceError) as error:
        print(f'{sys.argv[0].rsplit("/", 1)[-1]}: {error}', file=sys.stderr, flush=True)
        code = BAD_CONFIGURATION
    rclpy.try_shutdown()
    sys.stdout.flush()
    sys.exit(code)


def _go_first(urgency: Urgency) -> None:
    """On Linux this is of the calling thread and of those that it starts. Two busy cores cost a block of sound every
    few seconds without it. Niceness alone would not do: it counts only within a session, and each node has its own.
    """
    if sys.platform != 'linux':
        return
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(urgency.value))
    except PermissionError:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        except PermissionError:
            pass                             # a right, not a need: most machines have a core to spare


def _join() -> None:
    # rclpy's own handlers race with publishing timers and end some runs with a traceback
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    # RCLError, which rclpy does not export, and UnknownROSArgsError
    except RuntimeError as error:
        raise ConfigError(
            f'the command line or a parameter file cannot be used: {error}') from error


def _run(agent: Agent, stop: threading.Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(agent.node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    agent.close()
    executor.shutdown()
    agent.node.destroy_node()

