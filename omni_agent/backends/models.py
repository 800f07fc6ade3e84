"""The model files: where they are, whether they are right, and how they come here.

A file is either absent or right: it is put together in a partial folder, its sha256 is compared,
and only then it is renamed into place.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from omni_agent.backends.model_cache import cache_dir, is_right, locked, place_of, sha256
from omni_agent.backends.model_manifest import Manifest, ModelFile, SourceError, load
from omni_agent.backends.model_sources import Sources, name
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.share import share_dir

DEFAULT_PROFILE = 'default'
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Progress:
    """How far one file is: ``done`` of ``total`` bytes. ``note`` says who serves it."""

    model: str
    file: str
    done: int
    total: int
    note: str


class State(enum.Enum):
    RIGHT = 'right'
    MISSING = 'missing'
    WRONG = 'wrong'


@dataclass(frozen=True)
class Finding:
    """What ``verify`` found at ``path``."""

    model: str
    file: str
    path: Path
    state: State


Watch = Callable[[Progress], None]


def manifests() -> dict[str, Manifest]:
    """Every known model by name. Raises ConfigError for a manifest that cannot be used."""
    return load(share_dir() / 'models')


def chosen(names: Sequence[str] = (), profile: str = DEFAULT_PROFILE) -> list[Manifest]:
    """The named models, or those that a profile needs. Raises ConfigError for an unknown name."""
    known = manifests()
    if not names:
        return [manifest for manifest in known.values() if manifest.profile in ('all', profile)]
    return [_known(known, wanted) for wanted in names]


def _known(known: dict[str, Manifest], wanted: str) -> Manifest:
    if wanted not in known:
        raise ConfigError(f"no model is called '{wanted}': there are {', '.join(known)}")
    return known[wanted]


def path(model: str, filename: str | None = None) -> Path:
    """The checked file of a model (default: its first one).

    Raises BackendError with the command that brings it, ConfigError for a name in no manifest.
    """
    manifest = _known(manifests(), model)
    file = _file(manifest, filename)
    place = place_of(manifest, file)
    mend = f'run "omni-agent models pull {model}"'
    if not place.is_file():
        raise BackendError(f'{place} is missing: {mend}')
    if not is_right(manifest, file, place):
        raise BackendError(f'{place} is not the file that the manifest of {model} names '
                           f'(its sha256 differs): {mend}')
    return place


def _file(manifest: Manifest, filename: str | None) -> ModelFile:
    for file in manifest.files:
        if filename in (None, file.name):
            return file
    names = ', '.join(file.name for file in manifest.files)
    raise ConfigError(f"{manifest.name} has no file '{filename}': it has {names}")


def present(manifest: Manifest) -> bool:
    """Whether all files of a model are here and right; quick after the first time."""
    places = [(file, place_of(manifest, file)) for file in manifest.files]
    return all(place.is_file() and is_right(manifest, file, place) for file, place in places)


def verify(names: Sequence[str] = (), profile: str = DEFAULT_PROFILE) -> list[Finding]:
    """Reads every byte again, stamps or not."""
    return [_finding(manifest, file)
            for manifest in chosen(names, profile) for file in manifest.files]


def _finding(manifest: Manifest, file: ModelFile) -> Finding:
    place = place_of(manifest, file)
    if not place.is_file():
        state = State.MISSING
    else:
        state = State.RIGHT if sha256(place) == file.sha256 else State.WRONG
    return Finding(manifest.name, file.name, place, state)


def pull(names: Sequence[str] = (), offline: bool = False, profile: str = DEFAULT_PROFILE,
         progress: Watch = lambda news: None) -> list[Path]:
    """Brings the named models (default: what the profile needs); what is here and right stays.

    Raises BackendError when no source has the right bytes or the disk is full, ConfigError for
    unknown names.
    """
    wanted = chosen(names, profile)
    missing = [manifest for manifest in wanted if not present(manifest)]
    if missing:
        try:
            with locked(lambda: progress(Progress('', '', 0, 0, 'waiting for another process '
                                                                'that pulls models'))):
                _pull(missing, offline, progress)
        except OSError as error:
            raise _disk_error(error, missing) from error
    return [place_of(manifest, file) for manifest in wanted for file in manifest.files]


def _pull(missing: list[Manifest], offline: bool, progress: Watch) -> None:
    scratch = cache_dir() / '.partial'
    scratch.mkdir(exist_ok=True)
    sources = Sources(scratch, share_dir(), offline)
    try:
        for manifest in missing:
            for file in manifest.files:
                _pull_file(manifest, file, scratch, sources, progress)
            sources.forget()
    finally:
        sources.close()
        with contextlib.suppress(OSError):      # stays where something is left to go on with
            scratch.rmdir()


def _pull_file(manifest: Manifest, file: ModelFile, scratch: Path, sources: Sources,
               progress: Watch) -> None:
    place = cache_dir() / manifest.name / file.name
    if place.is_file() and is_right(manifest, file, place):      # the process before us brought it
        return

    def report(done: int, note: str) -> None:
        progress(Progress(manifest.name, file.name, done, file.size, note))

    partial = scratch / f'{file.sha256}.part'
    place.parent.mkdir(exist_ok=True)
    try:
        _make_sure_of_room(file, partial)
        _assemble(manifest, file, partial, sources, report)
    except OSError as error:
        if error.errno in FULL:
            partial.unlink(missing_ok=True)      # give the room back
        raise
    os.replace(partial, place)
    is_right(manifest, file, place)      # leaves the stamp


def _make_sure_of_room(file: ModelFile, partial: Path) -> None:
    have = partial.stat().st_size if partial.is_file() else 0
    if shutil.disk_usage(partial.parent).free < file.size - have:
        raise OSError(errno.ENOSPC, 'not enough room to begin')


def _assemble(manifest: Manifest, file: ModelFile, partial: Path, sources: Sources,
              report: Callable[[int, str], None]) -> None:
    """Fills ``partial`` with the right bytes from the first source that has them."""
    refusals: list[str] = []
    for source in file.sources:
        continued = partial.is_file() and partial.stat().st_size > 0
        # a wrong beginning may be another source's fault: then this one gets a second, fresh try
        for _ in range(2 if continued else 1):
            try:
                sources.fetch(source, file, partial, report)
            except SourceError as error:
                refusals.append(str(error))
                break
            found = sha256(partial)
            if found == file.sha256:
                return
            partial.unlink()
            refusals.append(f'{name(source)}: served other bytes (sha256 {found[:12]}..., wanted '
                            f'{file.sha256[:12]}...); refused and deleted')
    if partial.is_file() and partial.stat().st_size == 0:
        partial.unlink()
    raise BackendError('\n  '.join([
        f'{manifest.name}: no source has {file.name} ({file.size / 1e6:.1f} MB).', *refusals,
        f'Connect to the internet and run "omni-agent models pull {manifest.name}", or copy the '
        f'file to {cache_dir() / manifest.name / file.name} from a machine that has it.']))


def _disk_error(error: OSError, missing: list[Manifest]) -> BackendError:
    """What an OSError means to whoever pulls: a full disk, or a folder that cannot be written."""
    there = next(folder for folder in (cache_dir(), *cache_dir().parents) if folder.is_dir())
    if error.errno not in FULL:
        return BackendError(f'{error.filename or there} cannot be written ({error.strerror}): set '
                            'XDG_CACHE_HOME to a folder that can')
    needed = sum(manifest.size for manifest in missing if not present(manifest))
    return BackendError(
        f'the disk is full: {needed / 1e6:.0f} MB are still to come, '
        f'{shutil.disk_usage(there).free / 1e6:.0f} MB are free in {there}. Make room, or set '
        'XDG_CACHE_HOME to a folder on another disk, then pull again')
