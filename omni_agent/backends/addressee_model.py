"""The only place that knows where the fitted weights of the addressee lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omni_agent.core import address_phrases, judgement
from omni_agent.core.address_phrases import Phrases
from omni_agent.core.errors import ConfigError
from omni_agent.core.judgement import Judgement
from omni_agent.share import share_dir


def load(path: Path | None = None) -> Judgement:
    """The weights of config/addressee/addressee.json, with those of phrases. Raises
    ConfigError.
    """
    return replace(judgement.parse(_read(path or _folder() / 'addressee.json')), phrases=phrases())


def phrases() -> Phrases:
    """The weights of config/addressee/phrases.json. Raises ConfigError."""
    return address_phrases.parse(_read(_folder() / 'phrases.json'))


def _folder() -> Path:
    return share_dir() / 'config' / 'addressee'


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except OSError as error:
        raise ConfigError(
            f'the weights of the addressee cannot be read ({error}): install the package again'
        ) from error
