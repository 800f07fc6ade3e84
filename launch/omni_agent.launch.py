"""The node table as a launch description: ``ros2 launch omni_agent omni_agent.launch.py``.

Nothing is decided here: which nodes there are, in which order and with which files, is
``omni_agent.graph``'s.
"""

from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import (DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable,
                            TimerAction)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from omni_agent import graph, windows

SWITCH = ('true', 'false')
RESPAWN_DELAY = 2.0        # [s]

# name, default, choices, description
ARGUMENTS = (
    ('namespace', '', None, 'Namespace of all nodes and topics'),
    ('params_file', '', None,
     "Full path of a YAML file of your own, read after the package's defaults and the profile"),
    ('profile', 'default', None,
     'Set of models and rates for this machine, a file of config/profiles'),
    ('use_sim_time', 'false', SWITCH, 'Take the time from /clock'),
    ('log_level', 'info', graph.LOG_LEVELS, 'Log level of all nodes'),
    ('use_respawn', 'false', SWITCH, 'Start a node that ended by itself again'),
    ('without', '', None,
     'Nodes that are not to run, separated by commas: drivers of your own stand in'),
    ('skills', '', None,
     'Let the robot do what it is asked: default, simulated (with a simulated robot), or files '
     'and '
     'Python modules of your own, separated by commas'),
    ('also', '', None, 'Optional nodes that are to run, separated by commas: ' +
     ', '.join(spec.name for spec in graph.OPTIONAL)),
    ('watch', 'false', SWITCH, 'Show everything in a browser on this machine'),
    ('rviz', 'false', SWITCH, 'Open rviz on what the camera shows, with tracks, gaze and speech'),
    ('rqt', 'false', SWITCH,
     'Open rqt on plots of the voice, echo and addressee, diagnostics and parameters'),
    *((spec.device, '', None,
       f'Device of the {spec.name} node, instead of the one in the YAML files')
      for spec in graph.GRAPH if spec.device),
)


def nodes(context: LaunchContext) -> list[Node | TimerAction]:
    """One Node for each row of the table that is to run, and the windows on them."""
    value = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    files = [str(file) for file in graph.parameter_files(value['params_file'], value['profile'])]
    overrides = {**graph.device_overrides({name: value[name] for name in graph.DEVICES}),
                 **graph.skill_overrides(value['skills'])}
    return ([
        Node(
            package=graph.PACKAGE,
            executable=spec.executable,
            name=spec.name,
            namespace=value['namespace'],
            parameters=[
                *files, {
                    'use_sim_time': value['use_sim_time'] == 'true',
                    **overrides.get(spec.name, {})
                }
            ],
            ros_arguments=['--log-level', value['log_level']],
            respawn=value['use_respawn'] == 'true',
            respawn_delay=RESPAWN_DELAY,
            output='screen',
            emulate_tty=True,
        ) for spec in graph.running(graph.names(value['without']), value['watch'] == 'true', [
            *graph.names(value['also']), *graph.skill_nodes(value['skills']), *(
                ['bridges'] if value['rviz'] == 'true' else [])
        ])
    ] + opened(value))


def opened(value: dict[str, str]) -> list[Node | TimerAction]:
    """The windows that were asked for; the bridges write the speech that rviz shows."""
    asked: list[Node | TimerAction] = []
    if value['rviz'] == 'true':
        asked.append(
            Node(package='rviz2', executable='rviz2', name='rviz', namespace=value['namespace'],
                 arguments=windows.rviz_arguments(), remappings=list(windows.OWN_TREE)))
    if value['rqt'] == 'true':
        rqt = Node(package='rqt_gui', executable='rqt_gui', name='rqt',
                   arguments=windows.rqt_arguments(value['namespace']))
        asked.append(TimerAction(period=windows.RQT_AFTER_S, actions=[rqt]))
    return asked


def generate_launch_description() -> LaunchDescription:
    """Read by ros2 launch."""
    return LaunchDescription([
        SetEnvironmentVariable('RCUTILS_LOGGING_BUFFERED_STREAM', '1'),
        *(DeclareLaunchArgument(name, default_value=default, choices=choices, description=words)
          for name, default, choices, words in ARGUMENTS),
        OpaqueFunction(function=nodes),
    ])
