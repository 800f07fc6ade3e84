"""The only place that reads YAML with the line of every field, for messages about mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable, TypeVar

from omni_agent.core.checked_table import FieldError, Value, Where
from omni_agent.core.errors import ConfigError

if TYPE_CHECKING:
    import yaml


T = TypeVar('T')


def read(path: Path, what: str, parse: Callable[[Value], T]) -> T:
    """What ``parse`` makes of a file. Raises ConfigError, naming file, line and field; ``what`` is
    'the scenario'.
    """
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read {what} {path}: {error}') from error
    return checked(text, path, parse)


def checked(text: str, path: Path, parse: Callable[[Value], T]) -> T:
    """The same of text that is said to come from ``path``."""
    data, lines = parse_yaml(text, path)
    try:
        return parse(data)
    except FieldError as error:
        raise ConfigError(f'{path}:{line_of(error.where, lines)}: {error}') from error


def parse_yaml(text: str, path: Path) -> tuple[Value, dict[Where, int]]:
    """The data, and path to a field -> its line. Raises ConfigError, naming the line."""
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


def line_of(where: Where, lines: dict[Where, int]) -> int:
    """The line of a field, or of the nearest thing around it."""
    while where not in lines and where:
        where = where[:-1]
    return lines.get(where, 1)
