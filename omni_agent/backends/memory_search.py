"""A query -> the episodes that answer it. Read-only and bounded: what it reads does not grow with
the memory.

The ways of searching (words, time, person, embedding) only gather candidates; core/recollection.py
weighs them.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Iterable, Iterator

import numpy as np

from omni_agent.backends import memory_file
from omni_agent.backends.memory_file import MemoryFile
from omni_agent.backends.memory_rows import names_in
from omni_agent.backends.memory_vectors import Vectors
from omni_agent.backends.memory_words import WordIndex
from omni_agent.core import question
from omni_agent.core.past import PERSON, ROBOT, Episode, Kind, Moment
from omni_agent.core.past_time import Span
from omni_agent.core.question import Anchor, Order, Query, Relation
from omni_agent.core.recollection import (Candidate, Found, Recalled, Route, Wording, grouped,
                                          rank, rarity)
from omni_agent.core.terms import stem

POSTINGS = 3000          # moments read of one word, the newest; what is more frequent says little
MOST = 96                # moments that are weighed, of each way of searching
LIKE = 24                # episodes by embedding
ANCHORS = 3              # 'the phone rang' may have been more than once: as many times are tried
# [s] what was seen goes on to be there until something else is seen, at most as long
STILL_S = 1800.0
UNSEEN_S = 5.0           # ... and its episode did not end this long before
AROUND_S = 90.0          # [s] on either side of an anchor
BESIDE_S = 300.0         # [s] before or after one
PADDING = 64             # moments may be stored a little out of order
_ROW = (
    'SELECT m.id, m.t, m.kind, m.who, m.text, m.terms, m.episode, e.level, e.salience FROM moment '
    'm '
    'JOIN episode e ON e.id = m.episode')


class Search:
    """Thread-safe; questions wait for each other, never for the writer."""

    def __init__(self, file: MemoryFile, index: WordIndex, vectors: Vectors) -> None:
        self._file, self._db, self._index, self._vectors = file, file.reader, index, vectors
        self.lock = threading.Lock()
        self._likeness: dict[int, float] = {}

    def recall(self, query: Query, vector: np.ndarray | None = None) -> Recalled:
        began = time.perf_counter()
        with self._reading():
            self._db.execute('BEGIN')        # all of it as it was at one moment
            try:
                return self._recall(query, vector, began)
            finally:
                self._db.execute('ROLLBACK')

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self.lock:
            try:
                yield
            except sqlite3.Error as error:
                raise memory_file.trouble(self._file.path, error) from error

    def beginning(self) -> float | None:
        """Unix seconds of the first thing remembered."""
        with self._reading():
            return self._db.execute('SELECT min(t) FROM moment').fetchone()[0]

    def people(self) -> tuple[str, ...]:
        """Names, by jumping from one to the next in the index."""
        found: list[str] = []
        with self._reading():
            while len(found) < 500:
                name = self._db.execute('SELECT min(name) FROM presence WHERE name > ?',
                                        (found[-1] if found else '',)).fetchone()[0]
                if name is None:
                    break
                found.append(name)
        return tuple(name for name in found if name not in (PERSON, ROBOT))

    def close(self) -> None:
        with self.lock:
            pass                             # whoever searches is done

    # -- one question -----------------------------------------------------------------------------

    def _recall(self, query: Query, vector: np.ndarray | None, began: float) -> Recalled:
        self._likeness = dict(self._vectors.best(vector, 512)) if vector is not None else {}
        by = ['anchor'] if query.anchor else []
        found, relaxed, count, asked = [], False, 0, query
        for asked, anchor in self._anchored(query):
            found, relaxed, count = self._found(asked, anchor)
            if found:
                break
        by += self._ways(asked)
        groups = grouped(found)
        episodes = tuple(self._episode(group[0].candidate) for group in groups)
        levels = {group[0].candidate.level for group in groups[:1]}
        store = 'nothing' if not groups else 'summaries' if levels == {1} else 'episodes'
        route = Route(store, tuple(dict.fromkeys(by)), tuple(kind.value for kind in query.kinds),
                      count, relaxed)
        return Recalled(episodes,
                        tuple(tuple(one.candidate.moment for one in group) for group in groups),
                        tuple(group[0].candidate.episode for group in groups), route,
                        time.perf_counter() - began)

    def _ways(self, query: Query) -> list[str]:
        ways = [
            name for name, used in (('words', query.terms), ('time', query.span),
                                    ('person', query.person), ('embedding', self._likeness))
            if used
        ]
        return ways + ([query.order.value] if query.order is not Order.BEST else [])

    def _anchored(self, query: Query) -> Iterable[tuple[Query, int | None]]:
        """The query at each time at which its anchor may have been; without one, as it is."""
        if query.anchor is None:
            yield self._settled(query), None
            return
        anchor = query.anchor
        asking = Query(anchor.terms, anchor.kinds, anchor.person, query.span, order=Order.LAST)
        hits, _, _ = self._found(asking, None)
        # 'when Anna left': nobody may have written down her name
        if not hits and anchor.person:
            hits, _, _ = self._found(replace(asking, person=''), None)
        for hit in hits[:ANCHORS]:
            moment = hit.candidate.moment
            yield self._settled(question.at(query, _around(moment.t, anchor)),
                                anchor), hit.candidate.id

    def _settled(self, query: Query, anchor: Anchor | None = None) -> Query:
        """What was seen at an instant may have come into view long before."""
        span = query.span
        if span is None or span.at is None or query.kinds != (Kind.SEEN,):
            return query
        if anchor is not None and anchor.relation is Relation.AFTER:
            return query
        row = self._db.execute(
            "SELECT m.t, e.end FROM moment m JOIN episode e ON e.id = m.episode WHERE m.t BETWEEN "
            "? "
            "AND ? AND m.kind = 'seen' ORDER BY m.t DESC LIMIT 1",
            (span.at - STILL_S, span.at + 1.0)).fetchone()
        if row is None or row[1] < span.at - UNSEEN_S:
            return query
        return replace(query, span=Span(min(span.start, row[0] - 1.0), span.end, row[0]))

    def _found(self, query: Query, anchor: int | None) -> tuple[list[Found], bool, int]:
        """Of the kind that was asked for; if there is none, of any."""
        self._postings: dict[str, list[int]] = {}
        wording = self._wording(query)
        ids = self._candidates(query, wording)
        span = query.span
        candidates = [one for one in self._rows(ids) if one.id != anchor
                      and (span is None or span.start <= one.moment.t <= span.end)]
        located = query.span is not None and query.span.at is not None
        strict = ([one for one in candidates
                   if one.moment.kind in query.kinds] if query.kinds else candidates)
        found = rank(strict if located else candidates, query, wording)
        if found or not located or len(strict) == len(candidates):
            return found, False, len(candidates)
        return rank(candidates, query, wording), True, len(candidates)

    def _wording(self, query: Query) -> Wording:
        total = self._db.execute('SELECT max(id) FROM moment').fetchone()[0] or 0
        first, last = self._ids(query.span)
        for term in query.terms:
            self._postings[term] = self._index.having(self._db, term, first, last, POSTINGS)
        return Wording({
            term: rarity(max(total, len(rows)), len(rows))
            for term, rows in self._postings.items()
        })

    # -- candidates -------------------------------------------------------------------------------

    def _candidates(self, query: Query, wording: Wording) -> set[int]:
        first, last = self._ids(query.span)
        ids = self._by_words(query, wording, first, last)
        if query.span is not None and (query.span.at is not None or not query.terms):
            ids |= self._by_time(query.span, query.order)
        if _named(query) and (not query.terms or not ids):
            ids |= self._by_person(query, first, last)
        if self._likeness and query.span is None:
            ids |= self._by_likeness()
        if not ids and not query.terms and query.span is None:
            ids |= self._by_kind(query)
        return ids

    def _by_kind(self, query: Query) -> set[int]:
        """'What did you hear?': the newest, or the oldest."""
        direction = 'ASC' if query.order is Order.FIRST else 'DESC'
        kinds = {kind.value for kind in query.kinds or Kind}
        rows = self._db.execute(f'SELECT id, kind FROM moment ORDER BY t {direction} LIMIT ?',
                                (POSTINGS, ))
        return set([row for row, kind in rows if kind in kinds][:MOST])

    def _by_words(self, query: Query, wording: Wording, first: int, last: int) -> set[int]:
        parts = [(np.array(rows, np.int64), wording.weights[term])
                 for term, rows in self._postings.items() if rows]
        if not parts:
            return set()
        if _named(query):
            parts.append((np.array(
                self._index.having(self._db, stem(query.person.casefold()), first, last, POSTINGS),
                np.int64), 2.0))
        ids, places = np.unique(np.concatenate([rows for rows, _ in parts]), return_inverse=True)
        scores = np.bincount(
            places.ravel(), np.concatenate([np.full(len(rows), weight) for rows, weight in parts]))
        order = ids if query.order is not Order.FIRST else -ids
        best = np.lexsort((order, scores))[::-1][:MOST]      # of equal ones the newest
        return {int(one) for one in ids[best]}

    def _by_time(self, span: Span, order: Order) -> set[int]:
        if span.at is None:
            direction = 'ASC' if order is Order.FIRST else 'DESC'
            rows = self._db.execute(
                f'SELECT id FROM moment WHERE t BETWEEN ? AND ? ORDER BY t {direction} LIMIT ?',
                (span.start, span.end, MOST)).fetchall()
        else:
            rows = self._db.execute(
                'SELECT id FROM moment WHERE t BETWEEN ? AND ? ORDER BY t DESC LIMIT ?',
                (span.start, span.at, MOST // 2)).fetchall()
            rows += self._db.execute(
                'SELECT id FROM moment WHERE t BETWEEN ? AND ? ORDER BY t LIMIT ?',
                (span.at, span.end, MOST // 2)).fetchall()
        return {row for row, in rows}

    def _by_person(self, query: Query, first: int, last: int) -> set[int]:
        direction = 'ASC' if query.order is Order.FIRST else 'DESC'
        kinds = query.kinds or tuple(Kind)
        marks = ', '.join('?' * len(kinds))
        return {
            row
            for row, in self._db.execute(
                'SELECT p.moment FROM presence p JOIN moment m ON m.id = p.moment WHERE p.name = '
                '? AND p.moment BETWEEN '
                f'? AND ? AND m.kind IN ({marks}) ORDER BY p.moment {direction} LIMIT ?', (
                    query.person, first, last, *(kind.value for kind in kinds), MOST))
        }

    def _by_likeness(self) -> set[int]:
        best = sorted(self._likeness, key=self._likeness.__getitem__, reverse=True)[:LIKE]
        return {row for episode in best for row, in self._db.execute(
            'SELECT id FROM moment WHERE episode = ? ORDER BY id LIMIT 6', (episode,))}

    def _ids(self, span: Span | None) -> tuple[int, int]:
        """Moments are stored as they come: a span of time is nearly one of ids."""
        if span is None:
            return 0, 1 << 62
        first = self._db.execute('SELECT id FROM moment WHERE t >= ? ORDER BY t LIMIT 1',
                                 (span.start, )).fetchone()
        last = self._db.execute('SELECT id FROM moment WHERE t <= ? ORDER BY t DESC LIMIT 1',
                                (span.end, )).fetchone()
        return (first[0] - PADDING if first else 1 << 62), (last[0] + PADDING if last else 0)

    def _rows(self, ids: set[int]) -> list[Candidate]:
        marks = ', '.join('?' * len(ids))
        return [
            Candidate(key, Moment(t, Kind(kind), text, names_in(who)), tuple(joined.split()),
                      episode, level, salience, self._likeness.get(episode))
            for key, t, kind, who, text, joined, episode, level, salience in self._db.execute(
                f'{_ROW} WHERE m.id IN ({marks})', list(ids))
        ]

    def _episode(self, one: Candidate) -> Episode:
        start, end, place, people, salience, level = self._db.execute(
            'SELECT start, end, place, people, salience, level FROM episode WHERE id = ?',
            (one.episode, )).fetchone()
        moments = tuple(
            Moment(t, Kind(kind), text, names_in(who)) for t, kind, who, text in self._db.execute(
                'SELECT t, kind, who, text FROM moment WHERE episode = ? ORDER BY t LIMIT 64', (
                    one.episode, )))
        picture = self._db.execute('SELECT jpeg FROM picture WHERE episode = ?',
                                   (one.episode, )).fetchone()
        return Episode(start, end, moments, place, names_in(people), salience,
                       picture[0] if picture else b'', None, level == 1)


def _around(t: float, anchor: Anchor) -> Span:
    if anchor.relation is Relation.BEFORE:
        return Span(t - BESIDE_S, t - 0.01, t - 0.01)
    if anchor.relation is Relation.AFTER:
        return Span(t + 0.01, t + BESIDE_S, t + 0.01)
    return Span(t - AROUND_S, t + AROUND_S, t)


def _named(query: Query) -> bool:
    return query.person not in ('', PERSON)
