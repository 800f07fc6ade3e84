"""Every library that is imported is declared, under the name by which it is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parent.parent
# module -> what pip calls it, where that differs
PIP = {'cv2': 'opencv-python-headless', 'hibari': 'hibari-tts', 'yaml': 'PyYAML',
       'pywebrtc_audio': 'pywebrtc-audio', 'foxglove': 'foxglove-sdk'}
# without a rosdep key; package.xml says so
NO_KEY = {'hibari', 'pywebrtc_audio', 'xllamacpp'}
OPTIONAL = {'foxglove', 'tokenizers', 'torch'}
ROS = re.compile(r'rclpy|launch(_ros)?|ament_\w+|builtin_interfaces|\w+_(msgs|srvs|interfaces)')


def modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split('.')[0]


def imported() -> set[str]:
    files = [*(ROOT / 'omni_agent').rglob('*.py'), *(ROOT / 'launch').glob('*.py')]
    found = {module for path in files for module in modules(path)}
    return found - set(sys.stdlib_module_names) - {'omni_agent'}


def manifest() -> set[str]:
    root = xml.parse(ROOT / 'package.xml').getroot()
    return {node.text for node in root if node.tag in ('depend', 'exec_depend')}


def extras() -> dict[str, list[str]]:
    """As setup.py hands them over, without running it."""
    tree = ast.parse((ROOT / 'setup.py').read_text(encoding='utf-8'))
    given = next(word.value for node in ast.walk(tree) if isinstance(node, ast.Call)
                 for word in node.keywords if word.arg == 'extras_require')
    return {name: [re.split(r'[<>=]', line)[0] for line in lines]
            for name, lines in ast.literal_eval(given).items()}


def test_ros_packages_that_are_imported_are_in_the_manifest() -> None:
    needed = {name for name in imported() if ROS.fullmatch(name)}
    assert {'rclpy', 'launch', 'omni_agent_msgs'} <= needed      # else this looks at nothing
    assert needed <= manifest()


def test_libraries_that_are_imported_are_in_the_manifest() -> None:
    keys = {re.sub(r'^python3-|-pip$', '', name) for name in manifest()}
    needed = {name for name in imported() if not ROS.fullmatch(name)} - NO_KEY - OPTIONAL
    named = {'cv2': 'opencv'}
    assert {'numpy', 'rosbags'} <= needed
    assert {named.get(name, name) for name in needed} <= keys


def test_pip_brings_all_that_runs_here_when_it_is_asked_to() -> None:
    needed = {PIP.get(name, name) for name in imported() - OPTIONAL if not ROS.fullmatch(name)}
    assert needed == set(extras()['run'])
    others = {name for lines in extras().values() for name in lines}
    assert {PIP.get(name, name) for name in OPTIONAL} <= others


@pytest.mark.parametrize('words', [['models', 'list'], ['doctor'], ['demo'], ['record']])
def test_a_missing_library_is_one_line_and_what_to_run(words: list[str]) -> None:
    program = ('import sys; sys.modules["numpy"] = None\n'
               'from omni_agent.cli.main import main\n'
               f'sys.exit(main({words!r}))')
    answer = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            cwd=ROOT, timeout=60, check=False)
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert 'numpy' in line and '"make setup"' in line and '"pip install .[run]"' in line


def test_a_missing_part_of_this_package_is_not_taken_for_a_library() -> None:
    program = ('import sys; sys.modules["omni_agent.cli.live"] = None\n'
               'from omni_agent.cli.main import main\n'
               'sys.exit(main(["demo"]))')
    answer = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            cwd=ROOT, timeout=60, check=False)
    assert answer.returncode == 1 and 'pip install' not in answer.stderr
