"""The nodes that run only when they are asked for are as good citizens as the others: parameters
with a meaning, a range and a reason, a quality of service for every topic, and a file that starts
them again.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import pytest
import yaml
from parameter_services import OF_RCLPY, ParameterServices

from ros_bench import Bench, values_of

from geometry_msgs.msg import Twist
from omni_agent_msgs.msg import Act
from rcl_interfaces.msg import ParameterType
from rclpy.qos import QoSProfile, ReliabilityPolicy

from omni_agent import graph
from omni_agent.core.params import specs

NUMBERS = (ParameterType.PARAMETER_INTEGER, ParameterType.PARAMETER_DOUBLE)
RECORDER = 'bag_recorder'        # not in the table: omni-agent record runs it
NAMES = (*(spec.name for spec in graph.OPTIONAL), RECORDER)
OF_ROS = {'/parameter_events', '/rosout', '/clock'}


def parameters(folder: Path) -> dict[str, dict[str, object]]:
    return {
        'window': {'port': 0},
        'skills': {'skills': 'simulated'},
        RECORDER: {'folder': str(folder / 'bag'), 'announce': False}
    }


@pytest.fixture(scope='module')
def nodes(bench: Bench) -> Bench:
    given = parameters(bench.folder)
    for name in NAMES:
        bench.start(name, **given.get(name, {}))
    bench.until(lambda: set(NAMES) <= set(bench.health), 'all nodes')
    return bench


def test_every_parameter_says_what_it_means_and_every_number_its_range(nodes: Bench) -> None:
    poor = []
    for name in NAMES:
        services = ParameterServices(nodes, name)
        for one in services.describe(
            [parameter for parameter in services.names() if parameter not in OF_RCLPY]):
            has_range = (one.integer_range or one.floating_point_range
                         or one.name.startswith('qos_overrides.'))
            if not one.description or (one.type in NUMBERS and not has_range):
                poor.append(f'{name}: {one.name}')
    assert not poor


def test_the_package_lists_every_parameter_of_a_running_node_and_no_other(nodes: Bench) -> None:
    for name in NAMES:
        listed = {
            f'{prefix}.{spec.name}'.strip('.')
            for prefix, params in importlib.import_module(f'omni_agent.nodes.{name}').PARAMETERS
            for spec in specs(params)
        }
        there = {
            one
            for one in ParameterServices(nodes, name).names()
            if not one.startswith('qos_overrides.')
        }
        assert there - {*OF_RCLPY, 'managed', 'diagnostics_s'} == listed, name


def test_every_topic_has_its_quality_of_service_among_the_parameters(nodes: Bench) -> None:
    """But those of actions, which rclpy opens by itself."""
    for name in NAMES:
        values = ParameterServices(nodes, name).values()
        ends = (('publisher', nodes.node.get_publisher_names_and_types_by_node(name, '/')),
                ('subscription', nodes.node.get_subscriber_names_and_types_by_node(name, '/')))
        for end, found in ends:
            for topic in {topic for topic, _ in found if '/_action/' not in topic} - OF_ROS:
                for policy in ('depth', 'history', 'reliability'):
                    assert f'qos_overrides.{topic}.{end}.{policy}' in values, (name, topic)


def test_what_cannot_be_changed_is_refused_with_what_to_do_and_what_is_live_changes(
        nodes: Bench) -> None:
    for name in NAMES:
        services = ParameterServices(nodes, name)
        module = importlib.import_module(f'omni_agent.nodes.{name}')
        for prefix, params in module.PARAMETERS:
            for spec in specs(params):
                full = f'{prefix}.{spec.name}'.strip('.')
                other = _other(services.values()[full], spec)
                if other is None:
                    continue
                result = services.set(**{full: other})[0]
                assert result.successful == spec.live, (name, full, result.reason)
                if not spec.live:
                    assert 'start the node anew' in result.reason and full in result.reason
                break                            # one of each group: each is a call of a service


def _other(value: object, spec: object) -> object:
    """Another value within the range, or None."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return spec.low if value != spec.low else spec.high
    return value + 'x' if isinstance(value, str) and not spec.choices else None


def everything_wrong(nodes: Bench, name: str, words: str) -> str:
    """In one text, once it holds ``words``."""
    def told() -> str:
        status = nodes.news(name)
        wrong = f"{status.message}; {values_of(status).get('also wrong', '')}"
        return wrong if words in wrong else ''
    return nodes.until(told, f'{name} tells of {words!r}')


def test_a_driver_that_does_not_fit_is_told_by_name(nodes: Bench) -> None:
    """Its base wants to hear velocities better than they are sent, and nothing would move."""
    nodes.start('skills', skills='simulated', arguments=('-r', '__node:=loose'),
                **{'qos_overrides./cmd_vel.publisher.reliability': 'best_effort'})
    nodes.listen(Twist, 'cmd_vel', QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
    wrong = everything_wrong(nodes, 'loose', '/bench (')
    assert '/cmd_vel' in wrong and 'qos_overrides./cmd_vel.publisher' in wrong
    # the base itself wants no more than it gets, and nobody asked for a deadline
    assert 'deadline' not in wrong


def test_a_listener_that_fits_is_not_named_with_one_that_does_not(nodes: Bench) -> None:
    content = nodes.guest('content')
    content.create_subscription(Twist, 'cmd_vel', lambda message: None, QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    nodes.until(lambda: nodes.node.count_subscribers('cmd_vel') >= 4, 'all of them')
    nodes.news('loose')
    assert '/content' not in everything_wrong(nodes, 'loose', '/bench (')


def test_who_asks_with_a_quality_that_does_not_fit_is_told_by_name(nodes: Bench) -> None:
    nodes.publisher(Act, 'act', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    assert '/act' in everything_wrong(nodes, 'skills', '/bench (')


def test_the_parameters_of_running_nodes_start_the_same_nodes_again(nodes: Bench,
                                                                    tmp_path: Path) -> None:
    """As with ``ros2 param dump`` and ``--params-file``. A bag is written once only."""
    names = [name for name in NAMES if name != RECORDER]
    services = {name: ParameterServices(nodes, name) for name in names}
    before = {name: one.values() for name, one in services.items()}
    dumps = {name: one.dump() for name, one in services.items()}
    for process in list(nodes.running):
        assert nodes.end(process) == 0, process.words
    nodes.health.clear()
    nodes.turn_until(time.time() + 0.1)
    for name, dumped in dumps.items():
        file = tmp_path / f'{name}.yaml'
        file.write_text(yaml.safe_dump(dumped))
        nodes.start(name, arguments=('--params-file', str(file)))
    nodes.until(lambda: set(names) <= set(nodes.health), 'all nodes once more')
    for name in names:
        after = services[name].values()
        assert {parameter: before[name].get(parameter) for parameter in after} == after
        # of topics that they open only while somebody listens
        assert all(one.startswith('qos_overrides.') for one in set(before[name]) - set(after))
