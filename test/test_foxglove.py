"""The Foxglove WebSocket, by a client that speaks its protocol: who may read, and what is read
only when asked for.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
from typing import TYPE_CHECKING, Iterator

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
pytest.importorskip('websockets', minversion='15')

from omni_agent_msgs.msg import AgentState  # noqa: E402
from rclpy.serialization import deserialize_message  # noqa: E402
from websockets.exceptions import InvalidStatus  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402
from window_feeder import Feeder  # noqa: E402

from omni_agent.backends.foxglove_server import FoxgloveServer  # noqa: E402
from omni_agent.core.errors import BackendError  # noqa: E402
from omni_agent.nodes.foxglove_bridge import schema  # noqa: E402

if TYPE_CHECKING:
    from ros_bench import Bench

MESSAGE = 1                # opcode of a binary frame, before the subscription's id and the time


def test_a_schema_holds_everything_that_the_message_is_made_of(bench: Bench):
    text = schema('omni_agent_msgs/msg/Look')
    assert text.startswith('# What the camera shows now')
    assert (re.findall(r'^={80}\nMSG: (\S+)$', text, re.MULTILINE) == [
        'std_msgs/Header', 'builtin_interfaces/Time', 'omni_agent_msgs/Track',
        'omni_agent_msgs/Face', 'omni_agent_msgs/TrackEvent'
    ])


def test_what_is_not_installed_has_no_schema(bench: Bench):
    assert schema('nobodys_msgs/msg/Nothing') == schema('std_msgs/msg/Nothing') == ''


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'foxglove', None)
    with pytest.raises(BackendError, match=r'pip install "omni_agent\[foxglove\]"'):
        FoxgloveServer(0, print)


@pytest.fixture(scope='module')
def port(bench: Bench) -> int:
    pytest.importorskip('foxglove', reason='pip install foxglove-sdk')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        free = probe.getsockname()[1]
    bench.start('window', port=0, foxglove_port=free)
    bench.news('window')
    return free


@pytest.mark.parametrize('origin', ['https://evil.example', 'null', 'http://app.foxglove.dev',
                                    'https://app.foxglove.dev.evil.example'])
def test_a_web_page_of_somebody_else_cannot_read_the_camera(port: int, origin: str):
    with pytest.raises(InvalidStatus) as refused:
        connect(f'ws://127.0.0.1:{port}', subprotocols=['foxglove.sdk.v1'],
                origin=origin).__enter__()
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    'origin', ['https://app.foxglove.dev', 'http://localhost:8080', 'file://', 'foxglove://app'])
def test_the_app_can_wherever_it_runs(bench: Bench, port: int, origin: str):
    with connect(f'ws://127.0.0.1:{port}', subprotocols=['foxglove.sdk.v1'], origin=origin,
                 close_timeout=1) as client:
        assert json.loads(receive(bench, client))['op'] == 'serverInfo'


@pytest.fixture
def studio(port: int) -> Iterator[ClientConnection]:
    with connect(f'ws://127.0.0.1:{port}', subprotocols=['foxglove.sdk.v1'],
                 close_timeout=1) as client:
        yield client


def receive(bench: Bench, client: ClientConnection) -> str | bytes:
    def next_one() -> list[str | bytes]:
        try:
            return [client.recv(timeout=0)]
        except TimeoutError:
            return []
    return bench.until(next_one, 'news of the server')[0]


def test_a_topic_is_read_from_the_robot_only_while_somebody_reads_it_here(
        bench: Bench, studio: ClientConnection):
    feeder = Feeder(bench.node)
    states = feeder.publishers['agent_state']
    channels: dict[str, dict] = {}
    while not {'/agent_state', '/diagnostics', '/image_raw'} <= set(channels):
        said = json.loads(receive(bench, studio))
        channels.update({one['topic']: one for one in said.get('channels', [])})
    channel = channels['/agent_state']
    assert (channel['encoding'], channel['schemaEncoding'], channel['schemaName']) == (
        'cdr', 'ros2msg', 'omni_agent_msgs/msg/AgentState')
    assert states.get_subscription_count() == 0
    feeder.one('agent_state', AgentState(text='told before anybody asked'))       # it is latched
    studio.send(
        json.dumps({
            'op': 'subscribe',
            'subscriptions': [{
                'id': 7,
                'channelId': channel['id']
            }]
        }))
    while isinstance(frame := receive(bench, studio), str):
        pass
    opcode, number, _ = struct.unpack_from('<BIQ', frame)
    assert (opcode, number) == (MESSAGE, 7)
    assert deserialize_message(frame[13:], AgentState).text == 'told before anybody asked'
    assert states.get_subscription_count() == 1
    studio.send(json.dumps({'op': 'unsubscribe', 'subscriptionIds': [7]}))
    bench.until(lambda: not states.get_subscription_count(), 'the end of reading')
