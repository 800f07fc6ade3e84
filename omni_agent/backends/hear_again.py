"""The ears of today on recorded sound, on the recording's own clock: the only place that knows how
long the listening models took then.

So a fast machine hears what a slow one does, and twice the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np

from omni_agent.backends import RATE, Recogniser, TurnEnd, VoicePrint, ear_models
from omni_agent.backends.ear_workers import EarWorkers, Job
from omni_agent.core.ears import Recognise, Recognised, TurnEndJudged
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.utterance import PRE_ROLL

# of the recogniser: fixed, and per second of sound; here where nothing is known
Usual = tuple[float, float]
TYPICAL_S: Usual = (0.05, 0.03)
LEAST_S = 0.005
NEAR_S = 0.02            # a recorded answer this near to the end of a request was to this one
# a final result told so long after its silence was certain had waited for a model
WAITED_S = 0.03


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


class Recorded:
    """The models of today, as slow as ``took`` says those of then were."""

    def __init__(self, recognise: Recogniser | None, judge_end: TurnEnd | None, took: Pace,
                 voice: VoicePrint | None = None) -> None:
        self._recognise, self._judge_end, self._pace = recognise, judge_end, took
        self._voice = voice

    def jobs(self, wanted: Recognise, end: float,
             now: float) -> tuple[Job[Recognised], Job[TurnEndJudged] | None]:
        request, samples = wanted.request, wanted.samples
        takes_s = self._pace.seconds(end, (request.end - request.start) / RATE, request.final)
        words = Job(takes_s, lambda: self._transcribe(wanted, takes_s))
        if not request.final:
            return words, None
        return words, Job(max(takes_s, self._pace.known_s(end) - now),
                          lambda: ear_models.judge_end(self._judge_end, request, samples))

    def _transcribe(self, wanted: Recognise, takes_s: float) -> Recognised:
        return replace(ear_models.transcribe(self._recognise, wanted, self._voice),
                       seconds=takes_s)


class HearAgain(EarWorkers):
    """The workers of then."""

    def __init__(self, recognise: Recogniser | None, judge_end: TurnEnd | None, took: Pace,
                 voice: VoicePrint | None = None) -> None:
        super().__init__(Recorded(recognise, judge_end, took, voice))
