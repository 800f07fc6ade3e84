"""Which words of a reply were audible: the only place that decides it.

A word was heard when the larger part of its sound came out at full voice. What a lowered voice
(-26 dB, while somebody else makes a sound) says is covered by that sound; so when the reply is cut
there, those words were not heard. When the voice comes back instead, they count: what was heard is
always a beginning of what was said, without holes, as the listener has it in mind. A reply that
came to its end was heard, however softly it ended.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

LARGER_PART = 0.5      # of a word, in time
SOUND = 64             # [int16] -54 dBFS: fainter samples at the end of a word are a pause


@dataclass
class _Word:
    text: str
    start: int         # [samples] of the reply
    end: int           # last sound that belongs to it


class WordsHeard:
    """The words of one reply by sample position, and what became of them."""

    def __init__(self) -> None:
        self._words: list[_Word] = []
        self._low: list[tuple[int, int]] = []    # [samples] where the voice was lowered

    def push(self, at: int, samples: np.ndarray, text: str) -> None:
        """``samples`` begin at ``at``; the words of ``text`` begin in them, evenly spread."""
        words = text.split()
        sound = np.flatnonzero((samples > SOUND) | (samples < -SOUND))
        last = at + int(sound[-1]) + 1 if sound.size else 0
        if self._words and not words:
            self._words[-1].end = max(self._words[-1].end, last)
        for index, word in enumerate(words):
            start = at + samples.size * index // len(words)
            end = at + samples.size * (index + 1) // len(words)
            end = end if index + 1 < len(words) else max(start, last)
            self._words.append(_Word(word, start, end))

    def lowered(self, start: int, end: int) -> None:
        """Between these positions the voice was not at full gain; they only grow."""
        if self._low and self._low[-1][1] == start:
            self._low[-1] = (self._low[-1][0], end)
        else:
            self._low.append((start, end))

    def text(self, until: int, complete: bool = False) -> str:
        """What had been heard when position ``until`` had sounded."""
        count = len(self._words) if complete else self._count(until)
        return ' '.join(word.text for word in self._words[:count])

    def _count(self, until: int) -> int:
        for count in range(len(self._words), 0, -1):
            word = self._words[count - 1]
            heard = self._loud(word.start, min(word.end, until))
            if word.start < until and heard > LARGER_PART * (word.end - word.start):
                return count
        return 0

    def _loud(self, start: int, end: int) -> int:
        low = 0
        for at in range(max(0, bisect_left(self._low, (start, 0)) - 1), len(self._low)):
            begin, stop = self._low[at]
            if begin >= end:
                break                            # somebody who talks on leaves hundreds of them
            low += max(0, min(end, stop) - max(start, begin))
        return end - start - low
