"""Plans are compiled once, kept for their owner alone, and never loaded from anybody else."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Callable

import pytest

from omni_agent.backends.plan_cache import PlanCache, PlanKey
from omni_agent.core.errors import BackendError

KEY = PlanKey('net', 'a' * 64, 'tensorrt', '10.13.3.9', 'Orin', 'sm_87', '12.6', 'level 3')
CONTENT = b'a plan' * 1000


class Builder:
    def __init__(self, content: bytes = CONTENT) -> None:
        self.content, self.built = content, 0

    def __call__(self) -> bytes:
        self.built += 1
        return self.content


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / 'cache' / 'plans'


@pytest.fixture
def folder(root: Path) -> Path:
    """Of a plan that is there."""
    assert not PlanCache(root).plan(KEY, Builder()).cached
    return root / KEY.folder


def test_a_plan_is_compiled_once_and_then_read(root: Path) -> None:
    build = Builder()
    first = PlanCache(root).plan(KEY, build)
    assert (first.cached, first.note, first.path) == (False, 'compiled for the first time',
                                                      root / KEY.folder / 'plan')
    second = PlanCache(root).plan(KEY, build)
    assert (second.cached, second.note, build.built) == (True, 'from the cache', 1)
    assert first.content == second.content == CONTENT


def test_only_the_owner_can_reach_any_of_it_whatever_the_umask(root: Path) -> None:
    before = os.umask(0)
    try:
        PlanCache(root).plan(KEY, Builder())
        PlanCache(root).store(KEY, 'kernels', b'k')
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in root.rglob('*')}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert modes.pop(KEY.folder) == 0o700
    assert {'plan', 'meta.json', 'lock', 'kernels', 'kernels.sha256'} == set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize('name', [field.name for field in fields(PlanKey)])
def test_everything_that_a_plan_depends_on_is_in_its_key(root: Path, name: str) -> None:
    build = Builder()
    PlanCache(root).plan(KEY, build)
    other = replace(KEY, **{name: 'x'})
    assert other.folder != KEY.folder
    assert not PlanCache(root).plan(other, build).cached and build.built == 2


def tampered(folder: Path) -> None:
    plan = folder / 'plan'
    plan.write_bytes(plan.read_bytes()[:-1] + b'!')


def truncated(folder: Path) -> None:
    os.truncate(folder / 'plan', 100)


def readable_by_others(folder: Path) -> None:
    (folder / 'plan').chmod(0o644)


def writable_by_the_group(folder: Path) -> None:
    (folder / 'meta.json').chmod(0o620)


def folder_open_to_others(folder: Path) -> None:
    folder.chmod(0o777)


def a_link(folder: Path) -> None:
    """To a right plan, but where somebody else can write it."""
    elsewhere = folder.parent.parent / 'elsewhere'
    os.rename(folder / 'plan', elsewhere)
    (folder / 'plan').symlink_to(elsewhere)


def linked_folder(folder: Path) -> None:
    elsewhere = folder.parent.parent / 'elsewhere'
    os.rename(folder, elsewhere)
    folder.symlink_to(elsewhere)


def a_file_for_a_folder(folder: Path) -> None:
    os.rename(folder, folder.parent / 'old')
    folder.write_text('not a folder')


def a_pipe(folder: Path) -> None:
    (folder / 'plan').unlink()
    os.mkfifo(folder / 'plan', 0o600)


def no_meta(folder: Path) -> None:
    (folder / 'meta.json').unlink()


def half_a_meta(folder: Path) -> None:
    os.truncate(folder / 'meta.json', 40)


def another_meta(folder: Path) -> None:
    """The files of another plan, complete in themselves."""
    meta = json.loads((folder / 'meta.json').read_text())
    (folder / 'meta.json').write_text(json.dumps({**meta, 'driver': '11.4'}))


@pytest.mark.parametrize('spoil', [
    tampered, truncated, readable_by_others, writable_by_the_group, folder_open_to_others, a_link,
    linked_folder, a_file_for_a_folder, a_pipe, no_meta, half_a_meta, another_meta])
def test_a_plan_that_may_not_be_ours_is_not_loaded_but_compiled_anew_and_then_kept(
        root: Path, folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    build = Builder(b'the new plan')
    plan = PlanCache(root).plan(KEY, build)
    assert (plan.content, plan.cached, build.built) == (b'the new plan', False, 1)
    again = PlanCache(root).plan(KEY, build)
    assert (again.content, again.cached, build.built) == (b'the new plan', True, 1)
    assert not (folder / 'plan').is_symlink() and not folder.is_symlink()


@pytest.mark.parametrize('spoil, words', [
    (tampered, 'sha256'), (truncated, 'sha256'), (readable_by_others, 'mode 644'),
    (a_pipe, 'not a file'), (another_meta, 'made for something else')])
def test_the_note_says_why_a_stored_plan_was_not_loaded(
        root: Path, folder: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(folder)
    note = PlanCache(root).plan(KEY, Builder()).note
    assert 'not loaded' in note and words in note


def test_files_of_another_user_are_never_loaded(root: Path, folder: Path) -> None:
    build = Builder(b'mine')
    stranger = PlanCache(root, owner=os.geteuid() + 1)
    for times in (1, 2):
        plan = stranger.plan(KEY, build)
        assert (plan.content, plan.path, build.built) == (b'mine', None, times)
    assert f'belongs to user {os.geteuid()}' in plan.note
    assert (folder / 'plan').read_bytes() == CONTENT           # nor touched


def test_a_root_that_others_can_write_to_or_that_is_a_link_is_not_used(
        root: Path, folder: Path) -> None:
    root.chmod(0o770)
    plan = PlanCache(root).plan(KEY, Builder(b'mine'))
    assert plan.content == b'mine' and plan.path is None and 'chmod go-rwx' in plan.note
    root.chmod(0o700)
    other = root.parent / 'link'
    other.symlink_to(root)
    assert PlanCache(other).plan(KEY, Builder(b'mine')).content == b'mine'
    assert PlanCache(root).plan(KEY, Builder()).cached


def test_a_folder_that_cannot_be_made_costs_the_storing_not_the_plan(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    plan = PlanCache(tmp_path / 'file' / 'plans').plan(KEY, Builder())
    assert plan.content == CONTENT and plan.path is None and plan.note.startswith('not kept')


def test_a_builder_that_fails_leaves_nothing_and_is_asked_once(root: Path) -> None:
    asked = []

    def fails() -> bytes:
        asked.append(1)
        raise BackendError('no tactic')

    with pytest.raises(BackendError, match='no tactic'):
        PlanCache(root).plan(KEY, fails)
    assert len(asked) == 1 and not (root / KEY.folder / 'plan').exists()
    assert PlanCache(root).plan(KEY, Builder()).content == CONTENT


def test_a_plan_is_forgotten_on_request(root: Path, folder: Path) -> None:
    PlanCache(root).discard(KEY)
    build = Builder()
    assert not PlanCache(root).plan(KEY, build).cached and build.built == 1
    PlanCache(root).discard(replace(KEY, model='never'))


def test_what_is_kept_beside_a_plan_is_checked_alike(root: Path, folder: Path) -> None:
    cache = PlanCache(root)
    assert cache.stored(KEY, 'kernels') is None
    cache.store(KEY, 'kernels', b'compiled')
    assert cache.stored(KEY, 'kernels') == b'compiled'
    (folder / 'kernels').write_bytes(b'Compiled')
    assert cache.stored(KEY, 'kernels') is None
    cache.store(KEY, 'kernels', b'compiled')
    (folder / 'kernels').chmod(0o606)
    assert cache.stored(KEY, 'kernels') is None


# -- processes ------------------------------------------------------------------------------------

SPAWN = multiprocessing.get_context('spawn')


def ask(root: Path, begin: object, answers: object, ledger: Path, seconds: float) -> None:
    def build() -> bytes:
        with ledger.open('a') as file:
            file.write(f'{os.getpid()}\n')
        time.sleep(seconds)              # what a compiler does, as seen by the others
        return CONTENT

    begin.wait()
    waited: list[int] = []
    plan = PlanCache(root).plan(KEY, build, lambda: waited.append(1))
    answers.put((plan.content == CONTENT, plan.cached, len(waited)))


def test_processes_that_want_the_same_plan_at_once_compile_it_once(
        root: Path, tmp_path: Path) -> None:
    begin, answers, ledger = SPAWN.Barrier(4), SPAWN.Queue(), tmp_path / 'ledger'
    processes = [SPAWN.Process(target=ask, args=(root, begin, answers, ledger, 0.5))
                 for _ in range(4)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(ledger.read_text().splitlines()) == 1
    assert sorted(found) == [(True, False, 0)] + [(True, True, 1)] * 3


def test_one_that_is_killed_while_compiling_holds_nobody_up(root: Path, tmp_path: Path) -> None:
    begin, answers, ledger = SPAWN.Barrier(1), SPAWN.Queue(), tmp_path / 'ledger'
    slow = SPAWN.Process(target=ask, args=(root, begin, answers, ledger, 600.0))
    slow.start()
    deadline = time.monotonic() + 30
    while not ledger.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    slow.kill()
    slow.join()
    build = Builder()
    assert PlanCache(root).plan(KEY, build).content == CONTENT and build.built == 1
    assert PlanCache(root).plan(KEY, build).cached
