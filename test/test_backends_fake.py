"""The models without weights do what they promise: the simulation stands on them."""

from __future__ import annotations

import numpy as np
import pytest

from omni_agent.backends import RATE, Message
from omni_agent.backends.fake import (
    GAP, WORD, BrightDetector, EchoTts, LevelVad, QuietTurnEnd, ScriptedLlm, ScriptedRecogniser)
from omni_agent.core.errors import WireError


def ask(text: str) -> list[Message]:
    return [Message('system', 'x'), Message('user', text)]


def test_the_scripted_model_answers_its_cue_and_otherwise_takes_turns() -> None:
    llm = ScriptedLlm({'Who are you?': 'I am a robot.'}, others=('One.', 'Two.'))
    assert ''.join(llm.stream(ask('who are you? '))) == 'I am a robot.'
    assert [''.join(llm.stream(ask('hm'))) for _ in range(3)] == ['One.', 'Two.', 'One.']
    assert list(llm.stream(ask('Who are you?'), max_tokens=2)) == ['I', ' am']
    assert llm.asked[0] == 'who are you? '


def test_the_scripted_model_can_be_cancelled_and_counts_it() -> None:
    llm = ScriptedLlm(others=('one two three',))
    stream = llm.stream(ask('hm'))
    next(stream)
    stream.close()
    list(llm.stream(ask('hm')))
    assert llm.cancelled == 1


def test_margins_are_given_by_what_was_said() -> None:
    llm = ScriptedLlm(margins={'robot': 3.0, 'Anna': -3.0})
    said = ('Hey robot!', 'Anna, come.', 'Well.')
    assert [llm.margin(ask(text)) for text in said] == [3.0, -3.0, 0.0]


def test_the_tone_voice_has_a_known_length_and_loudness() -> None:
    (speech,) = EchoTts().stream('Hello there friend')
    assert speech.samples.size == 3 * (WORD + GAP) and speech.samples.dtype == np.int16
    assert speech.words == ((0, 'Hello'), (WORD + GAP, 'there'), (2 * (WORD + GAP), 'friend'))
    level = 10 * np.log10(np.mean((speech.samples[:WORD] / 32768) ** 2))
    assert abs(level + 20) < 1.0
    assert list(EchoTts().stream('  ')) == []


def test_the_level_detector_knows_loud_from_quiet() -> None:
    vad, frame = LevelVad(), np.ones(512, np.float32)
    assert vad(frame * 0.1) == 1.0 and vad(frame * 1e-4) == 0.0
    assert 0.4 < vad(frame * 10 ** (-45 / 20)) < 0.6
    vad.reset()
    for wrong in (frame[:-1], frame * np.nan):
        with pytest.raises(WireError):
            vad(wrong)


def test_the_level_detector_hears_the_tone_voice() -> None:
    (speech,) = EchoTts().stream('Hello')
    vad = LevelVad()
    frames = speech.samples[:WORD // 512 * 512].reshape(-1, 512) / np.float32(32768)
    assert np.mean([vad(frame) for frame in frames]) > 0.9


def test_the_scripted_recogniser_hears_more_words_in_longer_sound() -> None:
    hear = ScriptedRecogniser('one two three', word_s=0.5)
    assert [hear(np.zeros(int(s * RATE), np.float32)) for s in (0.1, 0.6, 1.2, 9.0)] == [
        '', 'one', 'one two', 'one two three']
    with pytest.raises(WireError):
        hear(np.full(10, np.nan))


def test_the_turn_ends_in_quiet() -> None:
    ended, loud = QuietTurnEnd(), np.full(RATE, 0.1, np.float32)
    assert ended(loud) < 0.5 < ended(np.concatenate([loud, np.zeros(RATE // 2, np.float32)]))


def test_a_bright_patch_is_a_person() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    assert BrightDetector()(image) == []
    image[10:20, 30:50] = 255
    (found,) = BrightDetector()(image)
    assert (found.label, found.box) == ('person', (30.0, 10.0, 50.0, 20.0))
    with pytest.raises(WireError):
        BrightDetector()(np.zeros((0, 0, 3), np.uint8))
