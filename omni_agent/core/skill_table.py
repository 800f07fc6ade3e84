"""Parsed YAML -> skills; the only place that knows how a skill is written down.

    drive:
      sentence: drive straight ahead or back
      arguments:
        distance: {kind: number, unit: m, low: 0.05, high: 5, optional: true}
      phrases: ['drive {distance}', {say: 'come closer', distance: 0.5}]
      target: {topic: cmd_vel, type: geometry_msgs/msg/Twist, fields: {linear.x: 0.1}}

A value of a field is a literal, '{argument}', '{argument.member}' of a choice, or a table with
``from``, ``scale`` and ``function``. A later file is laid over the earlier ones (``laid_over``):
it may change one number of a shipped skill.
"""

from __future__ import annotations

import math
import re
from typing import Mapping

from .checked_table import FieldError, Table, Value
from .skill_rules import fault
from .skills import (OWN, Argument, ArgumentKind, Choice, Function, Phrase, Ramp, Scalar, Skill,
                     Skills, Source, Target, TargetKind)

VERSION = 1
NAME = re.compile(r'[a-z][a-z0-9_]{0,39}')
LIKE_A_NAME = "a name like 'go_to'"
LONGEST_TEXT = 200.0         # [characters] of a text argument, unless the file says less
LONGEST_S = 3600.0
_REFERENCE = re.compile(r'\{(\w+)(?:\.(\w+))?\}')
_RESERVED = ('also',)        # of a choice: everything else belongs to it


def laid_over(below: Value, above: Value) -> Value:
    """Tables are merged key by key, everything else is replaced; ``false`` takes an entry away."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    both = dict(below)
    for key, value in above.items():
        if value is False and isinstance(below.get(key), dict):
            del both[key]
        else:
            both[key] = laid_over(below.get(key), value)
    return both


def parse(data: Value) -> Skills:
    """Raises FieldError."""
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    found = [_skill(name, one) for name, one in table.named_tables('skills')]
    table.finish()
    return Skills(found)


def _skill(name: str, table: Table) -> Skill:
    if not NAME.fullmatch(name):
        raise FieldError(table.where, f"'{name}' is not {LIKE_A_NAME}")
    found = Skill(name, table.text('sentence'), _target(table.table('target')), _arguments(table),
                  tuple(_phrase(item) for item in table.texts('phrases')),
                  _texts(table, 'examples'), table.flag('confirm', False),
                  table.flag('motion', False), table.text('says', ''), table.text('done', ''),
                  table.text('failed', ''))
    table.finish()
    if problem := fault(found):
        raise FieldError(table.where, problem)
    return found


def _texts(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key)
    if any(not isinstance(item, str) for item in found):
        raise FieldError(table.where + (key,), 'must be a list of texts')
    return tuple(item for item in found if isinstance(item, str))


def _phrase(item: Table | str) -> Phrase:
    if isinstance(item, str):
        return Phrase(item)
    settled = {key: item.scalar(key) for key in item.keys() if key != 'say'}
    found = Phrase(item.text('say'), {
        key: value
        for key, value in settled.items() if value is not None
    })
    item.finish()
    return found


# -- arguments ------------------------------------------------------------------------------------


def _arguments(table: Table) -> tuple[Argument, ...]:
    if not table.holds_table('arguments'):
        table.table('arguments').finish()
        return ()
    return tuple(_argument(name, one) for name, one in table.named_tables('arguments'))


def _argument(name: str, table: Table) -> Argument:
    if not NAME.fullmatch(name):
        raise FieldError(table.where, f"'{name}' is not {LIKE_A_NAME}")
    kind = ArgumentKind(table.choice('kind', [kind.value for kind in ArgumentKind], None))
    low, high = _bounds(kind, table)
    found = Argument(name, kind, table.text('sentence', ''), table.text('unit', ''), low, high,
                     _choices(table) if kind is ArgumentKind.CHOICE else (),
                     table.scalar('default'), table.flag('optional', False),
                     table.flag('clamp', False))
    table.finish()
    return found


def _bounds(kind: ArgumentKind, table: Table) -> tuple[float, float]:
    if kind is ArgumentKind.NUMBER:          # a number without limits is a skill without limits
        return table.number('low', None, -1e9, 1e9), table.number('high', None, -1e9, 1e9)
    if kind is ArgumentKind.TEXT:
        return table.number('low', 1, 0, LONGEST_TEXT), table.number('high', LONGEST_TEXT, 1,
                                                                     LONGEST_TEXT)
    return -math.inf, math.inf


def _choices(table: Table) -> tuple[Choice, ...]:
    return tuple(_choice(name, one) for name, one in table.named_tables('choices'))


def _choice(name: str, table: Table) -> Choice:
    also = tuple(part.strip() for part in table.text('also', '').split(',') if part.strip())
    data = {key: table.scalar(key) for key in table.keys() if key not in _RESERVED}
    table.finish()
    return Choice(name, also, {key: value for key, value in data.items() if value is not None})


# -- targets --------------------------------------------------------------------------------------


def _target(table: Table) -> Target:
    named = [kind for kind in TargetKind if kind.value in table.keys()]
    if len(named) != 1:
        raise FieldError(table.where,
                         f'needs one of {", ".join(kind.value for kind in TargetKind)}')
    kind, = named
    if kind is TargetKind.OWN:
        found = Target(kind, Source(table.choice('own', OWN, None)))
    else:
        found = Target(kind, _source(table, kind.value), table.text('type'),
                       _fields(table.table('fields')), table.number('rate_hz', 0.0, 0.0, 200.0),
                       table.number('timeout_s', 10.0, 0.1, LONGEST_S),
                       _ramp(table.table('ramp')) if table.holds_table('ramp') else None)
    table.finish()
    return found


def _fields(table: Table) -> Mapping[str, Source]:
    found = {name: _source(table, name) for name in table.keys()}
    table.finish()
    return found


def _ramp(table: Table) -> Ramp:
    found = Ramp(table.text('field'), _source(table, 'speed'),
                 _maybe_source(table, 'sign') or Source(1.0), _maybe_source(table, 'amount'),
                 _maybe_source(table, 'duration'), table.number('otherwise', 0.0, 0.0, 1e6),
                 table.number('acceleration', None, 1e-3, 1e3),
                 table.number('longest_s', None, 0.1, LONGEST_S))
    table.finish()
    return found


def _maybe_source(table: Table, key: str) -> Source | None:
    return _source(table, key) if key in table.keys() else None


def _source(table: Table, key: str) -> Source:
    if not table.holds_table(key):
        value = table.scalar(key)
        if value is None:
            raise FieldError(table.where, f"'{key}' is missing")
        return _reference(value, table.where + (key,))
    part = table.table(key)
    plain = _reference(part.text('from'), part.where)
    found = Source(
        plain.literal, plain.argument, plain.member, part.number('scale', 1.0, -1e6, 1e6),
        Function(part.choice('function', [item.value for item in Function], Function.SAME.value)))
    part.finish()
    return found


def _reference(value: Scalar, where: tuple) -> Source:
    if not isinstance(value, str) or not (match := _REFERENCE.fullmatch(value)):
        if isinstance(value, str) and '{' in value:
            raise FieldError(where,
                             f"'{value}' mixes text and an argument: write '{{argument}}' alone")
        return Source(value)
    return Source(argument=match[1], member=match[2] or '')
