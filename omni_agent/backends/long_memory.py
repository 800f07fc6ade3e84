"""Long-term memory for a node: what is seen, said and heard is queued at once, written by one
thread, and can be asked.

Whoever calls ``seen``, ``said`` and ``heard`` never waits. ``ask`` takes some milliseconds and
belongs on a worker thread; it does not wait for the writer either.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Callable, Sequence, Union

import numpy as np

from omni_agent.backends.memory_scene import Looked, Scene
from omni_agent.backends.memory_store import Figures, MemoryStore
from omni_agent.backends.memory_upkeep import Proposal
from omni_agent.core import question, recollection
from omni_agent.core.consolidation import Budget, Grouping, Writer
from omni_agent.core.errors import BackendError, OmniAgentError
from omni_agent.core.past import PERSON, Episode, Forget, Kind, Moment
from omni_agent.core.past_time import Clock
from omni_agent.core.recollection import Recollection

# the oldest thing in the queue waits no longer than this: what a kill may cost, at most
COMMIT_S = 0.5
QUEUE = 4096             # then the oldest goes, counted
BATCH = 256              # things written in one transaction
REST_S = 0.3             # after a question nothing is tidied up for this long
PICTURES = 8             # waiting in the queue, at most
FORGET_S = 60.0          # [s] longest wait for a deletion

Embed = Callable[[str], np.ndarray]      # text -> vector; called from several threads


@dataclass
class _Job:
    """Something that the writer does between two transactions, and somebody waits for."""

    run: Callable[[], int]
    done: threading.Event = field(default_factory=threading.Event)
    result: int = 0
    error: OmniAgentError | None = None


@dataclass(frozen=True)
class _Cut:
    """The scene changed."""

    t: float


_Item = Union[Looked, Episode, _Cut, _Job]


@dataclass(frozen=True)
class MemoryFigures:
    """For diagnostics."""

    store: Figures
    waiting: int
    dropped: int             # the queue was full
    pictures_dropped: int
    unchanged: int           # looks that showed what the last one showed
    failed: int              # things lost to a disk that gave out
    trouble: str             # '' = all is well


class LongMemory:
    """Raises ConfigError when the file cannot be used. ``clock`` is only for tests and accelerated
    runs.
    """

    def __init__(self, path: Path, budget: Budget = Budget(), embed: Embed | None = None,
                 rules: Grouping = Grouping(), write: Writer | None = None,
                 zone: tzinfo | None = None, clock: Callable[[], float] = time.time) -> None:
        self.store = MemoryStore(path, budget, rules)
        self.notice = self.store.file.notice
        self._embed, self._write, self._zone, self._clock = embed, write, zone, clock
        self._scene = Scene(self.store, embed)
        self._items: deque[_Item] = deque()
        self._wake = threading.Condition()
        self._is_open = True
        self._since: float | None = None         # monotonic time of the oldest waiting item
        self._asked = -1e9                       # and of the last question
        self._dropped = self._failed = self._pictures = self._pictures_dropped = 0
        self._trouble = ''
        self._telling = False                    # somebody writes a summary
        self._figures = self.store.figures()
        self._counted = time.monotonic()
        self._thread = threading.Thread(target=self._work, name='memory', daemon=True)
        self._thread.start()

    # -- what happens -----------------------------------------------------------------------------

    def seen(self, t: float, text: str, people: Sequence[str] = (), place: str = '',
             salience: float = 0.5, image: np.ndarray | None = None,
             embedding: np.ndarray | None = None) -> None:
        """``text``: 'a red cup on the table'; the same again only prolongs it. ``image``: BGR,
        kept as a thumbnail.
        """
        picture = None
        if image is not None and self._may_carry():
            step = max(1, max(image.shape[:2]) // 320)
            picture = np.ascontiguousarray(image[::step, ::step])        # a copy, and small
        self._put(
            Looked(Moment(t, Kind.SEEN, text, tuple(people)), place, salience, picture, embedding))

    def said(self, t: float, who: str, text: str, salience: float = 0.5) -> None:
        """``who``: a name, 'person' or 'robot'."""
        self._put(Looked(Moment(t, Kind.SAID, text, (who or PERSON,)), salience=salience))

    def heard(self, t: float, what: str, salience: float = 0.6) -> None:
        """A sound that is no speech: 'the phone rings'."""
        self._put(Looked(Moment(t, Kind.HEARD, what), salience=salience))

    def cut(self, t: float) -> None:
        """A new episode begins: the scene, the people, the speaker or the place changed."""
        self._put(_Cut(t))

    def episode(self, episode: Episode) -> None:
        """A whole one, from whoever has gathered it."""
        self._put(episode)

    # -- questions --------------------------------------------------------------------------------

    def ask(self, text: str, now: float, speaker: str = PERSON) -> Recollection | None:
        """None unless ``text`` is about the past; with no lines where nothing is remembered of it.

        Raises BackendError when the file or the embedding model fails.
        """
        begin = self.store.search.beginning()
        clock = Clock(now, now if begin is None else begin, self._zone)
        query = question.query(text, clock, self.store.search.people(), speaker)
        if query is None:
            return None
        self._asked = time.monotonic()
        recalled = self.store.recall(query, self._embed(text) if self._embed else None)
        if not recalled.episodes and not query.sure:
            return None
        return Recollection(recollection.lines(recalled.moments, now), recalled, query)

    # -- upkeep -----------------------------------------------------------------------------------

    def forget(self, person: str = '', start: float | None = None,
               end: float | None = None) -> int:
        """Number of moments that are gone for good, also of those still waiting; without
        arguments, everything.

        Raises WireError for a blank name and a period that ends before it begins, BackendError
        when bytes of it may still be there.
        """
        what = Forget.asked(person, start, end)
        return self._do(lambda: self._forget(what))

    def people(self) -> tuple[str, ...]:
        """Names that are remembered; on a worker thread, as ``ask``."""
        return self.store.search.people()

    def flush(self) -> None:
        """Returns when all that was put before is in the file."""
        self._do(lambda: self._count(at_once=True))

    def tidy(self) -> bool:
        """Summarise one group more now, without waiting for rest; False if there is none."""
        return bool(self._do(lambda: int(self._tidy_one())))

    def figures(self) -> MemoryFigures:
        with self._wake:
            dead = self._is_open and not self._thread.is_alive()
            return MemoryFigures(
                self._figures, len(self._items), self._dropped, self._pictures_dropped,
                self._scene.unchanged, self._failed,
                'memory: its writer has died; start the node again' if dead else self._trouble)

    def close(self) -> None:
        """What is waiting is written first."""
        with self._wake:
            self._is_open = False
            self._wake.notify_all()
        self._thread.join(timeout=30.0)
        self.store.close()

    # -- the queue --------------------------------------------------------------------------------

    def _put(self, item: _Item) -> None:
        with self._wake:
            if len(self._items) >= QUEUE and not isinstance(item, _Job):
                self._drop_oldest()
            self._items.append(item)
            if self._since is None:
                self._since = time.monotonic()
            if isinstance(item, _Job) or len(self._items) == 1 or len(self._items) == BATCH:
                self._wake.notify_all()

    def _drop_oldest(self) -> None:
        for index, item in enumerate(self._items):
            if not isinstance(item, _Job):
                del self._items[index]
                self._dropped += 1
                self._let_go(item)
                return

    def _may_carry(self) -> bool:
        with self._wake:
            if self._pictures < PICTURES:
                self._pictures += 1
                return True
            self._pictures_dropped += 1
            return False

    def _let_go(self, item: _Item) -> None:
        if isinstance(item, Looked) and item.image is not None:
            self._pictures -= 1

    def _do(self, run: Callable[[], int]) -> int:
        job = _Job(run)
        if not self._thread.is_alive():
            raise BackendError('memory: it is closed; start the node again')
        self._put(job)
        if not job.done.wait(FORGET_S):
            raise BackendError(
                f'memory: not done after {FORGET_S:g} s: the disk is too slow or the machine too '
                'busy'
            )
        if job.error is not None:
            raise job.error
        return job.result

    # -- the writer's thread ----------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            batch = self._take()
            if batch:
                self._write_down(batch)
            elif not self._is_open:
                self._write_down([_Cut(0.0)])
                return
            self._tidy()

    def _take(self) -> list[_Item]:
        """What is waiting, once there is enough or the oldest has waited long enough; [] after a
        while of nothing.
        """
        with self._wake:
            self._wake.wait_for(self._is_time, timeout=COMMIT_S)
            batch = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
            for item in batch:
                self._let_go(item)
            self._since = time.monotonic() if self._items else None
            return batch

    def _is_time(self) -> bool:
        if not self._items:
            return not self._is_open
        return (not self._is_open or len(self._items) >= BATCH
                or time.monotonic() - self._since >= COMMIT_S
                or any(isinstance(item, _Job) for item in self._items))

    def _write_down(self, batch: Sequence[_Item]) -> None:
        """Runs of things between two jobs become one transaction each."""
        waiting: list[_Item] = []
        for item in (*batch, None):
            if item is not None and not isinstance(item, _Job):
                waiting.append(item)
                continue
            if waiting:
                self._commit(waiting)
                waiting = []
            if item is not None:
                self._finish(item)
        self._finish(_Job(self._count))

    def _commit(self, items: Sequence[_Item]) -> None:
        try:
            with self.store.writing():
                for item in items:
                    self._store(item)
                self._scene.settle()
            self._trouble = self._scene.trouble
        except OmniAgentError as error:
            self._scene.drop()
            with self._wake:
                self._failed += len(items)
                self._trouble = str(error)

    def _store(self, item: _Item) -> None:
        if isinstance(item, Looked):
            self._scene.take(item)
        elif isinstance(item, Episode):
            self._scene.close()
            self.store.add(item)
        elif isinstance(item, _Cut):
            self._scene.close()

    def _finish(self, job: _Job) -> None:
        try:
            job.result = job.run()
        except OmniAgentError as error:
            job.error = error
        job.done.set()

    def _forget(self, what: Forget) -> int:
        self._scene.close()
        self._scene.drop()
        gone = self.store.forget(what)
        self._count(at_once=True)
        return gone

    def _tidy(self) -> None:
        if time.monotonic() - self._asked < REST_S or self._telling:
            return
        try:
            self._tidy_one()
        except OmniAgentError as error:
            self._note(str(error))

    def _tidy_one(self) -> bool:
        proposal = self.store.upkeep.propose(self._clock())
        if proposal is None:
            return False
        if self._write is None:
            return self.store.upkeep.summarise(proposal, self._clock())
        self._telling = True
        threading.Thread(target=self._tell, args=(proposal, ), name='memory-words',
                         daemon=True).start()
        return True

    def _tell(self, proposal: Proposal) -> None:
        """On a thread of its own: what is said meanwhile must not wait for a language model."""
        told = ''
        try:
            told = self._write(proposal.lines)
        except OmniAgentError as error:
            self._note(f'{error}; summaries are made of lines as they were')
        self._put(_Job(lambda: self._told(proposal, told)))

    def _told(self, proposal: Proposal, told: str) -> int:
        self._telling = False
        return int(self.store.upkeep.summarise(proposal, self._clock(), told))

    def _note(self, trouble: str) -> None:
        with self._wake:
            self._trouble = trouble

    def _count(self, at_once: bool = False) -> int:
        if not at_once and self._is_open and time.monotonic() - self._counted < 1.0:
            return 0
        figures = self.store.figures()
        self._counted = time.monotonic()
        with self._wake:
            self._figures = figures
        return figures.items
