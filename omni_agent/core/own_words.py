"""How much of a text is what the robot itself has just said. The only place that compares the
two.
"""

from __future__ import annotations

from collections import deque
from typing import Sequence

from .words import words

KEPT = 60                  # [words] of the robot's that are remembered
LATE_S = 1.5               # a word sounds for up to half a second and is told of up to 0.2 s late
OWN = 0.7                  # of both likelihoods together, from which words are the robot's
# likelihood of echo below which the sound was a person's, whatever the words
CLEAR = 0.03
# a word of n letters may differ in n // ALIKE: recognisers mishear what a canceller left
ALIKE = 3


class OwnWords:
    """Told what is being played, it knows its own words again."""

    def __init__(self) -> None:
        self._words: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self._epoch = 0
        self._known = 0                      # [words] of that epoch

    def played(self, t: float, epoch: int, heard: str) -> None:
        """``heard`` are the words of ``epoch`` whose sound has begun by ``t`` [Unix s]."""
        if epoch != self._epoch:
            self._epoch, self._known = epoch, 0
        spoken = words(heard)
        self._words.extend((t, word) for word in spoken[self._known:])
        self._known = max(self._known, len(spoken))

    def likelihood(self, text: str, since: float) -> float:
        """Share in [0, 1] of the words in ``text``, begun at ``since``, that the robot said then
        in that order.
        """
        heard = words(text)
        own = [word for t, word in self._words if t >= since - LATE_S]
        return common(heard, own) / len(heard) if heard and own else 0.0


def is_own(text_echo: float, echo: float, is_stop: bool = False) -> bool:
    """True for words that may be what a canceller left of the robot's; both likelihoods are those
    of Percept.

    Either is enough: a sentence of the robot's own, or sound with no proof of another voice. Ask
    again with every partial result: the proof may come a moment later. A stop phrase is too short
    for it, so that one is refused only for both reasons.
    """
    if is_stop:
        return min(text_echo, echo) >= OWN
    return echo >= CLEAR and text_echo + echo >= OWN


def common(heard: list[str], own: list[str]) -> int:
    """Length of the longest row of words that both have in this order, with others between."""
    row = [0] * (len(own) + 1)
    for word in heard:
        before = row
        row = [0]
        for at, other in enumerate(own, 1):
            row.append(before[at - 1] + 1 if is_like(word, other) else max(before[at], row[-1]))
    return row[-1]


def is_like(word: str, other: str) -> bool:
    """The same but for a third of its letters."""
    slack = min(len(word), len(other)) // ALIKE
    if word == other or abs(len(word) - len(other)) > slack:
        return word == other
    return distance(word, other) <= slack


def distance(word: Sequence[str], other: Sequence[str]) -> int:
    """Letters (or words) to be changed, added or left out (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        above, row[0] = row[0], at
        for to, counterpart in enumerate(other, 1):
            above, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1,
                                          above + (letter != counterpart))
    return row[-1]
