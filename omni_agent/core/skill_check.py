"""From a name and JSON to a call, or to a refusal: nothing gets past here that the allow-list does
not hold.

Nothing is corrected: an unknown field, a text for a number or a number out of bounds is refused,
with a sentence that the robot can say. Only an argument marked ``clamp`` is brought into its
bounds.
"""

from __future__ import annotations

import json
import math
from typing import Mapping, Union

from .skill_rules import fits
from .skills import Argument, ArgumentKind, Call, Refused, Scalar, Skill, Skills, spoken

LONGEST_JSON = 4000          # [characters]
HUGE = 1e12                  # no argument is; beyond 1e308 an integer is no float
CLOSE = 1e-9                 # [share] of a bound: what rounding makes of a unit

Json = Union[None, bool, float, str, list, dict]


def check(skills: Skills, name: str, json_text: str) -> Call | Refused:
    """The one door: every call comes through here, whoever asks."""
    skill = skills.get(name)
    if skill is None or not skill.usable:
        return Refused('That is not one of the things that I can do.')
    if len(json_text) > LONGEST_JSON:
        return Refused('That is too long for me.')
    try:
        given = json.loads(json_text or '{}', object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Refused('I did not understand how exactly I should do that.')
    if not isinstance(given, dict):
        return Refused('I did not understand how exactly I should do that.')
    return _checked(skill, given)


def checked(skills: Skills, name: str, arguments: Mapping[str, Scalar]) -> Call | Refused:
    """The same of values that are at hand; they take the same door."""
    return check(skills, name, json.dumps(dict(arguments)))


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Two values of one key: whoever reads it next might take the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError('a key is given twice')
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f'{name} is no number in JSON')


def _checked(skill: Skill, given: Mapping[str, Json]) -> Call | Refused:
    known = [argument.name for argument in skill.arguments]
    unknown = [name for name in given if name not in known]
    if unknown:
        return Refused(
            f'I cannot do that: {_told(skill)} has nothing called {_short(unknown[0])}.')
    arguments: dict[str, Scalar] = {}
    for argument in skill.arguments:
        value = given.get(argument.name, argument.default)
        if value is None and argument.name not in given and argument.optional:
            continue
        value = _clamped(argument, value)
        if not fits(argument, value):
            return Refused(_why(skill, argument, value, argument.name in given))
        assert isinstance(value, (bool, int, float, str))
        arguments[argument.name] = float(value) if argument.kind is ArgumentKind.NUMBER else value
    return _bounded(Call(skill, arguments))


def _clamped(argument: Argument, value: Json) -> Json:
    if (argument.kind is not ArgumentKind.NUMBER or isinstance(value, bool)
            or not isinstance(value, (int, float))):
        return value
    if not abs(value) <= HUGE:               # nor is NaN
        return None
    bounded = min(argument.high, max(argument.low, value))
    return bounded if argument.clamp or math.isclose(bounded, value, rel_tol=CLOSE) else value


def _bounded(call: Call) -> Call | Refused:
    """A way that is too long for its ramp is refused, not cut short."""
    ramp, course = call.skill.target.ramp, call.course()
    if ramp is None or course is None:
        return call
    given = [
        source.argument for source in (ramp.amount, ramp.duration)
        if source and source.argument in call.arguments
    ]
    if len(given) > 1:
        return Refused(f'I cannot do both: either a {given[0]} or a {given[1]}, please.')
    if course.total_s > ramp.longest_s:
        return Refused(
            f'That would take me {course.total_s:.0f} seconds; {ramp.longest_s:g} are the most.')
    return call


def _why(skill: Skill, argument: Argument, value: Json, given: bool) -> str:
    name = argument.name.replace('_', ' ')
    if not given:
        return f'I need to know the {name} for that.'
    if (argument.kind is ArgumentKind.NUMBER and isinstance(value, (int, float))
            and not isinstance(value, bool)):
        bound, word = (argument.low, 'least') if value < argument.low else (argument.high, 'most')
        return f'I cannot do that: {spoken(_rounded(bound), argument.unit)} is the {word}.'
    if argument.kind is ArgumentKind.CHOICE and isinstance(value, str):
        return stranger(argument, value)
    if argument.kind is ArgumentKind.TEXT and isinstance(value, str):
        return f'That is too {"long" if value else "short"} for me.'
    return f'I did not understand the {name}.'


def stranger(argument: Argument, name: str) -> str:
    """What to say to a choice that is not on the list: 'I know no place called attic, only kitchen
    and door.'
    """
    known = [choice.name.replace('_', ' ') for choice in argument.choices]
    some = ', '.join(known[:-1]) + ' and ' + known[-1] if len(known) > 1 else ''.join(known)
    kind = argument.name.replace('_', ' ')
    return f'I know no {kind} called {_short(name)}' + (f', only {some}.' if some else '.')


def _told(skill: Skill) -> str:
    return skill.name.replace('_', ' ')


def _rounded(value: float) -> float:
    return round(value, 3)


def _short(text: str) -> str:
    """A name that a stranger chose is not read out at length, and only its letters and digits."""
    plain = ''.join(char for char in text if char.isalnum() or char in " '_").replace('_', ' ')
    return ' '.join(plain.split())[:40] or 'that'
