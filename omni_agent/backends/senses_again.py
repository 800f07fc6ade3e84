"""Recorded senses through the ears, the eyes and the decision core of today, as they would have
gone together: what is heard and seen now goes into the core, and what it decides goes back to
them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Iterable, Sequence

from omni_agent.backends.hear_again import HearAgain
from omni_agent.backends.see_again import Looked, SeeAgain
from omni_agent.core import percepts
from omni_agent.core.bag_time import Faces, Input, Picture, Sound, Spoken, in_order
from omni_agent.core.ears import Ears
from omni_agent.core.events import Effect, Event, Interrupt, Reason, SceneChanged
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Perceived
from omni_agent.core.replay import Rerun
from omni_agent.core.trace import Step

HOP_S = 0.002            # a percept on its way to the decision core
NEAR_S = 0.02            # a recorded percept this near is the same one
# a decision node that was busy for longer than this had another problem
BUSY_S = 3.0
AFTER_S = 0.2            # a stretch goes on so long after its last step: now may be a little later


@dataclass
class Stretch:
    """Recorded ``steps`` without a hole, from ``begin_s`` on, and the machine that was there
    then.
    """

    begin_s: float
    steps: Sequence[Step]
    rerun: Rerun

    @property
    def end_s(self) -> float:
        return self.steps[-1].now + AFTER_S

    def arrival(self, event: Event, now: float) -> float:
        """When the decision core gets what is told ``now``: a busy one got the same percept
        later.
        """
        near = [step.now for step in self.steps[bisect_left(self.steps, now, key=_now):]
                if step.now <= now + BUSY_S and _are_same(step.event, event)]
        return max(now + HOP_S, near[0]) if near else now + HOP_S


@dataclass
class Listened:
    """Every percept and every look of now; ``began_s`` and ``end_s`` are of the sound."""

    perceived: list[Perceived] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    began_s: float = 0.0
    end_s: float = 0.0
    counters: dict[str, int] = field(default_factory=dict)


class SensesAgain:
    """``ears`` tell whether the recogniser is idle by ``hear``. ``stretches`` are in the order of
    time. Without ``see`` pictures are left alone.
    """

    def __init__(self, ears: Ears, lips: LipsInTime, hear: HearAgain,
                 stretches: Sequence[Stretch], see: SeeAgain | None = None) -> None:
        self._ears, self._lips, self._hear, self._see = ears, lips, hear, see
        self._stretches, self._at = stretches, 0
        self._next = 0                           # step of that stretch
        self._open = False
        self._under_way: deque[tuple[float, Event]] = deque()      # to the decision core
        self.told = Listened()

    def obey(self, effect: Effect, now: float) -> None:
        """What the machine of now does, for ``Rerun.obey``."""
        if isinstance(effect, Interrupt):
            self._interrupted(now, effect.ducked, effect.reason is Reason.NEW_REPLY)

    def run(self, inputs: Iterable[Input], progress: Callable[[float], None]) -> Listened:
        """Through all of them; ``progress`` hears of the time that has been reached. Raises what
        the models raise.
        """
        for one in in_order(inputs):
            self._until(one.t)
            self._take(one)
            progress(one.t)
        last = self._stretches[-1].end_s if self._stretches else self.told.end_s
        self._until(max(last, self.told.end_s) + AFTER_S)
        return self.told

    def _take(self, one: Input) -> None:
        if isinstance(one, Sound):
            self._hear_sound(one)
        elif isinstance(one, Spoken):
            if self._see is not None and one.begins:
                self._see.spare(False, one.t)
            self._ears.played(one.stamp, one.epoch, one.heard)
        elif isinstance(one, Faces):
            self._lips.seen(one.stamp, one.faces)
        elif isinstance(one, Picture):
            if self._see is not None:
                self._see.picture(one)
        elif not self._open:                     # else the machine of now says what holds
            self._interrupted(one.stamp, one.ducked, one.is_new_reply)

    def _interrupted(self, t: float, ducked: bool, is_new_reply: bool) -> None:
        if self._see is not None:
            self._see.spare(ducked or is_new_reply, t)
        self._ears.interrupted(t, ducked, is_new_reply)

    def _hear_sound(self, sound: Sound) -> None:
        ears = self._ears
        if sound.stream == 'reference':
            ears.reference(sound.stamp, sound.samples, sound.rate)
            return
        if not self.told.began_s:
            self.told.began_s = sound.stamp
        self.told.end_s = max(self.told.end_s, sound.stamp)
        into = ears.audio if sound.stream == 'audio' else ears.strict
        self._tell(self._hear.take(ears, into(sound.stamp, sound.position, sound.samples),
                                   sound.t), sound.t)

    def _until(self, t: float) -> None:
        """Whatever comes of itself by then, in its order."""
        while True:
            due_s, step_s = self._hear.due_s, self._step_s()
            seen_s = self._see.due_s if self._see is not None else math.inf
            told_s = self._under_way[0][0] if self._under_way else math.inf
            if min(due_s, seen_s, told_s, step_s) > t:
                break
            if seen_s <= min(due_s, told_s, step_s):
                self._looked(seen_s)
            elif due_s <= min(told_s, step_s):
                self._tell(self._hear.answer(self._ears), due_s)
            elif told_s <= step_s:
                self._perceive()
            else:
                self._step()
        if self._open:
            self._stretches[self._at].rerun.catch_up(t)

    def _step_s(self) -> float:
        """When a stretch begins, goes on, or ends."""
        if self._at >= len(self._stretches):
            return math.inf
        stretch = self._stretches[self._at]
        if not self._open:
            return stretch.begin_s
        return (stretch.steps[self._next].now if self._next < len(stretch.steps) else
                stretch.end_s)

    def _step(self) -> None:
        stretch = self._stretches[self._at]
        if not self._open:
            self._open, self._next = True, 0
        elif self._next < len(stretch.steps):
            step = stretch.steps[self._next]
            if isinstance(step.event, SceneChanged) and self._see and not self._see.has_looked:
                stretch.rerun.perceive(step.event, step.now)     # until then that of then holds
            stretch.rerun.step(step)
            self._next += 1
        else:
            self._open, self._at = False, self._at + 1

    def _looked(self, now: float) -> None:
        looked = self._see.looked()
        if looked is None:
            return
        self.told.looked.append(looked)
        if looked.glance.tells_faces:
            self._lips.seen(looked.glance.t, looked.glance.watched.faces.faces)
        if looked.scene is not None:
            self._tell([percepts.as_sent(looked.scene)], now)

    def _tell(self, perceived: Iterable[Perceived], now: float) -> None:
        for one in perceived:
            self.told.perceived.append(one)
            if self._open:
                event = percepts.event(one)
                last_s = self._under_way[-1][0] if self._under_way else 0.0
                self._under_way.append(
                    (max(last_s, self._stretches[self._at].arrival(event, now)), event))

    def _perceive(self) -> None:
        now, event = self._under_way.popleft()
        if self._open:
            self._stretches[self._at].rerun.perceive(event, now)


def _now(step: Step) -> float:
    return step.now


def _are_same(then: Event, now: Event) -> bool:
    return (type(then) is type(now) and abs(then.t - now.t) <= NEAR_S
            and getattr(then, 'final', None) == getattr(now, 'final', None))
