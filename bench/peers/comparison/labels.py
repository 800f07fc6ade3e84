"""The only place that reads a set: a folder of recordings with ``labels.csv``."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from . import PeerError

COLUMNS = ('file', 'kind', 'text', 'onset_s', 'voice', 'half')
INTERRUPTIONS = ('question', 'command', 'correction', 'stop')    # the robot is to be silent
NODS = ('nod',)                                                  # the reply is to go on
NOISES = ('noise', 'side_talk')                                  # so it is here
KINDS = INTERRUPTIONS + NODS + NOISES
HALVES = ('development', 'test', '')
TRANSCRIBED = ('all', 'interruptions')
SUFFIXES = ('.wav', '.flac')


@dataclass(frozen=True)
class Label:
    """One row; ``onset_s`` is None where the first sound is to be found by its energy."""

    file: str
    kind: str
    text: str
    onset_s: float | None
    voice: str
    half: str

    def transcript(self, transcribed: str) -> str:
        """What a perfect recogniser says: nothing of a noise, and of the rest what was asked."""
        if self.kind in INTERRUPTIONS:
            return self.text
        return '' if self.kind == 'noise' or transcribed == 'interruptions' else self.text


def read(folder: Path, half: str | None = None, items: int | None = None) -> list[Label]:
    """The rows of ``labels.csv``, those of one half where asked, at most ``items``.

    Fewer than all are taken evenly from the list, so that every kind stays in it.
    Raises PeerError.
    """
    rows = [row for row in _rows(folder) if half is None or row.half == half]
    if not rows:
        wanted = 'row' if half is None else f"row of half '{half}'"
        raise PeerError(f'{folder / "labels.csv"} holds no {wanted}. '
                        f'Its header is {",".join(COLUMNS)}.')
    if items is None or items >= len(rows):
        return rows
    return [rows[index * len(rows) // items] for index in range(items)]


def _rows(folder: Path) -> list[Label]:
    path = folder / 'labels.csv'
    try:
        with path.open(encoding='utf-8', newline='') as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames or ())
            return [_label(folder, f'{path}, line {reader.line_num}', row) for row in reader]
    except (OSError, UnicodeError, csv.Error) as error:
        raise PeerError(f'{path} cannot be read ({error}). A set is a folder of wav or flac files '
                        f'with a labels.csv whose header is {",".join(COLUMNS)}.') from error


def _check_header(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise PeerError(f'{path}: no column {", ".join(missing)}. '
                        f'The header is {",".join(COLUMNS)}.')


def _label(folder: Path, where: str, row: dict[str, str | None]) -> Label:
    values = {name: (row[name] or '').strip() for name in COLUMNS}
    file = values['file']
    if Path(file).suffix.lower() not in SUFFIXES or not (folder / file).is_file():
        raise PeerError(f"{where}: there is no wav or flac file '{file}' in {folder}.")
    if values['kind'] not in KINDS:
        raise PeerError(f"{where}: kind '{values['kind']}' is none of {', '.join(KINDS)}.")
    if values['half'] not in HALVES:
        raise PeerError(f"{where}: half '{values['half']}' is neither development nor test "
                        'nor empty.')
    return Label(file, values['kind'], values['text'], _onset(where, values['onset_s']),
                 values['voice'], values['half'])


def _onset(where: str, text: str) -> float | None:
    if not text:
        return None
    try:
        onset = float(text)
    except ValueError:
        onset = math.nan
    if not 0.0 <= onset < math.inf:
        raise PeerError(f"{where}: onset_s '{text}' is no number of seconds from 0 up; leave it "
                        'empty to have it found by energy.')
    return onset
