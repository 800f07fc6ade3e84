"""Speech recognition on human voices, and on what no recogniser should choke on."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import (allison, librivox, need_model, pink_noise, spoken, word_error_rate,
                              word_errors)

from omni_agent.backends import RATE
from omni_agent.backends.asr import (
    LOOP_TURNS, MAX_SAMPLES, MoonshineRecogniser, loop, read_tokens, split)
from omni_agent.core.errors import BackendError, WireError


@pytest.fixture(scope='module')
def recogniser() -> MoonshineRecogniser:
    for file in ('encoder_model.ort', 'decoder_model_merged.ort', 'tokenizer.bin'):
        need_model('moonshine_tiny_en', file)
    return MoonshineRecogniser()


def test_a_studio_voice_is_understood(recogniser: MoonshineRecogniser) -> None:
    rate = word_error_rate([(text, recogniser(samples)) for samples, text in allison()])
    assert rate < 0.04, f'word error rate {rate:.3f} on forty prompts'


def test_a_voice_at_a_home_microphone_is_understood(recogniser: MoonshineRecogniser) -> None:
    rate = word_error_rate([(text, recogniser(samples)) for samples, text in librivox()])
    assert rate < 0.06, f'word error rate {rate:.3f} on five sentences'


def test_a_voice_in_noise_is_mostly_understood(recogniser: MoonshineRecogniser) -> None:
    pairs = []
    for samples, text in allison(15):
        level = 10 * np.log10(np.mean(samples ** 2)) - 10
        pairs.append((text, recogniser(samples + pink_noise(samples.size, level))))
    rate = word_error_rate(pairs)
    assert rate < 0.15, f'word error rate {rate:.3f} at 10 dB'


def test_words_come_with_the_sound_so_that_partial_results_make_sense(
        recogniser: MoonshineRecogniser) -> None:
    samples, text = librivox()[0]
    whole = spoken(recogniser(samples))
    half = spoken(recogniser(samples[:samples.size // 2]))
    assert 0.3 * len(whole) < len(half) < 0.7 * len(whole)
    assert word_errors(whole[:len(half) - 1], half[:-1]) <= 2


def test_more_than_half_a_minute_is_cut_at_a_pause_and_not_lost(
        recogniser: MoonshineRecogniser) -> None:
    pause = np.zeros(RATE // 2, np.float32)
    parts = [part for samples, _ in librivox() for part in (samples, pause)] * 2
    text = ' '.join(text for _, text in librivox() * 2)
    samples = np.concatenate(parts)
    assert samples.size > 45 * RATE
    assert word_error_rate([(text, recogniser(samples))]) < 0.2


def test_a_cut_falls_into_the_pause() -> None:
    samples = np.ones(30 * RATE, np.float32)
    samples[20 * RATE:21 * RATE] = 0.0
    first, second = split(samples)
    assert 20 * RATE <= first.size <= 21 * RATE
    assert first.size + second.size == samples.size
    assert [piece.size for piece in split(samples[:MAX_SAMPLES])] == [MAX_SAMPLES]


@pytest.mark.parametrize('samples', [
    np.zeros(0, np.float32), np.ones(80, np.float32), np.zeros(3 * RATE, np.float32)],
    ids=['nothing', 'a few samples', 'digital silence'])
def test_where_nobody_spoke_there_is_no_text(
        recogniser: MoonshineRecogniser, samples: np.ndarray) -> None:
    assert recogniser(samples) == ''


def test_noise_gives_at_most_a_word_or_two(recogniser: MoonshineRecogniser) -> None:
    assert len(spoken(recogniser(pink_noise(8 * RATE, -30.0)))) <= 3


@pytest.mark.parametrize('samples', [
    np.array([0.0, np.nan] * RATE, np.float32), np.full(RATE, np.inf, np.float32),
    np.zeros((2, RATE), np.float32), np.zeros(RATE, np.int16)],
    ids=['NaN', 'infinity', 'two channels', 'integers'])
def test_damaged_sound_is_refused(recogniser: MoonshineRecogniser, samples: np.ndarray) -> None:
    with pytest.raises(WireError):
        recogniser(samples)


def test_a_decoder_that_repeats_itself_is_noticed_but_an_emphatic_person_is_not() -> None:
    assert loop([5, 9, 9, 9, 9]) == 0
    assert loop([5] + [9] * LOOP_TURNS) == 1
    assert loop([1] + [7, 8, 9] * LOOP_TURNS) == 3
    assert loop([]) == 0


def test_a_damaged_vocabulary_is_reported(tmp_path) -> None:
    whole = tmp_path / 'tokenizer.bin'
    whole.write_bytes(b'\x02ab\x00' + bytes([0x80 | 2, 1]) + b'x' * 130)
    assert read_tokens(whole) == [b'ab', b'', b'x' * 130]
    whole.write_bytes(b'\x05ab')
    with pytest.raises(BackendError, match='ends inside a token'):
        read_tokens(whole)


def test_a_damaged_network_is_reported_with_its_path(tmp_path) -> None:
    for name in ('encoder_model.ort', 'decoder_model_merged.ort', 'tokenizer.bin'):
        (tmp_path / name).write_bytes(b'not a network')
    with pytest.raises(BackendError, match='encoder_model.ort'):
        MoonshineRecogniser(folder=tmp_path)
