"""Room in the memory's file: which rows go when the budget is reached, and the summaries in which
their best lines live on.

The rules are in core/consolidation.py; here they meet the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

import numpy as np

from omni_agent.backends.memory_rows import (KEPT, cost_of, cost_of_picture, kept_of, moment_of,
                                             names_in)
from omni_agent.backends.memory_vectors import unpacked
from omni_agent.core import consolidation
from omni_agent.core.consolidation import Kept
from omni_agent.core.past import Kind, Moment, clipped
from omni_agent.core.recollection import rarity
from omni_agent.core.terms import terms

if TYPE_CHECKING:
    from omni_agent.backends.memory_store import MemoryStore

# room is made for a little more, so that not every line has to push one out
SLACK = 0.98
BATCH = 256              # episodes looked at when room is needed
FREE_PAGES = 64          # given back to the disk at a time
COMMON = 200             # moments that have a word: more do not make it less rare
_LINES = 'SELECT id, t, kind, who, text FROM moment'


@dataclass(frozen=True)
class Proposal:
    """A group that could be summarised by ``lines``; ``ids`` are their moments."""

    group: tuple[Kept, ...]
    ids: tuple[int, ...]
    lines: tuple[Moment, ...]


class Upkeep:
    """On the store's writer thread; what changes something does it in a transaction of the
    store.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    # -- at rest ----------------------------------------------------------------------------------

    def propose(self, now: float) -> Proposal | None:
        """The oldest group that has no summary yet. None: there is none, and some free pages went
        back to the disk.
        """
        store = self._store
        rows = store.run(
            f'{KEPT} WHERE level = 0 AND summary IS NULL AND id IS NOT ? ORDER BY start LIMIT ?',
            (store.open, 4 * store.rules.most))
        groups = consolidation.groups([kept_of(row) for row in rows], now, store.rules)
        if not groups:
            store.run(f'PRAGMA incremental_vacuum({FREE_PAGES})').fetchall()
            return None
        return self._proposal(groups[0])

    def summarise(self, proposal: Proposal, now: float, told: str = '') -> bool:
        """False if its episodes are not what they were: somebody forgot, or made room."""
        with self._store.writing():
            if self._proposal(proposal.group) != proposal:
                return False
            self._summarise(proposal, told)
            self.make_room(now)
        return True

    def _proposal(self, group: Sequence[Kept]) -> Proposal:
        marks = ', '.join('?' * len(group))
        ids = [one.id for one in group]
        now = self._store.run(
            f'{KEPT} WHERE id IN ({marks}) AND summary IS NULL ORDER BY start, id', ids)
        rows = self._store.run(f'{_LINES} WHERE episode IN ({marks}) ORDER BY t, id',
                               ids).fetchall()
        moments = [moment_of(rest) for _, *rest in rows]
        most = consolidation.how_many(len(moments), self._store.rules)
        picked = consolidation.chosen(moments, self._rarities(moments), most)
        return Proposal(tuple(kept_of(row) for row in now),
                        tuple(rows[index][0] for index in picked),
                        tuple(moments[index] for index in picked))

    def _summarise(self, proposal: Proposal, told: str = '') -> None:
        """Makes no room: it may be called to make some."""
        store, whole, was_open = self._store, consolidation.merged(
            proposal.group), self._store.open
        key = store.insert_episode(whole.start, whole.place, whole.salience)
        store.stretch(whole.end, whole.place, sorted(whole.people), whole.salience)
        if told:
            store.insert(Moment(whole.start, Kind.TOLD, clipped(told)))
        store.open = was_open
        store.run('UPDATE episode SET level = 1 WHERE id = ?', (key,))
        store.db.executemany('UPDATE moment SET kept = 1 WHERE id = ?',
                             [(row, ) for row in proposal.ids])
        store.db.executemany('UPDATE episode SET summary = ? WHERE id = ?',
                             [(key, one.id) for one in proposal.group])
        vectors = [unpacked(blob) for blob, in store.run(
            'SELECT embedding FROM episode WHERE summary = ? AND embedding IS NOT NULL', (key,))]
        if vectors and len({vector.size for vector in vectors}) == 1:
            store.set_vector(key, np.mean(vectors, axis=0))

    def _rarities(self, moments: Sequence[Moment]) -> dict[str, float]:
        store = self._store
        total = store.one('SELECT count(*) FROM moment')
        found = {term for moment in moments for term in terms(moment.text)}
        return {term: rarity(total, store.frequency(term, COMMON)) for term in found}

    # -- room -------------------------------------------------------------------------------------

    def make_room(self, now: float) -> None:
        """Until the budget holds again. The open episode stays, but for its oldest lines if
        nothing else is left.
        """
        store = self._store
        if not store.is_over():
            return
        while store.is_over(SLACK):
            rows = store.run(
                f'{KEPT} WHERE id IS NOT ? ORDER BY level, summary IS NULL, start LIMIT ?',
                (store.open, BATCH))
            batch = consolidation.going([kept_of(row) for row in rows], now)
            if not batch:
                self._shorten()
                return
            # nothing goes before its best lines are safe
            if batch[0].level == 0 and batch[0].summary is None:
                self._summarise(self._proposal(consolidation.oldest(batch, store.rules)))
                continue
            self._let_go([one for one in batch if one.level or one.summary is not None])

    def _let_go(self, batch: Sequence[Kept]) -> None:
        """Of the first half: the order of the rest may be another by then."""
        for one in batch[:max(1, len(batch) // 2)]:
            if not self._store.is_over(SLACK):
                return
            if one.level:
                self._lessen(one)
            else:
                self._evict(one)

    def _shorten(self) -> None:
        rows = self._store.run('SELECT id FROM moment WHERE episode = ? ORDER BY id',
                               (self._store.open, ))
        for row, in rows.fetchall():
            if not self._store.is_over(SLACK):
                return
            self._store.drop_moments([row])

    def _lessen(self, one: Kept) -> None:
        """A summary loses its picture, then half of its lines at a time, then goes."""
        store = self._store
        if (store.is_over(SLACK, bytes_only=True)
                and store.row('SELECT 1 FROM picture WHERE episode = ?', (one.id, ))):
            store.drop_picture(one.id)
            return
        rows = store.run(f'{_LINES} WHERE episode = ?', (one.id,)).fetchall()
        if len(rows) <= consolidation.FEWEST:
            store.drop_episode(one.id)
            store.evicted += 1
            return
        moments = [moment_of(rest) for _, *rest in rows]
        most = max(consolidation.FEWEST, len(rows) // 2)
        stay = set(consolidation.chosen(moments, self._rarities(moments), most))
        store.drop_moments([row[0] for index, row in enumerate(rows) if index not in stay])

    def _evict(self, one: Kept) -> None:
        """What is kept of it moves into its summary, with its picture if that has none."""
        store = self._store
        moved = store.run('SELECT text, terms, who FROM moment WHERE episode = ? AND kept = 1',
                          (one.id, )).fetchall()
        cost = sum(cost_of(text, joined, names_in(who)) for text, joined, who in moved)
        store.run('UPDATE moment SET episode = ?, kept = 0 WHERE episode = ? AND kept = 1',
                  (one.summary, one.id))
        store.run('UPDATE episode SET moments = moments + ? WHERE id = ?',
                  (len(moved), one.summary))
        store.run('UPDATE episode SET moments = moments - ? WHERE id = ?', (len(moved), one.id))
        store.charge(one.summary, cost)
        store.charge(one.id, -cost)
        self._hand_over_picture(one.id, one.summary)
        store.drop_episode(one.id)
        store.evicted += 1

    def _hand_over_picture(self, episode: int, summary: int) -> None:
        store = self._store
        sizes = dict(
            store.run('SELECT episode, length(jpeg) FROM picture WHERE episode IN (?, ?)',
                      (episode, summary)))
        if episode in sizes and summary not in sizes:
            store.run('UPDATE picture SET episode = ? WHERE episode = ?', (summary, episode))
            store.charge(summary, cost_of_picture(sizes[episode]))
            store.charge(episode, -cost_of_picture(sizes[episode]))
