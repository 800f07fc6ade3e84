"""The only place that keeps what a peer's output played and judges an item by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .sound import levels_dbfs
from .voices import is_reply

LOWERED_DB = 15.0        # clearly lowered
HOLD_S = 0.06            # and not for the closure of a plosive
SOUNDING_DBFS = -70.0    # under this there is silence
SILENT_DBFS = -120.0
REFERENCE_S = 1.0        # how loud the voice was: median over this long before the onset
SPEAKING_DBFS = -40.0    # a median below says that the voice was not playing
SAME_DB = 3.0            # within this of its level before the onset,
RESUMED_S = 0.1          # the same reply for at least this long has come back
FRAME_S = 0.005
HOLD, RESUMED = round(HOLD_S / FRAME_S), round(RESUMED_S / FRAME_S)     # [frames]


@dataclass(frozen=True)
class Verdict:
    """What became of a reply; as it is, nothing happened to it. See figures.py for the fields."""

    error: str | None = None
    lowered_ms: float | None = None
    silence_ms: float | None = None
    resumed: bool = False
    lost: bool = False
    hole_s: float | None = None


class Ear:
    """Blocks of int16 mono at ``rate``, each with the time its first sample was played [s]."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._blocks: list[tuple[float, np.ndarray]] = []

    def hear(self, played_at: float, samples: np.ndarray) -> None:
        self._blocks.append((played_at, samples))

    def forget(self) -> None:
        self._blocks.clear()

    def sounding(self) -> bool:
        """Whether the newest block is sound."""
        return bool(self._blocks) and bool(np.any(self._blocks[-1][1]))

    def between(self, start: float, stop: float) -> np.ndarray:
        """The sound of [start, stop) on one time axis; what was not played is silence."""
        track = np.zeros(round((stop - start) * self.rate), np.int16)
        for played_at, samples in self._blocks:
            first = round((played_at - start) * self.rate)
            low, high = max(first, 0), min(first + samples.size, track.size)
            if low < high:
                track[low:high] = samples[low - first:high - first]
        return track

    def judge(self, onset: float, until: float) -> Verdict:
        """What became of the voice between the onset and ``until``; times in ms from the onset."""
        frame = round(FRAME_S * self.rate)
        before = self.between(onset - REFERENCE_S, onset)
        level = float(np.median(levels_dbfs(before, frame)))
        if level < SPEAKING_DBFS:
            return Verdict(error=f'the voice was at {level:.0f} dBFS before the onset')
        levels = self._reply_levels(self.between(onset, until))
        lowered = _first_run(levels <= level - LOWERED_DB, HOLD)
        if lowered is None:
            return Verdict()
        back = _first_run(levels[lowered:] > level - SAME_DB, RESUMED)
        return Verdict(lowered_ms=_ms(lowered), silence_ms=_silent_ms(levels, lowered),
                       resumed=back is not None, lost=back is None,
                       hole_s=None if back is None else round(back * FRAME_S, 3))

    def _reply_levels(self, track: np.ndarray) -> np.ndarray:
        """Level of the reply in every frame; another utterance in its place is silence."""
        frame = round(FRAME_S * self.rate)
        levels = levels_dbfs(track, frame)
        for index in np.flatnonzero(levels > SOUNDING_DBFS):
            if not is_reply(track[index * frame:(index + 2) * frame], self.rate):
                levels[index] = SILENT_DBFS
        return levels


def _silent_ms(levels: np.ndarray, lowered: int) -> float | None:
    """End of the last sound before the first silence that lasts, from there on."""
    silent = _first_run(levels[lowered:] <= SOUNDING_DBFS, HOLD)
    return None if silent is None else _ms(lowered + silent)


def _ms(frames: int) -> float:
    return round(1000 * frames * FRAME_S, 1)


def _first_run(holds: np.ndarray, length: int) -> int | None:
    """Index where ``length`` true values in a row begin first."""
    sums = np.convolve(holds.astype(int), np.ones(length, int), 'valid')
    found = np.flatnonzero(sums == length)
    return int(found[0]) if found.size else None
