"""Fates and figures of interruptions, from a made-up recording whose truth is known to the
millisecond.
"""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.core.interrupt_figures import Fate, Judge, figures, of_half
from omni_agent.core.interrupt_set import Item
from omni_agent.core.recording import (AgentState, Interrupt, Line, Meta, Percept, Playback,
                                       Recording, Tracks)

RATE, T0 = 16_000, 1_000_000.0
LOW = 0.05


def made(seconds: float, low: list[tuple[float, float]] = (),
         silent: list[tuple[float, float]] = (), **records: tuple) -> Judge:
    """A robot that speaks all the time at -20 dBFS, but lower or not at all in these spans [s]."""
    track = 0.1 * np.random.default_rng(1).standard_normal(round(seconds * RATE))
    for spans, gain in ((low, LOW), (silent, 0.0)):
        for start, end in spans:
            track[round(start * RATE):round(end * RATE)] *= gain
    samples = np.clip(track * 32767, -32768, 32767).astype(np.int16)
    return Judge(Recording(Meta(t=T0, t0=T0), **records),
                 Tracks(T0, RATE, np.zeros_like(samples), samples), 'quiet')


def line(start: float, end: float, index: int = 0, missed: bool = False) -> Line:
    return Line(T0 + start, T0 + end, index, str(index), 'ben', 'text', 'none', missed)


def order(t: float, epoch: int, reason: str, ducked: bool = False) -> Interrupt:
    return Interrupt(T0 + t, T0 + t, epoch, ducked, reason)


def play(epoch: int, begin: float, end: float, state: str) -> tuple[Playback, ...]:
    return (Playback(T0 + begin, T0 + begin, epoch, 'started'),
            Playback(T0 + end, T0 + end, epoch, state, round((end - begin) * RATE)))


def test_an_interruption_is_lowered_and_then_silenced() -> None:
    judge = made(
        8, low=[(3.10, 3.5)], silent=[(3.5, 8)], lines=(line(3.0, 4.0), ), playback=play(
            1, 0.0, 3.5, 'flushed'), interrupts=(order(3.08, 1, 'first_sound',
                                                       True), order(3.45, 2, 'barge_in')),
        percepts=(Percept(T0 + 3.4, T0 + 3.44, 'partial', 1, text='what is'), ),
        states=(AgentState(T0 + 3.45, T0 + 3.45, 2, 'speaking', 'idle',
                           why='"what is" cuts in'), ))
    (fate,) = judge.fates({0: Item('a.wav', 'question', 'What is that?')})
    assert fate.played and fate.right and fate.ended and fate.reason == 'barge_in'
    assert (fate.lower_ms == pytest.approx(100, abs=11)
            and fate.silence_ms == pytest.approx(500, abs=11))
    assert fate.heard == 'what is' and 'cuts in' in fate.why and judge.stale_samples == 0


def test_a_late_first_sound_counts_from_where_it_is() -> None:
    judge = made(8, low=[(3.10, 3.5)], silent=[(3.5, 8)], lines=(line(2.95, 4.0), ),
                 playback=play(1, 0.0, 3.5, 'flushed'),
                 interrupts=(order(3.08, 1, 'first_sound', True), order(3.45, 2, 'barge_in')))
    (fate,) = judge.fates({0: Item('a.wav', 'question', 'x')}, {0: 0.05})
    assert fate.lower_ms == pytest.approx(100, abs=11)


def test_a_nod_is_survived_and_its_lowered_time_is_counted() -> None:
    judge = made(10, low=[(3.1, 3.9)], lines=(line(3.0,
                                                   3.5), ), playback=play(1, 0.0, 10.0, 'playing'),
                 interrupts=(order(3.1, 1, 'first_sound', True), order(3.9, 1, 'no_interrupt')))
    (fate,) = judge.fates({0: Item('a.wav', 'nod', 'Mm-hm.')})
    assert fate.right and not fate.ended and fate.silence_ms is None
    assert fate.lowered_s == pytest.approx(0.8, abs=0.01)


def test_a_nod_that_loses_the_reply_is_wrong_and_an_ignored_question_is_too() -> None:
    judge = made(20, silent=[(3.5, 6)], lines=(line(3.0, 3.5), line(12.0, 13.0, 1)),
                 playback=(*play(1, 0.0, 3.5, 'flushed'), *play(3, 6.0, 20.0, 'playing')),
                 interrupts=(order(3.4, 2, 'barge_in'), order(5.9, 3, 'new_reply')))
    nod, question = judge.fates({
        0: Item('a.wav', 'nod', 'Yeah.'),
        1: Item('b.wav', 'question', 'Who?')
    })
    assert nod.ended and not nod.right
    assert not question.ended and question.lower_ms is None and not question.right


def test_a_reply_that_was_over_by_itself_was_not_lost() -> None:
    judge = made(10, silent=[(4.0, 10)], lines=(line(3.6, 3.9), ),
                 playback=play(1, 0.0, 4.0, 'finished'), interrupts=(order(4.6, 2, 'new_reply'), ))
    assert not judge.fates({0: Item('a.wav', 'nod', 'Yeah.')})[0].ended


def test_what_was_said_into_silence_or_never_is_not_measured() -> None:
    judge = made(10, silent=[(4.0, 10)], lines=(line(6.0, 6.5), line(0, 0, 1, missed=True)),
                 playback=play(1, 0.0, 4.0, 'finished'))
    fates = judge.fates({0: Item('a.wav', 'nod', 'x'), 1: Item('b.wav', 'stop', 'x')})
    assert [fate.played for fate in fates] == [False, False] and all(fate.error for fate in fates)
    assert of_half(fates)['recall'] is None and of_half(fates)['unmeasured'] == 2


def test_sound_of_a_void_reply_is_counted_sample_by_sample() -> None:
    judge = made(8, silent=[(3.9, 8)], lines=(line(3.0, 3.4), ),
                 playback=play(1, 0.0, 3.5, 'flushed'), interrupts=(order(3.5, 2,
                                                                          'stop_phrase'), ))
    assert judge.stale_samples == pytest.approx(0.25 * RATE, abs=0.02 * RATE)     # 3.65 to 3.9


def test_a_voice_that_is_lowered_for_nobody_is_noticed_and_spoils_what_comes_into_it() -> None:
    judge = made(20, low=[(3.1, 3.6), (8.0, 9.0)], lines=(line(3.0, 3.4), line(8.6, 9.0, 1)),
                 playback=play(1, 0.0, 20.0, 'playing'),
                 interrupts=(order(3.1, 1, 'first_sound', True), order(3.6, 1, 'no_interrupt'),
                             order(8.0, 1, 'first_sound', True), order(9.0, 1, 'no_interrupt')))
    nod, other = judge.fates({0: Item('a.wav', 'nod', 'x'), 1: Item('b.wav', 'stop', 'x')})
    assert judge.lowered_by_nothing == 1 and nod.right
    assert not other.played and 'already lowered' in other.error


def test_figures_keep_the_halves_apart() -> None:
    def fate(kind: str, half: str, ended: bool, lower: float | None = None,
             reason: str = '') -> Fate:
        return Fate(Item('x.wav', kind, 'x', None, 'human:Jo', half), 'quiet', True, ended=ended,
                    lower_ms=lower, silence_ms=400.0 if ended else None,
                    lowered_s=0.0 if ended else 0.5, reason=reason)
    # 'Hold on, what ...' is none of the false ones
    fates = [fate('question', 'test', True, 100.0, 'stop_phrase'),
             fate('stop', 'test', True, 140.0), fate('stop', 'test', False),
             fate('nod', 'test', False), fate('noise', 'test', True, reason='stop_phrase'),
             fate('nod', 'development', True)]
    found = figures(fates, 0)
    assert found['lower_p50_ms'] == 120.0 and found['recall'] == pytest.approx(2 / 3)
    assert found['lower_never'] == pytest.approx(1 / 3) and found['stop_phrase_recall'] == 0.5
    assert (found['stop_phrase_false'] == 1 and found['lost_on_nod'] == 0.0
            and found['lost_on_noise'] == 1.0)
    assert found['lowered_s_per_false_alarm'] == 0.5 and found['stale_samples'] == 0
    assert found['development_lost_on_nod'] == 1.0 and found['development_recall'] is None
    assert found['recall_human'] == pytest.approx(2 / 3) and found['quiet_lost'] == 0.5
