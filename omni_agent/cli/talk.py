"""``omni-agent talk``: the graph on this machine's own devices, with the live view of the demo."""

from __future__ import annotations

import argparse
import os
import time
from collections import deque
from types import TracebackType

from omni_agent.cli.live import LiveView
from omni_agent.cli.supervisor import SELF, Supervisor
from omni_agent.cli.up import POLL_S, Printer, add_options, programs_of, require_ros, supervise

KEPT = 40                # [lines] of the nodes' output, shown when the live view has gone


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        'talk', help="talk to the agent through this machine's own devices",
        description='Run all nodes on real devices and show who speaks, what was understood and '
                    'what was decided. Name devices with --microphone, --speaker and --camera '
                    '(part of a name is enough).')
    add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Until Ctrl-C, or until a node cannot run: 0 when every node ended cleanly, else 1."""
    programs = programs_of(arguments)
    require_ros()
    from omni_agent import ros_env

    os.environ.update(ros_env.prepare(os.environ))
    printer = Printer([program.name for program in programs])
    lines: deque[tuple[str, str]] = deque(maxlen=KEPT)
    view = LiveView('omni_agent: talk (Ctrl-C ends it)')
    say = (lambda name, text: lines.append((name, text))) if view.terminal else printer
    with Listener(arguments.namespace, view) as listener, view:
        supervisor = Supervisor(programs, on_line=say, respawn=not arguments.no_respawn)
        code = supervise(supervisor, say, listener.wait, all_needed=True)
    for name, text in lines:
        if code or name == SELF:
            printer(name, text)
    return code


class Listener:
    """A recorder node in this process that feeds the live view."""

    def __init__(self, namespace: str, view: LiveView) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        from omni_agent.nodes.recorder import Recorder

        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('live_view', namespace=namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        Recorder(self._node, view.feed)

    def __enter__(self) -> Listener:
        return self

    def wait(self) -> None:
        """Take messages for POLL_S."""
        until = time.monotonic() + POLL_S
        while time.monotonic() < until:
            self._executor.spin_once(timeout_sec=POLL_S)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        import rclpy

        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()
