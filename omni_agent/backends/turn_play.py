"""The only place that lets perception and the turn machine listen to a recording faster than real
time.

The parts are those of the nodes (Hearing, Endpointer, Utterance, the models, TurnMachine), put
together without ROS. Time is simulated: sound arrives as it does in the graph, and what a model
does takes the processor time that it really took, on the clock for the language model. Partial
results take their time always, and are read only where they can take a reply back: they do not end
a turn.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from omni_agent.backends import RATE, languages
from omni_agent.backends.turn_memo import BLOCK, BLOCK_S, START, Memo, pcm16
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.endpoint import Endpointer, EndpointParams
from omni_agent.core.epoch import first_epoch
from omni_agent.core.events import (Effect, Event, Interrupt, Judge, Judged, Played, Playing,
                                    React, SoundStarted, SpeechStarted, SpeechStopped, Tick,
                                    Transcript, Weigh, Weighed)
from omni_agent.core.hearing import HeardFrame
from omni_agent.core.onset import RESUME_DB, Onset
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, TurnParams
from omni_agent.core.utterance import Request, Utterance

HOP_S = 0.012              # a topic, and waiting for the executor
PARTIAL_S = 0.3            # between partial results
# from the decision to the first sample of a prepared reply: bench latency, p50
FIRST_SPEECH_S = 0.9
REPLY_S = 2.5              # of speech
RECOGNISE_S = (0.02, 0.02)     # of a partial result: fixed, and per second of sound


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


@dataclass(frozen=True)
class _Said:
    request: Request
    text: str


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
                 endpoint: EndpointParams | None = None) -> None:
        self._memo = memo
        self._endpointer = Endpointer(endpoint or EndpointParams())
        self._utterance = Utterance()
        self._onset = Onset(RESUME_DB)
        self._machine = TurnMachine(turn or TurnParams(), Addressee(AddresseeParams()),
                                    first_epoch(START), languages.lexicon())
        self._queue: list = []
        self._order = itertools.count()
        self._busy_until = 0.0               # of the recogniser
        self._asked: list[Asked] = []
        self._is_low = False                 # the robot's voice: nothing begins
        self._waiting: React | None = None   # for that to be over
        self._interrupts: list[tuple[float, int]] = []
        self._refused: list[float] = []
        self._heard: dict[int, float] = {}
        self.outcome = Outcome()

    def run(self, samples: np.ndarray) -> Outcome:
        frames, self._samples = self._memo.listen(samples)
        for frame in frames:
            blocks = np.ceil((frame.end / RATE) / BLOCK_S - 1e-9)
            self._at(START + blocks * BLOCK_S + HOP_S,
                     lambda now, frame=frame: self._on_frame(frame, now))
        for at in range(0, samples.size, BLOCK):
            self._at(START + (at + BLOCK) / RATE + HOP_S,
                     lambda now, at=at: self._on_block(samples[at:at + BLOCK], now))
        while self._queue:
            now, _, action = heapq.heappop(self._queue)
            action(now)
        self._conclude()
        return self.outcome

    def _at(self, when: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    # -- perception -------------------------------------------------------------------------------

    def _on_block(self, samples: np.ndarray, now: float) -> None:
        """While the robot is silent both streams of a microphone are the same."""
        if self._onset.hear(pcm16(samples), self._endpointer.trails(now),
                            self._endpointer.speaking):
            self._tell(SoundStarted(now), now)

    def _on_frame(self, frame: HeardFrame, now: float) -> None:
        event = self._endpointer.step(frame.voice)
        if isinstance(event, SpeechStarted):
            self._utterance.start(event, frame, lambda position: START + position / RATE)
            self._tell(event, now)
        elif self._endpointer.last_voiced == frame.voice.t:
            self._utterance.go_on(frame)
        if isinstance(event, SpeechStopped):
            self._tell(event, now)
            self._utterance.stop()
        self._recognise(frame, now)
        self._final(now)

    def _recognise(self, frame: HeardFrame, now: float) -> None:
        request = self._utterance.request(frame, self._endpointer, PARTIAL_S)
        if request is None or not request.final and self._busy_until > now:
            return
        self._utterance.requested(request)
        if not request.final:
            self._partial(request, now)
            return
        samples = self._samples[request.start:request.end]
        text, took = self._memo.words(samples)
        self._busy_until = max(now, self._busy_until) + took
        self._at(self._busy_until, lambda then: self._on_words(_Said(request, text), then))
        probability, took = self._memo.turn_end(samples)
        self._at(now + took, lambda then: self._on_turn_end(request, probability, then))

    def _partial(self, request: Request, now: float) -> None:
        fixed, share = RECOGNISE_S
        self._busy_until = now + fixed + share * (request.end - request.start) / RATE
        if self._machine.agent in (Agent.PREPARING, Agent.SPEAKING):
            text, _ = self._memo.words(self._samples[request.start:request.end])
            self._at(self._busy_until, lambda then: self._on_partial(_Said(request, text), then))

    def _on_partial(self, said: _Said, now: float) -> None:
        endpointer = self._endpointer
        if said.text and endpointer.speaking and said.request.utterance == endpointer.utterance:
            self._tell(Transcript(START + said.request.end / RATE, endpointer.utterance, said.text,
                                  False, endpointer.voiced_s), now)

    def _on_words(self, said: _Said, now: float) -> None:
        if said.request.utterance == self._endpointer.utterance:
            self._utterance.words = said
            self._final(now)

    def _on_turn_end(self, request: Request, probability: float, now: float) -> None:
        self._utterance.turn_end = request, probability
        self._final(now)

    def _final(self, now: float) -> None:
        ready = self._utterance.final()
        if ready is None or self._endpointer.speaking:
            return
        said, probability = ready
        self.outcome.finals.append(
            Final(now - START, self._utterance.last_voiced / RATE, said.text, probability))
        self._tell(
            Transcript(START + said.request.end / RATE, self._endpointer.utterance, said.text,
                       True, self._endpointer.voiced_s, probability), now)

    # -- decision ---------------------------------------------------------------------------------

    def _tell(self, event: Event, now: float) -> None:
        self._at(now + HOP_S, lambda then: self._step(event, then))

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
            if not effect.ducked:
                self._at(now + HOP_S, lambda then: self._endpointer.close())
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
        """As the node that sends the speech: what has not begun waits for its full voice."""
        self._is_low = interrupt.ducked
        if not self._is_low and self._waiting is not None:
            react, self._waiting = self._waiting, None
            self._speak(react, now)

    def _speak(self, react: React, now: float) -> None:
        if self._machine.epoch != react.epoch or self._asked[-1].react is not react:
            return
        if self._is_low:
            self._waiting = react
            return
        self._heard[react.epoch] = now
        self._step(Playing(now, react.epoch, ''), now)
        self._at(now + REPLY_S, lambda then: self._fall_silent(react, then))

    def _fall_silent(self, react: React, now: float) -> None:
        if self._machine.epoch == react.epoch:
            self._step(Played(now, react.epoch, 'So it is.', True), now)

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
