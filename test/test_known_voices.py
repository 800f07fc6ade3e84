"""Voices by number: of prints that are near each other, and of recordings."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.backends import RATE, audio_files, image_room, own_addressee_set, voice_cues
from omni_agent.backends.addressee_script import Place
from omni_agent.core.known_voices import KEPT_S, MOST, KnownVoices
from omni_agent.share import share_dir

ASSETS = share_dir() / 'scenarios' / 'assets'


def test_who_was_not_heard_for_long_is_somebody_new():
    voices = KnownVoices()
    voices.heard((1.0, 0.0), 0.0)
    assert voices.number((1.0, 0.0), KEPT_S) == 1
    assert voices.number((1.0, 0.0), KEPT_S + 1.0) == 2


def test_only_so_many_are_known_and_no_number_is_given_twice():
    voices = KnownVoices()
    for at in range(3 * MOST):
        voices.heard((float(at), 0.0), float(at))
    assert voices.number((float(3 * MOST - 1), 0.0), 100.0) == 3 * MOST
    assert voices.number((0.0, 0.0), 100.0) == 3 * MOST + 1


@pytest.mark.parametrize('seed', [1, 4])
def test_people_who_stay_where_they_are_keep_their_numbers(seed: int):
    """Two synthetic voices in a room, three sentences each."""
    box, voices = image_room.draw(seed), KnownVoices()
    places = {'anna': Place(1.0, 0.0, seed), 'ben': Place(1.8, 40.0, seed + 1)}
    found: dict[str, set[int]] = {'anna': set(), 'ben': set()}
    said = ('anna_sky', 'ben_broken', 'anna_planets', 'ben_sister', 'anna_watch', 'ben_leave')
    for at, name in enumerate(said):
        who = name.split('_')[0]
        dry = audio_files.read(ASSETS / f'{name}.flac')
        room = own_addressee_set.through(dry, box, places[who])
        heard = np.concatenate([np.zeros(RATE // 2, np.float32), room])
        own_print = voice_cues.measure(heard + np.float32(1e-4)).print
        found[who].add(voices.number(own_print, float(at)))
        voices.heard(own_print, float(at))
    assert len(found['anna'] - {0}) == 1 and len(found['ben'] - {0}) == 1
    assert not (found['anna'] & found['ben']) - {0}
