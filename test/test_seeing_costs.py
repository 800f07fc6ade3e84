"""The cheap and the dear half of seeing, how an answer came about, and vectors of one sense: pure
data.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from omni_agent.backends import watching
from omni_agent.core.answer_route import (ADDRESSEE, LLM, MEMORY, RECOGNISER, VOICE, Answering,
                                          Step, recognised, searched, voiced, written)
from omni_agent.core.looking import label_asked_for, thing_asked_for
from omni_agent.core.overview import FRAMES, LEAST, Overview
from omni_agent.core.percepts import Kind, Perceived, event
from omni_agent.core.sense_vectors import AUDIO, VISION, cosine, fused, sketch, unit
from omni_agent.core.track import Track
from omni_agent.core.watch_events import Looked

WORDS = watching.watch_words('en')


def look(t: float, *labels: str) -> Looked:
    tracks = tuple(Track(id=number, label=label, t=t, box=(0.0, 0.0, 9.0, 9.0), first_s=0.0,
                         born_s=0.0, last_s=t, hits=9, looks=9, score=0.9, best=0.9,
                         speed=(0.0, 0.0), growth=0.0, share=0.1, at_edge=False,
                         began_at_edge=False, near_lost=False)
                   for number, label in enumerate(labels, 1))
    return Looked(t, tracks, ())


def over(*stretches: tuple[int, tuple[str, ...]]) -> Overview:
    """Looks at 10 Hz: so many with these things, one stretch after the other."""
    made, t = Overview(), 0.0
    for count, labels in stretches:
        for _ in range(count):
            t += 0.1
            made.step(look(t, *labels))
    return made


def test_an_overview_sums_up_at_least_128_pictures_and_never_more_than_it_keeps() -> None:
    assert FRAMES >= LEAST >= 128
    made = over((FRAMES + 50, ('person', 'person', 'cup')))
    assert made.frames == FRAMES and made.share('person') == 1.0
    assert made.told() == 'one cup, two people'


def test_what_was_there_for_too_few_pictures_or_is_gone_is_not_steady() -> None:
    assert not over((LEAST - 1, ('cup',))).is_steady('cup')
    assert over((LEAST, ('cup',))).is_steady('cup')
    gone = over((200, ('cup',)), (1, ()))
    assert not gone.is_steady('cup') and gone.told() == 'nothing; no longer: cup (0 s ago)'
    assert not over((128, ()), (100, ('cup',))).is_steady('cup')


def test_what_left_the_window_or_flickered_once_is_not_told() -> None:
    assert over((10, ('dog',)), (FRAMES, ('cup',))).told() == 'one cup'
    assert over((5, ('dog',)), (200, ('cup',))).told() == 'one cup'      # 5 of 205 pictures
    assert over((50, ('dog',)), (150, ('cup',))).told() == 'one cup; no longer: dog (15 s ago)'


@pytest.mark.parametrize('brief, label', [
    ('Do you see a person?', 'person'), ('Can you see the cup on the table?', 'cup'),
    ('Do you see a red cup?', ''), ('What do you see?', ''), ('How many cups can you see?', ''),
    ('Do you see a fire extinguisher?', '')])
def test_only_whether_a_thing_is_there_can_be_left_to_the_overview(brief: str, label: str) -> None:
    assert label_asked_for(brief, WORDS) == label


def test_a_thing_with_a_name_is_not_looked_for_by_words() -> None:
    assert thing_asked_for('Do you see a person?', WORDS) == ''
    assert thing_asked_for('Do you see a fire extinguisher?', WORDS) == 'fire extinguisher'


# -- how an answer came about ---------------------------------------------------------------------


def test_who_worked_at_an_utterance_is_told_with_its_answer_and_once() -> None:
    made = Answering()
    made.heard(7, recognised('what is the', 0.05))
    made.heard(7, recognised('What is the time?', 0.08))
    made.asked(ADDRESSEE, 10.0)
    made.heard(7, Step(ADDRESSEE, '+1.5', made.took_ms(ADDRESSEE, 10.25)))
    made.begin(100, 'What is the time?', 7)
    made.add(searched('', 0, 0.004))
    steps = made.done(100, 'What is the time?')
    assert [one.specialist for one in steps] == [RECOGNISER, ADDRESSEE, MEMORY]
    assert [one.cost_ms for one in steps] == pytest.approx([80.0, 250.0, 4.0])
    assert steps[0].why == '"What is the time?"'
    assert made.done(100, 'What is the time?') == ()


def test_what_was_heard_for_another_answer_is_not_told_with_this_one() -> None:
    made = Answering()
    made.heard(7, recognised('Hello.', 0.05))
    made.begin(100, 'typed', None)
    assert made.done(100, 'typed') == () and made.done(101, 'other') == ()
    for number in range(100):
        made.heard(number, recognised('Hello.', 0.05))
    made.begin(101, 'x', 5)
    assert made.done(101, 'x') == ()                 # too long ago: bounded


def test_nobody_asked_has_no_time_and_a_second_sentence_adds_to_the_voice() -> None:
    assert math.isnan(Answering().took_ms(LLM, 3.0))
    assert voiced(0.2, voiced(0.3, None)) == Step(VOICE, 'spoke it', pytest.approx(500.0))
    assert written(1.0, 0.2, None).tokens == 0 and 'first word after 0.20 s' in written(
        1.0, 0.2, None).why


# -- vectors of one sense -------------------------------------------------------------------------


def vector(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=size)


def test_the_fused_vector_holds_both_and_leaves_zeros_for_a_sense_that_is_not_there() -> None:
    audio, vision = unit(vector(1, AUDIO)), unit(vector(2, VISION))
    assert len(fused(audio, vision)) == AUDIO + VISION
    assert fused(audio, ()) == (*audio, *(0.0,) * VISION)
    assert fused((), vision) == (*(0.0,) * AUDIO, *vision)
    assert fused((), ()) == () and unit(np.zeros(4)) == ()
    other = unit(vector(3, VISION))
    # the mean over the senses: one is the same, the other is not
    assert cosine(fused(audio, vision), fused(audio, other)) == pytest.approx(
        (1.0 + cosine(vision, other)) / 2, abs=1e-6)


def test_a_sketch_of_a_picture_keeps_cosines_as_they_are() -> None:
    wrong = []
    for share in np.linspace(0.0, 1.0, 41):
        # as the features of a picture are: none is negative
        one, noise = np.abs(vector(5, 1280)), np.abs(vector(int(6 + 100 * share), 1280))
        other = share * one + (1 - share) * noise
        true = cosine(unit(one), unit(other))
        wrong.append(cosine(sketch(one), sketch(other)) - true)
    assert np.abs(np.mean(wrong)) < 0.03 and np.max(np.abs(wrong)) < 0.12


def test_vectors_change_nothing_of_what_the_decision_core_is_told() -> None:
    bare = Perceived(Kind.FINAL, 3.0, 1, 2.0, 'Hello.')
    full = Perceived(Kind.FINAL, 3.0, 1, 2.0, 'Hello.', audio_vector=unit(vector(1, AUDIO)),
                     vision_vector=unit(vector(2, VISION)))
    assert event(full) == event(bare) and len(full.fused_vector) == AUDIO + VISION
