"""Episodes and summaries in one SQLite file within a fixed budget. One thread writes; any other
may recall meanwhile.

Nothing here keeps time or starts a thread: see long_memory for that.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from omni_agent.backends import memory_file
from omni_agent.backends import memory_forgetting as forgetting
from omni_agent.backends.memory_file import MemoryFile
from omni_agent.backends.memory_rows import (EPISODE, FIXED, PAGE, SEPARATOR, cost_of,
                                             cost_of_picture, cost_of_vector, names_in)
from omni_agent.backends.memory_search import Search
from omni_agent.backends.memory_upkeep import Upkeep
from omni_agent.backends.memory_vectors import Vectors, packed, unpacked
from omni_agent.backends.memory_words import index_of
from omni_agent.core.consolidation import Budget, Grouping, Writer
from omni_agent.core.past import Episode, Forget, Moment, clipped
from omni_agent.core.question import Query
from omni_agent.core.recollection import Recalled
from omni_agent.core.terms import terms

LARGEST_PICTURE = 64 << 10
LONGEST_EMBEDDING = 4096


@dataclass(frozen=True)
class Figures:
    """How full it is."""

    moments: int
    episodes: int
    summaries: int
    bytes: int               # as accounted, without an empty file's
    file_bytes: int          # with the log
    summarised: int          # episodes whose best lines are in a summary
    evicted: int             # episodes and summaries that went since the start

    @property
    def items(self) -> int:
        return self.moments + self.episodes + self.summaries


class MemoryStore:
    """Raises ConfigError for a path that cannot be used; BackendError, with what to do, when the
    disk gives out.
    """

    def __init__(self, path: Path, budget: Budget = Budget(), rules: Grouping = Grouping(),
                 full_text: bool = True) -> None:
        """``full_text=False``: as where SQLite has no FTS5."""
        self.budget = budget.check()
        self.rules = rules
        self.most_bytes = self.budget.bytes - FIXED
        self.file = MemoryFile(Path(path), full_text)
        self.vectors = Vectors()
        self.db = self.file.writer
        self.db.execute(
            f'PRAGMA wal_autocheckpoint = {max(50, min(1000, budget.bytes // (16 * PAGE)))}')
        self.words = index_of(self.db, path)
        self.upkeep = Upkeep(self)
        self.search = Search(self.file, self.words, self.vectors)
        self.open: int | None = None
        self.evicted = 0
        self._depth = 0
        # vectors that follow the commit
        self._changed: list[tuple[int, np.ndarray | None]] = []
        self.count()
        with self.writing():
            self.upkeep.make_room(0.0)             # the budget may be smaller than it was
        if self.one('SELECT count(*) FROM unswept'):    # it died while it was forgetting
            forgetting.sweep(self)
        for episode, blob in self.db.execute(
                'SELECT id, embedding FROM episode WHERE embedding IS NOT NULL ORDER BY id'):
            self.vectors.add(episode, unpacked(blob))

    def count(self) -> None:
        self.items = sum(
            self.one(f'SELECT count(*) FROM {table}') for table in ('moment', 'episode'))
        self.bytes = self.one('SELECT coalesce(sum(bytes), 0) FROM episode')

    # -- writing, from one thread -----------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; the budget holds whenever it ends."""
        if self._depth:
            yield
            return
        self.run('BEGIN IMMEDIATE')
        self._depth, before = 1, (self.items, self.bytes, self.open, self.evicted)
        try:
            yield
            self.run('COMMIT')
        except BaseException as error:
            self.items, self.bytes, self.open, self.evicted = before
            self._changed.clear()
            if self.db.in_transaction:
                self.db.execute('ROLLBACK')
            if isinstance(error, sqlite3.Error):
                raise memory_file.trouble(self.file.path, error) from error
            raise
        finally:
            self._depth = 0
        self._follow()

    def _follow(self) -> None:
        for episode, vector in self._changed:
            if vector is None:
                self.vectors.remove([episode])
            else:
                self.vectors.add(episode, vector)
        self._changed.clear()

    def add(self, episode: Episode) -> int:
        """A whole episode, closed."""
        moments = episode.moments[-(self.budget.items // 4):]
        with self.writing():
            key = self.begin(episode.start, episode.place, episode.salience)
            for moment in moments:
                self.append(moment)
            self.extend(episode.end, episode.place, episode.people, episode.salience)
            if episode.picture:
                self.picture(episode.picture)
            if isinstance(episode.embedding, np.ndarray):
                self.embed(key, episode.embedding)
            self.end()
            self.upkeep.make_room(episode.end)
        return key

    def begin(self, start: float, place: str = '', salience: float = 0.0) -> int:
        """A new episode; it is open until ``end`` and is not pushed out meanwhile."""
        with self.writing():
            key = self.insert_episode(start, place, salience)
            self.upkeep.make_room(start)
            return key

    def insert_episode(self, start: float, place: str, salience: float) -> int:
        cursor = self.run(
            'INSERT INTO episode (level, start, end, place, people, salience, moments, bytes) '
            "VALUES (0, ?, ?, ?, '', ?, 0, 0)", (start, start, place, salience))
        self.open = int(cursor.lastrowid)
        self.items += 1
        self.charge(self.open, EPISODE + 2 * len(place.encode()))
        return self.open

    def append(self, moment: Moment) -> None:
        """To the open episode."""
        assert self.open is not None, 'begin() first'
        with self.writing():
            self.insert(moment)
            self.upkeep.make_room(moment.t)

    def insert(self, moment: Moment) -> None:
        text = clipped(moment.text)
        who = tuple(dict.fromkeys(clipped(name)[:80] for name in moment.who if name.strip()))[:16]
        joined = ' '.join(terms(' '.join((text, *who))))
        row = self.run(
            'INSERT INTO moment (episode, t, kind, who, text, terms) VALUES (?, ?, ?, ?, ?, ?)',
            (self.open, moment.t, moment.kind.value, SEPARATOR.join(who), text, joined)).lastrowid
        self.db.executemany('INSERT OR IGNORE INTO presence VALUES (?, ?)',
                            [(name, row) for name in who])
        self.words.add(self.db, [(row, joined)])
        self.items += 1
        self.run(
            'UPDATE episode SET moments = moments + 1, end = max(end, ?), start = min(start, ?) '
            'WHERE id = ?',
            (moment.t, moment.t, self.open))
        self.charge(self.open, cost_of(text, joined, who))

    def extend(self, end: float, place: str = '', people: Sequence[str] = (),
               salience: float = 0.0) -> None:
        """The open episode goes on."""
        assert self.open is not None, 'begin() first'
        with self.writing():
            self.stretch(end, place, people, salience)
            self.upkeep.make_room(end)

    def stretch(self, end: float, place: str, people: Sequence[str], salience: float) -> None:
        before, there = self.row('SELECT people, place FROM episode WHERE id = ?', (self.open,))
        new = SEPARATOR.join(
            tuple(
                dict.fromkeys(
                    clipped(name)[:80] for name in (*before.split(SEPARATOR), *people)
                    if name.strip()))[:64])
        self.run(
            'UPDATE episode SET end = max(end, ?), place = ?, people = ?, salience = '
            'max(salience, ?) '
            'WHERE id = ?', (end, there or place, new, min(1.0, salience), self.open))
        grown = len(new.encode()) - len(before.encode()) + (0 if there else len(place.encode()))
        self.charge(self.open, 2 * grown)

    def picture(self, jpeg: bytes) -> None:
        """The keyframe of the open episode; a newer one takes its place."""
        assert self.open is not None, 'begin() first'
        if len(jpeg) > LARGEST_PICTURE:
            return
        with self.writing():
            old = self.db.execute('SELECT length(jpeg) FROM picture WHERE episode = ?',
                                  (self.open, )).fetchone()
            self.run('INSERT OR REPLACE INTO picture VALUES (?, ?)', (self.open, jpeg))
            self.charge(self.open,
                        cost_of_picture(len(jpeg)) - (cost_of_picture(old[0]) if old else 0))
            self.upkeep.make_room(0.0)

    def embed(self, episode: int, vector: np.ndarray) -> None:
        if vector.size > LONGEST_EMBEDDING:
            return
        with self.writing():
            self.set_vector(episode, vector)
            self.upkeep.make_room(0.0)

    def set_vector(self, episode: int, vector: np.ndarray) -> None:
        row = self.db.execute('SELECT length(embedding) FROM episode WHERE id = ?',
                              (episode, )).fetchone()
        if row is None:
            return                           # forgotten, or pushed out meanwhile
        blob = packed(vector)
        self.run('UPDATE episode SET embedding = ? WHERE id = ?', (blob, episode))
        self.charge(episode, cost_of_vector(len(blob)) - cost_of_vector(row[0] or 0))
        self._changed.append((episode, unpacked(blob)))

    def end(self) -> None:
        self.open = None

    # -- room -------------------------------------------------------------------------------------

    def drop_episode(self, episode: int) -> None:
        """With everything in it. A summary leaves its episodes to be summarised again."""
        ids = [
            row for row, in self.db.execute('SELECT id FROM moment WHERE episode = ?', (episode, ))
        ]
        self.drop_moments(ids)
        cost, = self.row('SELECT bytes FROM episode WHERE id = ?', (episode,))
        self.run('DELETE FROM picture WHERE episode = ?', (episode,))
        self.run(
            'UPDATE moment SET kept = 0 WHERE episode IN (SELECT id FROM episode WHERE summary = '
            '?)',
            (episode, ))
        self.run('UPDATE episode SET summary = NULL WHERE summary = ?', (episode,))
        self.run('DELETE FROM episode WHERE id = ?', (episode,))
        self.items -= 1
        self.bytes -= cost
        self._changed.append((episode, None))
        if self.open == episode:
            self.open = None

    def drop_moments(self, ids: Sequence[int]) -> None:
        for row in ids:
            episode, text, joined, who = self.row(
                'SELECT episode, text, terms, who FROM moment WHERE id = ?', (row, ))
            names = names_in(who)
            self.words.remove(self.db, [(row, joined)])
            self.db.executemany('DELETE FROM presence WHERE name = ? AND moment = ?',
                                [(name, row) for name in names])
            self.run('DELETE FROM moment WHERE id = ?', (row,))
            self.run('UPDATE episode SET moments = moments - 1 WHERE id = ?', (episode,))
            self.charge(episode, -cost_of(text, joined, names))
            self.items -= 1

    def drop_picture(self, episode: int) -> None:
        """And the embedding: it is a picture too, in other words."""
        row = self.db.execute('SELECT length(jpeg) FROM picture WHERE episode = ?',
                              (episode, )).fetchone()
        if row:
            self.run('DELETE FROM picture WHERE episode = ?', (episode,))
            self.charge(episode, -cost_of_picture(row[0]))
        size, = self.row('SELECT length(embedding) FROM episode WHERE id = ?', (episode,))
        if size:
            self.run('UPDATE episode SET embedding = NULL WHERE id = ?', (episode,))
            self.charge(episode, -cost_of_vector(size))
            self._changed.append((episode, None))

    def forget(self, what: Forget) -> int:
        """Number of moments that are gone, from the file and its log too."""
        return forgetting.forget(self, what)

    def consolidate(self, now: float, write: Writer | None = None) -> bool:
        """Summarise one group; False: there is none. ``write`` is waited for, but no transaction
        is open meanwhile.
        """
        proposal = self.upkeep.propose(now)
        if proposal is None:
            return False
        return self.upkeep.summarise(proposal, now, write(proposal.lines) if write else '')

    def is_over(self, share: float = 1.0, bytes_only: bool = False) -> bool:
        """More than ``share`` of the budget is used."""
        return (self.bytes > share * self.most_bytes
                or not bytes_only and self.items > share * self.budget.items)

    # -- any thread -------------------------------------------------------------------------------

    def recall(self, query: Query, vector: np.ndarray | None = None) -> Recalled:
        return self.search.recall(query, vector)

    def figures(self) -> Figures:
        """From the thread that writes."""
        episodes, summaries, summarised = (self.one(f'SELECT count(*) FROM episode WHERE {which}')
                                           for which in ('level = 0', 'level = 1',
                                                         'summary IS NOT NULL'))
        return Figures(self.items - episodes - summaries, episodes, summaries, self.bytes,
                       memory_file.size(self.file.path), summarised, self.evicted)

    def close(self) -> None:
        self.search.close()
        self.file.close()

    def frequency(self, term: str, most: int) -> int:
        """How many moments have it, counted up to ``most``; from the thread that writes."""
        try:
            return len(self.words.having(self.db, term, 0, 1 << 62, most))
        except sqlite3.Error as error:
            raise memory_file.trouble(self.file.path, error) from error

    # -- SQL --------------------------------------------------------------------------------------

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self.db.execute(sql, values)
        except sqlite3.Error as error:
            raise memory_file.trouble(self.file.path, error) from error

    def row(self, sql: str, values: Sequence[object] = ()) -> tuple:
        return self.run(sql, values).fetchone()

    def one(self, sql: str) -> int:
        return int(self.run(sql).fetchone()[0])

    def charge(self, episode: int, change: int) -> None:
        self.run('UPDATE episode SET bytes = bytes + ? WHERE id = ?', (change, episode))
        self.bytes += change
