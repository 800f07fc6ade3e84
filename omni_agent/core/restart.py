"""When to start a process again that has died: soon at first, then ever more patiently."""

from __future__ import annotations

from omni_agent.core.backoff import Backoff

HEALTHY_S = 30.0         # [s] a run this long says the fault is gone: the next death is a first
BAD_CONFIGURATION = 2    # exit code of a process that would only fail the same way again


class Restart:
    """``started`` and ``died`` are told in turns.

    ``due`` is when to start again: None while running, when restarting is switched off, and after
    BAD_CONFIGURATION.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self.count = 0                       # starts after the first one
        self.due: float | None = None
        self._since: float | None = None
        self._backoff = Backoff()            # who cannot run must not eat the CPU of those who can

    def started(self, now: float) -> None:
        self.count += self._since is not None
        self._since = now
        self.due = None

    def died(self, now: float, code: int) -> None:
        assert self._since is not None, 'died before it was started'
        if now - self._since >= HEALTHY_S:
            self._backoff.succeeded()
        if self.enabled and code != BAD_CONFIGURATION:
            self.due = now + self._backoff.failed()
