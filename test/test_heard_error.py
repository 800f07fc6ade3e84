"""What is remembered against what the robot's track holds, on recordings made with the real
playout.
"""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.core.audio import RATE, Playout
from omni_agent.core.heard_error import HeardError, figures, heard_errors
from omni_agent.core.recording import Interrupt, Meta, Playback, Recording, Speech, Tracks
from omni_agent.core.speech import chunks

BLOCK = 320
T0 = 1_760_000_000.0
EPOCH = 7
BEGIN_S = 1.0
LATENCY_S = 0.04


def voice(seconds: float, seed: int) -> np.ndarray:
    """A vowel between consonants: loud in the middle, 20 dB softer at the ends."""
    random = np.random.default_rng(seed)
    size = int(seconds * RATE)
    loud = 0.1 + 0.9 * np.sin(np.linspace(0, np.pi, size)) ** 2
    return (3000 * loud * random.standard_normal(size)).clip(-30000, 30000).astype(np.int16)


def run(stop_s: float, low_s: float | None, forget: int = 0, seed: int = 1
        ) -> tuple[Recording, Tracks, str]:
    """A reply of 20 words, lowered at ``low_s`` and cut off at ``stop_s`` after its first
    sound.
    """
    random = np.random.default_rng(seed)
    words, parts, at = [], [], 0
    for index in range(20):
        sound = voice(float(random.uniform(0.15, 0.5)), index)
        pause = np.zeros(int(0.3 * RATE) if index % 7 == 6 else 0, np.int16)
        words.append((at, f'w{index}' + ('.' if pause.size else '')))
        parts += [sound, pause]
        at += sound.size + pause.size
    playout, speech, sent = Playout(), [], T0 + BEGIN_S - LATENCY_S
    for number, (samples, text) in enumerate(chunks(np.concatenate(parts), words)):
        playout.push(EPOCH, samples, text)
        speech.append(Speech(sent, sent, EPOCH, number, samples.size / RATE, text))
    robot = np.zeros(int(12 * RATE), np.int16)
    for block in range(int(stop_s * RATE) // BLOCK):
        playout.lower(low_s is not None and block * BLOCK >= low_s * RATE)
        out = np.zeros(BLOCK, np.int16)
        playout.fill(out)
        begin = int(BEGIN_S * RATE) + block * BLOCK
        robot[begin:begin + BLOCK] = out
    heard = playout.flush(fade=False)
    text = ' '.join(heard.heard.split()[:len(heard.heard.split()) - forget])
    playback = (Playback(T0 + BEGIN_S + 0.02, T0 + BEGIN_S + 0.02, EPOCH, 'started', BLOCK),
                Playback(T0 + BEGIN_S + stop_s, T0 + BEGIN_S + stop_s, EPOCH, 'flushed',
                         heard.played, heard=text))
    cut = Interrupt(T0 + BEGIN_S + stop_s, T0 + BEGIN_S + stop_s, EPOCH + 1, False, 'barge_in')
    recording = Recording(Meta(T0, T0), speech=tuple(speech), playback=playback, interrupts=(cut,))
    return recording, Tracks(T0, RATE, np.zeros_like(robot), robot), text


@pytest.mark.parametrize('low', [False, True])
def test_what_the_playout_tells_agrees_with_the_track_to_a_word(low: bool) -> None:
    errors = []
    for seed in range(25):
        stop_s = float(np.random.default_rng(seed).uniform(0.3, 4.5))
        recording, tracks, _ = run(stop_s, stop_s - 0.25 if low else None, seed=seed)
        errors += heard_errors(recording, tracks)
    assert len(errors) == 25
    assert np.mean([one.words for one in errors]) <= 0.3       # 10 ms frames, soft ends of words
    assert max(one.words for one in errors) <= 1
    assert np.mean([one.sentences for one in errors]) <= 0.1


def test_words_that_were_heard_but_not_remembered_are_counted() -> None:
    recording, tracks, _ = run(3.0, None, forget=3)
    assert 2 <= heard_errors(recording, tracks)[0].words <= 4
    assert figures(recording, tracks)['heard_text_error_words'] >= 2


def test_words_that_were_remembered_but_lowered_are_counted() -> None:
    recording, tracks, full = run(4.0, None)
    _, soft, _ = run(4.0, 2.0)
    error = heard_errors(recording, soft)[0]
    assert error.words >= 3 and len(error.remembered) > len(error.audible)
    assert ' '.join(error.remembered) == full


def test_a_run_without_a_cut_has_nothing_to_compare() -> None:
    silent = Tracks(T0, RATE, np.zeros(RATE, np.int16), np.zeros(RATE, np.int16))
    assert (figures(Recording(Meta(T0, T0)), silent) == {
        'heard_text_error_words': None,
        'heard_text_error_sentences': None,
        'heard_text_replies': 0
    })


@pytest.mark.parametrize('remembered, audible, words, sentences',
                         [('It is noon.', 'It is noon.', 0, 0), ('It is', 'It is noon.', 1, 0),
                          ('It is noon. And', 'It is', 2, 1), ('', 'It', 1, 1),
                          ('It was noon', 'It is noon', 4, 0), ('', '', 0, 0)])
def test_errors_are_words_and_sentences_too_many_and_too_few(remembered: str, audible: str,
                                                             words: int, sentences: int) -> None:
    error = HeardError(1, tuple(remembered.split()), tuple(audible.split()))
    assert (error.words, error.sentences) == (words, sentences)
