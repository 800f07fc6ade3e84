"""How a parameter says its default, range and meaning; the shells make ROS parameters of it.

What is ``live`` may be changed while the node runs. Whoever holds such parameters reads them where
they are used and keeps no copy: ``renew`` changes the one object that everybody holds. ``LIVE =
True`` in a class is for all its fields.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Mapping, Sequence, TypeVar, Union

from .errors import ConfigError

P = TypeVar('P')
Value = Union[bool, int, float, str]


def param(
        default: Value,
        doc: str,  # noqa: ANN201 (a dataclass field)
        low: float | None = None,
        high: float | None = None,
        choices: Sequence[str] = (),
        live: bool | None = None):
    """A dataclass field with the range [low, high] or the allowed ``choices``."""
    return field(
        default=default, metadata={
            'doc': doc,
            'low': low,
            'high': high,
            'choices': tuple(choices),
            'live': live
        })


@dataclass(frozen=True)
class Spec:
    """One parameter as its users see it."""

    name: str
    default: Value
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    live: bool = False           # acts at once when it is changed


def specs(params: type[object]) -> tuple[Spec, ...]:
    """Every parameter of a params dataclass, in order of definition."""
    live = getattr(params, 'LIVE', False)
    return tuple(_spec(item, live) for item in fields(params))  # type: ignore[arg-type]


def _spec(item: Field, live: bool) -> Spec:
    assert item.default is not MISSING, f'parameter {item.name} has no default'
    meta = item.metadata
    return Spec(item.name, item.default, meta['doc'], meta['low'], meta['high'], meta['choices'],
                live if meta['live'] is None else meta['live'])


def check(params: P) -> P:
    """Return ``params``; raises ConfigError naming the first value outside of its range."""
    for spec in specs(type(params)):
        refuse(spec, getattr(params, spec.name))
    return params


def renewed(params: P, changes: Mapping[str, Value]) -> P:
    """A checked copy with those changes; raises ConfigError."""
    return check(replace(params, **changes))  # type: ignore[type-var]


def renew(params: object, changes: Mapping[str, Value]) -> None:
    """Change what everybody holds who was given ``params``, and reads it at its next use.

    The only place where a frozen object changes: a second object would have to find its way into
    every machine that was built on the first one.
    """
    for name, value in changes.items():
        object.__setattr__(params, name, value)


def refuse(spec: Spec, value: Value) -> None:
    """Raise ConfigError unless ``value`` is allowed for ``spec``."""
    if spec.choices and value not in spec.choices:
        raise ConfigError(f'{spec.name}: {value!r} is not one of {", ".join(spec.choices)}')
    low = -math.inf if spec.low is None else spec.low
    high = math.inf if spec.high is None else spec.high
    if not isinstance(value, str) and not low <= value <= high:
        raise ConfigError(f'{spec.name}: {value} is outside of {low} to {high}')
