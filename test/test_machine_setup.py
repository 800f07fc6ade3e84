"""What the set-up decides and does on a machine that has nothing yet."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tools'))

from provision import SetupError, console, interfaces, system  # noqa: E402
from provision.choice import Machine, choose  # noqa: E402

PYTHONS = ['3.10', '3.11', '3.12', '3.13', '3.14']
BARE = Machine('Linux', 'x86_64', (3, 11), (2, 36))
JAZZY = Machine('Linux', 'aarch64', (3, 12), (2, 39), 'jazzy', ('/opt/ros/jazzy',), True, False, 1)


# -- which ROS ------------------------------------------------------------------------------------


def test_a_bare_machine_gets_the_wheels_and_builds_the_messages() -> None:
    plan = choose(BARE)
    assert plan.wheels and plan.build_messages and not plan.system_site_packages
    assert plan.requirements == ('ros-jazzy.txt', 'numpy-2.txt', 'runtime.txt')


def test_a_sourced_ros_is_used_instead_of_the_wheels_on_any_machine() -> None:
    plan = choose(JAZZY)
    assert not plan.wheels and plan.build_messages and plan.system_site_packages
    assert plan.requirements == ('numpy-1.txt', 'runtime.txt')


def test_messages_that_a_workspace_already_offers_are_not_built_again() -> None:
    assert not choose(replace(JAZZY, has_messages=True)).build_messages


def test_numpy_follows_the_ros_that_is_installed() -> None:
    assert 'numpy-2.txt' in choose(replace(JAZZY, numpy_major=2)).requirements
    assert 'numpy-2.txt' in choose(replace(JAZZY, numpy_major=0)).requirements


@pytest.mark.parametrize(
    'machine, advice',
    [
        (replace(BARE, python=(3, 9)), 'PYTHON=python3.12'),
        (replace(BARE, python=(3, 15)), 'from 3.10 to 3.14'),
        (replace(BARE, machine='aarch64'), 'not for Linux on aarch64. Install ROS 2'),
        (replace(BARE, system='Darwin'), 'not for Darwin'),
        (replace(BARE, glibc=(2, 27)), 'glibc 2.28'),
        (replace(BARE, glibc=(0, 0)), 'glibc 2.28'),
        (replace(JAZZY, has_rclpy=False), 'PYTHON=/usr/bin/python3'),
    ],
)
def test_a_machine_that_cannot_be_set_up_is_told_what_to_do(machine: Machine, advice: str) -> None:
    with pytest.raises(SetupError, match=re.escape(advice)):
        choose(machine)


def test_a_ros_distro_without_a_prefix_is_not_a_sourced_ros() -> None:
    assert choose(replace(BARE, distro='jazzy')).wheels


# -- pins -----------------------------------------------------------------------------------------


def pins(file: str) -> list[Requirement]:
    lines = (ROOT / 'requirements' / file).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith('#')]


@pytest.mark.parametrize('python', PYTHONS)
@pytest.mark.parametrize('machine', [BARE, JAZZY], ids=['wheels', 'sourced'])
def test_every_package_has_exactly_one_version_on_every_python(
    machine: Machine, python: str
) -> None:
    major, minor = python.split('.')
    plan = choose(replace(machine, python=(int(major), int(minor))))
    seen: dict[str, str] = {}
    for file in [*plan.requirements, 'test.txt', 'build.txt']:
        for pin in pins(file):
            assert re.fullmatch(r'==[0-9][0-9a-z.]*', str(pin.specifier)), f'{file}: {pin}'
            if pin.marker is None or pin.marker.evaluate({'python_version': python}):
                name = pin.name.lower()
                assert seen.setdefault(name, str(pin.specifier)) == str(pin.specifier), (
                    f'{file}: {pin}'
                )
    everywhere = {
        'numpy',
        'scipy',
        'onnxruntime',
        'hibari-tts',
        'xllamacpp',
        'sounddevice',
        'rich',
        'httpx',
        'opencv-python-headless',
        'matplotlib',
        'psutil',
        'pyyaml',
        'pytest',
        'hypothesis',
    }
    assert everywhere <= seen.keys()


def test_ros_wheels_are_named_so_that_nobody_else_can_answer() -> None:
    """A pip freeze of the venv also lists rclpy, std_msgs, ...: nobody's names on PyPI."""
    names = {pin.name for pin in pins('ros-jazzy.txt')}
    assert {'ros-jazzy-rclpy', 'ros-jazzy-rmw-fastrtps-cpp'} <= names
    assert {name for name in names if not name.startswith('ros-')} == {
        'catkin-pkg',
        'docutils',
        'empy',
        'lark-parser',
    }


# -- system packages ------------------------------------------------------------------------------


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that writes down how it was called and installs into a folder of ours."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    log = tmp_path / 'calls'
    script = programs / 'apt-get'
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n'
        'for name do case $name in toy-*)\n'
        f'  : > {programs}/$name; chmod +x {programs}/$name;; esac; done\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv('PATH', f'{programs}:/usr/bin:/bin')
    return log


def need(name: str) -> system.Need:
    return system.Need(name, 'a test', system.program(name))


def test_only_what_is_missing_is_installed_and_nothing_when_nothing_is(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    needs = [need('toy-one'), need('sh'), need('toy-two')]
    system.ensure(needs, tmp_path / 'apt.log')
    update, install = apt.read_text().splitlines()
    assert update.endswith(' update')
    assert install.endswith(' install -y --no-install-recommends toy-one toy-two')
    system.ensure(needs, tmp_path / 'apt.log')
    assert len(apt.read_text().splitlines()) == 2


def test_a_user_without_rights_is_given_the_one_line_to_type(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    monkeypatch.setattr(
        system.shutil, 'which', lambda name: None if name == 'sudo' else f'/{name}'
    )
    missing = system.Need('toy-one', 'a test', lambda: False)
    with pytest.raises(SetupError, match='apt-get install -y --no-install-recommends toy-one'):
        system.ensure([missing], tmp_path / 'apt.log')
    assert not apt.exists()


def test_a_machine_without_apt_is_told_what_it_lacks_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SetupError, match='toy-one: a test'):
        system.ensure([need('toy-one')], tmp_path / 'apt.log')


def test_a_failed_command_ends_with_its_last_words_and_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / 'step.log'
    with pytest.raises(SetupError) as error:
        console.run('toy step', ['sh', '-c', 'echo because of this; exit 3'], log, 'Do that.')
    assert 'because of this' in str(error.value) and str(error.value).endswith('Do that.')
    assert str(log) in str(error.value)
    with pytest.raises(SetupError, match='no-such-program: No such file'):
        console.run('toy step', ['no-such-program'], log, 'Do that.')


def test_include_folders_of_the_machine_that_built_the_wheels_are_replaced(tmp_path: Path) -> None:
    """The exported CMake targets of the wheels name folders that exist on their builder only."""
    venv = tmp_path / 'venv'
    (venv / 'bin').mkdir(parents=True)
    python = venv / 'bin' / 'python'
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    exported = venv / 'share' / 'some_msgs' / 'cmake' / 'export.cmake'
    exported.parent.mkdir(parents=True)
    builder = '/opt/python/cp312-cp312'
    exported.write_text(
        f'"{builder}/include/python3.12;'
        f'{builder}/lib/python3.12/site-packages/numpy/_core/include;'
        '${_IMPORT_PREFIX}/include"'
    )
    interfaces.point_targets_here(venv)
    headers, numpy, kept = exported.read_text().strip('"').split(';')
    assert Path(headers, 'Python.h').is_file()
    assert Path(numpy, 'numpy', 'arrayobject.h').is_file()
    assert kept == '${_IMPORT_PREFIX}/include'
