"""Bags whose recorder was killed: made whole again, up to the last half second that reached the
disk.

Each record of an MCAP file is a byte that says what it is, eight that say how long, and that many;
whatever follows the last complete one is cut off, and an end is put there. No message that is
complete is touched.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from pathlib import Path

from omni_agent.core.errors import ConfigError, WireError

from .bag_metadata import METADATA, NEVER, Topic, described, write_metadata
from .bags import hold

MAGIC = b'\x89MCAP0\r\n'
HEADER, FOOTER, CHUNK, DATA_END = 0x01, 0x02, 0x06, 0x0F
KNOWN = range(0x01, 0x10)
HEAD = struct.Struct('<BQ')
# without an index
END = HEAD.pack(DATA_END, 4) + bytes(4) + HEAD.pack(FOOTER, 20) + bytes(20) + MAGIC
REPAIRED = 'omni_agent.repaired'


def finish(folder: Path) -> bool:
    """Repair what needs it; True if something did. Raises ConfigError for a bag that is being
    recorded or cannot be changed, WireError for what is no bag.
    """
    files = sorted(folder.glob('*.mcap'), key=_number)
    if not files:
        return False
    broken = [file for file in files if not _is_whole(file)]
    if not broken and (folder / METADATA).is_file() and not _is_unfinished(folder, files):
        return False
    try:
        lock = hold(folder)
    except OSError as error:
        raise ConfigError(f'cannot open {folder}: {error.strerror}') from error
    if lock is None:
        raise ConfigError(f'{folder} is being recorded: end that first')
    try:
        for file in broken:
            _cut(file)
        _describe(folder, files, bool(broken))
    except OSError as error:
        raise ConfigError(
            f'{folder} was not closed, and cannot be repaired: {error.strerror}; copy it to where '
            'you may '
            'write') from error
    finally:
        os.close(lock)
    return True


def _number(file: Path) -> tuple[int, str]:
    """bag_10 comes after bag_9."""
    tail = file.stem.rpartition('_')[2]
    return (int(tail) if tail.isdecimal() else 0), file.name


def _is_whole(file: Path) -> bool:
    with file.open('rb') as data:
        if data.seek(0, os.SEEK_END) < 2 * len(MAGIC):
            return False
        data.seek(-len(MAGIC), os.SEEK_END)
        return data.read() == MAGIC


def _cut(file: Path) -> None:
    """Raises WireError where not even the beginning is there."""
    with file.open('r+b') as data:
        size = data.seek(0, os.SEEK_END)
        data.seek(0)
        if data.read(len(MAGIC)) != MAGIC:
            if size > len(MAGIC):
                raise WireError(f'{file} is no MCAP file')
            data.seek(0)
            data.write(MAGIC + HEAD.pack(HEADER, 14) + struct.pack('<I4sI', 4, b'ros2', 0) +
                       bytes(2))
            size = data.tell()
            data.seek(len(MAGIC))
        data.seek(_last_complete(data, size))
        data.truncate()
        data.write(END)
        data.flush()
        os.fsync(data.fileno())


def _last_complete(data: object, size: int) -> int:
    """Where the messages end."""
    at = len(MAGIC)
    while at + HEAD.size <= size:
        data.seek(at)
        kind, length = HEAD.unpack(data.read(HEAD.size))
        if kind not in KNOWN or kind in (FOOTER, DATA_END) or at + HEAD.size + length > size:
            break
        at += HEAD.size + length
    return at


def _is_unfinished(folder: Path, files: list[Path]) -> bool:
    """The metadata are older than the end of the last file."""
    listed = _metadata(folder).get('relative_file_paths') or []
    return len(listed) < len(files)


def _metadata(folder: Path) -> dict:
    import yaml

    try:
        data = yaml.safe_load((folder / METADATA).read_text(encoding='utf-8'))
        return dict(data['rosbag2_bagfile_information'])
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        return {}


def _describe(folder: Path, files: list[Path], repaired: bool) -> None:
    """metadata.yaml from what the files hold; topics without a message and what we know of the run
    stay.
    """
    from rosbags.rosbag2.errors import ReaderError
    from rosbags.rosbag2.storage_mcap import McapReader

    counts: Counter[Topic] = Counter()
    parts: list[tuple[str, int, int, int]] = []
    known = {
        item['topic_metadata']['name']: item['topic_metadata'].get('type_description_hash', '')
        for item in _metadata(folder).get('topics_with_message_count') or []
    }
    for file in files:
        reader = McapReader(file)
        try:
            reader.open()
        except ReaderError as error:
            raise WireError(f'{file} cannot be read: {error}') from error
        for item in reader.connections:
            digest = known.get(item.topic, '')
            topic = Topic(item.topic, item.msgtype, item.msgdef.data, digest,
                          tuple(item.ext.offered_qos_profiles))
            counts[topic] += item.msgcount
        found = reader.metadata
        empty = not found.message_count
        parts.append((file.name, NEVER if empty else found.start_time,
                      0 if empty else found.end_time - 1, found.message_count))
        reader.close()
    custom = {
        **(_metadata(folder).get('custom_data') or {}),
        **({
            REPAIRED: 'true'
        } if repaired else {})
    }
    write_metadata(folder, described(custom, list(counts.items()), parts))
