"""The first trace of a sound that is not the robot's, before anybody can say whether it is a
voice.

A voice-activity model takes 30 to 150 ms to be sure, longest where a word begins with a hiss. The
strict stream holds nothing of the robot, so any rise in it is news; what is no rise from a steady
room is left alone. Whoever is misled by it learns: each rise of which nothing came asks for a
larger one next time.
"""

from __future__ import annotations

import numpy as np

from .audio import RATE

STEP = RATE // 100         # [samples] 10 ms
SILENT_DB = -75.0          # of the steepened sound: below this there is nothing to hear
FALL, RISE = 0.3, 0.02     # share of the way to a quieter and to a louder step that the floor goes
REACH_DB = 6.0             # of that way, at most
DOUBT_DB = 5.0             # by which a rise of which nothing came raises the margin
MOST_DOUBT_DB = 25.0
CALM_S = 20.0              # after which half of that is forgiven
SECOND = RATE // STEP      # [steps]
SOON = round(0.3 * SECOND)           # [steps] a voice is found by then, or there was none
REST = round(1.0 * SECOND)           # [steps] after a sound that was none
# in the silence after a person: a voice that goes on is far above it, and a room may stir
RESUME_DB = 10.0


class Onset:
    """Feed the strict stream; True where it begins to hold more than a steady room does."""

    def __init__(self, margin_db: float) -> None:
        self.margin_db = margin_db
        # learnt: what this loudspeaker, or this room, asks for besides
        self.doubt_db = 0.0
        self._floor: float | None = None     # [dB]
        self._last = 0.0                     # sample before the open step
        self._open = np.zeros(0, np.float32)
        # [steps] since the last rise that is still to be explained
        self._since: int | None = None
        self._rest = 0                       # [steps]

    def hear(self, samples: np.ndarray, matters: bool, person_speaks: bool) -> bool:
        """int16 samples of shape (n,), in order; True where nobody was known to speak and somebody
        may. ``matters``: someone waits for that; other sounds are nobody's business.
        """
        sound = np.concatenate((self._open, samples.astype(np.float32) / 32768.0))
        whole = sound.size // STEP * STEP
        self._open = sound[whole:]
        rises = any([self._step(level) for level in self._levels(sound[:whole])])
        self._explain(whole // STEP, person_speaks)
        if not rises or not matters or person_speaks or self._since is not None or self._rest:
            return False
        self._since = 0
        return True

    def _explain(self, steps: int, person_speaks: bool) -> None:
        self._rest = max(0, self._rest - steps)
        self.doubt_db *= 0.5 ** (steps / (CALM_S * SECOND))
        if self._since is None:
            return
        self._since += steps
        if person_speaks:
            self.doubt_db, self._since = max(0.0, self.doubt_db - DOUBT_DB), None
        elif self._since >= SOON:
            self.doubt_db, self._since = min(self.doubt_db + DOUBT_DB, MOST_DOUBT_DB), None
            self._rest = REST

    def _levels(self, sound: np.ndarray) -> list[float]:
        """Of each step [dB], where hisses are as loud as vowels."""
        if not sound.size:
            return []
        steep = sound.copy()
        steep[0] -= np.float32(self._last)
        steep[1:] -= sound[:-1]
        self._last = float(sound[-1])
        power = (steep * steep).reshape(-1, STEP).mean(axis=1).astype(np.float64)
        return (10.0 * np.log10(power + 1e-10)).tolist()

    def _step(self, level: float) -> bool:
        if self._floor is None:
            self._floor = level
        floor = self._floor
        way = min(max(level - floor, -REACH_DB), REACH_DB)
        self._floor += way * (FALL if way < 0 else RISE)
        return level > max(floor + self.margin_db + self.doubt_db, SILENT_DB)
