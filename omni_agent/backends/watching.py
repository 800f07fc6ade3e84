"""The only place that finds the words of standing instructions, and that keeps the instructions in
a file.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from omni_agent.backends import kept, yaml_lines
from omni_agent.backends.vision import LABELS
from omni_agent.core.errors import ConfigError
from omni_agent.core.watch_items import MOST_BYTES, WatchItems
from omni_agent.core.watch_words import WatchWords, parse
from omni_agent.share import share_dir

ENGLISH = 'en'


@lru_cache(maxsize=None)
def watch_words(spoken: str = 'en') -> WatchWords:
    """Of the first of the languages (codes with commas between them) that has such words; else
    English.
    """
    there = [file.stem for file in _folder().glob('*.yaml')]
    codes = [code.strip().lower() for code in spoken.split(',')]
    return load(_folder() / f'{next((code for code in codes if code in there), ENGLISH)}.yaml')


def load(path: Path) -> WatchWords:
    """The words in a file that is named after their language. Raises ConfigError."""
    return yaml_lines.read(path, 'the words for watching',
                           lambda data: parse(data, path.stem, LABELS))


def restore(items: WatchItems, path: Path) -> int:
    """What stood when the file was written; 0 without a file. Raises ConfigError where it cannot
    be used.
    """
    try:
        with path.open('rb') as file:
            data = file.read(MOST_BYTES + 1)
        return items.restore(data.decode('utf-8'))
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: what to watch for cannot be read ({error})') from error
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def keep(items: WatchItems, path: Path) -> None:
    """Raises DeviceError."""
    kept.write(path, items.to_json(), 'what to watch for')


def _folder() -> Path:
    return share_dir() / 'config' / 'watching'
