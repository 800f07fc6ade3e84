"""What the robot would be told to do now, beside what it was told then: replies that are decided
now through the planner and the errands of today.

What was asked of the language model then is answered as then. What became of each act comes from
the recording, as does whatever was said about it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence, Union

from .errand import Errands, HandOut, Progress
from .events import HALTING, Interrupt, Played, React, Reason
from .skill_consent import Agreed, Consent, Dropped
from .skill_plan import Plan, Planner, Unclear
from .skills import Call
from .then_and_now import Done


@dataclass(frozen=True, slots=True)
class Request:
    """What a person said that led to an act."""

    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a plan is handed out; ``arguments`` are JSON in the order of names."""

    epoch: int
    step: int
    skill: str
    arguments: str


@dataclass(frozen=True)
class News:
    """What became of an act, at ``t``; ``progress`` bears the epoch of now."""

    t: float
    progress: Progress


@dataclass(frozen=True)
class Said:
    """A reply was heard to its end."""

    t: float
    event: Played


Happened = Union[Done, News, Said]
# the calls of a request that no phrase covers, as the language model understood it then
Understood = Callable[[str], Union[tuple[Call, ...], None]]


class ActsAgain:
    """``run`` once, through everything that happened in a stretch of a recording."""

    def __init__(self, planner: Planner, errands: Errands, consent: Consent,
                 understood: Understood) -> None:
        self._planner, self._errands, self._consent = planner, errands, consent
        self._understood = understood
        self._acts: list[Done] = []
        self._briefs: dict[int, str] = {}        # by epoch
        self.unclear = 0                         # requests that only the language model can read

    def run(self, happened: Sequence[Happened], end: float) -> list[Done]:
        """Acts, each with the request that led to it; ``happened`` in any order."""
        for one in sorted(happened, key=lambda one: one.t):
            self._tick(one.t)
            if isinstance(one, News):
                self._hand_out(self._errands.news(one.progress, one.t), one.t)
            elif isinstance(one, Said):
                self._consent.asked(one.t)
            elif isinstance(one.effect, Interrupt) and one.effect.reason in HALTING:
                self._halt(one.effect, one.t)
            elif isinstance(one.effect, React) and not one.effect.say:
                self._react(one.effect, one.t)
        self._tick(end)
        return self._acts

    def _tick(self, now: float) -> None:
        while (due := self._errands.deadline()) is not None and due <= now:
            self._hand_out(self._errands.tick(due), due)

    def _halt(self, effect: Interrupt, now: float) -> None:
        if effect.reason is Reason.SUPERSEDED:
            self._consent.take_back()
        else:
            self._consent.drop()
        self._errands.halt(effect.epoch - 1)

    def _react(self, react: React, now: float) -> None:
        """The same epoch and brief again only says another time."""
        if self._briefs.get(react.epoch) == react.brief:
            self._errands.put_off(react.epoch, react.not_before)
            return
        self._briefs[react.epoch] = react.brief
        self._errands.withdraw(react.epoch)
        answer = self._consent.hear(react.brief, now)
        if isinstance(answer, Agreed):
            self._errands.offer(react.epoch, answer.plan.calls, react.not_before)
        elif not (isinstance(answer, Dropped) and answer.text):
            self._plan(react, now)

    def _plan(self, react: React, now: float) -> None:
        found = self._planner.quick(react.brief)
        if isinstance(found, Unclear):
            calls = self._understood(react.brief)
            self.unclear += calls is None
            if calls:
                self._errands.offer(react.epoch, calls, react.not_before)
        elif isinstance(found, Plan) and found.confirm:
            self._consent.ask(found, now)
        elif isinstance(found, Plan):
            self._errands.offer(react.epoch, found.calls, react.not_before)

    def _hand_out(self, effects: Sequence[object], now: float) -> None:
        for effect in effects:
            if isinstance(effect, HandOut) and not effect.own:
                act = Act(effect.epoch, effect.step, effect.call.skill.name,
                          in_order(effect.call.json()))
                self._acts.append(Done(now, act, Request(self._briefs.get(effect.epoch, ''))))


def in_order(arguments: str) -> str:
    """The same JSON whatever the order of its names; what is none stays as it is."""
    try:
        return json.dumps(json.loads(arguments or '{}'), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return arguments


def news(t: float, progress: Progress, epochs: Mapping[int, int]) -> News:
    """Of an act of then; one of a reply that does not exist now is news of nothing."""
    epoch = epochs.get(progress.epoch, 0)
    return News(t, Progress(epoch, progress.step, progress.state, progress.text))
