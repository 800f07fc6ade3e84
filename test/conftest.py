"""What every test may ask for by name, and what a test with real processes is granted.

Such a test waits for conditions and never for a time, but a machine that others use may stall for
longer than its patience. It is tried once more, in the open: the summary lists it as RERUN, and
what fails twice has failed. No other test has a second try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

import pytest

if TYPE_CHECKING:
    from ros_bench import Bench

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if 'bench' in getattr(item, 'fixturenames', ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory,
          request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Nodes as processes and a node of the test's own among them (ros_bench)."""
    from ros_bench import bench_in      # here, because most tests run without ROS

    with bench_in(tmp_path_factory.mktemp(request.module.__name__)) as made:
        yield made


@pytest.fixture(autouse=True)
def _a_failure_leaves_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """On a bench that the second try shares."""
    if 'bench' not in request.fixturenames:
        yield
        return
    made: Bench = request.getfixturevalue('bench')
    before = made.standing()
    yield
    if request.node.stash.get(FAILED, False):
        request.node.stash[FAILED] = False
        made.leave(before)
