"""The only place that reads a folder of utterances with and without an addressee: ``labels.csv``
and its recordings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

from omni_agent.backends.addressee_play import Listener
from omni_agent.core.addressee_set import Item, parse
from omni_agent.core.addressee_trial import Final
from omni_agent.core.errors import ConfigError


def read(folder: Path) -> list[Item]:
    """Every row, checked. Raises ConfigError that names what is wrong."""
    labels = folder / 'labels.csv'
    if not labels.is_file():
        raise ConfigError(
            f'there is no {labels}: a set is a folder of wav or flac files with a labels.csv')
    try:
        text = labels.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read {labels}: {error}') from error
    items = parse(text.splitlines(), str(labels))
    missing = [item.file for item in items if not (folder / item.file).is_file()]
    if missing:
        raise ConfigError(f'{labels} names {missing[0]}, which is not in the folder')
    return items


def heard(folder: Path, items: list[Item], listener: Listener,
          shown: Callable[[list[Item]], Iterator[Item]] = iter) -> list[tuple[Item, list[Final]]]:
    """What perception makes of each, in the order of the labels."""
    return [(item, listener.listen(folder / item.file)) for item in shown(items)]
