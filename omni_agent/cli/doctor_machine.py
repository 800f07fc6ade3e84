"""What the machine gives: cores, memory, disk, and the right to go first."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from typing import Iterator

from omni_agent.backends import models
from omni_agent.backends.model_cache import cache_dir
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, wrong

ENOUGH_CORES = 4
GRAPH_GIB = 1.5            # [GiB] resident, all six nodes with the default models
RESERVE_GIB = 1.0          # [GiB] on a disk that also takes logs and the memory
PRIORITY = 2               # real-time priority that the audio nodes ask for (nodes/shell.py)
GIB = 2 ** 30


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield cores()
    yield from memory()
    yield from disk()
    yield priority()
    yield load()


def cores() -> Finding:
    usable, quota = len(os.sched_getaffinity(0)), _quota()
    if quota is not None and quota < usable:
        return note('cores', f'{usable}, but this container may use {quota:g}',
                    'give it more processor time (--cpus)')
    if usable < ENOUGH_CORES:
        return note('cores', f'{usable}: enough, with little to spare for a robot\'s other nodes',
                    'profile small costs least')
    return ok('cores', str(usable))


def _quota() -> float | None:
    """Processors' worth of time that the control group of a container allows."""
    try:
        quota, period = Path('/sys/fs/cgroup/cpu.max').read_text().split()
        return None if quota == 'max' else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def memory() -> Iterator[Finding]:
    import psutil
    found = psutil.virtual_memory()
    text = f'{found.available / GIB:.1f} of {found.total / GIB:.1f} GiB free'
    if found.available < GRAPH_GIB * GIB:
        yield wrong('memory', f'{text}; the agent takes {GRAPH_GIB:g} GiB',
                    'end other programs, or use profile small')
    else:
        yield ok('memory', text)


def disk() -> Iterator[Finding]:
    for what, folder in (('disk for models', cache_dir()), ('disk for memory', _state_home()),
                         ('disk for logs',
                          Path(os.environ.get('ROS_LOG_DIR') or Path.home() / '.ros' / 'log'))):
        yield _room(what, folder, _missing_gib() if what == 'disk for models' else 0.0)


def _state_home() -> Path:
    return Path(os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state')


def _missing_gib() -> float:
    return sum(one.size for one in models.chosen() if not models.present(one)) / GIB


def _room(what: str, folder: Path, needed_gib: float) -> Finding:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free / GIB
    text = f'{free:.1f} GiB free in {there}'
    if not os.access(there, os.W_OK | os.X_OK):
        return wrong(
            what, f'{there} cannot be written',
            'give it to this user, or name another folder (XDG_CACHE_HOME, '
            'XDG_STATE_HOME, ROS_LOG_DIR)')
    if free < needed_gib + RESERVE_GIB / 10:
        return wrong(what, f'{text}, {needed_gib:.1f} GiB are still to come', 'make room')
    if free < needed_gib + RESERVE_GIB:
        return note(what, text, 'make room before it is full')
    return ok(what, text)


def priority() -> Finding:
    """Whether the audio nodes may go before the models (see README, "When something is wrong")."""
    soft, hard = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if os.geteuid() == 0 or max(soft, hard) >= PRIORITY or soft == resource.RLIM_INFINITY:
        return ok('real-time priority', 'allowed: sound goes before the models')
    return note(
        'real-time priority',
        f'not allowed (rtprio {soft}): sound may come late when all cores are busy',
        '"@audio - rtprio 10" in /etc/security/limits.conf, this user into the group audio, and '
        'log in again'
    )


def load() -> Finding:
    average, count = os.getloadavg()[0], os.cpu_count() or 1
    text = f'{average:.1f} processes want {count} cores'
    return (note('load', text, 'something else keeps them busy: see top') if average > 1.5 *
            count else ok('load', text))
