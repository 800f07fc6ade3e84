"""The only place that makes the peers' virtual environment, once, and says whether it is ready."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence, Union

from . import PeerError
from .child import running
from .console import Bar

REQUIREMENTS = Path(__file__).resolve().parent.parent / 'requirements.txt'
OLDEST, NEWEST = (3, 11), (3, 14)     # pipecat-ai 1.14.0 needs the one, livekit-agents the other
STAMP = 'requirements.sha256'         # inside the environment: written when all is installed
TAIL_LINES = 8
ONLINE = ('Check that this machine reaches its Python package index, then run the same again. '
          'About 750 MB are installed, once.')

Find = Callable[[str], Union[str, None]]     # name of a program -> its path


@dataclass(frozen=True)
class Step:
    title: str
    command: tuple[str, ...]
    advice: str


def working(name: str) -> str | None:
    """The path of a Python that starts; a version manager's shim may be there without one."""
    path = shutil.which(name)
    if path is None:
        return None
    started = subprocess.run([path, '-c', ''], capture_output=True, check=False)
    return path if started.returncode == 0 else None


def folder() -> Path:
    """Where the environment is unless --venv names another place."""
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(cache) / 'omni_agent' / 'peers-venv'


def python(venv: Path) -> Path:
    return venv / 'bin' / 'python'


def ready(venv: Path) -> bool:
    """Whether every pinned package has been installed into it."""
    try:
        return python(venv).exists() and (venv / STAMP).read_text() == _pins()
    except OSError:
        return False


def plan(venv: Path, find: Find = working) -> list[Step]:
    """What has to be run; nothing for an environment that is ready. Raises PeerError."""
    if ready(venv):
        return []
    if venv.exists() and any(venv.iterdir()) and not (venv / 'pyvenv.cfg').exists():
        raise PeerError(f'{venv} is not a virtual environment; name another place with --venv.')
    base = interpreter(sys.version_info[:2], find)
    return [Step('virtual environment', (base, '-m', 'venv', '--clear', str(venv)),
                 f'On Debian and Ubuntu the module is a package: apt-get install python3-venv. '
                 f'Or delete {venv}.'),
            Step('pipecat-ai and livekit-agents',
                 (str(python(venv)), '-m', 'pip', 'install', '--disable-pip-version-check',
                  '--no-input', '--retries', '2', '--timeout', '15', '--progress-bar', 'off', '-r',
                  str(REQUIREMENTS)), ONLINE)]


def interpreter(running: tuple[int, ...], find: Find = working) -> str:
    """This Python where the peers run on it, else the newest one installed that will do."""
    if OLDEST <= tuple(running) <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = find(f'python3.{minor}')
        if found:
            return found
    raise PeerError(f'The peers need Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, this is '
                    f'{running[0]}.{running[1]}. Install one beside it (on Debian and Ubuntu: '
                    'python3.12 and python3.12-venv) and run the same again.')


def make(venv: Path) -> None:
    """Carry out the plan, with a line a step. Raises PeerError with the reason; half an
    environment is never left behind.
    """
    try:
        steps = plan(venv)
        if steps:
            _carry_out(steps, venv)
    except OSError as error:
        raise PeerError(f'{venv} cannot be made: {error.strerror}: {error.filename}. Name another '
                        'place with --venv.') from error


def _carry_out(steps: Sequence[Step], venv: Path) -> None:
    log = venv.with_name(venv.name + '.log')
    venv.parent.mkdir(parents=True, exist_ok=True)
    try:
        for step in steps:
            with Bar(step.title, _pins_count()) as bar:
                code = _follow(step.command, log, bar)
            if code:
                raise PeerError(_why(step, log))
        (venv / STAMP).write_text(_pins())
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)      # the plan has seen that it is no other folder
        raise


def _follow(command: Sequence[str], log: Path, bar: Bar) -> int:
    collected = 0
    with log.open('w', encoding='utf-8') as file, running(command, subprocess.STDOUT) as child:
        for line in child.stdout or ():
            file.write(line)
            collected += line.startswith('Collecting ')
            bar.show(collected)
    return child.returncode


def _why(step: Step, log: Path) -> str:
    tail = log.read_text(encoding='utf-8', errors='replace').splitlines()[-TAIL_LINES:]
    return '\n'.join([f'{step.title} failed. Its last words (all of them are in {log}):',
                      *(f'    {line}' for line in tail), step.advice])


def _pins() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def _pins_count() -> int:
    return sum('==' in line for line in REQUIREMENTS.read_text(encoding='utf-8').splitlines())
