"""The only place that shows the set-up at work: one line a step, a bar where there is a
terminal.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence, TextIO

from . import SetupError

BAR = 24             # [characters]
REDRAW_S = 0.1
TAIL_LINES = 15      # of a failed command's output, which is where compilers and pip say why

Progress = Callable[[str], Optional[float]]     # output line -> share done [0..1], None = no news


class Step:
    """One line on the terminal: a title, a bar while it runs, the time it took at the end."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stdout.isatty()
        self._began = time.monotonic()
        self._drawn = 0.0
        print(f'  {title} ...', end='' if self._live else '\n', flush=True)

    def show(self, share: float) -> None:
        now = time.monotonic()
        if not self._live or now - self._drawn < REDRAW_S:
            return
        self._drawn = now
        full = round(BAR * min(max(share, 0.0), 1.0))
        print(f'\r  {self._title} [{"#" * full}{"." * (BAR - full)}]', end='', flush=True)

    def done(self) -> None:
        took = f'{time.monotonic() - self._began:.1f} s'
        start = '\r\033[K  ' if self._live else '  '
        print(f'{start}{self._title}: done, {took}', flush=True)

    def failed(self) -> None:
        print('\n' * self._live + f'  {self._title}: failed', flush=True)


def run(title: str, command: Sequence[str], log: Path, advice: str,
        progress: Progress = lambda line: None, env: Mapping[str, str] | None = None) -> None:
    """Runs a command under one line of progress; everything it prints goes to ``log``."""
    step = Step(title)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('w', encoding='utf-8') as file:
        code = _follow(command, file, step, progress, env)
    if code == 0:
        step.done()
        return
    step.failed()
    tail = log.read_text(encoding='utf-8', errors='replace').splitlines()[-TAIL_LINES:]
    raise SetupError('\n'.join([f'{title} failed. Its last words (all of them are in {log}):',
                                *(f'    {line}' for line in tail), advice]))


def _follow(command: Sequence[str], file: TextIO, step: Step, progress: Progress,
            env: Mapping[str, str] | None) -> int:
    file.write(' '.join(command) + '\n')
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL, text=True, errors='replace',
                                 env={**os.environ, **(env or {})})
    except OSError as error:
        file.write(f'{command[0]}: {error.strerror}\n')
        return 127
    share = 0.0
    with child:
        for line in child.stdout:
            file.write(line)
            news = progress(line)
            share = share if news is None else news
            step.show(share)
    return child.returncode
