"""The only place that knows where the fitted weights of the addressee lie."""

from __future__ import annotations

from pathlib import Path

from omni_agent.core.errors import ConfigError
from omni_agent.core.judgement import Judgement, parse
from omni_agent.share import share_dir


def load(path: Path | None = None) -> Judgement:
    """The weights of config/addressee/addressee.json. Raises ConfigError."""
    path = path or share_dir() / 'config' / 'addressee' / 'addressee.json'
    try:
        return parse(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'the weights of the addressee cannot be read ({error}): install the package again'
        ) from error
