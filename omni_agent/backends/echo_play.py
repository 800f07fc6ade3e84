"""The only place that lets the ear listen to its own robot faster than real time: one case of the
echo bench.

The parts are those of the nodes (FrontEnd and cancellers of the microphone; core/ears.py and the
models of perception; TurnMachine of decision), put together without ROS. Models answer at once, so
times are those of the sound: to the end of the 20 ms block that held the evidence.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, Sequence

import numpy as np

from omni_agent.backends import BLOCK, RATE, audio_files, ear_models, languages, load
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.ear_workers import EarWorkers, Job
from omni_agent.backends.echo_path import Case, echo
from omni_agent.backends.echo_speech import Own, Said
from omni_agent.core import percepts
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.ears import Ears, PerceptionParams, Recognise, Recognised, TurnEndJudged
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.events import (Effect, Event, Interrupt, Judge, Judged, Playing, React,
                                    Reason, Tick, Transcript, Typed)
from omni_agent.core.front_end import FrontEnd
from omni_agent.core.lips import LipsInTime
from omni_agent.core.own_words import distance, is_own
from omni_agent.core.percepts import Perceived
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams
from omni_agent.core.words import words

START = 1_000_000.0        # Unix time of the first sample
AHEAD = 2                  # [blocks] that the speaker tells of a block before it sounds
JITTER_S = 2e-4            # of the stamps of either device, after their clocks were smoothed
NOISE_DBFS = -60.0         # of the room
TOLD_S = 0.2               # between two messages of the speaker
MEANT = 4.0                # log odds
# of people at the microphone, by turns: next to it, at 1 m, far away
LEVELS_DBFS = (-20.0, -26.0, -32.0)
GAP = 3 * RATE             # [samples] between two people
AFTER = RATE // 2          # [samples] after a person's last sound a result still counts as theirs
BEFORE = RATE // 10        # [samples] before a person's first sound is not yet them

Hears = Callable[[np.ndarray], str]


@dataclass(frozen=True)
class Cut:
    """A person who speaks over the robot: where, how loud, noticed after what time, understood as
    what.
    """

    said: Said
    level_dbfs: float
    onset: int                   # [samples] first sound in the stream
    end: int


@dataclass
class Overheard:
    """What came of one case."""

    seconds: float = 0.0
    # of front end, echo gate and voice activity; the recogniser is not in it
    cpu_s: float = 0.0
    lowered_at: list[float] = field(default_factory=list)        # [s] the voice gave way
    lowered_s: float = 0.0
    stopped_by: list[str] = field(default_factory=list)          # words that raised the epoch
    # words that were known to be the robot's own
    refused: list[str] = field(default_factory=list)
    notices: list[tuple[Cut, float | None]] = field(default_factory=list)      # [s]
    heard: list[tuple[Cut, str]] = field(default_factory=list)


def alone(case: Case, own: Own, recognise: Hears) -> Overheard:
    """Nobody speaks but the robot: whatever lowers or stops its voice is its own echo."""
    ear = _Ear(case, own, np.zeros(own.samples.size, np.float32), recognise, partials=True)
    robot = _Robot(own, ear.found, ear.interrupted)
    for now, events in ear.events():
        for event in events:
            robot.step(event, now)
        robot.go_on(now)
    robot.close(ear.found.seconds)
    return ear.found


def interrupted(case: Case, own: Own, people: Sequence[Said],
                recognise: Hears | None) -> Overheard:
    """People cut in, and the robot goes on at full loudness: the hardest case for their words."""
    voices, cuts = _placed(own, people)
    ear = _Ear(case, own, voices, recognise, partials=False)
    noticed: dict[int, float] = {}
    texts: dict[int, list[str]] = {}
    for now, events in ear.events():
        at = round((now - START) * RATE)
        index = next(
            (index
             for index, cut in enumerate(cuts) if cut.onset - BEFORE <= at < cut.end + AFTER),
            None)
        if index is None:
            continue
        endpointer = ear.ears.endpointer
        if (endpointer.speaking
                and endpointer.last_voiced > START + cuts[index].onset / RATE):
            noticed.setdefault(index, max(0.0, now - START - cuts[index].onset / RATE))
        texts.setdefault(index, []).extend(
            event.text for event in events
            if isinstance(event, Transcript) and not is_own(event.text_echo, event.echo))
    ear.found.notices = [(cut, noticed.get(index)) for index, cut in enumerate(cuts)]
    ear.found.heard = [(cut, ' '.join(texts.get(index, [])[-1:]))
                       for index, cut in enumerate(cuts)]
    return ear.found


def word_errors(heard: Sequence[tuple[Cut, str]]) -> tuple[int, int]:
    """(errors, words said)."""
    pairs = [(words(cut.said.text.replace('-', ' ')), words(text.replace('-', ' ')))
             for cut, text in heard]
    return sum(distance(said, text) for said, text in pairs), sum(len(said) for said, _ in pairs)


def _placed(own: Own, people: Sequence[Said]) -> tuple[np.ndarray, list[Cut]]:
    """Each person begins while the robot speaks; nobody in the first eight seconds, when it does
    not know its room.
    """
    loud = (np.abs(own.samples[:own.samples.size // BLOCK * BLOCK]).reshape(-1, BLOCK).max(axis=1)
            > 500)
    voices, cuts, at = np.zeros(own.samples.size, np.float32), [], 8 * RATE
    for index, said in enumerate(people):
        # people come in pairs of human and synthetic
        level = LEVELS_DBFS[index // 2 % len(LEVELS_DBFS)]
        while (at + RATE < own.samples.size
               and loud[at // BLOCK:(at + RATE // 2) // BLOCK].mean() < 0.9):
            at += BLOCK
        if at + said.samples.size + RATE > own.samples.size:
            break
        voices[at:at +
               said.samples.size] += (said.samples *
                                      acoustics.db(level - acoustics.speech_level(said.samples)))
        cuts.append(Cut(said, level, at + said.onset, at + said.samples.size))
        at += said.samples.size + GAP
    return voices, cuts


@dataclass(frozen=True)
class _Models:
    """They answer at once; nobody judges the end of a turn."""

    recognise: Hears | None

    def jobs(self, wanted: Recognise, end: float,
             now: float) -> tuple[Job[Recognised], Job[TurnEndJudged] | None]:
        request = wanted.request
        words = Job(0.0, lambda: ear_models.transcribe(self.recognise, wanted))
        return words, Job(0.0, lambda: TurnEndJudged(request, 1.0)) if request.final else None


class _Ear:
    """Microphone and perception."""

    def __init__(self, case: Case, own: Own, voices: np.ndarray, recognise: Hears | None,
                 partials: bool) -> None:
        noise = np.resize(acoustics.pink_noise(NOISE_DBFS, seed=1), voices.size)
        self.found = Overheard(seconds=voices.size / RATE)
        self._microphone = audio_files.to_int16(echo(case, own.samples) + voices + noise)
        self._own = own
        self._speed = 1.0 + case.drift_ppm * 1e-6      # of the loudspeaker's clock
        self._front_end = FrontEnd(load.canceller('speex'), load.canceller('aec3'))
        self._workers = EarWorkers(_Models(recognise))
        self.ears = Ears(PerceptionParams(), EndpointParams(), LipsInTime(),
                         self._workers.is_idle if partials else lambda: False, lambda what: None)
        self.ears.hear_with(*ear_models.voices('silero'), None)
        self._lexicon = languages.lexicon()
        self._partials = partials
        self._jitter = np.random.default_rng(7)

    def interrupted(self, interrupt: Interrupt, now: float) -> None:
        self.ears.interrupted(now, interrupt.ducked, interrupt.reason is Reason.NEW_REPLY)

    def events(self) -> Iterator[tuple[float, list[Event]]]:
        """What perception tells by the end of each block."""
        blocks = self._own.samples.size // BLOCK
        spoken = iter(self._own.words)
        word, heard = next(spoken, None), []
        played = 0
        for block in range(blocks):
            now = START + (block + 1) * BLOCK / RATE
            began = time.process_time()
            told = self._hear(block, now)
            # by the microphone's clock
            while played < blocks and played / self._speed <= block + AHEAD:
                self._play(played)
                played += 1
            self.found.cpu_s += time.process_time() - began
            while word is not None and word[0] < (block + 1) * BLOCK:
                heard.append(word[1])
                word = next(spoken, None)
            if block % round(TOLD_S * RATE / BLOCK) == 0:
                self.ears.played(now, 1, ' '.join(heard))
            while self._workers.due_s <= now:
                told += self._workers.answer(self.ears)
            yield now, [self._event(one) for one in told]

    def _play(self, block: int) -> None:
        samples = self._own.samples[block * BLOCK:(block + 1) * BLOCK]
        if samples.any():
            t = START + block * BLOCK / RATE / self._speed + self._jitter.normal(0, JITTER_S)
            self._front_end.play(t, block * BLOCK, samples)
            self.ears.reference(t, samples)

    def _hear(self, block: int, now: float) -> list[Perceived]:
        position = block * BLOCK
        t = START + position / RATE + self._jitter.normal(0, JITTER_S)
        told: list[Perceived] = []
        for cleaned in self._front_end.hear(t, position,
                                            self._microphone[position:position + BLOCK]):
            for into, samples in ((self.ears.strict, cleaned.strict),
                                  (self.ears.audio, cleaned.gentle)):
                told += self._workers.take(self.ears, into(cleaned.t, cleaned.position, samples),
                                           now)
        return told

    def _event(self, perceived: Perceived) -> Event:
        event = percepts.event(perceived)
        # counted here; the turn machine refuses them itself. Partial words of people, asked for at
        # a pause, may still be believed a moment later
        if (isinstance(event, Transcript) and (event.final or self._partials)
                and is_own(event.text_echo, event.echo, self._lexicon.is_stop(event.text))):
            self.found.refused.append(event.text)
        return event


class _Robot:
    """A decision node whose robot never stops speaking: a stop is counted, and it begins again."""

    def __init__(self, own: Own, found: Overheard,
                 tell: Callable[[Interrupt, float], None] = lambda interrupt, now: None) -> None:
        self._tell = tell                    # the ears
        self._machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()), 1,
                                    languages.lexicon())
        self._found = found
        self._lowered: float | None = None
        self._told = 0.0
        self._text = ''
        self._utterance = 0
        self._stopped_by = 0                 # utterance
        self._begin(START)

    def _begin(self, now: float) -> None:
        effects = self._machine.step(Typed(now, 'Tell me about it.'), now)
        assert any(isinstance(effect, React) for effect in effects)
        for effect in effects:
            if isinstance(effect, Interrupt):
                self._tell(effect, now)
        self._machine.step(Playing(now, self._machine.epoch, ''), now)

    def go_on(self, now: float) -> None:
        deadline = self._machine.deadline()
        if deadline is not None and deadline <= now:
            self._obey(self._machine.step(Tick(now), now), now)
        if now >= self._told + TOLD_S:
            self._told = now
            self.step(Playing(now, self._machine.epoch, ''), now)

    def step(self, event: Event, now: float) -> None:
        utterance = getattr(event, 'utterance', 0)
        # a robot that fell silent would not have heard it
        if utterance and utterance == self._stopped_by:
            return
        if isinstance(event, Transcript):
            self._text, self._utterance = event.text, utterance
        self._obey(self._machine.step(event, now), now)

    def _obey(self, effects: Sequence[Effect], now: float) -> None:
        for effect in effects:
            # the strictest judge there is: everything was meant for the robot
            if isinstance(effect, Judge):
                self.step(Judged(effect.utterance, effect.text, MEANT), now)
            if not isinstance(effect, Interrupt):
                continue
            self._tell(effect, now)
            if effect.ducked and self._lowered is None:
                self._lowered = now
                self._found.lowered_at.append(now - START)
            elif not effect.ducked:
                self._raise(now)
            if effect.reason in (Reason.BARGE_IN, Reason.STOP_PHRASE, Reason.SUPERSEDED):
                self._found.stopped_by.append(self._text)
                self._stopped_by = self._utterance
                self._begin(now)

    def _raise(self, now: float) -> None:
        if self._lowered is not None:
            self._found.lowered_s += now - self._lowered
            self._lowered = None

    def close(self, seconds: float) -> None:
        self._raise(START + seconds)
