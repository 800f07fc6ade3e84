"""Asking before: a plan that waits for a yes. The only place that takes one.

Only a plain yes to the question just asked counts. A no drops the plan, and so does anything else
that is said, or time: a yes that belongs to another question must not set off this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from .params import param
from .skill_gate import SkillWords
from .skill_plan import Plan
from .words import words


@dataclass(frozen=True)
class ConsentParams:
    """How long a question stands."""

    wait_s: float = param(
        15.0, 'a plan that was asked about is dropped after this long without a yes [s]', 1.0,
        120.0)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Carry it out."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Dropped:
    """It is not carried out; ``text`` is to be said. Empty: something else was said, which is to
    be answered.
    """

    text: str


class Consent:
    """At most one plan waits."""

    def __init__(self, language: SkillWords, params: ConsentParams = ConsentParams()) -> None:
        self._language = language
        self._params = params
        self._plan: Plan | None = None
        self._answered: Plan | None = None
        self._until = 0.0

    def ask(self, plan: Plan, now: float) -> str:
        """The question to be said. A plan that waited already is dropped."""
        self._plan, self._until = plan, now + self._params.wait_s
        return self._language.sentences_shall.format(says=plan.says).strip()

    def asked(self, now: float) -> None:
        """The question has been said, only now: the time to answer begins."""
        if self._plan:
            self._until = now + self._params.wait_s

    def hear(self, text: str, now: float) -> Agreed | Dropped | None:
        """What an utterance means for the plan that waits; None: none does."""
        plan = self.waiting(now)
        self.drop()
        self._answered = plan
        if plan is None:
            return None
        said = words(text)
        no, yes = self._is(said, refuses=True), self._is(said, refuses=False)
        if yes and not no:
            return Agreed(plan)
        return Dropped(self._language.sentences_dropped if no else '')

    def take_back(self) -> None:
        """The last answer was not the whole turn: it is heard again, with more behind it."""
        self._plan, self._answered = self._plan or self._answered, None

    def waiting(self, now: float) -> Plan | None:
        return self._plan if now < self._until else None

    def deadline(self) -> float | None:
        """When the plan is dropped."""
        return self._until if self._plan else None

    def drop(self) -> None:
        """At a stop, and when the question was not heard."""
        self._plan = self._answered = None

    def _is(self, said: list[str], refuses: bool) -> bool:
        """All of it is made of a yes and politeness; for a no it is enough to begin or end with
        one.
        """
        language = self._language
        if refuses:
            return bool(said) and (language.refuses.start(said) > 0 or language.refuses.end(said)
                                   or language.negations.anywhere(said))
        either = language.agrees | language.polite | language.closers
        return bool(said) and either.pieces(said) is not None and language.agrees.anywhere(said)
