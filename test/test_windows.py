"""The files that rviz and rqt open: the tools' own formats, and topics that the agent publishes
with these types.

Neither tool can run here. Their formats are those of rviz_common and qt_gui_core
(perspective_manager, rqt_plot).
"""

from __future__ import annotations

import ast
import importlib
import json
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from ros_bench import Bench
from whole_graph import fakes

from omni_agent import windows
from omni_agent.core.errors import ConfigError

rclpy = pytest.importorskip('rclpy')

from rclpy.qos import (DurabilityPolicy, HistoryPolicy, QoSCompatibility, QoSProfile,  # noqa: E402
                       ReliabilityPolicy)
from rclpy.qos import qos_check_compatible  # noqa: E402

# Plugins of rviz_default_plugins and rviz_common, and the type of what a display subscribes to
DISPLAYS = {
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/Map': 'nav_msgs/msg/OccupancyGrid',
    'rviz_default_plugins/Odometry': 'nav_msgs/msg/Odometry',
    'rviz_default_plugins/TF': '',
    'rviz_default_plugins/Axes': ''
}
# What is looked up in tf before it is drawn has a queue for that
FILTERED = {'rviz_default_plugins/Map', 'rviz_default_plugins/Odometry'}
PANELS = {'rviz_common/Displays', 'rviz_common/Views'}
TOOLS = {f'rviz_default_plugins/{name}' for name in ('Interact', 'MoveCamera', 'Select')}
POLICIES = {
    'Reliability Policy': {
        'Reliable': ReliabilityPolicy.RELIABLE,
        'Best Effort': ReliabilityPolicy.BEST_EFFORT
    },
    'Durability Policy': {
        'Volatile': DurabilityPolicy.VOLATILE,
        'Transient Local': DurabilityPolicy.TRANSIENT_LOCAL
    },
    'History Policy': {
        'Keep Last': HistoryPolicy.KEEP_LAST
    }
}
PLUGINS = {'rqt_plot/Plot', 'rqt_reconfigure/Param', 'rqt_runtime_monitor/RuntimeMonitor'}
PLOT_SETTINGS = {'autoscroll', 'plot_type', 'topics', 'x_limits', 'y_limits'}


@pytest.fixture(scope='module')
def rviz() -> dict:
    return yaml.safe_load(Path(windows.rviz_arguments()[1]).read_text())


def perspective(namespace: str = '', folder: Path | None = None) -> dict:
    *options, file = windows.rqt_arguments(namespace, folder)
    assert options == ['--force-discover', '--perspective-file']
    return json.loads(Path(file).read_text())


@pytest.fixture(scope='module')
def published(bench: Bench) -> Bench:
    """The nodes whose topics are shown, with models that need nothing, once all of those are
    there.
    """
    made = fakes(bench.folder)
    for node in ('perception', 'decision', 'bridges', 'simulated_robot'):
        bench.start(node, **made.get(node, {}))
    wanted = {
        '/speech_state', '/image_overlay', '/track_markers', '/speech_bubble', '/agent_state',
        '/diagnostics', '/map', '/odom'
    }
    bench.until(lambda: all(bench.node.count_publishers(topic) for topic in wanted), 'the topics')
    return bench


def kind_of(bench: Bench, topic: str) -> str:
    kinds = {end.topic_type for end in bench.node.get_publishers_info_by_topic(topic)}
    assert len(kinds) == 1, f'{topic}: {kinds}'
    return kinds.pop()


def subscribing(display: dict) -> QoSProfile:
    topic = display['Topic']
    filtered = {'Filter size'} if display['Class'] in FILTERED else set()
    assert set(topic) == {'Depth', 'Value', *POLICIES, *filtered}
    reliability, durability, history = (known[topic[name]] for name, known in POLICIES.items())
    return QoSProfile(depth=topic['Depth'], reliability=reliability, durability=durability,
                      history=history)


# -- rviz -----------------------------------------------------------------------------------------


def test_the_rviz_file_is_what_rviz_reads(rviz: dict) -> None:
    assert set(rviz) == {'Panels', 'Visualization Manager', 'Window Geometry'}
    assert {panel['Class'] for panel in rviz['Panels']} <= PANELS
    manager = rviz['Visualization Manager']
    assert (set(manager) == {
        'Class', 'Displays', 'Enabled', 'Global Options', 'Name', 'Tools', 'Transformation',
        'Value', 'Views'
    })
    assert {tool['Class'] for tool in manager['Tools']} <= TOOLS
    view = manager['Views']['Current']
    assert (view['Class'] == 'rviz_default_plugins/Orbit'
            and view['Value'] == 'Orbit (rviz_default_plugins)')
    assert -1.5708 < view['Pitch'] < 1.5708
    for display in manager['Displays']:
        assert (display['Class'] in DISPLAYS and display['Enabled'] is display['Value'] is True
                and display['Name'])


def test_rviz_shows_picture_tracks_gaze_and_speech_in_the_frame_of_the_camera(rviz: dict) -> None:
    from omni_agent.nodes.bridges import BridgesParams
    from omni_agent.nodes.camera import CameraParams
    manager = rviz['Visualization Manager']
    assert (manager['Global Options']['Fixed Frame'] == CameraParams().frame_id ==
            BridgesParams().frame_id)
    topics = {display['Topic']['Value'] for display in manager['Displays'] if 'Topic' in display}
    # relative: rviz is in our namespace
    assert topics == {'image_overlay', 'track_markers', 'speech_bubble', 'map', 'odom'}


def test_rviz_looks_for_the_frames_of_the_robot_where_the_robot_publishes_them() -> None:
    from omni_agent.nodes.camera import CameraParams
    from omni_agent.nodes.simulated_robot import RobotParams
    assert RobotParams().camera_frame == CameraParams().frame_id
    assert dict(windows.OWN_TREE) == {'/tf': 'tf', '/tf_static': 'tf_static'}
    text = (Path(__file__).resolve().parents[1] / 'launch/omni_agent.launch.py').read_text()
    assert 'remappings=list(windows.OWN_TREE)' in text


def test_every_display_of_rviz_hears_a_topic_that_is_published_with_its_type(
        rviz: dict, published: Bench) -> None:
    for display in rviz['Visualization Manager']['Displays']:
        if not DISPLAYS[display['Class']]:
            continue
        topic = f'/{display["Topic"]["Value"]}'
        assert kind_of(published, topic) == DISPLAYS[display['Class']]
        for end in published.node.get_publishers_info_by_topic(topic):
            fits, why = qos_check_compatible(end.qos_profile, subscribing(display))
            assert fits != QoSCompatibility.ERROR, (topic, why)


# -- rqt ------------------------------------------------------------------------------------------


def leaves(group: dict) -> Iterator[dict]:
    assert set(group) == {'groups', 'keys'}
    yield from group['keys'].values()
    for inner in group['groups'].values():
        yield from leaves(inner)


def plots(data: dict) -> list[dict[str, object]]:
    found = []
    for name, group in data['groups']['pluginmanager']['groups'].items():
        if 'rqt_plot' in name:
            keys = group['groups']['plugin']['keys']
            assert set(keys) == PLOT_SETTINGS
            found.append({key: ast.literal_eval(leaf['repr']) for key, leaf in keys.items()})
    return found


def test_the_perspective_is_what_rqt_reads() -> None:
    data = perspective()
    for leaf in leaves(data):
        assert set(leaf) == {'repr', 'type'} and leaf['type'] == 'repr'
        ast.literal_eval(leaf['repr'])
    manager = data['groups']['pluginmanager']
    running = ast.literal_eval(manager['keys']['running-plugins']['repr'])
    assert set(running) == PLUGINS
    assert set(manager['groups']) == {f'plugin__{plugin.replace("/", "__")}__{number}'
                                      for plugin, numbers in running.items() for number in numbers}


def test_every_plot_of_rqt_is_a_number_in_a_message_that_is_published(published: Bench) -> None:
    fields = [topic for plot in plots(perspective()) for topic in plot['topics']]
    assert ({
        '/speech_state/probability', '/speech_state/echo_likelihood',
        '/agent_state/addressee_score'
    } <= set(fields))
    for path in fields:
        _, topic, field = path.split('/')
        package, _, name = kind_of(published, f'/{topic}').split('/')
        message = getattr(importlib.import_module(f'{package}.msg'), name)
        assert message.get_fields_and_field_types()[field] in ('float', 'double', 'boolean'), path
    assert kind_of(published, '/diagnostics') == 'diagnostic_msgs/msg/DiagnosticArray'


def test_an_agent_in_a_namespace_has_its_own_topics_plotted(tmp_path: Path) -> None:
    plain, moved = perspective(), perspective('robot1', tmp_path)
    for before, after in zip(plots(plain), plots(moved)):
        assert after == {**before, 'topics': [f'/robot1{topic}' for topic in before['topics']]}
    assert plain == perspective('/')
    with pytest.raises(ConfigError):
        windows.rqt_arguments('no name!')


def test_both_files_are_installed_with_the_package() -> None:
    setup = (Path(__file__).resolve().parents[1] / 'setup.py').read_text()
    shared = next(ast.literal_eval(node.value) for node in ast.parse(setup).body
                  if isinstance(node, ast.Assign) and node.targets[0].id == 'SHARED')
    assert {'rviz', 'rqt', 'launch', 'config'} <= set(shared)
