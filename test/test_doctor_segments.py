"""What processes that were killed leave in shared memory, and that nothing of a live one is taken
for it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest

from omni_agent import ros_env
from omni_agent.cli import doctor_segments
from omni_agent.cli.doctor_ros import SHARED, left_behind
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.supervisor import child_environment
from omni_agent.core.checkup import Level

SEGMENT, OTHER = 'fastrtps_00112233aabbccdd', 'fastrtps_ffeeddccbbaa9988'
NODE = ('import rclpy, sys; rclpy.init(); node = rclpy.create_node("left_behind"); '
        'print("there", flush=True); sys.stdin.read()')


def made(folder: Path, name: str, *locks: str, size: int = 1) -> None:
    (folder / name).write_bytes(b'\0' * size)
    for lock in locks:
        (folder / f'{name}{lock}').touch()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with open(file) as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        yield


def names(segments: tuple[doctor_segments.Segment, ...]) -> list[str]:
    return [one.name for one in segments]


def test_a_lock_that_can_be_taken_is_of_a_dead_process(tmp_path: Path) -> None:
    made(tmp_path, SEGMENT, '_el', size=3 << 20)
    made(tmp_path, OTHER, '_el')
    with locked(tmp_path / f'{OTHER}_el'):
        found = doctor_segments.find(tmp_path)
        assert names(found.leftovers) == [SEGMENT] and names(found.used) == [OTHER]
        said = left_behind(found, tmp_path)
    assert said.level is Level.NOTE and '2 files with 3.0 MiB' in said.text
    assert said.advice.startswith('fastdds shm clean') and 'rm ' not in said.advice


def test_a_port_that_processes_share_is_left_when_none_of_them_lives(tmp_path: Path) -> None:
    made(tmp_path, 'fastrtps_port7400', '_sl')
    (tmp_path / 'sem.fastrtps_port7400_mutex').touch()
    with open(tmp_path / 'fastrtps_port7400_sl') as one:
        fcntl.flock(one, fcntl.LOCK_SH)
        assert not doctor_segments.find(tmp_path).leftovers
    left = doctor_segments.find(tmp_path).leftovers
    assert names(left) == ['fastrtps_port7400'] and len(left[0].files) == 3


def test_what_has_no_lock_is_left_unless_a_process_maps_it(tmp_path: Path) -> None:
    made(tmp_path, SEGMENT, size=4096)
    made(tmp_path, OTHER, size=4096)
    with open(tmp_path / OTHER, 'r+b') as file, mmap.mmap(file.fileno(), 4096):
        found = doctor_segments.find(tmp_path)
        assert names(found.lockless) == [SEGMENT] and names(found.used) == [OTHER]
    advice = left_behind(found, tmp_path).advice
    assert advice == f'rm {tmp_path / SEGMENT}'


def test_what_is_not_of_fast_dds_is_nobodys_business(tmp_path: Path) -> None:
    for name in ('pulse-shm-1', 'fastrtps_', f'{SEGMENT}.txt', 'sem.other'):
        (tmp_path / name).touch()
    found = doctor_segments.find(tmp_path)
    assert not (found.used or found.leftovers or found.lockless)
    assert left_behind(found, tmp_path).level is Level.OK


def test_a_node_that_is_killed_leaves_what_it_locked_while_it_lived() -> None:
    pytest.importorskip('rclpy')
    with free_domain_id() as domain:
        environ = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
        ros_env.prepare(environ)
        child = subprocess.Popen([sys.executable, '-c', NODE], env=child_environment(environ),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert child.stdout and child.stdout.readline() == b'there\n'
            maps = Path(f'/proc/{child.pid}/maps').read_text(encoding='utf-8')
            # no ports: the next process takes those of a dead one over
            its = set(re.findall(rf'{SHARED}/(fast[a-z]+_[0-9a-z]{{16}})', maps))
            assert its, 'it has nothing in shared memory'
            assert its <= set(names(doctor_segments.find(SHARED).used))
        finally:
            child.kill()
            child.communicate()
        left = [one for one in doctor_segments.find(SHARED).leftovers if one.name in its]
        try:
            assert set(names(tuple(left))) == its
        finally:
            for file in (file for one in left for file in one.files):
                file.unlink(missing_ok=True)
