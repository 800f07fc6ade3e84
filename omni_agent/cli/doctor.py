"""``omni-agent doctor``: looks at everything the agent needs; each line is ok, a note, or wrong
with what to do.

Each section is looked at by a process of its own (doctor_probe), so that a driver that hangs or a
library that crashes costs that section a line and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Callable, Iterator

import omni_agent
from omni_agent import graph, ros_env
from omni_agent.cli.doctor_probe import SECTIONS, Wanted
from omni_agent.cli.doctor_view import Plain, Rich, View
from omni_agent.cli.hardware import hardware
from omni_agent.cli.supervisor import child_environment
from omni_agent.core.checkup import Finding, Level, read, tally, wrong
from omni_agent.core.errors import ConfigError, WireError

REPORT_VERSION = 1
LIMIT_S = 30.0            # [s] for a section; the slowest take five on two slow cores
LAST_WORDS = 400          # [characters] of a process that died

Found = dict[str, list[Finding]]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = 'look at devices, ROS, engines, models, disk and clock; say what is wrong and what to do'
    parser = subparsers.add_parser(
        'doctor', help=words,
        description=words.capitalize() + '. Exit code 1 when something is wrong.')
    add = parser.add_argument
    add('--only', default='', metavar='SECTION[,SECTION]', help=f'some of: {", ".join(SECTIONS)}')
    add('--open', action='store_true',
        help='also open the devices: one second of sound and one picture')
    add('--params-file', default='', metavar='FILE',
        help='YAML file that you start the agent with')
    add('--profile', default='default', metavar='NAME',
        help='profile that you start the agent with')
    add('--json', type=Path, metavar='FILE', help='write every finding into a file')
    add('--limit', type=float, default=LIMIT_S, metavar='SECONDS',
        help='longest time for a section (default: %(default)g)')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0, or 1 when something is wrong."""
    sections = _chosen(arguments.only)
    # a wrong name is said before anything starts
    graph.parameter_files(arguments.params_file, arguments.profile)
    wanted = Wanted(
        str(arguments.params_file and Path(arguments.params_file).expanduser().absolute()),
        arguments.profile, arguments.open, tuple(ros_env.prepare(os.environ)))
    view: View = Rich() if sys.stdout.isatty() else Plain()
    began = time.monotonic()
    found: Found = {}
    for section in sections:
        with view.section(section, SECTIONS[section]) as show:
            found[section] = look_at(section, wanted, arguments.limit, show)
    seconds = time.monotonic() - began
    view.verdict(tally([one for findings in found.values() for one in findings]), seconds)
    if arguments.json:
        write(arguments.json, found, seconds)
    return (1 if any(one.level is Level.WRONG for findings in found.values()
                     for one in findings) else 0)


def _chosen(only: str) -> list[str]:
    names = graph.names(only)
    for name in names:
        if name not in SECTIONS:
            raise ConfigError(
                f'there is nothing called {name!r} to look at: choose from {", ".join(SECTIONS)}')
    return names or list(SECTIONS)


def look_at(
    section: str, wanted: Wanted, limit_s: float,
    show: Callable[[Finding], None] = lambda one: None, command: tuple[str, ...] = ()
) -> list[Finding]:
    """What a section found, each shown as it comes, and what became of its process if it did not
    end as it should.
    """
    found: list[Finding] = []

    def take(one: Finding) -> None:
        found.append(one)
        show(one)

    command = (command or (sys.executable, '-m', 'omni_agent.cli.doctor_probe', section,
                           json.dumps(asdict(wanted))))
    with tempfile.TemporaryFile() as complaints, _child(command, complaints) as child:
        for line in _lines(child, limit_s):
            try:
                take(read(line))
            except WireError:
                continue                         # a library's own words
        if child.poll() is None:
            take(
                wrong(
                    section, f'no answer within {limit_s:g} s, so this was given up',
                    'something that it asks for hangs: look at the line before, or wait longer '
                    'with --limit'
                ))
        elif child.returncode:
            take(
                wrong(
                    section,
                    f'the check ended with {_ending(child.returncode)}{_last_words(complaints)}',
                    'a library of this part is broken: install it again, or report this'))
    return found


@contextmanager
def _child(command: tuple[str, ...], complaints: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own, which ends with the context: a Ctrl-C is for us, and nothing is
    left behind.
    """
    child = subprocess.Popen(command, env=child_environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=complaints, start_new_session=True)
    try:
        yield child
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert child.stdout
        child.stdout.close()


def _lines(child: subprocess.Popen[bytes], limit_s: float) -> Iterator[str]:
    """Lines of output until it ends, or until the time is over."""
    deadline = time.monotonic() + limit_s
    assert child.stdout
    rest = b''
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return
            piece = os.read(child.stdout.fileno(), 65536)
            if not piece:
                _wait(child, max(0.0, deadline - time.monotonic()))
                return
            *whole, rest = (rest + piece).split(b'\n')
            yield from (line.decode(errors='replace') for line in whole)


def _wait(child: subprocess.Popen[bytes], limit_s: float) -> None:
    try:
        child.wait(limit_s)
    except subprocess.TimeoutExpired:
        # its threads hang: the caller sees that it still runs
        return


def _ending(code: int) -> str:
    return f'exit code {code}' if code > 0 else signal.Signals(-code).name


def _last_words(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = [
        line.strip() for line in complaints.read().decode(errors='replace').splitlines()
        if line.strip()
    ]
    return f' ({lines[-1][-LAST_WORDS:]})' if lines else ''


def write(path: Path, found: Found, seconds: float) -> None:
    """Raises ConfigError for a file that cannot be written."""
    findings = [{
        'section': section,
        **asdict(one)
    } for section, several in found.items() for one in several]
    report = {
        'version': REPORT_VERSION,
        'omni_agent': omni_agent.__version__,
        'unix_s': round(time.time(), 3),
        'seconds': round(seconds, 3),
        'hardware': hardware(),
        'findings': findings,
        'counts': {
            level.value: count
            for level, count in tally([one for several in found.values()
                                       for one in several]).items()
        }
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding='utf-8')
    except OSError as error:
        raise ConfigError(
            f'{path} cannot be written ({error.strerror}): name another file') from error
