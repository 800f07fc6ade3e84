"""What waits to be played, how it is cut off and lowered, what was heard of it; and the ring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.audio import (FADE, FULL_SCALE, LOWERED, RAMP_DOWN, RAMP_UP, RATE, AudioRing,
                                   Playout, level_dbfs)

BLOCK = 320


def tone(samples: int, amplitude: int = 10_000) -> np.ndarray:
    return np.full(samples, amplitude, np.int16)


def block(playout: Playout, size: int = BLOCK) -> np.ndarray:
    out = np.full(size, 777, np.int16)          # whatever the device left there
    playout.fill(out)
    return out


def playing(samples: int = RATE, blocks: int = 1) -> Playout:
    playout = Playout()
    playout.push(1, tone(samples), 'hello')
    for _ in range(blocks):
        block(playout)
    return playout


# -- playing --------------------------------------------------------------------------------------


def test_nothing_to_play_is_silence():
    playout = Playout()
    assert not block(playout).any()
    assert playout.progress().played == 0


def test_chunks_are_played_in_order_without_a_gap():
    playout = Playout()
    sound = np.arange(1, 1001, dtype=np.int16)
    for part in np.split(sound, [7, 7, 400, 999]):
        playout.push(1, part)
    heard = np.concatenate([block(playout, 300) for _ in range(4)])
    assert np.array_equal(heard[:1000], sound)
    assert not heard[1000:].any()


def test_fill_tells_how_much_was_speech():
    playout = Playout()
    playout.push(1, tone(BLOCK + 5))
    out = np.zeros(BLOCK, np.int16)
    assert [playout.fill(out), playout.fill(out), playout.fill(out)] == [BLOCK, 5, 0]


def test_words_are_heard_when_their_sound_begins():
    playout = Playout()
    playout.push(1, tone(BLOCK), 'It is')
    playout.push(1, tone(BLOCK), 'noon.')
    assert playout.progress().heard == ''
    block(playout)
    assert playout.progress().heard == 'It is'
    block(playout)
    assert playout.progress().heard == 'It is noon.'


def test_a_reply_is_complete_when_it_ended_and_its_last_sample_went_out():
    playout = Playout()
    playout.push(1, tone(BLOCK))
    block(playout)
    assert not playout.progress().complete              # more may come
    playout.push(1, tone(BLOCK), last=True)
    assert not playout.progress().complete
    block(playout)
    progress = playout.progress()
    assert progress.complete and progress.ended
    assert (progress.epoch, progress.played, progress.queued) == (1, 2 * BLOCK, 0)


def test_an_empty_reply_ends_but_is_not_complete():
    playout = Playout()
    playout.push(1, tone(0), last=True)
    assert playout.progress().ended
    assert not playout.progress().complete


def test_a_newer_reply_starts_from_nothing():
    playout = playing()
    playout.push(2, tone(5))
    progress = playout.progress()
    assert (progress.epoch, progress.played, progress.queued, progress.heard) == (2, 0, 5, '')


# -- cutting off ----------------------------------------------------------------------------------


def test_after_a_flush_only_a_fade_is_heard():
    playout = playing()
    playout.flush()
    heard = np.concatenate([block(playout), block(playout)])
    assert heard[0] == 10_000
    assert np.all(np.diff(heard[:FADE].astype(int)) <= 0)
    assert heard[FADE - 1] == 0
    assert not heard[FADE:].any()


def test_the_fade_has_no_step_that_clicks():
    playout = playing()
    playout.flush()
    heard = np.concatenate([tone(1), block(playout)]).astype(int)
    assert np.abs(np.diff(heard)).max() <= 10_000 // FADE + 2


def test_the_fade_reaches_over_short_chunks():
    playout = Playout()
    for _ in range(40):
        playout.push(1, tone(10))
    block(playout, 20)
    playout.flush()
    assert np.count_nonzero(block(playout)) == FADE - 1


def test_the_fade_starts_at_the_gain_of_the_moment():
    playout = playing(blocks=1)
    playout.lower(True)
    block(playout)
    playout.flush()
    assert block(playout)[0] == pytest.approx(10_000 * LOWERED, abs=2)


def test_what_was_not_heard_yet_needs_no_fade():
    playout = Playout()
    playout.push(1, tone(RATE))
    playout.flush()
    assert not block(playout).any()


def test_a_flush_says_how_far_it_got():
    playout = playing(blocks=3)
    playout.push(1, tone(5), 'world')
    progress = playout.flush()
    assert (progress.epoch, progress.played, progress.heard) == (1, 3 * BLOCK, '')
    assert progress.queued == RATE + 5 - 3 * BLOCK
    assert not progress.complete
    assert playout.progress().queued == playout.progress().played == 0


def test_a_flush_takes_back_the_end_of_the_old_reply():
    playout = Playout()
    playout.push(1, tone(BLOCK), last=True)
    playout.flush()
    playout.push(1, tone(BLOCK))
    block(playout)
    assert not playout.progress().ended


def test_a_new_reply_may_begin_in_the_fade_without_wrapping_around():
    playout = Playout()
    playout.push(1, tone(RATE, 30_000))
    block(playout)
    playout.flush()
    playout.push(2, tone(RATE, 30_000))
    heard = block(playout)
    assert heard[0] == FULL_SCALE
    assert heard.min() >= 30_000 - 1


def test_a_second_flush_in_the_same_block_keeps_the_fade_of_the_first():
    playout = playing()
    playout.flush()
    playout.flush()
    assert block(playout)[0] == 10_000


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(1, 2000),
                          st.sampled_from(['block', 'block', 'flush', 'low', 'up'])), max_size=40))
def test_every_sample_is_played_queued_or_was_dropped_by_a_flush(script: list):
    playout, pushed, dropped, played = Playout(), 0, 0, 0
    for step in script:
        if step == 'block':
            out = np.zeros(BLOCK, np.int16)
            played += playout.fill(out)
            assert np.abs(out.astype(int)).max() <= 20_000     # the tone and at most one fade
        elif step == 'flush':
            dropped += playout.flush().queued
        elif step in ('low', 'up'):
            playout.lower(step == 'low')
        else:
            playout.push(1, tone(step))
            pushed += step
    assert pushed == played + dropped + playout.progress().queued


# -- the lowered voice ----------------------------------------------------------------------------


def test_the_voice_is_lowered_by_twenty_decibels_within_one_block():
    playout = playing()
    before = level_dbfs(block(playout))
    playout.lower(True)
    block(playout)
    assert before - level_dbfs(block(playout)) >= 20.0
    assert RAMP_DOWN <= BLOCK


def test_the_voice_comes_back_where_it_was_and_nothing_is_lost():
    playout = playing(10 * BLOCK)
    playout.lower(True)
    block(playout)
    playout.lower(False)
    heard = np.concatenate([block(playout) for _ in range(RAMP_UP // BLOCK + 1)])
    assert heard[RAMP_UP + 1] == 10_000
    assert 0 < heard[0] < 1000
    assert np.all(np.diff(heard[:RAMP_UP + 1].astype(int)) >= 0)
    assert playout.progress().played == (2 + RAMP_UP // BLOCK + 1) * BLOCK


@pytest.mark.parametrize('on', [True, False])
def test_the_ramp_has_no_step_that_clicks(on: bool):
    playout = playing(20 * BLOCK)
    playout.lower(not on)
    block(playout), block(playout)
    for _ in range(8):
        before = block(playout)[-1]
    playout.lower(on)
    heard = np.concatenate([[before], block(playout), block(playout)]).astype(int)
    assert np.abs(np.diff(heard)).max() <= 10_000 * (1 - LOWERED ** (1 / RAMP_DOWN)) + 2


@pytest.mark.parametrize('lowered, down, up', [(0.1, 64, 160), (0.01, 1600, 8000)])
def test_how_low_and_how_fast_is_a_choice_and_takes_hold_of_a_voice_that_is_lowered(
        lowered: float, down: int, up: int):
    playout = Playout()
    playout.push(1, np.full(10 * RATE, 20_000, np.int16))
    playout.lower(True)
    block(playout)
    playout.shape(lowered, down, up)
    low = block(playout, max(down, RAMP_UP) + 2 * up)[-BLOCK:]
    assert np.abs(low - 20_000 * lowered).max() <= 1.0
    playout.lower(False)
    back = block(playout, up + BLOCK)
    assert 0.9 * up <= np.flatnonzero(back == 20_000)[0] <= up + 1
    assert np.abs(np.diff(back.astype(int))).max() <= 20_000 / up + 2


def test_a_reply_that_begins_while_lowered_begins_low():
    playout = Playout()
    playout.lower(True)
    block(playout)
    playout.push(1, tone(RATE))
    assert block(playout)[0] == pytest.approx(10_000 * LOWERED, abs=2)


def test_a_reply_after_silence_begins_at_full_voice():
    playout = playing(BLOCK)
    playout.lower(True)
    playout.lower(False)
    block(playout)
    playout.push(2, tone(RATE))
    assert np.all(block(playout) == 10_000)


# -- levels ---------------------------------------------------------------------------------------


def test_levels_are_relative_to_full_scale():
    assert level_dbfs(tone(100, FULL_SCALE)) == pytest.approx(0.0, abs=0.01)
    assert level_dbfs(tone(100, FULL_SCALE // 10)) == pytest.approx(-20.0, abs=0.01)
    assert level_dbfs(tone(100, 0)) == -96.0
    assert level_dbfs(np.zeros(0, np.int16)) == -96.0


# -- the ring -------------------------------------------------------------------------------------


def numbered(start: int, stop: int) -> np.ndarray:
    return (np.arange(start, stop) % 30_000 + 1).astype(np.int16)


def test_the_ring_gives_back_what_it_holds():
    ring = AudioRing(1.0)
    assert ring.write(numbered(0, 10_000), 0)
    assert ring.write(numbered(10_000, 20_000), 10_000)
    assert (ring.start, ring.end) == (4000, 20_000)
    assert np.array_equal(ring.read(5000, 15_000), numbered(5000, 15_000))
    assert np.array_equal(ring.read(0, 99_999), numbered(4000, 20_000))
    assert ring.read(0, 100).size == 0
    assert ring.read(300, 200).size == 0


def test_a_chunk_from_the_past_is_refused():
    ring = AudioRing(1.0)
    ring.write(numbered(0, 1000), 0)
    assert not ring.write(numbered(0, 10), 999)
    assert ring.end == 1000
    assert np.array_equal(ring.read(990, 1000), numbered(990, 1000))


def test_what_is_read_is_a_copy():
    ring = AudioRing(1.0)
    ring.write(numbered(0, 100), 0)
    ring.read(0, 100)[:] = 0
    assert ring.read(0, 100).all()


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 250)), max_size=12),
       st.integers(0, 5000))
def test_the_ring_agrees_with_an_endless_tape(writes: list[tuple[int, int]], first: int):
    ring, tape, end = AudioRing(100 / RATE), np.zeros(20_000, np.int16), first
    for gap, size in writes:
        at = end + gap
        tape[at:at + size] = numbered(at, at + size)
        assert ring.write(numbered(at, at + size), at)
        end = at + size
    if writes:
        assert ring.end == end
        assert np.array_equal(ring.read(end - 100, end), tape[max(0, end - 100):end])


def test_another_volume_is_reached_within_a_block_and_without_a_step():
    playout = playing()
    playout.volume = 0.5
    ramp = block(playout).astype(int)
    assert ramp[0] == 10_000 and ramp[-1] == 5_000 and np.abs(np.diff(ramp)).max() < 20
    assert set(block(playout)) == {5_000}


def test_what_is_cut_off_at_half_volume_fades_from_half_volume():
    playout = playing()
    playout.volume = 0.5
    block(playout)
    playout.flush()
    assert block(playout)[0] == 5_000
