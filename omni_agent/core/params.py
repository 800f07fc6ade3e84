"""How a parameter says its default, range and meaning; the shells make ROS parameters of it."""

from __future__ import annotations

import math
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Sequence, TypeVar

from .errors import ConfigError

P = TypeVar('P')


def param(default: bool | int | float | str, doc: str,  # noqa: ANN201 (a dataclass field)
          low: float | None = None, high: float | None = None, choices: Sequence[str] = ()):
    """A dataclass field with the range [low, high] or the allowed ``choices``."""
    return field(default=default,
                 metadata={'doc': doc, 'low': low, 'high': high, 'choices': tuple(choices)})


@dataclass(frozen=True)
class Spec:
    """One parameter as its users see it."""

    name: str
    default: bool | int | float | str
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def specs(params: type[object]) -> tuple[Spec, ...]:
    """Every parameter of a params dataclass, in order of definition."""
    return tuple(_spec(item) for item in fields(params))  # type: ignore[arg-type]


def _spec(item: Field) -> Spec:
    assert item.default is not MISSING, f'parameter {item.name} has no default'
    meta = item.metadata
    return Spec(item.name, item.default, meta['doc'], meta['low'], meta['high'], meta['choices'])


def check(params: P) -> P:
    """Return ``params``; raises ConfigError naming the first value outside of its range."""
    for spec in specs(type(params)):
        refuse(spec, getattr(params, spec.name))
    return params


def refuse(spec: Spec, value: bool | int | float | str) -> None:
    """Raise ConfigError unless ``value`` is allowed for ``spec``."""
    if spec.choices and value not in spec.choices:
        raise ConfigError(f'{spec.name}: {value!r} is not one of {", ".join(spec.choices)}')
    low = -math.inf if spec.low is None else spec.low
    high = math.inf if spec.high is None else spec.high
    if not isinstance(value, str) and not low <= value <= high:
        raise ConfigError(f'{spec.name}: {value} is outside of {low} to {high}')
