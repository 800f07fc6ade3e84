"""Who goes on after a pause is noticed by the first sound, before the detector knows a voice."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import pytest

from omni_agent.backends.fake import LevelVad
from omni_agent.core.audio import RATE
from omni_agent.core.cues import Cues
from omni_agent.core.ears import Ears, PerceptionParams
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.percepts import Kind, Perceived

BLOCK = RATE // 50
T0 = 1_000.0


class NoLips:
    def heard(self, t: float, probability: float) -> None:
        return

    def cues(self, since: float) -> Cues:
        return ()


class Room:
    """A quiet room with both streams of a microphone, block by block."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)
        self.counts: dict[str, int] = {}
        self.told: list[Perceived] = []
        self.at = 0
        self._ears = Ears(PerceptionParams(), EndpointParams(), NoLips(), lambda: True,
                          self._count)
        self._ears.hear_with(LevelVad(), LevelVad(), None)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def hears(self, seconds: float, scale: float = 8.0) -> None:
        """Noise with that standard deviation of int16 samples: 8 is the room, 3000 a voice."""
        for _ in range(round(seconds * RATE / BLOCK)):
            samples = np.round(self._rng.normal(0.0, scale, BLOCK)).astype(np.int16)
            for effect in self._block(samples):
                if isinstance(effect, Perceived):
                    self.told.append(effect)
            self.at += BLOCK

    def _block(self, samples: np.ndarray) -> Iterator[object]:
        t = T0 + self.at / RATE
        yield from self._ears.audio(t, self.at, samples)
        yield from self._ears.strict(t, self.at, samples)

    def kinds(self) -> list[Kind]:
        return [one.kind for one in self.told]


@pytest.fixture
def room() -> Room:
    made = Room()
    made.hears(1.0)
    made.hears(1.0, 3_000.0)
    made.hears(0.4)
    assert made.kinds() == [Kind.SPEECH_STARTED, Kind.SPEECH_STOPPED]
    made.told.clear()
    return made


def test_the_next_word_is_told_as_a_sound_before_it_is_told_as_a_voice(room: Room) -> None:
    begins = T0 + room.at / RATE
    room.hears(0.2, 3_000.0)
    assert room.kinds() == [Kind.SOUND_STARTED, Kind.SPEECH_STARTED]
    assert room.told[0].t == pytest.approx(begins + BLOCK / RATE)
    assert room.counts['sounds after a voice'] == 1


def test_a_silence_that_nobody_breaks_is_silent(room: Room) -> None:
    room.hears(4.0)
    assert room.told == []


def test_a_sound_long_after_a_voice_is_nobodys_next_word(room: Room) -> None:
    room.hears(3.0)
    room.hears(0.02, 300.0)
    room.hears(0.5)
    assert room.told == []


def test_a_sound_that_is_no_voice_is_told_once(room: Room) -> None:
    for _ in range(3):
        room.hears(0.02, 60.0)
        room.hears(0.1)
    assert room.kinds() == [Kind.SOUND_STARTED]
