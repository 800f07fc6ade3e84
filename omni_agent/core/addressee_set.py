"""What a set of utterances with and without an addressee is: the only place that knows its labels
and checks them. docs/addressee_sets.md tells people how to make one.

``labels.csv`` has the columns of COLUMNS; others are ignored, and all but the first two may be
empty or missing.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import astuple, dataclass, fields
from typing import Iterable, Mapping, Sequence

from .errors import ConfigError
from .labels import rows

HALVES = ('development', 'test')
SUFFIXES = ('.wav', '.flac')
FOR_ROBOT, TO_OTHERS, BROADCAST = 'robot', 'people', 'broadcast'
LABELS = (FOR_ROBOT, TO_OTHERS, BROADCAST)
# kinds that come without a word of the robot before
DIRECT = ('question', 'command', 'polite', 'chat', 'named')


@dataclass(frozen=True)
class Item:
    """One recording. Rows of one ``scene`` follow each other, ``gap_s`` after the end of what was
    said before, by whoever it was; ``robot_said`` is what the robot said in between. None: not
    known, not measured.
    """

    file: str
    label: str                        # of LABELS
    scene: str = ''                   # empty: a scene of its own
    kind: str = ''                    # for the figures; free words
    text: str = ''
    voice: str = ''
    half: str = 'test'
    gap_s: float = 2.0
    robot_said: str = ''
    snr_db: float | None = None
    distance_m: float | None = None
    faces: float | None = None        # in the picture while it was said
    # that one of them looks at the robot, mean over the utterance [0..1]
    looks_here: float | None = None
    lips: float | None = None         # how well a mouth moves with the sound [0..1]

    @property
    def for_robot(self) -> bool:
        return self.label == FOR_ROBOT


COLUMNS = tuple(field.name for field in fields(Item))
BOUNDS = {
    'gap_s': (0.0, 3600.0),
    'snr_db': (-20.0, 100.0),
    'distance_m': (0.0, 100.0),
    'faces': (0.0, 100.0),
    'looks_here': (0.0, 1.0),
    'lips': (0.0, 1.0)
}


def parse(lines: Iterable[str], name: str = 'labels.csv') -> list[Item]:
    """Raises ConfigError, which names the line and says what a field may be."""
    return rows(lines, name, COLUMNS, COLUMNS[:2], _item)


def _item(row: Mapping[str, str | None], where: str) -> Item:
    said = {column: (row.get(column) or '').strip() for column in COLUMNS}
    if not said['file'].lower().endswith(SUFFIXES):
        raise ConfigError(f"{where}: file '{said['file']}' is neither wav nor flac")
    if said['label'] not in LABELS:
        raise ConfigError(f"{where}: label '{said['label']}' is none of {', '.join(LABELS)}")
    if said['half'] not in (*HALVES, ''):
        raise ConfigError(
            f"{where}: half '{said['half']}' is neither development nor test (nor empty, which is "
            "test)"
        )
    numbers = {column: _number(said[column], column, where) for column in BOUNDS}
    gap_s = 2.0 if numbers['gap_s'] is None else numbers['gap_s']
    return Item(said['file'], said['label'], said['scene'] or said['file'], said['kind'],
                said['text'], said['voice'], said['half'] or 'test', **{
                    **numbers, 'gap_s': gap_s
                }, robot_said=said['robot_said'])


def _number(text: str, column: str, where: str) -> float | None:
    if not text:
        return None
    least, most = BOUNDS[column]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ConfigError(
            f"{where}: {column} '{text}' is no number from {least:g} to {most:g}: leave it empty "
            "where it "
            'was not measured')
    return value


def as_csv(items: Sequence[Item]) -> str:
    """What ``parse`` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow(['' if value is None else value for value in astuple(item)])
    return out.getvalue()
