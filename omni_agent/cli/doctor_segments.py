"""The only place that knows which files of Fast DDS in shared memory belong to no live process.

Beside each segment and each port lies a file (``_el``, or ``_sl`` where several processes share
it) that its owner holds locked with flock(2). The kernel lets go of the lock however the owner
ends, so a lock that can be taken is a dead process's, even where the process was of another
container.
"""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator

# prefix, then 16 digits of a segment or the number of a port; the locks; a port's semaphore
NAME = re.compile(r'(?:sem\.)?(fast(?:rtps|dds)_(?:port\d+|[0-9a-z]{16}))(_el|_sl|_mutex)?')
LOCKS = ('_el', '_sl')


@dataclass(frozen=True)
class Segment:
    """All files of a segment or a port."""

    name: str
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """What it takes [bytes]."""
        return sum(map(_size, self.files))

    @property
    def locks(self) -> tuple[Path, ...]:
        return tuple(file for file in self.files if file.name.endswith(LOCKS))


@dataclass(frozen=True)
class Segments:
    """``leftovers``: what "fastdds shm clean" would remove; ``lockless``: what it leaves where it
    is, and no process has in its memory.
    """

    used: tuple[Segment, ...]
    leftovers: tuple[Segment, ...]
    lockless: tuple[Segment, ...]


def find(folder: Path) -> Segments:
    """Raises OSError for a folder that cannot be listed."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if match := NAME.fullmatch(file.name):
            found.setdefault(match[1], []).append(file)
    everything = [Segment(name, tuple(files)) for name, files in found.items()]
    bare = [one for one in everything if not one.locks and _is_ours(one)]
    mapped = _mapped(folder) if bare else set()
    lockless = tuple(one for one in bare if one.name not in mapped)
    left = tuple(one for one in everything if one.locks and not any(map(is_locked, one.locks)))
    return Segments(tuple(one for one in everything if one not in (*left, *lockless)), left,
                    lockless)


def is_locked(lock: Path) -> bool:
    """True, too, for one that its owner has just removed, and for one that may not be looked into:
    it is not ours to judge.
    """
    try:
        with open(lock, 'rb') as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _size(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except OSError:                              # it is gone
        return 0


def _is_ours(segment: Segment) -> bool:
    """Only of these it is sure that whoever maps them can be seen."""
    try:
        return os.geteuid() == 0 or all(
            file.stat().st_uid == os.geteuid() for file in segment.files)
    except OSError:
        return False


def _mapped(folder: Path) -> set[str]:
    """Names of that folder's files in the memory of any process that may be looked at."""
    return {line.rsplit('/', 1)[1] for line in _lines(Path('/proc').glob('[0-9]*/maps'))
            if f' {folder}/' in line}


def _lines(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            yield from file.read_text(encoding='utf-8', errors='replace').splitlines()
        except OSError:                          # it has ended, or is another user's
            continue
