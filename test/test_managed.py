"""Nodes that a lifecycle manager owns: every state, every way out of it, and what is heard
meanwhile.
"""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from parameter_services import ask
from whole_graph import fakes

from ros_bench import OK, RATE, Bench, Heard, Running, interrupt, speech_chunk, tone

from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, Playback, SpeechChunk
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.node import NodeNameNonExistentError
from std_srvs.srv import Trigger

from omni_agent import graph
from omni_agent.core.lifecycle import GRAPH, Lifecycle, State, Verdict
from omni_agent.nodes import qos

WALK = ('configure', 'activate', 'deactivate', 'activate', 'deactivate', 'cleanup', 'configure',
        'shutdown')


def test_the_table_is_that_of_rcl() -> None:
    rclpy = pytest.importorskip('rclpy')
    from rclpy.lifecycle import LifecycleNode
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = LifecycleNode('theirs', context=context)
    theirs = (node._state_machine
              if hasattr(node, '_state_machine') else node._LifecycleNodeMixin__state_machine)
    ours = [(item.id, item.label, item.start.value, item.start.label, item.goal.value,
             item.goal.label) for item in GRAPH]
    assert sorted(ours) == sorted(theirs.transition_graph)
    assert [(state.value, state.label) for state in State] == theirs.available_states
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_while_something_is_done_nothing_else_begins() -> None:
    machine = Lifecycle()
    assert machine.begin(0, 'activate') is None and machine.state is State.UNCONFIGURED
    assert machine.begin(1) is not None and machine.state is State.CONFIGURING
    assert machine.begin(0, 'transition_success') is None and machine.begin(10) is None
    machine.end(Verdict.ERROR)
    assert machine.state is State.ERROR_PROCESSING
    machine.end(Verdict.SUCCESS)
    assert machine.state is State.UNCONFIGURED


class Managed:
    """A node, and a manager's view of it. ``space`` is its namespace, where there are several."""

    def __init__(self, bench: Bench, node: str, space: str = '', **parameters: object) -> None:
        name = f'{space}/{node}' if space else node
        self.bench, self.name = bench, name
        self.process: Running = bench.start(node, managed=True, **parameters,
                                            arguments=('-r', f'__ns:=/{space}') if space else ())
        self.events: Heard = bench.listen(TransitionEvent, f'{name}/transition_event', 10)
        self._clients = {}
        for kind, service in ((ChangeState, 'change_state'), (SetParameters, 'set_parameters'),
                              (GetState, 'get_state')):
            self.client(kind, service)
        # the node finds a client's readers in order: who is answered on the last one is answered
        # on all
        self._is_met = False

    def client(self, kind: type, service: str) -> Client:
        key = f'{self.name}/{service}'
        if key not in self._clients:
            self._clients[key] = self.bench.node.create_client(kind, key)
        return self._clients[key]

    def call(self, kind: type, service: str, request: object | None = None) -> object:
        if not self._is_met:
            self._is_met = True
            assert self.state() == 'unconfigured'
        client = self.client(kind, service)
        self.bench.until(client.service_is_ready, service)
        if kind is not ChangeState:
            return ask(self.bench, client, request or kind.Request(),
                       f'an answer of {self.name}/{service}')
        future = client.call_async(request)      # twice would be another thing
        self.bench.until(future.done, f'the transition of {self.name}')
        return future.result()

    def state(self) -> str:
        return self.call(GetState, 'get_state').current_state.label

    def change(self, label: str) -> bool:
        return self.ask(label).success

    def ask(self, label: str) -> ChangeState.Response:
        request = ChangeState.Request()
        request.transition.label = label
        return self.call(ChangeState, 'change_state', request)

    def go(self, *labels: str) -> None:
        for label in labels:
            assert self.change(label), (label, self.process.words)

    def set(self, name: str, **value: object) -> tuple[bool, str]:
        kind = {
            'string_value': ParameterType.PARAMETER_STRING,
            'double_value': ParameterType.PARAMETER_DOUBLE,
            'bool_value': ParameterType.PARAMETER_BOOL
        }[next(iter(value))]
        request = SetParameters.Request(
            parameters=[Parameter(name=name, value=ParameterValue(type=kind, **value))])
        result = self.call(SetParameters, 'set_parameters', request).results[0]
        return result.successful, result.reason

    def end(self) -> int:
        for client in self._clients.values():
            self.bench.node.destroy_client(client)
        return self.bench.end(self.process)


@pytest.fixture(autouse=True)
def alone(bench: Bench) -> Iterator[None]:
    """What one test said on a latched topic is not for the next one's nodes."""
    kept = {*bench.node.publishers, *bench.node.subscriptions}
    yield
    for process in list(bench.running):
        bench.end(process)
    for publisher in [one for one in bench.node.publishers if one not in kept]:
        bench.node.destroy_publisher(publisher)
    for subscription in [one for one in bench.node.subscriptions if one not in kept]:
        bench.node.destroy_subscription(subscription)


def test_every_node_walks_through_its_states_and_tells_each_step(bench: Bench,
                                                                 tmp_path: Path) -> None:
    nodes = [Managed(bench, name, **parameters) for name, parameters in fakes(tmp_path).items()]
    for node in nodes:
        assert not node.change('activate') and node.state() == 'unconfigured'      # not yet
        bench.until(lambda: bench.node.count_publishers(f'{node.name}/transition_event'),
                    'its events')
        states = []
        for label in WALK:
            node.go(label)
            states.append(node.state())
        assert (states == [
            'inactive', 'active', 'inactive', 'active', 'inactive', 'unconfigured', 'inactive',
            'finalized'
        ])
        told = bench.until(lambda: node.events[2 * len(WALK) - 1:] and list(node.events),
                           'every step')
        assert [event.transition.label for event in told[::2]] == list(WALK)
        assert {event.transition.label for event in told[1::2]} == {'transition_success'}
        for before, after in zip(told, told[1:]):
            assert (before.goal_state.id == after.start_state.id
                    and before.timestamp <= after.timestamp)
    assert [node.end() for node in nodes] == [0] * len(graph.NAMES)
    assert not any('Traceback' in node.process.words for node in nodes)


def test_ctrl_c_in_every_state_ends_with_code_0(bench: Bench, tmp_path: Path) -> None:
    parameters = fakes(tmp_path)
    ways = [(), ('configure', ), ('configure', 'activate'),
            ('configure', 'activate', 'deactivate'), ('configure', 'cleanup'), ('shutdown', )]
    nodes = [
        Managed(bench, 'speaker', f'way{index}', **parameters['speaker'])
        for index, _ in enumerate(ways)
    ]
    nodes += [
        Managed(bench, 'decision', f'way{index}', **parameters['decision']) for index in (1, 2)
    ]
    for node, way in zip(nodes, [*ways, ways[1], ways[2]]):
        node.go(*way)
        assert node.state() != 'finalized' or way == ('shutdown',)
    assert [node.end() for node in nodes] == [0] * len(nodes)
    assert not any('Traceback' in node.process.words for node in nodes)


def test_ctrl_c_while_a_model_is_being_loaded_ends_with_code_0(bench: Bench) -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:       # takes the call and says nothing
        node = Managed(bench, 'camera',
                       device=f'http://127.0.0.1:{silent.getsockname()[1]}/camera')
        assert node.state() == 'unconfigured'
        request = ChangeState.Request()
        request.transition.label = 'configure'
        node.client(ChangeState, 'change_state').call_async(request)
        bench.until(lambda: node.state() == 'configuring', 'configuring')
        assert not node.change('shutdown') and node.state() == 'configuring'
        assert node.end() == 0 and 'Traceback' not in node.process.words


def test_what_cannot_be_opened_is_said_and_may_be_tried_again(bench: Bench,
                                                              tmp_path: Path) -> None:
    """First a bad device, then a good one, without a new process."""
    node = Managed(bench, 'speaker', device='room:quiet@/proc/nowhere')
    for _ in range(2):
        assert not node.change('configure') and node.state() == 'unconfigured'
    assert bench.until(
        lambda: '/proc/nowhere' in node.process.words and 'not configured' in node.process.words,
        'the reason')
    assert node.set('device', string_value=f'room:quiet@{tmp_path}') == (True, '')
    node.go('configure')
    ok, why = node.set('device', string_value='another')
    assert not ok and 'clean up' in why
    assert not bench.node.count_publishers('playback') == 0
    node.go('cleanup')
    bench.until(lambda: bench.node.count_publishers('playback') == 0, 'its topics to be gone')
    assert node.set('duck_limit_s', double_value=99.0)[0] is False
    ok, why = node.set('managed', bool_value=False)
    assert not ok and 'start the node anew' in why
    assert node.end() == 0


def test_a_model_that_is_not_to_be_had_fails_the_configuration(bench: Bench) -> None:
    node = Managed(bench, 'reaction', llm='/nowhere/model.gguf', tts='fake')
    assert not node.change('configure') and node.state() == 'unconfigured'
    assert bench.until(lambda: '/nowhere/model.gguf' in node.process.words, 'the reason')
    assert node.set('llm', string_value='fake') == (True, '')
    node.go('configure', 'activate')
    bench.level('reaction', OK)
    assert node.end() == 0


def test_a_speaker_that_is_put_to_rest_is_silent_at_once_and_does_not_go_on_later(
        bench: Bench, tmp_path: Path) -> None:
    node = Managed(bench, 'speaker', device=f'room:quiet@{tmp_path}')
    speech = bench.publisher(SpeechChunk, 'speech', qos.SPEECH)
    interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
    playback = bench.listen(Playback, 'playback', qos.PLAYBACK)
    reference = bench.listen(AudioChunk, 'speaker/reference', qos.AUDIO)
    node.go('configure')
    bench.matched(publishers=(speech, interrupts), topics=('playback', 'speaker/reference'))
    epoch = int(time.time() * 1000)
    interrupts.publish(interrupt(epoch))
    speech.publish(speech_chunk(epoch, 0, tone(500, 1.0), 'unheard', last=True))
    bench.news('speaker')
    bench.news('speaker')
    assert bench.health_of('speaker')[1] == 'inactive' and not reference and not playback
    node.go('activate')
    epoch += 1
    for sequence in range(3):
        speech.publish(speech_chunk(epoch, sequence, tone(500, 1.9), f'word{sequence}'))
    bench.until(lambda: [message for message in playback if message.state == Playback.STARTED],
                'sound')
    node.go('deactivate')
    asked = time.time()
    assert bench.until(
        lambda: [message for message in playback if message.state == Playback.FLUSHED], 'the cut')
    heard = len(reference)
    speech.publish(speech_chunk(epoch, 3, tone(500, 1.9), 'later', last=True))
    bench.turn_until(asked + 0.5)
    assert len(reference) <= heard + 2           # a block or two were on their way
    reference.forget()
    node.go('activate')
    speech.publish(speech_chunk(epoch, 4, tone(500, 0.2), 'stale', last=True))
    assert bench.counted('speaker', 'stale chunks') == 1
    speech.publish(speech_chunk(epoch + 1, 0, tone(800, 0.2), 'new', last=True))
    done = bench.until(
        lambda: [message for message in playback if message.state == Playback.FINISHED],
        'the new reply')
    assert [(message.epoch, message.heard) for message in done] == [(epoch + 1, 'new')]
    bench.until(lambda: len(reference) >= 10, 'its sound')
    sound = np.concatenate([chunk.samples for chunk in reference])
    assert abs(np.count_nonzero(np.abs(sound) > 100) / RATE - 0.2) < 0.03      # and nothing else
    assert node.end() == 0


def test_the_latched_epoch_that_came_at_rest_is_known_after_waking(bench: Bench,
                                                                   tmp_path: Path) -> None:
    node = Managed(bench, 'speaker', device=f'room:quiet@{tmp_path}')
    speech = bench.publisher(SpeechChunk, 'speech', qos.SPEECH)
    interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
    node.go('configure')
    bench.matched(publishers=(speech, interrupts))
    epoch = int(time.time() * 1000) + 5_000
    interrupts.publish(interrupt(epoch))
    bench.news('speaker')
    node.go('activate')
    speech.publish(speech_chunk(epoch - 1, 0, tone(500, 0.2), 'stale', last=True))
    assert bench.counted('speaker', 'stale chunks') == 1
    assert node.end() == 0


def test_an_inactive_decision_node_says_nothing_and_its_first_word_is_its_epoch(
        bench: Bench, tmp_path: Path) -> None:
    node = Managed(bench, 'decision', **fakes(tmp_path)['decision'])
    interrupts = bench.listen(Interrupt, 'interrupt', qos.STATE)
    percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
    node.go('configure')
    bench.matched(publishers=(percepts,), topics=('interrupt',))
    refused = node.call(Trigger, 'hush')
    assert not refused.success and 'activate' in refused.message
    bench.news('decision')
    assert not interrupts
    node.go('activate')
    first = bench.until(lambda: interrupts, 'the first epoch')[0].epoch
    node.go('deactivate')
    bench.until(lambda: interrupts[-1].epoch > first, 'silence before the rest')
    assert bench.news('decision').message == 'inactive'
    count = len(interrupts)
    percepts.publish(Percept(kind=Percept.SPEECH_STARTED, utterance=1))
    node.go('activate')
    assert node.call(Trigger, 'hush').success
    bench.until(lambda: len(interrupts) > count, 'its word again')
    assert node.end() == 0


def test_the_services_of_a_manager_say_what_there_is(bench: Bench, tmp_path: Path) -> None:
    node = Managed(bench, 'speaker', device=f'room:quiet@{tmp_path}')
    assert (len(node.call(GetAvailableStates,
                          'get_available_states').available_states) == len(State))
    assert (len(node.call(GetAvailableTransitions,
                          'get_transition_graph').available_transitions) == len(GRAPH))
    now = node.call(GetAvailableTransitions, 'get_available_transitions').available_transitions
    assert [item.transition.label for item in now] == ['configure', 'shutdown']
    by_number = ChangeState.Request()
    by_number.transition.id = 1                  # as nav2's manager asks
    assert node.call(ChangeState, 'change_state', by_number).success and node.state() == 'inactive'
    assert node.end() == 0


def test_a_node_without_a_manager_has_none_of_its_services(bench: Bench, tmp_path: Path) -> None:
    process = bench.start('speaker', device=f'room:quiet@{tmp_path}')
    bench.news('speaker')

    def services() -> set[str]:
        try:
            return {
                name
                for name, _ in bench.node.get_service_names_and_types_by_node('speaker', '/')
            }
        except NodeNameNonExistentError:     # its diagnostics may come before its name does
            return set()

    # the node's doors are made before its parameters' ones are announced
    bench.until(lambda: '/speaker/set_parameters' in services(), 'its services')
    assert '/speaker/change_state' not in services()
    process.send(signal.SIGINT)
    bench.until(lambda: process.pid is None, 'its end')
    assert process.code == 0
