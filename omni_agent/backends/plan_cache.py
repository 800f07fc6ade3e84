"""Compiled networks on disk: the only place that stores a plan and that decides to trust one.

A plan is native code; loading one is running a program. Only plans are loaded that this user
compiled on this machine: the folder and its files belong to the user and to nobody else, are
opened without following links and judged by the open file, and have the sha256 that was written
when they were made. Whatever fails a check is compiled anew, and the note says why. Who can write
as this user can write plans too; no check helps against that.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Iterator

from omni_agent.backends.model_cache import cache_dir

PLAN, META, LOCK = 'plan', 'meta.json', 'lock'
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
SHARED_BITS = 0o077           # what group and others may do
LARGEST_META = 1 << 16        # [bytes]
LARGEST = 1 << 34             # [bytes] of any stored file
WAIT_S = 600.0                # for another process that compiles the same; a plan takes minutes
LOOK_S = 0.05


@dataclass(frozen=True)
class PlanKey:
    """All that a plan depends on; '' where it depends on no GPU (compiled ahead for a kind)."""

    model: str           # what it is called; for people
    model_sha256: str    # of the network with all its files
    runtime: str         # 'tensorrt' or 'tensorrt_rtx'
    version: str         # in full
    gpu: str
    capability: str      # such as 'sm_89'
    driver: str
    options: str

    @property
    def folder(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return f'{self.model}-{hashlib.sha256(text.encode()).hexdigest()[:20]}'


@dataclass(frozen=True)
class Plan:
    """``note``: 'from the cache', or why it was compiled. ``path`` is None when it is not kept."""

    key: PlanKey
    content: bytes
    path: Path | None
    cached: bool
    build_s: float
    note: str


class Untrusted(Exception):
    """A stored file that must not be loaded; says why."""


class PlanCache:
    """``owner``: the user whose files are trusted. Raises only what compiling raises."""

    def __init__(self, root: Path | None = None, owner: int | None = None) -> None:
        self.root = root or cache_dir().parent / 'plans'
        self._owner = os.geteuid() if owner is None else owner

    def plan(self, key: PlanKey, build: Callable[[], bytes],
             waiting: Callable[[], None] = lambda: None) -> Plan:
        """The stored plan, or that of ``build``, which runs in one process at a time.

        A folder that cannot be used costs the storing, not the plan. ``waiting`` is called once
        when another process is at it.
        """
        with contextlib.ExitStack() as held:
            try:
                entry = held.enter_context(self._entry(key))
                held.enter_context(_locked(entry, waiting))
            except (OSError, Untrusted) as error:
                return _built(key, build, None, f'not kept, {self.root} cannot be used: {error}')
            return self._plan(key, entry, build)

    def found(self, key: PlanKey) -> Plan | None:
        """The stored plan, or None when there is none that can be trusted."""
        if (self.root / key.folder).is_dir():        # a mere look makes no folders
            with contextlib.suppress(OSError, Untrusted, ValueError), self._entry(key) as entry:
                content = self._trusted(entry, key)
                return Plan(key, content, self.root / key.folder / PLAN, True, 0.0,
                            'from the cache')
        return None

    def discard(self, key: PlanKey) -> None:
        """Forget a plan that its runtime does not take."""
        with contextlib.suppress(OSError, Untrusted):      # then it will not be trusted either
            with self._entry(key) as entry:
                os.unlink(PLAN, dir_fd=entry)

    def store(self, key: PlanKey, name: str, content: bytes) -> None:
        """Keep something else beside the plan, under the same rules; a full disk loses it."""
        with contextlib.suppress(OSError, Untrusted):      # it only saves time at the next start
            with self._entry(key) as entry:
                _write(entry, name, content)
                _write(entry, f'{name}.sha256', hashlib.sha256(content).hexdigest().encode())

    def stored(self, key: PlanKey, name: str) -> bytes | None:
        """What ``store`` kept, or None when there is nothing that can be trusted."""
        with contextlib.suppress(OSError, Untrusted):      # then it is computed again
            with self._entry(key) as entry:
                content = self._read(entry, name, LARGEST)
                said = self._read(entry, f'{name}.sha256', LARGEST_META).decode()
                return content if hashlib.sha256(content).hexdigest() == said else None
        return None

    def _plan(self, key: PlanKey, entry: int, build: Callable[[], bytes]) -> Plan:
        path = self.root / key.folder / PLAN
        try:
            content = self._trusted(entry, key)
            return Plan(key, content, path, True, 0.0, 'from the cache')
        except FileNotFoundError:
            note = 'compiled for the first time'
        except (OSError, Untrusted, ValueError) as error:
            note = f'compiled anew, the stored plan was not loaded: {error}'
        plan = _built(key, build, path, note)
        try:
            _write(entry, PLAN, plan.content)
            meta = {'sha256': hashlib.sha256(plan.content).hexdigest(), **asdict(key)}
            _write(entry, META, json.dumps(meta, indent=1).encode())
        except OSError as error:
            return Plan(key, plan.content, None, False, plan.build_s, f'{note}; not kept: {error}')
        return plan

    def _trusted(self, entry: int, key: PlanKey) -> bytes:
        content = self._read(entry, PLAN, LARGEST)
        meta = json.loads(self._read(entry, META, LARGEST_META))
        if not isinstance(meta, dict) or meta.get('sha256') != hashlib.sha256(content).hexdigest():
            raise Untrusted('its sha256 is not the one written when it was made')
        if {name: meta.get(name) for name in asdict(key)} != asdict(key):
            raise Untrusted('it was made for something else')
        return content

    def _read(self, entry: int, name: str, most: int) -> bytes:
        """By the open file, so that nothing can be exchanged between the look and the reading."""
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=entry)
        with open(handle, 'rb') as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise Untrusted(f'{name} is not a file')
            self._check(found, name)
            if found.st_size > most:
                raise Untrusted(f'{name} is too large')
            return file.read(most)

    @contextlib.contextmanager
    def _entry(self, key: PlanKey) -> Iterator[int]:
        """The open folder of a plan; what lies in its place and is not ours goes."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.root.mkdir(mode=PRIVATE_FOLDER)
        root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._check(os.fstat(root), str(self.root))
            entry = self._folder(root, key.folder)
            try:
                yield entry
            finally:
                os.close(entry)
        finally:
            os.close(root)

    def _folder(self, root: int, name: str) -> int:
        for last in (False, True):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, PRIVATE_FOLDER, dir_fd=root)
            try:
                entry = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
            except OSError:
                if last:
                    raise
            else:
                try:
                    self._check(os.fstat(entry), name)
                    return entry
                except Untrusted:
                    os.close(entry)
                    if last:
                        raise
            self._move_away(root, name)
        raise AssertionError('the second round returns or raises')

    def _move_away(self, root: int, name: str) -> None:
        aside = f'.refused-{os.getpid()}-{time.monotonic_ns()}'
        with contextlib.suppress(FileNotFoundError):       # another process was quicker
            os.rename(name, aside, src_dir_fd=root, dst_dir_fd=root)
        path = self.root / aside
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)

    def _check(self, found: os.stat_result, what: str) -> None:
        if found.st_uid != self._owner:
            raise Untrusted(f'{what} belongs to user {found.st_uid}, not to {self._owner}')
        if found.st_mode & SHARED_BITS:
            raise Untrusted(f'{what} can be reached by others (mode '
                            f'{stat.S_IMODE(found.st_mode):o}): run "chmod go-rwx" on it')


def _built(key: PlanKey, build: Callable[[], bytes], path: Path | None, note: str) -> Plan:
    began = time.monotonic()
    content = build()
    return Plan(key, content, path, False, time.monotonic() - began, note)


def _write(entry: int, name: str, content: bytes) -> None:
    """Whole or not at all."""
    new = f'.{name}.{os.getpid()}'
    with contextlib.suppress(FileNotFoundError):           # left by one that was killed
        os.unlink(new, dir_fd=entry)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    handle = os.open(new, flags, PRIVATE_FILE, dir_fd=entry)
    with open(handle, 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    os.replace(new, name, src_dir_fd=entry, dst_dir_fd=entry)


@contextlib.contextmanager
def _locked(entry: int, waiting: Callable[[], None]) -> Iterator[None]:
    """Raises Untrusted when the lock stays with another process for WAIT_S."""
    handle = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE, dir_fd=entry)
    try:
        deadline = None
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline is None:
                    waiting()
                    deadline = time.monotonic() + WAIT_S
                if time.monotonic() > deadline:
                    raise Untrusted('another process holds its lock') from None
                time.sleep(LOOK_S)
        yield
    finally:
        os.close(handle)
