"""/diagnostics: levels, rates, and what is said of a device that loses sound and of a model that
is late or compiles.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Iterator

import gpu_stand_in
import pytest

from ros_bench import OK, WARN, level_of, values_of

rclpy = pytest.importorskip('rclpy')

from omni_agent.backends import encoders, load  # noqa: E402
from omni_agent.backends.engine_tensorrt import TensorRtEngine  # noqa: E402
from omni_agent.backends.engines import open_engine  # noqa: E402
from omni_agent.backends.plan_cache import PlanCache  # noqa: E402
from omni_agent.cli.domain import free_domain_id  # noqa: E402
from omni_agent.nodes.devices import PERIOD_S, TOO_MANY, DeviceWatch  # noqa: E402
from omni_agent.nodes.health import HOST, LOADING, Health  # noqa: E402
from omni_agent.nodes.lateness import ENOUGH, Lateness  # noqa: E402
from omni_agent.nodes.threads import Inbox  # noqa: E402
from omni_agent.nodes.watching import Watching  # noqa: E402


@pytest.fixture(scope='module')
def node() -> Iterator[rclpy.node.Node]:
    with free_domain_id() as domain:
        context = rclpy.Context()
        rclpy.init(args=[], context=context, domain_id=domain)
        made = rclpy.create_node('patient', context=context)
        yield made
        made.destroy_node()
        rclpy.shutdown(context=context)


@pytest.fixture
def health(node: rclpy.node.Node) -> Iterator[Health]:
    made = Health(node)
    made.told = []
    made._publisher = SimpleNamespace(publish=lambda message: made.told.append(message.status[0]))
    yield made
    made._timer.destroy()


def status(health: Health):  # noqa: ANN201 - the status that would be published now
    health.publish()
    return health.told[-1]


def test_a_node_without_a_device_names_the_machine_it_runs_on(health: Health) -> None:
    assert status(health).hardware_id == HOST != ''
    health.values['device'] = 'USB microphone'
    assert status(health).hardware_id == 'USB microphone'


def test_what_flows_has_a_rate_and_what_goes_wrong_has_none(health: Health) -> None:
    health.count('images', 10)
    health.count('failures')
    values = values_of(status(health))
    assert ((values['images'], values['images [Hz]']) == ('10', '10.0')
            and 'failures [Hz]' not in values)
    health.count('images', 3)
    assert values_of(status(health))['images [Hz]'] == '3.0'
    assert values_of(status(health))['images [Hz]'] == '0.0'


def test_a_second_trouble_is_not_hidden_by_the_first(health: Health) -> None:
    health.trouble('camera', WARN, 'is dark')
    assert 'also wrong' not in values_of(status(health))
    health.trouble('quality of service of /act', WARN, '/bench is not heard')
    found = status(health)
    assert found.message == 'is dark'
    assert values_of(found)['also wrong'] == 'quality of service of /act: /bench is not heard'
    health.well('camera')
    assert status(health).message == '/bench is not heard'


def test_a_part_that_compiles_says_how_far_it_is_and_is_awaited(health: Health) -> None:
    health.trouble('detector', WARN, LOADING)
    health.progress('detector', 'compiling nanodet for tensorrt, tactics: 42 %')
    assert health.awaited == ['detector']
    told = status(health)
    assert (level_of(told) == WARN
            and told.message == 'loading, compiling nanodet for tensorrt, tactics: 42 %')
    health.well('detector')
    assert health.awaited == [] and level_of(status(health)) == OK


def test_compiling_an_engine_is_watched_from_nothing_to_all(
        tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    library = gpu_stand_in.driver(tmp_path_factory.mktemp('cuda'))
    gpu_stand_in.install_tensorrt(monkeypatch, library)
    # the driver is looked up by its usual name
    options, _, nobody = TensorRtEngine.__init__.__defaults__
    monkeypatch.setattr(TensorRtEngine.__init__, '__defaults__', (options, library, nobody))
    seen: list[tuple[str, float]] = []
    cache = PlanCache(tmp_path_factory.mktemp('plans'))
    network = encoders.network('golden_tiny')
    opened = open_engine(network, ('tensorrt', ), cache=cache,
                         watch=lambda what, share: seen.append((what, share)))
    opened.engine.close()
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(set(shares)) > 2
    assert seen[0][0] == 'golden_tiny for tensorrt, Building'
    seen.clear()
    open_engine(network, ('tensorrt', ), cache=cache, watch=lambda what, share: seen.append(
        (what, share))).engine.close()
    assert seen == []                            # it was kept: nothing is compiled


def test_perception_says_how_far_a_network_is_compiled(
        node: rclpy.node.Node, health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def compiles(*arguments: object) -> None:
        arguments[-1]('nanodet for tensorrt, tactics', 0.42)
        goes_on.wait(20.0)

    monkeypatch.setattr(load, 'detector', compiles)
    watching = Watching(node, health, Inbox(node, lambda result: None))
    try:
        watching.sense.attach()
        deadline = time.monotonic() + 20.0
        while level_of(status(health)) != WARN or 'compiling' not in health.told[-1].message:
            assert time.monotonic() < deadline, health.told[-1]
            watching._tell_compiling()           # once a second, by a timer
        assert health.told[-1].message == 'loading, compiling nanodet for tensorrt, tactics: 42 %'
        assert health.awaited == ['detector', 'closer look']
    finally:
        goes_on.set()
        watching.close()


def test_a_model_that_is_late_is_a_warning_until_it_keeps_up(health: Health) -> None:
    lateness = Lateness(health, 'pace', 'lower watch_hz')
    lateness.did(5.0, 0.2)                       # the first ones are always slow
    for _ in range(ENOUGH * 10):
        lateness.did(0.1, 0.2)
    assert level_of(status(health)) == OK
    for _ in range(60):
        lateness.did(0.3, 0.2)
    told = status(health)
    assert (level_of(told) == WARN and 'lower watch_hz' in told.message
            and '200 ms at most' in told.message)
    for _ in range(10):
        lateness.did(0.19, 0.2)                  # hardly: it would come and go
    assert level_of(status(health)) == WARN
    for _ in range(60):
        lateness.did(0.1, 0.2)
    status(health)
    assert level_of(status(health)) == OK


@dataclass
class Snapshot:
    blocks: int = 0
    late_blocks: int = 0


def test_a_device_that_loses_sound_is_a_warning_for_as_long_as_it_does(
        node: rclpy.node.Node, health: Health) -> None:
    snapshot = Snapshot()
    device = SimpleNamespace(snapshot=lambda: snapshot)
    watch = DeviceWatch(node, health, 'microphone', device, SimpleNamespace(dropped=0))

    def second(late: int) -> None:
        nonlocal snapshot
        snapshot = Snapshot(snapshot.blocks + 50, snapshot.late_blocks + late)
        watch.look()

    for _ in range(2 * PERIOD_S):
        second(late=1)                           # now and then one: counted, and no more
    assert level_of(status(health)) == OK
    second(late=TOO_MANY)
    told = status(health)
    assert level_of(told) == WARN and 'blocks of 20 ms were lost or late' in told.message
    for _ in range(PERIOD_S + 1):
        second(late=0)
    status(health)
    assert level_of(status(health)) == OK
