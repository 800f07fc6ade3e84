"""How far what was written is from what may have been said: the only place that guesses how words
sound from their letters.

English, and coarsely: it says where a name may stand that was written as something else ("Bro
dot" for "Robot"), and whoever asks has the sound to decide by. Every vowel is the same one here,
for recognisers are least sure of those.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterable

from .words import folded

VOWEL = 'V'
# letters -> one sign a sound: S as in 'shop', J as in 'job', D as in 'the', N as in 'sing'
_SPELT = tuple((re.compile(letters), sound) for letters, sound in (
    ('^wr', 'r'), ('^kn', 'n'), ('^wh', 'w'), ('ough', 'o'), ('igh', 'i'), ('gh', ''),
    ('ph', 'f'), ('qu', 'kw'), ('tch|dge|ch|j', 'J'), ('sch|sh', 'S'), ('th', 'D'), ('ck|q', 'k'),
    ('x', 'ks'), ('c(?=[eiy])', 's'), ('c', 'k'), ('g(?=[ei])', 'J'), ('mb$', 'm'), ('ng', 'N'),
    (r'(.)\1', r'\1'), ('(?<=[aeiouy][^aeiouy])e$', ''), ('^y(?=[aeiou])', 'j'),
    ('(?<=[aeiou])w', ''), ('[aeiouy]+', VOWEL)))
_ALIKE = ('pbfvw', 'tdD', 'kg', 'szSJ', 'mnN', 'lrwj', 'vfD')
_ABRUPT = frozenset('pbtdkgDvf')
_GLIDES = frozenset('rlwj')
# what it costs that a sound is not there; others cost 1
_FAINT = {VOWEL: 0.5, 'h': 0.3, 'r': 0.5, 'l': 0.5, 'w': 0.5, 'j': 0.4, 't': 0.8, 'd': 0.8}
NEAR, ABRUPT, GLIDE, OTHER, NO_VOWEL = 0.4, 0.6, 0.8, 1.0, 1.2


def sounds(words: Iterable[str]) -> str:
    """One sign a sound, without gaps between words."""
    return re.sub(f'{VOWEL}+', VOWEL, ''.join(map(_sounds, words)))


def apart(heard: str, said: str) -> float:
    """Of two rows of sounds: 0 where they are alike, about 1 where ``said`` is not there at all.
    """
    row = [0.0]
    for sound in said:
        row.append(row[-1] + _weight(sound))
    whole = row[-1]
    for sound in heard:
        above, row = row, [row[0] + _weight(sound)]
        for at, wanted in enumerate(said):
            row.append(min(above[at + 1] + _weight(sound), row[at] + _weight(wanted),
                           above[at] + _instead(sound, wanted)))
    return row[-1] / whole if whole else 1.0


@lru_cache(maxsize=4096)
def _sounds(word: str) -> str:
    found = re.sub('[^a-z]', '', folded(word))
    for letters, sound in _SPELT:
        found = letters.sub(sound, found)
    return found


def _weight(sound: str) -> float:
    return _FAINT.get(sound, 1.0)


@lru_cache(maxsize=1024)
def _instead(sound: str, other: str) -> float:
    if sound == other:
        return 0.0
    if VOWEL in (sound, other):
        return GLIDE if {sound, other} & _GLIDES else NO_VOWEL
    if any(sound in alike and other in alike for alike in _ALIKE):
        return NEAR
    return ABRUPT if {sound, other} <= _ABRUPT else OTHER
