"""How ``labels.csv`` of a set of recordings is read: the only place that names a missing column
and a line that is wrong.
"""

from __future__ import annotations

import csv
from typing import Callable, Iterable, Mapping, Sequence, TypeVar

from .errors import ConfigError

Item = TypeVar('Item')
Row = Mapping[str, 'str | None']


def rows(lines: Iterable[str], name: str, columns: Sequence[str], required: Sequence[str],
         item: Callable[[Row, str], Item]) -> list[Item]:
    """``item`` makes one of a row and of where it stands. Raises ConfigError, which names the
    line.
    """
    reader = csv.DictReader(lines)
    missing = [column for column in required if column not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(
            f'{name}: no column {", ".join(missing)}: the first line is {",".join(columns)}')
    try:
        items = [item(row, f'{name}, line {reader.line_num}') for row in reader]
    except csv.Error as error:
        raise ConfigError(f'{name}, line {reader.line_num}: {error}') from error
    if not items:
        raise ConfigError(f'{name} names no recording: add one line for each')
    return items
