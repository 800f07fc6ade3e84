"""A window in the browser: what the agent hears, thinks, says and does, and a button that stops
it.

It listens only while somebody looks, and to pictures and voice frames only while they are in
sight.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Callable

from diagnostic_msgs.msg import DiagnosticArray
from omni_agent_msgs.msg import (AgentState, AnswerRoute, Interrupt, Look, Percept, Playback,
                                 React, SkillState, SpeechState)
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sensor_msgs.msg import Image

from omni_agent.backends.pictures import to_bgr, to_jpeg
from omni_agent.backends.window_server import Command, Json, Wanted, WindowServer
from omni_agent.core.errors import BackendError, ConfigError, OmniAgentError
from omni_agent.core.params import param
from omni_agent.core.web_gate import Gate, is_loopback
from omni_agent.share import share_dir

from . import foxglove_bridge, qos, window_records as records
from .health import WARN, Health
from .node import join
from .parameters import declare
from .shell import main as run
from .stamps import now, pace
from .threads import Inbox, Worker
from .window_requests import Requests

# a parameter could be read by everybody in the graph
TOKEN_VARIABLE = 'OMNI_AGENT_WATCH_TOKEN'
SILENT_S = 4.0             # the decision node speaks once a second
QUALITY = 70               # of the JPEG
NEVER = float('-inf')


@dataclass(frozen=True)
class WindowParams:
    """Parameters of the window node."""

    host: str = param(
        '127.0.0.1',
        'address to listen at; any that is not a loopback address needs a token, taken from '
        f'the environment variable {TOKEN_VARIABLE} or made and printed at the start')
    port: int = param(8742, 'port of the page; 0 takes a free one', 0, 65535)
    names: str = param(
        '', 'further names under which browsers may reach this machine, separated by commas')
    picture_hz: float = param(5.0, 'pictures a second that are sent to browsers, at most', 0.1,
                              30.0, live=True)
    picture_width: int = param(640, 'their width, at most [pixels]', 80, 1920, live=True)
    foxglove_port: int = param(0,
                               'port of a Foxglove WebSocket on the loopback interface; 0: none',
                               0, 65535)


PARAMETERS = (('', WindowParams),)     # (prefix, dataclass): what is declared below


class Window:
    """The executor thread owns the topics, the server's thread the browsers."""

    def __init__(self) -> None:
        self.node = join('window')
        self.params = declare(self.node, WindowParams)
        self.health = Health(self.node)
        self.inbox: Inbox[Callable[[], None]] = Inbox(self.node, lambda job: job())
        self.jpeg = Worker('jpeg', lambda error: self.inbox.put(lambda: self._no_picture(error)))
        self._topics: dict[str, Subscription] = {}
        self._requests: Requests | None = None       # while somebody looks; so the tick
        self._tick: Timer | None = None
        self._picture_due = NEVER
        self._decision_heard = self._opened = NEVER      # [s, monotonic]
        self._home = self.node.get_namespace().strip('/')
        token = _token(self.params.host)
        self.server = self._opened_server(
            Gate(token, _names(self.params), f'omni_agent_{self.params.port}'))
        self.foxglove = foxglove_bridge.open_bridge(self.node, self.health,
                                                    self.params.foxglove_port)
        _say(self.params.host, self.server.port, token)

    def _opened_server(self, gate: Gate) -> WindowServer:
        try:
            return WindowServer(share_dir() / 'window', gate, self.params.host, self.params.port,
                                lambda wanted: self.inbox.put(lambda: self.look_at(wanted)),
                                lambda command: self.inbox.put(lambda: self.on_command(command)))
        except BackendError as error:            # without its library this node is nothing
            raise ConfigError(str(error)) from error

    # -- listening only while somebody looks ------------------------------------------------------

    def look_at(self, wanted: Wanted) -> None:
        """``wanted``: the panes that are in sight in some browser; None when there is no
        browser.
        """
        if wanted is None:
            self._shut()
            return
        if self._tick is None:
            self._open()
        self._listen('speech_state', 'lanes' in wanted)
        self._listen('look', 'picture' in wanted)
        self._listen('image_raw', 'picture' in wanted)

    def _open(self) -> None:
        self._opened, self._decision_heard = time.monotonic(), NEVER
        with self.node.always():                 # it comes and goes with the browsers
            self._tick = self.node.create_timer(1.0, self.tick, clock=pace(self.node))
        self._requests = Requests(self.node, self.health, self.server.answer)
        for topic in ('interrupt', 'percept', 'react', 'playback', 'agent_state', 'skill_state',
                      'answer_route', '/diagnostics'):
            self._listen(topic, True)
        self.tick()

    def _shut(self) -> None:
        for topic in list(self._topics):
            self._listen(topic, False)
        if self._tick is not None:
            self.node.destroy_timer(self._tick)
            self._requests.close()
            self._tick = self._requests = None

    def _listen(self, topic: str, wanted: bool) -> None:
        if wanted and topic not in self._topics:
            self._topics[topic] = self._subscription(topic)
        elif not wanted and topic in self._topics:
            self.node.destroy_subscription(self._topics.pop(topic))

    def _subscription(self, topic: str) -> Subscription:
        """Bytes of pictures, as most are not looked at."""
        create = self.node.create_subscription
        if topic == 'image_raw':
            return create(Image, topic, self.on_image, qos.IMAGE_IN, raw=True)
        if topic == '/diagnostics':
            return create(DiagnosticArray, topic, self.on_diagnostics, qos.PERCEPT)
        kind, profile, convert, key = {
            'interrupt': (Interrupt, qos.STATE, records.interrupt, _one),
            'percept': (Percept, qos.PERCEPT, records.percept, _nothing),
            'react': (React, qos.REACT, records.react, _nothing),
            'playback': (Playback, qos.PLAYBACK, records.playback, _one),
            'agent_state': (AgentState, qos.STATE, records.agent_state, _one),
            'skill_state': (SkillState, qos.SKILL_STATE, records.skill_state, records.skill_key),
            'answer_route': (AnswerRoute, qos.ROUTE, records.answer_route, records.route_key),
            'speech_state': (SpeechState, qos.SPEECH_STATE, records.speech_state, _nothing),
            'look': (Look, qos.LOOK, records.look, _one)}[topic]
        return create(kind, topic, lambda message: self.publish(topic, convert(message), key),
                      profile)

    def publish(self, topic: str, record: Json, key: Callable[[Json], str]) -> None:
        record = {'topic': topic, **record}
        self.server.publish(record, key(record))

    # -- what browsers see ------------------------------------------------------------------------

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            home, _, name = status.name.strip('/').rpartition('/')
            if home == self._home:               # of this agent
                if name == 'decision':
                    self._decision_heard = time.monotonic()
                self.publish('health', {
                    **records.status(status), 'node': name
                }, lambda record: f'node {name}')

    def on_image(self, data: bytes) -> None:
        at = time.monotonic()
        if at < self._picture_due or not self.jpeg.idle:
            return
        self._picture_due = at + 1.0 / self.params.picture_hz
        self.jpeg.submit(lambda: self._send_picture(data))

    def _send_picture(self, data: bytes) -> None:
        """Worker thread."""
        image = deserialize_message(data, Image)
        self.server.show(to_jpeg(to_bgr(image), self.params.picture_width, QUALITY))
        self.inbox.put(lambda: self.health.well('picture'))

    def _no_picture(self, error: OmniAgentError) -> None:
        self.health.trouble('picture', WARN, str(error))
        self.publish('no_picture', {'text': str(error)}, _nothing)

    def tick(self) -> None:
        """Once a second: the robot's time, and whether there is an agent."""
        at = time.monotonic()
        if at - self._decision_heard < SILENT_S:
            agent = 'here'
        else:
            agent = 'gone' if at - self._opened > SILENT_S else 'awaited'
        self.publish('tick', {
            'now': now(self.node),
            'agent': agent,
            'namespace': f'/{self._home}'
        }, _one)
        self.health.counters['texts dropped for slow browsers'] = self.server.dropped
        self.health.values['browsers'] = str(self.server.clients)

    def on_command(self, command: Command) -> None:
        if self._requests is not None:           # else whoever asked has left
            self._requests.take(command)

    def close(self) -> None:
        self.server.close()
        self.jpeg.close()
        if self.foxglove is not None:
            self.foxglove.close()


def _one(record: Json) -> str:
    """A state: the newest one holds."""
    return str(record['topic'])


def _nothing(record: Json) -> str:
    """An event: it is over."""
    return ''


def _token(host: str) -> str:
    return (os.environ.get(TOKEN_VARIABLE) or
            ('' if is_loopback(host) else secrets.token_urlsafe(18)))


def _names(params: WindowParams) -> frozenset[str]:
    own = socket.gethostname().lower()
    given = (name.strip().lower() for name in params.names.split(','))
    return frozenset(name for name in (own, f'{own}.local', params.host.lower(), *given) if name)


def _say(host: str, port: int, token: str) -> None:
    """To whoever started us, and to nobody else: the log is a topic."""
    shown = (socket.gethostname() if host in ('0.0.0.0',
                                              '::') else f'[{host}]' if ':' in host else host)
    print(f'the window is open: http://{shown}:{port}/{f"?token={token}" if token else ""}',
          flush=True)


def main() -> None:
    run(Window)


if __name__ == '__main__':
    main()
