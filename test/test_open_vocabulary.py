"""Pictures and any words, with two tiny towers of SigLIP's shape: the real tokenizer, the real
engines.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import encoders, models
from omni_agent.backends.open_vocabulary import (END, IMAGE, MODEL, TEXT, TOKENIZER, TOKENS,
                                                 OpenVocabulary, describing, plain)
from omni_agent.cli import encoder_row
from omni_agent.core.errors import BackendError, WireError

pytest.importorskip('cv2')
pytest.importorskip('onnx')
pytest.importorskip('tokenizers')

import tiny_towers  # noqa: E402
from tiny_towers import COLOURS, painted  # noqa: E402

PROMPTS = [describing(f'something {name}') for name in COLOURS]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_towers.make(tmp_path_factory.mktemp('towers'))


@pytest.fixture(scope='module')
def words(folder: Path) -> OpenVocabulary:
    return OpenVocabulary(folder=folder)


def test_the_words_that_describe_a_picture_fit_it_best(words: OpenVocabulary) -> None:
    """Pictures that the head was not fitted to, of other shapes."""
    right = 0
    for at, colour in enumerate(COLOURS.values()):
        for seed in range(100, 106):
            shape = ((90, 300), (240, 60), (224, 224))[seed % 3]
            found = words.similarity(painted(colour, seed, *shape), PROMPTS)
            assert found.shape == (len(COLOURS),) and ((found > 0) & (found < 1)).all()
            right += int(found.argmax() == at)
    assert right >= 34, right


def test_channels_are_blue_green_red(words: OpenVocabulary) -> None:
    names = list(COLOURS)
    exchanged = painted(COLOURS['red'], 200)[..., ::-1]
    assert (names[int(words.similarity(np.ascontiguousarray(exchanged),
                                       PROMPTS).argmax())] == 'blue')


def test_each_text_is_judged_for_itself_and_their_order_does_not_matter(
        words: OpenVocabulary) -> None:
    image = painted(COLOURS['green'], 201)
    together = words.similarity(image, PROMPTS)
    assert (np.concatenate([words.similarity(image, [one]) for one in PROMPTS]) == pytest.approx(
        together, rel=1e-4))
    assert words.similarity(image, PROMPTS[::-1]) == pytest.approx(together[::-1], rel=1e-4)
    cosine = words.texts(PROMPTS) @ words.images([image])[0]
    assert (np.argsort(cosine) == np.argsort(together)).all()
    assert together == pytest.approx(1 / (1 + np.exp(12.932437 - 117.330765 * cosine)), rel=1e-5)


def test_directions_have_length_one_and_many_at_once_are_as_one_by_one(
        words: OpenVocabulary) -> None:
    images = [painted(colour, 202, 64 + 8 * at, 100) for at, colour in enumerate(COLOURS.values())]
    many = words.images(images)
    assert np.linalg.norm(many, axis=1) == pytest.approx(np.ones(len(images)))
    for one, image in zip(many, images):
        assert words.images([image])[0] == pytest.approx(one, abs=1e-5)
    assert np.linalg.norm(words.texts(PROMPTS), axis=1) == pytest.approx(np.ones(len(PROMPTS)))


def test_capitals_and_punctuation_change_nothing_and_other_words_do(words: OpenVocabulary) -> None:
    same = words.texts(['a photo of something red', '  A PHOTO, of something Red!! '])
    assert (same[0] == same[1]).all()
    other = words.texts(['a photo of something blue'])[0]
    assert not np.allclose(same[0], other, atol=1e-3)


def test_known_texts_are_not_encoded_again_and_not_kept_for_ever(folder: Path) -> None:
    from omni_agent.backends import open_vocabulary
    words = OpenVocabulary(folder=folder)
    inner, asked = words._text, []

    class Counted:
        name, inputs = inner.name, inner.inputs

        def infer(self, feeds: dict) -> dict:
            asked.append(len(feeds['input_ids']))
            return inner.infer(feeds)

    words._text = Counted()
    first = words.texts([*PROMPTS, PROMPTS[0]])
    assert asked == [len(PROMPTS)] and (first[0] == first[-1]).all()
    words.texts(PROMPTS)
    assert asked == [len(PROMPTS)]
    words.texts([f'number {at}' for at in range(open_vocabulary.KEPT)])
    assert len(words._known) == open_vocabulary.KEPT
    assert words.texts(PROMPTS) == pytest.approx(first[:-1], abs=1e-5) and len(asked) == 3
    inner.close()


def test_a_text_is_64_tokens_however_long_it_is(words: OpenVocabulary) -> None:
    short, long = words._ids('this is red'), words._ids('red ' * 100)
    assert (len(short) == len(long) == TOKENS and short[3:] == [END] * (TOKENS - 3)
            and long[-1] == END)
    assert len(set(long[:-1])) == 1 and short[0] != short[2]


@pytest.mark.parametrize('text', ['', '   ', '?!', 'x' * 1001],
                         ids=['empty', 'blank', 'punctuation', 'a book'])
def test_what_is_no_text_is_refused(words: OpenVocabulary, text: str) -> None:
    with pytest.raises(WireError):
        words.similarity(painted((9, 9, 9), 1), [text])


def test_what_is_no_picture_is_refused(words: OpenVocabulary) -> None:
    with pytest.raises(WireError, match='uint8 BGR'):
        words.similarity(np.zeros((4, 4), np.uint8), ['red'])
    assert plain('It\'s a "Cup".') == 'its a cup'


def test_missing_files_and_a_broken_tokenizer_are_one_sentence(tmp_path: Path,
                                                               folder: Path) -> None:
    if not models.present(models.manifests()[MODEL]):
        with pytest.raises(BackendError, match=f'models pull {MODEL}'):
            OpenVocabulary()
    for name in (IMAGE, TEXT):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / TOKENIZER).write_text(json.dumps({'model': 'none'}))
    with pytest.raises(BackendError, match='no tokenizer'):
        OpenVocabulary(folder=tmp_path)


def test_the_bench_measures_it_when_its_files_are_here_and_leaves_it_out_when_not(
        folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optional = {'siglip_image', 'siglip_text'}
    is_here = models.present(models.manifests()[MODEL])
    assert (optional <= set(encoders.here())) == is_here and not optional & set(encoders.USED)
    own = {name: encoders.tried(name, folder / file)
           for name, file in (('siglip_image', IMAGE), ('siglip_text', TEXT))}
    monkeypatch.setattr(encoders, 'network', own.__getitem__)
    for name in sorted(optional):
        row = encoder_row.main(name, 'ort-cpu', 0.05, 1)
        assert (row['encoder'] == name and row['cosine'] > 0.9999 and row['p50_ms'] > 0
                and row['runs'] >= 30)
