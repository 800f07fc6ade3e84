"""The machine a figure was measured on, in one line."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def hardware() -> str:
    """Processor, cores and memory, like '2 x Intel Xeon ..., 23 GiB, Linux x86_64'."""
    return (f'{os.cpu_count()} x {_processor()}, {_memory_gib():.0f} GiB, '
            f'{platform.system()} {platform.machine()}')


def _processor() -> str:
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith(('model name', 'Model')):
                return line.split(':', 1)[1].strip()
    except OSError:
        pass                       # not Linux
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
