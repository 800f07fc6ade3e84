"""How much memory this process holds, and what makes it hand back what it no longer uses."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import sys
from pathlib import Path

MIB = 2.0 ** 20
STATM = Path('/proc/self/statm')       # in pages: size, resident, shared, ...


def resident_mib() -> float:
    """Physical memory of this process [MiB]; NaN where neither Linux nor psutil tells."""
    try:
        return int(STATM.read_text(encoding='ascii').split()[1]) * os.sysconf('SC_PAGE_SIZE') / MIB
    except (OSError, ValueError, AttributeError):
        return _by_psutil()


def _by_psutil() -> float:
    try:
        import psutil
    except ImportError:
        return math.nan
    return psutil.Process().memory_info().rss / MIB


def give_back() -> None:
    """Collect what only cycles hold, then have the allocator return its free pages to the system.

    glibc keeps them otherwise: a model that is gone would still count as this process's.
    """
    gc.collect()
    if sys.platform == 'linux':
        trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)      # musl has none
        if trim is not None:
            trim(0)
