"""Params dataclasses -> declared ROS parameters with description, type and range, and what becomes
of a change.

A ``live`` parameter acts at once: the object that ``declare`` gave out is renewed. Any other is
refused with what to do instead, except while nothing is made of it (``Tuning.open``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Generic, Iterator, TypeVar
from weakref import WeakKeyDictionary

from rcl_interfaces.msg import (FloatingPointRange, IntegerRange, ParameterDescriptor,
                                SetParametersResult)
from rclpy.node import Node
from rclpy.parameter import Parameter

from omni_agent.core.errors import ConfigError
from omni_agent.core.params import Spec, Value, check, renew, renewed, specs

P = TypeVar('P')
RESTART = 'set it in a parameter file, or with -p {name}:={value}, and start the node anew'
CLEAN_UP = 'deactivate and clean up the node first, or ' + RESTART


@dataclass(frozen=True)
class Declared(Generic[P]):
    """The parameters ``prefix.*`` of a node, as somebody holds them; ``changed`` is for what was
    derived from them.
    """

    prefix: str
    params: P
    changed: Callable[[P], None] | None

    def spec(self, name: str) -> Spec | None:
        if not name.startswith(self.prefix):
            return None
        return next((spec for spec in specs(type(self.params)) if self.prefix + spec.name == name),
                    None)


class Tuning:
    """Changes of one node's parameters, on its executor thread: all of a request, or none."""

    def __init__(self, node: Node) -> None:
        self.declared: list[Declared] = []
        self.fixed: list[Declared] = []      # for as long as the process runs
        self.open = False                    # nothing is made of them: all may be changed
        self.remedy = RESTART
        # Humble has only the first kind of callback
        self._applies_later = hasattr(node, 'add_post_set_parameters_callback')
        node.add_on_set_parameters_callback(self._check)
        if self._applies_later:
            node.add_post_set_parameters_callback(self._apply)

    def begin(self, is_open: bool) -> None:
        """Nobody holds anything any more; the next declarations read what is set by then."""
        self.declared.clear()
        self.open = is_open

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            for one, changes in self._changes(parameters):
                self._admit_together(one, changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not self._applies_later:
            self._apply(parameters)
        return SetParametersResult(successful=True)

    def _admit_together(self, one: Declared, changes: dict[str, Value]) -> None:
        try:
            renewed(one.params, changes)
        except ConfigError as error:
            raise ConfigError(f'{one.prefix}{error}') from error
        for name, value in changes.items():
            self._admit(one, name, value)

    def _admit(self, one: Declared, name: str, value: Value) -> None:
        spec = one.spec(one.prefix + name)
        assert spec is not None
        is_fixed = one in self.fixed
        if not (spec.live or (self.open and not is_fixed) or value == getattr(one.params, name)):
            remedy = RESTART if is_fixed else self.remedy
            raise ConfigError(f'{one.prefix}{name} is read when the node starts: ' +
                              remedy.format(name=one.prefix +
                                            name, value=value if value != '' else "''"))

    def _apply(self, parameters: list[Parameter]) -> None:
        for one, changes in self._changes(parameters):
            changes = {
                name: value
                for name, value in changes.items() if value != getattr(one.params, name)
            }
            renew(one.params, changes)
            if changes and one.changed is not None:
                one.changed(one.params)

    def _changes(self, parameters: list[Parameter]) -> Iterator[tuple[Declared, dict[str, Value]]]:
        for one in (*self.fixed, *self.declared):
            found = {spec.name: parameter.value for parameter in parameters
                     if (spec := one.spec(parameter.name)) is not None}
            if found:
                yield one, found


_tunings: WeakKeyDictionary[Node, Tuning] = WeakKeyDictionary()


def tuning(node: Node) -> Tuning:
    """The one of this node."""
    if node not in _tunings:
        _tunings[node] = Tuning(node)
    return _tunings[node]


def declare(node: Node, params: type[P], prefix: str = '',
            changed: Callable[[P], None] | None = None, fixed: bool = False) -> P:
    """Declare one parameter a field, named ``prefix.field``, and return the filled dataclass.

    What is live changes in it later, between two callbacks of the executor thread; then
    ``changed`` is called with it. What is ``fixed`` belongs to the process, not to a box on its
    node. Raises ConfigError for a value outside of its range or of another type. What was declared
    before is read again.
    """
    dotted = f'{prefix}.' if prefix else ''
    values = {spec.name: _declare(node, f'{dotted}{spec.name}', spec) for spec in specs(params)}
    try:
        filled = check(params(**values))
    except ConfigError as error:
        raise ConfigError(f'parameter {dotted}{error}') from error
    known = tuning(node)
    (known.fixed if fixed else known.declared).append(Declared(dotted, filled, changed))
    return filled


def _declare(node: Node, name: str, spec: Spec) -> Value:
    if node.has_parameter(name):
        return node.get_parameter(name).value
    try:
        return node.declare_parameter(name, spec.default, _descriptor(spec)).value
    except Exception as error:           # rclpy raises half a dozen unrelated types here
        raise ConfigError(f'parameter {name}: {error}. {_allowed(spec)}') from error


def _descriptor(spec: Spec) -> ParameterDescriptor:
    # not read_only: rclpy would refuse a change without saying what to do
    limits = ['one of ' + ', '.join(spec.choices)] if spec.choices else []
    limits += [] if spec.live else ['read when the node starts']
    descriptor = ParameterDescriptor(description=spec.doc,
                                     additional_constraints='; '.join(limits))
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
