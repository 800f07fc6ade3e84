"""``omni-agent up``: the whole graph under our own supervisor, where launch is not installed."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import time
from types import FrameType
from typing import Callable

from omni_agent import graph
from omni_agent.cli.child import Program
from omni_agent.cli.supervisor import SELF, Supervisor
from omni_agent.core.errors import ConfigError

POLL_S = 0.05                            # [s] output comes in chunks this old at most
COLOURS = (36, 32, 35, 33, 34, 31)       # ANSI foregrounds, in the order of the table
BOLD = 1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = 'run all nodes and keep them running'
    parser = subparsers.add_parser('up', help=words, description=words.capitalize() + '.')
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which graph is to run, named as the launch file names them."""
    add = parser.add_argument
    add('--namespace', default='', metavar='NAME', help='namespace of all nodes and topics')
    add('--params-file', default='', metavar='FILE',
        help="YAML file of your own, read after the package's defaults and the profile")
    add('--profile', default='default', metavar='NAME',
        help=f'set of models and rates for this machine: {_profiles()} (default: default)')
    add('--use-sim-time', action='store_true', help='take the time from /clock')
    add('--log-level', default='info', choices=graph.LOG_LEVELS, help='default: info')
    add('--no-respawn', action='store_true', help='leave a node that ends by itself ended')
    for spec in graph.GRAPH:
        if spec.device:
            add(f'--{spec.name}', dest=spec.device, default='', metavar='DEVICE',
                help=f'device of the {spec.name} node, instead of the one in the YAML files')
    add('--without', default='', metavar='NODE[,NODE]',
        help='nodes that are not to run, e.g. because drivers of your own stand in')
    add(
        '--skills', default='', metavar='LIST', help=
        'let the robot do what it is asked: default, simulated (with a simulated robot), or files '
        'and '
        'Python modules of your own')
    add(
        '--also', default='', metavar='NODE[,NODE]', help=
        f'optional nodes that are to run, of: {", ".join(spec.name for spec in graph.OPTIONAL)}')
    add('--watch', action='store_true', help='show everything in a browser on this machine')
    add('--set', action='append', default=[], metavar='NODE.PARAMETER=VALUE',
        help='set one parameter; may be given several times')


def run(arguments: argparse.Namespace) -> int:
    """Until Ctrl-C or until nothing is left to run. 0 when every node ended cleanly, else 1."""
    programs = programs_of(arguments)
    require_ros()
    printer = Printer([program.name for program in programs])
    supervisor = Supervisor(programs, on_line=printer, respawn=not arguments.no_respawn)
    return supervise(supervisor, printer)


def programs_of(arguments: argparse.Namespace) -> list[Program]:
    """What ``add_options`` gathered, as processes to run."""
    from omni_agent.cli import given_parameters      # needs numpy, and the rest here does not

    devices = {device: getattr(arguments, device) for device in graph.DEVICES}
    overrides = {**graph.device_overrides(devices), **graph.skill_overrides(arguments.skills)}
    for node, values in given_parameters.settings(arguments.set).items():
        overrides.setdefault(node, {}).update(values)
    for words in given_parameters.in_vain(arguments.params_file):
        print(f'omni-agent: {words}', file=sys.stderr)
    specs = graph.running(graph.names(arguments.without), arguments.watch,
                          [*graph.names(arguments.also), *graph.skill_nodes(arguments.skills)])
    return [Program(spec.name, spec.module, tuple(graph.arguments(
        spec, arguments.namespace, arguments.params_file, arguments.profile,
        arguments.use_sim_time, arguments.log_level, overrides))) for spec in specs]


def supervise(supervisor: Supervisor, printer: Printer,
              wait: Callable[[], None] = lambda: time.sleep(POLL_S),
              all_needed: bool = False) -> int:
    """Start, wait for a signal, stop. A second Ctrl-C kills what still runs.

    ``wait`` passes the time between two looks, POLL_S or so; with ``all_needed`` a node that will
    not be started again ends everything.
    """
    asked: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        if asked:
            supervisor.hurry()
        asked.append(number)

    before = {number: signal.signal(number, on_signal)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        supervisor.start()
        while not (asked or supervisor.finished):
            deaths = supervisor.poll()
            if all_needed and any(death.restart_in_s is None for death in deaths):
                break
            wait()
        if asked:
            printer(SELF, 'stopping; once more to kill what still runs')
        return verdict(supervisor.stop(), printer)
    finally:
        supervisor.hurry()
        supervisor.stop()                # nothing left to do unless something was raised above
        for number, handler in before.items():
            signal.signal(number, handler)


def verdict(codes: dict[str, int], printer: Printer) -> int:
    """0 when all exit codes are; otherwise says which are not, and 1."""
    unclean = [f'{name} with {code}' for name, code in codes.items() if code]
    if unclean:
        printer(SELF, f'these nodes did not end cleanly: {", ".join(unclean)}')
    return 1 if unclean else 0


class Printer:
    """Prints lines behind the name of who said them, in colour on a terminal."""

    def __init__(self, names: list[str], coloured: bool | None = None) -> None:
        if coloured is None:
            coloured = sys.stdout.isatty() and not os.environ.get('NO_COLOR')
        width = max(map(len, [SELF, *names]))
        colours = {SELF: BOLD, **{name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}}
        self._prefixes = {
            name: f'\x1b[{colour}m{name:>{width}} |\x1b[0m ' if coloured else f'{name:>{width}} | '
            for name, colour in colours.items()}

    def __call__(self, name: str, text: str) -> None:
        for line in text.split('\n'):
            print(self._prefixes[name] + line, flush=True)


def require_ros() -> None:
    """ConfigError that says what to do, where rclpy or the messages are not installed."""
    if not _is_installed('rclpy'):
        raise ConfigError("no rclpy for this Python: source a ROS 2 installation, or run 'make "
                          "setup' in the checkout, which installs ROS 2 from wheels")
    if not _is_installed('omni_agent_msgs'):
        raise ConfigError(
            'the message package omni_agent_msgs is not built: in a workspace run '
            "'colcon build --base-paths src/omni_agent src/omni_agent/omni_agent_msgs' and source "
            "install/setup.bash; in a checkout run 'make setup'")


def _is_installed(package: str) -> bool:
    # Seen from the checkout, the sources of the messages pass for a namespace package: no origin.
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def _profiles() -> str:
    try:
        return ', '.join(graph.profiles()) or 'none installed'
    except ConfigError as error:
        return str(error).replace('%', '%%')       # argparse formats help texts
