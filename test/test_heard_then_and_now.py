"""What counts as heard differently, in what order recorded messages are taken, and how long models
take in a replay.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_replay import conversation

from omni_agent.backends.ear_workers import Busy
from omni_agent.backends.hear_again import Pace, Told, pace
from omni_agent.backends.senses_again import HOP_S, Stretch
from omni_agent.core.bag_time import Sound, Spoken, in_order
from omni_agent.core.events import SceneChanged, SoundStarted, Transcript
from omni_agent.core.heard_then_and_now import compare
from omni_agent.core.percepts import Kind, Perceived, as_sent, event
from omni_agent.core.replay import Rerun
from omni_agent.core.then_and_now import Verdict
from omni_agent.core.trace import State, Step

FINAL = Perceived(Kind.FINAL, 10.0, 1, 9.0, 'what is your name', 0.9, 0.8, -20.0, 0.1,
                  cues=(('tilt_db', -20.0),), processing_s=0.3)


@pytest.fixture
def rerun() -> Rerun:
    return Rerun(conversation().machine)


def only(then: list[Perceived], now: list[Perceived]):
    row, = compare(then, now)
    return row


def test_what_hardly_differs_is_the_same() -> None:
    near = replace(FINAL, t=10.03, turn_end=0.93, echo=0.13, level_dbfs=-20.5)
    assert only([FINAL], [near]).verdict is Verdict.SAME


@pytest.mark.parametrize('change, fields', [
    ({'text': 'what is your game'}, ('text',)), ({'turn_end': 0.5}, ('turn_end',)),
    ({'turn_end': math.nan}, ('turn_end',)), ({'start': 8.5}, ('start',)),
    ({'level_dbfs': -30.0}, ('level_dbfs',)), ({'cues': ()}, ('tilt_db',)),
    ({'cues': (('tilt_db', -20.0), ('lips', 0.9))}, ('lips',))])
def test_another_value_is_told_by_its_name(change: dict, fields: tuple[str, ...]) -> None:
    row = only([FINAL], [replace(FINAL, **change)])
    assert row.verdict is Verdict.CHANGED and row.fields == fields
    assert row.is_other == ('text' in fields)


def test_the_same_words_later_are_later() -> None:
    row = only([FINAL], [replace(FINAL, t=10.4)])
    assert row.verdict is Verdict.LATER and row.by_s == pytest.approx(0.4) and not row.is_other


def test_what_is_missing_and_what_is_new_are_other_percepts() -> None:
    far = replace(FINAL, t=14.0, utterance=2)
    verdicts = [row.verdict for row in compare([FINAL], [far])]
    assert verdicts == [Verdict.GONE, Verdict.NEW]
    assert all(row.is_other for row in compare([FINAL], [far]))


def test_a_sound_that_may_be_none_and_words_in_progress_are_no_other_percepts() -> None:
    sound, partial = Perceived(Kind.SOUND_STARTED, 5.0), replace(FINAL, kind=Kind.PARTIAL)
    assert not any(row.is_other for row in compare([sound], [partial]))


def test_a_reference_is_known_before_the_sound_that_came_with_it() -> None:
    sound = [Sound(t, stream, t, 0, 16_000, np.zeros(320, np.int16))
             for t, stream in ((1.000, 'audio'), (1.004, 'reference'), (1.020, 'audio'),
                               (1.040, 'reference'))]
    said = Spoken(1.021, 1.0, 7, 'hello')
    taken = list(in_order([*sound[:3], said, sound[3]]))
    assert taken == [sound[1], sound[0], sound[2], said, sound[3]]


def test_models_take_as_long_as_they_took_and_others_as_usual() -> None:
    partials = [Told(t + 0.3, replace(FINAL, kind=Kind.PARTIAL, t=t, processing_s=0.1 * (t - 9.0)))
                for t in (10.0, 11.0, 12.0)]
    stopped = Told(12.2, replace(FINAL, kind=Kind.SPEECH_STOPPED))
    final = Told(13.0, replace(FINAL, t=12.1, processing_s=0.4))
    known = pace([*partials, stopped, final])
    assert known.seconds(11.001, 2.5, False) == pytest.approx(0.2)
    # of sound from half a second before the voice on
    assert known.seconds(20.0, 4.5, False) == pytest.approx(0.4)
    assert known.seconds(12.1, 3.0, True) == known.seconds(20.0, 3.0, True) == 0.4
    assert known.known_s(12.1) == 13.0 and known.known_s(20.0) == pytest.approx(20.9)


def test_words_that_nobody_waited_for_say_nothing_of_the_other_model() -> None:
    stopped = Told(12.2, replace(FINAL, kind=Kind.SPEECH_STOPPED))
    known = pace([stopped, Told(12.21, replace(FINAL, t=12.1))])
    assert known.known_s(12.1) == 0.0 and known.final_s == 0.0


def test_without_anything_recorded_a_model_takes_a_usual_time() -> None:
    assert pace([]) == Pace() and 0.05 < Pace().seconds(1.0, 2.0, False) < 0.3


def test_one_job_at_a_time_and_the_oldest_that_waits_is_overtaken() -> None:
    busy: Busy[str] = Busy()
    for name in 'abcd':
        busy.submit(lambda name=name: name, 1.0, 10.0)
    done = []
    while not busy.idle:
        done.append((busy.done_s, busy.result()))
    assert done == [(11.0, 'a'), (12.0, 'c'), (13.0, 'd')]


def test_a_decision_node_that_was_busy_gets_the_same_percept_as_late_as_then(rerun: Rerun) -> None:
    told = event(FINAL)
    stretch = Stretch(5.0, [Step(0, 10.9, told, (), State('', '', '', None, ''))], rerun)
    assert stretch.arrival(told, 10.2) == 10.9
    assert stretch.arrival(event(replace(FINAL, t=9.5)), 10.2) == 10.2 + HOP_S
    assert stretch.arrival(event(replace(FINAL, kind=Kind.PARTIAL)), 10.2) == 10.2 + HOP_S
    assert stretch.arrival(told, 11.0) == 11.0 + HOP_S


def test_percepts_become_events_with_the_digits_of_a_message() -> None:
    heard = event(as_sent(replace(FINAL, voiced_s=0.1)))
    assert isinstance(heard, Transcript) and heard.final and heard.turn_end == pytest.approx(0.9)
    assert heard.voiced_s == float(np.float32(0.1)) != 0.1
    assert event(replace(FINAL, turn_end=math.nan)).turn_end is None
    assert event(Perceived(Kind.SOUND_STARTED, 3.0)) == SoundStarted(3.0)
    assert event(Perceived(Kind.SCENE, 3.0, text='a cup', salience=0.5)) == SceneChanged(
        3.0, 'a cup', 0.5)
