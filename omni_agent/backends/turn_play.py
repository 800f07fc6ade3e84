"""The only place that lets the ears and the turn machine listen to a recording faster than real
time.

The parts are those of the nodes (core/ears.py, the models, TurnMachine), put together without ROS.
Time is simulated: sound arrives as it does in the graph, and what a model does takes the processor
time that it really took, on the clock for the language model. Partial results take their time
always, and are read only where they can take a reply back: they do not end a turn.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from omni_agent.backends import languages
from omni_agent.backends.turn_ears import HOP_S, START, TurnEars
from omni_agent.backends.turn_memo import Memo
from omni_agent.core import percepts
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.ears import PerceptionParams
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.epoch import first_epoch
from omni_agent.core.events import (Effect, Event, Interrupt, Judge, Judged, Played, Playing,
                                    React, Reason, SpeechStarted, Tick, Weigh, Weighed)
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, TurnParams

# from the decision to the first sample of a prepared reply: bench latency, p50
FIRST_SPEECH_S = 0.9
REPLY_S = 2.5              # of speech
REPLY = 'So it is.'
# states in which the words of a partial result can change something
READS = (Agent.PREPARING, Agent.SPEAKING)


@dataclass(frozen=True)
class Final:
    """What was known when the words of a piece of speech were final; times in seconds of the
    recording.
    """

    known: float               # when
    stopped: float             # end of the voice as heard
    text: str
    turn_end: float


@dataclass(frozen=True)
class Decision:
    """The turn was taken to be over. It can be taken back until ``released``; ``void`` says that
    it was.
    """

    decided: float
    released: float
    brief: str                 # '' if it was not for the robot
    void: bool
    heard: float | None        # first sample of the reply


@dataclass
class Outcome:
    """Everything that happened to one recording, in seconds from its first sample."""

    finals: list[Final] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    # when the machine learnt that somebody speaks
    starts: list[float] = field(default_factory=list)


@dataclass
class Asked:
    """A reply that is being prepared; ``released``: when the turn is taken to be over for good,
    which can be moved until then and not afterwards.
    """

    now: float
    react: React
    released: float

    def move(self, react: React, now: float) -> None:
        if now < self.released:
            self.released = max(now, react.not_before)
        self.react = react


class Play:
    """One recording through fresh nodes."""

    def __init__(self, memo: Memo, turn: TurnParams | None = None,
                 endpoint: EndpointParams | None = None,
                 perception: PerceptionParams | None = None) -> None:
        self._memo = memo
        self._hearing = TurnEars(memo, perception or PerceptionParams(),
                                 endpoint or EndpointParams(),
                                 lambda: self._machine.agent in READS, self._at, self._perceive)
        self._machine = TurnMachine(turn or TurnParams(), Addressee(AddresseeParams()),
                                    first_epoch(START), languages.lexicon())
        self._queue: list = []
        self._order = itertools.count()
        self._asked: list[Asked] = []
        self._waiting: React | None = None   # for that to be over
        self._interrupts: list[tuple[float, int]] = []
        self._refused: list[float] = []
        self._heard: dict[int, float] = {}
        self.outcome = Outcome()

    def run(self, samples: np.ndarray) -> Outcome:
        self._hearing.begin(samples)
        while self._queue:
            now, _, action = heapq.heappop(self._queue)
            action(now)
        self._conclude()
        return self.outcome

    def _at(self, when: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    def _perceive(self, perceived: Perceived, now: float) -> None:
        if perceived.kind is Kind.FINAL:
            self.outcome.finals.append(Final(now - START, self._hearing.stopped_s, perceived.text,
                                             perceived.turn_end))
        event = percepts.event(perceived)
        self._at(now + HOP_S, lambda then: self._step(event, then))

    # -- decision ---------------------------------------------------------------------------------

    def _step(self, event: Event, now: float) -> None:
        if isinstance(event, SpeechStarted):
            self.outcome.starts.append(now - START)
        deciding = self._machine.agent is Agent.DECIDING
        effects = self._machine.step(event, now)
        for effect in effects:
            self._obey(effect, now)
        gave_up = (deciding and self._machine.agent is Agent.IDLE
                   and not isinstance(event, SpeechStarted))
        if gave_up and not any(isinstance(effect, React) for effect in effects):
            self._refused.append(now)
        deadline = self._machine.deadline()
        if deadline is not None:
            self._at(max(deadline, now), self._alarm)

    def _alarm(self, now: float) -> None:
        deadline = self._machine.deadline()
        if deadline is not None and deadline <= now:
            self._step(Tick(now), now)

    def _obey(self, effect: Effect, now: float) -> None:
        if isinstance(effect, Interrupt):
            self._interrupts.append((now, effect.epoch))
            self._at(now + HOP_S, lambda then: self._lower(effect, then))
        elif isinstance(effect, Judge):
            # whom it was meant for is not what is measured here
            self._at(now,
                     lambda then: self._step(Judged(effect.utterance, effect.text, None), then))
        elif isinstance(effect, Weigh):
            ending, took = self._memo.ending(effect.text)
            self._at(now + took,
                     lambda then: self._step(Weighed(effect.utterance, effect.text, ending), then))
        elif isinstance(effect, React):
            asked = self._asked[-1] if self._asked else None
            if asked is not None and asked.react.epoch == effect.epoch:
                asked.move(effect, now)          # only its time is news
            else:
                asked = Asked(now, effect, max(now, effect.not_before))
                self._asked.append(asked)
            self._at(max(effect.not_before, asked.now + FIRST_SPEECH_S, now),
                     lambda then: self._speak(effect, then))

    def _lower(self, interrupt: Interrupt, now: float) -> None:
        """As the ears, and the node that sends the speech: what has not begun waits for its full
        voice.
        """
        self._hearing.ears.interrupted(now, interrupt.ducked, interrupt.reason is Reason.NEW_REPLY)
        self._hearing.low = interrupt.ducked
        if interrupt.ducked:
            return
        self._hearing.speaks = self._hearing.speaks and interrupt.epoch in self._heard
        if self._waiting is not None:
            react, self._waiting = self._waiting, None
            self._speak(react, now)

    def _speak(self, react: React, now: float) -> None:
        if self._machine.epoch != react.epoch or self._asked[-1].react is not react:
            return
        if self._hearing.low:
            self._waiting = react
            return
        self._heard[react.epoch] = now
        self._hearing.speaks = True
        self._play(Playing(now, react.epoch, ''), now)
        self._at(now + REPLY_S, lambda then: self._fall_silent(react, then))

    def _fall_silent(self, react: React, now: float) -> None:
        if self._machine.epoch == react.epoch:
            self._hearing.speaks = False
            self._play(Played(now, react.epoch, REPLY, True), now)

    def _play(self, event: Playing | Played, now: float) -> None:
        self._hearing.ears.played(now, event.epoch, event.heard)
        self._step(event, now)

    def _conclude(self) -> None:
        for asked in self._asked:
            react, released = asked.react, asked.released
            void = any(then < released and epoch > react.epoch for then, epoch in self._interrupts)
            heard = self._heard.get(react.epoch)
            self.outcome.decisions.append(
                Decision(asked.now - START, released - START, react.brief, void,
                         None if heard is None else heard - START))
        for now in self._refused:
            self.outcome.decisions.append(Decision(now - START, now - START, '', False, None))
        self.outcome.decisions.sort(key=lambda one: one.decided)
