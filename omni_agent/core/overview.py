"""What was there in the last pictures, by kind of thing: the cheap half of seeing, by which the
decision node knows whether a closer look is worth its time.

Some hundred pictures as a few numbers: a look costs one addition a kind, and an answer nothing but
reading them. Identities and places are those of the tracks; the detailed half is a closer look at
one picture, for one question.
"""

from __future__ import annotations

from collections import Counter, deque

from .scene import NUMBERS, plural
from .watch_events import Looked

FRAMES = 256                 # looks that it sums up: 25 s at 10 a second
LEAST = 128                  # looks below which it says nothing for sure
STEADY = 0.9                 # share of them that shows what is surely there
GONE = 0.05                  # share of them that shows what was there, and not by mistake


class Overview:
    """``step`` each look; times are those of the pictures [s]."""

    def __init__(self, frames: int = FRAMES) -> None:
        self._looks: deque[tuple[str, ...]] = deque(maxlen=frames)     # kinds in each of them
        self._shown: Counter[str] = Counter()                          # looks that show a kind
        self._last: dict[str, float] = {}
        self._newest: Counter[str] = Counter()
        self._t = 0.0

    @property
    def frames(self) -> int:
        return len(self._looks)

    def step(self, look: Looked) -> None:
        if len(self._looks) == self._looks.maxlen:
            self._forget(self._looks[0])
        self._newest, self._t = Counter(track.label for track in look.tracks), look.t
        kinds = tuple(self._newest)
        self._looks.append(kinds)
        self._shown.update(kinds)
        self._last.update(dict.fromkeys(kinds, look.t))

    def _forget(self, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            self._shown[kind] -= 1
            if not self._shown[kind]:
                del self._shown[kind], self._last[kind]

    def share(self, label: str) -> float:
        """Of the looks, that show one."""
        return self._shown[label] / self.frames if self.frames else 0.0

    def is_steady(self, label: str) -> bool:
        """It is there, and has been for so long that a closer look would say nothing else."""
        return (self.frames >= LEAST and self._newest[label] > 0
                and self.share(label) >= STEADY)

    def told(self) -> str:
        """'one person, two cups; no longer: dog (6 s ago)'; '' before the first look."""
        if not self.frames:
            return ''
        here = [f'{_count(count)} {label if count == 1 else plural(label)}'
                for label, count in sorted(self._newest.items())]
        gone = [f'{label} ({self._t - self._last[label]:.0f} s ago)'
                for label in sorted(self._shown)
                if not self._newest[label] and self.share(label) >= GONE]
        return '; no longer: '.join(filter(None, (', '.join(here) or 'nothing',
                                                  ', '.join(gone))))


def _count(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
