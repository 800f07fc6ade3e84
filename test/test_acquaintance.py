"""Names that people give of themselves, and what remembered pictures are compared by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends.memory_eyes import MemoryEyes
from omni_agent.core.acquaintance import KNOWN, SPEAKS_S, Acquaintance, name_given
from omni_agent.core.errors import ConfigError


@pytest.mark.parametrize(('text', 'name'), [
    ("Hello, I'm Anna.", 'Anna'), ('My name is ben', 'Ben'),
    ('I am Carla, nice to meet you.', 'Carla'),
    ('Please call me Dora.', 'Dora'), ('Ich heiße Emil.', 'Emil'),
    ("I'm sorry.", ''), ("I'm German.", ''), ("I'm here and I am Fine.", ''),
    ('I am in the kitchen', ''),
    ("I'm Anna's aunt.", ''), ('Is Anna here?', ''), ('', '')])
def test_a_name_is_learnt_from_whoever_bears_it(text: str, name: str) -> None:
    assert name_given(text) == name


def test_a_name_belongs_to_the_face_or_the_voice_that_said_it() -> None:
    people = Acquaintance()
    people.spoke('voice 2', 1.0)
    assert people.heard("I'm Anna.", 1.0) == 'Anna'
    people.spoke('face 3', 5.0)
    assert people.heard('What time is it?', 5.0) == '' and people.speaker(5.0) == 'face 3'
    people.spoke('voice 2', 9.0)
    assert people.speaker(9.0) == 'Anna'
    assert people.heard('And where are my keys?', 9.0) == 'Anna'
    assert people.speaker(9.0 + SPEAKS_S + 0.1) == ''
    people.spoke('face 3', 20.0)
    assert people.heard('My name is Ben.', 20.0) == 'Ben'
    assert people.face(3) == 'Ben' and people.face(2) == ''


def test_without_a_face_or_a_voice_a_name_holds_for_what_is_said_with_it() -> None:
    people = Acquaintance()
    people.spoke('', 1.0)
    assert people.heard("I'm Anna.", 1.0) == 'Anna'
    people.spoke('', 2.0)
    assert people.heard('Where are the keys?', 2.0) == ''


def test_what_was_said_to_somebody_else_teaches_no_name() -> None:
    people = Acquaintance()
    people.spoke('voice 1', 1.0)             # 'I'm Anna', said to Ben: only that somebody spoke
    people.spoke('voice 1', 2.0)
    assert people.heard('Robot, what time is it?', 2.0) == ''


def test_names_are_forgotten_one_by_one_and_never_too_many() -> None:
    people = Acquaintance()
    for number in range(KNOWN + 5):
        people.spoke(f'voice {number + 1}', float(number))
        people.heard(f'My name is {chr(97 + number % 26)}{chr(97 + number // 26)}x', float(number))
    people.spoke('voice 1', 100.0)
    assert people.speaker(100.0) == 'voice 1'
    people.spoke(f'voice {KNOWN + 5}', 101.0)
    newest = people.speaker(101.0)
    people.forget(newest.upper())
    people.spoke(f'voice {KNOWN + 5}', 102.0)
    assert newest != f'voice {KNOWN + 5}' and people.speaker(102.0) == f'voice {KNOWN + 5}'


def test_pictures_of_one_scene_are_alike_and_questions_are_not_compared_with_them() -> None:
    cv2 = pytest.importorskip('cv2')
    need_model('mobilenetv2', 'mobilenetv2_1280_fp16.onnx')
    video = cv2.VideoCapture(str(need_model('demo_video', 'carphone_pristine.mp4')))
    one, other = video.read()[1], video.read()[1]
    eyes = MemoryEyes('mobilenetv2')
    first, second = eyes.image(one), eyes.image(other)
    noise = eyes.image(np.random.default_rng(1).integers(0, 255, one.shape, np.uint8))
    assert first @ second > 0.9 > first @ noise
    assert not eyes.compares_words and eyes.text('a man in a car') is None and not eyes.trouble


def test_a_model_that_cannot_be_loaded_is_told_once_and_costs_no_words() -> None:
    eyes = MemoryEyes('none')
    assert eyes.image(np.zeros((9, 9, 3), np.uint8)) is None and not eyes.trouble
    with pytest.raises(ConfigError):
        MemoryEyes('clairvoyance')


def test_words_and_pictures_share_a_space_where_there_is_an_encoder(tmp_path: Path) -> None:
    pytest.importorskip('onnx')
    pytest.importorskip('tokenizers')
    import tiny_towers
    from tiny_towers import COLOURS, painted
    eyes = MemoryEyes(str(tiny_towers.make(tmp_path)))
    red = eyes.image(painted(COLOURS['red'], 500))
    assert eyes.compares_words
    assert max(COLOURS, key=lambda name: float(eyes.text(f'something {name}') @ red)) == 'red'


def test_a_folder_without_towers_is_told_and_then_left_alone(tmp_path: Path) -> None:
    pytest.importorskip('tokenizers')
    eyes = MemoryEyes(str(tmp_path))
    assert eyes.image(np.zeros((9, 9, 3), np.uint8)) is None
    assert 'without vectors' in eyes.trouble and eyes.text('a cup') is None
