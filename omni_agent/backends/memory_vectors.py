"""Embeddings of episodes: float16 in the file, one bounded float32 matrix here, compared all at
once.
"""

from __future__ import annotations

import threading
from typing import Iterable

import numpy as np

MATRIX_BYTES = 32 << 20          # what is older than fits is found by words, time and person only


def packed(vector: np.ndarray) -> bytes:
    return unit(vector).astype(np.float16).tobytes()


def unpacked(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, np.float16).astype(np.float32)


def unit(vector: np.ndarray) -> np.ndarray:
    flat = np.asarray(vector, np.float32).ravel()
    length = float(np.linalg.norm(flat))
    return flat / length if np.isfinite(length) and length > 0 else np.zeros_like(flat)


class Vectors:
    """Of one length at a time: another length is another model, whose vectors cannot be
    compared.
    """

    def __init__(self, most_bytes: int = MATRIX_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._ids = np.zeros(0, np.int64)
        self._matrix = np.zeros((0, 0), np.float32)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def clear(self) -> None:
        with self._lock:
            self._ids, self._matrix, self._size = np.zeros(0, np.int64), np.zeros((0, 0),
                                                                                  np.float32), 0

    def add(self, episode: int, vector: np.ndarray) -> None:
        row = unit(vector)
        with self._lock:
            if row.size != self._matrix.shape[1]:
                self._ids, self._matrix, self._size = np.zeros(0, np.int64), np.zeros(
                    (0, row.size), np.float32), 0
            known = np.nonzero(self._ids[:self._size] == episode)[0]
            if known.size:
                self._matrix[known[0]] = row
                return
            if self._size == len(self._ids):
                self._grow()
            self._ids[self._size], self._matrix[self._size] = episode, row
            self._size += 1

    def _grow(self) -> None:
        most = max(16, self._most_bytes // max(4, 4 * self._matrix.shape[1]))
        if self._size >= most:                           # the older half goes
            keep = slice(self._size - most // 2, self._size)
            ids, rows = self._ids[keep].copy(), self._matrix[keep].copy()
        else:
            ids, rows = self._ids[:self._size], self._matrix[:self._size]
        room = min(most, max(64, 2 * len(ids)))
        self._ids, self._matrix = np.zeros(room, np.int64), np.zeros((room, self._matrix.shape[1]),
                                                                     np.float32)
        self._size = len(ids)
        self._ids[:self._size], self._matrix[:self._size] = ids, rows

    def remove(self, episodes: Iterable[int]) -> None:
        with self._lock:
            stay = ~np.isin(self._ids[:self._size], np.fromiter(episodes, np.int64))
            count = int(stay.sum())
            if count == self._size:
                return
            self._ids[:count] = self._ids[:self._size][stay]
            self._matrix[:count] = self._matrix[:self._size][stay]
            self._matrix[count:self._size] = 0.0
            self._size = count

    def best(self, vector: np.ndarray, most: int) -> list[tuple[int, float]]:
        """(episode, cosine), best first."""
        row = unit(vector)
        with self._lock:
            if not self._size or row.size != self._matrix.shape[1]:
                return []
            cosines = self._matrix[:self._size] @ row
            ids = self._ids[:self._size].copy()
        top = np.argsort(cosines)[::-1][:most]
        return [(int(ids[index]), float(cosines[index])) for index in top]
