"""The only place that finds scenario files and turns them into scenarios.

A mistake in the file is reported with its line, the field and what the field may be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omni_agent.core.checked_table import FieldError, Value, Where
from omni_agent.core.errors import ConfigError
from omni_agent.core.scenario import Scenario, parse
from omni_agent.share import share_dir

if TYPE_CHECKING:
    import yaml


def load(name_or_path: str | Path) -> Scenario:
    """The scenario in a file, or one of those that come with the package. Raises ConfigError."""
    path = find(name_or_path)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read the scenario {path}: {error}') from error
    return loads(text, path)


def loads(text: str, path: Path) -> Scenario:
    """The scenario in ``text``; ``path`` is named in messages."""
    data, lines = _parse_yaml(text, path)
    try:
        return parse(data)
    except FieldError as error:
        raise ConfigError(f'{path}:{_line_of(error.where, lines)}: {error}') from error


def find(name_or_path: str | Path) -> Path:
    """The file of a scenario, by its path or, if it comes with the package, by its name."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) != 1:
        raise ConfigError(f'there is no scenario file {path}: check the path')
    installed = share_dir() / 'scenarios' / f'{path}.yaml'
    if installed.is_file():
        return installed
    raise ConfigError(f"there is no scenario '{path}': give the path of a file or one of "
                      f'{", ".join(names()) or "(none are installed)"}')


def names() -> list[str]:
    """Names of the scenarios that come with the package."""
    return sorted(file.stem for file in (share_dir() / 'scenarios').glob('*.yaml'))


def file_of(name: str, scenario_path: Path) -> Path:
    """A sound or video that a scenario names: beside its own file, or 'MODEL/FILE' of a model."""
    path = scenario_path.parent / name
    if path.exists():
        return path
    model, _, file = name.partition('/')
    if Path(name).is_absolute() or not file or '/' in file:
        raise ConfigError(f"{scenario_path} names '{name}', but there is no file {path}")
    from omni_agent.backends import models
    return models.path(model, file)


def _parse_yaml(text: str, path: Path) -> tuple[Value, dict[Where, int]]:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(f'cannot read {path}: install PyYAML with pip ({error})') from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Where, int] = {}
        if node is not None:
            _note_lines(node, (), lines, path)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        where = f':{mark.line + 1}' if mark else ''
        problem = getattr(error, 'problem', None) or str(error).splitlines()[0]
        raise ConfigError(f'{path}{where}: this is not YAML: {problem}') from error


def _note_lines(node: yaml.Node, where: Where, lines: dict[Where, int], path: Path) -> None:
    import yaml
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, where + (index,), lines, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = where + (str(key.value),)
            if below in lines:               # YAML would silently take the last one
                raise ConfigError(f"{path}:{key.start_mark.line + 1}: '{key.value}' is already "
                                  f'given on line {lines[below]}: keep one of them')
            lines[below] = key.start_mark.line + 1
            _note_lines(value, below, lines, path)


def _line_of(where: Where, lines: dict[Where, int]) -> int:
    """The line of a field, or of the nearest thing around it."""
    while where not in lines and where:
        where = where[:-1]
    return lines.get(where, 1)
