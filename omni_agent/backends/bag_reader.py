"""Messages out of a rosbag2 folder, decoded by the definitions that lie in it: no ROS is needed,
and a message that has changed since is read as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterator

from omni_agent.core.errors import BackendError, WireError

from . import bag_repair
from .bag_metadata import METADATA
from .bag_types import INSTALL


@dataclass(frozen=True)
class Said:
    """One message: ``message`` has the fields of its type, arrays are numpy's."""

    topic: str
    kind: str
    t: float                 # when it was recorded [Unix s]
    message: object


@dataclass(frozen=True)
class Contents:
    """What a bag holds."""

    topics: dict[str, str]           # name -> type
    counts: dict[str, int]
    start: float                     # [Unix s]
    seconds: float
    custom: dict[str, str]
    repaired: bool


def is_bag(path: Path) -> bool:
    return (path / METADATA).is_file() or any(path.glob('*.mcap')) or any(path.glob('*.db3'))


class Bag:
    """A context: open while it lasts. A bag that was not closed is made whole first."""

    def __init__(self, folder: Path) -> None:
        try:
            from rosbags.rosbag2 import Reader
            from rosbags.typesys import Stores, get_typestore
        except ImportError as error:
            raise BackendError(f'{INSTALL} ({error})') from error
        if not folder.is_dir():
            raise WireError(
                f'{folder} is no folder: give the one that "omni-agent record" or "ros2 bag '
                'record" wrote'
            )
        if not is_bag(folder):
            raise WireError(
                f'{folder} holds no recording: there is neither {METADATA} nor an .mcap file in it'
            )
        self.folder = folder
        self.repaired = bag_repair.finish(folder)
        try:
            self._reader = Reader(folder)
        except FileNotFoundError as error:
            raise WireError(
                f'{folder} has no {METADATA}: run "ros2 bag reindex {folder}" first') from error
        self._store = get_typestore(Stores.LATEST)

    def __enter__(self) -> Bag:
        from rosbags.rosbag2 import ReaderError

        try:
            self._reader.open()
        except (ReaderError, OSError) as error:
            raise WireError(f'{self.folder} cannot be read: {error}') from error
        self._learn()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def contents(self) -> Contents:
        reader = self._reader
        found = reader.connections
        return Contents({item.topic: item.msgtype
                         for item in found}, {item.topic: item.msgcount
                                              for item in found},
                        reader.start_time * 1e-9 if reader.message_count else 0.0,
                        reader.duration * 1e-9 if reader.message_count else 0.0,
                        dict(reader.storage.metadata.custom or {}), self.repaired)

    def messages(self, topics: Collection[str] | None = None) -> Iterator[Said]:
        """In the order of recording. Raises WireError for one that its own definition does not
        fit.
        """
        chosen = [
            item for item in self._reader.connections if topics is None or item.topic in topics
        ]
        if not chosen:
            return
        for item, t_ns, data in self._reader.messages(chosen):
            try:
                message = self._store.deserialize_cdr(data, item.msgtype)
            except Exception as error:
                # rosbags lets through whatever its generated code raises
                raise WireError(
                    f'a message of {item.topic} in {self.folder} cannot be decoded: {error}'
                ) from error
            yield Said(item.topic, item.msgtype, t_ns * 1e-9, message)

    def _learn(self) -> None:
        """What the bag says of its types counts; where it says nothing (sqlite3 of Humble) it is
        what ROS has today.
        """
        from rosbags.interfaces import MessageDefinitionFormat
        from rosbags.typesys import get_types_from_msg

        for item in self._reader.connections:
            if item.msgdef.format is not MessageDefinitionFormat.MSG:
                continue
            types = {
                name: parts
                for name, parts in get_types_from_msg(item.msgdef.data, item.msgtype).items()
                if self._store.fielddefs.get(name) != parts
            }
            for name in types:
                self._store.fielddefs.pop(name, None)
            self._store.register(types)
