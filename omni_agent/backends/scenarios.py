"""The only place that finds scenario files and turns them into scenarios.

A mistake in the file is reported with its line, the field and what the field may be.
"""

from __future__ import annotations

from pathlib import Path

from omni_agent.backends import yaml_lines
from omni_agent.core.errors import ConfigError
from omni_agent.core.scenario import Scenario, parse
from omni_agent.share import share_dir


def load(name_or_path: str | Path) -> Scenario:
    """The scenario in a file, or one of those that come with the package. Raises ConfigError."""
    path = find(name_or_path)
    return yaml_lines.read(path, 'the scenario', parse)


def loads(text: str, path: Path) -> Scenario:
    """The scenario in ``text``; ``path`` is named in messages."""
    return yaml_lines.checked(text, path, parse)


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
