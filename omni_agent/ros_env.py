"""The only place that decides what a process needs in its environment before it talks ROS 2.

What the user has set stays as it is; only what is missing is added.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Mapping

from omni_agent.core.errors import ConfigError
from omni_agent.share import share_dir

INTERFACES = 'omni_agent_msgs'
LOOPBACK = 'LOCALHOST'


def prepare(environ: Mapping[str, str], prefix: Path | None = None) -> dict[str, str]:
    """What to add to ``environ`` for child processes; empty when nothing is missing.

    ``prefix`` is where the interface package was installed (default: this Python's own prefix).
    """
    prefix = Path(sys.prefix) if prefix is None else prefix
    added = {**_ament(environ, prefix), **_discovery(environ)}
    if 'RCUTILS_LOGGING_BUFFERED_STREAM' not in environ:
        added['RCUTILS_LOGGING_BUFFERED_STREAM'] = '1'   # whole lines: six nodes share a terminal
    if _stays_on_this_machine({**environ, **added}):
        added.update(_profile(environ))
    return added


def _ament(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """The prefix of the wheels, or of the messages that were built beside a ROS that is
    installed.
    """
    if not (prefix / 'share' / 'ament_index').is_dir():
        return {}
    added = _in_front(environ, 'AMENT_PREFIX_PATH', prefix)
    if 'ROS_DISTRO' in environ:      # the wheels find their libraries, an installed ROS does not
        added.update(_in_front(environ, 'LD_LIBRARY_PATH', prefix / 'lib'))
    return added


def _in_front(environ: Mapping[str, str], name: str, path: Path) -> dict[str, str]:
    known = [entry for entry in environ.get(name, '').split(os.pathsep) if entry]
    return {} if str(path) in known else {name: os.pathsep.join([str(path), *known])}


def _discovery(environ: Mapping[str, str]) -> dict[str, str]:
    """A robot's conversation is nobody else's: without a word from the user it stays on this
    machine.
    """
    if environ.get('ROS_DISTRO') == 'humble':      # before Iron the switch had another name
        return {} if 'ROS_LOCALHOST_ONLY' in environ else {'ROS_LOCALHOST_ONLY': '1'}
    if 'ROS_AUTOMATIC_DISCOVERY_RANGE' in environ:
        return {}
    return {'ROS_AUTOMATIC_DISCOVERY_RANGE': LOOPBACK}


def _stays_on_this_machine(environ: Mapping[str, str]) -> bool:
    return (environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') == LOOPBACK
            or environ.get('ROS_LOCALHOST_ONLY') == '1')


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    """Our profile speaks on loopback only, so it must not reach whoever asked for the network."""
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE',      # Fast DDS 2 (up to Jazzy)
             'FASTDDS_DEFAULT_PROFILES_FILE')       # Fast DDS 3
    try:
        file = share_dir() / 'config' / 'fastdds_shm.xml'
    except ConfigError:
        return {}
    if not file.is_file() or any(name in environ for name in names):
        return {}
    return {name: str(file) for name in names}
