"""What the package says about itself: executables, versions, manifests, environment."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.util
import re
import stat
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Iterator

import pytest

from omni_agent import ros_env, share
from omni_agent.backends import model_manifest
from omni_agent.core.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent


# -- the packages ---------------------------------------------------------------------------------


def test_every_message_is_compiled() -> None:
    text = (ROOT / 'omni_agent_msgs' / 'CMakeLists.txt').read_text()
    listed = re.findall(r'^\s+(msg/\w+\.msg)$', text, re.MULTILINE)
    assert listed == sorted(
        f'msg/{path.name}' for path in (ROOT / 'omni_agent_msgs/msg').iterdir()
    )


def test_executables_go_where_ros_looks_for_them() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    assert config['develop']['script_dir'] == '$base/lib/omni_agent'
    assert config['install']['install_scripts'] == '$base/lib/omni_agent'


def entry_points() -> dict[str, str]:
    """As setup.py writes them, without running it."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    nodes = next(
        ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and statement.targets[0].id == 'NODES'
    )
    return {
        'omni-agent': 'omni_agent.cli.main',
        **{node: f'omni_agent.nodes.{node}' for node in nodes},
    }


@pytest.mark.parametrize('module', entry_points().values())
def test_every_executable_has_its_module_and_main(module: str) -> None:
    assert importlib.util.find_spec(module) is not None
    source = Path(importlib.util.find_spec(module).origin).read_text()
    functions = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    imported = {
        alias.asname or alias.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert 'main' in functions | imported


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    found = {
        xml.parse(ROOT / folder / 'package.xml').findtext('version')
        for folder in ('.', 'omni_agent_msgs')
    }
    found |= set(re.findall(r"version='([0-9.]+)'", (ROOT / 'setup.py').read_text()))
    found.add(importlib.import_module('omni_agent').__version__)
    assert len(found) == 1


def test_the_manifest_of_the_package_names_what_the_code_imports_from_ros() -> None:
    declared = {
        node.text for node in xml.parse(ROOT / 'package.xml').iter() if node.tag.endswith('depend')
    }
    imported: set[str] = set()
    for path in (ROOT / 'omni_agent').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split('.')[0])
    ros = {name for name in imported if name == 'rclpy' or name.endswith(('_msgs', '_interfaces'))}
    assert ros and ros <= declared


def test_the_dds_profile_is_well_formed_and_keeps_to_this_machine() -> None:
    root = xml.parse(ROOT / 'config' / 'fastdds_shm.xml').getroot()
    texts = {node.tag.split('}')[1]: node.text for node in root.iter()}
    assert texts['address'] == '127.0.0.1' and texts['useBuiltinTransports'] == 'false'
    assert int(texts['segment_size']) >= 64 * 2**20


def test_every_target_of_the_makefile_is_explained() -> None:
    text = (ROOT / 'Makefile').read_text()
    targets = set(re.search(r'^\.PHONY: (.*)$', text, re.MULTILINE).group(1).split())
    assert targets - {'python'} == set(re.findall(r'^([a-z-]+):.*## ', text, re.MULTILINE))
    assert {
        'help',
        'setup',
        'demo',
        'talk',
        'test',
        'bench',
        'models',
        'colcon',
        'clean',
    } <= targets


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / '.ci' / 'run'
    assert script.stat().st_mode & stat.S_IXUSR
    assert 'exec make test' in script.read_text()


# -- models ---------------------------------------------------------------------------------------

MANIFESTS = model_manifest.load(ROOT / 'models')


def test_the_models_that_the_package_runs_are_all_described() -> None:
    assert {
        'silero_vad',
        'moonshine_tiny_en',
        'smart_turn',
        'ge2e_voice',
        'qwen2_5_0_5b',
        'smollm2_135m',
        'nanodet',
        'faces',
        'mobilenetv2',
        'demo_video',
    } <= MANIFESTS.keys()


@pytest.mark.parametrize('manifest', MANIFESTS.values(), ids=lambda manifest: manifest.name)
def test_a_manifest_is_complete(manifest: model_manifest.Manifest) -> None:
    assert re.fullmatch(r'MIT|Apache-2\.0|BSD-[23]-Clause', manifest.licence)
    assert len((ROOT / 'models' / manifest.licence_text).read_text()) > 1000
    for file in manifest.files:
        kinds = [type(source) for source in file.sources]
        if manifest.profile == 'open':       # not needed by anything, and in no registry
            assert kinds == [model_manifest.Hub]
            continue
        # only measurements need it
        if manifest.profile == 'bench' and kinds == [model_manifest.Wheel]:
            continue
        assert kinds in ([model_manifest.Hub, model_manifest.Wheel], [model_manifest.Shipped])
        if file.name.endswith(('.onnx', '.ort', '.gguf')):
            assert {tensor.way for tensor in file.tensors} == {'input', 'output'}


def tensors_of(path: Path) -> dict[tuple[str, str], str]:
    """(way, name) -> dtype, as ONNX Runtime reads them."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return {
        (way, tensor.name): tensor.type
        for way, tensors in (('input', session.get_inputs()), ('output', session.get_outputs()))
        for tensor in tensors
    }


@pytest.mark.parametrize(
    'name, file',
    [
        ('silero_vad', 'silero_vad.onnx'),
        ('smart_turn', 'smart-turn-v3.2-cpu.onnx'),
        ('moonshine_tiny_en', 'encoder_model.ort'),
        ('moonshine_tiny_en', 'decoder_model_merged.ort'),
        ('nanodet', 'nanodet_m_416_fp16.onnx'),
        ('mobilenetv2', 'mobilenetv2_1280_fp16.onnx'),
        ('faces', 'face_short_range_fp16.onnx'),
        ('faces', 'face_mesh_fp16.onnx'),
        ('faces', 'face_iris_fp16.onnx'),
    ],
)
def test_the_described_tensors_are_those_of_the_file(name: str, file: str) -> None:
    from omni_agent.backends import models

    described = {
        key: tensor.dtype
        for tensor in next(f for f in MANIFESTS[name].files if f.name == file).tensors
        for key in ((tensor.way, full) for full in spelt_out(tensor.name))
    }
    onnx = {'tensor(float)': 'float32', 'tensor(int64)': 'int64', 'tensor(bool)': 'bool'}
    assert described == {
        key: onnx[kind] for key, kind in tensors_of(models.path(name, file)).items()
    }


def spelt_out(name: str) -> Iterator[str]:
    """'past.{0..2}.{key,value}' -> past.0.key, past.0.value, past.1.key, ..."""
    group = re.search(r'\{([^}]+)\}', name)
    if group is None:
        yield name
        return
    numbers = re.fullmatch(r'(\d+)\.\.(\d+)', group.group(1))
    options = (
        [str(n) for n in range(int(numbers.group(1)), int(numbers.group(2)) + 1)]
        if numbers
        else group.group(1).split(',')
    )
    for option in options:
        yield from spelt_out(name.replace(group.group(0), option, 1))


# -- environment of the nodes ---------------------------------------------------------------------


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / 'share' / 'ament_index').mkdir(parents=True)
    return tmp_path


def test_a_bare_environment_gets_everything_and_a_prepared_one_nothing(prefix: Path) -> None:
    added = ros_env.prepare({}, prefix)
    assert added['AMENT_PREFIX_PATH'] == str(prefix)
    assert added['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert Path(added['FASTRTPS_DEFAULT_PROFILES_FILE']).is_file()
    assert 'LD_LIBRARY_PATH' not in added
    assert ros_env.prepare(added, prefix) == {}


def test_whoever_asks_for_the_network_gets_it_without_our_loopback_profile(prefix: Path) -> None:
    added = ros_env.prepare({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, prefix)
    assert not {'ROS_AUTOMATIC_DISCOVERY_RANGE', 'FASTRTPS_DEFAULT_PROFILES_FILE'} & added.keys()


def test_a_profile_of_the_users_own_stays(prefix: Path) -> None:
    added = ros_env.prepare({'FASTRTPS_DEFAULT_PROFILES_FILE': '/mine.xml'}, prefix)
    assert not {'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'} & added.keys()


def test_messages_built_beside_an_installed_ros_are_found_by_its_loader(prefix: Path) -> None:
    sourced = {
        'ROS_DISTRO': 'jazzy',
        'AMENT_PREFIX_PATH': '/opt/ros/jazzy',
        'LD_LIBRARY_PATH': '/opt/lib',
    }
    added = ros_env.prepare(sourced, prefix)
    assert added['AMENT_PREFIX_PATH'] == f'{prefix}:/opt/ros/jazzy'
    assert added['LD_LIBRARY_PATH'] == f'{prefix}/lib:/opt/lib'


def test_humble_has_another_switch_for_staying_on_this_machine(prefix: Path) -> None:
    added = ros_env.prepare({'ROS_DISTRO': 'humble'}, prefix)
    assert added['ROS_LOCALHOST_ONLY'] == '1' and 'ROS_AUTOMATIC_DISCOVERY_RANGE' not in added
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' in added


def test_the_share_folder_is_the_source_tree_or_that_of_a_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert share.share_dir() == ROOT
    monkeypatch.setattr(
        share, '__file__', str(tmp_path / 'site-packages' / 'omni_agent' / 'share.py')
    )
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'nowhere'))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path}/one:{tmp_path}/two')
    with pytest.raises(ConfigError, match='install the package again'):
        share.share_dir()
    installed = tmp_path / 'two' / 'share' / 'omni_agent'
    (installed / 'models').mkdir(parents=True)
    (installed / 'package.xml').touch()
    assert share.share_dir() == installed
