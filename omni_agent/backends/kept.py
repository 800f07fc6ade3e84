"""The only place that writes the small files that outlast a restart."""

from __future__ import annotations

import os
from pathlib import Path

from omni_agent.core.errors import DeviceError


def write(path: Path, text: str, what: str) -> None:
    """Beside it and renamed, so that a crash leaves the old file or the new one. Raises
    DeviceError, which says ``what`` cannot be kept.
    """
    beside = path.with_name(f'{path.name}.{os.getpid()}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open('w', encoding='utf-8') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise DeviceError(f'{path}: {what} cannot be kept ({error.strerror})') from error
