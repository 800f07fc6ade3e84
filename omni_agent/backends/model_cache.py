"""The only place that knows where a model file lies and how it is known to be the right one.

A stamp beside the file (hash, size, time) saves reading half a gigabyte at every start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Callable, Iterator

from omni_agent.backends.model_manifest import Manifest, ModelFile, Shipped
from omni_agent.share import share_dir

STAMPS = '.checked.json'
CHUNK = 1 << 20       # [bytes]


def cache_dir() -> Path:
    home = os.environ.get('XDG_CACHE_HOME', '')      # the standard wants it absolute, or ignored
    base = Path(home) if os.path.isabs(home) else Path.home() / '.cache'
    return base / 'omni_agent' / 'models'


def place_of(manifest: Manifest, file: ModelFile) -> Path:
    """In the cache, unless it comes with this package."""
    for source in file.sources:
        if isinstance(source, Shipped) and (share_dir() / source.path).is_file():
            return share_dir() / source.path
    return cache_dir() / manifest.name / file.name


def is_right(manifest: Manifest, file: ModelFile, place: Path) -> bool:
    """Whether ``place`` holds the right bytes: by the stamp, else by reading them once."""
    now = place.stat()
    stamp = [file.sha256, now.st_size, now.st_mtime_ns]
    stamps = _stamps(manifest.name)
    if stamps.get(file.name) == stamp:
        return True
    if now.st_size != file.size or sha256(place) != file.sha256:
        return False
    _write_stamps(manifest.name, {**stamps, file.name: stamp})
    return True


def sha256(place: Path) -> str:
    digest = hashlib.sha256()
    with place.open('rb') as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _stamps(model: str) -> dict[str, list[object]]:
    try:
        stamps = json.loads((cache_dir() / model / STAMPS).read_text(encoding='utf-8'))
    except (OSError, ValueError):      # none yet, or half written: the file is read once more
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _write_stamps(model: str, stamps: dict[str, list[object]]) -> None:
    folder = cache_dir() / model
    new = folder / f'{STAMPS}.{os.getpid()}'
    with contextlib.suppress(OSError):      # a cache that cannot be written only costs time
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(stamps), encoding='utf-8')
        os.replace(new, folder / STAMPS)


@contextlib.contextmanager
def locked(on_wait: Callable[[], None]) -> Iterator[None]:
    """One process pulls at a time. Raises OSError when the cache cannot be written."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / '.lock').open('w') as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
