"""The arithmetic of ``bench turns`` on outcomes whose truth is known, and a few real recordings
through real models.
"""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends import RATE, load, turn_set
from omni_agent.backends.fake import LevelVad
from omni_agent.backends.turn_memo import Memo, Models
from omni_agent.backends.turn_play import Asked, Decision, Final, Outcome, Play
from omni_agent.backends.turn_set import Pause, Turn
from omni_agent.cli import bench_turns
from omni_agent.core.ears import PerceptionParams
from omni_agent.core.end_of_turn import EndOfTurnParams
from omni_agent.core.errors import BackendError
from omni_agent.core.events import React

TEXT = 'Tell me about the old lighthouse.'
SILENT = np.zeros(RATE, np.float32)


def turn(pauses: tuple[Pause, ...] = (Pause(2.0, 2.8, 'cut', 'Tell me about'), ),
         half: str = 'test') -> Turn:
    return Turn('x', 'Jo', half, TEXT, SILENT, pauses, 4.0)


def decided(released: float, void: bool = False, heard: float | None = None) -> Decision:
    return Decision(released - 0.1, released, TEXT, void, heard)


def test_a_reply_released_inside_a_pause_cuts_it_off() -> None:
    outcome = Outcome([Final(2.25, 2.0, 'Tell me about', 0.9)],
                      [decided(2.3), decided(4.4)], [0.7, 2.9])
    pause, end = bench_turns.rows(turn(), outcome)
    assert pause.cut and pause.decided == pytest.approx(0.3) and pause.final.turn_end == 0.9
    assert end.decided == pytest.approx(0.4) and not end.cut


def test_a_reply_taken_back_in_time_does_not_cut_anything_off() -> None:
    outcome = Outcome([], [decided(2.85, void=True), decided(4.4)], [0.7, 2.84])
    pause, end = bench_turns.rows(turn(), outcome)
    assert not pause.cut and pause.decided is None and end.decided == pytest.approx(0.4)


def test_between_the_first_new_sound_and_its_discovery_it_is_still_cut_off() -> None:
    assert bench_turns.rows(turn(), Outcome([], [decided(2.85)], [0.7, 2.9]))[0].cut


def test_two_answers_to_one_question_are_a_split_but_a_second_thought_is_none() -> None:
    early = Outcome([], [decided(2.3, heard=3.2), decided(4.4, heard=5.0)], [0.7, 2.9])
    assert bench_turns.is_split(turn(), early)
    assert not bench_turns.is_split(
        turn(), Outcome([], [decided(2.3), decided(4.4, heard=5.0)], [0.7]))


def test_figures_keep_the_halves_and_the_kinds_apart() -> None:
    between = turn((Pause(2.0, 2.8, 'between', 'That is wrong'),), 'test')
    turns = [turn(), turn(half='development'), between]
    cut = Outcome([], [decided(2.3), decided(4.4)], [0.7, 2.9])
    kept = Outcome([], [decided(4.3)], [0.7, 2.9])
    found = bench_turns.figures(turns, [cut, kept, cut])
    assert found['cut_off_share'] == 1.0 and found['development_cut_off_share'] == 0.0
    assert found['cut_off_between'] == 1.0 and found['cut_off_joined'] is None
    assert found['pauses'] == 1 and found['turns'] == 2


def test_pauses_and_halves_of_a_recording_are_the_same_on_every_machine() -> None:
    assert turn_set.half_of('agent-pass') == turn_set.half_of('agent-pass')
    lengths = [turn_set.pause_of(f'{index}') for index in range(400)]
    assert 0.3 <= min(lengths) < 0.35 and 1.15 < max(lengths) <= 1.2
    assert turn_set.plain('Re-enter 2 of 3.') == ['re', 'enter', 'two', 'of', 'three']
    assert turn_set.words_until("Login incorrect.  Please try", 2) == ('Login incorrect', '.')


def test_a_turn_is_built_with_its_pause_where_it_says() -> None:
    voice = np.sin(np.arange(RATE) / 5).astype(np.float32)
    made = turn_set.turn('x', 'Jo', 'test', TEXT, [voice, turn_set.seconds(0.5), voice],
                         [(1, 'cut', 'Tell me')])
    (pause,) = made.pauses
    assert (pause.start, pause.end, made.end) == pytest.approx((1.6, 2.1, 3.1))
    inside = made.samples[round(1.65 * RATE):round(2.05 * RATE)]
    assert (np.abs(inside).max() < 0.02 < np.abs(
        made.samples[round(1.2 * RATE):round(1.5 * RATE)]).max())


def test_a_turn_that_was_taken_to_be_over_stays_so_however_the_reply_is_moved() -> None:
    asked = Asked(1.0, React(1, TEXT, 1.5), 1.5)
    asked.move(React(1, TEXT, 2.0), 1.4)
    assert asked.released == 2.0
    asked.move(React(1, TEXT, 3.0), 2.1)
    assert asked.released == 2.0 and asked.react.not_before == 3.0


def spoken(*lengths: float) -> np.ndarray:
    """Silence and voice [s] in turn; a level is all that the detector asks for."""
    rng = np.random.default_rng(1)
    return np.concatenate([
        rng.normal(0.0, 0.1 if index % 2 else 0.0003, round(length * RATE)).astype(np.float32)
        for index, length in enumerate(lengths)])


def played(sound: np.ndarray) -> Outcome:
    """By a recogniser that hears one sentence in a short sound and a longer one in a long one."""
    def words(samples: np.ndarray) -> str:
        return 'Tell me a story.' if samples.size < 2 * RATE else 'And what is the weather like?'

    return Play(Memo(Models(LevelVad(), words, lambda samples: 0.9))).run(sound)


def test_a_reply_does_not_begin_in_the_words_of_who_goes_on() -> None:
    outcome = played(spoken(0.6, 1.0, 1.0, 2.5, 3.0))    # ready in the second part
    heard = [one.heard for one in outcome.decisions if one.heard is not None]
    assert len(heard) == 1 and heard[0] > 5.1
    assert outcome.decisions[-1].brief == 'Tell me a story. And what is the weather like?'


def test_the_first_sound_of_the_next_word_keeps_a_turn_open() -> None:
    outcome = played(spoken(0.6, 1.0, 0.34, 2.5, 3.0))
    over = 1.6 + EndOfTurnParams().end_of_turn_s
    assert outcome.starts[1] > over                      # that it is a voice is known too late
    assert outcome.decisions[0].released > outcome.starts[1]


def test_over_the_reply_words_are_asked_for_as_often_as_by_the_robot_itself() -> None:
    lengths: list[int] = []

    def words(samples: np.ndarray) -> str:
        lengths.append(samples.size)
        return '' if lengths[1:] else 'Tell me a story.'

    params = PerceptionParams(partial_s=0.5, overlap_partial_s=0.1)
    sound = spoken(0.6, 1.0, 2.0, 1.2, 3.0)              # the second part over the reply
    models = Models(LevelVad(), words, lambda samples: 0.9, strict=LevelVad())
    outcome = Play(Memo(models), perception=params).run(sound)
    assert [one.heard < 3.6 for one in outcome.decisions if one.heard is not None] == [True]
    steps = np.diff(lengths[1:]) / RATE
    assert sum(0.09 < step < 0.15 for step in steps) >= 5


def test_real_models_decide_after_a_human_sentence_and_never_before_it_has_begun() -> None:
    need_model('smart_turn', 'smart-turn-v3.2-cpu.onnx')
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    recognise = load.recogniser('moonshine')
    try:
        turns = turn_set.build(recognise, 5)
    except BackendError as error:
        pytest.skip(str(error))
    memo = Memo(
        Models(load.vad('silero'), recognise, load.turn_end('smart_turn'),
               lambda: load.suppressor('none')))
    outcomes = [Play(memo).run(one.samples) for one in turns]
    for one, outcome in zip(turns, outcomes):
        assert outcome.starts and outcome.starts[0] == pytest.approx(turn_set.LEAD_S, abs=0.6)
        assert all(decision.released > turn_set.LEAD_S for decision in outcome.decisions)
        assert outcome.finals and outcome.finals[-1].known > one.end
    assert sum(bool(outcome.decisions) for outcome in outcomes) >= 4
    again = Play(memo).run(turns[0].samples)
    assert again.finals == outcomes[0].finals and again.decisions == outcomes[0].decisions
