"""What a storm may leave in memory, and what a clock that is set may make anybody wait for."""

from __future__ import annotations

import time

import pytest
from test_interrupt_faults import set_clock
from test_interrupt_storm import after
from test_turn_properties import EPOCH, ENGLISH

from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.events import SpeechStarted, SpeechStopped, Tick, Transcript, Typed
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

LONGEST_WAIT_S = 20.0        # the longest of the turn's own times is 15 s
HOUR = 3600.0


def machine() -> TurnMachine:
    return TurnMachine(TurnParams(), Addressee(AddresseeParams()), EPOCH, ENGLISH)


def test_a_reply_answers_the_last_few_of_many_questions_not_all_six_hundred():
    decision = after('typed').lives['decision'][0]
    assert max(len(react.brief) for react in decision.react.sent) < 200
    assert decision.most_held < 12


def test_a_clock_set_back_makes_nobody_wait_for_an_hour():
    waits = [
        max(decision.longest_wait_s for decision in set_clock(seed, -HOUR).lives['decision'])
        for seed in range(16)
    ]
    assert max(waits) <= LONGEST_WAIT_S


@pytest.mark.parametrize('skew_s', [HOUR, -HOUR])
def test_perception_by_another_clock_still_gets_its_question_answered(skew_s: float):
    turn, now = machine(), 10 * HOUR
    for event in (SpeechStarted(now + skew_s, 1), SpeechStopped(now + skew_s, 1, 1.0),
                  Transcript(now + skew_s, 1, 'Robot, tell me a story, please.', True, 1.0, 0.9)):
        turn.step(event, now)
    while (due := turn.deadline()) is not None and turn.epoch == EPOCH:
        assert due - now <= LONGEST_WAIT_S
        now = due
        turn.step(Tick(now), now)
    assert turn.epoch == EPOCH + 1


def test_a_voice_that_is_lowered_when_the_clock_is_set_back_is_up_after_the_limit():
    turn, now = machine(), 10 * HOUR
    turn.step(Typed(now, 'tell me a story'), now)
    turn.step(SpeechStarted(now, 1), now)
    now -= HOUR
    turn.step(Tick(now), now)
    assert turn.deadline() - now <= TurnParams().duck_limit_s


def test_a_minute_of_nods_costs_a_fraction_of_a_minute():
    began = time.process_time()
    after.__wrapped__('nods')
    # 0.9 s; 17 s where every word looks at every lowering
    assert time.process_time() - began < 5.0
