"""What really happened in the virtual room; the only place that knows these files.

* ``person.wav``, ``robot.wav``: what the people said, as the microphone heard it, and what the
  loudspeaker played. Their first sample is room time 0, whose Unix time is "t0" in the first
  record of
* ``truth.jsonl``: {"t0"}, then {"begin": true, "t"} when the script starts; for each line, when it
  starts, {"line": index from 0, "name", "who", "text", "expect", "expect_within_s", "start",
  "end", "missed": false} with the Unix times of its first and one past its last voiced sample (the
  end of a recording is known ahead); for one that is given up the same with "missed": true, null
  as start and end, and "t"; at last {"over": true, "t", "reason": "script" or "duration"}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Union

import numpy as np

from omni_agent.backends import BLOCK
from omni_agent.backends.audio_files import GrowingWav
from omni_agent.backends.room_cast import Utterance
from omni_agent.backends.room_ring import RoomRing
from omni_agent.core.scenario import Line

Record = dict[str, Union[str, int, float, bool, None]]
_SILENCE = np.zeros(BLOCK, np.int16)


class RoomRecords:
    """Begun by the first microphone in a room, continued by one that comes back into it."""

    def __init__(self, folder: Path, ring: RoomRing) -> None:
        self._ring = ring
        path = folder / 'truth.jsonl'
        old = read_truth(path)
        is_same_room = bool(old) and old[0].get('t0') == ring.t0_unix
        self.over = is_same_room and any('over' in record for record in old)
        self.lines_done = sum('line' in record for record in old) if is_same_room else 0
        self._person = GrowingWav(folder / 'person.wav', append=is_same_room)
        self._robot = GrowingWav(folder / 'robot.wav', append=is_same_room)
        self._truth = open(path, 'w', encoding='utf-8')
        # all of it, because a killed process may have left half a record
        for record in old if is_same_room else [{'t0': ring.t0_unix}]:
            self._write(record)

    def sound(self, block: int, person: np.ndarray, robot: np.ndarray | None) -> None:
        """int16 samples of one block of room time; blocks that were left out are silence."""
        for wav, samples in ((self._person, person), (self._robot, robot)):
            wav.pad_to(block * BLOCK)
            wav.append(_SILENCE if samples is None else samples)

    def begin(self, position: int) -> None:
        self._write({'begin': True, 't': self._ring.unix(position)})

    def said(self, index: int, line: Line, position: int, utterance: Utterance) -> None:
        self._write({**_about(index, line), 'start': self._ring.unix(position + utterance.onset),
                     'end': self._ring.unix(position + utterance.end), 'missed': False})

    def missed(self, index: int, line: Line, position: int) -> None:
        self._write({**_about(index, line), 'start': None, 'end': None, 'missed': True,
                     't': self._ring.unix(position)})

    def finish(self, position: int, reason: str) -> None:
        self._write({'over': True, 't': self._ring.unix(position), 'reason': reason})
        self.over = True

    def close(self) -> None:
        self._person.close()
        self._robot.close()
        self._truth.close()

    def _write(self, record: Record) -> None:
        self._truth.write(json.dumps(record) + '\n')
        self._truth.flush()


def _about(index: int, line: Line) -> Record:
    return {'line': index, 'name': line.name, 'who': line.who, 'text': line.text,
            'expect': line.expect.value, 'expect_within_s': line.expect_within_s}


def read_truth(path: Path) -> list[Record]:
    """The whole records written so far; none if there is no file."""
    if not path.exists():
        return []
    text = path.read_text(encoding='utf-8')
    return [json.loads(line) for line in text[:text.rfind('\n') + 1].splitlines()]
