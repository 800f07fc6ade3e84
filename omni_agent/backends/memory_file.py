"""The only place that opens the file of the long-term memory: its schema and version, who may read
it, who owns it now, and what happens to one that is damaged.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from pathlib import Path
from typing import IO

from omni_agent.core.errors import BackendError, ConfigError

APPLICATION = 0x6f6d6e69         # 'omni', so that a foreign database is not taken for ours
VERSION = 1
MIGRATIONS: dict[int, str] = {}  # version -> SQL that makes the next version of it
CACHE_KIB = 8192
WAL_PAGES = 1000                 # [pages] after which the log goes back into the file
BESIDE = ('', '-wal', '-shm')    # what SQLite makes of one database

SCHEMA = '''
CREATE TABLE episode (
    id INTEGER PRIMARY KEY, level INTEGER NOT NULL, start REAL NOT NULL, end REAL NOT NULL, place TEXT NOT NULL,
    people TEXT NOT NULL, salience REAL NOT NULL, summary INTEGER, moments INTEGER NOT NULL, bytes INTEGER NOT NULL,
    embedding BLOB);
CREATE INDEX episode_start ON episode (level, start);
CREATE INDEX episode_summary ON episode (summary);
CREATE TABLE picture (episode INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);
CREATE TABLE moment (
    id INTEGER PRIMARY KEY, episode INTEGER NOT NULL, t REAL NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,
    text TEXT NOT NULL, terms TEXT NOT NULL, kept INTEGER NOT NULL DEFAULT 0);
CREATE INDEX moment_t ON moment (t);
CREATE INDEX moment_episode ON moment (episode);
CREATE TABLE presence (name TEXT NOT NULL, moment INTEGER NOT NULL, PRIMARY KEY (name, moment)) WITHOUT ROWID;
CREATE TABLE unswept (since REAL NOT NULL);
'''


class MemoryFile:
    """One writer and one reader connection to a file that this process owns. ``notice`` says what
    was set aside.
    """

    def __init__(self, path: Path, full_text: bool = True) -> None:
        self.path = path
        self.notice = ''
        self._full_text = full_text
        self._lock = _own(path)
        try:
            self.writer = self._open()
            self.reader = _connect(path)
            self.reader.execute('PRAGMA query_only = ON')
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> sqlite3.Connection:
        try:
            return _opened(self.path, self._full_text)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise trouble(self.path, error) from error
            aside = set_aside(self.path)
            self.notice = (
                f'the memory {self.path} was damaged ({error}) and is now {aside}: a new one was '
                'begun; '
                'delete the old one, or repair it with "sqlite3 FILE .recover"')
            return _opened(self.path, self._full_text)

    def close(self) -> None:
        for connection in (self.reader, self.writer):
            # what was committed is in the log and safe
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._lock.close()


def trouble(path: Path, error: sqlite3.Error) -> BackendError:
    """What SQLite says, with what to do about it."""
    words = str(error)
    if 'full' in words or 'disk I/O' in words:
        return BackendError(
            f'memory: {path} cannot grow ({words}): make room on the disk of {path.parent}, or '
            'allow '
            'less memory; until then nothing new is remembered')
    if 'readonly' in words or 'unable to open' in words:
        return BackendError(
            f'memory: {path} cannot be written ({words}): make the folder {path.parent} writable, '
            'or '
            'choose another file')
    return BackendError(
        f'memory: {path}: {words}: if it happens again, move the file away and start anew')


def set_aside(path: Path) -> Path:
    """Out of the way, with its log."""
    stamp = time.strftime('%Y%m%d-%H%M%S')
    aside, number = path.with_name(f'{path.name}.damaged-{stamp}'), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f'{path.name}.damaged-{stamp}-{number}')
    for ending in BESIDE:
        with contextlib.suppress(FileNotFoundError):
            os.replace(f'{path}{ending}', f'{aside}{ending}')
    return aside


def delete_damaged(path: Path) -> int:
    """What was once set aside still holds what people said; nobody can delete a single line of
    it.
    """
    found = sorted(path.parent.glob(f'{path.name}.damaged-*'))
    for file in found:
        file.unlink(missing_ok=True)
    return len(found)


def size(path: Path) -> int:
    """[bytes] of all that belongs to the memory."""
    total = 0
    for ending in BESIDE:
        with contextlib.suppress(OSError):               # the log comes and goes
            total += os.path.getsize(f'{path}{ending}')
    return total


def has_fts5(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute('CREATE VIRTUAL TABLE temp.fts5_probe USING fts5(x)')
    except sqlite3.OperationalError:
        return False
    connection.execute('DROP TABLE temp.fts5_probe')
    return True


def _own(path: Path) -> IO[str]:
    """A lock of our own: SQLite would let a second process in, whose caches know nothing of
    ours.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.fdopen(os.open(f'{path}.lock', os.O_RDWR | os.O_CREAT, 0o600), 'r+')
    except OSError as error:
        raise ConfigError(f'memory: {path} cannot be written ({error.strerror}): make the folder {path.parent} '
                          'writable, or choose another file') from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise ConfigError(
            f'memory: {path} is in use by another process: stop it, or choose another file'
        ) from error
    return handle


def _opened(path: Path, full_text: bool) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError for a damaged file, ConfigError for one that is not ours."""
    _private(path)
    connection = _connect(path)
    try:
        _settle(connection, path, full_text)
        return connection
    except BaseException:
        connection.close()
        raise


def _private(path: Path) -> None:
    """What people say in a room is for nobody else's eyes; SQLite gives the same mode to the
    log.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for ending in BESIDE:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(f'{path}{ending}', 0o600)
    except OSError as error:
        raise ConfigError(
            f'memory: {path} cannot be written ({error.strerror}): make the folder {path.parent} '
            'writable, or choose another file') from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f'PRAGMA cache_size = -{CACHE_KIB}')
        connection.execute('PRAGMA secure_delete = ON')      # deleted is overwritten
        connection.execute('PRAGMA temp_store = MEMORY')     # no copies elsewhere
        # robots lose power; one commit a second is cheap
        connection.execute('PRAGMA synchronous = FULL')
    except BaseException:
        connection.close()
        raise
    return connection


def _settle(connection: sqlite3.Connection, path: Path, full_text: bool) -> None:
    version = connection.execute('PRAGMA user_version').fetchone()[0]
    owner = connection.execute('PRAGMA application_id').fetchone()[0]
    tables = connection.execute('SELECT count(*) FROM sqlite_master').fetchone()[0]
    if tables and owner != APPLICATION:
        raise ConfigError(f'memory: {path} is a database of another program: choose another file')
    if version > VERSION:
        raise ConfigError(
            f'memory: {path} was written by a newer omni_agent (format {version}, this one knows '
            f'{VERSION}): update omni_agent, or choose another file')
    if not tables:
        _create(connection, full_text)
    else:
        _check(connection)
        _migrate(connection, path, version)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute(f'PRAGMA wal_autocheckpoint = {WAL_PAGES}')
    connection.execute(f'PRAGMA journal_size_limit = {WAL_PAGES * 4096}')


def _create(connection: sqlite3.Connection, full_text: bool) -> None:
    # counts only before the first table
    connection.execute('PRAGMA auto_vacuum = INCREMENTAL')
    connection.execute('PRAGMA journal_mode = WAL')
    index = (
        "CREATE VIRTUAL TABLE words USING fts5(terms, content='moment', content_rowid='id', "
        "detail=none, "
        "tokenize='unicode61 remove_diacritics 0');" if full_text and has_fts5(connection) else
        'CREATE TABLE word (term TEXT NOT NULL, moment INTEGER NOT NULL, PRIMARY KEY (term, '
        'moment)) '
        'WITHOUT ROWID;')
    connection.executescript(f'BEGIN; {SCHEMA} {index} PRAGMA application_id = {APPLICATION}; '
                             f'PRAGMA user_version = {VERSION}; COMMIT;')


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute('PRAGMA quick_check(1)').fetchone()[0]
    if verdict != 'ok':
        raise sqlite3.DatabaseError(verdict)


def _migrate(connection: sqlite3.Connection, path: Path, version: int) -> None:
    for old in range(version, VERSION):
        if old not in MIGRATIONS:
            raise ConfigError(
                f'memory: {path} has format {version}, which nothing can read any more: move it '
                'away'
            )
        connection.executescript(
            f'BEGIN; {MIGRATIONS[old]} PRAGMA user_version = {old + 1}; COMMIT;')
