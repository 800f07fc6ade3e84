"""The parameters of a running node as ``ros2 param`` sees them: by services, for tests."""

from __future__ import annotations

import time
from typing import Mapping

from ros_bench import Bench

from rcl_interfaces.msg import (Parameter, ParameterDescriptor, ParameterType, ParameterValue,
                                SetParametersResult)
from rcl_interfaces.srv import (DescribeParameters, GetParameters, ListParameters, SetParameters,
                                SetParametersAtomically)
from rclpy.client import Client

FIELDS = {
    ParameterType.PARAMETER_BOOL: ('bool_value', bool),
    ParameterType.PARAMETER_INTEGER: ('integer_value', int),
    ParameterType.PARAMETER_DOUBLE: ('double_value', float),
    ParameterType.PARAMETER_STRING: ('string_value', str)
}
PATIENCE_S = 3.0
OF_RCLPY = ('use_sim_time', 'start_type_description_service')

Value = object


class ParameterServices:
    """Of the node with that name, which may be preceded by its namespace."""

    def __init__(self, bench: Bench, node: str) -> None:
        self.bench, self.node = bench, node
        self._clients: list = []

    def _call(self, kind: type, service: str, **fields: object) -> object:
        client = self.bench.node.create_client(kind, f'/{self.node}/{service}')
        try:
            self.bench.until(client.service_is_ready, f'{self.node}/{service}')
            return ask(self.bench, client, kind.Request(**fields),
                       f'an answer of {self.node}/{service}')
        finally:
            self.bench.node.destroy_client(client)

    def names(self) -> list[str]:
        return sorted(self._call(ListParameters, 'list_parameters', depth=0).result.names)

    def describe(self, names: list[str]) -> list[ParameterDescriptor]:
        return list(self._call(DescribeParameters, 'describe_parameters', names=names).descriptors)

    def values(self) -> dict[str, Value]:
        names = self.names()
        answer = self._call(GetParameters, 'get_parameters', names=names)
        return {
            name: getattr(value, FIELDS[value.type][0])
            for name, value in zip(names, answer.values)
        }

    def set(self, **values: Value) -> list[SetParametersResult]:
        """One at a time; a dot in a name is written as a double underscore."""
        return list(
            self._call(SetParameters, 'set_parameters', parameters=_parameters(values)).results)

    def set_at_once(self, **values: Value) -> SetParametersResult:
        return self._call(SetParametersAtomically, 'set_parameters_atomically',
                          parameters=_parameters(values)).result

    def dump(self) -> dict:
        """What ``ros2 param dump`` writes: names nested at their dots, below the node's full
        name.
        """
        tree: dict = {}
        for name, value in self.values().items():
            *path, leaf = name.split('.')
            branch = tree
            for step in path:
                branch = branch.setdefault(step, {})
            branch[leaf] = value
        return {f'/{self.node}': {'ros__parameters': tree}}


def ask(bench: Bench, client: Client, request: object, what: str) -> object:
    """Once more after a while: an answer is lost if the node has not found this client yet."""
    asked = []

    def answered() -> list:
        if not asked or time.monotonic() - asked[-1][0] > PATIENCE_S:
            asked.append((time.monotonic(), client.call_async(request)))
        return [future for _, future in asked if future.done()]
    return bench.until(answered, what)[0].result()


def _parameters(values: Mapping[str, Value]) -> list[Parameter]:
    return [
        Parameter(name=name.replace('__', '.'), value=_value(value))
        for name, value in values.items()
    ]


def _value(value: Value) -> ParameterValue:
    kind, field = next(
        (kind, field) for kind, (field, python) in FIELDS.items() if type(value) is python)
    return ParameterValue(type=kind, **{field: value})
