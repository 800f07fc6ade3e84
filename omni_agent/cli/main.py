"""``omni-agent``: finds the module behind a subcommand; a failure becomes one line and a code."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Sequence

import omni_agent
from omni_agent.core.errors import OmniAgentError

# Subcommand -> module of omni_agent.cli. Its ``add_parser(subparsers)`` adds all its subcommands,
# each with ``set_defaults(run=...)``: run(arguments) -> exit code or None.
COMMANDS = {'up': 'up', 'talk': 'talk', 'demo': 'demo', 'models': 'models', 'report': 'report',
            'bench': 'bench', 'watch': 'watch', 'doctor': 'doctor',
            'record': 'record', 'replay': 'replay'}
FAILED, INTERRUPTED, READER_GONE = 2, 130, 141       # the last two as in a shell: 128 + signal


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 or whatever the subcommand says; 2 for our own errors; 130 for Ctrl-C."""
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = _parser(argv).parse_args(argv)
        return arguments.run(arguments) or 0
    except OmniAgentError as error:
        print(f'omni-agent: {error}', file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:     # a command imports what it needs when it runs
        if not _of_others(error):
            raise
        print(f'omni-agent: {_unable(argv[0], error)}', file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:                  # "omni-agent models list | head"
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())   # else the final flush complains
        return READER_GONE


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='omni-agent', description=omni_agent.__doc__)
    parser.add_argument('--version', action='version',
                        version=f'omni-agent {omni_agent.__version__}')
    subparsers = parser.add_subparsers(metavar='COMMAND', required=True)
    wanted = COMMANDS.get(argv[0]) if argv else None     # only that one, so that it starts fast
    for module in [wanted] if wanted else dict.fromkeys(COMMANDS.values()):
        try:
            if loaded := _load(module):
                loaded.add_parser(subparsers)
        except ImportError as error:
            if wanted:
                raise OmniAgentError(_unable(argv[0], error)) from error
            _add_broken(subparsers, module, error)
    return parser


def _load(module: str) -> ModuleType | None:
    name = f'omni_agent.cli.{module}'
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _unable(command: str, error: ImportError) -> str:
    mend = '; in the checkout run "make setup", or "pip install .[run]" for a Python of your own'
    return f'{command!r} cannot run here: {error}{mend if _of_others(error) else ""}'


def _of_others(error: ImportError) -> bool:
    """Whether a library is missing, and not a part of this package."""
    return bool(error.name) and error.name.split('.')[0] not in ('omni_agent', 'omni_agent_msgs')


def _add_broken(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], module: str,
                error: ImportError) -> None:
    """Commands whose module cannot be imported stay in the list, with the reason."""
    reason = str(error).replace('%', '%%')               # argparse formats help texts
    for command, its_module in COMMANDS.items():
        if its_module == module and command not in subparsers.choices:
            subparsers.add_parser(command, help=f'not available: {reason}')


if __name__ == '__main__':
    sys.exit(main())
