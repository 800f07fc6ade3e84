"""When it was, in English: 'ten minutes ago' -> a span of Unix seconds, and an age -> 'about ten
minutes ago'.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Callable, Match

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
UNITS = {
    'second': 1.0,
    'sec': 1.0,
    'minute': MINUTE,
    'min': MINUTE,
    'hour': HOUR,
    'day': DAY,
    'week': 7 * DAY
}
NUMBERS = {
    'a': 1,
    'an': 1,
    'one': 1,
    'two': 2,
    'three': 3,
    'four': 4,
    'five': 5,
    'six': 6,
    'seven': 7,
    'eight': 8,
    'nine': 9,
    'ten': 10,
    'eleven': 11,
    'twelve': 12,
    'thirteen': 13,
    'fourteen': 14,
    'fifteen': 15,
    'sixteen': 16,
    'seventeen': 17,
    'eighteen': 18,
    'nineteen': 19,
    'twenty': 20,
    'thirty': 30,
    'forty': 40,
    'fifty': 50,
    'sixty': 60,
    'ninety': 90,
    'a couple of': 2,
    'a few': 4,
    'some': 5,
    'several': 6,
    'half a': 0.5,
    'half an': 0.5,
    'half': 0.5,
    'a quarter of a': 0.25,
    'a quarter of an': 0.25,
    'hundred': 100,
    'a hundred': 100,
    'first': 1,
    'second': 2,
    'third': 3,
    'fourth': 4,
    'fifth': 5,
    'sixth': 6,
    'seventh': 7,
    'eighth': 8,
    'ninth': 9,
    'tenth': 10
}
NOONS = {'noon': 12.0, 'midday': 12.0, 'midnight': 24.0}
VAGUE = frozenset({'a couple of', 'a few', 'some', 'several'})
DAYS = ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
# hours of the day
PARTS = {'morning': (5, 12), 'afternoon': (12, 18), 'evening': (17, 24), 'night': (18, 30)}
HEDGE = 0.15             # of an age: 'ten minutes ago' is rarely to the second
BEGINNING = 0.05         # of all that is remembered is its beginning, and two minutes at least


@dataclass(frozen=True, slots=True)
class Span:
    """Between ``start`` and ``end``; ``at`` is the instant that was meant, where one was."""

    start: float
    end: float
    at: float | None = None

    def meets(self, other: Span) -> Span | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        if end < start:
            return None
        at = other.at if other.at is not None else self.at
        return Span(start, end, at if at is not None and start <= at <= end else None)


@dataclass(frozen=True, slots=True)
class Clock:
    """What 'now', 'today' and 'the beginning' are."""

    now: float
    begin: float
    zone: tzinfo | None = None          # None: of this machine

    def day(self, back: int = 0, hour: float = 0.0) -> float:
        """Unix seconds of an hour, ``back`` days ago."""
        midnight = datetime.fromtimestamp(self.now,
                                          self.zone).replace(hour=0, minute=0, second=0,
                                                             microsecond=0)
        return (midnight - timedelta(days=back) + timedelta(hours=hour)).timestamp()


def find(text: str, clock: Clock) -> tuple[Span | None, str]:
    """The span that ``text`` (lower-case words, single spaces) names, and the text without those
    words.
    """
    span: Span | None = None
    for pattern, meaning in PATTERNS:
        match = pattern.search(text)
        if match is None:
            continue
        found = meaning(match, clock)
        if found is None:
            continue
        both = span.meets(found) if span else None
        span = both or span or found
        text = f'{text[:match.start()]} {text[match.end():]}'
    return span, ' '.join(text.split())


# -- phrases --------------------------------------------------------------------------------------

def _ago(match: Match[str], clock: Clock) -> Span:
    count = _number(match['n']) + (0.5 if match['half'] or match['and_half'] else 0.0)
    age = count * UNITS[match['unit']]
    loose = 0.5 if match['n'] in VAGUE else HEDGE
    width = max(loose * age, min(30.0, UNITS[match['unit']]))
    if UNITS[match['unit']] >= DAY:
        return Span(clock.day(round(age / DAY)), clock.day(round(age / DAY) - 1))
    return Span(clock.now - age - width, min(clock.now, clock.now - age + width), clock.now - age)


def _last_stretch(match: Match[str], clock: Clock) -> Span:
    return Span(clock.now - _number(match['n'] or 'a') * UNITS[match['unit']], clock.now)


def _first_stretch(match: Match[str], clock: Clock) -> Span:
    return Span(clock.begin, clock.begin + _number(match['n'] or 'a') * UNITS[match['unit']])


def _minute(match: Match[str], clock: Clock) -> Span:
    at = clock.begin + _number(match['n']) * UNITS[match['unit']]
    return Span(at - UNITS[match['unit']], at + UNITS[match['unit']], at)


def _beginning(match: Match[str], clock: Clock) -> Span:
    return Span(clock.begin, clock.begin + max(2 * MINUTE, BEGINNING * (clock.now - clock.begin)),
                clock.begin)


def _just_now(match: Match[str], clock: Clock) -> Span:
    return Span(clock.now - 2 * MINUTE, clock.now, clock.now)


def _while_ago(match: Match[str], clock: Clock) -> Span:
    return Span(clock.now - 4 * HOUR, clock.now - 5 * MINUTE)


def _recently(match: Match[str], clock: Clock) -> Span:
    return Span(clock.now - HOUR, clock.now)


def _day_part(back: int) -> Callable[[Match[str], Clock], Span]:
    def meaning(match: Match[str], clock: Clock) -> Span:
        part = match.groupdict().get('part')
        first, last = PARTS[part] if part else (0, 24)
        return Span(clock.day(back, first), min(clock.now, clock.day(back, last)))
    return meaning


def _this_part(match: Match[str], clock: Clock) -> Span | None:
    first, last = PARTS['night' if match['part'] in ('night', 'tonight') else match['part']]
    span = Span(clock.day(0, first), min(clock.now, clock.day(0, last)))
    return span if span.end > span.start else Span(clock.day(1, first), clock.day(1, last))


def _weekday(match: Match[str], clock: Clock) -> Span:
    today = datetime.fromtimestamp(clock.now, clock.zone).weekday()
    back = (today - DAYS.index(match['day'])) % 7 or 7
    part = match.groupdict().get('part')
    first, last = PARTS[part] if part else (0, 24)
    return Span(clock.day(back, first), clock.day(back, last))


def _o_clock(match: Match[str], clock: Clock) -> Span | None:
    """The last time that the clock showed it; a bare 'at three' may be anything else."""
    hour, minutes = _hour(match), 0.0
    if not (match['sharp'] or match['half'] or match['minutes'] or match['past']
            or match['n'] in NOONS):
        return None
    if match['past']:
        minutes = {'half past': 30.0, 'quarter past': 15.0, 'quarter to': -15.0}[match['past']]
    elif match['minutes']:
        minutes = float(match['minutes'])
    if hour is None:
        return None
    halves = (hour,) if match['half'] or hour > 12 else (hour % 12, hour % 12 + 12)
    times = [clock.day(back, one + minutes / 60) for back in (0, 1) for one in halves]
    at = max((t for t in times if t <= clock.now), default=None)
    return None if at is None else Span(at - 10 * MINUTE, min(clock.now, at + 10 * MINUTE), at)


def _hour(match: Match[str]) -> float | None:
    if match['n'] in NOONS:
        return NOONS[match['n']]
    hour = _number(match['n'])
    if match['half']:
        hour = hour % 12 + (12 if match['half'] == 'pm' else 0)
    return hour if 0 <= hour <= 24 else None


def _number(text: str) -> float:
    if text in NUMBERS:
        return float(NUMBERS[text])
    parts = text.replace('-', ' ').split()
    return float(text) if text.isdigit() else float(sum(NUMBERS.get(part, 0) for part in parts))


_TENS = 'twenty|thirty|forty|fifty|sixty|ninety'
_ONES = 'one|two|three|four|five|six|seven|eight|nine'
_NUMBER = (rf'\d{{1,4}}|(?:{_TENS})[- ](?:{_ONES})|'
           + '|'.join(sorted((re.escape(name) for name in NUMBERS), key=len, reverse=True)))
_N = rf'(?:(?:about|around|roughly|maybe|like|some|exactly|just|over|almost|nearly) )?(?P<n>{_NUMBER})'
_UNIT = rf"(?P<unit>{'|'.join(UNITS)})s?"
_PART = r'(?P<part>morning|afternoon|evening|night)'
_DAY = rf"(?P<day>{'|'.join(DAYS)})"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf'(?<!\S){text}(?!\S)')


PATTERNS: tuple[tuple[re.Pattern[str], Callable[[Match[str], Clock], Span | None]], ...] = tuple((
    _pattern(text), meaning
) for text, meaning in (
    (r'(?:just now|(?:just )?(?:a|one) (?:moment|second|sec) ago|a minute or so ago)', _just_now),
    (rf'{_N} (?P<half>and a half )?{_UNIT}(?P<and_half> and a half)? (?:ago|earlier|back)', _ago),
    (rf'(?:in|within|during|over|for) the (?:last|past) (?:{_N} )?{_UNIT}', _last_stretch),
    (rf'(?:in|within|during) the first (?:{_N} )?{_UNIT}', _first_stretch),
    (rf'{_N} {_UNIT} (?:in|into it|into this|after the (?:start|beginning)|after (?:we|you|i) (?:started|began))',
     _minute),
    (rf'(?:in|at|around|about) (?P<unit>minute|hour) {_N}', _minute),
    (rf'in the (?P<n>{_NUMBER}) (?P<unit>minute|hour)', _minute),
    (r'(?:(?:right )?(?:at|in) the (?:very )?(?:beginning|start)(?: of (?:the day|our talk|all this|this))?|'
     r'when (?:we|you|i) (?:first )?(?:started|began|woke up|met)|at first)', _beginning),
    (rf'the day before yesterday(?: {_PART})?', _day_part(2)),
    (rf'yesterday(?: {_PART})?', _day_part(1)),
    (r'last (?P<part>night|evening)', _day_part(1)),
    (rf'this {_PART}', _this_part),
    (r'(?P<part>tonight)', _this_part),
    (r'(?:earlier )?today', _day_part(0)),
    (rf'(?:on |last |on last ){_DAY}(?: {_PART})?', _weekday),
    (rf"(?:at|around|about) (?:about )?(?:(?P<past>half past|quarter past|quarter to) )?"
     rf"(?P<n>noon|midday|midnight|{_NUMBER})(?: (?P<minutes>[0-5]\d))?(?P<sharp> o'?clock)?(?: "
     rf"(?P<half>am|pm))?",
     _o_clock),
    (r'(?:quite )?(?:a|some) (?:little |long )?while (?:ago|back)', _while_ago),
    (r'(?:recently|lately|in the meantime)', _recently),
))


# -- ages -----------------------------------------------------------------------------------------

# [minutes] that people say
_STEPS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50)
_WORDS = {
    15: 'fifteen',
    20: 'twenty',
    25: 'twenty-five',
    35: 'thirty-five',
    40: 'forty',
    45: 'forty-five',
    50: 'fifty',
    **{
        value: name
        for name, value in NUMBERS.items() if name in _ONES.split('|') + [
            'ten', 'eleven', 'twelve'
        ]
    }
}


def age(seconds: float) -> str:
    """'about ten minutes ago', as rough as people are."""
    if seconds < 45:
        return 'just now'
    if seconds < 90:
        return 'about a minute ago'
    minutes = seconds / MINUTE
    if minutes < 53:
        nearest = min(_STEPS, key=lambda step: abs(math.log(step / minutes)))
        return ('about half an hour ago'
                if nearest == 30 else f'about {_WORDS[nearest]} minutes ago')
    halves = round(seconds / HOUR * 2)
    if halves <= 2:
        return 'about an hour ago'
    if halves == 3:
        return 'about an hour and a half ago'
    if seconds < 20 * HOUR:
        hours = round(seconds / HOUR)
        return f'about {_WORDS.get(hours, str(hours))} hours ago'
    days = round(seconds / DAY)
    return 'about a day ago' if days <= 1 else f'{_WORDS.get(days, str(days))} days ago'
