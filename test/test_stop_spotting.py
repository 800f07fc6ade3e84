"""A stop that was written as something else is found again, and none where nobody asked for it;
with the real recogniser.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from human_recordings import allison, need_model

from omni_agent.backends import RATE, languages, load, noises, speakers
from omni_agent.backends.asr import FILES, TINY, MoonshineRecogniser

PHRASES = [' '.join(phrase) for phrase in languages.named('en').stop_everywhere]


@pytest.fixture(scope='module')
def recognisers() -> tuple[MoonshineRecogniser, MoonshineRecogniser]:
    """Without the search, and as it is used."""
    for file in FILES:
        need_model(TINY, file)
    return MoonshineRecogniser(), load.recogniser('moonshine')


def sound(text: str, voice: str) -> np.ndarray:
    if shutil.which('flite') is None:
        pytest.skip('needs flite: apt install flite')
    said = speakers.speak(text, voice)
    at = np.flatnonzero(np.abs(said) > 0.01)
    said = 0.25 * said[at[0]:at[-1]] / np.abs(said).max()
    hiss = np.random.default_rng(0).normal(0.0, 5e-4, said.size + 10560)
    hiss[8000:8000 + said.size] += said
    return hiss.astype(np.float32)


def is_stop(text: str) -> bool:
    return languages.lexicon('en').is_stop(text)


@pytest.mark.parametrize('text, voice', [('Stop it.', 'flite:kal16'), ('Shut up.', 'flite:kal'),
                                         ('Stop talking.', 'flite:slt')])
@pytest.mark.parametrize('final', [False, True])
def test_a_stop_that_was_lost_is_found_again(recognisers: tuple, text: str, voice: str,
                                             final: bool):
    plain, searching = recognisers
    samples = sound(text, voice)
    heard = plain(samples)
    assert not is_stop(heard), f'no longer lost, choose another voice: {heard}'
    found = (searching.final if final else searching)(samples)
    assert is_stop(found), found


def test_coughs_and_doors_are_no_stop(recognisers: tuple):
    for kind in ('cough', 'door', 'claps'):
        for seed in range(2):
            made = np.concatenate([np.zeros(8000, np.float32), noises.make(kind, seed)])
            assert not is_stop(recognisers[1].final(made)), (kind, seed)


def test_people_who_ask_for_no_silence_keep_their_words(recognisers: tuple):
    plain, searching = recognisers
    for samples, _ in allison(6):
        if samples.size <= 9 * RATE:
            assert searching(samples) == plain(samples)


@pytest.mark.parametrize('text', ['Start talking.', 'Quite pleased.', 'Start it.'])
def test_words_that_only_sound_like_it_are_kept(recognisers: tuple, text: str):
    found = recognisers[1].final(sound(text, 'flite:rms'))
    assert not is_stop(found), found
