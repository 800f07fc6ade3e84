"""How long to wait before the next attempt at something that has failed."""

from __future__ import annotations


class Backoff:
    """``first_s`` after the first failure, twice as long after each further one."""

    def __init__(self, first_s: float = 0.5, longest_s: float = 8.0, factor: float = 2.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._factor = factor
        self._next_s = first_s
        self.failures = 0                    # since the last success

    def failed(self) -> float:
        """Seconds to wait before trying again."""
        wait_s = self._next_s
        self._next_s = min(self._longest_s, wait_s * self._factor)
        self.failures += 1
        return wait_s

    def succeeded(self) -> None:
        self._next_s = self._first_s
        self.failures = 0
