"""Which moments have a word: FTS5 where SQLite has it, else a larger table of our own with the
same answers.
"""

from __future__ import annotations

import sqlite3
from typing import Iterable, Protocol

from omni_agent.core.errors import ConfigError

Row = tuple[int, str]            # moment, its terms with spaces between them


class WordIndex(Protocol):
    """What is added and removed by the writer is found by any connection after the commit."""

    def add(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None: ...

    def remove(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None: ...

    def renew(self, connection: sqlite3.Connection) -> None:
        """Forget what removed words left behind."""

    def having(self, connection: sqlite3.Connection, term: str, first: int, last: int, most: int) -> list[int]:
        """The newest moments between ``first`` and ``last`` that have it."""


def index_of(connection: sqlite3.Connection, path: object) -> WordIndex:
    tables = {
        name
        for name, in connection.execute(
            "SELECT name FROM sqlite_master WHERE name IN ('words', 'word')")
    }
    if 'word' in tables:
        return TableIndex()
    try:
        connection.execute('SELECT rowid FROM words LIMIT 1')
    except sqlite3.OperationalError as error:
        raise ConfigError(
            f'memory: {path} was written where SQLite has FTS5, and this Python has none '
            f'({error}): use '
            'another Python, or choose another file') from error
    return Fts5Index()


class Fts5Index:
    """Terms are letters and digits, so that a quoted one is always a single token."""

    def add(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        connection.executemany('INSERT INTO words (rowid, terms) VALUES (?, ?)', rows)

    def remove(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        connection.executemany("INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)",
                               rows)

    def renew(self, connection: sqlite3.Connection) -> None:
        # else the old words stay as "deleted"
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")

    def having(self, connection: sqlite3.Connection, term: str, first: int, last: int, most: int) -> list[int]:
        return [
            row for row, in connection.execute(
                'SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY '
                'rowid DESC LIMIT ?',
                (f'"{term}"', first, last, most))
        ]


class TableIndex:
    """A plain table of (term, moment)."""

    def add(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        connection.executemany('INSERT OR IGNORE INTO word VALUES (?, ?)', _pairs(rows))

    def remove(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
        connection.executemany('DELETE FROM word WHERE term = ? AND moment = ?', _pairs(rows))

    def renew(self, connection: sqlite3.Connection) -> None:
        """What was deleted is gone already."""

    def having(self, connection: sqlite3.Connection, term: str, first: int, last: int,
               most: int) -> list[int]:
        return [
            row for row, in connection.execute(
                'SELECT moment FROM word WHERE term = ? AND moment BETWEEN ? AND ? ORDER BY '
                'moment DESC LIMIT ?',
                (term, first, last, most))
        ]


def _pairs(rows: Iterable[Row]) -> list[tuple[str, int]]:
    return [(term, moment) for moment, joined in rows for term in set(joined.split())]
