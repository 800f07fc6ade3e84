"""Workers that end: a node has eight seconds from its signal until it is killed."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip('rclpy')

from omni_agent.nodes.threads import Worker, close_all  # noqa: E402


def no_error(error: Exception) -> None:
    raise AssertionError(error)


def test_workers_that_are_all_in_the_middle_of_a_job_are_closed_in_the_time_of_one() -> None:
    """As when every model of a node is being loaded."""
    loaded = threading.Event()
    workers = [Worker(f'slow {number}', no_error) for number in range(6)]
    busy = [threading.Event() for _ in workers]
    waiting: list[int] = []
    for worker, begun in zip(workers, busy):
        worker.submit(lambda begun=begun: (begun.set(), loaded.wait(30.0)))
    assert all(begun.wait(10.0) for begun in busy)
    workers[0].submit(lambda: waiting.append(1))
    began = time.monotonic()
    close_all(workers, 0.5)
    assert 0.4 < time.monotonic() - began < 1.5              # one by one it would be 3 s
    loaded.set()
    close_all(workers, 10.0)
    assert not waiting                                       # what had not begun is forgotten


def test_a_worker_that_has_nothing_to_do_is_closed_at_once() -> None:
    worker = Worker('idle', no_error)
    began = time.monotonic()
    close_all([worker], 10.0)
    assert time.monotonic() - began < 5.0
