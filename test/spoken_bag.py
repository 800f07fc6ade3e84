"""Bags for tests with real sound in them: an agent that hears people speak, made of the parts of
the nodes, as a recorder would have written it that came a little later than the agent.
"""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import Iterable, Iterator

import numpy as np
from bag_making import OWN, STRING, BagMaker
from test_replay import ENGLISH, EPOCH

from omni_agent.backends import ear_models, load
from omni_agent.backends.hear_again import HearAgain, Pace
from omni_agent.core import ears, percepts, trace
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.ears import Ears, Framed, PerceptionParams
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.events import (Event, Interrupt, Judge, Judged, React, Reason, Tick, Weigh,
                                    Weighed)
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Perceived
from omni_agent.core.trace import Step
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

RATE, BLOCK = 16_000, 320
T0 = 1_760_000_000.0
LATE = 7                 # chunks that the agent heard before the recorder came
USUAL = (0.2, 0.0)       # the recogniser: fixed, and per second of sound
TURN_END_S = 0.35
HOP_S = 0.004


class Agent:
    """Hears a room of samples; everything that it would say on its topics is recorded."""

    def __init__(self, maker: BagMaker, params: PerceptionParams = PerceptionParams(),
                 endpoint: EndpointParams = EndpointParams()) -> None:
        self.maker, self.t = maker, T0
        recognise = load.recogniser(params.recogniser, names=params.name_list)
        self.hear = HearAgain(recognise, load.turn_end(params.turn_end),
                              Pace((), USUAL, USUAL, TURN_END_S),
                              load.voice_print(params.voice_print))
        self.ears = Ears(params, endpoint, LipsInTime(), self.hear.is_idle, lambda what: None)
        self.ears.hear_with(*ear_models.voices(params.vad), None)
        self.machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()), EPOCH, ENGLISH)
        self.records = 0
        self.told: list[Perceived] = []
        self._answers: list[tuple[float, int, Event]] = []

    def run(self, room: np.ndarray, robot: np.ndarray, strict: np.ndarray) -> None:
        """int16 of the same length: the gentle stream, the loudspeaker, the strict stream."""
        for number, at in enumerate(range(0, room.size - BLOCK + 1, BLOCK)):
            t, came = T0 + at / RATE, T0 + (at + BLOCK) / RATE + HOP_S
            self.until(came)
            if number == self.late:
                self._begin(came)
            self.is_recorded = number >= self.late
            for topic, sound in (('speaker/reference', robot), ('audio/strict', strict),
                                 ('audio', room)):
                self._hear(topic, t, at, sound[at:at + BLOCK], came)

    def _hear(self, topic: str, t: float, at: int, samples: np.ndarray, came: float) -> None:
        self.put(topic, 'AudioChunk', came, header=t, position=at, rate=RATE, channels=1,
                 samples=samples)
        if topic == 'speaker/reference':
            self.ears.reference(t, samples)
            return
        into = self.ears.audio if topic == 'audio' else self.ears.strict
        self.tell(self.hear.take(self.ears, self._framed(into(t, at, samples), came), came), came)

    def _framed(self, effects: Iterable[ears.Effect], now: float) -> Iterator[ears.Effect]:
        for effect in effects:
            if isinstance(effect, Framed):
                self.put('speech_state', 'SpeechState', now, header=effect.t,
                         utterance=effect.utterance, is_speaking=effect.is_speaking,
                         probability=effect.probability)
            yield effect

    def until(self, t: float) -> None:
        while self.hear.due_s <= t:
            now = self.hear.due_s
            self.tell(self.hear.answer(self.ears), now)
        self._catch_up(t)

    def _catch_up(self, t: float) -> None:
        while True:
            due = self.machine.deadline()
            if self._answers and self._answers[0][0] <= min(t, due or t):
                at, _, event = heapq.heappop(self._answers)
                self.step(event, at)
            elif due is not None and due <= t:
                self.step(Tick(due), due)
            else:
                return

    def tell(self, perceived: list[Perceived], now: float) -> None:
        for one in perceived:
            self.told.append(one)
            self.put('percept', 'Percept', now + HOP_S, header=one.t, kind=one.kind.value,
                     utterance=one.utterance, start=one.start, text=one.text,
                     turn_end_probability=one.turn_end, voiced_s=one.voiced_s,
                     level_dbfs=one.level_dbfs, echo_likelihood=one.echo,
                     text_echo_likelihood=one.text_echo, processing_s=one.processing_s,
                     cue_names=[name for name, _ in one.cues],
                     cue_values=[value for _, value in one.cues])
            self._catch_up(now + HOP_S)
            self.step(percepts.event(one), now + HOP_S)

    def step(self, event: Event, now: float) -> None:
        effects = self.machine.step(event, now)
        self._trace(Step(self.records, now, event, tuple(effects),
                         trace.state(self.machine.view())), now)
        for effect in effects:
            if isinstance(effect, Interrupt):
                self.put('interrupt', 'Interrupt', now, header=now, epoch=effect.epoch,
                         ducked=effect.ducked, reason=effect.reason.value,
                         evidence=effect.evidence or 0.0)
                self.ears.interrupted(now, effect.ducked, effect.reason is Reason.NEW_REPLY)
            elif isinstance(effect, React):
                self.put('react', 'React', now, header=now, epoch=effect.epoch,
                         brief=effect.brief, not_before=effect.not_before)
            elif isinstance(effect, (Judge, Weigh)):
                kind = Judged if isinstance(effect, Judge) else Weighed
                heapq.heappush(self._answers, (now + 0.1, self.records, kind(
                    effect.utterance, effect.text, 1.0)))

    is_recorded = False
    late = LATE
    without: tuple[str, ...] = ()        # topics that are not recorded

    def _begin(self, now: float) -> None:
        self.is_recorded = True
        self._trace(trace.begin(self.machine, self.records, now, '0.1.0', 'en'), now)
        # latched
        self.put('interrupt', 'Interrupt', now, header=T0, epoch=self.machine.epoch)

    def _trace(self, record: trace.Record, now: float) -> None:
        self.records += 1
        self.put('decision_trace', '', now, data=trace.write(record))

    def put(self, topic: str, kind: str, now: float, /, **fields: object) -> None:
        if self.is_recorded and topic not in self.without:
            self.maker.put(f'/{topic}', f'{OWN}{kind}' if kind else STRING, now, **fields)


def room(*said: tuple[float, np.ndarray], seconds: float) -> np.ndarray:
    """int16 of a quiet room in which each float32 sound begins at its second."""
    sound = 0.0005 * np.random.default_rng(3).standard_normal(round(seconds * RATE))
    for at, samples in said:
        begin = round(at * RATE)
        part = samples[:sound.size - begin]
        sound[begin:begin + part.size] += part
    return np.clip(sound * 32768, -32768, 32767).astype(np.int16)


def spoken(folder: Path, *said: tuple[float, np.ndarray], seconds: float,
           without: tuple[str, ...] = ()) -> list[Perceived]:
    """A bag of it, and what was heard."""
    heard = room(*said, seconds=seconds)
    with BagMaker(folder, version='0.1.0') as maker:
        agent = Agent(maker)
        agent.without = without
        agent.run(heard, np.zeros_like(heard), heard)
        agent.until(T0 + seconds + 2.0)
    return agent.told
