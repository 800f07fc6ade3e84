"""What a model is: the only place that reads and checks models/*.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from omni_agent.core.checked_table import FieldError, Table
from omni_agent.core.errors import ConfigError

PROFILES = ('all', 'default', 'small', 'bench', 'open')
# 'all': every profile needs it; 'bench': only measurements do; 'open': open vocabulary, for
# whoever asks by name
LARGEST = 64 * 2**30                      # [bytes] of a file; more is a slip of the finger
_SHA256 = re.compile(r'[0-9a-f]{64}')
_FILE = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')           # one name: no folder, no '..'
_URL = re.compile(r'https://\S+|http://(127\.0\.0\.1|localhost)[:/]\S+')
_MEMBER = re.compile(r'(?!.*(^|/)\.\.(/|$))[^/\s]\S*')
_PACKAGE = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')        # never an option of pip's command line


class SourceError(Exception):
    """A source cannot give the file; says who and why in a few words. The next one is tried."""


@dataclass(frozen=True)
class Hub:
    """The very file at an https address."""

    url: str


@dataclass(frozen=True)
class Part:
    """A member of a wheel: the whole file, or one piece of it. ``size`` in bytes."""

    package: str
    version: str
    platform: str      # '' = any
    member: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Wheel:
    """Wheels as byte containers: their parts, joined in order, are the file."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Shipped:
    """A file that comes with this package; ``path`` is relative to the share folder."""

    path: str


Source = Union[Hub, Wheel, Shipped]


@dataclass(frozen=True)
class Tensor:
    """One input or output of the network; ``shape`` and ``dtype`` in words, as ONNX names them."""

    way: str
    name: str
    shape: str
    dtype: str


@dataclass(frozen=True)
class ModelFile:
    name: str
    size: int          # [bytes]
    sha256: str
    sources: tuple[Source, ...]
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True)
class Manifest:
    name: str
    purpose: str
    profile: str
    version: str
    licence: str       # SPDX
    licence_text: str  # relative to the folder of the manifests
    files: tuple[ModelFile, ...]
    preprocessing: str
    postprocessing: str

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def load(folder: Path) -> dict[str, Manifest]:
    """All manifests of a folder by name. Raises ConfigError that names the file and the field."""
    manifests = [read(path) for path in sorted(folder.glob('*.yaml'))]
    if not manifests:
        raise ConfigError(f'{folder} holds no model manifest: install the package again')
    return {manifest.name: manifest for manifest in manifests}


def read(path: Path) -> Manifest:
    import yaml
    try:
        table = Table(yaml.safe_load(path.read_text(encoding='utf-8')), ())
        manifest = _manifest(table)
        if manifest.name != path.stem:
            raise FieldError(('name',), f"must be '{path.stem}', as the file is called")
    except yaml.YAMLError as error:
        raise ConfigError(f'{path} is not YAML: {" ".join(str(error).split())}') from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} cannot be read: {error}') from error
    except FieldError as error:
        raise ConfigError(f'{path}: {error}') from error
    return manifest


def _manifest(table: Table) -> Manifest:
    manifest = Manifest(
        name=table.text('name', pattern=_FILE, like='silero_vad'),
        purpose=table.text('purpose'),
        profile=table.choice('profile', PROFILES, None),
        version=table.text('version'),
        licence=table.text('licence'),
        licence_text=table.text('licence_text', pattern=_MEMBER, like='licences/MIT.txt'),
        files=tuple(_file(item) for item in table.tables('files', at_least=1)),
        preprocessing=table.text('preprocessing').strip(),
        postprocessing=table.text('postprocessing').strip(),
    )
    table.finish()
    return manifest


def _file(table: Table) -> ModelFile:
    size, sha256 = _content(table, None, None)
    file = ModelFile(
        name=table.text('name', pattern=_FILE, like='model.onnx'), size=size, sha256=sha256,
        sources=tuple(_source(item, size, sha256) for item in table.tables('sources', at_least=1)),
        tensors=tuple(_tensor(item) for item in table.tables('tensors')))
    table.finish()
    return file


def _content(table: Table, size: int | None, sha256: str | None) -> tuple[int, str]:
    return (int(table.number('size', size, 1, LARGEST)),
            table.text('sha256', sha256, _SHA256, 'the 64 digits that sha256sum prints'))


def _source(table: Table, size: int, sha256: str) -> Source:
    kind = table.choice('type', ('hub', 'wheel', 'repository'), None)
    if kind == 'hub':
        source: Source = Hub(table.text('url', pattern=_URL, like='https://host/file'))
    elif kind == 'repository':
        source = Shipped(table.text('path', pattern=_MEMBER, like='models/file.onnx'))
    else:
        source = _wheel(table, size, sha256)
    table.finish()
    return source


def _wheel(table: Table, size: int, sha256: str) -> Wheel:
    """A single part is the file itself; several must each say how long they are and what their
    hash is.
    """
    items = table.tables('parts', at_least=1)
    alone = len(items) == 1
    wheel = Wheel(tuple(_part(item, size if alone else None, sha256 if alone else None)
                        for item in items))
    joined = sum(part.size for part in wheel.parts)
    if joined != size:
        raise FieldError(table.where + ('parts',),
                         f'add up to {joined} bytes, not to the {size} of the file')
    return wheel


def _part(table: Table, size: int | None, sha256: str | None) -> Part:
    size, sha256 = _content(table, size, sha256)
    part = Part(
        package=table.text('package', pattern=_PACKAGE, like='a-package'),
        version=table.text('version', pattern=_PACKAGE, like='1.2.3'),
        platform=table.text('platform', '', _PACKAGE, 'manylinux_2_28_x86_64'),
        member=table.text('member', pattern=_MEMBER, like='package/data/file.bin'),
        size=size, sha256=sha256)
    table.finish()
    return part


def _tensor(table: Table) -> Tensor:
    tensor = Tensor(table.choice('way', ('input', 'output'), None), table.text('name'),
                    table.text('shape'), table.text('dtype'))
    table.finish()
    return tensor
