"""What the robot was asked to do and is doing: from a plan that is not yet certain to the news of
how it ended.

Errands are known by their epochs. Each is handed out step by step; which of two may go on is
decided where they are carried out (core/acting.py), and comes back as news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .acts import ENDS, SkillState
from .params import param
from .skills import Call, TargetKind


@dataclass(frozen=True)
class ErrandParams:
    """When to speak of what is being done."""

    report_s: float = param(
        4.0, 'what took longer than this is reported when it is done; a failure always is [s]',
        0.0, 600.0)
    feedback_s: float = param(
        20.0, 'what takes longer than this is told of on the way, and again after as long: how '
        'far it is, if the robot says so [s]', 5.0, 600.0)
    silent_s: float = param(
        3.0, 'a step of which nothing is heard for this long has nobody who carries it out [s]',
        0.5, 60.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """News of a step; ``text`` is a sentence or a reason."""

    epoch: int
    step: int
    state: SkillState
    text: str = ''


@dataclass(frozen=True, slots=True)
class HandOut:
    """Have this step carried out. ``own``: the agent does it itself, at once."""

    epoch: int
    step: int
    steps: int
    call: Call

    @property
    def own(self) -> bool:
        return self.call.skill.target.kind is TargetKind.OWN


@dataclass(frozen=True, slots=True)
class Tell:
    """Say this unasked."""

    text: str


@dataclass(frozen=True, slots=True)
class Move:
    """From now on something moves (or, not ``moves``, nothing does)."""

    moves: bool


ErrandEffect = Union[HandOut, Tell, Move]


@dataclass
class _Errand:
    epoch: int
    calls: tuple[Call, ...]
    t: float                     # before it was handed out: not before this; after: when it was
    step: int = 0
    # the step was handed out then; None: there were news of it
    heard_s: float | None = None
    doing: str = ''
    told_s: float = 0.0          # when it was spoken of last

    @property
    def moves(self) -> bool:
        return any(call.skill.motion for call in self.calls[self.step:])


class Errands:
    """Owned by one thread; call ``tick`` at ``deadline``."""

    def __init__(self, params: ErrandParams) -> None:
        self._params = params
        self._offered: _Errand | None = None     # the turn that asked for it may not be over
        self._running: dict[int, _Errand] = {}
        self._moves = False

    @property
    def doing(self) -> str:
        """For people: the newest one."""
        return self._running[max(self._running)].doing if self._running else ''

    @property
    def moves(self) -> bool:
        """Something moves, or is about to."""
        return self._moves or (self._offered is not None and self._offered.moves)

    def offer(self, epoch: int, calls: tuple[Call, ...], not_before: float) -> None:
        """It begins at ``not_before``, unless that is put off or it is halted."""
        self._offered = _Errand(epoch, calls, not_before)

    def put_off(self, epoch: int, not_before: float) -> None:
        """The turn is over sooner or later than was thought."""
        if self._offered is not None and self._offered.epoch == epoch:
            self._offered.t = not_before

    def withdraw(self, epoch: int) -> None:
        """What was offered before ``epoch`` and had not begun was asked for by a turn that went
        on.
        """
        if self._offered is not None and self._offered.epoch < epoch:
            self._offered = None

    def halt(self, epoch: int) -> list[ErrandEffect]:
        """What is of ``epoch`` or before is over: whoever carries it out knows that from the same
        number.
        """
        self.withdraw(epoch + 1)
        self._running = {key: errand for key, errand in self._running.items() if key > epoch}
        return self._motion()

    def deadline(self) -> float | None:
        times = [self._offered.t] if self._offered is not None else []
        times += [
            errand.heard_s + self._params.silent_s for errand in self._running.values()
            if errand.heard_s is not None
        ]
        return min(times, default=None)

    def tick(self, now: float) -> list[ErrandEffect]:
        effects: list[ErrandEffect] = []
        if self._offered is not None and now >= self._offered.t:
            errand, self._offered = self._offered, None
            errand.t = errand.told_s = now
            self._running[errand.epoch] = errand
            effects += self._hand_out(errand, now)
        for errand in list(self._running.values()):
            if errand.heard_s is not None and now >= errand.heard_s + self._params.silent_s:
                effects += self._fail(errand, 'nothing that carries out skills answers')
        return effects

    def news(self, progress: Progress, now: float) -> list[ErrandEffect]:
        errand = self._running.get(progress.epoch)
        if errand is None or progress.step != errand.step:
            return []
        errand.heard_s = None
        if progress.state not in ENDS:
            return self._on_the_way(errand, progress, now)
        if progress.state is SkillState.SUCCEEDED:
            return self._next(errand, now)
        return (self._end(errand) if progress.state is SkillState.CANCELLED else self._fail(
            errand, progress.text))

    def _on_the_way(self, errand: _Errand, progress: Progress, now: float) -> list[ErrandEffect]:
        """Of a long way people want to know that it still is one, and not each metre of it."""
        errand.doing = progress.text or errand.doing
        if (not progress.text or progress.state is not SkillState.RUNNING
                or now - errand.told_s < self._params.feedback_s):
            return []
        errand.told_s = now
        return [Tell(sentence(f'I am still at it: {progress.text}'))]

    def _hand_out(self, errand: _Errand, now: float) -> list[ErrandEffect]:
        call = errand.calls[errand.step]
        out = HandOut(errand.epoch, errand.step, len(errand.calls), call)
        errand.doing = call.says() or call.skill.name
        effects = [*self._motion(), out]
        if out.own:
            return [*effects, *self._next(errand, now)]
        errand.heard_s = now
        return effects

    def _next(self, errand: _Errand, now: float) -> list[ErrandEffect]:
        errand.step += 1
        if errand.step < len(errand.calls):
            return self._hand_out(errand, now)
        last = errand.calls[-1]
        told = (last.skill.target.kind is not TargetKind.OWN
                and now - errand.t > self._params.report_s)
        return [*self._end(errand), *[Tell(sentence(last.done()))] * bool(told and last.done())]

    def _fail(self, errand: _Errand, why: str) -> list[ErrandEffect]:
        call = errand.calls[errand.step]
        return [*self._end(errand), Tell(sentence(call.failed(why.rstrip('. ')) or why))]

    def _end(self, errand: _Errand) -> list[ErrandEffect]:
        del self._running[errand.epoch]
        return self._motion()

    def _motion(self) -> list[ErrandEffect]:
        moves = any(errand.moves for errand in self._running.values())
        if moves == self._moves:
            return []
        self._moves = moves
        return [Move(moves)]


def sentence(text: str) -> str:
    """With a full stop, if it has none."""
    return text if text[-1:] in '.!?' else f'{text}.'
