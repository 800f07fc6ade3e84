"""The only place that finds language files and turns them into a lexicon.

A mistake in a file is reported with its line, the field and what the field may be.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from omni_agent.backends import yaml_lines
from omni_agent.core.errors import ConfigError
from omni_agent.core.language import Language, parse
from omni_agent.core.lexicon import Lexicon
from omni_agent.core.words import Phrases
from omni_agent.share import share_dir


def lexicon(spoken: str = 'en') -> Lexicon:
    """The lexicon of languages named by codes with commas between them, the likeliest first.

    The plainest stop phrases of all others that come with the package are in it as well. Raises
    ConfigError.
    """
    codes = list(dict.fromkeys(code.strip().lower() for code in spoken.split(',') if code.strip()))
    if not codes:
        raise ConfigError(f'languages: name one at least; there are {", ".join(names())}')
    languages = tuple(named(code) for code in codes)
    everywhere = Phrases()
    for code in names():
        everywhere = everywhere | named(code).stop_everywhere
    return Lexicon(languages, everywhere)


def names() -> list[str]:
    """Codes of the languages that come with the package."""
    return sorted(file.stem for file in _folder().glob('*.yaml'))


@lru_cache(maxsize=None)
def named(code: str) -> Language:
    """One of those that come with the package. Raises ConfigError."""
    if code not in names():
        raise ConfigError(f"there is no language '{code}': there are {', '.join(names())}; for "
                          f'another one, put {code}.yaml into {_folder()}')
    return load(_folder() / f'{code}.yaml')


def load(path: Path) -> Language:
    """The language in a file that is named after it. Raises ConfigError."""
    return yaml_lines.read(path, 'the language', lambda data: parse(data, path.stem))


def _folder() -> Path:
    return share_dir() / 'config' / 'languages'
