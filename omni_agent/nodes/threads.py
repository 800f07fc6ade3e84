"""How other threads reach the executor thread (Inbox), and how it reaches them (Worker, Alarm)."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Generic, Iterable, TypeVar

from rclpy.node import Node

from omni_agent.core.errors import OmniAgentError

from .stamps import now, pace

T = TypeVar('T')
CLOSING_S = 2.0          # [s] for the job in progress; its thread dies with the process


class Inbox(Generic[T]):
    """Any thread puts, the executor thread takes. Bounded: the oldest item goes, and ``dropped``
    counts it.
    """

    def __init__(self, node: Node, take: Callable[[T], None], limit: int = 256) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._take = take
        self._lock = threading.Lock()
        self.dropped = 0
        self._guard = node.create_guard_condition(self._drain)

    def put(self, item: T) -> None:
        with self._lock:
            if len(self._items) >= self._limit:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
        self._guard.trigger()

    def _drain(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
        for item in items:
            self._take(item)


class Worker:
    """One named thread that runs one job at a time; a failure of ours or the model's is handed to
    ``on_error``.

    The queue holds ``limit`` jobs; a job that finds it full replaces the oldest waiting one.
    """

    def __init__(self, name: str, on_error: Callable[[OmniAgentError], None],
                 limit: int = 1) -> None:
        self._jobs: deque[Callable[[], None]] = deque(maxlen=limit)
        self._on_error = on_error
        self._wake = threading.Condition()
        self._open = True
        self._busy = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        with self._wake:
            return not self._busy and not self._jobs

    def submit(self, job: Callable[[], None]) -> None:
        with self._wake:
            self.dropped += len(self._jobs) == self._jobs.maxlen
            self._jobs.append(job)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.wait_for(lambda: self._jobs or not self._open)
                if not self._open:
                    return
                job = self._jobs.popleft()
                self._busy = True
            try:
                job()
            except OmniAgentError as error:
                self._on_error(error)

    def shut(self) -> None:
        """Forget what waits; the job in progress goes on, and is the last one."""
        with self._wake:
            self._open = False
            self._jobs.clear()
            self._wake.notify()

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Forget what waits and wait for the job in progress."""
        self.shut()
        self._thread.join(timeout_s)


def close_all(workers: Iterable[Worker], timeout_s: float = CLOSING_S) -> None:
    """In the time of one: models that are all being loaded would add up to more than a node has
    until it is killed.
    """
    workers = list(workers)
    for worker in workers:
        worker.shut()
    due_s = time.monotonic() + timeout_s
    for worker in workers:
        worker.close(max(0.0, due_s - time.monotonic()))


class Alarm:
    """A one-shot timer that is set to a time of the node's clock, or to None."""

    def __init__(self, node: Node, ring: Callable[[], None]) -> None:
        self._node = node
        self._ring = ring
        self._at: float | None = None
        self._timer = node.create_timer(3600.0, self._fire, clock=pace(node))
        self._timer.cancel()

    def set(self, at: float | None) -> None:
        if at == self._at:
            return
        self._at = at
        self._timer.cancel()
        if at is not None:
            self._timer.timer_period_ns = max(1_000_000, int((at - now(self._node)) * 1e9))
            self._timer.reset()

    def _fire(self) -> None:
        self._timer.cancel()
        self._at = None
        self._ring()
