"""The only place that feeds a peer: 20 ms of sound every 20 ms, on the monotonic clock."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable

import numpy as np

from .sound import RATE

BLOCK = RATE // 50       # 20 ms
BLOCK_S = BLOCK / RATE
# [dBFS RMS] A quiet room. Without it pipecat's loudness gate has to climb from digital silence,
# which no microphone delivers, and its interruptions come 0.1 s later.
FLOOR_DBFS = -60.0
FLOOR_S = 7.0            # the noise repeats after this long

Take = Callable[[bytes], Awaitable[None]]


class Microphone:
    """A quiet room, until an item is played into it.

    A block is handed over when its last sample has been recorded, as with a real device.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._queue = np.zeros(0, np.int16)
        self._began = 0.0
        self._blocks = 0
        self._floor = room_noise()
        self.lateness: list[float] = []      # of blocks [s]: how well real time was kept

    def play(self, samples: np.ndarray) -> float:
        """Queue an item; returns the monotonic time of its first sample."""
        self._queue = samples
        return self._began + self._blocks * BLOCK_S

    async def run(self) -> None:
        self._began = time.monotonic()
        while True:
            due = self._began + (self._blocks + 1) * BLOCK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.lateness.append(time.monotonic() - due)
            await self._take(self._next().tobytes())

    def _next(self) -> np.ndarray:
        block = self._floor[self._blocks % len(self._floor)].astype(np.int32)
        sound, self._queue = self._queue[:BLOCK], self._queue[BLOCK:]
        block[:sound.size] += sound
        self._blocks += 1
        return np.clip(block, -32768, 32767).astype(np.int16)


def room_noise() -> np.ndarray:
    """White noise at FLOOR_DBFS as int16 of shape (blocks, BLOCK); always the same."""
    shape = round(FLOOR_S / BLOCK_S), BLOCK
    noise = np.random.default_rng(1).normal(0.0, 32768 * 10 ** (FLOOR_DBFS / 20), shape)
    return np.round(noise).astype(np.int16)
