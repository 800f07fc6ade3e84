"""The workers of the listening models in simulated time, with the real ears."""

from __future__ import annotations

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.backends.ear_workers import EarWorkers, Job
from omni_agent.backends.fake import LevelVad
from omni_agent.core.ears import Ears, PerceptionParams, Recognise, Recognised, TurnEndJudged
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Kind, Perceived

SLOW_S = 0.4


class Slow:
    """Models that take their time; ``asked`` is what for."""

    def __init__(self) -> None:
        self.asked: list[Recognise] = []

    def jobs(self, wanted: Recognise, end: float,
             now: float) -> tuple[Job[Recognised], Job[TurnEndJudged] | None]:
        self.asked.append(wanted)
        request = wanted.request
        words = Job(SLOW_S, lambda: Recognised(request, 'Hello there.', SLOW_S))
        return words, Job(0.1, lambda: TurnEndJudged(request, 0.9)) if request.final else None


def listen(models: Slow, sound: np.ndarray) -> list[tuple[float, Perceived]]:
    """What is perceived, and when."""
    workers, told = EarWorkers(models), []
    ears = Ears(PerceptionParams(), EndpointParams(), LipsInTime(), workers.is_idle,
                lambda what: None)
    ears.hear_with(LevelVad(), None, None)
    for at in range(0, sound.size, BLOCK):
        now = (at + BLOCK) / RATE
        while workers.due_s <= now:
            due_s = workers.due_s
            told += [(due_s, one) for one in workers.answer(ears)]
        told += [(now, one) for one in workers.take(
            ears, ears.audio(at / RATE, at, sound[at:at + BLOCK]), now)]
    return told


def spoken() -> np.ndarray:
    """A second of noise from one half on, in silence."""
    sound = np.zeros(3 * RATE, np.int16)
    noise = np.random.default_rng(1).normal(0, 3000, RATE).astype(np.int16)
    sound[RATE // 2:3 * RATE // 2] = noise
    return sound


def test_words_are_final_when_the_slower_of_both_models_has_answered() -> None:
    models = Slow()
    told = listen(models, spoken())
    (at, final), = [(at, one) for at, one in told if one.kind is Kind.FINAL]
    assert final.text == 'Hello there.' and abs(final.turn_end - 0.9) < 1e-6
    begun = min(1.5 + 0.1, final.t)                      # of silence
    assert SLOW_S <= at - begun <= 2 * SLOW_S + 0.1      # it may have waited for a partial one


def test_a_busy_recogniser_is_not_asked_for_partial_words() -> None:
    models = Slow()
    listen(models, spoken())
    ends = [one.request.end / RATE for one in models.asked if not one.request.final]
    assert len(ends) >= 2 and min(np.diff(ends)) >= SLOW_S
    assert sum(one.request.final for one in models.asked) == 1
