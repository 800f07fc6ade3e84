"""Speech is sent early enough to be gapless and late enough to be called back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.pacing import Pacer

AHEAD_S = 1.5
CHUNK_S = 0.1


def filled(now: float = 0.0) -> Pacer:
    """A pacer that has sent as much as it may."""
    pacer = Pacer(AHEAD_S)
    pacer.begin(1)
    while pacer.may_send(now):
        pacer.sent(CHUNK_S, now)
    return pacer


def test_the_first_chunks_go_out_at_once_up_to_the_limit():
    assert filled().sequence == pytest.approx(AHEAD_S / CHUNK_S, abs=1)


def test_a_chunk_that_was_played_makes_room_for_another():
    pacer = filled()
    assert not pacer.may_send(0.0)
    pacer.played(0.2, 0.0)
    assert pacer.may_send(0.0)


def test_between_news_the_loudspeaker_is_taken_to_go_on():
    pacer = filled()
    assert not pacer.may_send(0.0)
    assert pacer.may_send(0.3)


def test_late_news_of_less_is_ignored():
    pacer = filled()
    pacer.played(0.5, 0.0)
    pacer.played(0.0, 0.0)
    assert pacer.may_send(0.0)


def test_a_new_epoch_starts_from_nothing():
    pacer = filled()
    pacer.begin(2)
    assert (pacer.epoch, pacer.sequence) == (2, 0)
    assert pacer.may_send(0.0)


def test_nothing_is_sent_before_the_turn_is_certainly_over():
    pacer = Pacer(AHEAD_S)
    pacer.begin(1)
    pacer.hold(10.0)
    assert not pacer.may_send(9.99)
    assert pacer.may_send(10.0)
    pacer.begin(2)
    assert pacer.may_send(5.0)


def test_nothing_begins_while_the_voice_is_low_but_what_has_begun_goes_on():
    pacer = Pacer(AHEAD_S)
    pacer.begin(1)
    pacer.lower(True)
    assert not pacer.may_send(5.0)
    pacer.lower(False)
    assert pacer.may_send(5.0)
    pacer.sent(CHUNK_S, 5.0)
    pacer.lower(True)
    assert pacer.may_send(5.0)


def test_what_was_low_is_forgotten_with_its_epoch():
    pacer = Pacer(AHEAD_S)
    pacer.begin(1)
    pacer.lower(True)
    pacer.begin(2)
    assert pacer.may_send(0.0)


def test_chunks_are_numbered_in_order():
    pacer = Pacer(AHEAD_S)
    pacer.begin(7)
    numbers = []
    for _ in range(3):
        numbers.append(pacer.sequence)
        pacer.sent(CHUNK_S, 0.0)
    assert numbers == [0, 1, 2]


def test_a_clock_that_runs_backwards_does_no_harm():
    pacer = filled(now=10.0)
    assert not pacer.may_send(5.0)
    pacer.played(0.5, 10.0)
    assert pacer.may_send(5.0)


class Loudspeaker:
    """Plays what it was sent, in real time, and says so five times a second."""

    def __init__(self) -> None:
        self.queued_s = self.played_s = self.starved_s = 0.0

    def play(self, seconds: float) -> None:
        done = min(seconds, self.queued_s)
        self.queued_s -= done
        self.played_s += done
        self.starved_s += seconds - done


def simulate(seed: int, pause_s: float, news: bool = True) -> tuple[float, float]:
    """A writer with pauses -> (longest queue, starvation while there was something to send)."""
    rng, pacer, speaker = random.Random(seed), Pacer(AHEAD_S), Loudspeaker()
    pacer.begin(1)
    waiting, longest, starved, next_sentence = 0.0, 0.0, 0.0, 0.0
    for tick in range(1200):
        now = tick * 0.01
        if now >= next_sentence and tick < 800:
            waiting += rng.uniform(0.2, 4.0)
            next_sentence = now + rng.uniform(0.05, pause_s)
        if tick % 5 == 0:
            while waiting >= CHUNK_S and pacer.may_send(now):
                pacer.sent(CHUNK_S, now)
                speaker.queued_s += CHUNK_S
                waiting -= CHUNK_S
        before = speaker.starved_s
        speaker.play(0.01)
        if waiting >= CHUNK_S and tick % 5 == 0 and now > 0.2:
            starved += speaker.starved_s - before
        if news and tick % 20 == 0:
            pacer.played(speaker.played_s, now)
        longest = max(longest, speaker.queued_s)
    return longest, starved


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 5.0]))
def test_never_more_than_the_limit_is_on_its_way_and_there_are_no_holes(seed: int, pause_s: float):
    longest, starved = simulate(seed, pause_s)
    assert longest <= AHEAD_S + 2 * CHUNK_S
    assert starved == 0.0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_without_news_a_starved_loudspeaker_is_not_flooded_afterwards(seed: int):
    longest, _ = simulate(seed, 5.0, news=False)
    assert longest <= AHEAD_S + 2 * CHUNK_S
