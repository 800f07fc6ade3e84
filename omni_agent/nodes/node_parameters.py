"""The parameters of other nodes, read through their services as ``ros2 param dump`` does."""

from __future__ import annotations

from typing import Callable

from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from omni_agent.core.left_out import HIDDEN, is_secret

VALUES = {
    ParameterType.PARAMETER_BOOL: 'bool_value',
    ParameterType.PARAMETER_INTEGER: 'integer_value',
    ParameterType.PARAMETER_DOUBLE: 'double_value',
    ParameterType.PARAMETER_STRING: 'string_value',
    ParameterType.PARAMETER_BOOL_ARRAY: 'bool_array_value',
    ParameterType.PARAMETER_INTEGER_ARRAY: 'integer_array_value',
    ParameterType.PARAMETER_DOUBLE_ARRAY: 'double_array_value',
    ParameterType.PARAMETER_STRING_ARRAY: 'string_array_value'
}
Values = dict


class ParameterReader:
    """Asks one node once; ``on_values`` gets what ``ros2 param dump`` would print of it."""

    def __init__(self, node: Node, target: str, on_values: Callable[[str, Values], None]) -> None:
        self._node, self._target, self._on_values = node, target, on_values
        self._list = node.create_client(ListParameters, f'{target}/list_parameters')
        self._get = node.create_client(GetParameters, f'{target}/get_parameters')
        self._asked = False

    def poll(self) -> None:
        """Ask as soon as the node can answer."""
        if not self._asked and self._list.service_is_ready() and self._get.service_is_ready():
            self._asked = True
            self._list.call_async(ListParameters.Request()).add_done_callback(self._on_names)

    def _on_names(self, done: Future) -> None:
        names = sorted(done.result().result.names)
        self._get.call_async(GetParameters.Request(names=names)).add_done_callback(
            lambda got: self._on_got(names, got))

    def _on_got(self, names: list[str], done: Future) -> None:
        values = {name: HIDDEN if is_secret(name) else plain(value)
                  for name, value in zip(names, done.result().values) if value.type in VALUES}
        self._on_values(self._target, {self._target: {'ros__parameters': nested(values)}})

    def close(self) -> None:
        for client in (self._list, self._get):
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self._node.destroy_client(client)


def plain(value: ParameterValue) -> object:
    found = getattr(value, VALUES[value.type])
    return found if isinstance(found, (bool, int, float, str)) else list(found)


def nested(values: Values) -> Values:
    """{'turn.judge_s': 1.0} -> {'turn': {'judge_s': 1.0}}, as parameter files are written."""
    tree: Values = {}
    for name, value in values.items():
        *folders, last = name.split('.')
        branch = tree
        for folder in folders:
            branch = branch.setdefault(folder, {})
        branch[last] = value
    return tree
