"""Speech recognition on human voices, and on what no recogniser should choke on."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import (allison, librivox, need_model, pink_noise, spoken, word_error_rate,
                              word_errors)

from omni_agent.backends import RATE, ear_models, ort_file
from omni_agent.backends.asr import (
    BASE, FILES, LONGEST_FINAL, LOOP_TURNS, MAX_SAMPLES, TINY, MoonshineRecogniser, TwoPass, loop,
    read_tokens, split)
from omni_agent.backends.onnx import session
from omni_agent.core.errors import BackendError, WireError
from omni_agent.core.ears import Recognise
from omni_agent.core.utterance import Request


@pytest.fixture(scope='module')
def recogniser() -> MoonshineRecogniser:
    for file in FILES:
        need_model(TINY, file)
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


def test_the_larger_model_loses_fewer_words_in_noise(recogniser: MoonshineRecogniser) -> None:
    for file in FILES:
        need_model(BASE, file)
    base = MoonshineRecogniser(model=BASE)
    rates = []
    for model in (recogniser, base):
        pairs = []
        for samples, text in allison(15):
            level = 10 * np.log10(np.mean(samples ** 2)) - 5
            pairs.append((text, model(samples + pink_noise(samples.size, level))))
        rates.append(word_error_rate(pairs))
    assert rates[1] < 0.7 * rates[0], f'word error rates {rates} at 5 dB'


def test_an_unpacked_network_is_the_same_network() -> None:
    for file, feeds in (
            (FILES[0], {'input_values': pink_noise(RATE, -30.0)[None].astype(np.float32),
                        'attention_mask': np.ones((1, RATE), np.int64)}),
            (FILES[1], first_step())):
        path = need_model(TINY, file)
        packed, unpacked = (opened(path).run(None, feeds)[0]
                            for opened in (session, ort_file.unpacked))
        np.testing.assert_allclose(unpacked, packed, atol=1e-3)


def first_step() -> dict[str, np.ndarray]:
    """What the decoder of tiny, in which there are subgraphs, takes after half a second."""
    empty = np.zeros((1, 8, 0, 36), np.float32)
    hidden = np.random.default_rng(0).normal(size=(1, 20, 288)).astype(np.float32)
    feeds = {'input_ids': np.array([[1]]), 'use_cache_branch': np.array([False]),
             'encoder_hidden_states': hidden,
             'encoder_attention_mask': np.ones((1, RATE // 2), np.int64)}
    return feeds | {f'past_key_values.{layer}.{side}.{kind}': empty for layer in range(6)
                    for side in ('decoder', 'encoder') for kind in ('key', 'value')}


def test_a_damaged_network_cannot_be_unpacked_and_is_named(tmp_path) -> None:
    (tmp_path / 'net.ort').write_bytes(b'not a network')
    with pytest.raises(BackendError, match='net.ort'):
        ort_file.unpacked(tmp_path / 'net.ort')


@pytest.mark.parametrize('final, seconds, who', [
    (False, 2, 'quick'), (True, 2, 'better'), (True, LONGEST_FINAL // RATE + 1, 'quick')])
def test_final_words_are_of_the_better_recogniser_where_nobody_has_to_wait_for_it(
        final: bool, seconds: int, who: str) -> None:
    both = TwoPass(lambda samples: 'quick', lambda samples: 'better')
    request = Request(1, 0, seconds * RATE, final)
    heard = ear_models.transcribe(both, Recognise(request, np.zeros(seconds * RATE, np.float32)))
    assert heard.text == who


def test_two_passes_give_the_vector_of_the_quick_one(recogniser: MoonshineRecogniser) -> None:
    samples, _ = allison()[0]
    both = TwoPass(recogniser, lambda samples: 'better')
    np.testing.assert_array_equal(both.describe(samples), recogniser.describe(samples))
    assert TwoPass(lambda samples: '', lambda samples: '').describe(samples) is None


def test_a_recogniser_is_surer_of_clear_words_than_of_those_in_noise(
        recogniser: MoonshineRecogniser) -> None:
    sure = []
    for loss_db in (40, 0):
        found = []
        for samples, _ in allison(8):
            noise = pink_noise(samples.size, 10 * np.log10(np.mean(samples ** 2)) - loss_db)
            recogniser.final(samples + noise)
            found.append(recogniser.sure(samples + noise))
        sure.append(np.mean(found))
    assert -0.2 < sure[0] <= 0.0 and sure[1] < 2 * sure[0] - 0.1, sure
    assert recogniser.sure(np.zeros(RATE, np.float32)) is None       # that was not heard last


def test_two_passes_are_as_sure_as_who_found_the_words(recogniser: MoonshineRecogniser) -> None:
    samples, _ = allison()[0]
    both = TwoPass(recogniser, lambda samples: '')
    assert both.final(samples) and both.sure(samples) == recogniser.sure(samples)
    other = TwoPass(recogniser, lambda samples: 'better')
    other(samples)
    assert other.sure(samples) is not None
    assert other.final(samples) == 'better' and other.sure(samples) is None


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
    samples = np.ones(12 * RATE, np.float32)
    samples[7 * RATE:8 * RATE] = 0.0
    first, second = split(samples)
    assert 7 * RATE <= first.size <= 8 * RATE
    assert first.size + second.size == samples.size


def test_the_beginning_of_long_speech_is_heard_once(recogniser: MoonshineRecogniser,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.concatenate([samples for samples, _ in librivox()])[:20 * RATE]
    recogniser(samples[:-RATE // 3])
    asked, recognise = [], recogniser._recognise
    monkeypatch.setattr(recogniser, '_recognise',
                        lambda piece, *spots: asked.append(piece.size) or recognise(piece, *spots))
    whole = recogniser(samples)
    assert len(asked) == 1 and asked[0] <= MAX_SAMPLES
    assert len(spoken(whole)) > 30


def test_a_piece_that_is_short_enough_is_not_cut() -> None:
    samples = np.ones(MAX_SAMPLES, np.float32)
    assert [piece.size for piece in split(samples)] == [MAX_SAMPLES]


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
    for name in FILES:
        (tmp_path / name).write_bytes(b'not a network')
    with pytest.raises(BackendError, match='encoder_model.ort'):
        MoonshineRecogniser(folder=tmp_path)
