"""What the language model is asked about a step that no phrase covers: the only place that words
it.

It names one skill, or none, under a schema that allows nothing else, and copies a text where one
is needed. What comes of that is in core/skill_ground.py.
"""

from __future__ import annotations

import json
from typing import Iterator, Mapping, Sequence

from .prompts import Prompt
from .skills import Argument, ArgumentKind, Skill, Skills

NONE = 'none'
JsonSchema = Mapping[str, object]
HEAD = 'A robot can do these things and no others. Answer with the name of the one that is asked for, or with none.'
_TYPES = {ArgumentKind.NUMBER: 'number', ArgumentKind.TEXT: 'string', ArgumentKind.FLAG: 'boolean'}


def json_schema(skills: Skills) -> JsonSchema:
    """Of whole calls, {'skill': name, argument: value ...}: for tools and for people who write
    skills.
    """
    return {'anyOf': [_call_schema(skill) for skill in skills.usable]}


def _call_schema(skill: Skill) -> JsonSchema:
    known = {argument.name: argument_schema(argument) for argument in skill.arguments}
    required = [argument.name for argument in skill.arguments if argument.required]
    return {'type': 'object', 'description': skill.sentence, 'required': ['skill', *required],
            'properties': {'skill': {'const': skill.name}, **known}, 'additionalProperties': False}


def argument_schema(argument: Argument) -> JsonSchema:
    described = ' '.join(
        part for part in (argument.sentence, f'[{argument.unit}]' if argument.unit else '')
        if part)
    found: dict[str, object] = {'description': described} if described else {}
    if argument.kind is ArgumentKind.CHOICE:
        return found | {'enum': [choice.name for choice in argument.choices]}
    found['type'] = _TYPES[argument.kind]
    if argument.kind is ArgumentKind.NUMBER:
        found |= {'minimum': argument.low, 'maximum': argument.high}
    if argument.kind is ArgumentKind.TEXT:
        found |= {'minLength': int(argument.low), 'maxLength': int(argument.high)}
    return found


# -- which skill ----------------------------------------------------------------------------------


def names_schema(skills: Skills) -> JsonSchema:
    return {'enum': [*(skill.name for skill in skills.usable), NONE]}


def prompt(skills: Skills, foreign: Sequence[str] = ()) -> Prompt:
    """The skills with their sentences, then examples as turns; ``foreign`` are examples of what no
    skill does.
    """
    lines = [f'{skill.name}: {skill.sentence}' for skill in skills.usable]
    system = '\n'.join([HEAD, *lines, f'{NONE}: anything else'])
    return (('system', system), *_turns(skills, foreign))


def _turns(skills: Skills, foreign: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Round by round, so that no answer follows itself."""
    wordings = ([(skill.name, list(skill.examples))
                 for skill in skills.usable] + [(NONE, list(foreign))])
    for at in range(max(len(texts) for _, texts in wordings)):
        for name, texts in wordings:
            if at < len(texts):
                yield 'user', texts[at]
                yield 'assistant', json.dumps(name)


def named(skills: Skills, reply: str) -> Skill | None:
    """The skill that a reply names; None for 'none' and for anything that is no name of one."""
    try:
        name = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    found = skills.get(name) if isinstance(name, str) else None
    return found if found and found.usable else None


# -- its texts ------------------------------------------------------------------------------------


def texts_schema(skill: Skill) -> JsonSchema | None:
    """None where the words are enough."""
    wanted = {argument.name: argument_schema(argument) for argument in skill.arguments
              if argument.kind is ArgumentKind.TEXT and argument.required}
    return {'type': 'object', 'properties': wanted, 'required': list(wanted),
            'additionalProperties': False} if wanted else None


def texts_prompt(skill: Skill, text: str) -> Prompt:
    wanted = ', '.join(f'{argument.name}: {argument.sentence}' for argument in skill.arguments
                       if argument.kind is ArgumentKind.TEXT)
    return (('system', f'Copy from the sentence, word by word, as JSON: {wanted}.'), ('user',
                                                                                      text))


def copied(text: str, reply: str) -> dict[str, str]:
    """The texts of a reply that are really in what was said, as they were said; nothing for
    anything else.
    """
    try:
        found = json.loads(reply)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: text[at:at + len(part)] for name, part in found.items()
            if isinstance(part, str) and part and (at := text.lower().find(part.lower())) >= 0}
