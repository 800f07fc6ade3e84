"""What a set of interruptions is: the only place that knows its labels and checks them.
docs/interrupt_sets.md tells people how to make one.

``labels.csv`` has the columns ``file,kind,text,onset_s,voice,half``; others are ignored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from .errors import ConfigError
from .labels import rows

COLUMNS = ('file', 'kind', 'text', 'onset_s', 'voice', 'half')
INTERRUPTIONS = ('question', 'command', 'correction', 'stop')      # the reply is to end
NODS = ('nod',)                                                    # and here it is to go on
NOISES = ('noise', 'side_talk')
KINDS = (*INTERRUPTIONS, *NODS, *NOISES)
HALVES = ('development', 'test')
SUFFIXES = ('.wav', '.flac')
HUMAN = 'human:'                    # what the voice of a human recording begins with


@dataclass(frozen=True)
class Item:
    """One recording; ``onset_s`` is its first sound, None where that is to be found by energy."""

    file: str
    kind: str
    text: str = ''
    onset_s: float | None = None
    voice: str = ''
    half: str = 'test'

    @property
    def interrupts(self) -> bool:
        return self.kind in INTERRUPTIONS

    @property
    def is_human(self) -> bool:
        return self.voice.startswith(HUMAN)


def parse(lines: Iterable[str], name: str = 'labels.csv') -> list[Item]:
    """Raises ConfigError, which names the line and says what a field may be."""
    items = rows(lines, name, COLUMNS, COLUMNS, _item)
    _files_are_unique(items, name)
    return items


def _item(row: Mapping[str, str | None], where: str) -> Item:
    values = {column: (row[column] or '').strip() for column in COLUMNS}
    if not values['file'].lower().endswith(SUFFIXES):
        raise ConfigError(f"{where}: file '{values['file']}' is neither wav nor flac")
    if values['kind'] not in KINDS:
        raise ConfigError(f"{where}: kind '{values['kind']}' is none of {', '.join(KINDS)}")
    if values['half'] not in (*HALVES, ''):
        raise ConfigError(
            f"{where}: half '{values['half']}' is neither development nor test (nor empty, which "
            "is test)"
        )
    if not values['text'] and values['kind'] != 'noise':
        raise ConfigError(f'{where}: text is empty: write what is said; only a noise has none')
    return Item(values['file'], values['kind'], values['text'], _onset(values['onset_s'], where),
                values['voice'], values['half'] or 'test')


def _onset(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        onset = float(text)
    except ValueError:
        onset = math.nan
    if not 0.0 <= onset < math.inf:
        raise ConfigError(
            f"{where}: onset_s '{text}' is no number of seconds from 0 up: leave it empty to have "
            "the "
            'first sound found')
    return onset


def _files_are_unique(items: Sequence[Item], name: str) -> None:
    seen: set[str] = set()
    for item in items:
        if item.file in seen:
            raise ConfigError(f"{name}: '{item.file}' is named twice: keep one of the lines")
        seen.add(item.file)


def as_csv(items: Sequence[Item]) -> str:
    """The text of a labels.csv."""
    rows = [','.join(COLUMNS)]
    for item in items:
        onset = '' if item.onset_s is None else f'{item.onset_s:.3f}'
        rows.append(','.join(
            _quoted(value)
            for value in (item.file, item.kind, item.text, onset, item.voice, item.half)))
    return '\n'.join(rows) + '\n'


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\n') else value


def sample(items: Sequence[Item], count: int | None) -> list[Item]:
    """At most ``count``, evenly from each kind, so that a short run still holds all of them."""
    if count is None or count >= len(items):
        return list(items)
    chosen: list[Item] = []
    for kind in KINDS:
        some = [item for item in items if item.kind == kind]
        share = max(1, round(count * len(some) / len(items))) if some else 0
        chosen += [some[index * len(some) // share] for index in range(share)]
    return chosen[:count] if len(chosen) > count else chosen


def mixed(items: Sequence[Item]) -> list[Item]:
    """In an order in which every kind is spread over the whole, so that replies do not end
    unheard.
    """
    places = []
    for kind in KINDS:
        some = [item for item in items if item.kind == kind]
        places += [((index + 0.5) / len(some), KINDS.index(kind), item)
                   for index, item in enumerate(some)]
    return [item for _, _, item in sorted(places, key=lambda place: place[:2])]
