"""A whole scene as sound through the real graph: people beside the robot, a radio that asks, talk
about the robot, and then a question to it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_demo import played

from omni_agent.backends import audio_files, broadcast
from omni_agent.share import share_dir

ASSETS = share_dir() / 'scenarios' / 'assets'
SCENE = '''
version: 1
name: side talk
duration_s: 90
tail_s: 2
people:
  anna: {{voice: 'flite:slt'}}
  ben: {{voice: 'flite:rms', distance_m: 1.5}}
  carla: {{voice: 'flite:slt', distance_m: 1.5}}
  radio: {{voice: 'flite:rms', level_dbfs: -38, distance_m: 4.0}}
lines:
  - {{name: plants, who: ben, text: plants, sound: '{assets}/bench/s02.flac', after_s: 1.5,
      expect: ignored}}
  - {{name: door, who: carla, text: door, sound: '{assets}/bench/s01.flac', after_s: 0.5,
      expect: ignored}}
  - {{name: radio, who: radio, text: news, sound: '{radio}', after_s: 2, expect: ignored}}
  - {{name: broken, who: ben, text: broken, sound: '{assets}/ben_broken.flac', after_s: 2,
      expect: ignored}}
  - {{name: understand, who: carla, text: understand, after_s: 0.5, expect: ignored,
      sound: '{assets}/carla_understand.flac'}}
  - {{name: capital, who: anna, text: capital, sound: '{assets}/anna_capital.flac', after_s: 6,
      expect: answered}}
'''
SETTINGS = ('perception.detector=none', 'perception.faces=none', 'reaction.llm=fake',
            'reaction.tts=fake', 'decision.llm=none')


def radio(path: Path) -> Path:
    """A voice between jingles that asks its listeners."""
    said = [audio_files.read(ASSETS / 'bench' / f'{name}.flac') for name in ('s07', 'q18', 's05')]
    audio_files.write(path, audio_files.to_int16(broadcast.programme(said, seed=3)))
    return path


@pytest.mark.timeout(600)
def test_only_who_speaks_to_the_robot_is_answered(tmp_path: Path):
    scene = tmp_path / 'scene.yaml'
    scene.write_text(SCENE.format(assets=ASSETS, radio=radio(tmp_path / 'radio.wav')),
                     encoding='utf-8')
    out = played(tmp_path, '--scenario', str(scene),
                 *(word for setting in SETTINGS for word in ('--set', setting)))
    records = [json.loads(line) for line in (out / 'events.jsonl').read_text().splitlines()]
    briefs = {record['brief'] for record in records if record['topic'] == 'react'}
    assert len(briefs) == 1 and 'capital' in briefs.pop()
    judged = [record for record in records if record['topic'] == 'agent_state'
              and record['evidence']]
    about = [record for record in judged if 'speaks about it' in record['evidence']]
    assert about and all(record['addressee_score'] < 0.5 for record in about)
