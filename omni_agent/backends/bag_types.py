"""Definitions of message types: from the .msg files of the ROS that runs here, or out of a bag
itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

INSTALL = 'recording and replaying need rosbags: pip install rosbags==0.11.9'


def empty() -> Typestore:
    """A store that knows nothing. Raises BackendError if rosbags is missing."""
    try:
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise BackendError(f'{INSTALL} ({error})') from error
    return get_typestore(Stores.EMPTY)


class Definitions:
    """Looks up types as they become known; the two results are what a bag holds of a type."""

    def __init__(self) -> None:
        self._store = empty()

    def of(self, kind: str) -> tuple[str, str]:
        """'std_msgs/msg/String' -> its definition with those of all its parts, and its hash
        (REP-2011).

        Raises BackendError where a .msg file is missing.
        """
        self._learn(kind)
        text, _ = self._store.generate_msgdef(kind, ros_version=2)
        return text, self._store.hash_rihs01(kind)

    def _learn(self, kind: str) -> None:
        if kind in self._store.fielddefs:
            return
        from rosbags.typesys import get_types_from_msg

        found = get_types_from_msg(_file(kind).read_text(encoding='utf-8'), kind)
        for _, parts in found.values():
            for _, part in parts:
                name = _message_in(part)
                if name is not None and name not in found:
                    self._learn(name)
        self._store.register({
            name: parts
            for name, parts in found.items() if name not in self._store.fielddefs
        })


def _message_in(part: tuple) -> str | None:
    """The message type within a field description; None for numbers and texts."""
    from rosbags.interfaces import Nodetype

    kind, what = part
    if kind is Nodetype.NAME:
        return what
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        return _message_in(what[0])
    return None


def _file(kind: str) -> Path:
    package, _, name = kind.partition('/msg/')
    for prefix in [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]:
        path = Path(prefix, 'share', package, 'msg', f'{name}.msg')
        if prefix and path.is_file():
            return path
    raise BackendError(
        f'{kind} has no .msg file on AMENT_PREFIX_PATH: install or source {package}')
