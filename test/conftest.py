"""What every test may ask for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

import pytest

if TYPE_CHECKING:
    from ros_bench import Bench


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory,
          request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Nodes as processes and a node of the test's own among them (ros_bench)."""
    from ros_bench import bench_in      # here, because most tests run without ROS

    with bench_in(tmp_path_factory.mktemp(request.module.__name__)) as made:
        yield made
