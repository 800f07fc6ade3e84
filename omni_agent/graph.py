"""The only place where the nodes of the graph are listed: who runs, in which order, with which
files.

Nothing here imports ROS. ``omni-agent up`` and ``launch/omni_agent.launch.py`` are two readers of
this table; ``arguments`` is what a node sees on its command line.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence, Union

from omni_agent.core.errors import ConfigError
from omni_agent.share import PACKAGE, share_dir

LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
NAMESPACE = re.compile(r'/|(/?[A-Za-z_~][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?')

Value = Union[bool, int, float, str, Sequence[Union[bool, int, float, str]]]
Overrides = Mapping[str, Mapping[str, Value]]          # node -> parameter -> value


@dataclass(frozen=True)
class NodeSpec:
    """One process. ``name`` is the node, its executable and its section of the YAML files."""

    name: str
    purpose: str
    device: str | None = None    # the launch argument that becomes its parameter ``device``

    @property
    def module(self) -> str:
        return f'{PACKAGE}.nodes.{self.name}'

    @property
    def executable(self) -> str:
        return self.name


# In start order: the voice first, so that it is ready to be silenced before anybody can speak;
# then the senses; the one who decides last, when all who must hear its first epoch are on the way.
GRAPH: tuple[NodeSpec, ...] = (
    NodeSpec('speaker', 'plays speech and says what was really heard', device='speaker_device'),
    NodeSpec('microphone', 'sound in blocks of 20 ms', device='microphone_device'),
    NodeSpec('camera', 'pictures from a device, a file or an address', device='camera_device'),
    NodeSpec('perception', 'voice activity, words, end of turn, scene'),
    NodeSpec('reaction', 'language model to sentences to sound'),
    NodeSpec('decision', 'whether to speak, and when to fall silent'),
)
# Run only when asked for; the agent is whole without them.
OPTIONAL: tuple[NodeSpec, ...] = (
    NodeSpec('window', 'a page in the browser that shows everything, and stops it'),
    NodeSpec('bridges', 'the agent in the words of REP-155, rqt_chat, audio_common and rviz'),
    NodeSpec('skills',
             'what the robot can be asked to do, done with its own topics, services and actions'),
    NodeSpec('simulated_robot', 'wheels, walls and a navigator to try skills on'),
)
SIMULATED = 'simulated'      # skills of the simulated robot, which then runs as well
NAMES = tuple(spec.name for spec in GRAPH)
DEVICES = tuple(spec.device for spec in GRAPH if spec.device)


def running(without: Iterable[str] = (), watch: bool = False,
            also: Iterable[str] = ()) -> tuple[NodeSpec, ...]:
    """The rows that are to run: all but those in ``without``, for others to stand in by remap; of
    the optional ones those in ``also``, and the window with ``watch``.
    """
    without, also = list(without), [*also, *(['window'] if watch else [])]
    _known(without, NAMES, 'node')
    _known(also, [spec.name for spec in OPTIONAL], 'optional node')
    return (*(spec for spec in GRAPH if spec.name not in without),
            *(spec for spec in OPTIONAL if spec.name in also))


def names(text: str) -> list[str]:
    """'camera, reaction' -> ['camera', 'reaction']."""
    return [name.strip() for name in text.split(',') if name.strip()]


def device_overrides(devices: Mapping[str, str]) -> dict[str, dict[str, Value]]:
    """The parameter ``device`` of each node for which the user named one.

    ``devices`` maps ``camera_device`` and its like to the user's words; '' leaves it to the YAML
    files.
    """
    _known(devices, DEVICES, 'device argument')
    return {spec.name: {'device': devices[spec.device]}
            for spec in GRAPH if spec.device and devices.get(spec.device)}


def skill_nodes(skills: str) -> list[str]:
    """The optional nodes that ``skills`` needs: lists of skills with commas between them, '' for
    none.
    """
    return ([] if not skills else
            ['skills', *(['simulated_robot'] if SIMULATED in names(skills) else [])])


def skill_overrides(skills: str) -> dict[str, dict[str, Value]]:
    """Who decides and who carries out have to know the same list."""
    return {node: {'skills': skills} for node in ('decision', 'skills')} if skills else {}


def arguments(spec: NodeSpec, namespace: str = '', params_file: str | Path = '',
              profile: str = 'default', use_sim_time: bool = False, log_level: str = 'info',
              overrides: Overrides | None = None) -> list[str]:
    """The ``--ros-args`` of one node.

    Later wins: the package's defaults, the profile, ``params_file``, ``overrides``.
    """
    overrides = overrides or {}
    _known([log_level], LOG_LEVELS, 'log level')
    result = ['--ros-args', '-r', f'__node:={spec.name}']
    if resolved := absolute_namespace(namespace):
        result += ['-r', f'__ns:={resolved}']
    for file in parameter_files(params_file, profile):
        result += ['--params-file', str(file)]
    result += ['-p', f'use_sim_time:={written(use_sim_time)}']
    for parameter, value in overrides.get(spec.name, {}).items():
        result += ['-p', f'{parameter}:={written(value)}']
    return [*result, '--log-level', log_level]


def absolute_namespace(namespace: str) -> str:
    """'robot' and '/robot' -> '/robot'; '' and '/' -> ''. ConfigError for what ROS refuses."""
    if not NAMESPACE.fullmatch(namespace):
        raise ConfigError(f'namespace {namespace!r} is not a ROS name: use letters, digits and '
                          "underscores, parts separated by single slashes, e.g. 'robot1'")
    name = namespace.strip('/')
    return f'/{name}' if name else ''


def parameter_files(params_file: str | Path = '', profile: str = 'default') -> list[Path]:
    """The YAML files a node reads; later ones win. ConfigError for one that is absent."""
    files = [config_folder() / f'{PACKAGE}.yaml']
    profile = profile or 'default'
    if profile != 'default' or 'default' in profiles():
        _known([profile], profiles(), 'profile')
        files.append(config_folder() / 'profiles' / f'{profile}.yaml')
    if str(params_file):
        files.append(Path(params_file).expanduser().absolute())
    for file in files:
        if not file.is_file():
            raise ConfigError(f'no parameter file {file}: check the path')
    return files


def profiles() -> list[str]:
    """Names of the profiles that are there."""
    return sorted(file.stem for file in (config_folder() / 'profiles').glob('*.yaml'))


def config_folder() -> Path:
    """Where the package keeps its YAML files."""
    return share_dir() / 'config'


def setting(text: str) -> tuple[str, str, Value]:
    """'decision.barge_in_s=0.5' -> ('decision', 'barge_in_s', 0.5). VALUE is YAML, as in -p."""
    import yaml                          # comes with ROS; the table itself does not need it
    target, equals, raw = text.partition('=')
    node, dot, parameter = target.partition('.')
    if not (equals and dot and parameter):
        raise ConfigError(f"{text!r} is not NODE.PARAMETER=VALUE, e.g. 'speaker.device=robot_spk'")
    _known([node], [*NAMES, *(spec.name for spec in OPTIONAL)], 'node')
    try:
        value = yaml.safe_load(raw) if raw else ''
    except yaml.YAMLError as error:
        raise ConfigError(f'the value in {text!r} is not YAML: {error}') from error
    if not _is_parameter(value):
        raise ConfigError(f'the value in {text!r} must be a finite number, a text, true, false or '
                          'a list of these')
    return node, parameter, value


def written(value: Value) -> str:
    """YAML that rcl reads back as the same type: a text '0' stays a text, 1.0 stays a double."""
    return json.dumps(value)


def _is_parameter(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, str) or isinstance(item, (int, float)) and math.isfinite(item)
               for item in items)


def _known(names: Iterable[str], known: Iterable[str], kind: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise ConfigError(f'unknown {kind} {name!r}: choose from '
                              f'{", ".join(known) or "(none there)"}')
