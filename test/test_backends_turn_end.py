"""End of turn on human voices; the features against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import allison, need_model

from omni_agent.backends import RATE
from omni_agent.backends.turn_end import BANDS, HOP, WINDOW, SmartTurn, log_mel, window
from omni_agent.core.errors import WireError


@pytest.fixture(scope='module')
def turn_end() -> SmartTurn:
    return SmartTurn(path=need_model('smart_turn', 'smart-turn-v3.2-cpu.onnx'))


def with_pause(samples: np.ndarray) -> np.ndarray:
    """As it is asked about: after 0.2 s of quiet."""
    return np.concatenate([samples, np.zeros(RATE // 5, np.float32)])


def spoken_part(samples: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0]:loud[-1] + 1]


def test_finished_sentences_sound_finished_and_most_cut_ones_do_not(turn_end: SmartTurn) -> None:
    whole, cut = [], []
    for samples, text in allison():
        if text.endswith('...') or text.startswith('...'):
            continue              # a prompt that goes on in another file
        speech = spoken_part(samples)
        whole.append(turn_end(with_pause(speech)))
        cut.append(turn_end(with_pause(speech[:speech.size * 55 // 100])))
    assert len(whole) >= 30
    assert np.mean(np.array(whole) > 0.5) > 0.85
    assert np.mean(np.array(cut) > 0.5) < 0.6
    rank = np.mean(np.array(whole)[:, None] > np.array(cut)[None])
    assert rank > 0.8, f'area under the ROC curve {rank:.2f}'


def test_only_the_last_eight_seconds_count(turn_end: SmartTurn) -> None:
    speech = np.concatenate([samples for samples, _ in allison(8)])
    assert speech.size > WINDOW + RATE
    assert turn_end(speech) == turn_end(speech[-WINDOW:])


@pytest.mark.parametrize('samples',
                         [np.zeros(0, np.float32),
                          np.zeros(RATE, np.float32),
                          np.ones(10, np.float32)],
                         ids=['nothing', 'silence', 'a few samples'])
def test_any_length_gives_a_probability(turn_end: SmartTurn, samples: np.ndarray) -> None:
    assert 0.0 <= turn_end(samples) <= 1.0


def test_damaged_sound_is_refused(turn_end: SmartTurn) -> None:
    with pytest.raises(WireError):
        turn_end(np.full(RATE, np.nan, np.float32))


def test_short_sound_stands_at_the_end_of_the_window() -> None:
    samples = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    seen = window(samples)
    assert seen.shape == (WINDOW,) and abs(seen.mean()) < 1e-3 and abs(seen.std() - 1) < 1e-3
    assert np.allclose(np.corrcoef(seen[-RATE:], samples)[0, 1], 1.0)
    assert np.ptp(seen[:-RATE]) == 0.0


@pytest.mark.parametrize(('hertz', 'band'), [(250.0, 6), (1000.0, 26), (4000.0, 62)])
def test_a_tone_is_brightest_in_the_band_of_its_pitch(hertz: float, band: int) -> None:
    """Bands on Slaney's scale: 3 mel for 200 Hz up to 1 kHz, then 27 for a factor of 6.4; 80 bands
    up to 8 kHz.
    """
    def mel(f: float) -> float:
        return f * 3 / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)
    assert abs(mel(hertz) / mel(8000) * (BANDS + 1) - 1 - band) < 1      # the definition itself
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    features = log_mel(tone)
    assert features.shape == (BANDS, RATE // HOP) and features.dtype == np.float32
    assert abs(int(features[:, 20:80].mean(axis=1).argmax()) - band) <= 1


def test_features_span_eight_decades_below_the_loudest_point() -> None:
    features = log_mel(np.concatenate(
        [np.zeros(RATE), np.random.default_rng(0).normal(size=RATE)]).astype('f'))
    assert np.isclose(features.max() - features.min(), 8.0 / 4.0)
