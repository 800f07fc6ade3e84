"""What TensorRT calls while it works: the only place with its log and its progress.

They are classes derived from the module's own, which is not imported before it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Callable

LOG_LINES = 3                    # the last complaints say what the first ones caused

Watch = Callable[[str, float], None]      # the phase, and the share done in [0, 1]


def one_line(text: object) -> str:
    return ' '.join(str(text).split())


@dataclass
class _Lines:
    """What the runtime complained about."""

    lines: list[str] = field(default_factory=list)

    def tail(self) -> str:
        return f' ({"; ".join(self.lines[-LOG_LINES:])})' if self.lines else ''


def new_log(trt: ModuleType) -> object:
    """An ILogger that keeps the errors; its ``tail()`` gives the last ones in brackets."""
    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._kept = _Lines()

        def log(self, severity: object, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self._kept.lines.append(one_line(message))

        def tail(self) -> str:
            return self._kept.tail()

        def clear(self) -> None:
            self._kept.lines.clear()

    return Log()


class Progress:
    """Nested phases of known lengths -> one share in [0, 1] that never falls."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int, int]] = []       # name, steps done, steps in all
        self._share = 0.0

    def start(self, name: str, steps: int) -> None:
        self._open.append((name, 0, max(1, steps)))

    def step(self, name: str, number: int) -> None:
        self._open = [(one, number + 1, steps) if one == name else (one, done, steps)
                      for one, done, steps in self._open]

    def finish(self, name: str) -> None:
        names = [one for one, _, _ in self._open]
        if name in names:
            del self._open[len(names) - 1 - names[::-1].index(name)]

    @property
    def phase(self) -> str:
        return self._open[-1][0] if self._open else 'done'

    @property
    def share(self) -> float:
        found, width = 0.0, 1.0
        for _, done, steps in self._open:
            width /= steps
            found += width * min(done, steps)
        self._share = max(self._share, min(found, 1.0)) if self._open else 1.0
        return self._share


def new_monitor(trt: ModuleType, watch: Watch) -> object:
    """An IProgressMonitor. An exception must not pass through the library: it is kept in
    ``error`` and ends the compiling.
    """
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.error: BaseException | None = None
            self._progress = Progress()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._progress.start(phase_name, num_steps)
            self._tell()

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._progress.step(phase_name, step)
            self._tell()
            return self.error is None

        def phase_finish(self, phase_name: str) -> None:
            self._progress.finish(phase_name)
            self._tell()

        def _tell(self) -> None:
            try:
                if self.error is None:
                    watch(self._progress.phase, self._progress.share)
            except BaseException as error:       # Ctrl-C too; raised again when it has stopped
                self.error = error

    return Monitor()
