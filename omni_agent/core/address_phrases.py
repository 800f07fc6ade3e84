"""What the words of an utterance tell as a whole about whom it is for: phrases of one to three
words, each with a weight. English.

``tools/fit_phrases.py`` fits the weights to sentences that were written for the purpose
(scenarios/addressee/sentences.yaml), and to what recognisers made of them, into
config/addressee/phrases.json. The signs of core/address_words.py count with them, so that a phrase
only tells what they do not.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Iterable, Iterator, Mapping, Sequence

from .address_words import SIGNS
from .checked_table import FieldError, Table
from .errors import ConfigError

VERSION = 1
LARGEST = 20.0           # of a weight; more was not fitted
LONGEST = 3              # [words] of a phrase
# A phrase counts as much as this over the root of how many there are, of FEWEST at least: a long
# utterance is one piece of evidence, not thirty
SHARE, FEWEST = 3.0, 4
BEGIN, END = '<', '>'
ROBOT, NUMBER, NAME, RARE = 'robot', '#', '<name>', '<rare>'
NUMBERS = frozenset(
    '''one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand million'''.split())
IS = re.compile(r"\b(what|where|who|when|how|that|it|there|here|he|she|why)'s\b", re.I)
# recognisers write them as they please
SHORT = tuple((re.compile(short, re.I), long) for short, long in (
    ("won't", 'will not'), ("can't|cannot", 'can not'), ("n't", ' not'), ("let's", 'let us'),
    ("'re", ' are'), ("'m", ' am'), ("'ll", ' will'), ("'ve", ' have'), ("'d", ' would')))
PIECE = re.compile(r"[A-Za-z0-9']+|[.,?!]")


@dataclass(frozen=True, slots=True)
class Token:
    """``name``: written with a capital inside of a sentence."""

    word: str
    name: bool = False


def tokens(text: str, names: frozenset[str]) -> list[Token]:
    """Words in small letters, '#' for a number, ',' '?' and '!'; one of ``names`` is the
    robot's.
    """
    text = IS.sub(r'\1 is', text.replace('’', "'"))
    for short, long in SHORT:
        text = short.sub(long, text)
    found, begins = [], True
    for piece in PIECE.findall(text):
        word = piece.lower().strip("'")
        if piece in '.?!':
            found += [Token(piece)] if piece != '.' else []
            begins = True
        elif piece == ',':
            found.append(Token(piece))
        elif word:
            plain = _plain(word, names)
            is_name = piece[0].isupper() and not begins and plain not in ('i', ROBOT, NUMBER)
            found.append(Token(plain, is_name))
            begins = False
    return found


def _plain(word: str, names: frozenset[str]) -> str:
    if word in names:
        return ROBOT
    return NUMBER if word.isdigit() or word in NUMBERS else word


def phrases(said: Sequence[Token], known: Iterable[str]) -> list[str]:
    """Those of one to LONGEST words, each once; what is not ``known`` is a name or rare."""
    line = [BEGIN, *(one.word if one.word in known else NAME if one.name else RARE
                     for one in said), END]
    return list(dict.fromkeys(_phrases(line)))


def _phrases(line: Sequence[str]) -> Iterator[str]:
    yield from line[1:-1]
    for size in range(2, LONGEST + 1):
        for at in range(len(line) - size + 1):
            yield ' '.join(line[at:at + size])


def share_of_one(count: int) -> float:
    """What a phrase counts where an utterance has so many."""
    return SHARE / math.sqrt(max(FEWEST, count))


@dataclass(frozen=True)
class Phrases:
    """Weights of phrases and of signs [log odds]; every known word is a phrase of its own."""

    bias: float
    phrases: Mapping[str, float]
    signs: Mapping[str, float]

    def log_odds(self, text: str, signs: Iterable[str], names: frozenset[str]) -> float | None:
        """That an utterance of which nothing else is known was for the robot; None where there is
        no word to judge.
        """
        said = tokens(text, names)
        if not any(one.word[0].isalnum() or one.word == NUMBER for one in said):
            return None
        found = phrases(said, self.phrases)
        total = sum(self.phrases.get(one, 0.0) for one in found)
        return (self.bias + share_of_one(len(found)) * total
                + sum(self.signs.get(sign, 0.0) for sign in signs))


def parse(text: str) -> Phrases:
    """The file that the fit wrote. Raises ConfigError."""
    advice = 'fit them again with tools/fit_phrases.py'
    try:
        table = Table(json.loads(text), ())
        table.number('version', None, VERSION, VERSION)
        table.number('seed', None, 0, 2**32)
        table.text('fitted_on')
        bias = table.number('bias', None, -LARGEST, LARGEST)
        signs_table, phrase_table = table.table('signs'), table.table('phrases')
        signs = {name: signs_table.number(name, 0.0, -LARGEST, LARGEST)
                 for name in (*SIGNS, 'calls somebody')}
        signs_table.finish()
        weights = {name: phrase_table.number(name, None, -LARGEST, LARGEST)
                   for name in phrase_table.keys()}
        table.table('figures')
        table.finish()
    except ValueError as error:
        raise ConfigError(f'the weights of phrases are not JSON ({error}): {advice}') from error
    except FieldError as error:
        raise ConfigError(f'the weights of phrases are wrong: {error}: {advice}') from error
    return Phrases(bias, weights, signs)
