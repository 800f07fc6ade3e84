"""The ears of today on recorded sound, on the recording's own clock: the only place that lets the
listening models answer in a time that is not the processor's.

Each model has a worker as in the node, with its queue, but what it does takes as long as it took
on the day of the recording. So a fast machine hears what a slow one does, and twice the same.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Callable, Generic, Iterable, Sequence, TypeVar, Union

import numpy as np

from omni_agent.backends import RATE, Recogniser, TurnEnd, ear_models
from omni_agent.core.ears import Ears, Effect, Recognise, Recognised, TurnEndJudged
from omni_agent.core.percepts import Kind, Perceived, as_sent
from omni_agent.core.utterance import PRE_ROLL, Request

QUEUE = 2                # jobs that wait, as in the node
# of the recogniser: fixed, and per second of sound; here where nothing is known
Usual = tuple[float, float]
TYPICAL_S: Usual = (0.05, 0.03)
LEAST_S = 0.005
NEAR_S = 0.02            # a recorded answer this near to the end of a request was to this one
# a final result told so long after its silence was certain had waited for a model
WAITED_S = 0.03

Answer = Union[Recognised, TurnEndJudged]
R = TypeVar('R')


@dataclass(frozen=True)
class Told:
    """A percept of then, and when it came [Unix s]."""

    at: float
    perceived: Perceived


@dataclass(frozen=True)
class Answered:
    """A request of then, by the end of its sound: how long the recogniser took, and when the last
    model had answered where that was waited for.
    """

    end: float
    final: bool
    took_s: float
    known_s: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How long the models took then; of requests that nobody made then it is the usual time."""

    answers: tuple[Answered, ...] = ()
    partial: Usual = TYPICAL_S
    final: Usual = TYPICAL_S             # some recognisers take another model for those
    final_s: float = 0.0     # from the end of the sound to final words that were waited for

    def seconds(self, end: float, length_s: float, final: bool) -> float:
        """Of the recogniser."""
        near = self._near(end, final)
        fixed_s, share = self.final if final else self.partial
        return near.took_s if near else max(LEAST_S, fixed_s + share * length_s)

    def known_s(self, end: float) -> float:
        """When both models had answered a final request; 0: there was no waiting for them."""
        near = self._near(end, True)
        return near.known_s if near else end + self.final_s

    def _near(self, end: float, final: bool) -> Answered | None:
        near = [one for one in self.answers
                if one.final is final and abs(one.end - end) <= NEAR_S]
        return min(near, key=lambda one: abs(one.end - end)) if near else None


def pace(recorded: Sequence[Told]) -> Pace:
    """By what the percepts of then say about it."""
    answers, stopped_s = [], -math.inf
    for one in recorded:
        kind = one.perceived.kind
        if kind is Kind.SPEECH_STOPPED:
            stopped_s = one.at
        elif kind in (Kind.PARTIAL, Kind.FINAL) and one.perceived.processing_s > 0.0:
            waited = kind is Kind.FINAL and one.at - stopped_s > WAITED_S
            answers.append(Answered(one.perceived.t, kind is Kind.FINAL,
                                    one.perceived.processing_s, one.at if waited else 0.0))
    waited_s = [one.known_s - one.end for one in answers if one.final and one.known_s]
    often = 2 * len(waited_s) > sum(one.final for one in answers)
    partial, final = (_usual([one.perceived for one in recorded if one.perceived.kind is kind])
                      for kind in (Kind.PARTIAL, Kind.FINAL))
    return Pace(tuple(answers), partial or final or TYPICAL_S, final or partial or TYPICAL_S,
                float(np.median(waited_s)) if often else 0.0)


def _usual(recorded: Sequence[Perceived]) -> Usual | None:
    """None: nothing is known of it."""
    told = [one for one in recorded if one.processing_s > 0.0]
    lengths = [one.t - one.start + PRE_ROLL / RATE for one in told]
    took = [one.processing_s for one in told]
    if not told:
        return None
    if len(told) >= 3 and np.ptp(lengths) >= 0.5:
        share, fixed = (float(value) for value in np.polyfit(lengths, took, 1))
        if share >= 0.0:
            return fixed, share
    return float(np.median(took)), 0.0


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


class HearAgain:
    """Give it to ``ears`` as what asks whether the recogniser is idle; feed the ears through
    ``take``, and fetch ``answers`` when they are due.
    """

    def __init__(self, recognise: Recogniser | None, judge_end: TurnEnd | None,
                 took: Pace) -> None:
        self._recognise, self._judge_end, self._pace = recognise, judge_end, took
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
                self._ask(ears, effect, now)
            else:
                self.framed += 1
        return told

    def _ask(self, ears: Ears, wanted: Recognise, now: float) -> None:
        request, samples = wanted.request, wanted.samples
        end = ears.hearing.time(request.end)
        takes_s = self._pace.seconds(end, (request.end - request.start) / RATE, request.final)
        self._recogniser.submit(lambda: self._transcribe(request, samples, takes_s), takes_s, now)
        if request.final:
            self._judge.submit(lambda: ear_models.judge_end(self._judge_end, request, samples),
                               max(takes_s, self._pace.known_s(end) - now), now)

    def _transcribe(self, request: Request, samples: np.ndarray, takes_s: float) -> Recognised:
        found = ear_models.transcribe(self._recognise, request, samples)
        return Recognised(request, found.text, takes_s, found.cues, found.print)
