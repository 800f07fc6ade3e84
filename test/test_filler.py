"""A word in a long silence: only where the think was measured to be long, or has been long
already.
"""

from __future__ import annotations

from omni_agent.core.filler import SOON_S, Filler

LIMIT_S = 1.5


def test_before_anything_was_measured_the_whole_silence_is_waited_for():
    filler = Filler(LIMIT_S)
    filler.asked(1, over_s=100.3, now=100.0)
    assert filler.due == 100.3 + LIMIT_S


def test_a_model_that_was_slow_gets_its_word_soon():
    filler = Filler(LIMIT_S)
    filler.asked(1, over_s=100.3, now=100.0)
    filler.sounded(1, 104.0)
    filler.asked(2, over_s=200.3, now=200.0)
    assert filler.due == 200.3 + SOON_S


def test_one_slow_reply_among_quick_ones_changes_nothing():
    filler = Filler(LIMIT_S)
    for epoch, think_s in enumerate((0.8, 4.0, 0.9), 1):
        filler.asked(epoch, over_s=100.0, now=100.0)
        filler.sounded(epoch, 100.0 + think_s)
    filler.asked(9, over_s=200.0, now=200.0)
    assert filler.due == 200.0 + LIMIT_S


def test_nothing_is_due_once_the_reply_sounds_or_nobody_waits():
    filler = Filler(LIMIT_S)
    filler.asked(1, over_s=100.0, now=100.0)
    filler.sounded(1, 100.7)
    assert filler.due is None
    filler.asked(2, over_s=100.0, now=100.0)
    filler.void()
    assert filler.due is None


def test_a_later_piece_of_the_reply_is_no_think():
    filler = Filler(LIMIT_S)
    filler.asked(1, over_s=100.0, now=100.0)
    filler.sounded(1, 100.7)
    filler.sounded(1, 109.0)
    filler.asked(2, over_s=200.0, now=200.0)
    assert filler.due == 200.0 + LIMIT_S


def test_a_turn_that_is_over_later_than_was_thought_moves_the_word_and_nothing_else():
    filler = Filler(LIMIT_S)
    filler.asked(1, over_s=100.3, now=100.0)
    filler.moved(101.3, now=100.1)
    assert filler.due == 101.3 + LIMIT_S
    filler.sounded(1, 100.9)
    filler.moved(101.4, now=101.0)
    assert filler.due is None                        # the reply is there, only held back
    filler.asked(2, over_s=200.0, now=200.0)
    assert filler.due == 200.0 + LIMIT_S             # 0.9 s of thinking, from when it was asked
