"""The only place that shows progress: a bar on a terminal, two lines elsewhere."""

from __future__ import annotations

import sys
import time

WIDTH = 24


class Bar:
    def __init__(self, title: str, total: int) -> None:
        self._title, self._total = title, max(total, 1)
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()

    def __enter__(self) -> Bar:
        self._say(f'  {self._title} ...', '' if self._live else '\n')
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        took = f'{time.monotonic() - self._began:.0f} s'
        self._say(f'\r\033[K  {self._title}: {took}' if self._live else f'  {self._title}: {took}')

    def show(self, done: int) -> None:
        if self._live:
            full = WIDTH * min(done, self._total) // self._total
            self._say(f'\r  {self._title} [{"#" * full}{"." * (WIDTH - full)}] '
                      f'{done}/{self._total}', '')

    @staticmethod
    def _say(text: str, end: str = '\n') -> None:
        print(text, end=end, file=sys.stderr, flush=True)
