"""The only place that deletes what people asked to be forgotten, so that no byte of it stays in
the file or its log.

First the rows go, in one transaction that also notes that the file is to be swept. Sweeping writes
the word index and the whole file anew and empties the log; if the process dies in between, the
next start sweeps.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Iterable

from omni_agent.backends import memory_file
from omni_agent.core.errors import BackendError
from omni_agent.core.past import Forget, Kind
from omni_agent.core.words import folded

if TYPE_CHECKING:
    from omni_agent.backends.memory_store import MemoryStore


def forget(store: MemoryStore, what: Forget) -> int:
    with store.writing():
        store.run('INSERT INTO unswept VALUES (0)')
        gone = _moments(store, what)
        if what.everything:
            _empty(store)
        else:
            _erase(store, what, gone)
    sweep(store)
    return len(gone)


def sweep(store: MemoryStore) -> None:
    """Raises BackendError when deleted words may still be in the file."""
    try:
        with store.writing():
            store.words.renew(store.db)
        store.db.execute('VACUUM')
        with store.search.lock:              # nobody reads from the log while it is emptied
            busy = store.db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0]
    except sqlite3.Error as error:
        raise BackendError(
            f'memory: what was forgotten cannot be found any more, but its bytes may still be in '
            f'{store.file.path} ({error}): make room on the disk and start again') from error
    if busy:
        raise BackendError(
            f'memory: the log {store.file.path}-wal could not be emptied: another program reads '
            'it; '
            'end that program and forget again')
    with store.writing():
        store.run('DELETE FROM unswept')
    memory_file.delete_damaged(store.file.path)


def _empty(store: MemoryStore) -> None:
    for table in ('presence', 'picture', 'moment', 'episode'):
        store.run(f'DELETE FROM {table}')
    store.words.renew(store.db)
    store.end()
    store.vectors.clear()
    store.count()


def _moments(store: MemoryStore, what: Forget) -> list[int]:
    rows = store.db.execute('SELECT id, who, text FROM moment WHERE t BETWEEN ? AND ?',
                            (what.start, what.end))
    if not what.person:
        return [row for row, _, _ in rows]
    named = _mention(what.person)
    return [row for row, who, text in rows if named.search(folded(f'{who}\n{text}'))]


def _erase(store: MemoryStore, what: Forget, gone: list[int]) -> None:
    touched = _touched(store, what, gone)
    store.drop_moments(gone)
    for episode in sorted(touched):
        _clean(store, episode, what)


def _touched(store: MemoryStore, what: Forget, gone: Iterable[int]) -> set[int]:
    """Episodes of which something goes, those with that person or of that time, and their
    summaries.
    """
    found = {
        store.run('SELECT episode FROM moment WHERE id = ?', (row, )).fetchone()[0]
        for row in gone
    }
    named = _mention(what.person) if what.person else None
    for episode, people, place in store.run(
            'SELECT id, people, place FROM episode WHERE end >= ? AND start <= ?',
        (what.start, what.end)):
        if named is None or named.search(folded(f'{people}\n{place}')):
            found.add(episode)
    return found | {summary for episode in found for summary, in store.db.execute(
        'SELECT summary FROM episode WHERE id = ? AND summary IS NOT NULL', (episode,))}


def _clean(store: MemoryStore, episode: int, what: Forget) -> None:
    """No picture, no embedding, nobody's retelling; people and times from what is left, and
    nothing if nothing is.
    """
    store.drop_picture(episode)
    told = [
        row for row, in store.db.execute('SELECT id FROM moment WHERE episode = ? AND kind = ?', (
            episode, Kind.TOLD.value))
    ]
    store.drop_moments(told)
    rows = store.db.execute('SELECT t, who FROM moment WHERE episode = ?', (episode,)).fetchall()
    if not rows:
        store.drop_episode(episode)
        return
    people = dict.fromkeys(name for _, who in rows for name in who.split('\n') if name)
    if what.person:
        named = _mention(what.person)
        before = store.run('SELECT people FROM episode WHERE id = ?',
                           (episode, )).fetchone()[0].split('\n')
        people = dict.fromkeys(name for name in before if name and not named.search(folded(name)))
    times = [t for t, _ in rows]
    store.run('UPDATE episode SET people = ?, start = ?, end = ? WHERE id = ?',
              ('\n'.join(people), min(times), max(times), episode))


def _mention(person: str) -> re.Pattern[str]:
    """As a word of its own, whatever its case: 'Anna', "anna's", not 'Annabel'."""
    return re.compile(rf'(?<!\w){re.escape(folded(" ".join(person.split())))}(?!\w)')
