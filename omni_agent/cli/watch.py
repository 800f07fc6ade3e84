"""``omni-agent watch``: a window in the browser on an agent that runs already."""

from __future__ import annotations

import argparse
import os
import sys

from omni_agent import graph, ros_env
from omni_agent.core.errors import ConfigError
from omni_agent.core.web_gate import check_token

NODE = 'window'
FOXGLOVE = 8765            # where the Foxglove app looks first
TOKEN_VARIABLE = 'OMNI_AGENT_WATCH_TOKEN'


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        'watch', help='show everything in a browser', description=
        'Show what the agent hears, thinks, says and does in a browser, with a button that stops '
        'it. It '
        'costs the robot nothing while no browser is open. From another machine: '
        '"ssh -L 8742:localhost:8742 ROBOT", or --host.')
    add = parser.add_argument
    add('--namespace', default='', metavar='NAME', help='namespace of the agent')
    add(
        '--host', default='', metavar='ADDRESS', help=
        'address to listen at (default: this machine alone); any other needs a token, which is '
        'then printed. What '
        'is sent is not encrypted')
    add('--port', type=int, metavar='PORT', help='default: 8742')
    add('--token', default='', metavar='TOKEN',
        help=f'token of your own, better in ${TOKEN_VARIABLE}')
    add(
        '--foxglove', type=int, nargs='?', const=FOXGLOVE, metavar='PORT', help=
        f'also open a WebSocket for the Foxglove app, on this machine alone (default port: '
        f'{FOXGLOVE})'
    )
    add('--params-file', default='', metavar='FILE', help='YAML file of your own')
    add('--use-sim-time', action='store_true', help='take the time from /clock')
    add('--log-level', default='info', choices=graph.LOG_LEVELS, help='default: info')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Becomes the node, so that it gets our signals; does not return."""
    from omni_agent.cli.up import require_ros

    require_ros()
    command, environment = command_of(arguments)
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def command_of(arguments: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """What is run instead of this process. The token is not in the command, which everybody may
    list.
    """
    if arguments.token:
        check_token(arguments.token)
    given: dict[str, graph.Value] = {}
    for name, value in (('host', arguments.host), ('port', arguments.port), ('foxglove_port',
                                                                             arguments.foxglove)):
        if value not in ('', None):
            given[name] = value
    for name in ('port', 'foxglove_port'):
        if not 0 <= int(given.get(name, 0)) <= 65535:
            raise ConfigError(f'port {given[name]} does not exist: choose one from 1 to 65535')
    spec = next(spec for spec in graph.OPTIONAL if spec.name == NODE)
    words = graph.arguments(spec, arguments.namespace, arguments.params_file,
                            use_sim_time=arguments.use_sim_time, log_level=arguments.log_level,
                            overrides={NODE: given})
    token = {TOKEN_VARIABLE: arguments.token} if arguments.token else {}
    return ([sys.executable, '-m', spec.module, *words],
            {**os.environ, **ros_env.prepare(os.environ), **token})
