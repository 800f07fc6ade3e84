"""What makes a skill a safe and complete one, wherever it comes from: the only place that says
so.
"""

from __future__ import annotations

import re
import string
from typing import Iterator

from .skill_phrases import PatternError, read, slots
from .skills import Argument, ArgumentKind, Function, Skill, Source, TargetKind

_TYPES = {TargetKind.TOPIC: 'msg', TargetKind.SERVICE: 'srv', TargetKind.ACTION: 'action'}
_TYPE = r'[a-z][a-z0-9_]*/{}/[A-Z][A-Za-z0-9]*'
_ROS_NAME = re.compile(r'[~/]?[A-Za-z_][A-Za-z0-9_/]*')
_WHY = 'why'


def fault(skill: Skill) -> str:
    """What is wrong with a skill, '' if nothing is."""
    return next(_faults(skill), '')


def _faults(skill: Skill) -> Iterator[str]:
    names = [argument.name for argument in skill.arguments]
    if len(set(names)) < len(names):
        yield 'has two arguments of one name'
    for argument in skill.arguments:
        yield from (f"argument '{argument.name}' {problem}"
                    for problem in _argument_faults(argument))
    for source in _sources(skill):
        yield from _source_faults(skill, source)
    yield from _target_faults(skill)
    yield from _phrase_faults(skill)
    yield from _sentence_faults(skill)


def _argument_faults(argument: Argument) -> Iterator[str]:
    if argument.low > argument.high:
        yield f'has a low ({argument.low:g}) above its high ({argument.high:g})'
    if argument.clamp and argument.kind is not ArgumentKind.NUMBER:
        yield 'cannot be clamped: it is no number'
    if argument.optional and argument.default is not None:
        yield 'is optional and has a default: keep one of them'
    if len({choice.name for choice in argument.choices}) < len(argument.choices):
        yield 'has two choices of one name'
    if argument.default is not None and not fits(argument, argument.default):
        yield f"has a default that it would refuse: '{argument.default}'"


def fits(argument: Argument, value: object) -> bool:
    """True if a value is of the argument's kind and within its bounds."""
    if argument.kind is ArgumentKind.FLAG:
        return isinstance(value, bool)
    if argument.kind is ArgumentKind.NUMBER:         # NaN is between no bounds
        return (isinstance(value, (int, float)) and not isinstance(value, bool)
                and argument.low <= value <= argument.high)
    if not isinstance(value, str):
        return False
    if argument.kind is ArgumentKind.CHOICE:
        return argument.choice(value) is not None
    return (argument.low <= len(value.strip()) <= len(value) <= argument.high
            and value.isprintable())


def _sources(skill: Skill) -> Iterator[Source]:
    target = skill.target
    yield target.name
    yield from target.fields.values()
    if target.ramp:
        yield from (source for source in (target.ramp.speed, target.ramp.sign, target.ramp.amount,
                                          target.ramp.duration) if source)


def _source_faults(skill: Skill, source: Source) -> Iterator[str]:
    if not source.argument:
        return
    if source.argument not in [argument.name for argument in skill.arguments]:
        yield f"has no argument '{source.argument}', which its target names"
        return
    argument = skill.argument(source.argument)
    lacking = [
        choice.name for choice in argument.choices
        if source.member and source.member not in choice.data
    ]
    if source.member and argument.kind is not ArgumentKind.CHOICE:
        yield f"'{argument.name}.{source.member}': only a choice has more than its name"
    elif lacking:
        yield f"'{lacking[0]}' has no '{source.member}', which the target names"
    elif (source.function is not Function.SAME
          and argument.kind in (ArgumentKind.TEXT, ArgumentKind.FLAG)):
        yield f"'{argument.name}' is no number: it has no {source.function.value}"


def _target_faults(skill: Skill) -> Iterator[str]:
    target = skill.target
    if target.kind is TargetKind.OWN:
        return
    if not re.fullmatch(_TYPE.format(_TYPES[target.kind]), target.type):
        yield f"the type '{target.type}' is not like 'package/{_TYPES[target.kind]}/Name'"
    yield from _name_faults(skill, target.name)
    if (bool(target.ramp) != (target.rate_hz > 0)
            or target.ramp and target.kind is not TargetKind.TOPIC):
        yield 'a ramp needs a topic and its rate_hz, and a rate_hz needs a ramp'
    if target.ramp:
        yield from _ramp_faults(skill)


def _name_faults(skill: Skill, source: Source) -> Iterator[str]:
    """Where a call goes is written in the file, never said by somebody."""
    named = [source.literal]
    if source.argument:
        argument = skill.argument(source.argument)
        if argument.kind is not ArgumentKind.CHOICE:
            yield f"the target's name comes from '{argument.name}', which is no choice: anything could be reached"
            return
        named = [
            choice.data.get(source.member) if source.member else choice.name
            for choice in argument.choices
        ]
    yield from (f"'{name}' is no name of a topic, service or action" for name in named
                if not isinstance(name, str) or not _ROS_NAME.fullmatch(name))


def _ramp_faults(skill: Skill) -> Iterator[str]:
    ramp = skill.target.ramp
    assert ramp
    if not skill.motion:
        yield "has a ramp: write 'motion: true', so that a stop ends it"
    if (not ramp.otherwise
            and not any(_always_there(skill, source) for source in (ramp.amount, ramp.duration))):
        yield "the ramp ends nowhere where neither amount nor duration is given: say 'otherwise' how far"
    for source in (ramp.speed, ramp.amount, ramp.duration):
        if source and not _positive(skill, source):
            yield 'speed, amount and duration of a ramp are above 0: its sign says which way'


def _always_there(skill: Skill, source: Source | None) -> bool:
    return (source is not None
            and not (source.argument and skill.argument(source.argument).optional))


def _positive(skill: Skill, source: Source) -> bool:
    if not source.argument:
        return isinstance(source.literal, (int, float)) and source.literal > 0
    argument = skill.argument(source.argument)
    return argument.kind is ArgumentKind.NUMBER and argument.low > 0 and source.scale > 0


def _phrase_faults(skill: Skill) -> Iterator[str]:
    required = {argument.name for argument in skill.arguments if argument.required}
    known = {argument.name for argument in skill.arguments}
    for phrase in skill.phrases:
        try:
            named = slots(read(phrase.pattern))
        except PatternError as error:
            yield f'a phrase {error}'
            return
        if unknown := (named | set(phrase.settles)) - known:
            yield f"has no argument '{min(unknown)}', which '{phrase.pattern}' names"
        elif missing := required - named - set(phrase.settles):
            yield f"'{phrase.pattern}' does not say what '{min(missing)}' is"
        elif wrong := [
                name for name, value in phrase.settles.items()
                if not fits(skill.argument(name), value)
        ]:
            yield f"'{phrase.pattern}' sets '{wrong[0]}' to what it would refuse"


def _sentence_faults(skill: Skill) -> Iterator[str]:
    known = {argument.name for argument in skill.arguments}
    for text, allowed in ((skill.says, known), (skill.done, known), (skill.failed,
                                                                     known | {_WHY})):
        try:
            named = [(name, form) for _, name, form, _ in string.Formatter().parse(text)
                     if name is not None]
        except ValueError as error:
            yield f"'{text}': {error}"
            continue
        yield from (f"'{{{name}}}' in '{text}' is no argument" for name, form in named
                    if name not in allowed or form)
