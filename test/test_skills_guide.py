"""What docs/skills.md tells people to write is what is read, in YAML and in Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterator

import pytest

from omni_agent.backends import skills as files
from omni_agent.core.skill_check import check
from omni_agent.core.skill_plan import Declined, Plan
from omni_agent.core.skills import Call, Refused, Skills

GUIDE = (Path(__file__).resolve().parents[1] / 'docs' / 'skills.md').read_text(encoding='utf-8')


def block(language: str) -> str:
    found = re.findall(rf'```{language}\n(.*?)```', GUIDE, re.DOTALL)
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope='module')
def from_yaml(tmp_path_factory: pytest.TempPathFactory) -> Skills:
    path = tmp_path_factory.mktemp('guide') / 'my_skills.yaml'
    path.write_text(block('yaml'), encoding='utf-8')
    return files.load(f'simulated, {path}')


@pytest.fixture(scope='module')
def from_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Skills]:
    folder = tmp_path_factory.mktemp('guide')
    (folder / 'my_skills.py').write_text(block('python'), encoding='utf-8')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield files.load('my_skills')
    sys.modules.pop('my_skills', None)


def planned(skills: Skills, text: str) -> Call:
    found = files.planner(skills).plan(text)
    assert isinstance(found, Plan) and len(found.calls) == 1, found
    return found.calls[0]


@pytest.mark.parametrize(('text', 'target', 'fields'), [
    ('close the gripper', 'gripper/close', {'data': True}),
    ('open your gripper', 'gripper/close', {'data': False}),
    ('raise your torso to 30 centimetres', 'torso/height', {'data': 0.3}),
    ('charge yourself', 'dock', {})])
def test_the_yaml_of_the_guide_does_what_it_says(from_yaml: Skills, text: str, target: str,
                                                 fields: dict[str, object]) -> None:
    call = planned(from_yaml, text)
    assert (call.target_name(), call.fields()) == (target, fields)


def test_the_yaml_of_the_guide_changes_what_is_there(from_yaml: Skills) -> None:
    assert planned(from_yaml, 'go to the work bench').fields()['pose.pose.position.x'] == 3.2
    assert isinstance(check(from_yaml, 'drive', '{"distance": 1.5}'), Refused)
    assert from_yaml.get('turn') is None
    assert isinstance(files.planner(from_yaml).plan('raise your torso to two metres'), Declined)
    gripper = files.planner(from_yaml).plan('close the gripper')
    assert isinstance(gripper, Plan) and gripper.confirm


@pytest.mark.parametrize(('text', 'fields'), [
    ('dim the desk lamp to 40 percent', {'a': 3, 'b': 40.0}),
    ('turn off the ceiling lamp', {'a': 7, 'b': 0.0})])
def test_the_python_of_the_guide_does_what_it_says(from_python: Skills, text: str,
                                                   fields: dict[str, object]) -> None:
    call = planned(from_python, text)
    assert (call.target_name(), call.fields()) == ('lights/set', fields)
    assert from_python.get('drive') is not None


def test_the_python_of_the_guide_keeps_its_limits(from_python: Skills) -> None:
    assert isinstance(check(from_python, 'dim', '{"lamp": "desk", "level": 140}'), Refused)
    assert isinstance(check(from_python, 'dim', '{"lamp": "porch", "level": 40}'), Refused)
