"""The only place that looks whether the parameters that a user wrote exist, before a node starts.

ROS leaves a misspelt one aside without a word, and the robot goes on with the default. A whole
number for a real one it refuses when the node has started.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path
from typing import Iterable, Iterator

from omni_agent import graph
from omni_agent.backends.yaml_lines import parse_yaml
from omni_agent.core.checked_table import Value
from omni_agent.core.errors import ConfigError

SECTION = 'ros__parameters'
OF_ROS = ('use_sim_time', 'start_type_description_service')      # every node has them
OF_TOPICS = 'qos_overrides.'


def settings(texts: Iterable[str]) -> dict[str, dict[str, graph.Value]]:
    """['decision.turn.judge_s=1'] -> {'decision': {'turn.judge_s': 1.0}}, for
    ``graph.arguments``.

    Raises ConfigError for what cannot be read, and for what the node does not have.
    """
    found: dict[str, dict[str, graph.Value]] = {}
    for node, parameter, value in map(_setting, texts):
        found.setdefault(node, {})[parameter] = value
    return found


def checked(texts: Iterable[str]) -> list[str]:
    """The same settings, still as texts, for whoever reads them with ``graph.setting``."""
    return [f'{node}.{parameter}={graph.written(value)}'
            for node, parameter, value in map(_setting, texts)]


def _setting(text: str) -> tuple[str, str, graph.Value]:
    node, parameter, value = graph.setting(text)
    if not _exists(node, parameter):
        raise ConfigError(f'{_lack(node, parameter)}; every one is in '
                          f'{graph.config_folder() / f"{graph.PACKAGE}.yaml"}')
    return node, parameter, _like(_known()[node].get(parameter), value)


def _like(default: Value, value: graph.Value) -> graph.Value:
    """For a real number people write 1."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if isinstance(default, float) and is_whole else value


def in_vain(file: str) -> list[str]:
    """What a parameter file ('' for none) says to our nodes in vain, a line each. Raises
    ConfigError for what is no parameter file.

    Sections for all nodes, or for other packages' nodes, may say what they like.
    """
    path = Path(file).expanduser()
    if not (file and path.exists()):       # graph.parameter_files says that it is not there
        return []
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read the parameter file {path}: {error}') from error
    data, lines = parse_yaml(text, path)
    if data is not None and not isinstance(data, dict):
        raise ConfigError(f'{path}:1: must be a table of nodes, e.g. "/**/speaker: '
                          '{ros__parameters: {volume: 0.5}}"')
    found = []
    for key, section in (data or {}).items():
        node = str(key).rsplit('/', 1)[-1]
        for where in _names((section or {}).get(SECTION) if isinstance(section, dict) else None):
            name = '.'.join(where)
            if node in _known() and not _exists(node, name):
                line = lines.get((key, SECTION, *where), 1)
                found.append(f'{path}:{line}: {_lack(node, name)}; this line does nothing')
    return found


def _exists(node: str, parameter: str) -> bool:
    return (parameter in OF_ROS or parameter.startswith(OF_TOPICS)
            or parameter in _known().get(node, ()))


def _lack(node: str, parameter: str) -> str:
    near = difflib.get_close_matches(parameter, _known()[node], 1)
    return f'{node} has no parameter {parameter!r}' + (f' (is it {near[0]}?)' if near else '')


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, Value]]:
    """Node -> its parameters, with dots, and their defaults, from the file that is written from
    the declarations.
    """
    path = graph.config_folder() / f'{graph.PACKAGE}.yaml'
    data, _ = parse_yaml(path.read_text(encoding='utf-8'), path)
    assert isinstance(data, dict)
    return {key.rsplit('/', 1)[-1]: {'.'.join(name): _at(table[SECTION], name)
                                     for name in _names(table[SECTION])}
            for key, table in data.items()}


def _at(table: Value, path: tuple[str, ...]) -> Value:
    for key in path:
        assert isinstance(table, dict)
        table = table[key]
    return table


def _names(table: Value) -> Iterator[tuple[str, ...]]:
    """Paths to what is no table; a name may be written with its dots, too."""
    for key, value in (table.items() if isinstance(table, dict) else ()):
        if isinstance(value, dict):
            yield from ((str(key), *rest) for rest in _names(value))
        else:
            yield (str(key),)
