"""Blocks of sound with a time and a position each -> one track in which they lie where they were
heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# a block that its stamp puts this far from where its position does is put by its stamp
DRIFT_S = 0.05


@dataclass(frozen=True)
class Piece:
    """int16 mono samples of shape (n,), the first of them at Unix second ``t``."""

    t: float
    position: int        # of the first sample since the stream began
    samples: np.ndarray


class Track:
    """Pieces come in order. Stamps waver by milliseconds, so blocks that follow each other stay
    together.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._runs: list[tuple[float, list[np.ndarray]]] = []      # start of each, and its blocks
        self._next = -1                          # position that continues the last run
        self._end_s = 0.0                        # of that run, by counting

    def add(self, piece: Piece) -> None:
        follows = piece.position == self._next and abs(piece.t - self._end_s) <= DRIFT_S
        if not follows:
            self._runs.append((piece.t, []))
            self._end_s = piece.t
        self._runs[-1][1].append(piece.samples)
        self._next = piece.position + piece.samples.size
        self._end_s += piece.samples.size / self.rate

    @property
    def is_empty(self) -> bool:
        return not self._runs

    @property
    def start(self) -> float:
        return self._runs[0][0]

    def samples(self, t0: float, seconds: float) -> np.ndarray:
        """int16 of ``seconds`` from ``t0`` on; where two blocks overlap the later one counts."""
        track = np.zeros(round(seconds * self.rate), np.int16)
        for start, blocks in self._runs:
            run = np.concatenate(blocks)
            at = round((start - t0) * self.rate)
            run, at = run[max(0, -at):], max(0, at)
            run = run[:max(0, track.size - at)]
            track[at:at + run.size] = run
        return track
