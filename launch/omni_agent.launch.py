"""The node table as a launch description: ``ros2 launch omni_agent omni_agent.launch.py``.

Nothing is decided here: which nodes there are, in which order and with which files, is
``omni_agent.graph``'s.
"""

from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from omni_agent import graph

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
    *((spec.device, '', None,
       f'Device of the {spec.name} node, instead of the one in the YAML files')
      for spec in graph.GRAPH if spec.device),
)


def nodes(context: LaunchContext) -> list[Node]:
    """One Node for each row of the table that is to run."""
    value = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    files = [str(file) for file in graph.parameter_files(value['params_file'], value['profile'])]
    overrides = graph.device_overrides({name: value[name] for name in graph.DEVICES})
    return [
        Node(
            package=graph.PACKAGE,
            executable=spec.executable,
            name=spec.name,
            namespace=value['namespace'],
            parameters=[*files, {'use_sim_time': value['use_sim_time'] == 'true',
                                 **overrides.get(spec.name, {})}],
            ros_arguments=['--log-level', value['log_level']],
            respawn=value['use_respawn'] == 'true',
            respawn_delay=RESPAWN_DELAY,
            output='screen',
            emulate_tty=True,
        )
        for spec in graph.running(graph.names(value['without']))
    ]


def generate_launch_description() -> LaunchDescription:
    """Read by ros2 launch."""
    return LaunchDescription([
        SetEnvironmentVariable('RCUTILS_LOGGING_BUFFERED_STREAM', '1'),
        *(DeclareLaunchArgument(name, default_value=default, choices=choices, description=words)
          for name, default, choices, words in ARGUMENTS),
        OpaqueFunction(function=nodes),
    ])
