"""config/omni_agent.yaml lists every parameter of every node, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tools'))

import write_config  # noqa: E402

from omni_agent import graph  # noqa: E402
from omni_agent.core.params import check, specs  # noqa: E402


def test_the_file_is_what_the_declarations_say():
    written = (ROOT / 'config' / 'omni_agent.yaml').read_text(encoding='utf-8')
    assert written == write_config.render()


def test_the_file_is_yaml_with_a_section_for_every_node():
    assert set(yaml.safe_load(write_config.render())) == {
        f'/**/{spec.name}' for spec in (*graph.GRAPH, *graph.OPTIONAL)}


@pytest.mark.parametrize('node', [spec.name for spec in (*graph.GRAPH, *graph.OPTIONAL)])
def test_every_default_is_inside_its_own_range(node: str):
    for _, params in write_config.sections(node):
        check(params())
        assert all(spec.doc for spec in specs(params))


@pytest.mark.parametrize('profile', sorted((ROOT / 'config' / 'profiles').glob('*.yaml')),
                         ids=lambda path: path.stem)
def test_a_profile_sets_only_parameters_that_exist(profile: Path):
    for section, body in yaml.safe_load(profile.read_text(encoding='utf-8')).items():
        if section == '/**':
            assert body == {'ros__parameters': {}}
            continue
        node = section.split('/')[-1]
        declared = {spec.name: spec for prefix, params in write_config.sections(node)
                    for spec in specs(params) if not prefix}
        for name, value in body['ros__parameters'].items():
            assert type(value) is type(declared[name].default), name
