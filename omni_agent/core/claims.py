"""Is what the robot is about to claim to see really there? A sentence is checked against the
latest tracks.

'I see two cups' names things and numbers; what is not seen at all is withheld, what is doubtful is
hedged. A sentence that claims to see nothing in particular is let through: it is not about the
picture.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, Sequence

from .scene import NUMBERS
from .track import family
from .watch_words import WatchWords
from .words import words

SURE = 0.5           # mean score from which a thing is certainly what it is called
FRESH_S = 3.0        # what was seen longer ago may be gone
SEES = ('i see', 'i can see', 'i could see', 'i notice', 'i spot', 'there is', "there's",
        'there are', 'i am looking at', "i'm looking at", 'in front of me is',
        'in front of me are', 'my camera sees', 'my camera shows', 'i now see', 'i also see',
        'you are holding', "you're holding", 'you hold', 'on the table is', 'i am seeing',
        'i do see')
DENIES = ('i see no', 'i do not see', "i don't see", 'i cannot see', "i can't see", 'there is no',
          'there are no', "there isn't", "there aren't", 'i can see no', 'i see nothing',
          'there is nobody', "there's nobody", 'there is no one', 'nobody is', 'i see nobody',
          "there's no", 'there is not', 'there are not', 'i see no one')
SEVERAL = ('several', 'many', 'some', 'few', 'lots', 'multiple', 'couple', 'both', 'various',
           'numerous', 'group')
HEDGES = ('maybe', 'perhaps', 'possibly', 'might', 'could be', 'not sure', 'seems', 'seem',
          'looks like', 'i think')
SOFTER = 'I am not sure, but '
_SENTENCE = re.compile(r'[^.!?;:]+[.!?;:]*')


class Support(Enum):
    """What to do with a sentence."""

    SUPPORTED = 'supported'
    HEDGE = 'hedge'
    WITHHOLD = 'withhold'


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is what may be spoken, '' when it is withheld; ``why`` is for the log."""

    support: Support
    text: str
    why: str


class Known(Protocol):
    """A track, as far as claims go."""

    @property
    def label(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def last_s(self) -> float: ...


def supported(claim: str, tracks: Sequence[Known], now: float, language: WatchWords,
              sees: bool = True) -> Verdict:
    """One or more sentences; ``sees``: there is a camera. The worst sentence decides."""
    worst = Verdict(Support.SUPPORTED, claim, 'claims nothing about the picture')
    for part in _SENTENCE.findall(claim):
        found = _sentence(part, tracks, now, language, sees)
        if (found is not None and (_ORDER[found.support] > _ORDER[worst.support]
                                   or worst.text == claim and worst.why.startswith('claims'))):
            worst = found
    if worst.support is Support.WITHHOLD:
        return Verdict(Support.WITHHOLD, '', worst.why)
    if worst.support is Support.HEDGE:
        return Verdict(Support.HEDGE, _hedged(claim), worst.why)
    return Verdict(Support.SUPPORTED, claim, worst.why)


_ORDER = {Support.SUPPORTED: 0, Support.HEDGE: 1, Support.WITHHOLD: 2}


def _sentence(text: str, tracks: Sequence[Known], now: float, language: WatchWords,
              sees: bool) -> Verdict | None:
    plain = f' {" ".join(words(text))} '
    if text.rstrip().endswith('?'):
        return None
    denied = next((phrase for phrase in DENIES if f' {phrase} ' in plain), None)
    verb = denied or next((phrase for phrase in SEES if f' {phrase} ' in plain), None)
    if verb is None:
        return None
    rest = plain.split(f' {verb} ', 1)[1].split()
    named = _named(rest, language)
    if denied and ('nobody' in verb or 'no one' in verb):
        named = [('person', 1, False)]
    if not sees:
        return Verdict(Support.WITHHOLD, '', 'there is no camera')
    if not named:
        return Verdict(Support.SUPPORTED, text, 'names nothing that can be checked')
    verdicts = [_denial(label, tracks, now) if denied else _claim(label, count, vague, tracks, now)
                for label, count, vague in named]
    return max(verdicts, key=lambda verdict: _ORDER[verdict.support])


def _claim(label: str, count: int, vague: bool, tracks: Sequence[Known], now: float) -> Verdict:
    same = [track for track in tracks if track.label == label]
    alike = [track for track in tracks if family(track.label) == family(label)]
    if not alike:
        return Verdict(Support.WITHHOLD, '', f'no {label} is seen')
    if not same:
        return Verdict(Support.HEDGE, '', f'it is rather a {alike[0].label} than a {label}')
    if max(track.score for track in same) < SURE:
        return Verdict(Support.HEDGE, '',
                       f'the {label} is doubtful ({max(track.score for track in same):.2f})')
    if now - max(track.last_s for track in same) > FRESH_S:
        return Verdict(Support.HEDGE, '',
                       f'the {label} was seen {now - max(t.last_s for t in same):.0f} s ago')
    if vague and len(same) < 2 or not vague and len(same) != count:
        return Verdict(Support.HEDGE, '',
                       f'{len(same)} of {label} are seen, not {"several" if vague else count}')
    return Verdict(Support.SUPPORTED, '', f'{len(same)} of {label} are seen')


def _denial(label: str, tracks: Sequence[Known], now: float) -> Verdict:
    seen = [track for track in tracks if track.label == label and now - track.last_s <= FRESH_S]
    if not seen:
        return Verdict(Support.SUPPORTED, '', f'no {label} is seen')
    sure = max(track.score for track in seen) >= SURE
    return Verdict(Support.WITHHOLD if sure else Support.HEDGE, '', f'a {label} is seen')


def _named(spoken: list[str], language: WatchWords) -> list[tuple[str, int, bool]]:
    """(label, how many, vague) of each thing; people who speak or are spoken to are no things."""
    found: Counter[str] = Counter()
    vague: set[str] = set()
    at, count, several = 0, 1, False
    while at < len(spoken):
        word = spoken[at]
        size = next((size for size in range(min(language.longest_thing,
                                                len(spoken) - at), 0, -1)
                     if tuple(spoken[at:at + size]) in language.things and word not in _PRONOUNS),
                    0)
        if size:
            label = language.things[tuple(spoken[at:at + size])]
            found[label] += count
            vague |= {label} if several else set()
            count, several = 1, False
        elif word in NUMBERS[2:] or word.isascii() and word.isdigit():
            count = NUMBERS.index(word) if word in NUMBERS else min(99, int(word[:4]))
        elif word in SEVERAL:
            several = True
        at += max(1, size)
    return [(label, number, label in vague) for label, number in found.items()]


_PRONOUNS = frozenset('i me we us he she they him them'.split())


def as_past(claim: str) -> str:
    """What was seen when somebody wanted to say it, and is not seen any more."""
    return re.sub(r'\bI see\b', 'a moment ago I saw', claim).replace('a moment', 'A moment', 1)


def _hedged(claim: str) -> str:
    if any(f' {hedge} ' in f' {" ".join(words(claim))} ' for hedge in HEDGES):
        return claim                             # it says so itself
    first = claim.lstrip()
    keeps = first.startswith(('I ', "I'"))
    return SOFTER + (first if keeps else first[:1].lower() + first[1:])
