"""The node table, and that everything which names the nodes agrees with it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from omni_agent import graph, ros_env
from omni_agent.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
LAUNCH_FILE = ROOT / 'launch' / 'omni_agent.launch.py'
SPEAKER = next(spec for spec in graph.GRAPH if spec.name == 'speaker')

# Prints the parameters that rcl made of its command line, and the node's full name.
READER = '''
import json, sys, rclpy
rclpy.init(args=sys.argv)
node = rclpy.create_node('anything', automatically_declare_parameters_from_overrides=True)
values = {name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()}
print(json.dumps([node.get_fully_qualified_name(), values]))
node.destroy_node()
rclpy.shutdown()
'''


def pairs(arguments: list[str], flag: str) -> list[str]:
    return [value for key, value in zip(arguments, arguments[1:]) if key == flag]


def test_every_row_is_a_module_with_a_main_that_can_be_run():
    for spec in graph.GRAPH:
        file = ROOT / Path(*spec.module.split('.')).with_suffix('.py')
        body = ast.parse(file.read_text()).body
        assert 'main' in {node.name for node in body if isinstance(node, ast.FunctionDef)}, file
        assert ast.unparse(body[-1].test) == "__name__ == '__main__'", file


def test_names_are_unique_and_the_one_who_decides_starts_last():
    assert len(set(graph.NAMES)) == len(graph.GRAPH) == 6
    assert graph.NAMES[0] == 'speaker' and graph.NAMES[-1] == 'decision'


def test_every_row_is_an_executable_of_the_installed_package():
    body = ast.parse((ROOT / 'setup.py').read_text()).body
    assignments = {target.id: node.value for node in body if isinstance(node, ast.Assign)
                   for target in node.targets if isinstance(target, ast.Name)}
    assert set(ast.literal_eval(assignments['NODES'])) == set(graph.NAMES)
    assert set(ast.literal_eval(assignments['OPTIONAL'])) == {spec.name for spec in graph.OPTIONAL}


ALL = {spec.name for spec in (*graph.GRAPH, *graph.OPTIONAL)}
PARAMETER_FILES = [
    ROOT / 'config/omni_agent.yaml', *sorted((ROOT / 'config/profiles').glob('*.yaml'))
]


@pytest.mark.parametrize('file', PARAMETER_FILES, ids=lambda file: file.stem)
def test_the_parameter_files_name_only_nodes_of_the_table(file: Path):
    for section, content in yaml.safe_load(file.read_text()).items():
        assert section == '/**' or section.rsplit('/', 1)[-1] in ALL
        assert set(content) == {'ros__parameters'}


def test_later_files_win_and_overrides_win_over_all(tmp_path: Path):
    mine = tmp_path / 'mine.yaml'
    mine.write_text('{}')
    profile = graph.profiles()[0]
    result = graph.arguments(SPEAKER, params_file=mine, profile=profile,
                             overrides={'speaker': {'device': 'robot_spk'}})
    config = graph.config_folder()
    assert pairs(result, '--params-file') == [
        str(config / 'omni_agent.yaml'), str(config / 'profiles' / f'{profile}.yaml'), str(mine)]
    assert pairs(result, '-p') == ['use_sim_time:=false', 'device:="robot_spk"']
    assert result.index('-p') > result.index(str(mine))
    assert result[0] == '--ros-args' and result[-2:] == ['--log-level', 'info']


def test_a_node_gets_only_its_own_overrides():
    overrides = graph.device_overrides({'camera_device': '0', 'microphone_device': ''})
    assert overrides == {'camera': {'device': '0'}}
    assert pairs(graph.arguments(SPEAKER, overrides=overrides), '-p') == ['use_sim_time:=false']


@pytest.mark.parametrize(('given', 'made'), [('', ''), ('/', ''), ('robot', '/robot'),
                                             ('/a/b_1', '/a/b_1')])
def test_a_namespace_becomes_absolute(given: str, made: str):
    assert graph.absolute_namespace(given) == made
    assert pairs(graph.arguments(SPEAKER, given), '-r')[1:] == ([f'__ns:={made}'] if made else [])


@pytest.mark.parametrize('namespace', ['1robot', 'my robot', 'a//b', 'a/', 'robot-1', 'a/~b'])
def test_a_namespace_that_ros_refuses_is_refused_here(namespace: str):
    with pytest.raises(ConfigError, match='not a ROS name'):
        graph.absolute_namespace(namespace)


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'profile': 'nonsense'}, "unknown profile 'nonsense': choose from "),
    ({'log_level': 'loud'}, "unknown log level 'loud': choose from debug, info"),
    ({'params_file': '/nowhere/mine.yaml'}, 'no parameter file /nowhere/mine.yaml'),
])
def test_a_wrong_choice_names_the_right_ones(wrong: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        graph.arguments(SPEAKER, **wrong)


def test_a_node_can_be_left_out():
    assert graph.running() == graph.GRAPH
    assert [spec.name for spec in graph.running(graph.names('camera, reaction,'))] == [
        'speaker', 'microphone', 'perception', 'decision']
    with pytest.raises(ConfigError, match="unknown node 'ears': choose from speaker, "):
        graph.running(['ears'])


def test_the_window_runs_only_when_asked_for():
    assert 'window' not in {spec.name for spec in graph.running()}
    assert graph.running(['camera'], watch=True)[-1].name == 'window'


@pytest.mark.parametrize(('text', 'value'), [
    ('decision.barge_in_s=0.5', 0.5), ('decision.barge_in_s=2', 2),
    ('decision.barge_in_s=true', True), ('decision.barge_in_s=x=y', 'x=y'),
    ('decision.barge_in_s="7"', '7'), ('decision.barge_in_s=', ''),
    ('decision.barge_in_s=[a, b]', ['a', 'b']),
])
def test_a_setting_is_read_as_yaml(text: str, value: object):
    assert graph.setting(text) == ('decision', 'barge_in_s', value)


@pytest.mark.parametrize('text', ['barge_in_s=1', 'decision.barge_in_s', 'ears.x=1', 'decision.=1',
                                  'decision.x={a: 1}', 'decision.x=.nan', 'decision.x=[',
                                  'decision.x=~'])
def test_a_setting_that_cannot_be_is_refused(text: str):
    with pytest.raises(ConfigError):
        graph.setting(text)


def test_ros_reads_what_the_table_wrote(tmp_path: Path):
    pytest.importorskip('rclpy')
    mine = tmp_path / 'mine.yaml'
    mine.write_text('/**/speaker: {ros__parameters: {device: from file, kept: 1.5}}')
    values = {'device': '0', 'quoted': 'say "hi" := now', 'empty': '', 'rate': 1.0, 'count': -3,
              'on': True, 'words': ['a: b', 'é'], 'tiny': 1e-7}
    arguments = graph.arguments(SPEAKER, '/robot1', mine, use_sim_time=True, log_level='warn',
                                overrides={'speaker': values})
    environment = {**os.environ, **ros_env.prepare(os.environ)}
    printed = subprocess.run([sys.executable, '-c', READER, *arguments], env=environment,
                             check=True, capture_output=True, text=True, timeout=60).stdout
    name, read = json.loads(printed)
    assert name == '/robot1/speaker'
    expected = {**values, 'kept': 1.5, 'use_sim_time': True}
    assert {parameter: read[parameter] for parameter in expected} == expected
    assert isinstance(read['rate'], float) and isinstance(read['count'], int)


def test_the_launch_file_reads_the_table_instead_of_repeating_it():
    tree = ast.parse(LAUNCH_FILE.read_text(), feature_version=(3, 10))
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not constants & set(graph.NAMES)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {'graph.running', 'graph.parameter_files', 'graph.device_overrides'} <= called


def test_who_decides_and_who_carries_out_know_the_same_skills():
    overrides = graph.skill_overrides('simulated, mine.yaml')
    assert overrides['decision'] == overrides['skills'] == {'skills': 'simulated, mine.yaml'}
    assert graph.skill_nodes('simulated, mine.yaml') == ['skills', 'simulated_robot']
    assert graph.skill_nodes('default') == ['skills']
    assert graph.skill_nodes('') == [] and graph.skill_overrides('') == {}
