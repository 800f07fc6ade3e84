#!/usr/bin/env python3
"""Makes this machine ready to run omni_agent: ``make demo`` and ``make test`` call it first.

Every step leaves a stamp made of the contents that it depends on, so a second run only looks.
Standard library only, because nothing is installed yet when it starts.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from provision import SetupError, interfaces, system
from provision.choice import Machine, Plan, choose
from provision.console import run

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / 'requirements'
MESSAGES = ROOT / 'omni_agent_msgs'
FOREIGN = ROOT / 'test' / 'interfaces'      # other people's, as far as the tests need them
LOGS = ROOT / 'build' / 'setup'
ONLINE = 'Check that this machine reaches its Python package index, then run the same again.'


class Stamps:
    """Which step was last done with which contents."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, str] = {}
        try:
            self._keys = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            pass      # none yet, or half written: the steps are done once more

    def fresh(self, step: str, key: str) -> bool:
        return self._keys.get(step) == key

    def put(self, step: str, key: str) -> None:
        self._keys[step] = key
        new = self._path.with_suffix('.new')
        new.write_text(json.dumps(self._keys, indent=1), encoding='utf-8')
        os.replace(new, self._path)


def key_of(*things: Path | str) -> str:
    digest = hashlib.sha256()
    for thing in things:
        digest.update(thing.read_bytes() if isinstance(thing, Path) else thing.encode())
        digest.update(b'\0')
    return digest.hexdigest()


def look_around() -> Machine:
    libc, version = platform.libc_ver()
    glibc = tuple(int(number) for number in version.split('.')[:2]) if libc == 'glibc' else (0, 0)
    distro = os.environ.get('ROS_DISTRO', '')
    prefixes = tuple(filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)))
    here = Machine(platform.system(), platform.machine(), sys.version_info[:2], glibc, distro,
                   prefixes)
    if not (distro and prefixes):
        return here
    return replace(here, has_rclpy=_imports('import rclpy'), numpy_major=_numpy_major(),
                   has_messages=_imports('from omni_agent_msgs.msg import Interrupt'))


def _imports(line: str) -> bool:
    # not from here: the folder omni_agent_msgs of the source tree would pass for the package
    command = [sys.executable, '-c', line]
    return subprocess.run(command, capture_output=True, cwd='/', check=False).returncode == 0


def _numpy_major() -> int:
    code = 'import numpy; print(numpy.__version__.split(".")[0])'
    answer = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                            check=False)
    return int(answer.stdout) if answer.returncode == 0 else 0


def make_venv(venv: Path, plan: Plan, stamps: Stamps) -> Stamps:
    """A venv is tied to its place and its Python: made anew when either has changed."""
    key = key_of(str(venv), sys.version, os.path.realpath(sys.executable),
                 str(plan.system_site_packages))
    if stamps.fresh('venv', key) and (venv / 'bin' / 'python').exists():
        return stamps
    options = ['--system-site-packages'] if plan.system_site_packages else []
    run('virtual environment', [sys.executable, '-m', 'venv', '--clear', *options, str(venv)],
        LOGS / 'venv.log', f'Delete {venv} and run the same again.')
    stamps = Stamps(stamps._path)
    stamps.put('venv', key)
    return stamps


def install_wheels(venv: Path, step: str, files: list[Path], stamps: Stamps) -> None:
    build = REQUIREMENTS / 'build.txt'
    if not stamps.fresh('installer', key_of(build)):
        run('installer', _pip(venv, '-r', str(build)), LOGS / 'installer.log', ONLINE)
        stamps.put('installer', key_of(build))
    key = key_of(build, *files)
    if stamps.fresh(step, key):
        return
    chosen = [option for file in files for option in ('-r', str(file))]
    lines = [line for file in files for line in file.read_text(encoding='utf-8').splitlines()]
    pins = sum(line[:1].isalpha() for line in lines)
    # our own setuptools builds what comes as source, so that the build is pinned too
    run(step, _pip(venv, '--no-build-isolation', *chosen),
        LOGS / f'{step.replace(" ", "_")}.log', ONLINE, PipProgress(pins))
    stamps.put(step, key)


class PipProgress:
    """pip names a package when it collects it; installing all of them is the last tenth."""

    def __init__(self, packages: int) -> None:
        self._packages = packages
        self._collected = 0

    def __call__(self, line: str) -> float | None:
        self._collected += line.startswith('Collecting ')
        if line.startswith('Installing collected packages'):
            return 0.9
        return 0.9 * min(1.0, self._collected / self._packages)


def _pip(venv: Path, *arguments: str) -> list[str]:
    return [str(venv / 'bin' / 'python'), '-m', 'pip', 'install', '--disable-pip-version-check',
            '--no-input', '--progress-bar', 'off', *arguments]


def build_messages(venv: Path, plan: Plan, stamps: Stamps) -> None:
    key = key_of(*sorted(MESSAGES.glob('msg/*.msg')), MESSAGES / 'CMakeLists.txt',
                 MESSAGES / 'package.xml', *(REQUIREMENTS / name for name in plan.requirements),
                 os.environ.get('ROS_DISTRO', ''))
    if not plan.build_messages or stamps.fresh('messages', key):
        return
    interfaces.build(MESSAGES, venv, LOGS / 'messages', plan.wheels)
    stamps.put('messages', key)


def build_foreign_messages(venv: Path, plan: Plan, stamps: Stamps) -> None:
    files = sorted(path for path in FOREIGN.rglob('*') if path.is_file())
    key = key_of(*files, *(str(path) for path in files),
                 *(REQUIREMENTS / name for name in plan.requirements),
                 os.environ.get('ROS_DISTRO', ''))
    if not stamps.fresh('test messages', key):
        interfaces.build_foreign(FOREIGN, venv, LOGS / 'test_messages', plan.wheels)
        stamps.put('test messages', key)


def install_package(venv: Path, stamps: Stamps) -> None:
    key = key_of(ROOT / 'setup.py', ROOT / 'setup.cfg', str(ROOT))
    if stamps.fresh('package', key):
        return
    command = _pip(venv, '--no-deps', '--no-build-isolation', '--use-pep517', '-e', str(ROOT))
    run('omni_agent', command, LOGS / 'package.log',
        'This is a fault of the package: please report it with the log.')
    stamps.put('package', key)


def write_environment(venv: Path) -> None:
    """A file to source before running anything of the venv by hand."""
    code = ('import os, shlex; from omni_agent.ros_env import prepare\n'
            'for name, value in prepare(os.environ).items():\n'
            '    print(f"export {name}={shlex.quote(value)}")')
    answer = subprocess.run([str(venv / 'bin' / 'python'), '-c', code], capture_output=True,
                            text=True, cwd=ROOT, check=False)
    if answer.returncode:
        raise SetupError(f'omni_agent cannot be imported from {venv}:\n{answer.stderr[-600:]}\n'
                         f'Delete {venv} and run the same again.')
    text = f'# . {venv}/omni_env.sh\nexport PATH={venv}/bin:$PATH\n{answer.stdout}'
    (venv / 'omni_env.sh').write_text(text, encoding='utf-8')


def pull_models(venv: Path, profile: str) -> None:
    """Shows its own bars."""
    command = [str(venv / 'bin' / 'python'), '-m', 'omni_agent.cli.models', 'pull',
               '--profile', profile]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SetupError('The models could not be pulled; what was wrong is said above. What came '
                         'is kept: run the same again.')


def set_up(venv: Path, tests: bool, profile: str) -> None:
    plan = choose(look_around())
    needs = [*system.RUNNING, *system.BUILDING, *(system.TESTING if tests else [])]
    system.ensure(needs, LOGS / 'apt.log')
    stamps = make_venv(venv, plan, Stamps(venv / '.omni_setup.json'))
    files = [REQUIREMENTS / name for name in plan.requirements]
    install_wheels(venv, 'Python packages', files, stamps)
    if tests:      # with the others beside it, so that no pin can be moved
        install_wheels(venv, 'test packages', [*files, REQUIREMENTS / 'test.txt'], stamps)
    build_messages(venv, plan, stamps)
    if tests:
        build_foreign_messages(venv, plan, stamps)
    install_package(venv, stamps)
    write_environment(venv)
    # tests use the smallest language model too
    for one in sorted({profile, 'small'} if tests else {profile}):
        pull_models(venv, one)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--venv', type=Path, default=ROOT / '.venv', help='default: %(default)s')
    parser.add_argument('--tests', action='store_true', help='also what the tests need')
    parser.add_argument('--profile', choices=['default', 'small'], default='default',
                        help='which language model (default: %(default)s)')
    args = parser.parse_args()
    began = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / 'lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('  another set-up is at work: waiting for it', flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up(args.venv.resolve(), args.tests, args.profile)
        except SetupError as error:
            print(f'\n{error}', file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print('\nstopped; what is done stays done', file=sys.stderr)
            return 130
    print(f'  ready after {time.monotonic() - began:.1f} s', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
