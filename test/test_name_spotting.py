"""A name that the recogniser lost is found again, and none where nobody said it; with the real
recogniser.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from human_recordings import allison, librivox, need_model

from omni_agent.backends import RATE, speakers
from omni_agent.backends.asr import FILES, TINY, MoonshineRecogniser
from omni_agent.backends.name_spotting import Logits, NameSpotter, log_probabilities, logits_of
from omni_agent.backends.tokens import Tokenizer
from omni_agent.core.address_words import called

NAMES = frozenset({'robot'})


@pytest.fixture(scope='module')
def recogniser() -> MoonshineRecogniser:
    for file in FILES:
        need_model(TINY, file)
    return MoonshineRecogniser()


@pytest.fixture(scope='module')
def spotter(recogniser: MoonshineRecogniser) -> NameSpotter:
    return NameSpotter(['Robot'], Tokenizer(recogniser._pieces))


def spoken(text: str, voice: str = 'flite:slt') -> np.ndarray:
    if shutil.which('flite') is None:
        pytest.skip('needs flite: apt install flite')
    quiet = np.zeros(RATE // 2, np.float32)
    return np.concatenate([quiet, speakers.speak(text, voice).astype(np.float32), quiet])


def logits(recogniser: MoonshineRecogniser, samples: np.ndarray) -> Logits:
    feeds, _ = recogniser._begin(samples)
    return logits_of(recogniser._decoder, {name: value for name, value in feeds.items()
                                           if '.decoder.' not in name})


@pytest.mark.parametrize('text', ['Robot, come here.', 'Robot, what time is it?',
                                  'Robot, turn on the light.', 'Where is my coat, robot?',
                                  'Robot.', 'Please, robot, come over here.'])
def test_a_name_that_was_lost_is_found_again(recogniser: MoonshineRecogniser, spotter: NameSpotter,
                                             text: str):
    samples = spoken(text)
    heard = recogniser(samples)
    assert called(heard, NAMES) == '', f'no longer lost, choose another voice: {heard}'
    found = spotter(heard, logits(recogniser, samples))
    assert called(found, NAMES) == 'calls', f'{heard} -> {found}'
    kept = set(heard.lower().split()[2:-2])      # of 'Bro, dot, come here.' the last words
    assert kept <= set(found.lower().split())


def test_people_who_say_no_name_keep_their_words(recogniser: MoonshineRecogniser,
                                                 spotter: NameSpotter):
    heard = [(recogniser(samples), samples)
             for samples, _ in (*allison(12), *librivox()) if samples.size <= 9 * RATE]
    assert len(heard) >= 12
    for text, samples in heard:
        assert spotter(text, logits(recogniser, samples)) == text


@pytest.mark.parametrize('text, voice, name', [
    ('Jarvis, turn on the light.', 'flite:slt', 'Jarvis'),
    ('Thank you, Robin.', 'flite:kal', 'Robin'),
    ('What do you think, Nova?', 'flite:awb', 'Nova')])
def test_a_name_that_somebody_gave_is_found_where_the_recogniser_may_lose_it(
        recogniser: MoonshineRecogniser, text: str, voice: str, name: str):
    samples = spoken(text, voice)
    found = NameSpotter([name], Tokenizer(recogniser._pieces))(recogniser(samples),
                                                               logits(recogniser, samples))
    assert called(found, frozenset({name.lower()})) == 'calls', found


def test_all_rows_share_the_sound_that_was_heard(recogniser: MoonshineRecogniser):
    """As if each was asked about alone, with the sound encoded anew."""
    samples = spoken('What time is it?')
    ask, spell = logits(recogniser, samples), Tokenizer(recogniser._pieces)
    rows = [spell('What time is it?'), spell('Robot, what time is it?')]
    together = log_probabilities(rows, ask, ended=True)
    assert together == pytest.approx([log_probabilities([row], ask, ended=True)[0]
                                      for row in rows], abs=0.5)
    feeds, first = recogniser._begin(samples)
    likely = first - np.log(np.exp(first.astype(np.float64)).sum())
    assert log_probabilities([rows[0][:1]], ask, ended=False)[0] == pytest.approx(
        likely[rows[0][0]], abs=0.05)


def test_who_says_nothing_like_the_name_is_not_asked_about(spotter: NameSpotter):
    def never(ids: np.ndarray) -> np.ndarray:
        raise AssertionError('the decoder was asked')
    for text in ('You', 'I am going home.', 'Thank you.', 'Yes.'):
        assert spotter(text, never) == text


def test_another_name_is_not_heard_in_what_was_said_to_this_one(recogniser: MoonshineRecogniser):
    other = NameSpotter(['Marvin'], Tokenizer(recogniser._pieces))
    samples = spoken('Robot, come here.')
    text = recogniser(samples)
    assert other(text, logits(recogniser, samples)) == text


def test_who_was_understood_is_not_asked_again(spotter: NameSpotter):
    def never(ids: np.ndarray) -> np.ndarray:
        raise AssertionError('the decoder was asked')
    for text in ('Robot, what time is it now?', 'Please tell me more, robot.', '', '如果'):
        assert spotter(text, never) == text


def test_words_are_spelt_as_the_recogniser_spells_them(recogniser: MoonshineRecogniser):
    spell = Tokenizer(recogniser._pieces)
    for text in ('Okay robot, turn left.', 'Is it 12 percent?', "I don't know, Übermut."):
        assert recogniser._text(spell(text)) == text


def test_what_it_writes_itself_is_spelt_with_the_same_tokens(recogniser: MoonshineRecogniser):
    spell, written = Tokenizer(recogniser._pieces), []
    for samples, _ in allison(8):
        feeds, first = recogniser._begin(samples.astype(np.float32))
        written.append(recogniser._decode(feeds, first, 60)[0])
    assert sum(len(tokens) for tokens in written) > 40
    for tokens in written:
        assert spell(recogniser._text(tokens)) == tokens


def test_the_log_probability_of_a_row_does_not_depend_on_longer_ones_beside_it():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(16, 16))
    def bigrams(ids: np.ndarray) -> np.ndarray:
        return table[ids]
    alone, = log_probabilities([[5, 6]], bigrams, ended=True)
    beside, _ = log_probabilities([[5, 6], [7, 8, 9, 10]], bigrams, ended=True)
    norm = np.log(np.exp(table).sum(axis=1))
    assert alone == pytest.approx(beside)
    assert alone == pytest.approx(table[1, 5] - norm[1] + table[5, 6] - norm[5]
                                  + table[6, 2] - norm[6])


@pytest.mark.parametrize('text', ['2-3\u0e15\u0e27\u0e1a', '\u110b\u1175', '\u4f60\u597d'])
def test_what_is_written_of_mere_noise_is_no_name(spotter: NameSpotter, text: str):
    def never(ids: np.ndarray) -> np.ndarray:
        raise AssertionError('nobody said anything')

    assert spotter(text, never) == text
