"""How a device parameter names a virtual room: 'room:SCENARIO@FOLDER', perhaps with '?wait'.

The microphone, the loudspeaker and the camera of one robot are given the same words. SCENARIO is
the path of a file or the name of a scenario that comes with the package; without FOLDER the room
is the user's only one.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from omni_agent.core.errors import ConfigError

PREFIX = 'room:'
_WAIT = '?wait'


@dataclass(frozen=True)
class RoomAddress:
    scenario: str
    folder: Path
    waits: bool              # nobody speaks before room_ring.raise_curtain(folder)

    @classmethod
    def parse(cls, device: str) -> RoomAddress:
        assert device.startswith(PREFIX)
        words = device[len(PREFIX):]
        waits = words.endswith(_WAIT)
        scenario, _, folder = (words[:-len(_WAIT)] if waits else words).partition('@')
        if not scenario:
            raise ConfigError(f"'{device}' names no scenario: write it like 'room:conversation'")
        return cls(scenario, Path(folder) if folder else _default_folder(), waits)

    def __str__(self) -> str:
        return f'{PREFIX}{self.scenario}@{self.folder}{_WAIT if self.waits else ""}'


def _default_folder() -> Path:
    runtime = os.environ.get('XDG_RUNTIME_DIR')
    if runtime:
        return Path(runtime, 'omni_agent_room')
    return Path(tempfile.gettempdir(), f'omni_agent_room_{os.getuid()}')
