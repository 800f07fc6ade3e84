"""Interface types by name, and messages by field: how a skill's table becomes a message of any
installed package.
"""

from __future__ import annotations

import importlib
import re
from typing import Mapping, Union

from builtin_interfaces.msg import Time

from omni_agent.core.errors import OmniAgentError

Scalar = Union[bool, int, float, str]
Data = Union[Scalar, list, dict]
LONGEST_LIST = 256           # elements that an index may make
SHOWN = 16                   # elements of a list that are worth telling
_INTEGER = re.compile(r'(?P<unsigned>u?)int(?P<bits>\d+)')
_ARRAY = re.compile(r'sequence<(?P<some>[^,>]+)(, \d+)?>|(?P<fixed>.+)\[\d+\]')


class TargetError(OmniAgentError):
    """A skill cannot reach what it is for: the type, the field or the server is not there."""


def interface(name: str) -> type:
    """'geometry_msgs/msg/Twist' -> its class. TargetError that says what to install."""
    package, kind, plain = name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.{kind}'), plain)
    except ModuleNotFoundError as error:
        raise TargetError(
            f'the interface package {package} is not installed: install it '
            f'(apt: ros-$ROS_DISTRO-{package.replace("_", "-")}), then start again') from error
    except AttributeError as error:
        raise TargetError(
            f'{package} is installed, but has no {kind} called {plain}: check the type {name}'
        ) from error


def fill(message: object, fields: Mapping[str, Scalar], stamp: Time) -> None:
    """Dotted fields; a number is an index. Headers get ``stamp``. TargetError for a field that is
    not there.
    """
    _stamp(message, stamp)
    for path, value in fields.items():
        try:
            _set(message, path.split('.'), value)
        except (AssertionError, TypeError, ValueError, OverflowError) as error:
            # also of the message's own checks
            raise TargetError(f'{value!r} cannot go into {path} of {_name(message)}: {error}; '
                              'check the fields of the skill') from error


def _stamp(message: object, stamp: Time) -> None:
    for name, kind in message.get_fields_and_field_types().items():
        if kind == 'std_msgs/Header':
            getattr(message, name).stamp = stamp
        elif '/' in kind and not _ARRAY.fullmatch(kind):
            _stamp(getattr(message, name), stamp)


def _set(message: object, steps: list[str], value: Scalar) -> None:
    kinds = message.get_fields_and_field_types()
    name, rest = steps[0], steps[1:]
    if name not in kinds:
        raise ValueError(f'{_name(message)} has no field {name}, only {", ".join(kinds)}')
    if array := _ARRAY.fullmatch(kinds[name]):
        _set_element(message, name, array['some'] or array['fixed'], rest, value)
    elif rest and '/' in kinds[name]:
        _set(getattr(message, name), rest, value)
    elif rest or '/' in kinds[name]:
        raise ValueError(f'{name} is a {kinds[name]}')
    else:
        setattr(message, name, _converted(kinds[name], value))


def _set_element(message: object, name: str, kind: str, steps: list[str], value: Scalar) -> None:
    if not (steps and steps[0].isdigit() and int(steps[0]) < LONGEST_LIST):
        raise ValueError(f'{name} is a list: write {name}.0, {name}.1 and so on')
    items, at = list(getattr(message, name)), int(steps[0])
    while len(items) <= at:
        items.append(
            interface(kind.replace('/', '/msg/'))() if '/' in kind else _converted(kind, 0))
    if '/' in kind and steps[1:]:
        _set(items[at], steps[1:], value)
    elif '/' in kind or steps[1:]:
        raise ValueError(f'an element of {name} is a {kind}')
    else:
        items[at] = _converted(kind, value)
    setattr(message, name, items)


def _converted(kind: str, value: Scalar) -> Scalar:
    if kind.startswith(('float', 'double')):
        return float(value)
    if whole := _INTEGER.fullmatch(kind):
        return _whole(value, int(whole['bits']), signed=not whole['unsigned'])
    if kind.startswith(('string', 'wstring')):
        return value if isinstance(value, str) else f'{value:g}'
    if kind == 'boolean':
        return bool(value)
    raise TypeError(f'a field of type {kind} cannot be filled from a skill')


def _whole(value: Scalar, bits: int, signed: bool) -> int:
    """The messages themselves do not look, and the middleware would cut the number off."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if (isinstance(value, str) or isinstance(value, float) and not value.is_integer()
            or not low <= value <= high):
        raise ValueError(f'it takes a whole number from {low} to {high}')
    return int(value)


def data(message: object) -> dict[str, Data]:
    """What a message says, as plain data; long lists and bytes are left out."""
    found = {}
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            found[name] = data(value)
        elif isinstance(value, (bool, int, float, str)):
            found[name] = value
        elif not kind.startswith('octet') and len(value) <= SHOWN:
            found[name] = [
                data(item) if hasattr(item, 'get_fields_and_field_types') else _plain(item)
                for item in value
            ]
    return found


def _plain(item: Scalar) -> Scalar:
    """numpy's numbers are in some lists."""
    return item.item() if hasattr(item, 'item') else item


def _name(message: object) -> str:
    return f'{type(message).__module__.split(".")[0]}/{type(message).__name__}'
