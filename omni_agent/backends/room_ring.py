"""What two processes share of the virtual room: its clock and what the loudspeaker plays.

One memory-mapped file. A block of sound is valid only while its tag is its own index, so what was
never written, was aborted, or is a lap old is silence. The writer stores samples first and the tag
last. Room positions count samples since ``t0``: position = (time.monotonic() - t0_monotonic) *
RATE.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.core.errors import DeviceError

RING = 2000              # [blocks] 40 s

_MAGIC = b'omni_agent room1'
# magic, rate, block, ring, 0, t0 monotonic, t0 unix, curtain
_HEADER = struct.Struct('<16sIIIIddd')
_CURTAIN = _HEADER.size - 8                 # [bytes] where the curtain's time is
_HEADER_SIZE = 64
_SLOT = np.dtype([('tag', '<i8'), ('samples', '<i2', BLOCK)])


class RoomRing:
    """A way into the room in ``folder``. Whoever comes into an empty room starts its clock anew.

    ``is_new`` tells that this is the one who did. The room is empty when the last process has
    closed it or died: each holds a shared lock as long as it is there.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.is_new, self._presence = _enter(folder)
            self._file = open(folder / 'room.ring', 'r+b')
        except OSError as error:
            raise DeviceError(f'cannot use the virtual room {folder}: {error}; '
                              'name a folder that can be written to') from error
        self._map = mmap.mmap(self._file.fileno(), 0)
        self.t0_monotonic, self.t0_unix = self._check(folder)
        self._slots = np.frombuffer(self._map, _SLOT, RING, _HEADER_SIZE)

    def _check(self, folder: Path) -> tuple[float, float]:
        magic, rate, block, ring, _, monotonic, unix, _ = _HEADER.unpack_from(self._map)
        if (magic, rate, block, ring) != (_MAGIC, RATE, BLOCK, RING):
            raise DeviceError(f'{folder} is the room of another version of omni_agent: '
                              'stop that one or name another folder')
        return monotonic, unix

    def close(self) -> None:
        del self._slots                      # numpy holds the map open otherwise
        self._map.close()
        self._file.close()
        self._presence.close()

    # the clock

    def now(self) -> float:
        """Room time in samples."""
        return (time.monotonic() - self.t0_monotonic) * RATE

    def seconds_until(self, position: float) -> float:
        return position / RATE + self.t0_monotonic - time.monotonic()

    def unix(self, position: float) -> float:
        """Unix time at which the sample ``position`` is heard; the same in every process."""
        return self.t0_unix + position / RATE

    # the curtain: people who wait for it say nothing before

    def raise_curtain(self) -> None:
        struct.pack_into('<d', self._map, _CURTAIN, time.time())

    @property
    def curtain(self) -> float:
        """Unix time at which the curtain rose; 0 before."""
        return struct.unpack_from('<d', self._map, _CURTAIN)[0]

    # the sound

    def write(self, block: int, samples: np.ndarray) -> None:
        """Plays int16 samples of shape (BLOCK,) as block ``block`` of room time."""
        slot = self._slots[block % RING]
        slot['tag'] = -1
        slot['samples'][:] = samples
        slot['tag'] = block

    def read(self, block: int) -> np.ndarray | None:
        """int16 samples of shape (BLOCK,), or None where nothing was played."""
        slot = self._slots[block % RING]
        return slot['samples'].copy() if slot['tag'] == block else None

    def silence_from(self, position: int, until_block: int) -> None:
        """Takes back everything from a sample on, up to and including block ``until_block``."""
        first, offset = divmod(position, BLOCK)
        slot = self._slots[first % RING]
        if slot['tag'] == first:
            slot['samples'][offset:] = 0
        for block in range(first + 1, until_block + 1):
            slot = self._slots[block % RING]
            if slot['tag'] == block:
                slot['tag'] = -1


def raise_curtain(folder: str | Path) -> None:
    """Lets the people in the room of ``folder`` begin who wait for it."""
    ring = RoomRing(folder)
    ring.raise_curtain()
    ring.close()


def _enter(folder: Path) -> tuple[bool, BinaryIO]:
    """Makes a new ring if nobody is in the room. The door is held for as long as one looks.

    flock gives up a lock for a moment when it turns an exclusive one into a shared one; the second
    lock (the door) keeps others from entering in that moment.
    """
    presence = open(folder / 'room.presence', 'ab')
    with open(folder / 'room.door', 'ab') as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        try:
            fcntl.flock(presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_new = True
            _create(folder / 'room.ring')
        except BlockingIOError:
            is_new = False
        fcntl.flock(presence, fcntl.LOCK_SH)
    return is_new, presence


def _create(path: Path) -> None:
    part = path.with_suffix(f'.{os.getpid()}.part')
    slots = np.zeros(RING, _SLOT)
    slots['tag'] = -1
    header = _HEADER.pack(_MAGIC, RATE, BLOCK, RING, 0, time.monotonic(), time.time(), 0.0)
    with open(part, 'wb') as file:
        file.write(header.ljust(_HEADER_SIZE, b'\0') + slots.tobytes())
    os.replace(part, path)
