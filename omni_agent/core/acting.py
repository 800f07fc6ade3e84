"""Which skill runs, which waits, and which is void: by epoch, and with one motion at a time.

Three rules, in this order. What is ``halted`` ends at once and is never begun. A plan that has not
begun is void when a newer one is asked for; one that has begun goes on beside it. The newest plan
that moves has the base: what moved before is cancelled, and the rest of its plan is void. A newer
epoch alone says nothing: it may be a remark of the robot's own, or a question, and neither takes
back what was asked for. Events and the time go in, effects come out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Callable

from .acts import (ENDS, Asked, Begin, Cancel, Doubted, Effect, Event, Found, Halt, Hold,
                   Interrupted, Key, Lost, Report, Resume, SkillState, Told)
from .params import param
from .skills import Call, Refused, TargetKind

MOST_WAITING = 16        # acts of a plan
# that are remembered after they have begun: the next step may be on its way
MOST_PLANS = 8
CANCEL_S = 2.0           # [s] how long a server may take to say that it ended a goal
NOBODY = 'no decision node is alive that could say stop: start it, then ask again'
STOPPED = 'it was told to stop'
OUTDATED = 'something else was asked for since'
NEWER = 'something newer was asked for'


@dataclass(frozen=True)
class ActingParams:
    """What a voice does to wheels before it is known what it says."""

    hold_on_voice: bool = param(
        True,
        'a skill that moves stands still while somebody speaks, and goes on if it was no stop',
        live=True)
    sent_again: str = param(
        'nav2_msgs/action/NavigateToPose',
        'action types whose goals say where to be: they are held by a '
        'cancel and sent again, unlike goals that would begin anew', live=True)
    cancel_on_voice: bool = param(
        False, 'a skill that moves and cannot be held, any other action, is cancelled when '
        'somebody speaks', live=True)


@dataclass
class _Plan:
    """The acts of one epoch. Its steps may come all at once, or each when the one before has
    succeeded.
    """

    waiting: dict[int, tuple[Asked, Call]] = field(default_factory=dict)     # by step
    steps: set[int] = field(default_factory=set)         # that were begun
    over: str = ''               # why nothing of it begins any more; empty: it may
    # its time has come and the base is not free: it waits for an event, not for time
    blocked: bool = False

    @property
    def begun(self) -> bool:
        return bool(self.steps)

    @property
    def first(self) -> tuple[Asked, Call] | None:
        return self.waiting[min(self.waiting)] if self.waiting else None


@dataclass
class _Running:
    asked: Asked
    call: Call
    cancelled: str = ''          # why; empty: it goes on
    due: float = math.inf        # when its word on the cancel is overdue


def _sentence(running: _Running, told: Told) -> str:
    """The robot's own words first; of a failure the bare reason, which the skill's own sentence
    goes around.
    """
    if told.state is SkillState.CANCELLED:
        return ', '.join(part for part in (running.cancelled, told.text) if part)
    return told.text or (running.call.done() if told.state is SkillState.SUCCEEDED else '')


def moves(call: Call) -> bool:
    return call.skill.motion or call.skill.target.ramp is not None


class Acting:
    """``step(event, now) -> effects``; ``deadline()`` is when a Tick is due."""

    def __init__(self, check: Callable[[str, str], Call | Refused], params: ActingParams) -> None:
        self._check, self._params = check, params
        self.epoch, self.halted, self.ducked = 0, 0, False       # of the conversation
        self._newest = 0                                         # plan that was asked for
        self._lost: str | None = NOBODY
        self._is_doubted = False
        self._plans: dict[int, _Plan] = {}
        self._running: dict[Key, _Running] = {}

    @property
    def doing(self) -> str:
        return ', '.join(running.call.skill.name for running in self._running.values())

    def deadline(self) -> float | None:
        """When something waits for nothing but time."""
        busy = self._busy()
        due = [
            plan.first[0].not_before for epoch, plan in self._plans.items()
            if plan.first and not plan.blocked and epoch not in busy
        ]
        due += [running.due for running in self._running.values() if running.due < math.inf]
        return min(due, default=None)

    def step(self, event: Event, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if isinstance(event, Interrupted):
            self._on_interrupted(event, now, effects)
        elif isinstance(event, Asked):
            self._on_asked(event, effects)
        elif isinstance(event, Told):
            self._on_told(event, effects)
        elif isinstance(event, Lost):
            self._on_lost(event, now, effects)
        elif isinstance(event, Doubted):
            self._on_doubted(event, now, effects)
        elif isinstance(event, Found):
            self._on_found(effects)
        self._overdue(now, effects)
        self._begin(now, effects)
        return effects

    # -- events -----------------------------------------------------------------------------------

    def _on_interrupted(self, event: Interrupted, now: float, effects: list[Effect]) -> None:
        # a maximum: late, lost and repeated messages change nothing
        if event.halted > self.halted:
            self.halted = event.halted
            effects.append(Halt(any(moves(running.call) for running in self._running.values())))
            self._cancel(lambda running: running.asked.epoch <= self.halted, STOPPED, now, effects)
            self._void(lambda epoch: epoch <= self.halted, STOPPED, effects)
        if event.epoch < self.epoch:
            return
        self.epoch = event.epoch
        if event.ducked != self.ducked:
            self.ducked = event.ducked
            self._on_voice(now, effects)

    def _on_voice(self, now: float, effects: list[Effect]) -> None:
        if self._params.hold_on_voice and not self._is_doubted:
            effects += [Hold(key) if self.ducked else Resume(key) for key in self._holdable()]
        if self._params.cancel_on_voice and self.ducked:
            self._cancel(
                lambda running: moves(running.call) and not (
                    self._params.hold_on_voice and self._can_wait(running.call)), 'somebody spoke',
                now, effects)

    def _holdable(self) -> list[Key]:
        return [
            key for key, running in self._running.items()
            if self._can_wait(running.call) and not running.cancelled
        ]

    def _can_wait(self, call: Call) -> bool:
        """An action's server knows no pause: what it does is held only if it may be asked for
        twice.
        """
        target = call.skill.target
        again = [name.strip() for name in self._params.sent_again.split(',')]
        return moves(call) and (target.kind is TargetKind.TOPIC or target.type in again)

    def _on_asked(self, asked: Asked, effects: list[Effect]) -> None:
        if why := self._outdated(asked.epoch):
            effects.append(Report(asked, SkillState.CANCELLED, why))
            return
        self._admit(asked.epoch, effects)
        plan = self._plans.setdefault(asked.epoch, _Plan())
        if asked.step in plan.steps:
            return                               # the same again: it is being done, or was
        late = ('a later step of the plan has begun already' if asked.step < max(
            plan.steps, default=0) else '')
        if plan.over or late:
            effects.append(Report(asked, SkillState.CANCELLED, plan.over or late))
            return
        self._take(asked, plan, effects)

    def _outdated(self, epoch: int) -> str:
        if epoch <= self.halted:
            return STOPPED
        known = self._plans.get(epoch)
        return OUTDATED if epoch < self._newest and not (known and known.begun) else ''

    def _take(self, asked: Asked, plan: _Plan, effects: list[Effect]) -> None:
        call = self._check(asked.name, asked.arguments)
        state, why = SkillState.WAITING, ''
        if isinstance(call, Refused):
            state, why = SkillState.REFUSED, call.why
        elif call.skill.target.kind is TargetKind.OWN:
            state, why = SkillState.REFUSED, 'that is done by the decision node itself'
        elif self._lost is not None:
            state, why = SkillState.FAILED, self._lost
        elif len(plan.waiting) >= MOST_WAITING and asked.step not in plan.waiting:
            state, why = SkillState.REFUSED, f'a plan has {MOST_WAITING} steps at most'
        else:
            plan.waiting[asked.step] = (asked, call)
        effects.append(Report(asked, state, why))
        if state in ENDS:
            self._fail(asked.key, effects)

    def _on_told(self, told: Told, effects: list[Effect]) -> None:
        running = self._running.get(told.key)
        if running is None or (running.cancelled and told.state not in ENDS):
            return
        effects.append(
            Report(running.asked, told.state, _sentence(running, told), told.progress,
                   told.result))
        if told.state in ENDS:
            del self._running[told.key]
            self._go_on(told, effects)

    def _go_on(self, told: Told, effects: list[Effect]) -> None:
        if told.state is not SkillState.SUCCEEDED and told.key[0] in self._plans:
            self._fail(told.key, effects)

    def _on_lost(self, event: Lost, now: float, effects: list[Effect]) -> None:
        self._lost, self._is_doubted = event.why, False
        effects.append(Halt(any(moves(running.call) for running in self._running.values())))
        self._cancel(lambda running: True, event.why, now, effects)
        self._void(lambda epoch: True, event.why, effects)

    def _on_doubted(self, event: Doubted, now: float, effects: list[Effect]) -> None:
        """A short silence of a busy machine costs a stop, not the errand."""
        if self._lost is not None or self._is_doubted:
            return
        self._is_doubted = True
        effects.append(Halt(any(moves(running.call) for running in self._running.values())))
        effects += [Hold(key, at_once=True) for key in self._holdable()]
        self._cancel(lambda running: moves(running.call) and not self._can_wait(running.call),
                     event.why, now, effects)

    def _on_found(self, effects: list[Effect]) -> None:
        self._lost, was_doubted, self._is_doubted = None, self._is_doubted, False
        if was_doubted and not (self.ducked and self._params.hold_on_voice):
            effects += [Resume(key) for key in self._holdable()]

    # -- what follows -----------------------------------------------------------------------------

    def _admit(self, epoch: int, effects: list[Effect]) -> None:
        """What somebody wants done is newer than what waits."""
        if epoch <= self._newest:
            return
        self._newest = epoch
        self._void(lambda older: older < epoch and not self._plans[older].begun, OUTDATED, effects)
        busy = self._busy()
        for old in sorted(self._plans)[:-MOST_PLANS]:
            if old not in busy and not self._plans[old].waiting:
                del self._plans[old]

    def _busy(self) -> set[int]:
        return {running.asked.epoch for running in self._running.values()}

    def _begin(self, now: float, effects: list[Effect]) -> None:
        for epoch in sorted(self._plans, reverse=True):
            plan = self._plans[epoch]
            if plan.first is None or epoch in self._busy():
                continue
            asked, call = plan.first
            early = asked.not_before > now
            plan.blocked = not early and moves(call) and not self._has_base(epoch, now, effects)
            if early or plan.blocked:
                continue
            del plan.waiting[asked.step]
            plan.steps.add(asked.step)
            self._running[asked.key] = _Running(asked, call)
            effects += [
                Report(asked, SkillState.RUNNING, call.says(), 0.0),
                Begin(asked.key, call)
            ]

    def _has_base(self, epoch: int, now: float, effects: list[Effect]) -> bool:
        """Takes it from older plans. While somebody speaks it is nobody's: it may be a stop that
        is being said.
        """
        if (self._is_doubted or self.ducked and
            (self._params.hold_on_voice or self._params.cancel_on_voice)):
            return False
        others = [running for running in self._running.values() if moves(running.call)]
        older = {running.asked.epoch for running in others if running.asked.epoch < epoch}
        self._cancel(lambda running: moves(running.call) and running.asked.epoch in older, NEWER,
                     now, effects)
        self._void(lambda known: known in older, NEWER, effects)
        # a moment later, when they have said that they ended
        return not others

    def _cancel(self, which: Callable[[_Running], bool], why: str, now: float,
                effects: list[Effect]) -> None:
        for running in self._running.values():
            if which(running) and not running.cancelled:
                running.cancelled, running.due = why, now + CANCEL_S
                effects.append(Cancel(running.asked.key))

    def _overdue(self, now: float, effects: list[Effect]) -> None:
        for key, running in list(self._running.items()):
            if running.due <= now:
                text = (
                    f'{running.cancelled}, and nobody confirmed within {CANCEL_S:g} s that it '
                    'ended: '
                    f'see whether {running.call.target_name()} still works')
                self._on_told(Told(key, SkillState.FAILED, text), effects)

    def _fail(self, key: Key, effects: list[Effect]) -> None:
        """A step that did not work is the end of its plan."""
        self._void(lambda epoch: epoch == key[0], f'step {key[1] + 1} of the plan did not work',
                   effects)

    def _void(self, which: Callable[[int], bool], why: str, effects: list[Effect]) -> None:
        """Nothing of these plans begins any more."""
        for epoch, plan in self._plans.items():
            if which(epoch) and not plan.over:
                plan.over = why
                effects += [
                    Report(asked, SkillState.CANCELLED, why)
                    for _, (asked, _) in sorted(plan.waiting.items())
                ]
                plan.waiting.clear()
