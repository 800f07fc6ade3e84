"""A sound file in place of a microphone, at the pace of the clock."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from omni_agent.backends import BLOCK, RATE, Block, audio_files
from omni_agent.core.errors import ConfigError, DeviceError


@dataclass(frozen=True)
class FileCounters:
    blocks: int = 0


class FileMicrophone:
    """Plays ``path`` once, then silence for ever, or nothing more when ``ends``. Blocks are never
    left out.

    Raises DeviceError when the file cannot be read.
    """

    def __init__(self, path: str | Path, ends: bool = False) -> None:
        try:
            self._samples = audio_files.to_int16(audio_files.read(path))
        except ConfigError as error:
            raise DeviceError(str(error)) from error
        self._ends = ends
        self._blocks = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.over = threading.Event()        # the file has been heard

    def start(self, on_block: Callable[[Block], None]) -> None:
        self._thread = threading.Thread(target=self._play, args=(on_block,),
                                        name='file microphone', daemon=True)
        self._thread.start()

    def _play(self, on_block: Callable[[Block], None]) -> None:
        t0, t0_unix = time.monotonic(), time.time()
        position = 0
        while not self._stop.wait(max(0.0, t0 + (position + BLOCK) / RATE - time.monotonic())):
            on_block(Block(position, t0_unix + position / RATE, self._at(position)))
            position += BLOCK
            self._blocks += 1
            if position >= len(self._samples):
                self.over.set()
                if self._ends:
                    return

    def _at(self, position: int) -> np.ndarray:
        """The block at ``position``, silence after the end."""
        samples = self._samples[position:position + BLOCK]
        return np.concatenate((samples, np.zeros(BLOCK - len(samples), np.int16)))

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def snapshot(self) -> FileCounters:
        return FileCounters(self._blocks)
