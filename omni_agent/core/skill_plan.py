"""What somebody said -> a plan of calls, a polite no, or nothing: phrases first, then the language
model.

``quick`` takes well under a millisecond and needs no model: it may run anywhere. ``plan`` may wait
for the language model and belongs on a worker thread. Text that was read in a picture never comes
here: the only way in is what a person said or typed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Mapping, Sequence

from .errors import BackendError
from .params import param
from .prompts import Prompt
from .skill_gate import Kind, SkillWords
from .skill_ground import grounded
from .skill_prompt import copied, named, names_schema, prompt, texts_prompt, texts_schema
from .skill_steps import Step, Steps
from .skills import Call, Refused, Skills

# A prompt and a JSON schema -> JSON text. Raises BackendError.
Ask = Callable[[Prompt, Mapping[str, object]], str]
# [messages] of the prompt read at once: questions and their answers stay together
PART = 16
LONGEST_PART = 80            # [characters] of a part that is repeated to the person


@dataclass(frozen=True)
class PlannerParams:
    """How much may be asked for at once."""

    most_steps: int = param(4, 'steps of one request', 1, 20)


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls in their order; ``says`` is one sentence about all of them. ``by_model``: not by
    phrases alone.
    """

    calls: tuple[Call, ...]
    says: str
    by_model: bool = False

    @property
    def confirm(self) -> bool:
        return any(call.skill.confirm for call in self.calls)


@dataclass(frozen=True, slots=True)
class Declined:
    """``text`` is to be said; ``why`` is for the log, and says what the model answered if it was
    asked.
    """

    text: str
    why: str = ''


@dataclass(frozen=True, slots=True)
class Unclear:
    """A request, in words that no phrase covers: ask ``plan``."""

    steps: tuple[Step, ...]


class Planner:
    """``ask`` is the language model under a schema; without one only the phrases count."""

    def __init__(self, skills: Skills, language: SkillWords, ask: Ask | None = None,
                 params: PlannerParams = PlannerParams(), names: Sequence[str] = ()) -> None:
        self.skills = skills
        self._language = language
        self._ask = ask
        self._params = params
        self._steps = Steps(skills, language, names)
        self._names, self._prompt = names_schema(skills), prompt(skills, language.foreign)

    def quick(self, text: str) -> Plan | Declined | Unclear | None:
        """By the phrases; None: not a request. Never asks the model."""
        steps = self._steps.read(text)
        asked = [step for step in steps if step.kind in (Kind.REQUEST, Kind.LATER)]
        if not asked:
            return None
        beside = {
            step.kind
            for step in steps if step.sentence in {step.sentence
                                                   for step in asked}
        }
        # 'Anna, go to the kitchen': not for the robot, or not a request
        if Kind.OTHER in beside:
            return None
        if Kind.UNSURE in {step.kind for step in steps}:
            return Declined(self._language.sentences_unsure,
                            'denied or quoted words beside a request')
        if beside & {Kind.CONDITION, Kind.LATER}:
            return Declined(self._language.sentences_condition, 'a condition or a time')
        return self._decided(tuple(asked), by_model=False)

    def plan(self, text: str) -> Plan | Declined | None:
        """The same, with the language model's help where it is needed. Waits for it."""
        found = self.quick(text)
        return self._by_model(found) if isinstance(found, Unclear) else found

    def warm(self) -> None:
        """Ask something for nothing, so that a model which keeps what prompts begin with has read
        it. Raises BackendError. In parts: a model that reads cannot be ended.
        """
        if self._ask:
            for end in (*range(1 + PART, len(self._prompt), PART), len(self._prompt)):
                self._ask((*self._prompt[:end], ('user', 'Hello')), self._names)

    def _decided(self, steps: tuple[Step, ...], by_model: bool) -> Plan | Declined | Unclear:
        refused = next((step.outcome for step in steps if isinstance(step.outcome, Refused)), None)
        if refused:
            return Declined(refused.why, 'refused by the skill')
        if len(steps) > self._params.most_steps:
            return Declined(self._language.sentences_steps.format(most=self._params.most_steps),
                            f'{len(steps)} steps')
        calls = tuple(step.outcome for step in steps if isinstance(step.outcome, Call))
        if len(calls) == len(steps):
            return Plan(calls, announced(calls), by_model)
        return Unclear(steps) if self._ask else self._no_path(steps, 'no phrase fits')

    def _by_model(self, unclear: Unclear) -> Plan | Declined:
        read: list[Step] = []
        for step in unclear.steps:
            if step.outcome is not None:
                read.append(step)
                continue
            try:
                outcome, why = self._thought(step.text)
            except BackendError as error:
                return Declined(self._language.sentences_model, str(error))
            if outcome is None:
                return self._no_path([step], why)
            if isinstance(outcome, Refused):
                return Declined(outcome.why, why)
            read.append(replace(step, outcome=outcome))
        found = self._decided(tuple(read), by_model=True)
        assert not isinstance(found, Unclear)
        return found

    def _thought(self, text: str) -> tuple[Call | Refused | None, str]:
        """What the model makes of one step, and what it answered."""
        assert self._ask
        reply = self._ask((*self._prompt, ('user', text)), self._names)
        skill, why = named(self.skills, reply), f'the model answered {reply[:LONGEST_PART]!r}'
        if skill is None:
            return None, why
        wanted = texts_schema(skill)
        copies = copied(text, self._ask(texts_prompt(skill, text), wanted)) if wanted else {}
        return grounded(self.skills, skill, text, copies), why

    def _no_path(self, steps: Sequence[Step], why: str) -> Declined:
        part = next(step.text for step in steps if step.outcome is None)
        return Declined(self._language.sentences_part.format(part=part[:LONGEST_PART]), why)


def announced(calls: Sequence[Call]) -> str:
    """'I go to the kitchen, then I turn left.'; what says nothing is left out."""
    clauses = [clause for call in calls if (clause := ' '.join(call.says().rstrip('.').split()))]
    return ', then '.join(clauses) + '.' if clauses else ''
