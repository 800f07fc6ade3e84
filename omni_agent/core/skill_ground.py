"""What is believed of the language model's choice of a skill: only what the person's own words
bear out.

Numbers and choices are taken from the words: a model of this size makes them up. A number, a unit
or a name that was said and would not be used refuses the step, as do a skill with arguments of
which none was said, and a motion where something else is to be moved: nothing moves on a hunch.
"""

from __future__ import annotations

from typing import Iterator, Mapping, Sequence

from .skill_check import checked
from .skill_phrases import chosen
from .skill_words import ARTICLES, ONES, TENS, UNITS, quantities, tokens, unread
from .skills import Argument, ArgumentKind, Call, Refused, Scalar, Skill, Skills

UNHEARD = 'I am not sure what I should do.'
NO_NUMBERS = ('one', 'half', 'second')       # 'the other one', 'the second door' say no number
COUNTS = ('minus', 'negative', 'hundred', 'thousand', 'million', 'twice', 'double', 'dozen')
UNIT_WORDS = frozenset(name for names in UNITS.values() for name in names if ' ' not in name) - {
    'turn', 'turns', 's', 'm', 'second'}
# What stands behind one of these is a thing of its own, unless it is one of those
OTHERS = ('the', 'a', 'an', 'this', 'that', 'these', 'those', 'my', 'his', 'her', 'their', 'our',
          'some')
MEASURES = ('you', 'i', 'we', 'bit', 'little', 'moment', 'second', 'while', 'hurry', 'way',
            'direction', 'spot')

Span = tuple[int, int]


def grounded(skills: Skills, skill: Skill, text: str, copies: Mapping[str, str]) -> Call | Refused:
    """The call with what the words say; refused where they say more, or nothing."""
    if unread(text):
        return Refused(UNHEARD)
    said = [token.text for token in tokens(text)]
    values: dict[str, Scalar] = dict(copies)
    used: set[int] = set()
    for argument in skill.arguments:
        found = list(_mentions(argument, said))
        if len({value for _, value in found}) > 1:
            return Refused(UNHEARD)
        for (start, end), value in found:
            values[argument.name] = value
            used.update(range(start, end))
    if skill.arguments and not values or _unused(skills, said, used) and not copies:
        return Refused(UNHEARD)
    if skill.motion and _moves_a_thing(said, used):
        return Refused(UNHEARD)
    return checked(skills, skill.name, values)


def _mentions(argument: Argument, said: Sequence[str]) -> Iterator[tuple[Span, Scalar]]:
    """Where the words hold a value of an argument; of overlapping ones the first and longest."""
    at = 0
    while at < len(said):
        end, value = _mention(argument, said, at)
        if value is not None:
            yield (at, end), value
        at = max(end, at + 1)


def _mention(argument: Argument, said: Sequence[str], at: int) -> tuple[int, Scalar | None]:
    if argument.kind is ArgumentKind.CHOICE:
        return next(chosen(argument, said, at), (at, None))
    if argument.kind is ArgumentKind.NUMBER:
        with_unit = ((end, value) for end, value in quantities(said, at, argument.unit)
                     if _says_number(said[at:end]))
        return next(with_unit, (at, None))
    return at, None


def _says_number(part: Sequence[str]) -> bool:
    """Not 'a' or 'one' alone, which are no number where the unit may be left out."""
    return len(part) > 1 or part[0] not in (*ARTICLES, *NO_NUMBERS)


def _unused(skills: Skills, said: Sequence[str], used: set[int]) -> bool:
    """A number, a unit, or a name that a choice of any skill has, was said for nothing."""
    rest = [at for at in range(len(said)) if at not in used]
    # 'step back' begins with a verb
    if any(_is_number(said[at]) or at and said[at] in UNIT_WORDS for at in rest):
        return True
    choices = [argument for skill in skills for argument in skill.arguments if argument.choices]
    return any(end > at and not used & set(range(at, end)) for argument in choices for at in rest
               for end, _ in chosen(argument, said, at))


def _moves_a_thing(said: Sequence[str], used: set[int]) -> bool:
    """'drive the nail forward': something else is to be moved, or to be met."""
    return any(word in OTHERS and at + 1 not in used and said[at + 1] not in MEASURES
               for at, word in enumerate(said[:-1]) if at not in used)


def _is_number(word: str) -> bool:
    return (word not in NO_NUMBERS and
            (word[0].isdigit() or word in ONES or word in TENS or word in COUNTS))
