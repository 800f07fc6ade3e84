"""The first trace of a sound over the robot's voice, and what is learnt from those that were
none.
"""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.core.onset import DOUBT_DB, REST, SOON, STEP, Onset

MARGIN_DB = 5.0
BLOCK = 320
ROOM = 30.0              # [int16] standard deviation of the noise
rng = np.random.default_rng(1)


def noise(seconds: float, louder_db: float = 0.0) -> np.ndarray:
    scale = ROOM * 10 ** (louder_db / 20)
    return np.round(rng.normal(0.0, scale,
                               round(seconds * 16_000 / BLOCK) * BLOCK)).astype(np.int16)


def heard(onset: Onset, sound: np.ndarray, robot: bool = True, person: bool = False) -> int:
    return sum(onset.hear(sound[at:at + BLOCK], robot, person)
               for at in range(0, sound.size, BLOCK))


@pytest.fixture
def onset() -> Onset:
    """It knows its room."""
    made = Onset(MARGIN_DB)
    assert heard(made, noise(10.0)) == 0
    return made


def test_a_steady_room_is_nothing_however_loud(onset: Onset):
    assert heard(onset, noise(60.0)) == 0
    loud = Onset(MARGIN_DB)
    assert heard(loud, noise(20.0, louder_db=40.0)) == 0


def test_a_sound_is_told_within_the_block_that_it_begins_in_and_once(onset: Onset):
    assert onset.hear(noise(0.02, 12.0), True, False)
    assert heard(onset, noise(0.28, 12.0)) == 0


def test_a_hiss_counts_and_a_hum_of_the_same_level_does_not(onset: Onset):
    t = np.arange(BLOCK) / 16_000
    hum, hiss = (np.round(60 * np.sin(2 * np.pi * hz * t)).astype(np.int16) for hz in (60, 6_000))
    assert not onset.hear(hum, True, False)
    assert onset.hear(hiss, True, False)


def test_nothing_is_told_while_the_robot_is_silent_or_a_person_is_known_to_speak(onset: Onset):
    assert heard(onset, noise(0.1, 20.0), robot=False) == 0
    assert heard(onset, noise(2.0)) == 0
    assert heard(onset, noise(0.1, 20.0), person=True) == 0


def test_a_sound_of_which_nothing_came_asks_for_a_louder_one_for_a_while(onset: Onset):
    assert heard(onset, noise(0.1, 7.0)) == 1
    assert heard(onset, noise((SOON + REST) * STEP / 16_000 + 1.0)) == 0
    assert onset.doubt_db == pytest.approx(DOUBT_DB, rel=0.1)
    assert heard(onset, noise(0.1, 7.0)) == 0
    assert heard(onset, noise(0.1, 20.0)) == 1                     # but that is loud
    assert heard(onset, noise(120.0)) == 0
    assert onset.doubt_db < 0.3
    assert heard(onset, noise(0.1, 8.0)) == 1


def test_a_person_after_it_makes_good_what_was_doubted(onset: Onset):
    onset.doubt_db = DOUBT_DB
    assert heard(onset, noise(0.1, 25.0)) == 1
    assert heard(onset, noise(0.1, 25.0), person=True) == 0
    assert onset.doubt_db == 0.0


def test_an_alarm_that_goes_on_and_off_is_told_a_few_times_and_no_more(onset: Onset):
    beeps = np.concatenate([np.concatenate((noise(0.2, 15.0), noise(1.4))) for _ in range(20)])
    assert 1 <= heard(onset, beeps) <= 5


def test_blocks_of_any_size_are_the_same_sound(onset: Onset):
    import copy
    other, sound = copy.deepcopy(onset), np.concatenate((noise(0.5), noise(0.1, 12.0), noise(0.3)))
    told = heard(onset, sound)
    cuts = np.sort(rng.integers(0, sound.size, 40))
    assert sum(other.hear(part, True, False) for part in np.split(sound, cuts)) == told == 1
