"""The only place that lets perception and the turn machine listen to a recording faster than real
time.

The parts are those of the nodes (Hearing, Endpointer, Utterance, the models, TurnMachine), put
together without ROS. Time is simulated: sound arrives as it does in the graph, and what a model
does takes the processor time that it really took, on the clock for the language model. Partial
results take their time but are not read: they do not end a turn.
"""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from omni_agent.backends import RATE, Suppressor, languages
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.end_of_turn import PUNCTUATION
from omni_agent.core.endpoint import Endpointer, EndpointParams
from omni_agent.core.epoch import first_epoch
from omni_agent.core.events import (Effect, Event, Interrupt, Judge, Judged, Played, Playing,
                                    React, SpeechStarted, SpeechStopped, Tick, Transcript, Weigh,
                                    Weighed)
from omni_agent.core.hearing import HeardFrame, Hearing, VoiceModel
from omni_agent.core.turn import Agent, TurnMachine, TurnParams
from omni_agent.core.utterance import Request, Utterance

BLOCK_S = 0.02             # the microphone sends blocks
HOP_S = 0.012              # a topic, and waiting for the executor
PARTIAL_S = 0.3            # between partial results
# from the decision to the first sample of a prepared reply: bench latency, p50
FIRST_SPEECH_S = 0.9
REPLY_S = 2.5              # of speech
START = 1_000_000.0        # Unix time of the first sample
RECOGNISE_S = (0.02, 0.02)     # of a partial result: fixed, and per second of sound


@dataclass(frozen=True)
class Models:
    """``voice`` has a memory; the others have none."""

    voice: VoiceModel
    recognise: Callable[[np.ndarray], str]
    judge_end: Callable[[np.ndarray], float]
    # a fresh one for each recording
    suppressor: Callable[[], Suppressor | None] = lambda: None
    # how likely a sentence ends after these words
    ending: Callable[[str], float] | None = None


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


class Memo:
    """Results of the models by piece of sound, with the processor time each took: replays cost
    nothing.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: dict = {}

    def listen(self, samples: np.ndarray) -> tuple[list[HeardFrame], np.ndarray]:
        """Judged frames, and the sound as the recogniser gets it."""
        return self._once(('voice', samples.tobytes()), lambda: self._listen(samples))[0]

    def _listen(self, samples: np.ndarray) -> tuple[list[HeardFrame], np.ndarray]:
        self._models.voice.reset()
        hearing = Hearing(self._models.voice, None, self._models.suppressor(),
                          seconds=samples.size / RATE + 1)
        block = round(BLOCK_S * RATE)
        pcm = np.clip(samples * 32768, -32768, 32767).astype(np.int16)
        pcm = pcm[:pcm.size // block * block]
        frames = [frame for at in range(0, pcm.size, block)
                  for frame in hearing.hear(START + at / RATE, at, pcm[at:at + block])]
        return frames, hearing.clean.read(0, pcm.size).astype(np.float32) / 32768

    def words(self, samples: np.ndarray) -> tuple[str, float]:
        return self._once(('words', samples.tobytes()),
                          lambda: self._models.recognise(samples).strip())

    def turn_end(self, samples: np.ndarray) -> tuple[float, float]:
        return self._once(('end', samples.tobytes()), lambda: self._models.judge_end(samples))

    def ending(self, text: str) -> tuple[float | None, float]:
        """Its threads are its own, so its time is that of the clock."""
        if self._models.ending is None:
            return None, 0.0
        return self._once(('ending', text), lambda: self._models.ending(text.rstrip(PUNCTUATION)),
                          time.perf_counter)

    def _once(self, key: tuple, work: Callable,
              clock: Callable[[], float] = time.thread_time) -> tuple:
        key = key[0], hash(key[1])
        if key not in self._known:
            began = clock()
            result = work()
            self._known[key] = result, clock() - began
        return self._known[key]


@dataclass(frozen=True)
class _Said:
    request: Request
    text: str


class Play:
    """One recording through fresh nodes."""

    def __init__(self, memo: Memo, turn: TurnParams | None = None,
                 endpoint: EndpointParams | None = None) -> None:
        self._memo = memo
        self._endpointer = Endpointer(endpoint or EndpointParams())
        self._utterance = Utterance()
        self._machine = TurnMachine(turn or TurnParams(), Addressee(AddresseeParams()),
                                    first_epoch(START), languages.lexicon())
        self._queue: list = []
        self._order = itertools.count()
        self._busy_until = 0.0               # of the recogniser
        self._reacts: list[tuple[float, React]] = []
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
        while self._queue:
            now, _, action = heapq.heappop(self._queue)
            action(now)
        self._conclude()
        return self.outcome

    def _at(self, when: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    # -- perception -------------------------------------------------------------------------------

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
            fixed, share = RECOGNISE_S
            self._busy_until = now + fixed + share * (request.end - request.start) / RATE
            return
        samples = self._samples[request.start:request.end]
        text, took = self._memo.words(samples)
        self._busy_until = max(now, self._busy_until) + took
        self._at(self._busy_until, lambda then: self._on_words(_Said(request, text), then))
        probability, took = self._memo.turn_end(samples)
        self._at(now + took, lambda then: self._on_turn_end(request, probability, then))

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
            # only its time is news
            if self._reacts and self._reacts[-1][1].epoch == effect.epoch:
                self._reacts[-1] = self._reacts[-1][0], effect
            else:
                self._reacts.append((now, effect))
            self._at(max(effect.not_before, now + FIRST_SPEECH_S),
                     lambda then: self._speak(effect, then))

    def _speak(self, react: React, now: float) -> None:
        if self._machine.epoch == react.epoch and self._reacts[-1][1] is react:
            self._heard[react.epoch] = now
            self._step(Playing(now, react.epoch, ''), now)
            self._at(now + REPLY_S, lambda then: self._fall_silent(react, then))

    def _fall_silent(self, react: React, now: float) -> None:
        if self._machine.epoch == react.epoch:
            self._step(Played(now, react.epoch, 'So it is.', True), now)

    def _conclude(self) -> None:
        for now, react in self._reacts:
            released = max(now, react.not_before)
            void = any(then < released and epoch > react.epoch for then, epoch in self._interrupts)
            heard = self._heard.get(react.epoch)
            self.outcome.decisions.append(
                Decision(now - START, released - START, react.brief, void,
                         None if heard is None else heard - START))
        for now in self._refused:
            self.outcome.decisions.append(Decision(now - START, now - START, '', False, None))
        self.outcome.decisions.sort(key=lambda one: one.decided)
