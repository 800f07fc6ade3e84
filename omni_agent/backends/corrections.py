"""The only place that writes down what corrections taught (core/attention.py): in a file, for a
restart, and in words, for people.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping

from omni_agent.backends import kept
from omni_agent.core.attention import MOST_LEARNT, PLACE, Learnt
from omni_agent.core.checked_table import FieldError, Table
from omni_agent.core.errors import ConfigError

VERSION = 1
MOST_BYTES = 100_000
MOST = 1_000_000         # corrections that anybody has made
FURTHEST = 4.0           # [log odds] that AttentionParams.bound allows
NOTHING = 'nothing'


def told(learnt: Mapping[str, Learnt]) -> str:
    """'at here -0.50 (2), face 3 +0.25 (1)': for whom, log odds, corrections."""
    return ', '.join(f'{key} {one.shift:+.2f} ({one.corrections})'
                     for key, one in learnt.items()) or NOTHING


def keep(learnt: Mapping[str, Learnt], path: Path) -> None:
    """What was learnt for places; people's numbers begin anew. Raises
    DeviceError.
    """
    places = {
        key: {'shift': one.shift, 'corrections': one.corrections}
        for key, one in learnt.items() if key.startswith(PLACE)
    }
    text = json.dumps({'version': VERSION, 'learnt': places}, ensure_ascii=False)
    kept.write(path, text, 'what corrections taught')


def restore(path: Path) -> dict[str, Learnt]:
    """What was kept; nothing without a file. Raises ConfigError where it cannot be used."""
    try:
        with path.open('rb') as file:
            data = json.loads(file.read(MOST_BYTES + 1))
        return _parsed(data)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, FieldError) as error:
        raise ConfigError(
            f'{path}: what corrections taught cannot be read ({error}): delete it') from error


def _parsed(data: object) -> dict[str, Learnt]:
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    found = {}
    for key, item in table.named_tables('learnt'):
        shift = item.number('shift', None, -FURTHEST, FURTHEST)
        found[key] = Learnt(shift, int(item.number('corrections', None, 0, MOST)))
        item.finish()
    table.finish()
    return dict(list(found.items())[:MOST_LEARNT])
