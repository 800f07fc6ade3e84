"""What counts as heard, judged from the samples that came out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.audio import CLEARLY_LOWERED, RAMP_DOWN, RATE, Playout
from omni_agent.core.heard_error import sentences_begun
from omni_agent.core.speech import chunks

BLOCK = 320
AMPLITUDE = 10_000
WORD = RATE // 4           # 250 ms


class Reply:
    """Words of given lengths and pauses [samples], pushed as the reaction node cuts them."""

    def __init__(self, words: list[tuple[int, int]]) -> None:
        self.spans: list[tuple[int, int]] = []
        parts: list[np.ndarray] = []
        at = 0
        for length, pause in words:
            self.spans.append((at, at + length))
            parts += [np.full(length, AMPLITUDE, np.int16), np.zeros(pause, np.int16)]
            at += length + pause
        self.sound = np.concatenate(parts)
        self.words = [f'w{index}{"." if pause else ""}' for index, (_, pause) in enumerate(words)]
        self.playout = Playout()
        offsets = [(start, word) for (start, _), word in zip(self.spans, self.words)]
        for samples, text in chunks(self.sound, offsets):
            self.playout.push(1, samples, text)
        self.playout.push(1, np.zeros(0, np.int16), '', last=True)
        self.out = np.zeros(0, np.int16)

    def play(self, blocks: int) -> None:
        for _ in range(blocks):
            block = np.zeros(BLOCK, np.int16)
            self.playout.fill(block)
            self.out = np.concatenate([self.out, block])

    def truth(self, unheard: int = 0) -> list[str]:
        """From what came out: a word counts if most of it did, at full voice; so do those
        before.
        """
        loud = self.out[:max(0, self.out.size - unheard)] >= CLEARLY_LOWERED * AMPLITUDE
        heard = [int(loud[start:end].sum()) > (end - start) / 2 for start, end in self.spans]
        count = max((index + 1 for index, yes in enumerate(heard) if yes), default=0)
        return self.words[:count]


def test_a_word_is_heard_when_the_larger_part_of_it_was() -> None:
    reply = Reply([(10 * BLOCK, 0), (10 * BLOCK, 0)])
    reply.play(15)
    assert reply.playout.progress().heard == 'w0'
    reply.play(1)
    assert reply.playout.progress().heard == 'w0 w1'


def test_the_pause_after_a_word_is_no_part_of_it() -> None:
    reply = Reply([(4 * BLOCK, 40 * BLOCK), (4 * BLOCK, 0)])
    reply.play(3)
    assert reply.playout.flush().heard == 'w0.'


def test_what_the_device_throws_away_was_not_heard() -> None:
    reply = Reply([(5 * BLOCK, 0), (5 * BLOCK, 0)])
    reply.play(9)
    assert reply.playout.progress().heard == 'w0 w1'
    progress = reply.playout.flush(fade=False, unheard=3 * BLOCK)
    assert (progress.heard, progress.played) == ('w0', 6 * BLOCK)


def test_what_a_lowered_voice_says_before_it_is_cut_off_was_not_heard() -> None:
    reply = Reply([(5 * BLOCK, 0)] * 6)
    reply.play(10)
    reply.playout.lower(True)
    reply.play(15)
    assert reply.playout.flush().heard == 'w0 w1'


def test_what_a_lowered_voice_says_is_heard_when_the_voice_comes_back() -> None:
    reply = Reply([(5 * BLOCK, 0)] * 8)
    reply.play(10)
    reply.playout.lower(True)
    reply.play(10)
    reply.playout.lower(False)
    reply.play(20)
    assert reply.playout.flush().heard.split() == reply.words


def test_a_reply_that_came_to_its_end_was_heard_however_softly_it_ended() -> None:
    reply = Reply([(5 * BLOCK, 0)] * 4)
    reply.play(12)
    reply.playout.lower(True)
    reply.play(8)
    assert reply.playout.progress().heard.split() == reply.words


def test_a_reply_that_was_handed_over_to_its_end_is_complete_and_loses_nothing() -> None:
    reply = Reply([(5 * BLOCK, 0)] * 4)
    reply.play(20)
    progress = reply.playout.flush(fade=False, unheard=2 * BLOCK)
    assert progress.complete and progress.played == 20 * BLOCK
    assert progress.heard.split() == reply.words


def test_several_words_in_one_chunk_are_spread_over_it() -> None:
    playout = Playout()
    playout.push(1, np.full(4 * BLOCK, AMPLITUDE, np.int16), 'one two three four')
    for _ in range(2):
        playout.fill(np.zeros(BLOCK, np.int16))
    assert playout.progress().heard == 'one two'


def test_a_sender_that_tells_no_words_has_none_heard() -> None:
    playout = Playout()
    playout.push(1, np.full(4 * BLOCK, AMPLITUDE, np.int16))
    playout.fill(np.zeros(BLOCK, np.int16))
    assert playout.progress().heard == ''


lengths = st.tuples(st.integers(800, 12_000), st.sampled_from([0, 0, 0, 800, 6000]))
moves = st.lists(st.one_of(st.integers(1, 40), st.sampled_from(['low', 'up'])), max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.lists(lengths, min_size=1, max_size=12), moves, st.integers(0, 5))
def test_after_an_interrupt_at_any_moment_exactly_what_came_out_is_remembered(
        words: list[tuple[int, int]], script: list[int | str], held: int) -> None:
    reply = Reply(words)
    for move in script:
        if isinstance(move, int):
            reply.play(move)
        else:
            reply.playout.lower(move == 'low')
    unheard = min(held * BLOCK, reply.out.size)
    progress = reply.playout.flush(fade=False, unheard=unheard)
    heard, truth = progress.heard.split(), reply.truth(unheard)
    if progress.complete:
        assert heard == reply.words
    else:
        assert heard == truth


def test_at_random_moments_of_long_replies_no_word_is_too_many_or_too_few() -> None:
    random = np.random.default_rng(7)
    errors = []
    for _ in range(200):
        reply = Reply([(int(random.integers(1600, 9600)), int(random.choice([0, 0, 4000])))
                       for _ in range(12)])
        reply.play(int(random.integers(1, reply.sound.size // BLOCK - 30)))
        if random.random() < 0.7:                # lowered for a while, then cut off
            reply.playout.lower(True)
            reply.play(int(random.integers(1, 30)))
        held = int(random.integers(0, 4)) * BLOCK
        held = min(held, reply.out.size)
        heard = reply.playout.flush(fade=False, unheard=held).heard.split()
        errors.append(abs(len(heard) - len(reply.truth(held))))
    assert np.mean(errors) == 0.0


@pytest.mark.parametrize('text, count', [
    ('', 0), ('It is', 1), ('It is noon.', 1), ('It is noon. And', 2), ('Yes! No? "Well." So', 4),
    ('是的。 好', 2)])
def test_a_sentence_counts_from_its_first_word(text: str, count: int) -> None:
    assert sentences_begun(text.split()) == count


def test_the_ramp_is_short_against_a_word() -> None:
    assert RAMP_DOWN < WORD / 10
