"""The only place that knows which recordings of people our own set of scenes has, and who of them
is in which half: files of scenarios/addressee/human and prompts of a Debian package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Sequence

import numpy as np

from omni_agent.backends import audio_files, human_voices
from omni_agent.core.errors import ConfigError
from omni_agent.share import share_dir

ENGINE = 'human:'
HALVES = ('development', 'test')
READ, ANNOUNCED = 'read', 'announced'    # other kinds are those of what is said to the robot


@dataclass(frozen=True)
class Recording:
    """``source``: a file of the half's folder, or else the name of a prompt."""

    voice: str
    kind: str
    text: str
    source: str


@lru_cache(maxsize=None)
def recordings(half: str) -> tuple[Recording, ...]:
    import yaml

    path = _folder() / f'{half}.yaml'
    return tuple(
        Recording(ENGINE + voice, kind, text, source)
        for kind, lines in yaml.safe_load(path.read_text(encoding='utf-8')).items()
        for voice, source, text in lines)


def of_kinds(half: str, *kinds: str) -> list[Recording]:
    return [one for one in recordings(half) if one.kind in kinds]


def direct(half: str) -> list[Recording]:
    """What may be said to the robot."""
    return [one for one in recordings(half) if one.kind not in (READ, ANNOUNCED)]


def by_voice(lines: Sequence[Recording]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in lines:
        found.setdefault(one.voice, []).append(one.text)
    return found


def file_of(half: str, one: Recording) -> Path | None:
    """None: it is a prompt."""
    return _folder() / half / one.source if one.source.endswith('.flac') else None


def say(text: str, voice: str) -> np.ndarray:
    """float32 samples at RATE. Raises ConfigError for what nobody has said, BackendError for a
    prompt that is not on this machine.
    """
    for half in HALVES:
        for one in recordings(half):
            if (one.voice, one.text) == (voice, text):
                path = file_of(half, one)
                if path is not None:
                    return audio_files.read(path)
                return human_voices.prompts([one.source])[one.source]
    raise ConfigError(f"there is no recording of '{voice}' saying \"{text}\"")


def _folder() -> Path:
    return share_dir() / 'scenarios' / 'addressee' / 'human'
