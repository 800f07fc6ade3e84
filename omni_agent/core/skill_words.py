"""How people say how much: 'half a metre', 'two feet', 'ninety degrees', 'a metre and a half'.
English.

Everything is brought to the unit that the argument names; what has another kind of unit is no
quantity for it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Iterator, Sequence

# a number with its decimal point, a word, or a mark that ends something
_TOKEN = re.compile(
    r"[0-9]+(?:[.,][0-9]+)?|[^\W\d_]+(?:'[^\W\d_]+)*|[.!?;:,…]+|[-–—]+(?=\s)|[\"“”«»]|[%°]")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_MARKS = {'%': 'percent', '°': 'degrees'}
BREAK = ','                  # all marks between two parts of a sentence
STOP = '.'                   # and between two sentences
QUOTE = '"'

ONES = {
    word: float(value)
    for value, word in enumerate(
        'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
        'fifteen sixteen seventeen '
        'eighteen nineteen'.split())
}
TENS = {word: 10.0 * value for value, word in enumerate(
    'twenty thirty forty fifty sixty seventy eighty ninety'.split(), 2)}
ARTICLES = ('a', 'an', 'another')
SOME = {'a couple of': 2.0, 'a couple': 2.0, 'a few': 3.0, 'several': 3.0}
FRACTIONS = {'half': 0.5, 'third': 1 / 3, 'quarter': 0.25, 'tenth': 0.1}
PARTS = {'quarters': 0.25, 'thirds': 1 / 3, 'halves': 0.5, 'tenths': 0.1}
ROUGHLY = ('about', 'around', 'roughly', 'approximately', 'maybe', 'exactly', 'by', 'for', 'like',
           'just', 'only')

# unit of an argument -> what people say -> how many of it
UNITS: dict[str, dict[str, float]] = {
    'm': {
        'm': 1,
        'metre': 1,
        'metres': 1,
        'meter': 1,
        'meters': 1,
        'cm': 0.01,
        'centimetre': 0.01,
        'centimetres': 0.01,
        'centimeter': 0.01,
        'centimeters': 0.01,
        'mm': 0.001,
        'millimetres': 0.001,
        'millimeters': 0.001,
        'foot': 0.3048,
        'feet': 0.3048,
        'ft': 0.3048,
        'inch': 0.0254,
        'inches': 0.0254,
        'yard': 0.9144,
        'yards': 0.9144,
        'step': 0.5,
        'steps': 0.5,
        'pace': 0.5,
        'paces': 0.5
    },
    's': {
        's': 1,
        'sec': 1,
        'secs': 1,
        'second': 1,
        'seconds': 1,
        'minute': 60,
        'minutes': 60,
        'moment': 1
    },
    'deg': {
        'degree': 1,
        'degrees': 1,
        'deg': 1,
        'turn': 360,
        'turns': 360,
        'circle': 360,
        'circles': 360,
        'radian': 180 / math.pi,
        'radians': 180 / math.pi
    },
    '%': {
        'percent': 1,
        'per cent': 1
    },
    'm/s': {
        'metres a second': 1,
        'meters a second': 1,
        'metres per second': 1,
        'meters per second': 1,
        'metre per second': 1,
        'meter per second': 1,
        'centimetres per second': 0.01,
        'centimeters per second': 0.01,
        'kilometers an hour': 1 / 3.6,
        'kilometres an hour': 1 / 3.6,
        'kilometers per hour': 1 / 3.6,
        'kilometres per hour': 1 / 3.6
    },
    'deg/s': {
        'degrees a second': 1,
        'degrees per second': 1
    },
}
# of these a number alone is understood: 'set the volume to fifty', 'turn left ninety'
BARE = ('%', 'deg', '')


@dataclass(frozen=True, slots=True)
class Token:
    """A lower-case word, a number, or a mark; ``start`` and ``end`` are places in the plain
    text.
    """

    text: str
    start: int
    end: int


def plain(text: str) -> str:
    """One form for what looks alike: full-width letters, curly quotes, any kind of space; nothing
    invisible.
    """
    kept = (' ' if unicodedata.category(char) in ('Zs', 'Zl', 'Zp', 'Cc') else char
            for char in unicodedata.normalize('NFKC', text).replace('’', "'")
            if unicodedata.category(char) not in ('Cf', 'Co', 'Cs', 'Cn'))
    return ' '.join(''.join(kept).split())


def tokens(text: str) -> list[Token]:
    """Of plain text: words, numbers, STOP and BREAK."""
    return [
        Token(_token(match[0].lower()), match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]


def _token(found: str) -> str:
    if found in _MARKS:
        return _MARKS[found]
    if found[0] in '"“”«»':
        return QUOTE
    if found[0].isalnum():
        return found
    return STOP if any(mark in '.!?;…' for mark in found) else BREAK


def unread(text: str) -> bool:
    """True if a plain text has signs that are no words, numbers or marks: '{distance}', digits of
    another script.
    """
    return bool(_TOKEN.sub('', text).strip(" '-–—"))


def quantities(said: Sequence[str], at: int, unit: str) -> Iterator[tuple[int, float]]:
    """(end, value in ``unit``) of every quantity that begins at ``at``, the longest first."""
    start = at
    while start < len(said) and said[start] in ROUGHLY:
        start += 1
    found: set[tuple[int, float]] = set()
    for end, value in _numbers(said, start):
        if unit in BARE:
            found.add((end, value))
        for over, factor in _units(said, end, unit):
            found.add((over, value * factor))
            if tuple(said[over:over + 3]) == ('and', 'a', 'half'):     # 'a metre and a half'
                found.add((over + 3, (value + 0.5) * factor))
    yield from sorted(((end, round(value, 6)) for end, value in found), reverse=True)


def _units(said: Sequence[str], at: int, unit: str) -> Iterator[tuple[int, float]]:
    if tuple(said[at:at + 1]) == ('of',):            # 'a quarter of a turn', 'half of a metre'
        at += 1
    if tuple(said[at:at + 1]) in (('a',), ('an',)):
        at += 1
    for name, factor in UNITS.get(unit, {}).items():
        words = tuple(name.split())
        if tuple(said[at:at + len(words)]) == words:
            yield at + len(words), factor


def _numbers(said: Sequence[str], at: int) -> Iterator[tuple[int, float]]:
    """(end, value): '0.5', 'twenty five', 'one and a half', 'three quarters', 'half', 'a', 'a
    few'.
    """
    for phrase, value in SOME.items():
        words = tuple(phrase.split())
        if tuple(said[at:at + len(words)]) == words:
            yield at + len(words), value
    word = said[at] if at < len(said) else ''
    if word in ARTICLES:
        yield from ((end, value) for end, value in _fractions(said, at + 1))
        yield at + 1, 1.0
    yield from _fractions(said, at)
    yield from _counted(said, at)


def _fractions(said: Sequence[str], at: int) -> Iterator[tuple[int, float]]:
    if at < len(said) and said[at] in FRACTIONS:
        yield at + 1, FRACTIONS[said[at]]


def _counted(said: Sequence[str], at: int) -> Iterator[tuple[int, float]]:
    whole = _whole(said, at)
    if whole is None:
        return
    end, value = whole
    yield end, value
    after = tuple(said[end:end + 3])
    if len(after) == 3 and after[:2] == ('and', 'a') and after[2] in FRACTIONS:
        yield end + 3, value + FRACTIONS[after[2]]
    if after[:1] and after[0] in PARTS:
        yield end + 1, value * PARTS[after[0]]
    if after[:1] == ('point',) and (digits := _digits(said, end + 1)):
        yield end + 1 + len(digits), float(f'{int(value)}.{digits}')


def _whole(said: Sequence[str], at: int) -> tuple[int, float] | None:
    word = said[at] if at < len(said) else ''
    if _NUMBER.fullmatch(word):
        return at + 1, float(word.replace(',', '.'))
    if word == 'hundred' or word in ARTICLES and said[at + 1:at + 2] == ['hundred']:
        return _with_hundreds(said, at + (2 if word in ARTICLES else 1), 1.0)
    small = _below_hundred(said, at)
    if small and tuple(said[small[0]:small[0] + 1]) == ('hundred',):
        return _with_hundreds(said, small[0] + 1, small[1])
    return small


def _with_hundreds(said: Sequence[str], at: int, hundreds: float) -> tuple[int, float]:
    rest = _below_hundred(said, at + 1 if tuple(said[at:at + 1]) == ('and',) else at)
    return (rest[0], 100.0 * hundreds + rest[1]) if rest else (at, 100.0 * hundreds)


def _below_hundred(said: Sequence[str], at: int) -> tuple[int, float] | None:
    word, after = (tuple(said[at:at + 2]) + ('', ''))[:2]
    if word in TENS:
        ones = ONES.get(after, 0.0)
        return (at + 2, TENS[word] + ones) if 0 < ones < 10 else (at + 1, TENS[word])
    return (at + 1, ONES[word]) if word in ONES else None


def _digits(said: Sequence[str], at: int) -> str:
    """After 'point': 'five', 'two five'."""
    found = ''
    while at + len(found) < len(said) and ONES.get(said[at + len(found)], 10.0) < 10:
        found += str(int(ONES[said[at + len(found)]]))
    return found
