"""What running a network takes besides time, sampled while it runs: memory, the processor, and
energy where the machine has a meter. Nothing here is estimated: what has no meter is not there.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY_S = 0.02               # between two samples of memory
WINDOW_S = 0.1               # of the processor: its clock has ticks of 10 ms
METERS = Path('/sys/class/powercap')     # Linux: RAPL, of whole processor packages
NO_METER = ('energy was not measured: no meter that this process may read (Linux: '
            '/sys/class/powercap/intel-rapl:*/energy_uj, often only root may)')


@dataclass(frozen=True)
class Usage:
    """``memory_mb``: mean resident size over ``before``. ``cores_peak``: the most processors busy
    within WINDOW_S. ``energy_j``: of all packages, whoever used them; None without a meter.
    """

    memory_mb: float
    cores_peak: float
    energy_j: float | None


class Meter:
    """``with Meter(before) as meter: ...; meter.usage``. ``before``: resident bytes that do not
    count.
    """

    def __init__(self, before: int, meters: Path = METERS) -> None:
        self._before, self._meters = before, meters
        self._process = psutil.Process()
        self._memory: list[int] = []
        self._cores: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name='meter', daemon=True)
        self.usage = Usage(0.0, 0.0, None)

    def __enter__(self) -> Meter:
        self._joules = joules(self._meters)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        after = joules(self._meters)
        energy = None if after is None or self._joules is None else after - self._joules
        # a counter that has begun anew says nothing
        energy = energy if energy is not None and energy >= 0 else None
        mean = sum(self._memory) / len(self._memory) - self._before
        self.usage = Usage(mean / 1e6, max(self._cores), energy)

    def _sample(self) -> None:
        began, used = time.perf_counter(), time.process_time()
        while True:
            over = self._over.wait(EVERY_S)
            self._memory.append(self._process.memory_info().rss)
            passed = time.perf_counter() - began
            if passed >= WINDOW_S or over and not self._cores:
                self._cores.append((time.process_time() - used) / passed)
                began, used = time.perf_counter(), time.process_time()
            if over:
                return


def joules(meters: Path = METERS) -> float | None:
    """Of all processor packages since some time; None where no meter can be read."""
    try:
        packages = [path for path in sorted(meters.glob('intel-rapl:*'))
                    if path.name.count(':') == 1]
        counts = [int((path / 'energy_uj').read_text(encoding='ascii')) for path in packages]
    except (OSError, ValueError):
        return None
    return sum(counts) / 1e6 if counts else None
