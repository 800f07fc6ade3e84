"""Which specialist worked at an answer, why, and what it cost: the only place that knows how an
answer came about, as AnswerRoute.msg shows it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

KEPT = 8                     # utterances of which it is known who worked at them

RECOGNISER, ADDRESSEE, ENDING = 'speech recogniser', 'addressee', 'sentence end'
PHRASES, SKILLS, MEMORY = 'phrases', 'skills', 'memory'
OVERVIEW, CLOSER, LOOKOUT = 'overview', 'closer look', 'lookout'
LLM, CLAIMS, VOICE = 'language model', 'claims', 'voice'


@dataclass(frozen=True, slots=True)
class Step:
    """``cost_ms``: of its own time; NaN = not measured. ``frames``: pictures that it rests on.
    ``tokens``: that a language model read or wrote for it.
    """

    specialist: str
    why: str
    cost_ms: float = math.nan
    frames: int = 0
    tokens: int = 0

    def __str__(self) -> str:
        cost = '' if math.isnan(self.cost_ms) else f' {self.cost_ms:.3g} ms'
        return f'{self.specialist}{cost} ({self.why})'


class Tokens(Protocol):
    """Of one request to a language model: read anew, known from before, and written."""

    @property
    def read(self) -> int: ...

    @property
    def kept(self) -> int: ...

    @property
    def written(self) -> int: ...


def recognised(text: str, seconds: float) -> Step:
    return Step(RECOGNISER, f'"{text}"', 1000 * seconds)


def searched(route: str, lines: int, seconds: float) -> Step:
    """Long-term memory; without a ``route`` the question is not about the past, or has no answer
    there.
    """
    why = f'{route}: {lines} lines' if route else 'no answer there'
    return Step(MEMORY, why, 1000 * seconds)


def inspected(seen: str, seconds: float) -> Step:
    """The reaction's half of seeing: one picture, in full detail, for one question."""
    return Step(CLOSER, seen, 1000 * seconds, 1) if seen else Step(CLOSER, 'nobody looked in time')


def written(seconds: float, first_s: float, spent: Tokens | None) -> Step:
    """``spent`` None: the model does not count."""
    why = f'wrote the reply, its first word after {first_s:.2f} s'
    if spent is None:
        return Step(LLM, why, 1000 * seconds)
    why = f'{why}: read {spent.read} tokens, knew {spent.kept}, wrote {spent.written}'
    return Step(LLM, why, 1000 * seconds, tokens=spent.read + spent.written)


def doubted(sentence: str, verdict: str, why: str, before: Step | None) -> Step:
    """A sentence claimed to see what was not seen."""
    told = f'"{sentence}" {verdict}: {why}'
    return Step(CLAIMS, f'{before.why}; {told}' if before else told)


def voiced(seconds: float, before: Step | None) -> Step:
    """One sentence more."""
    cost_ms = 1000 * seconds + (before.cost_ms if before else 0.0)
    return Step(VOICE, 'spoke it', cost_ms)


class Answering:
    """What is found out about an utterance comes before anybody knows that it needs an answer;
    ``begin`` takes it over. Times are of any clock that does not go back [s].
    """

    def __init__(self) -> None:
        self._heard: dict[int, list[Step]] = {}          # by utterance, the newest last
        self._asked: dict[str, float] = {}               # when, by specialist
        self._key: tuple[int, str] | None = None
        self._steps: list[Step] = []
        self._told: tuple[int, str] | None = None

    def heard(self, utterance: int, step: Step) -> None:
        """Somebody worked at what was said. The same specialist again: the newest counts."""
        steps = self._heard.setdefault(utterance, [])
        steps[:] = [one for one in steps if one.specialist != step.specialist] + [step]
        while len(self._heard) > KEPT:
            del self._heard[min(self._heard)]

    def asked(self, specialist: str, t: float) -> None:
        self._asked[specialist] = t

    def took_ms(self, specialist: str, t: float) -> float:
        """Since it was asked; NaN where nobody asked."""
        return 1000 * (t - self._asked.pop(specialist, math.nan))

    def begin(self, epoch: int, brief: str, utterance: int | None) -> None:
        """An answer to ``brief`` is thought of; ``utterance`` None: nobody spoke."""
        if (epoch, brief) != self._key:
            self._key = epoch, brief
            self._steps = list(self._heard.pop(utterance, ())) if utterance is not None else []

    def add(self, step: Step) -> None:
        self._steps.append(step)

    def done(self, epoch: int, brief: str) -> tuple[Step, ...]:
        """All of them, once for each answer; () if they were told or nobody thought of it."""
        if self._key != (epoch, brief) or self._told == self._key:
            return ()
        self._told = self._key
        return tuple(self._steps)
