"""Processor time and memory of the processes of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Mapping

import psutil


@dataclass(frozen=True)
class Usage:
    """Share of one core [%] and the largest resident memory [MB] while it was watched."""

    cpu_percent: float
    memory_mb: float


class Watch:
    """``look`` at the processes now and then; ``usage`` says what they took from the first look to
    the last.
    """

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, float]] = {}
        self._last: dict[str, tuple[float, float]] = {}
        self._memory: dict[str, float] = {}
        self._next = 0.0

    def look(self, pids: Mapping[str, int]) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 1.0
        for name, pid in pids.items():
            try:
                process = psutil.Process(pid)
                times, memory = process.cpu_times(), process.memory_info().rss
            except psutil.Error:
                continue                     # it ended between two looks
            self._last[name] = (now, times.user + times.system)
            self._first.setdefault(name, self._last[name])
            self._memory[name] = max(self._memory.get(name, 0.0), memory / 1e6)

    def usage(self) -> dict[str, Usage]:
        found = {}
        for name, (at, cpu) in self._last.items():
            began, before = self._first[name]
            found[name] = Usage(100 * (cpu - before) / max(1e-9, at - began), self._memory[name])
        return found
