"""Values of the core <-> what JSON can hold, lossless: numbers, texts, lists and the classes of
this folder. The only place that makes objects out of a file, and it makes nothing but data.
"""

from __future__ import annotations

import importlib
import math
import numbers
import re
from collections import deque
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Union

from .epoch import EpochGate
from .errors import WireError

TAG = '$'                                # marks what JSON has no word for
# built from their attributes, though they are no dataclasses
PLAIN = (EpochGate,)
MODULE = re.compile(r'[a-z_]+')
SEQUENCES = {'tuple': tuple, 'set': set, 'frozenset': frozenset}
TOLD = {'nan': math.nan, 'inf': math.inf, '-inf': -math.inf}

Json = Union[None, bool, int, float, str, list, dict]


def encode(value: object) -> Json:
    """Numbers, texts, lists and the classes of this folder. Raises WireError for anything else."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return {TAG: _name(type(value)), 'is': value.name}
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else {TAG: 'float', 'is': repr(number)}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, deque):
        return {TAG: 'deque', 'most': value.maxlen, 'of': [encode(item) for item in value]}
    if isinstance(value, tuple(SEQUENCES.values())):
        return {TAG: type(value).__name__, 'of': [encode(item) for item in value]}
    if isinstance(value, dict):
        return {TAG: 'dict', 'of': [[encode(key), encode(item)] for key, item in value.items()]}
    if is_dataclass(value) and not isinstance(value, type):
        return {
            TAG: _name(type(value)),
            **{
                item.name: encode(getattr(value, item.name))
                for item in fields(value)
            }
        }
    if isinstance(value, PLAIN):
        return {
            TAG: _name(type(value)),
            **{
                name: encode(item)
                for name, item in vars(value).items()
            }
        }
    raise WireError(f'a {type(value).__name__} cannot be written into a trace')


def decode(data: Json) -> object:
    """What ``encode`` was given. Raises WireError."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    name = data.get(TAG)
    if name == 'float':
        return TOLD[data['is']]
    if name == 'deque':
        return deque(map(decode, data['of']), maxlen=data['most'])
    if name in SEQUENCES:
        return SEQUENCES[name](map(decode, data['of']))
    if name == 'dict':
        return {decode(key): decode(item) for key, item in data['of']}
    return _object(_class(name), data)


def _object(kind: type, data: dict) -> object:
    try:
        if issubclass(kind, Enum):
            return kind[data['is']]
        return kind(**{name: decode(item) for name, item in data.items() if name != TAG})
    except (KeyError, TypeError) as error:
        raise WireError(
            f'the trace has a {kind.__name__} that this version does not know: {error}') from error


def _name(kind: type) -> str:
    package, _, module = kind.__module__.rpartition('.')
    if package != __package__:
        raise WireError(f'a {kind.__name__} of {kind.__module__} cannot be written into a trace')
    return f'{module}.{kind.__name__}'


def _class(name: object) -> type:
    """Of this folder only, and only what is data: a trace comes from a file."""
    module, _, of = name.partition('.') if isinstance(name, str) else ('', '', '')
    if MODULE.fullmatch(module) and of.isidentifier():
        try:
            found = getattr(importlib.import_module(f'{__package__}.{module}'), of, None)
        except ImportError:
            found = None
        if isinstance(found, type) and (is_dataclass(found) or issubclass(found, (Enum, *PLAIN))):
            return found
    raise WireError(f'the trace has a {name!r} that this version does not know')
