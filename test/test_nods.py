"""Whether somebody only nodded, by the recogniser's own decoder: on real voices, and the search
alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from human_recordings import allison, need_model, pink_noise

from omni_agent.backends import RATE, NodHearer, audio_files, ear_models, nods
from omni_agent.backends.asr import FILES, TINY, MoonshineRecogniser, TwoPass
from omni_agent.core.cues import NOD
from omni_agent.core.ears import Recognise
from omni_agent.core.turn_states import TurnParams
from omni_agent.core.utterance import PRE_ROLL, Request

SAID = Path(__file__).resolve().parents[1] / 'scenarios' / 'assets' / 'bench'
NODS = [f'n0{number}' for number in range(1, 9)]
# the first second of what is none
QUESTIONS = ['q01', 'q02', 'q03', 'q05', 'q07', 'q08', 'i02', 'i04', 'i08']


@pytest.fixture(scope='module')
def recogniser() -> MoonshineRecogniser:
    for file in FILES:
        need_model(TINY, file)
    return MoonshineRecogniser()


def voice(name: str) -> np.ndarray:
    return audio_files.read(SAID / f'{name}.flac').astype(np.float32)[:RATE]


def in_noise(sound: np.ndarray) -> np.ndarray:
    return (sound + pink_noise(len(sound), -40.0)).astype(np.float32)


@pytest.mark.parametrize('name', NODS)
def test_a_nod_is_likely_to_be_one_also_in_noise(recogniser: MoonshineRecogniser,
                                                 name: str) -> None:
    assert recogniser.nod(voice(name)) > TurnParams.nod_likely
    assert recogniser.nod(in_noise(voice(name))) > TurnParams.nod_likely


@pytest.mark.parametrize('name', QUESTIONS)
def test_the_beginning_of_a_question_or_correction_is_not(recogniser: MoonshineRecogniser,
                                                          name: str) -> None:
    assert recogniser.nod(voice(name)) < TurnParams.nod_unlikely
    assert recogniser.nod(in_noise(voice(name))) < TurnParams.nod_unlikely


def test_the_beginning_of_human_prompts_is_hardly_ever_one(recogniser: MoonshineRecogniser) -> None:
    prompts = [samples.astype(np.float32) for samples, text in allison()
               if text.split()[0].lower() not in ('okay', 'yes', 'thank')]
    for seconds, most in ((0.5, 2), (0.75, 1)):
        found = [recogniser.nod(sound[:round(seconds * RATE)]) for sound in prompts]
        assert np.count_nonzero(np.array(found) >= TurnParams.nod_likely) <= most, sorted(found)


def test_nothing_is_the_least(recogniser: MoonshineRecogniser) -> None:
    assert recogniser.nod(np.zeros(RATE, np.float32)) == nods.FLOOR
    assert recogniser.nod(np.ones(10, np.float32)) == nods.FLOOR


def test_asking_leaves_the_words_as_they_are(recogniser: MoonshineRecogniser) -> None:
    before = recogniser(voice('q02'))
    recogniser.nod(voice('n03'))
    assert recogniser(voice('q02')) == before == 'What is your name?'


# -- when it is asked -----------------------------------------------------------------------------


class TwoWords:
    """A recogniser that misheard; counts how often a nod is looked for."""

    def __init__(self, text: str = "I'm not.") -> None:
        self.text, self.asked = text, []

    def __call__(self, samples: np.ndarray) -> str:
        return self.text

    def nod(self, samples: np.ndarray) -> float:
        self.asked.append(samples.size)
        return -1.5


def cue(recognise: TwoWords, seconds: float = 0.5, over: bool = True) -> float | None:
    sound = np.full(PRE_ROLL + round(seconds * RATE), 0.01, np.float32)
    request = Request(1, 0, sound.size, final=False)
    found = ear_models.transcribe(recognise, Recognise(request, sound, over))
    return dict(found.cues).get(NOD)


def test_it_is_asked_of_words_over_the_robots_voice_without_most_of_the_pre_roll() -> None:
    heard = TwoWords()
    assert isinstance(heard, NodHearer) and cue(heard) == -1.5
    assert heard.asked == [round(0.6 * RATE)]


@pytest.mark.parametrize('text, seconds, over', [
    ("I'm not.", 0.5, False),        # the robot is silent
    ('Stop.', 0.5, True),            # one word is told from a nod by itself
    ('I will not have it.', 2.0, True)])
def test_elsewhere_it_is_not(text: str, seconds: float, over: bool) -> None:
    heard = TwoWords(text)
    assert cue(heard, seconds, over) is None and not heard.asked


def test_the_quick_one_of_two_passes_is_asked() -> None:
    assert cue(TwoPass(TwoWords(), lambda samples: 'I am not.')) == -1.5


# -- the search -----------------------------------------------------------------------------------

SIZE = 9                 # of the vocabulary


def logits(**likely: float) -> np.ndarray:
    """Probabilities by piece; the rest is shared by nobody."""
    found = np.full(SIZE, -50.0)
    for token, share in likely.items():
        found[int(token[1:])] = np.log(share)
    return found


YES, YES_SO = (3, 6), (3, 8, 6)


def test_phrases_share_their_beginnings() -> None:
    assert nods.tree([YES, YES_SO, YES], 2) == {3: {6: {2: {}}, 8: {6: {2: {}}}}}


def test_the_likeliest_phrase_is_the_product_of_its_tokens() -> None:
    asked = []

    def step(state: tuple, token: int) -> tuple[tuple, np.ndarray]:
        asked.append((*state, token))
        return (*state, token), {3: logits(_6=0.5, _8=0.5), 8: logits(_6=1.0),
                                 6: logits(_2=0.8, _7=0.2)}[token]

    found = nods.likeliest(nods.tree([YES, YES_SO], 2), (), logits(_3=0.25, _4=0.75),
                           step)
    assert found == pytest.approx(np.log(0.25 * 0.5 * 0.8))
    assert (3, 6) in asked


def test_what_cannot_be_likelier_is_not_looked_at() -> None:
    def step(state: tuple, token: int) -> tuple[tuple, np.ndarray]:
        raise AssertionError('it was unlikely enough')

    assert nods.likeliest(nods.tree([YES], 2), (), logits(_4=1.0), step) == nods.FLOOR
