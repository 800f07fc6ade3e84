"""What a parameter says of itself, and what becomes of it when it is changed while somebody holds
it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Iterator

import pytest

from omni_agent import graph
from omni_agent.core.errors import ConfigError
from omni_agent.core.params import param, renew, renewed, specs

NODES = [spec.name for spec in (*graph.GRAPH, *graph.OPTIONAL)]


@dataclass(frozen=True)
class Mixed:
    patience_s: float = param(2.0, 'how long [s]', 0.5, 10.0, live=True)
    count: int = param(3, 'how many', 1, 5, live=True)
    manner: str = param('wait', 'how', choices=('wait', 'drop'), live=True)
    device: str = param('', 'where')


@dataclass(frozen=True)
class Lively:
    LIVE = True

    share: float = param(0.5, 'of it', 0.0, 1.0)
    name: str = param('robot', 'read once', live=False)


def test_live_is_said_by_a_field_or_by_its_class() -> None:
    assert [spec.live for spec in specs(Mixed)] == [True, True, True, False]
    assert [(spec.name, spec.live) for spec in specs(Lively)] == [('share', True), ('name', False)]


def test_whoever_holds_parameters_sees_them_change() -> None:
    held = Mixed()
    renew(held, {'patience_s': 1.0})
    assert held.patience_s == 1.0 and held.count == 3
    copy = renewed(held, {'count': 5})
    assert (copy.count, held.count) == (5, 3)
    with pytest.raises(ConfigError, match='0.5 to 10.0'):
        renewed(held, {'patience_s': 11.0})


@pytest.mark.parametrize('node', NODES)
def test_every_number_has_a_range_and_everything_a_meaning(node: str) -> None:
    pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
    for _, params in importlib.import_module(f'omni_agent.nodes.{node}').PARAMETERS:
        for spec in specs(params):
            is_number = (isinstance(spec.default, (int, float))
                         and not isinstance(spec.default, bool))
            assert len(spec.doc) > 3 and (spec.low is not None and spec.high is not None
                                          or not is_number), spec


# -- in a node, without a process -----------------------------------------------------------------


@pytest.fixture
def node() -> Iterator[object]:
    rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
    context = rclpy.Context()
    rclpy.init(args=['--ros-args', '-p', 'sub.patience_s:=4.0'], context=context)
    made = rclpy.create_node('parameters', context=context)
    yield made
    made.destroy_node()
    rclpy.shutdown(context=context)


def change(node: object, **values: object) -> list:
    from rclpy.parameter import Parameter
    return node.set_parameters(
        [Parameter(f'sub.{name}', value=value) for name, value in values.items()])


def test_what_is_live_changes_for_its_holder_and_what_was_derived_from_it_is_told(
        node: object) -> None:
    from omni_agent.nodes.parameters import declare
    told: list[float] = []
    held = declare(node, Mixed, 'sub', lambda params: told.append(params.patience_s))
    assert held.patience_s == 4.0 and not told
    assert all(result.successful for result in change(node, patience_s=1.5, manner='drop'))
    assert (held.patience_s, held.manner, told) == (1.5, 'drop', [1.5, 1.5])
    change(node, patience_s=1.5)
    assert len(told) == 2                        # nothing changed


def test_what_is_not_live_or_not_allowed_is_refused_with_a_reason(node: object) -> None:
    from rclpy.parameter import Parameter

    from omni_agent.nodes.parameters import declare
    held = declare(node, Mixed, 'sub')
    reasons = [
        result.reason
        for result in change(node, device='mic', count=9, manner='shout', patience_s=1)
    ]
    assert (reasons[0] == (
        'sub.device is read when the node starts: set it in a parameter file, or with '
        '-p sub.device:=mic, and start the node anew'))
    assert '1' in reasons[1] and '5' in reasons[1] and 'range' in reasons[1]
    assert reasons[2] == "sub.manner: 'shout' is not one of wait, drop"
    assert 'type' in reasons[3]
    result = node.set_parameters_atomically(
        [Parameter('sub.count', value=4),
         Parameter('sub.device', value='mic')])
    assert not result.successful and held == Mixed(patience_s=4.0)


def test_what_is_declared_again_is_read_again_and_what_is_open_may_all_be_changed(
        node: object) -> None:
    from omni_agent.nodes.parameters import declare, tuning
    first = declare(node, Mixed, 'sub')
    tuning(node).begin(is_open=True)
    declare(node, Mixed, 'sub')
    assert change(node, device='mic')[0].successful and first.device == ''
    assert not change(node, manner='shout')[0].successful
    tuning(node).begin(is_open=False)
    assert declare(node, Mixed, 'sub').device == 'mic'
    assert not change(node, device='other')[0].successful
