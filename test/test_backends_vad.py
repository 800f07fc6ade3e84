"""Voice activity on human voices, silence and noise."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import allison, librivox, need_model, pink_noise

from omni_agent.backends import RATE
from omni_agent.backends.vad import FRAME, SileroVad
from omni_agent.core.errors import BackendError, WireError

LEVEL = 10 ** (-40 / 20)      # a frame of these clean recordings that is louder holds speech
SPEECH = 0.5                  # probability


@pytest.fixture(scope='module')
def vad() -> SileroVad:
    return SileroVad(need_model('silero_vad', 'silero_vad.onnx'))


def run(vad: SileroVad, samples: np.ndarray) -> np.ndarray:
    vad.reset()
    frames = samples[:samples.size // FRAME * FRAME].reshape(-1, FRAME)
    return np.array([vad(frame) for frame in frames])


def stream(count: int) -> np.ndarray:
    """Prompts with a second of silence between them."""
    pause = np.zeros(RATE, np.float32)
    return np.concatenate(
        [part for samples, _ in allison(count) for part in (pause, samples)] +[pause])


def loud(samples: np.ndarray) -> np.ndarray:
    frames = samples[:samples.size // FRAME * FRAME].reshape(-1, FRAME)
    return np.sqrt(np.mean(frames ** 2, axis=1)) > LEVEL


def near(marks: np.ndarray, frames: int) -> np.ndarray:
    """Marks widened to both sides: a probability lags by a frame or two and lives on in short
    gaps.
    """
    return np.convolve(marks, np.ones(2 * frames + 1), 'same') > 0


@pytest.mark.parametrize(('noise_db', 'recall', 'precision'),
                         [(None, 0.95, 0.97),
                          (-10.0, 0.88, 0.95)],
                         ids=['clean', 'pink noise at 10 dB'])
def test_speech_is_found_and_nothing_else(vad: SileroVad, noise_db: float | None, recall: float,
                                          precision: float) -> None:
    clean = stream(20)
    truth = loud(clean)
    heard = clean
    if noise_db is not None:
        level = 10 * np.log10(np.mean(clean[np.repeat(truth, FRAME).nonzero()] ** 2)) + noise_db
        heard = clean + pink_noise(clean.size, level)
    found = run(vad, heard) > SPEECH
    assert found[truth].mean() > recall
    assert near(truth, 8)[found].mean() > precision


@pytest.mark.parametrize('sound', [
    np.zeros(10 * RATE, np.float32), pink_noise(10 * RATE, -30.0),
    np.random.default_rng(1).normal(0, 0.03, 10 * RATE).astype(np.float32),
    (0.1 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)],
    ids=['silence', 'pink noise', 'white noise', 'a tone'])
def test_what_is_no_speech_is_not_taken_for_it(vad: SileroVad, sound: np.ndarray) -> None:
    assert np.mean(run(vad, sound)[3:] > SPEECH) < 0.02


def test_a_voice_is_noticed_within_a_tenth_of_a_second(vad: SileroVad) -> None:
    late = []
    for samples, _ in librivox() + allison(10):
        samples = np.concatenate([np.zeros(RATE // 2, np.float32), samples])
        late.append(int(np.argmax(run(vad, samples) > SPEECH)) - int(np.argmax(loud(samples))))
    assert np.median(late) <= 0.1 * RATE / FRAME
    # one begins with a breath that is louder than its first sound
    assert max(late) <= 0.2 * RATE / FRAME


def test_reset_forgets_everything(vad: SileroVad) -> None:
    samples = librivox()[0][0][:3 * RATE]
    assert np.array_equal(run(vad, samples), run(vad, samples))


@pytest.mark.parametrize('frame',
                         [np.zeros(FRAME -1, np.float32),
                          np.zeros((1, FRAME),
                                   np.float32),
                          np.full(FRAME, np.nan, np.float32)],
                         ids=['short', 'two rows', 'NaN'])
def test_a_wrong_frame_is_refused_and_leaves_no_trace(vad: SileroVad, frame: np.ndarray) -> None:
    vad.reset()
    first = vad(np.zeros(FRAME, np.float32))
    vad.reset()
    with pytest.raises(WireError):
        vad(frame)
    assert vad(np.zeros(FRAME, np.float32)) == first


def test_a_missing_network_is_reported_with_its_path(tmp_path) -> None:
    with pytest.raises(BackendError, match='nowhere.onnx'):
        SileroVad(tmp_path / 'nowhere.onnx')
