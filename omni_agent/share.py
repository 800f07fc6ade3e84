"""The only place that knows where config/, models/, launch/ and scenarios/ lie on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_agent.core.errors import ConfigError

PACKAGE = 'omni_agent'


def share_dir() -> Path:
    """The source tree when run from it, else ``share/omni_agent`` of an ament or Python prefix.

    Raises ConfigError when none of them holds the package.
    """
    for folder in _candidates():
        if (folder / 'package.xml').is_file() and (folder / 'models').is_dir():
            return folder
    raise ConfigError(
        'the folder with the configuration and the model lists of omni_agent cannot be found: '
        'install the package again ("pip install ." or "colcon build"), or source the workspace '
        'that it was built in')


def _candidates() -> list[Path]:
    source = Path(__file__).resolve().parent.parent
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    return [source, *(Path(prefix, 'share', PACKAGE) for prefix in prefixes if prefix)]
