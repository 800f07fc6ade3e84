"""A whole conversation on one simulated clock: the core's own objects, joined by racing topics.

A topic promises what DDS promises and no more: messages of one writer reach one reader in order;
between topics, writers and readers there is no order at all, and a latched message may come twice.
What leaves the loudspeaker is marked sample by sample with the reply that it belongs to, in a way
that survives any gain.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass
from typing import Callable

import numpy as np

from omni_agent.backends import languages
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.audio import FADE, RATE, Playout
from omni_agent.core.epoch import Admission, EpochGate, first_epoch
from omni_agent.core.events import (Effect, Event, Interrupt, Judge, Judged, Played, Playing,
                                    React, Reason, SpeechStarted, SpeechStopped, Tick, Transcript)
from omni_agent.core.pacing import Pacer
from omni_agent.core.speech import chunks
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

ENGLISH = languages.lexicon('en')
BLOCK = 320                  # [samples] 20 ms, what the device takes at a time
UNIX_S = 1_700_000_000.0     # when every conversation begins
MARKS = 12                   # replies are told apart modulo this
STEP = 0.8                   # from mark to mark; the steepest gain ramp changes neighbours by 6 %
SILENCE = -1                 # the mark of no reply
ANYTHING = -2
STOPS = {Reason.BARGE_IN, Reason.STOP_PHRASE, Reason.SUPERSEDED, Reason.LOST}

QUESTIONS = ('Robot, what time is it?', 'Tell me a story about a bear, please.',
             'Robot, how are you today?',
             'Wait, robot, what about tomorrow?', 'Tell me more about the weather, please.')
OTHERS = ('mm-hm', 'okay', '', 'Anna, did you lock the door?', 'I told him yesterday they went.',
          'stop', 'Stop it.')


@dataclass(frozen=True)
class Chunk:
    """What SpeechChunk.msg carries."""

    epoch: int
    samples: np.ndarray
    text: str
    last: bool


class World:
    """The clock and what is to happen."""

    def __init__(self, seed: int, delay_s: float) -> None:
        self.random = random.Random(seed)
        self.delay_s = delay_s
        self.now = 0.0
        self._count = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def unix_s(self) -> float:
        return UNIX_S + self.now

    def at(self, t: float, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (t, self._count, do))

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        self.at(self.now + seconds, do)

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, do = heapq.heappop(self._queue)
            do()
        self.now = until


class Topic:
    """One writer's side of a topic: in order for each reader, each message with its own delay."""

    def __init__(self, world: World, readers: list[Callable], twice: float = 0.0) -> None:
        self.world = world
        self.readers = readers
        self.twice = twice                   # chance that a latched message comes again, later
        self._latest = [0.0] * len(readers)

    def publish(self, message: object) -> None:
        for index, reader in enumerate(self.readers):
            self._deliver(index, reader, message, 0.0)
            if self.world.random.random() < self.twice:
                self.world.after(self.world.random.uniform(0.0, 2.0),
                                 lambda reader=reader: reader(message))

    def _deliver(self, index: int, reader: Callable, message: object, more_s: float) -> None:
        due = self.world.now + self.world.random.expovariate(1 / self.world.delay_s) + more_s
        self._latest[index] = max(self._latest[index], due)
        self.world.at(self._latest[index], lambda: reader(message))


class Decision:
    """The turn machine as the decision node runs it; ``die`` and start another for a restart."""

    def __init__(self, world: World, interrupt: Topic, react: Topic) -> None:
        self.world, self.interrupt, self.react = world, interrupt, react
        self.machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()),
                                   first_epoch(world.unix_s), ENGLISH)
        self.alive = True
        self._perform(self.machine.start())

    def die(self) -> None:
        self.alive = False

    def on_event(self, event: Event) -> None:
        if self.alive:
            self._perform(self.machine.step(event, self.world.unix_s))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Interrupt):
                self.interrupt.publish(effect)
            elif isinstance(effect, React):
                self.react.publish(effect)
            elif isinstance(effect, Judge):
                judged = Judged(effect.utterance, effect.text, self.world.random.uniform(-4, 4))
                self.world.after(self.world.random.uniform(0.05, 1.5),
                                 lambda judged=judged: self.on_event(judged))
        due = self.machine.deadline()
        if due is not None:
            self.world.at(due - UNIX_S + 1e-4, self._ring)

    def _ring(self) -> None:
        due = self.machine.deadline()
        if due is not None and due <= self.world.unix_s:
            self.on_event(Tick(self.world.unix_s))


class Reaction:
    """Writes replies of random length at random speed and sends them as the pacer allows."""

    def __init__(self, world: World, marks: dict[int, int], tagged: bool) -> None:
        self.world, self.marks, self.tagged = world, marks, tagged
        self.speech: Topic | None = None
        self.gate = EpochGate()
        self.pacer = Pacer(1.5)
        self.outbox: deque[Chunk] = deque()
        self.current = 0                     # what an untagged stop stops
        self.replies = 0

    def on_interrupt(self, message: Interrupt) -> None:
        if self.tagged:
            seen = self.gate.admit(message.epoch)
            if seen is Admission.NEWER:
                self._flush(message.epoch)
            if seen is not Admission.STALE:
                self.pacer.lower(message.ducked)
                self.send()
        elif message.reason in STOPS:
            self.current = 0
            self._flush(0)

    def on_react(self, message: React) -> None:
        if self.tagged:
            seen = self.gate.admit(message.epoch)
            if seen is Admission.STALE:
                return
            if seen is Admission.NEWER:
                self._flush(message.epoch)
        self.pacer.hold(message.not_before - UNIX_S)
        self.current = message.epoch
        self.replies += 1
        self.marks[message.epoch] = self.replies % MARKS
        self._write(message.epoch, self.world.random.randint(1, 4))

    def on_playback(self, message: Playing | Played) -> None:
        if isinstance(message, Playing) and message.epoch == self.gate.epoch:
            self.pacer.played(float(message.heard or 0), self.world.now)

    def _flush(self, epoch: int) -> None:
        self.outbox.clear()
        self.pacer.begin(epoch)

    def _is_stale(self, epoch: int) -> bool:
        return self.gate.is_stale(epoch) if self.tagged else epoch != self.current

    def _write(self, epoch: int, sentences: int) -> None:
        self.world.after(self.world.random.uniform(0.1, 0.9),
                         lambda: self._speak(epoch, sentences))

    def _speak(self, epoch: int, sentences: int) -> None:
        if self._is_stale(epoch):
            return
        sound = marked(self.marks[epoch], 2 * self.world.random.randint(4500, 20_000))
        self.outbox += [Chunk(epoch, samples, text, False)
                        for samples, text in chunks(sound, [(0, f'of {epoch}')])]
        if sentences > 1:
            self._write(epoch, sentences - 1)
        else:
            self.outbox.append(Chunk(epoch, np.zeros(0, np.int16), '', True))
        self.send()

    def send(self) -> None:
        while self.outbox and self.pacer.may_send(self.world.now):
            chunk = self.outbox.popleft()
            if not self._is_stale(chunk.epoch):
                self.speech.publish(chunk)
                self.pacer.sent(chunk.samples.size / RATE, self.world.now)
        if self.outbox:
            self.world.after(0.05, self.send)


class Speaker:
    """Gate and playout as the speaker node joins them; ``audio`` is all that was ever heard."""

    def __init__(self, world: World, seconds: float, tagged: bool) -> None:
        self.world, self.tagged = world, tagged
        self.playback: Topic | None = None
        self.gate = EpochGate()
        self.playout = Playout()
        self.audio = np.zeros((int(seconds * RATE / BLOCK) + 1, BLOCK), np.int16)
        self.block = 0
        self.learnt: list[tuple[int, int]] = []       # (next block, epoch) at each newer epoch
        self.cuts = 0                                 # times that sound was cut off
        self._reported = 0
        world.at(0.0, self.fill)

    def fill(self) -> None:
        """The device takes a block every 20 ms."""
        if self.block >= len(self.audio):
            return
        self.playout.fill(self.audio[self.block])
        self.block += 1
        if self.block % 5 == 0:
            self._report()
        self.world.at(self.block * BLOCK / RATE, self.fill)

    def on_interrupt(self, message: Interrupt) -> None:
        seen = self._admit(message.epoch)
        if not self.tagged:
            seen = Admission.NEWER if message.reason in STOPS else Admission.CURRENT
        if seen is Admission.STALE:
            return
        if seen is Admission.NEWER:
            self._flush()
        self.playout.lower(message.ducked)

    def on_speech(self, chunk: Chunk) -> None:
        seen = self._admit(chunk.epoch)
        if self.tagged:
            if seen is Admission.STALE:
                return
            if seen is Admission.NEWER:
                self._flush()
        self.playout.push(chunk.epoch if self.tagged else 1, chunk.samples, chunk.text, chunk.last)

    def _admit(self, epoch: int) -> Admission:
        seen = self.gate.admit(epoch)
        if seen is Admission.NEWER:
            self.learnt.append((self.block, epoch))
        return seen

    def _flush(self) -> None:
        progress = self.playout.flush()
        if progress.played and not progress.complete:
            self.cuts += 1
            self.playback.publish(Played(self.world.unix_s, self._epoch(progress.epoch),
                                         progress.heard, False))

    def _epoch(self, epoch: int) -> int:
        return epoch if self.tagged else self.gate.epoch

    def _report(self) -> None:
        progress = self.playout.progress()
        if progress.complete:
            if self._reported != progress.epoch:
                self._reported = progress.epoch
                self.playback.publish(Played(self.world.unix_s, self._epoch(progress.epoch),
                                             progress.heard, True))
        elif progress.played:
            # the seconds played travel in the text, as the decision does not look at it
            self.playback.publish(Playing(self.world.unix_s, self._epoch(progress.epoch),
                                          f'{progress.played / RATE:.3f}'))


class Person:
    """Talks for a minute as perception would report it; at last a question, then quiet."""

    def __init__(self, world: World, percept: Topic, seconds: float) -> None:
        self.world, self.percept = world, percept
        self.lines = 0
        t = 0.5
        while t < seconds - 14.0:
            text = world.random.choice(QUESTIONS if world.random.random() < 0.6 else OTHERS)
            t = self._say(t, text) + world.random.choice([0.6, 0.8, 1.0, 1.5, 2.5, 4.0])
        self.last_question = max(t, seconds - 13.0)
        self._say(self.last_question, 'Robot, tell me a story, please.')

    def _say(self, t: float, text: str) -> float:
        """Schedule one utterance and return its end."""
        self.lines += 1
        number, spoken, step_s = self.lines, text.split(), 0.3
        end = t + 0.3 + step_s * len(spoken)
        self._tell(t + 0.07, SpeechStarted(UNIX_S + t, number))
        for count in range(1, len(spoken)):
            heard = ' '.join(spoken[:count])
            at = t + 0.15 + step_s * count
            self._tell(at, Transcript(UNIX_S + at, number, heard, False, at - t))
        self._tell(end + 0.2, SpeechStopped(UNIX_S + end, number, end - t))
        self._tell(end + self.world.random.uniform(0.25, 0.5),
                   Transcript(UNIX_S + end, number, text, True, end - t,
                              self.world.random.random()))
        return end

    def _tell(self, t: float, event: Event) -> None:
        self.world.at(t, lambda: self.percept.publish(event))


class Conversation:
    """Sixty seconds, to the end. ``tagged`` False: with a plain 'stop' that carries no epoch."""

    def __init__(self, seed: int, delay_s: float, tagged: bool = True,
                 seconds: float = 60.0) -> None:
        self.world = world = World(seed, delay_s)
        self.marks: dict[int, int] = {}
        self.speaker = Speaker(world, seconds, tagged)
        self.reaction = Reaction(world, self.marks, tagged)
        self.reaction.speech = Topic(world, [self.speaker.on_speech])
        self.decision = self._decision()
        self.speaker.playback = Topic(world, [lambda event: self.decision.on_event(event),
                                              self.reaction.on_playback])
        self.person = Person(world, Topic(world, [lambda event: self.decision.on_event(event)]),
                             seconds)
        self.restarts = int(seed % 4 == 3)
        for _ in range(self.restarts):
            world.at(world.random.uniform(10.0, 40.0), self._restart)
        world.run(seconds)

    def _decision(self) -> Decision:
        readers = [self.speaker.on_interrupt, self.reaction.on_interrupt]
        return Decision(self.world, Topic(self.world, readers, twice=0.2),
                        Topic(self.world, [self.reaction.on_react]))

    def _restart(self) -> None:
        self.decision.die()
        self.decision = self._decision()

    def heard(self) -> np.ndarray:
        """The mark of every sample that was heard, SILENCE where none can be read."""
        return marks_in(self.speaker.audio.reshape(-1))

    def allowed(self) -> np.ndarray:
        """The mark that every sample may have at most; ANYTHING in the fades."""
        allowed = np.full(self.speaker.audio.size, SILENCE)
        for block, epoch in self.speaker.learnt:
            allowed[block * BLOCK:] = self.marks.get(epoch, SILENCE)
        for block, _ in self.speaker.learnt:
            allowed[block * BLOCK:block * BLOCK + FADE] = ANYTHING
        return allowed

    def stale_samples(self) -> int:
        """Samples of an older epoch heard after the speaker had got a newer one, and a fade."""
        heard, allowed = self.heard(), self.allowed()
        stale = (heard != SILENCE) & (allowed != ANYTHING) & (heard != allowed)
        return int(np.count_nonzero(stale))

    def last_question_answered(self) -> bool:
        """Whether sound of the newest reply was heard after the last question."""
        newest = self.marks.get(max(self.marks, default=0), SILENCE)
        after = self.heard()[int(self.person.last_question * RATE):]
        return bool(np.count_nonzero(after == newest) > RATE // 4) and newest != SILENCE


def marked(mark: int, samples: int) -> np.ndarray:
    """A sound whose negative samples are STEP ** mark of the positive ones: no gain hides that."""
    return np.tile(np.array([12_000, -12_000 * STEP ** mark], np.int16), samples // 2)


def marks_in(audio: np.ndarray) -> np.ndarray:
    """The mark that each positive sample and the one after it carry, SILENCE elsewhere."""
    found = np.full(audio.size, SILENCE)
    first, second = audio[:-1].astype(np.float64), audio[1:].astype(np.float64)
    at = np.flatnonzero((first > 100) & (second < 0))
    found[at] = np.rint(np.log(-second[at] / first[at]) / np.log(STEP))
    return found
