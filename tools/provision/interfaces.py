"""The only place that compiles omni_agent_msgs, and the interface packages that only the tests
need.

They are installed straight into the venv's prefix: their shared objects land in ``lib/``, where
the ROS wheels already look, and their resources beside theirs, so no further path is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import SetupError
from .console import run

# The wheels' exported CMake targets carry the include folders of the machine that built them.
_BUILDER = re.compile(r'/opt/python/cp3\d+-cp3\d+/(?P<what>include/python3\.\d+'
                      r'|lib/python3\.\d+/site-packages/numpy/_?core/include)')
_PERCENT = re.compile(r'^\[\s*(\d+)%\]')
_ADVICE = 'Check that cmake, g++ and the Python headers are installed, then run the same again.'


def build(package: Path, venv: Path, scratch: Path, wheels: bool) -> None:
    """Configures, compiles and installs ``package`` into ``venv``; empties ``scratch`` first."""
    prefixes, env = _surroundings(venv, scratch, wheels)
    run('messages: configure', [
        'cmake', '-S', str(package), '-B', str(scratch), f'-DCMAKE_INSTALL_PREFIX={venv}',
        f'-DCMAKE_PREFIX_PATH={";".join(prefixes)}',
        f'-DPython3_EXECUTABLE={venv / "bin" / "python3"}',
        '-DBUILD_TESTING=OFF', '-DCMAKE_BUILD_TYPE=Release',
    ], scratch.with_suffix('.configure.log'), _ADVICE, env=env)
    run('messages: compile', ['cmake', '--build', str(scratch), f'-j{os.cpu_count() or 1}'],
        scratch.with_suffix('.build.log'), _ADVICE, _percent, env)
    run('messages: install', ['cmake', '--install', str(scratch)],
        scratch.with_suffix('.install.log'), _ADVICE, env=env)


def build_foreign(folder: Path, venv: Path, scratch: Path, wheels: bool) -> None:
    """As ``build``, for every interface package in ``folder`` that this machine does not have."""
    prefixes, env = _surroundings(venv, scratch, wheels)
    # inherited by each package's own cmake
    env['CMAKE_PREFIX_PATH'] = os.pathsep.join(prefixes)
    here = [one.parent.name for one in sorted(folder.glob('*/package.xml'))
            if any((Path(prefix) / 'share' / one.parent.name).is_dir() for prefix in prefixes[1:])]
    run('test messages: configure', [
        'cmake', '-S', str(folder), '-B', str(scratch), f'-DCMAKE_INSTALL_PREFIX={venv}',
        f'-DPython3_EXECUTABLE={venv / "bin" / "python3"}', f'-DLEFT_OUT={";".join(here)}',
    ], scratch.with_suffix('.configure.log'), _ADVICE, env=env)
    run('test messages: compile', ['cmake', '--build', str(scratch), f'-j{os.cpu_count() or 1}'],
        scratch.with_suffix('.build.log'), _ADVICE, _percent, env)


def _surroundings(venv: Path, scratch: Path, wheels: bool) -> tuple[list[str], dict[str, str]]:
    """Where cmake finds ROS, the venv first, and its environment; ``scratch`` is empty
    afterwards.
    """
    if wheels:
        point_targets_here(venv)
    shutil.rmtree(scratch, ignore_errors=True)
    others = [] if wheels else os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    prefixes = [str(venv), *filter(None, others)]
    return prefixes, {'PATH': f'{venv / "bin"}{os.pathsep}{os.environ["PATH"]}',
                      'AMENT_PREFIX_PATH': os.pathsep.join(prefixes)}


def _percent(line: str) -> float | None:
    found = _PERCENT.match(line)
    return int(found.group(1)) / 100 if found else None


def point_targets_here(venv: Path) -> None:
    """Rewrites the builder's include folders in the venv's CMake files to this machine's own."""
    headers, numpy = _include_folders(venv)
    for path in venv.glob('share/*/cmake/*.cmake'):
        text = path.read_text(encoding='utf-8')
        here = _BUILDER.sub(lambda m: numpy if 'numpy' in m.group('what') else headers, text)
        if here != text:
            path.write_text(here, encoding='utf-8')


def _include_folders(venv: Path) -> tuple[str, str]:
    answer = subprocess.run(
        [str(venv / 'bin' / 'python'), '-c', 'import numpy, sysconfig;'
         'print(sysconfig.get_paths()["include"]); print(numpy.get_include())'],
        capture_output=True, text=True, check=False)
    folders = answer.stdout.split('\n')
    if answer.returncode or len(folders) < 2:
        raise SetupError(f'{venv} has no working numpy: {answer.stderr.strip()[-200:]}. '
                         'Delete the folder and run the same again.')
    return folders[0], folders[1]
