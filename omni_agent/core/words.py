"""Text -> words, clauses and phrases; the only place that knows how a script separates them."""

from __future__ import annotations

import re
import unicodedata
from typing import Iterable, Iterator, NamedTuple

Phrase = tuple[str, ...]

HAN = '\u3400-\u9fff\uf900-\ufaff'        # written without spaces: a character counts as a word
_WORD = re.compile(rf"[{HAN}]|[^\W{HAN}]+(?:['-][^\W{HAN}]+)*")
# A dash counts where it stands alone: 'about - stop' has two clauses, 'non-stop' is one word
_BREAK = re.compile(r'[.!?;:,…¡¿。、！？，；：]+|\s[-–—]+(?=\s|$)|[–—]+|--+')
SENTENCE_ENDS = '.!?¿¡。！？'
_IS_HAN = re.compile(f'[{HAN}]')


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; of Chinese, single characters."""
    return _WORD.findall(unicodedata.normalize('NFKC', text).lower().replace('’', "'"))


def folded(text: str) -> str:
    """Without case, accents and full-width forms, which recognisers write as they please."""
    plain = unicodedata.normalize('NFKD', text.replace('…', '...'))
    return ''.join(char for char in plain if not unicodedata.combining(char)).casefold()


class Clause(NamedTuple):
    """The words between two punctuation marks, one at least."""

    words: list[str]
    opens: bool             # a sentence begins here


def clauses(text: str) -> list[Clause]:
    """What stands between punctuation marks; nothing is empty."""
    found, opens, at = [], True, 0
    for mark in [*_BREAK.finditer(text), None]:
        part = words(text[at:mark.start() if mark else None])
        if part:
            found.append(Clause(part, opens))
            opens = False
        if mark:
            at, opens = mark.end(), opens or any(char in SENTENCE_ENDS for char in mark.group())
    return found


def is_han(word: str) -> bool:
    return bool(_IS_HAN.match(word))


class Phrases:
    """A set of short sequences of words, which can be looked up at any place of a text.

    ``fold``: case, accents and full-width forms do not matter; the text is to be folded as well.
    """

    def __init__(self, texts: Iterable[str] = (), fold: bool = True) -> None:
        texts = map(folded, texts) if fold else texts
        self._all = frozenset(phrase for text in texts for phrase in _spellings(text))
        self._longest = max(map(len, self._all), default=0)

    def __contains__(self, tokens: Iterable[str]) -> bool:
        return tuple(tokens) in self._all

    def __iter__(self) -> Iterator[Phrase]:
        return iter(sorted(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __deepcopy__(self, memo: dict) -> Phrases:
        return self                          # it never changes

    def __or__(self, other: Phrases) -> Phrases:
        both = Phrases()
        both._all = self._all | other._all
        both._longest = max(self._longest, other._longest)
        return both

    def at(self, tokens: list[str], start: int) -> Iterator[int]:
        """Where the phrases that begin at ``start`` end."""
        for end in range(start + 1, min(len(tokens), start + self._longest) + 1):
            if tuple(tokens[start:end]) in self._all:
                yield end

    def start(self, tokens: list[str]) -> int:
        """Length of the longest phrase that ``tokens`` begin with, 0 if there is none."""
        return max(self.at(tokens, 0), default=0)

    def end(self, tokens: list[str]) -> bool:
        """True if ``tokens`` end in one of them."""
        return any(tuple(tokens[-size:]) in self._all
                   for size in range(1, min(len(tokens), self._longest) + 1))

    def anywhere(self, tokens: list[str]) -> bool:
        """True if one of them is in ``tokens``."""
        return any(True for start in range(len(tokens)) for _ in self.at(tokens, start))

    def pieces(self, tokens: list[str]) -> int | None:
        """How few of them the tokens are made of, without a rest; None if they are not."""
        fewest: list[int | None] = [0] + [None] * len(tokens)
        for start in range(len(tokens)):
            count = fewest[start]
            if count is None:
                continue
            for end in self.at(tokens, start):
                known = fewest[end]
                fewest[end] = count + 1 if known is None else min(known, count + 1)
        return fewest[-1]


def _spellings(text: str) -> Iterator[Phrase]:
    """As written, and with each hyphen as a space: 'tais-toi' is also heard as 'tais toi'."""
    for spelling in (text, text.replace('-', ' ')):
        phrase = tuple(words(spelling))
        if phrase:
            yield phrase
