"""The clock: sane, synchronised, and without steps while it is looked at."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import Iterator

from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, wrong

# [Unix s] 2025 to 2100: before is a board without a battery
SANE = (1_735_689_600.0, 4_102_444_800.0)
WATCHED_S = 1.0
STEP_S = 0.02              # a clock that is only slewed moves by 0.5 ms a second
UNSYNCHRONISED = 5         # adjtimex(2): TIME_ERROR
SOURCE = Path('/sys/devices/system/clocksource/clocksource0/current_clocksource')


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield date(time.time())
    yield steps(*_watched())
    yield synchronised(_state())
    yield source()


def date(t: float) -> Finding:
    text = time.strftime('%Y-%m-%d %H:%M:%S %Z', time.localtime(t))
    if SANE[0] <= t <= SANE[1]:
        return ok('date', text)
    return wrong(
        'date', f'{text} cannot be',
        'set it (timedatectl set-time, or a time server): memory and a second '
        'machine\'s messages would be sorted wrongly')


def _watched() -> tuple[float, float]:
    """How far the clock and a stopwatch moved [s]."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(WATCHED_S)
    return time.time() - wall, time.monotonic() - steady


def steps(wall_s: float, steady_s: float) -> Finding:
    off = wall_s - steady_s
    if abs(off) > STEP_S:
        return wrong('steps', f'it jumped by {1000 * off:+.0f} ms within {steady_s:.1f} s',
                     'let only one program set the clock; after a jump back restart the agent')
    return ok('steps', f'none: {1000 * off:+.1f} ms in {steady_s:.1f} s against a stopwatch')


def _state() -> int | None:
    """What adjtimex(2) gives; None where it is not allowed or not there."""
    class Timex(ctypes.Structure):
        # only read, and larger than any libc's: the first field says "change nothing"
        _fields_ = [('modes', ctypes.c_uint), ('rest', ctypes.c_char * 508)]

    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(Timex()))
    except AttributeError:
        return None
    return None if state < 0 else state


def synchronised(state: int | None) -> Finding:
    if state is None:
        return note('synchronised', 'cannot be asked here')
    if state == UNSYNCHRONISED:
        return note('synchronised',
                    'by nobody: fine for one machine, but two machines disagree more every day',
                    'apt-get install chrony, or timedatectl set-ntp true')
    return ok('synchronised', 'with a time server')


def source() -> Finding:
    try:
        name = SOURCE.read_text().strip()
    except OSError:
        return note('source', 'not known on this system')
    if name in ('jiffies', 'acpi_pm', 'hpet'):
        return note('source', f'{name}, which is slow to read',
                    'check the kernel log for why the processor\'s own counter is off')
    return ok('source', name)
