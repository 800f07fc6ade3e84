"""The launch file under the real launch system; skipped where ROS came without one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

from omni_agent import graph
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.supervisor import child_environment

pytest.importorskip('launch_ros')
launch_pytest = pytest.importorskip('launch_pytest')

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ament_index_python.packages import PackageNotFoundError, get_package_prefix  # noqa: E402
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity  # noqa: E402
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription  # noqa: E402
from launch.actions import OpaqueFunction, RegisterEventHandler, TimerAction  # noqa: E402
from launch.event_handlers import OnProcessExit  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node  # noqa: E402
from whole_graph import COMING_UP_S, assert_all_heard, fakes, listener  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / 'launch' / 'omni_agent.launch.py'


def entities(**arguments: str) -> list[LaunchDescriptionEntity]:
    """What the launch file asks for, given these arguments; nothing is started."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    source = PythonLaunchDescriptionSource(str(FILE))
    made: list[LaunchDescriptionEntity] = []
    for entity in source.get_launch_description(context).entities:
        made += entity.visit(context) or [] if isinstance(entity, OpaqueFunction) else [entity]
        if isinstance(entity, DeclareLaunchArgument):
            entity.visit(context)
    return made


def executables(**arguments: str) -> list[str]:
    nodes = [entity for entity in entities(**arguments) if isinstance(entity, Node)]
    assert all(node.node_package in ('omni_agent', 'rviz2') for node in nodes)
    return [perform_substitutions(LaunchContext(), node.node_executable)
            if isinstance(node.node_executable, list) else node.node_executable for node in nodes]


def test_the_entries_are_the_rows_of_the_table_in_their_order():
    assert executables() == [spec.executable for spec in graph.GRAPH]


def test_a_node_can_be_left_out():
    assert executables(without='camera,reaction') == [
        'speaker', 'microphone', 'perception', 'decision']


def test_optional_nodes_and_windows_run_when_they_are_asked_for():
    assert executables(also='bridges')[len(graph.GRAPH):] == ['bridges']
    assert executables(watch='true')[len(graph.GRAPH):] == ['window']
    assert executables(rviz='true')[len(graph.GRAPH):] == ['bridges', 'rviz2']
    assert executables(skills='simulated')[len(graph.GRAPH):] == ['skills', 'simulated_robot']
    later = [
        entity for entity in entities(rqt='true', namespace='robot1')
        if isinstance(entity, TimerAction)
    ]
    assert len(later) == 1


def test_every_argument_has_a_default_and_a_description():
    declared = {entity.name: entity for entity in entities()
                if isinstance(entity, DeclareLaunchArgument)}
    assert (set(declared) == {
        'namespace', 'params_file', 'profile', 'use_sim_time', 'log_level', 'use_respawn',
        'without', 'skills', 'also', 'watch', 'rviz', 'rqt', *graph.DEVICES
    })
    assert all(entity.description and entity.default_value is not None
               for entity in declared.values())


@pytest.mark.parametrize('wrong', [{
    'use_respawn': 'maybe'
}, {
    'profile': 'nonsense'
}, {
    'also': 'ears'
}, {
    'without': 'ears'
}, {
    'log_level': 'loud'
}])
def test_a_wrong_argument_is_refused(wrong: dict[str, str]):
    with pytest.raises((RuntimeError, ValueError, graph.ConfigError)):
        entities(**wrong)


@pytest.fixture(scope='module')
def environment() -> Iterator[dict[str, str]]:
    """This process's own environment, which launch hands on, put into a ROS domain of its own."""
    try:
        get_package_prefix('omni_agent')
    except (PackageNotFoundError, OSError):
        pytest.skip('omni_agent is not installed: colcon build it and source install/setup.bash')
    before = dict(os.environ)
    with free_domain_id() as domain:
        os.environ.update(child_environment(), ROS_DOMAIN_ID=str(domain))
        yield dict(os.environ)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope='module')
def codes() -> dict[str, int]:
    """Exit code of each process, as they end."""
    return {}


@launch_pytest.fixture(scope='module')
def agent(environment: dict[str, str], codes: dict[str, int],
          tmp_path_factory) -> LaunchDescription:
    """The launch file included as another package would include it."""
    folder = tmp_path_factory.mktemp('launch')
    file = folder / 'fakes.yaml'
    file.write_text(json.dumps({f'/**/{node}': {'ros__parameters': values}        # JSON is YAML
                                for node, values in fakes(folder).items()}))
    return LaunchDescription([
        RegisterEventHandler(OnProcessExit(
            on_exit=lambda event, context: codes.update({event.process_name: event.returncode}))),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(str(FILE)), launch_arguments={
            'namespace': 'robot1', 'params_file': str(file), 'log_level': 'warn'}.items()),
        launch_pytest.actions.ReadyToTest(),
    ])


@pytest.mark.timeout(3 * COMING_UP_S)
@pytest.mark.launch(fixture=agent)
def test_all_nodes_come_up_in_the_namespace(environment: dict[str, str]):
    assert_all_heard(listener([f'robot1/{name}' for name in graph.NAMES], environment))


@pytest.mark.launch(fixture=agent, shutdown=True)
def test_all_nodes_end_with_exit_code_0(codes: dict[str, int]):
    assert len(codes) == len(graph.GRAPH) and set(codes.values()) == {0}, codes
