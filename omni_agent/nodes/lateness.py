"""Whether a model keeps up with what it is given: a slow one is a warning with what to do, until
it is fast enough.
"""

from __future__ import annotations

from .health import SLOW, WARN, Health

MEMORY = 20              # jobs that the mean goes back
WARMING = 3              # first jobs, which are slow and say nothing
ENOUGH = 10              # jobs after those before anything is said
# of what is allowed: below it the warning goes, so that it does not come and go
WELL = 0.8


class Lateness:
    """``part`` ('pace of the detector') takes ``took_s`` for a job where ``allowed_s`` are left
    for one.
    """

    def __init__(self, health: Health, part: str, advice: str) -> None:
        self._health, self._part, self._advice = health, part, advice
        self._share = 0.0
        self._jobs = -WARMING
        self._late = False

    def did(self, took_s: float, allowed_s: float) -> None:
        self._jobs += 1
        if self._jobs <= 0:
            return
        weight = 1.0 / min(self._jobs, MEMORY)
        self._share += weight * (took_s / allowed_s - self._share)
        if self._jobs < ENOUGH:
            return
        if self._share > 1.0 and not self._late:
            self._late = True
            self._health.trouble(
                self._part, WARN,
                f'{SLOW}: {1000 * self._share * allowed_s:.0f} ms for what should take '
                f'{1000 * allowed_s:.0f} ms at most: {self._advice}')
        elif self._share < WELL and self._late:
            self._late = False
            self._health.well(self._part)
