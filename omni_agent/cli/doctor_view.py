"""How the findings of a check look: a table that grows in a terminal, one plain line each anywhere
else.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Callable, Iterator, Mapping, Protocol, TextIO

from omni_agent.core.checkup import Finding, Level

MARKS = {Level.OK: ('✔', 'green3'), Level.NOTE: ('•', 'gold3'), Level.WRONG: ('✘', 'bold red1')}
NAME = 18                 # [characters] of the column that says what was looked at

Show = Callable[[Finding], None]


class View(Protocol):
    """Shows sections as they are looked at, and the verdict."""

    def section(self, name: str, title: str):  # noqa: ANN201 - a context that gives a Show
        ...

    def verdict(self, counts: Mapping[Level, int], seconds: float) -> None: ...


def verdict(counts: Mapping[Level, int], seconds: float) -> str:
    notes = f'{counts[Level.NOTE]} note{"s" * (counts[Level.NOTE] != 1)}'
    return f'{counts[Level.OK]} ok, {notes}, {counts[Level.WRONG]} wrong, in {seconds:.1f} s'


class Plain:
    """One line a finding: level, section, what, text, and what to do behind an arrow."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    @contextmanager
    def section(self, name: str, title: str) -> Iterator[Show]:
        def show(one: Finding) -> None:
            advice = f' -> {one.advice}' if one.advice else ''
            print(f'{one.level.value:6}{name:11}{one.what}: {one.text}{advice}', file=self._stream,
                  flush=True)
        yield show

    def verdict(self, counts: Mapping[Level, int], seconds: float) -> None:
        print(verdict(counts, seconds), file=self._stream, flush=True)


class Rich:
    """A heading a section, a spinner while it is looked at, and a row a finding."""

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console
        self._console = Console(file=stream, highlight=False)

    @contextmanager
    def section(self, name: str, title: str) -> Iterator[Show]:
        from rich.text import Text
        self._console.print(Text.assemble((f'\n{name}', 'bold'), (f'  {title}', 'grey50')))
        with self._console.status(f'[grey50]{title}', spinner='dots'):
            yield self._row

    def _row(self, one: Finding) -> None:
        from rich.table import Table
        from rich.text import Text
        mark, colour = MARKS[one.level]
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=3, justify='right')
        grid.add_column(width=NAME, overflow='fold')
        grid.add_column(ratio=1, overflow='fold')
        words = Text(one.text)
        if one.advice:
            words.append(f'\n→ {one.advice}', colour)
        grid.add_row(Text(mark, colour), Text(one.what, '' if one.level is Level.OK else colour),
                     words)
        self._console.print(grid)

    def verdict(self, counts: Mapping[Level, int], seconds: float) -> None:
        from rich.text import Text
        colour = 'red1' if counts[Level.WRONG] else 'green3'
        self._console.print(Text(f'\n{verdict(counts, seconds)}', f'bold {colour}'))
