"""Both voices: what they say can be understood, starts at once, is even in loudness, and tells
where its words are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model, spoken, word_error_rate, word_errors

from omni_agent.backends import RATE, Speech, Tts
from omni_agent.backends.asr import MoonshineRecogniser
from omni_agent.backends.flite import FliteTts
from omni_agent.backends.speech_finish import LEAD, STEP, TAIL, audible, finish, spread
from omni_agent.backends.tts import LONGEST, Group, HibariTts, align, evenly, passes
from omni_agent.core.errors import BackendError

SENTENCES = (
    'I can see two cats and a dog.', 'The weather will be sunny and warm tomorrow.',
    'The train to London leaves at half past seven in the evening.',
    'Sorry, I did not understand you.', 'Turn left after the bridge, and then go straight on.')


@pytest.fixture(scope='module')
def hibari() -> HibariTts:
    pytest.importorskip('hibari')
    return HibariTts()


@pytest.fixture(scope='module')
def flite() -> FliteTts:
    if shutil.which('flite') is None:
        pytest.skip('needs flite: apt install flite')
    return FliteTts()


@pytest.fixture(params=['hibari', 'flite'])
def voice(request: pytest.FixtureRequest) -> Tts:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope='module')
def recogniser() -> MoonshineRecogniser:
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    return MoonshineRecogniser()


def say(voice: Tts, text: str) -> Speech:
    """All pieces as one."""
    pieces = list(voice.stream(text))
    starts = np.cumsum([0, *(piece.samples.size for piece in pieces)])
    words = tuple((int(start) + at, word) for start, piece in zip(starts, pieces)
                  for at, word in piece.words)
    return Speech(np.concatenate([piece.samples for piece in pieces]), words)


def test_it_can_be_understood(hibari: HibariTts, recogniser: MoonshineRecogniser) -> None:
    pairs = [(text, recogniser(say(hibari, text).samples / np.float32(32768)))
              for text in SENTENCES]
    assert word_error_rate(pairs) < 0.08, pairs


@pytest.mark.parametrize('text', ['Okay.', *SENTENCES])
def test_every_sentence_is_as_loud_starts_at_once_and_does_not_trail(
        voice: Tts, text: str) -> None:
    for speech in voice.stream(text):
        assert speech.samples.dtype == np.int16 and speech.samples.ndim == 1
        sound = speech.samples / 32768
        assert abs(10 * np.log10(np.mean(sound ** 2)) + 20) < 1.0
        assert 20 * np.log10(np.abs(sound).max()) < -1.0
        first, last = audible(sound)
        assert first <= 0.020 * RATE
        assert sound.size - last <= 0.150 * RATE


def test_all_words_come_in_order_with_rising_offsets(voice: Tts) -> None:
    text = 'Dr. Smith paid $9.99 on the 3rd of March, 2024 at 7:30 pm - "really"! It was cheap.'
    speech = say(voice, text)
    assert [word for _, word in speech.words] == text.split()
    offsets = [at for at, _ in speech.words]
    assert offsets == sorted(
        offsets) and 0 <= offsets[0] < RATE // 5 and offsets[-1] < speech.samples.size


def test_a_word_begins_where_it_says(hibari: HibariTts, recogniser: MoonshineRecogniser) -> None:
    """In the sound up to its offset all words before it are heard, and at most one that is guessed
    from its breath.
    """
    right = total = 0
    for text in SENTENCES:
        speech = say(hibari, text)
        for at in range(3, len(speech.words)):
            sound = np.pad(speech.samples[:speech.words[at][0]
                           ] / np.float32(32768), (0, RATE // 2))
            heard = spoken(recogniser(sound))
            before = spoken(' '.join(word for _, word in speech.words[:at]))
            extra = len(heard) - len(before)
            right += extra in (0, 1) and word_errors(before, heard[:len(before)]) <= 1
            total += 1
    assert right / total > 0.85, f'{right} of {total}'


def test_a_pause_after_a_comma_lies_before_the_next_word(hibari: HibariTts) -> None:
    speech = say(hibari, 'Wait a little, tomorrow we go.')
    offsets = dict((word, at) for at, word in speech.words)
    steps = np.abs(speech.samples[:speech.samples.size //
                   STEP * STEP].astype(float)).reshape(-1, STEP).mean(axis=1)
    inside = steps[offsets['little,'] // STEP + 20:offsets['tomorrow'] // STEP + 12]
    quietest = offsets['little,'] // STEP + 20 + int(inside.argmin())
    assert abs(quietest * STEP - offsets['tomorrow']) < 0.12 * RATE


def test_durations_are_read_from_the_network_and_not_guessed(hibari: HibariTts) -> None:
    assert hibari.timed


def test_sentences_come_one_by_one(hibari: HibariTts) -> None:
    pieces = list(hibari.stream('Yes. It is over there. Do you see it?'))
    assert [' '.join(word for _, word in piece.words) for piece in pieces] == [
        'Yes.', 'It is over there.', 'Do you see it?']


@pytest.mark.parametrize('text', ['', '   ', '...', '?!', '日本語', '😀', '\0', '-'])
def test_what_cannot_be_said_is_not_said(voice: Tts, text: str) -> None:
    assert list(voice.stream(text)) == []


@pytest.mark.parametrize('text',
                         ['-o /tmp/x', '$(touch hacked) `touch hacked`; touch hacked', '--version',
                          '@file', 'a\0b c', '"quoted" \\ back'])
def test_text_is_never_a_command(voice: Tts, text: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sum(piece.samples.size for piece in voice.stream(text)) > 0
    assert os.listdir(tmp_path) == []


def test_the_same_sentence_sounds_the_same(hibari: HibariTts) -> None:
    assert np.array_equal(say(hibari, SENTENCES[0]).samples, say(hibari, SENTENCES[0]).samples)


def test_a_very_long_sentence_is_cut_and_nothing_is_lost(hibari: HibariTts) -> None:
    text = 'we walked along the river, ' * 25 + 'and home.'
    pieces = list(hibari.stream(text))
    assert len(pieces) > 1
    assert [word for piece in pieces for _, word in piece.words] == text.split()


def test_a_failing_flite_is_reported(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / 'flite'
    program.write_text('#!/bin/sh\necho no such voice >&2\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    with pytest.raises(BackendError, match='no such voice'):
        list(FliteTts().stream('Hello.'))


def test_a_missing_flite_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(BackendError, match='apt install flite'):
        FliteTts()


def test_flite_leaves_nothing_behind(flite: FliteTts, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    say(flite, 'Hello there.')
    assert os.listdir(tmp_path) == []


def test_finishing_trims_levels_and_moves_the_words_along() -> None:
    t = np.arange(RATE) / RATE
    sound = np.concatenate([np.zeros(RATE), 0.9 * np.sin(2 * np.pi * 200 * t), np.zeros(RATE)])
    speech = finish(sound, [(0, 'one'), (RATE + RATE // 2, 'two')])
    assert speech is not None
    assert abs(speech.samples.size - (LEAD + RATE + TAIL)) < 3 * STEP
    assert speech.words[0] == (0, 'one')
    assert abs(speech.words[1][0] - (LEAD + RATE // 2)) < 2 * STEP
    assert finish(np.zeros(RATE), [(0, 'one')]) is None
    assert finish(np.zeros(0), []) is None


def test_a_shrill_peak_is_bent_below_full_scale() -> None:
    sound = np.random.default_rng(0).normal(0, 0.01, RATE)
    sound[8000] = 1.0
    speech = finish(sound, [])
    assert speech is not None and np.abs(
        speech.samples.astype(int)).max() < 32767 * 10 ** (-1 / 20)


def test_words_that_were_rewritten_for_speaking_keep_their_place() -> None:
    groups = [Group(text, 'x') for text in 'at seven thirty P.M. we go'.split()]
    assert align(groups, 'at 7:30 pm we go'.split()) == [
                 (0, 'at'), (1, '7:30'), (2, 'pm'), (4, 'we'), (5, 'go')]
    assert align(groups[:1], ['at', '🙂']) == [(0, 'at'), (0, '🙂')]


def test_passes_end_at_a_comma_and_hold_every_word_once() -> None:
    groups = [Group('w', 'x' * 19 + (',' if at % 7 == 6 else 'y')) for at in range(60)]
    ranges = list(passes(groups))
    assert [at for start, stop in ranges for at in range(start, stop)] == list(range(60))
    assert all(
        sum(len(g.phonemes) +1 for g in groups[start: stop]) <=LONGEST for start, stop in ranges)
    assert all(groups[stop - 1].phonemes.endswith(',') for _, stop in ranges[:-1])
    assert list(passes([Group('w', 'x' * 900)])) == [(0, 1)]


def test_words_without_known_times_share_the_time_by_weight() -> None:
    assert spread(['a', 'b'], [1.0, 3.0], 400) == [(0, 'a'), (100, 'b')]
    assert spread([], [], 400) == []
    assert list(evenly(4, 100)) == [25, 50, 75, 100]
