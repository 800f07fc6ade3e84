"""Params dataclasses -> declared ROS parameters with description, type and range."""

from __future__ import annotations

from typing import TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from omni_agent.core.errors import ConfigError
from omni_agent.core.params import Spec, check, specs

P = TypeVar('P')


def declare(node: Node, params: type[P], prefix: str = '') -> P:
    """Declare one parameter a field, named ``prefix.field``, and return the filled dataclass.

    Raises ConfigError for a value outside of its range or of another type. The parameters are
    read-only: a change takes effect at the next start of the node.
    """
    dotted = f'{prefix}.' if prefix else ''
    values = {}
    for spec in specs(params):
        name = f'{dotted}{spec.name}'
        try:
            values[spec.name] = node.declare_parameter(name, spec.default, _descriptor(spec)).value
        except Exception as error:           # rclpy raises half a dozen unrelated types here
            raise ConfigError(f'parameter {name}: {error}. {_allowed(spec)}') from error
    try:
        return check(params(**values))
    except ConfigError as error:
        raise ConfigError(f'parameter {dotted}{error}') from error


def _descriptor(spec: Spec) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=spec.doc, read_only=True)
    if spec.choices:
        descriptor.additional_constraints = 'one of ' + ', '.join(spec.choices)
    if spec.low is not None and isinstance(spec.default, float):
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(spec.low), to_value=float(spec.high))]
    elif spec.low is not None and type(spec.default) is int:
        descriptor.integer_range = [
            IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)]
    return descriptor


def _allowed(spec: Spec) -> str:
    kind = type(spec.default).__name__
    span = f' from {spec.low} to {spec.high}' if spec.low is not None else ''
    return f'It takes a {kind}{span}; default {spec.default!r}'
