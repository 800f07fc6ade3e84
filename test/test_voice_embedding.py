"""The speaker embedding: its weights without torch, its network, and whose voice it says it is."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends import (RATE, audio_files, ear_models, image_room, load,
                                 own_addressee_set, voice_embedding)
from omni_agent.backends.addressee_script import Place
from omni_agent.backends.onnx import session
from omni_agent.backends.onnx_writing import network, node
from omni_agent.backends.torch_weights import MAGIC, PROTOCOL, tensors
from omni_agent.backends.voice_embedding import SIZE, VoiceEmbedding
from omni_agent.core.ears import Recognise
from omni_agent.core.errors import BackendError
from omni_agent.core.known_voices import OTHER, SAME, KnownVoices, distance
from omni_agent.core.utterance import Request
from omni_agent.share import share_dir

ASSETS = share_dir() / 'scenarios' / 'assets'


@pytest.fixture(scope='module')
def weights() -> Path:
    return need_model(voice_embedding.MODEL, voice_embedding.FILE)


@pytest.fixture(scope='module')
def voice(weights: Path) -> VoiceEmbedding:
    return VoiceEmbedding(path=weights)


def said(name: str) -> np.ndarray:
    return audio_files.read(ASSETS / f'{name}.flac')


# -- weights that torch wrote ---------------------------------------------------------------------


def written(path: Path, content: bytes, numbers: bytes = b'') -> Path:
    head = b''.join(pickle.dumps(one, 2) for one in (MAGIC, PROTOCOL, {'little_endian': True}))
    path.write_bytes(head + content + pickle.dumps(['s'], 2) + numbers)
    return path


class Wrong:
    """Calls something when it is read by an ordinary unpickler."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self._mark,)


def test_a_file_that_wants_to_call_something_is_refused_and_calls_nothing(tmp_path: Path):
    mark = tmp_path / 'called'
    path = written(tmp_path / 'w.pt', pickle.dumps({'model_state': Wrong(mark)}, 2))
    with pytest.raises(BackendError, match='wants to use'):
        tensors(path, 'model_state')
    assert not mark.exists()
    pickle.loads(pickle.dumps(Wrong(mark), 2))
    assert mark.exists()                                     # so it would have been


@pytest.mark.parametrize('content', [b'', b'no pickle', pickle.dumps(MAGIC, 2)])
def test_another_file_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / 'w.pt'
    path.write_bytes(content)
    with pytest.raises(BackendError, match='models verify'):
        tensors(path, 'model_state')


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path, weights: Path):
    path = tmp_path / 'w.pt'
    path.write_bytes(weights.read_bytes()[:3_000_000])
    with pytest.raises(BackendError, match='model_state'):
        tensors(path, 'model_state')
    path = written(tmp_path / 'v.pt', pickle.dumps({'model_state': {}}, 2),
                   struct.pack('<q', 1 << 40))
    with pytest.raises(BackendError, match='a storage of'):
        tensors(path, 'model_state')


def test_weights_of_another_network_are_refused(tmp_path: Path):
    path = written(tmp_path / 'w.pt', pickle.dumps({'model_state': {}}, 2), struct.pack('<q', 0))
    with pytest.raises(BackendError, match='other weights'):
        VoiceEmbedding(path=path)


# -- the network ----------------------------------------------------------------------------------


def test_a_network_that_is_put_together_runs():
    ones = np.full((2, 3), 2.0, np.float32)
    made = network([node('Transpose', ['x'], ['t'], perm=[1, 0]),
                    node('Gemm', ['t', 'w'], ['y'], transB=1)],
                   {'w': ones}, {'x': (3, 'n')}, {'y': ('n', 2)})
    found = session(made).run(None, {'x': np.ones((3, 4), np.float32)})[0]
    assert found.shape == (4, 2) and (found == 6.0).all()


def by_hand(weights: dict[str, np.ndarray], mels: np.ndarray) -> np.ndarray:
    """The equations of an LSTM as torch documents them, step by step."""
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))

    heard = mels.astype(np.float64)
    for layer in range(3):
        into, back = (weights[f'lstm.weight_{kind}_l{layer}'] for kind in ('ih', 'hh'))
        bias = weights[f'lstm.bias_ih_l{layer}'] + weights[f'lstm.bias_hh_l{layer}']
        hidden, cell, out = np.zeros(256), np.zeros(256), []
        for row in heard:
            i, f, g, o = np.split(into @ row + back @ hidden + bias, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            out.append(hidden)
        heard = np.array(out)
    found = np.maximum(weights['linear.weight'] @ heard[-1] + weights['linear.bias'], 0.0)
    return found / np.linalg.norm(found)


def test_the_network_computes_what_its_weights_say(voice: VoiceEmbedding, weights: Path):
    mels = voice_embedding.voiced(said('anna_sky'))[:100]
    wanted = by_hand(tensors(weights, 'model_state'), mels)
    assert float(wanted @ voice.of_windows(mels[None])[0]) > 0.99999


def test_its_spectrum_is_that_which_the_network_was_taught_with():
    """librosa 0.11: melspectrogram(y=sweep, sr=16000, n_fft=400, hop_length=160, n_mels=40)."""
    t = np.arange(RATE) / RATE
    sweep = np.sin(2 * np.pi * (200 + 1500 * t) * t).astype(np.float32)
    mels = voice_embedding.mel(voice_embedding.powers(sweep))
    assert mels.shape == (101, 40)
    for frame, band, power in ((0, 2, 47.7711), (25, 12, 151.8317), (50, 20, 64.5602),
                               (75, 24, 50.3188)):
        assert mels[frame].argmax() == band
        assert mels[frame].max() == pytest.approx(power, rel=1e-4)


# -- whose voice it is ----------------------------------------------------------------------------


def test_it_does_not_matter_how_loud_a_voice_is_or_how_long_it_was_silent(voice: VoiceEmbedding):
    sound = said('anna_planets')
    quiet = np.concatenate([np.zeros(RATE, np.float32), 0.1 * sound, np.zeros(RATE, np.float32)])
    one, other = voice(sound), voice(quiet)
    assert len(one) == SIZE and np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert float(np.dot(one, other)) > 0.95


@pytest.mark.parametrize('sound', [
    np.zeros(2 * RATE, np.float32), np.zeros(0, np.float32), np.zeros(100, np.float32),
    np.full(2 * RATE, np.nan, np.float32)], ids=['silence', 'nothing', 'hardly anything', 'nan'])
def test_no_voice_has_no_print(voice: VoiceEmbedding, sound: np.ndarray):
    assert voice(sound) == ()


def test_half_a_second_of_voice_says_too_little(voice: VoiceEmbedding):
    assert voice(said('anna_planets')[:RATE // 2]) == ()


def test_people_keep_their_numbers_wherever_they_go(voice: VoiceEmbedding):
    """Two synthetic voices, each sentence from another place in the room."""
    box, known = image_room.draw(4), KnownVoices()
    found: dict[str, set[int]] = {'anna': set(), 'ben': set()}
    told = ('anna_sky', 'ben_broken', 'anna_planets', 'ben_sister', 'anna_watch', 'ben_leave')
    for at, name in enumerate(told):
        heard = own_addressee_set.through(said(name), box, Place(1.0 + at / 2, 20.0, at))
        own_print = voice(np.concatenate([np.zeros(RATE // 2, np.float32), heard]))
        found[name.split('_')[0]].add(known.number(own_print, float(at)))
        known.heard(own_print, float(at))
    assert len(found['anna'] - {0}) == 1 and len(found['ben'] - {0}) == 1
    assert found['anna'] - {0} != found['ben'] - {0}


def direction(degrees: float) -> tuple[float, ...]:
    return (float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees))),
            *(0.0,) * (SIZE - 2))


def test_embeddings_are_compared_by_their_cosine():
    assert distance(direction(0.0), direction(10.0)) == 0.0
    assert distance(direction(0.0), direction(44.0)) < SAME < distance(direction(0.0),
                                                                       direction(47.0))
    assert distance(direction(0.0), direction(51.0)) < OTHER < distance(direction(0.0),
                                                                        direction(53.0))


def test_prints_of_two_kinds_are_not_compared():
    assert distance((1.0, 0.0), direction(0.0)) == distance((), direction(0.0)) == float('inf')


def test_what_is_known_of_a_voice_follows_it():
    known = KnownVoices()
    for at, degrees in enumerate(range(0, 120, 12)):
        assert known.number(direction(degrees), float(at)) == 1
        known.heard(direction(degrees), float(at))
    assert known.number(direction(0.0), 20.0) == 2


# -- in the ears ----------------------------------------------------------------------------------


def test_final_words_come_with_the_embedding_and_partial_ones_with_none(voice: VoiceEmbedding):
    sound = said('ben_sister')
    final, partial = (ear_models.transcribe(None, Recognise(Request(1, 0, sound.size, is_final),
                                                            sound), voice).print
                      for is_final in (True, False))
    assert final == voice(sound) and len(final) == SIZE and partial == ()


def test_without_the_model_the_print_is_the_old_one():
    sound = said('ben_sister')
    found = ear_models.transcribe(None, Recognise(Request(1, 0, sound.size, True), sound),
                                  load.voice_print('spectrum'))
    assert 0 < len(found.print) < SIZE
