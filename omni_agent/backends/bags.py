"""rosbag2 folders (MCAP) written while messages come: the only place that writes them.

Messages are taken as they are on the wire. A bounded queue stands between whoever has them and the
thread that writes; each half second everything written goes to the kernel, so a process that is
killed loses no more than that.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Mapping

from omni_agent.core.errors import BackendError, ConfigError, DeviceError

from .bag_metadata import NEVER, VERSION, Topic, described, write_metadata, yaml_text
from .bag_types import INSTALL

if TYPE_CHECKING:
    from rosbags.interfaces import Connection
    from rosbags.rosbag2.storage_mcap import McapWriter

FLUSH_S = 0.5            # what a kill can cost
SYNC_S = 5.0             # what a power cut can cost
MIB = 2**20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Figures:
    """So far."""

    messages: int = 0
    bytes: int = 0
    files: int = 0
    dropped: Counter[str] = field(default_factory=Counter)     # by topic: the disk was too slow


@dataclass
class _File:
    """One .mcap of the folder."""

    name: str
    start: int = NEVER       # [ns]
    end: int = 0
    messages: int = 0


class BagWriter:
    """Any thread hands over messages; one thread of its own writes. ``close`` makes the folder
    whole.
    """

    def __init__(self, folder: Path, custom: Mapping[str, str], split_mib: int = 1024,
                 queue_mib: int = 64, reserve_mib: int = 256) -> None:
        """Raises ConfigError where ``folder`` is there already or cannot be made, BackendError
        without rosbags.
        """
        try:
            import rosbags.rosbag2  # noqa: F401 (that it is there)
        except ImportError as error:
            raise BackendError(f'{INSTALL} ({error})') from error
        self.folder = folder
        self.figures = Figures()
        self._custom = dict(custom)
        self._split, self._most, self._reserve = split_mib * MIB, queue_mib * MIB, reserve_mib * MIB
        self._waiting: deque[tuple[Topic, int, bytes]] = deque()
        self._queued = 0                         # [bytes]
        self._wake = threading.Condition()
        self._open = True
        self.trouble: DeviceError | None = None  # why nothing is written any more
        self._topics: dict[Topic, int] = {}      # messages
        self._files: list[_File] = []
        self._storage: McapWriter | None = None
        self._connections: dict[Topic, Connection] = {}
        self._lock = _made(folder)
        self._write_metadata()
        self._thread = threading.Thread(target=self._run, name='bag', daemon=True)
        self._thread.start()

    # -- any thread -------------------------------------------------------------------------------

    def add(self, topic: Topic) -> None:
        """It is listed even if nothing ever comes."""
        with self._wake:
            self._topics.setdefault(topic, 0)

    def write(self, topic: Topic, t_ns: int, data: bytes, can_miss: bool = False) -> bool:
        """False where it had to be dropped: the queue is full, or half full and this
        ``can_miss``.
        """
        with self._wake:
            if (not self._open or self.trouble
                    or self._queued + len(data) > (self._most // 2 if can_miss else self._most)):
                self.figures.dropped[topic.name] += 1
                return False
            self._waiting.append((topic, t_ns, data))
            self._queued += len(data)
            self._wake.notify()
        return True

    def close(self) -> None:
        """Write what waits, the index and the metadata. Raises DeviceError if the disk did not
        take everything.
        """
        with self._wake:
            self._open = False
            self._wake.notify()
        self._thread.join()
        os.close(self._lock)
        if self.trouble is not None:
            raise self.trouble

    # -- the thread that writes -------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop()
            self._end_file()
            self._write_metadata()
        except OSError as error:
            self._give_up(_full(self.folder) if error.errno in FULL else DeviceError(
                f'cannot write {self.folder}: {error.strerror}'))
        except DeviceError as error:
            self._give_up(error)

    def _loop(self) -> None:
        flush_s = sync_s = time.monotonic()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or not self._open, FLUSH_S)
                batch, self._waiting = self._waiting, deque()
                self._queued = 0
                is_open = self._open
            for topic, t_ns, data in batch:
                self._take(topic, t_ns, data)
            now = time.monotonic()
            if now - flush_s >= FLUSH_S:
                flush_s = now
                self._flush()
                self._keep_reserve()
            if now - sync_s >= SYNC_S and self._storage is not None:
                sync_s = now
                os.fdatasync(self._storage.bio.fileno())
            if not is_open:
                return

    def _take(self, topic: Topic, t_ns: int, data: bytes) -> None:
        storage = self._storage or self._begin_file()
        storage.write(self._connected(storage, topic), t_ns, data)
        part = self._files[-1]
        part.start, part.end, part.messages = min(part.start, t_ns), max(part.end,
                                                                         t_ns), part.messages + 1
        self._topics[topic] = self._topics.get(topic, 0) + 1
        self.figures.messages += 1
        self.figures.bytes += len(data)
        if storage.bio.tell() >= self._split:
            self._end_file()
            self._write_metadata()

    def _connected(self, storage: McapWriter, topic: Topic) -> Connection:
        """Declared in each file with the first message: a chunk without any would have no time."""
        from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat
        from rosbags.rosbag2.metadata import dump_qos_v8

        known = self._connections.get(topic)
        if known is not None:
            return known
        made = Connection(
            len(self._connections) + 1, topic.name, topic.kind,
            MessageDefinition(MessageDefinitionFormat.MSG, topic.definition), topic.digest, 0,
            ConnectionExtRosbag2('cdr', list(topic.qos)), self)
        if topic.kind not in {other.kind for other in self._connections}:
            storage.add_msgtype(made)
        storage.add_connection(made, dump_qos_v8(list(topic.qos)))
        self._connections[topic] = made
        return made

    def _begin_file(self) -> McapWriter:
        from rosbags.rosbag2.enums import CompressionMode
        from rosbags.rosbag2.storage_mcap import McapWriter

        # it names its file after a folder, of which a bag has one and we have several files
        name = f'{self.folder.name}_{len(self._files)}'
        inner = self.folder / name
        inner.mkdir()
        self._storage = McapWriter(inner, CompressionMode.NONE)
        self._storage.path = self._storage.path.rename(self.folder / f'{name}.mcap')
        inner.rmdir()
        self._connections = {}
        self._files.append(_File(f'{name}.mcap'))
        self.figures.files = len(self._files)
        self._write_metadata()
        return self._storage

    def _flush(self) -> None:
        if self._storage is not None:
            if self._storage.chunk.msgs:
                self._storage.close_chunk()
            self._storage.bio.flush()

    def _end_file(self) -> None:
        if self._storage is not None:
            storage, self._storage = self._storage, None
            storage.close(VERSION, yaml_text(self._described()))

    def _keep_reserve(self) -> None:
        """A full disk would hurt everything else on the robot, too."""
        if shutil.disk_usage(self.folder).free < self._reserve:
            self._end_file()
            self._write_metadata()
            raise _full(self.folder)

    def _give_up(self, error: DeviceError) -> None:
        """What is on the disk stays; nothing more is taken."""
        with self._wake:
            self.trouble = error
            self._waiting.clear()
            self._queued = 0
        storage, self._storage = self._storage, None
        if storage is not None:
            try:
                storage.abort()
            except OSError:
                # its last bytes do not fit either, and it is closed all the same
                pass

    # -- metadata.yaml ----------------------------------------------------------------------------

    def _described(self) -> dict[str, object]:
        return described(
            self._custom, [(topic, count) for topic, count in list(self._topics.items())],
            [(part.name, part.start, part.end, part.messages) for part in self._files])

    def _write_metadata(self) -> None:
        write_metadata(self.folder, self._described())


def hold(folder: Path) -> int | None:
    """A lock on the folder, gone with the process; None while it is being recorded."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _made(folder: Path) -> int:
    try:
        folder.mkdir(0o700, parents=True)        # what was said here is nobody else's business
        lock = hold(folder)
    except FileExistsError as error:
        raise ConfigError(f'{folder} is there already: name another folder') from error
    except OSError as error:
        raise ConfigError(
            f'cannot record into {folder}: {error.strerror}; name another folder') from error
    assert lock is not None, 'a new folder is nobody else\'s'
    return lock


def _full(folder: Path) -> DeviceError:
    return DeviceError(
        f'the disk with {folder} is full: the recording ends here; make room, or leave out '
        'pictures and '
        'sound (--without image,sound)')
