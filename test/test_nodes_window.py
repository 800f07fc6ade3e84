"""The window's node between a scripted agent and real WebSocket clients: what it listens to, shows
and does.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable, Iterator

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: make setup')
pytest.importorskip('websockets', minversion='15')

import psutil  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from websockets.exceptions import InvalidStatus  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402
from window_feeder import ROBOT, TOPICS, Feeder, conversation, portrait  # noqa: E402

from omni_agent.cli import watch  # noqa: E402
from omni_agent.core.errors import ConfigError  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402

if TYPE_CHECKING:
    from ros_bench import Bench, Running

HEAVY = {'speech_state', 'look', 'image_raw'}
IDLE_S = 3.0
MOST_IDLE = 0.05           # [cores]; measured: 0.006, most of it the executor's own clock


class Visitor:
    """A browser as far as the node can tell; the bench turns while it waits."""

    def __init__(self, bench: Bench, socket: ClientConnection) -> None:
        self._bench, self._socket = bench, socket
        self.records: list[dict] = []
        self.pictures: list[bytes] = []

    def ask(self, **request: object) -> None:
        self._socket.send(json.dumps(request))

    def receive(self) -> None:
        try:
            while True:
                message = self._socket.recv(timeout=0)
                if isinstance(message, bytes):
                    self.pictures.append(message)
                else:
                    self.records += json.loads(message)
        except TimeoutError:
            pass

    def of(self, topic: str, **values: object) -> list[dict]:
        return [one for one in self.records if one['topic'] == topic
                and all(one.get(name) == value for name, value in values.items())]

    def until(self, condition: Callable[[], object], what: str) -> object:
        def met() -> object:
            self.receive()
            return condition()
        return self._bench.until(met, what)


def address(process: Running) -> str:
    return process.words.split('is open: http://')[1].split()[0].rstrip('/')


@pytest.fixture(scope='module')
def window(bench: Bench) -> Running:
    process = bench.start('window', port=0)
    bench.until(lambda: 'is open' in process.words, 'the address')
    return process


@pytest.fixture(scope='module')
def feeder(bench: Bench) -> Feeder:
    return Feeder(bench.node)


@pytest.fixture
def visit(bench: Bench, window: Running) -> Iterator[Callable[[], Visitor]]:
    with ExitStack() as doors:
        yield lambda: Visitor(bench, doors.enter_context(
            connect(f'ws://{address(window)}/socket', close_timeout=1)))
    bench.until(lambda: not heard_by_window(bench), 'the end of listening')


def heard_by_window(bench: Bench) -> set[str]:
    return {
        topic
        for topic in TOPICS
        for one in bench.node.get_subscriptions_info_by_topic(bench.node.resolve_topic_name(topic))
        if one.node_name == 'window'
    }


def test_it_listens_to_nothing_and_costs_nothing_while_nobody_looks(bench: Bench, window: Running):
    bench.news('window')
    process = psutil.Process(window.pid)
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    bench.turn_until(time.time() + IDLE_S)
    busy = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    assert heard_by_window(bench) == set()
    assert busy < MOST_IDLE


def test_it_listens_while_somebody_looks_and_to_the_rest_when_that_is_in_sight(
        bench: Bench, visit: Callable[[], Visitor]):
    visitor = visit()
    visitor.until(lambda: heard_by_window(bench) == set(TOPICS) - HEAVY, 'the light topics')
    visitor.ask(panes=['lanes'])
    visitor.until(lambda: heard_by_window(bench) == set(TOPICS) - {'look', 'image_raw'},
                  'voice frames')
    visitor.ask(panes=['lanes', 'picture'])
    visitor.until(lambda: heard_by_window(bench) == set(TOPICS), 'pictures')
    visitor.ask(panes=[])
    visitor.until(lambda: heard_by_window(bench) == set(TOPICS) - HEAVY, 'neither again')


def test_a_whole_conversation_is_told(bench: Bench, feeder: Feeder, visit: Callable[[], Visitor]):
    visitor = visit()
    visitor.ask(panes=['lanes'])
    visitor.until(lambda: heard_by_window(bench) >= set(TOPICS) - {'look', 'image_raw'},
                  'it listens')
    bench.until(
        lambda: all(publisher.get_subscription_count()
                    for topic, publisher in feeder.publishers.items()
                    if topic not in ('look', 'image_raw')), 'we are heard')
    events = conversation(time.time())
    sent = Counter()

    def turn(topic: str) -> None:
        """Of these the newest wins, so each has to be read before the next one."""
        sent[topic] += 1
        if (topic in ('interrupt', 'agent_state')
                or topic in ('playback', 'skill_state') and sent[topic] % 5 == 0):
            visitor.until(lambda: len(visitor.of(topic)) >= sent[topic],
                          f'{sent[topic]} of {topic}')
        bench.turn(0.001)
        visitor.receive()
    feeder.play(turn, events)
    told = ('percept', 'skill_state', 'react', 'playback', 'answer_route')
    visitor.until(lambda: all(len(visitor.of(topic)) >= sent[topic] for topic in told),
                  f'all of {told}')
    # they are many, and some may be lost where processors are few
    assert len(visitor.of('speech_state')) > 100
    assert visitor.of('percept', kind='final', text='Stop!')
    assert visitor.of('interrupt', reason='barge_in')[0]['latency_ms'] == 430
    stopped = visitor.of('interrupt', reason='stop_phrase')[0]
    assert stopped['latency_ms'] == 370 and stopped['halted']
    assert visitor.of('playback', heard=ROBOT[0][2], state='flushed')
    assert visitor.of('agent_state')[-1]['watching']
    assert visitor.of('skill_state', skill='go_to', state='cancelled')[0]['progress'] == 0.62
    late = visit()
    late.until(lambda: late.of('agent_state'), 'what holds')
    assert late.of('agent_state')[-1] == visitor.of('agent_state')[-1]
    assert not late.of('percept')
    late.until(lambda: len(late.of('answer_route')) == sent['answer_route'], 'the last answers')
    first = late.of('answer_route')[0]
    assert first['steps'][3]['frames'] == 256 and first['steps'][4]['ms'] == 412.0
    assert late.of('answer_route', epoch=first['epoch'])[1]['steps'][0]['tokens'] == 70
    costs = [one['ms'] for route in late.of('answer_route') for one in route['steps']]
    assert costs.count(None) == 1


def test_pictures_are_small_jpegs_and_few(bench: Bench, feeder: Feeder, visit: Callable[[],
                                                                                        Visitor]):
    visitor = visit()
    visitor.ask(panes=['picture'])
    bench.until(lambda: feeder.publishers['image_raw'].get_subscription_count(),
                'pictures are wanted')
    began, sent = time.monotonic(), 0
    while len(visitor.pictures) < 4:
        image, look = portrait(time.time())
        feeder.one('image_raw', image)
        feeder.one('look', look)
        sent += 1
        bench.turn(0.01)
        visitor.receive()
        assert time.monotonic() - began < 30
    assert len(visitor.pictures) <= 2 + 5 * (time.monotonic() - began) < sent
    assert visitor.pictures[0].startswith(b'\xff\xd8') and len(visitor.pictures[0]) < 80_000
    assert visitor.of('look')[0]['tracks'][0]['label'] == 'person'


def test_the_big_button_calls_hush_and_says_what_came_of_it(bench: Bench,
                                                            visit: Callable[[], Visitor]):
    visitor = visit()
    visitor.until(
        lambda: 'typed' in dict(bench.node.get_publisher_names_and_types_by_node('window', '/')) or
        visitor.of('tick'), 'it listens')
    visitor.ask(stop=1)
    refused = visitor.until(lambda: visitor.of('answer', number=1), 'that nobody is there')[0]
    assert not refused['ok'] and 'decision node' in refused['text']
    calls: list[float] = []

    def hush(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        calls.append(time.time())
        response.success, response.message = True, 'silent'
        return response

    service = bench.node.create_service(Trigger, 'decision/hush', hush)
    number = 1

    def stopped() -> list[dict]:                         # until the service is discovered
        nonlocal number
        if visitor.of('answer', number=number):
            number += 1
            visitor.ask(stop=number)
        return visitor.of('answer', ok=True)
    assert visitor.until(stopped, 'silence')[0]['text'] == 'silent'
    assert len(calls) == 1
    bench.node.destroy_service(service)


def test_a_hush_without_an_answer_is_not_called_done(bench: Bench, visit: Callable[[], Visitor]):
    hung = rclpy.create_node('hung', context=bench.context)          # which no executor ever turns
    hung.create_service(Trigger, 'decision/hush', lambda request, response: response)
    visitor = visit()
    number = 0

    def asked_in_vain() -> list[dict]:
        nonlocal number
        if not number or visitor.of('answer', number=number):
            number += 1
            visitor.ask(stop=number)
        return [one for one in visitor.of('answer') if 'No answer within' in one['text']]
    assert not visitor.until(asked_in_vain, 'the end of patience')[0]['ok']
    hung.destroy_node()


def test_what_is_typed_reaches_the_agent(bench: Bench, visit: Callable[[], Visitor]):
    heard = bench.listen(String, 'typed', qos.PERCEPT)
    visitor = visit()
    bench.until(lambda: bench.node.count_publishers('typed'), 'a writer')
    number = 0

    # until both sides have discovered each other
    def said() -> list[String]:
        nonlocal number
        if not number or visitor.of('answer', number=number):
            number += 1
            visitor.ask(typed='  what  do you\nsee? ', number=number)
        return heard
    visitor.until(said, 'the words')
    visitor.until(lambda: visitor.of('answer', ok=True), 'that they were taken')
    assert heard[-1].data == 'what do you see?'
    visitor.ask(typed=' \n ', number=99)
    assert not visitor.until(lambda: visitor.of('answer', number=99), 'a refusal')[0]['ok']


def test_only_the_own_nodes_are_shown_and_the_agent_lives_when_its_decision_node_says_so(
        bench: Bench, feeder: Feeder, visit: Callable[[], Visitor]):
    visitor = visit()
    bench.until(lambda: feeder.publishers['/diagnostics'].get_subscription_count() > 1,
                'it listens')
    feeder.one('/diagnostics',
               DiagnosticArray(status=[DiagnosticStatus(name='other/decision', level=b'\2')]))
    visitor.until(lambda: len(visitor.of('tick')) > 2, 'some ticks')
    assert not visitor.of('tick', agent='here')

    def seen() -> list[dict]:
        feeder.alive()
        return visitor.of('tick', agent='here')
    visitor.until(seen, 'that there is one')
    assert {one['node'] for one in visitor.of('health')} >= {'decision', 'reaction', 'window'}
    assert not visitor.of('health', level='error')
    assert visitor.of('health', node='reaction')[0]['level'] == 'warning'


def test_another_interface_needs_the_token_that_is_printed(bench: Bench):
    process = bench.start('window', port=0, host='0.0.0.0', arguments=('-r', '__ns:=/apart'))
    bench.until(lambda: 'is open' in process.words, 'the address')
    name, _, token = address(process).partition('/?token=')
    assert len(token) >= 20
    port = name.rpartition(':')[2]
    with pytest.raises(InvalidStatus) as refused:
        connect(f'ws://127.0.0.1:{port}/socket').__enter__()
    assert refused.value.response.status_code == 401
    with connect(f'ws://127.0.0.1:{port}/socket?token={token}', close_timeout=1) as socket:
        visitor = Visitor(bench, socket)
        visitor.until(lambda: visitor.of('tick', namespace='/apart'), 'a sign of life')
    assert bench.end(process) == 0


def test_the_real_agent_falls_silent_and_listens_to_what_is_typed(bench: Bench):
    home = ('-r', '__ns:=/real')
    processes = [
        bench.start('window', port=0, arguments=home),
        bench.start('decision', llm='none', sentence_end='none', state='none', arguments=home)
    ]
    bench.until(lambda: 'is open' in processes[0].words, 'the address')
    with connect(f'ws://{address(processes[0])}/socket', close_timeout=1) as socket:
        visitor = Visitor(bench, socket)
        visitor.until(lambda: visitor.of('tick', agent='here') and visitor.of('agent_state'),
                      'the agent')
        visitor.ask(stop=1)
        assert visitor.until(lambda: visitor.of('answer', number=1), 'silence')[0]['ok']
        visitor.until(lambda: visitor.of('interrupt', reason='hush'), 'the interrupt')
        visitor.ask(typed='hello robot', number=2)
        visitor.until(lambda: visitor.of('react', brief='hello robot'), 'that it wants to answer')
    assert [bench.end(process) for process in processes] == [0, 0]


# -- the command ----------------------------------------------------------------------------------


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    watch.add_parser(parser.add_subparsers())
    return parser.parse_args(['watch', *words])


def test_the_command_becomes_the_node_and_nobody_can_list_the_token():
    command, environment = watch.command_of(
        parsed('--namespace', 'bot', '--host', '0.0.0.0', '--port', '80', '--token',
               'correct-horse_battery', '--foxglove'))
    assert command[1:3] == ['-m', 'omni_agent.nodes.window'] and '__ns:=/bot' in command
    assert {'host:="0.0.0.0"', 'port:=80', 'foxglove_port:=8765'} <= set(command)
    assert not any('correct-horse' in word for word in command)
    assert environment[watch.TOKEN_VARIABLE] == 'correct-horse_battery'


@pytest.mark.parametrize('words', [('--port', '70000'), ('--foxglove', '-1'), ('--token', 'short'),
                                   ('--namespace', 'a b')])
def test_the_command_refuses_what_cannot_work(words: tuple[str, str]):
    with pytest.raises(ConfigError):
        watch.command_of(parsed(*words))
