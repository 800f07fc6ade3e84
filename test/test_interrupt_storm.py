"""Ten interrupts a second for a minute: nothing piles up, nothing old is heard."""

from __future__ import annotations

from functools import lru_cache
from typing import Callable

import numpy as np
import pytest
from faulty_conversation import CALM_S, DUCK_LIMIT_S, Faulty

from omni_agent.core.audio import RAMP_UP, RATE
from omni_agent.core.events import (
    HushRequested,
    Interrupt,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    Typed,
)

STORM_S, A_SECOND = 60, 10
TURN_DOWN_S = 0.07  # after which a nod in the storm is known to be one
AHEAD_S = 1.5  # of speech, on its way and in the speaker
SENTENCES = 5
LONGEST_S = SENTENCES * 1.3  # of a reply here, less than what may wait in the reaction
Storm = Callable[[Faulty], None]


def sound(talk: Faulty, t: float, number: int, text: str) -> None:
    """A whole utterance within a tenth of a second."""
    talk.tell(t, lambda now: SpeechStarted(now, number))
    talk.tell(t + 0.03, lambda now: Transcript(now, number, text, False, 0.5))
    talk.tell(t + 0.05, lambda now: SpeechStopped(now, number, 0.5))
    talk.tell(t + TURN_DOWN_S, lambda now: Transcript(now, number, text, True, 0.5, 0.9))


def typed(talk: Faulty, t: float, number: int) -> None:
    talk.tell(t, lambda now: Typed(now, f'question {number}'))


def hush(talk: Faulty, t: float, number: int) -> None:
    talk.tell(t, HushRequested)


def nods(talk: Faulty, t: float, number: int) -> None:
    """While the robot tells a long story."""
    if number == 1:
        talk.lives['reaction'][0].longer = 40
        typed(talk, t, number)
    else:
        sound(talk, t, number, 'mm-hm')


def stops(talk: Faulty, t: float, number: int) -> None:
    """Every second a question that is answered, and stopped as it begins."""
    if number % A_SECOND == 1:
        typed(talk, t, number)
    elif number % A_SECOND > 7:
        sound(talk, t, number, 'stop')


def everything(talk: Faulty, t: float, number: int) -> None:
    kind = talk.world.random.choice(
        ('cut in', 'nod', 'noise', 'typed', 'hush', 'dies', 'none', 'none')
    )
    if kind in ('cut in', 'nod', 'noise'):
        sound(
            talk,
            t,
            number,
            {'cut in': 'Wait, what about tomorrow?', 'nod': 'mm-hm', 'noise': ''}[kind],
        )
    elif kind == 'typed':
        typed(talk, t, number)
    elif kind == 'hush':
        hush(talk, t, number)
    elif kind == 'dies' and number % 20 == 0:
        talk.world.at(t, lambda: talk.kill(talk.world.random.choice(('reaction', 'speaker'))))


STORMS = {'typed': typed, 'hush': hush, 'nods': nods, 'stops': stops, 'everything': everything}


@lru_cache(maxsize=None)
def after(name: str) -> Faulty:
    def script(talk: Faulty) -> None:
        for number in range(1, STORM_S * A_SECOND + 1):
            STORMS[name](talk, 1.0 + number / A_SECOND, number)

    return Faulty(7, 0.005, kills=0, seconds=STORM_S + CALM_S + 4.0, talk=script)


each_storm = pytest.mark.parametrize('name', sorted(STORMS))


@each_storm
def test_no_old_sound_is_heard_and_the_question_after_the_storm_is_answered_at_full_voice(
    name: str,
):
    talk = after(name)
    assert (talk.stale_samples(), talk.answered(), talk.end_gain()) == (0, True, 1.0)
    assert talk.longest_whisper_s() <= DUCK_LIMIT_S + RAMP_UP / RATE + 0.06


@each_storm
def test_nothing_piles_up(name: str):
    talk = after(name)
    assert max(speaker.most_queued for speaker in talk.lives['speaker']) <= (AHEAD_S + 0.3) * RATE
    if name != 'nods':  # there a long story waits, and nothing else
        # chunks of 0.1 s; each sentence ends in a shorter one, and the reply in an empty one
        assert (max(reaction.most_waiting for reaction in talk.lives['reaction'])
                <= LONGEST_S / 0.1 + SENTENCES + 1)
    assert len(talk.world._queue) < 200  # what is still to come, alarms included


@each_storm
def test_each_change_is_told_once_and_the_epoch_only_rises(name: str):
    told = [
        message
        for message in after(name).lives['decision'][0].interrupt.sent
        if isinstance(message, Interrupt)
    ]
    epochs = [message.epoch for message in told]
    assert epochs == sorted(epochs)
    states = [(message.epoch, message.ducked) for message in told]
    assert all(one != other for one, other in zip(states, states[1:]))
    assert len(told) <= 3 * STORM_S * A_SECOND


def test_a_storm_of_nods_takes_no_sample_from_the_reply():
    talk = after('nods')
    marks = sorted(talk.marks)
    assert len(marks) == 2  # the story, and the answer to the last question
    ends = [
        event
        for event in talk.lives['speaker'][0].playback.sent
        if getattr(event, 'complete', None) is not None
    ]
    story = next(event for event in ends if event.epoch == marks[0])
    assert story.complete or story.heard.count(str(marks[0])) > 20
    assert talk.lowered_s() > STORM_S / 4  # it did give way, again and again


def test_the_storms_did_interrupt():
    assert after('stops').tape.cuts > STORM_S / 2
    assert after('everything').tape.cuts > 5
    assert len(after('typed').marks) >= STORM_S * A_SECOND
    assert sum(after('everything').deaths.values()) > 1
    assert np.count_nonzero(after('nods').tape.sound) > STORM_S * RATE / 3
