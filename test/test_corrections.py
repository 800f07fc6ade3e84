"""What corrections taught, bounded and written down: for a restart, and for people."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from omni_agent.backends import corrections
from omni_agent.core.attention import MOST_LEARNT, Attention, AttentionParams, Learnt, person_of
from omni_agent.core.errors import ConfigError, DeviceError

LEARNT = {'at kitchen': Learnt(-0.5, 2), 'face 3': Learnt(0.25, 1)}


def test_places_outlast_a_restart_and_numbers_of_people_do_not(tmp_path: Path):
    path = tmp_path / 'agent' / 'corrections.json'
    assert corrections.restore(path) == {}
    corrections.keep(LEARNT, path)
    assert corrections.restore(path) == {'at kitchen': Learnt(-0.5, 2)}
    assert [one.name for one in path.parent.iterdir()] == ['corrections.json']


@pytest.mark.parametrize('text', ['', '{', '[]', '{"version": 9, "learnt": {}}',
                                  '{"version": 1, "learnt": {"at here": {"shift": 99}}}',
                                  '{"version": 1, "learnt": {"at here": {"shift": NaN}}}',
                                  '[' * 50_000])
def test_a_file_that_is_none_is_named_with_what_to_do(tmp_path: Path, text: str):
    path = tmp_path / 'corrections.json'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(ConfigError, match='corrections.json.*delete it'):
        corrections.restore(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(DeviceError, match='cannot be kept'):
        corrections.keep(LEARNT, tmp_path / 'file' / 'corrections.json')


def test_what_was_kept_is_bounded_by_the_parameters_of_today(tmp_path: Path):
    path = tmp_path / 'corrections.json'
    learnt = {'at here': {'shift': -4.0, 'corrections': 9},
              'face 3': {'shift': 1.0, 'corrections': 1}}
    path.write_text(json.dumps({'version': 1, 'learnt': learnt}), encoding='utf-8')
    one = Attention.begin(AttentionParams(bound=1.5))
    one.restore(corrections.restore(path))
    assert one.learnt() == {'at here': Learnt(-1.5, 9)}


def test_it_knows_no_more_than_so_many_people_and_forgets_the_oldest():
    one = Attention.begin(AttentionParams())
    for number in range(3 * MOST_LEARNT):
        t = 100.0 * number
        one.heard('how tall is that tower', t, answered=False, person=f'face {number}')
        one.heard('how tall is that tower', t + 5, answered=False, person=f'face {number}')
    assert len(one.learnt()) == MOST_LEARNT
    assert {'at here', f'face {3 * MOST_LEARNT - 1}'} <= set(one.learnt())
    assert 'face 0' not in one.learnt()


def test_who_speaks_is_told_by_lips_before_voice_and_by_nothing_else():
    assert person_of((('face', 3.0), ('voice', 2.0))) == 'face 3'
    assert person_of((('lips', 0.9), ('voice', 2.0))) == 'voice 2'
    for cues in ((), (('lips', 0.9),), (('voice', math.nan),), (('face', 0.0),)):
        assert person_of(cues) == ''


def test_it_is_told_in_words():
    assert corrections.told(LEARNT) == 'at kitchen -0.50 (2), face 3 +0.25 (1)'
    assert corrections.told({}) == 'nothing'
