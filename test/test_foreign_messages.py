"""Other people's messages, written down by their public definitions for the tests: complete, and
compiled once.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent / 'interfaces'
PACKAGES = sorted(manifest.parent for manifest in FOLDER.glob('*/package.xml'))
# package -> message -> field -> type, as those who use the real packages know them
KNOWN = {
    'hri_msgs': {
        'LiveSpeech': {
            'header': 'std_msgs/Header',
            'incremental': 'string',
            'final': 'string',
            'confidence': 'double',
            'locale': 'string'
        },
        'IdsList': {
            'header': 'std_msgs/Header',
            'ids': 'sequence<string>'
        }
    },
    'audio_common_msgs': {
        'AudioData': {
            'data': 'sequence<uint8>'
        },
        'AudioDataStamped': {
            'header': 'std_msgs/Header',
            'audio': 'audio_common_msgs/AudioData'
        },
        'AudioInfo': {
            'channels': 'uint8',
            'sample_rate': 'uint32',
            'sample_format': 'string',
            'bitrate': 'uint32',
            'coding_format': 'string'
        }
    },
    'vision_msgs': {
        'Detection2D': {
            'header': 'std_msgs/Header',
            'id': 'string',
            'results': 'sequence<vision_msgs/ObjectHypothesisWithPose>',
            'bbox': 'vision_msgs/BoundingBox2D'
        }
    },
    'tf2_msgs': {
        'TFMessage': {
            'transforms': 'sequence<geometry_msgs/TransformStamped>'
        }
    }
}


@pytest.mark.parametrize('folder', PACKAGES, ids=lambda folder: folder.name)
def test_a_package_is_named_as_its_folder_and_compiles_every_file(folder: Path) -> None:
    assert xml.parse(folder / 'package.xml').getroot().findtext('name') == folder.name
    text = (folder / 'CMakeLists.txt').read_text()
    assert f'project({folder.name})' in text
    listed = re.findall(r'^\s+((?:msg|srv|action)/\w+\.(?:msg|srv|action))$', text, re.MULTILINE)
    there = [
        str(file.relative_to(folder)) for kind in ('msg', 'srv', 'action')
        for file in folder.glob(f'{kind}/*')
    ]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize('package', KNOWN)
def test_the_fields_are_those_of_the_public_definition(package: str) -> None:
    module = pytest.importorskip(f'{package}.msg',
                                 reason='interface packages of the tests: make setup-tests')
    for name, fields in KNOWN[package].items():
        assert getattr(module, name).get_fields_and_field_types() == fields


def test_all_are_compiled_but_those_that_the_machine_has(tmp_path: Path) -> None:
    command = ['cmake', '-S', str(FOLDER), '-B', str(tmp_path), '-DLEFT_OUT=vision_msgs;nav2_msgs']
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    said = subprocess.run(
        ['cmake', '--build', str(tmp_path), '--target', 'help'], check=True, capture_output=True,
        text=True, timeout=60).stdout
    targets = {folder.name for folder in PACKAGES if re.search(rf'\b{folder.name}\b', said)}
    assert targets == {folder.name for folder in PACKAGES} - {'vision_msgs', 'nav2_msgs'}


def test_no_code_of_ours_needs_them() -> None:
    source = Path(importlib.import_module('omni_agent').__path__[0])
    users = {file.name for file in source.rglob('*.py') for package in KNOWN
             if re.search(rf'^\s*(from|import) {package}\b', file.read_text(), re.MULTILINE)}
    assert users == set()
