"""A hundred conversations over racing topics: what was interrupted is never heard again."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from conversation_simulator import BLOCK, MARKS, SILENCE, Conversation, marked, marks_in

from omni_agent.core.audio import FADE, LOWERED, Playout

SEEDS = range(105)
DELAYS_S = (0.002, 0.005, 0.03)        # mean time on the way; sampled anew for every message


@lru_cache(maxsize=None)
def figures(seed: int, tagged: bool = True) -> tuple[int, bool, int, int, int]:
    """Stale samples, whether the last question was answered, cuts, replies, restarts."""
    talk = Conversation(seed, DELAYS_S[seed % 3], tagged)
    return (talk.stale_samples(), talk.last_question_answered(), talk.speaker.cuts,
            talk.reaction.replies, talk.restarts)


def test_no_sample_of_an_older_epoch_is_ever_heard_after_the_fade():
    leaks = {seed: figures(seed)[0] for seed in SEEDS if figures(seed)[0]}
    assert leaks == {}


def test_the_question_asked_last_is_always_answered_aloud():
    silent = [seed for seed in SEEDS if not figures(seed)[1]]
    assert silent == []


def test_the_conversations_were_interrupted_often_enough_to_mean_something():
    _, _, cuts, replies, restarts = np.sum([figures(seed) for seed in SEEDS], axis=0)
    assert cuts > 2 * len(SEEDS)
    assert replies > 5 * len(SEEDS)
    assert restarts > len(SEEDS) // 5


def test_a_stop_without_an_epoch_leaks_so_the_check_above_can_fail():
    naive = [figures(seed, tagged=False) for seed in range(15)]
    assert sum(leaked > 0 for leaked, *_ in naive) >= 5


@pytest.mark.parametrize('mark', range(MARKS))
@pytest.mark.parametrize('gain', [1.0, 0.3, LOWERED])
def test_the_marks_survive_the_gain(mark: int, gain: float):
    sound = (marked(mark, 3200) * gain).astype(np.int16)
    assert set(marks_in(sound)) == {mark, SILENCE}


def test_a_mark_out_of_place_is_seen_at_once():
    playout, out = Playout(), np.zeros(BLOCK, np.int16)
    playout.push(1, marked(1, BLOCK))
    playout.push(1, marked(2, BLOCK))
    playout.fill(out)
    assert 2 not in marks_in(out)
    playout.fill(out)
    assert 2 in marks_in(out[FADE:])
