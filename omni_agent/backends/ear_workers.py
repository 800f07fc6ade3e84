"""The workers of the listening models where time is simulated: the only place that says when one
of them has answered.

Each model has one as in the node, with its queue. How long an answer takes is known when it is
asked for: as on the day of a recording, as measured on this machine, or no time at all.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Callable, Generic, Iterable, Protocol, TypeVar, Union

from omni_agent.core.ears import Ears, Effect, Recognise, Recognised, TurnEndJudged
from omni_agent.core.percepts import Perceived, as_sent

QUEUE = 2                # jobs that wait, as in the node

Answer = Union[Recognised, TurnEndJudged]
R = TypeVar('R')


@dataclass(frozen=True)
class Job(Generic[R]):
    """Work whose result is there ``takes_s`` after it was begun."""

    takes_s: float
    do: Callable[[], R]


class Listening(Protocol):
    """What the models have to do for a request whose sound ended at ``end``; the second one judges
    the end of the turn, for a final request only.
    """

    def jobs(self, wanted: Recognise, end: float,
             now: float) -> tuple[Job[Recognised], Job[TurnEndJudged] | None]: ...


class Busy(Generic[R]):
    """One job at a time, and so many that wait, None: any; who finds the queue full takes the
    place of the oldest that waits.
    """

    def __init__(self, waits: int | None = QUEUE) -> None:
        self._jobs: deque[tuple[Callable[[], R], float]] = deque(maxlen=waits)
        self._job: Callable[[], R] | None = None
        self.done_s = math.inf

    @property
    def idle(self) -> bool:
        return self._job is None

    def submit(self, job: Callable[[], R], takes_s: float, now: float) -> None:
        if self._job is None:
            self._job, self.done_s = job, now + takes_s
        else:
            self._jobs.append((job, takes_s))

    def result(self) -> R:
        """At ``done_s``; then the next job begins."""
        assert self._job is not None, 'nothing was to be done'
        now, job = self.done_s, self._job
        self._job, self.done_s = None, math.inf
        if self._jobs:
            self.submit(*self._jobs.popleft(), now)
        return job()


class EarWorkers:
    """Give ``is_idle`` to the ears; feed the ears through ``take``, and ask for an ``answer`` when
    one is due.
    """

    def __init__(self, models: Listening) -> None:
        self._models = models
        self._recogniser: Busy[Answer] = Busy()
        self._judge: Busy[Answer] = Busy()
        self.framed = 0                      # frames of sound that were judged

    def is_idle(self) -> bool:
        return self._recogniser.idle

    @property
    def due_s(self) -> float:
        """When the next answer is there; infinity: nothing was asked."""
        return min(self._recogniser.done_s, self._judge.done_s)

    def answer(self, ears: Ears) -> list[Perceived]:
        """The answer that is due, as the ears take it. Raises what the models raise."""
        now = self.due_s
        first = self._recogniser if self._recogniser.done_s <= now else self._judge
        result = first.result()
        return self.take(ears, ears.recognised(result) if isinstance(result, Recognised)
                         else ears.turn_end_judged(result), now)

    def take(self, ears: Ears, effects: Iterable[Effect], now: float) -> list[Perceived]:
        """What of it is told, as others get it; what is asked is put on its way."""
        told = []
        for effect in effects:
            if isinstance(effect, Perceived):
                told.append(as_sent(effect))
            elif isinstance(effect, Recognise):
                self._ask(effect, ears.hearing.time(effect.request.end), now)
            else:
                self.framed += 1
        return told

    def _ask(self, wanted: Recognise, end: float, now: float) -> None:
        words, judged = self._models.jobs(wanted, end, now)
        self._recogniser.submit(words.do, words.takes_s, now)
        if judged is not None:
            self._judge.submit(judged.do, judged.takes_s, now)
