"""Recorded steps through the machine of today: what it does now, beside what it did then.

Until the first difference the machine gets exactly what it got. From there on it lives in a
conversation of its own: its deadlines come when they are due, replies that it never began are not
heard, and what it asks the models is answered as it was answered then, or by whoever is given.
Where the senses are replayed, too, it lives in one from the start, and hears what they make of it.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, replace
from typing import Callable, Iterable, Sequence, Union

from . import trace
from .events import (Effect, Event, Interrupt, Judge, Judged, Played, Playing, React, SoundStarted,
                     SpeechStarted, SpeechStopped, Tick, Transcript, Weigh, Weighed)
from .then_and_now import EXACT_S, QUESTIONS, Done, Row, Verdict, compare
from .trace import State, Step
from .turn import TurnMachine

PUBLISHED = (Interrupt, React)   # what topics show of the effects
ROUGH_S = 0.15                   # the same for what was put together from topics
ANSWER_S = 0.3                   # after which a model answers what it had not been asked
MOST_TICKS = 100                 # between two steps; more would be a deadline that never goes away
REPLIES = 8                      # newest of then that may still be begun now
HEARD = (SoundStarted, SpeechStarted, SpeechStopped, Transcript)     # what the ears tell

Answer = Callable[[str], Union[float, None]]


@dataclass(frozen=True)
class Answers:
    """What the models say where the recording does not: log odds that the robot was meant,
    probability of an end.
    """

    margin: Answer = lambda text: None
    ending: Answer = lambda text: None


@dataclass(frozen=True)
class Moment:
    """A step then and now; ``event`` None: the recording has it, and there was nothing to it
    now; ``step`` None: it is heard now, and the recording has it not, or elsewhere.
    """

    t: float
    step: Step | None
    event: Event | None
    effects: tuple[Effect, ...]
    state: State


@dataclass(frozen=True)
class Outcome:
    rows: tuple[Row, ...]
    moments: tuple[Moment, ...]
    parted_s: float | None       # when the two went different ways
    unheard: int                 # news of replies that do not exist now
    asked: int                   # questions to the models that the recording does not have
    scores: int                  # steps after which only the score or the reason differed
    epochs: dict[int, int]       # of replies, then -> now

    @property
    def is_same(self) -> bool:
        return not any(row.is_decision and row.verdict is not Verdict.SAME for row in self.rows)


class Rerun:
    """One machine through one stretch of a recording. ``follows``: its steps are those of such a
    machine, deadlines and answers included; without, they are only what came from outside.

    ``anew``: kinds of events of which the recorded ones are left out; those of now come by
    ``perceive``, and ``obey`` is told at once what is done about them.
    """

    def __init__(self, machine: TurnMachine, answers: Answers = Answers(), follows: bool = True,
                 anew: tuple[type, ...] = (),
                 obey: Callable[[Effect, float], None] = lambda effect, now: None) -> None:
        self._machine = machine
        self._follows, self._anew = follows, anew
        self._answers, self._obey = answers, obey
        self._apart = bool(anew) or not follows
        self._parted: float | None = None
        self._epochs: dict[int, int] = {}        # of replies, then -> now
        self._replies: list[tuple[float, React]] = []      # of then
        self._first = machine.epoch
        self._due: list[tuple[float, int, Event]] = []     # answers of the models
        self._count = itertools.count()
        self._known: dict[tuple[type, str], float | None] = {}
        self._after_s: dict[tuple[type, str], float] = {}  # how long the models took then
        # questions whose answers do not wait for those of then
        self._own: set[tuple[type, str]] = set()
        self._done: list[Done] = []
        self._moments: list[Moment] = []
        self._unheard = self._asked = self._scores = 0

    def run(self, steps: Sequence[Step]) -> Outcome:
        self.read_answers(steps)
        for step in steps:
            self.step(step)
        return self.outcome(steps)

    def outcome(self, steps: Sequence[Step]) -> Outcome:
        """After the last of them."""
        then = [Done(step.now, effect, step.event) for step in steps for effect in step.effects]
        done = (self._done if self._follows else         # of the rest nothing is known
                [done for done in self._done if isinstance(done.effect, PUBLISHED)])
        rows = compare(then, done, ROUGH_S if self._anew or not self._follows else EXACT_S)
        if self._anew and steps:                 # what came after the end nobody recorded
            rows = [row for row in rows if row.then is not None or row.t <= steps[-1].now]
        return Outcome(tuple(rows), tuple(self._moments), self._parted, self._unheard, self._asked,
                       self._scores, dict(self._epochs))

    def perceive(self, event: Event, now: float) -> None:
        """Something that is heard or seen now."""
        self.catch_up(now)
        effects = self._feed(event, now)
        self._moments.append(
            Moment(now, None, event, tuple(effects), trace.state(self._machine.view())))
        self._pair()

    def read_answers(self, steps: Sequence[Step]) -> None:
        """What the models said then, and how long it took them."""
        asked_s: dict[tuple[type, str], float] = {}
        for step in steps:
            for effect in step.effects:
                if isinstance(effect, QUESTIONS):
                    asked_s[(type(effect), effect.text)] = step.now
            if isinstance(step.event, (Judged, Weighed)):
                question = _question(step.event)
                self._known[question] = (step.event.margin
                                         if isinstance(step.event, Judged) else step.event.ending)
                if question in asked_s:
                    self._after_s[question] = step.now - asked_s[question]

    def step(self, step: Step) -> None:
        """The next one of the recording."""
        if self._apart:
            self.catch_up(step.now)
        event = self._translated(step.event)
        effects = [] if event is None else self._feed(event, step.now)
        now = trace.state(self._machine.view())
        self._moments.append(Moment(step.now, step, event, tuple(effects), now))
        self._replies += [(step.now, effect) for effect in step.effects
                          if isinstance(effect, React)]
        self._pair()
        if self._apart:
            return
        if step.effects != tuple(effects) or _machines(step.state) != _machines(now):
            self._apart, self._parted = True, step.now
            for effect in effects:
                self._answer_later(effect, step.effects, step.now)
        elif step.state != now:
            self._scores += 1

    def _feed(self, event: Event, now: float) -> list[Effect]:
        effects = self._machine.step(event, now)
        self._done += [Done(now, effect, event) for effect in effects]
        for effect in effects:
            self._obey(effect, now)
        if self._apart:
            for effect in effects:
                self._answer_later(effect, (), now)
        return effects

    def catch_up(self, now: float) -> None:
        """Deadlines and answers of its own, in their order."""
        for _ in range(MOST_TICKS):
            deadline = self._machine.deadline()
            if self._due and self._due[0][0] <= min(now, now if deadline is None else deadline):
                at, _, event = heapq.heappop(self._due)
                self._feed(event, at)
            elif deadline is not None and deadline <= now:
                self._feed(Tick(deadline), deadline)
            else:
                return
            self._pair()

    def _answer_later(self, effect: Effect, then: Iterable[Effect], now: float) -> None:
        if not isinstance(effect, QUESTIONS) or effect in then:
            return
        question = (type(effect), effect.text)
        if question not in self._known:
            self._asked += 1
            ask = self._answers.margin if isinstance(effect, Judge) else self._answers.ending
            self._known[question] = ask(effect.text)
        self._own.add(question)
        kind = Judged if isinstance(effect, Judge) else Weighed
        answer = kind(effect.utterance, effect.text, self._known[question])
        heapq.heappush(self._due,
                       (now + self._after_s.get(question, ANSWER_S), next(self._count), answer))

    def _translated(self, event: Event) -> Event | None:
        """What of it reaches the conversation as it is now."""
        if not self._apart:
            return event
        if (isinstance(event, (Tick, *self._anew))
                or isinstance(event, (Judged, Weighed)) and _question(event) in self._own):
            return None                                      # it has its own
        if isinstance(event, (Playing, Played)):
            epoch = self._epochs.get(event.epoch)
            if epoch is None and event.epoch > self._first:
                self._unheard += 1
                return None
            return replace(event, epoch=event.epoch if epoch is None else epoch)
        return event

    def _pair(self) -> None:
        """Which reply of then is which one now: the one to the same words, else one at the same
        time.
        """
        mine = [(done.t, done.effect) for done in self._done[-4 * REPLIES:]
                if isinstance(done.effect, React)]
        for t, reply in self._replies[-REPLIES:]:
            if reply.epoch in self._epochs:
                continue
            free = [(at, own) for at, own in mine if own.epoch not in self._epochs.values()]
            alike = [own for _, own in free if own.brief == reply.brief] or [
                own for at, own in free if abs(at - t) <= ANSWER_S]
            if alike:
                self._epochs[reply.epoch] = alike[-1].epoch


def _question(answer: Judged | Weighed) -> tuple[type, str]:
    return Judge if isinstance(answer, Judged) else Weigh, answer.text


def _machines(state: State) -> tuple[str, str, str]:
    return state.person, state.agent, state.voice
