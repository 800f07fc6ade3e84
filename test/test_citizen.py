"""What other people's tools see of a node: parameters, qualities of service, names; and that two
agents are two.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
import yaml
from parameter_services import OF_RCLPY, ParameterServices
from whole_graph import fakes

from ros_bench import BLOCK, WARN, Bench, Running, audio_chunk, interrupt, tone

from omni_agent_msgs.msg import (AudioChunk, Interrupt, Playback, React, SpeechChunk,
                                 SpeechState)
from rcl_interfaces.msg import ParameterType
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from omni_agent import graph
from omni_agent.core.params import specs
from omni_agent.nodes import qos

NUMBERS = (ParameterType.PARAMETER_INTEGER, ParameterType.PARAMETER_DOUBLE)


shared: list[Running] = []       # that of the tests which only look


@pytest.fixture(autouse=True)
def alone(bench: Bench) -> Iterator[None]:
    """What one test said on a latched topic is not for the next one's nodes."""
    kept = {*bench.node.publishers, *bench.node.subscriptions}
    yield
    for process in [one for one in bench.running if one not in shared]:
        bench.end(process)
    for publisher in [one for one in bench.node.publishers if one not in kept]:
        bench.node.destroy_publisher(publisher)
    for subscription in [one for one in bench.node.subscriptions if one not in kept]:
        bench.node.destroy_subscription(subscription)


@pytest.fixture(scope='module')
def nodes(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> list[Running]:
    """All of the graph, for the first tests of this file; the last one of them ends it."""
    shared.extend(
        bench.start(name, **values)
        for name, values in fakes(tmp_path_factory.mktemp('nodes')).items())
    bench.until(lambda: set(graph.NAMES) <= set(bench.health), 'all nodes')
    return shared


def test_every_parameter_says_what_it_means_and_every_number_its_range(
        bench: Bench, nodes: list[Running]) -> None:
    poor = []
    for name in graph.NAMES:
        services = ParameterServices(bench, name)
        for one in services.describe(
            [parameter for parameter in services.names() if parameter not in OF_RCLPY]):
            has_range = (one.integer_range or one.floating_point_range
                         or one.name.startswith('qos_overrides.'))
            if not one.description or (one.type in NUMBERS and not has_range):
                poor.append(f'{name}: {one.name}')
    assert not poor


def test_the_package_lists_every_parameter_of_a_running_node_and_no_other(
        bench: Bench, nodes: list[Running]) -> None:
    """By that list the file of all parameters is written."""
    for name in graph.NAMES:
        listed = {
            f'{prefix}.{spec.name}'.strip('.')
            for prefix, params in importlib.import_module(f'omni_agent.nodes.{name}').PARAMETERS
            for spec in specs(params)
        }
        there = {
            one
            for one in ParameterServices(bench, name).names()
            if not one.startswith('qos_overrides.')
        }
        assert there - {*OF_RCLPY, 'managed', 'diagnostics_s'} == listed, name


def test_every_topic_has_its_quality_of_service_among_the_parameters(bench: Bench,
                                                                     nodes: list[Running]) -> None:
    for name in graph.NAMES:
        values = ParameterServices(bench, name).values()
        for end, found in (('publisher', bench.node.get_publisher_names_and_types_by_node(
                name,
                '/')), ('subscription', bench.node.get_subscriber_names_and_types_by_node(
                    name, '/'))):
            topics = {topic for topic, _ in found} - {'/parameter_events', '/rosout', '/clock'}
            assert topics or end == 'subscription', name
            for topic in topics:
                for policy in ('depth', 'history', 'reliability'):
                    assert f'qos_overrides.{topic}.{end}.{policy}' in values, (name, topic)


def test_the_parameters_of_running_nodes_start_the_same_nodes_again(bench: Bench,
                                                                    nodes: list[Running],
                                                                    tmp_path: Path) -> None:
    """As with ``ros2 param dump`` and ``--params-file``."""
    changed = ParameterServices(bench, 'perception').set(endpoint__threshold=0.61, watch_hz=7.5)
    assert all(result.successful for result in changed)
    before = {name: ParameterServices(bench, name).dump() for name in graph.NAMES}
    while nodes:
        assert bench.end(nodes.pop()) == 0
    bench.health.clear()
    for name, dumped in before.items():
        file = tmp_path / f'{name}.yaml'
        file.write_text(yaml.safe_dump(dumped))
        bench.start(name, arguments=('--params-file', str(file)))
    bench.until(lambda: set(graph.NAMES) <= set(bench.health), 'all nodes once more')
    after = {name: ParameterServices(bench, name).dump() for name in graph.NAMES}
    assert after == before
    assert after['perception']['/perception']['ros__parameters']['endpoint']['threshold'] == 0.61


def test_a_quality_of_service_is_set_for_one_topic_and_not_for_those_that_have_the_same(
        bench: Bench, tmp_path: Path) -> None:
    parameters = fakes(tmp_path)['microphone']
    bench.start('microphone', **{
        'qos_overrides./audio.publisher.reliability': 'best_effort',
        **parameters
    })
    bench.until(lambda: 'microphone' in bench.health, 'the microphone')

    def reliability(topic: str) -> ReliabilityPolicy:
        return bench.until(lambda: bench.node.get_publishers_info_by_topic(topic),
                           topic)[0].qos_profile.reliability
    assert reliability('/audio') is ReliabilityPolicy.BEST_EFFORT
    assert reliability('/audio/strict') is ReliabilityPolicy.RELIABLE


@pytest.mark.parametrize(('policy', 'value'), [('reliability', 'sometimes'), ('depth', 'deep')])
def test_a_quality_that_cannot_be_is_refused_in_one_sentence(bench: Bench, tmp_path: Path,
                                                             policy: str, value: str) -> None:
    name = f'qos_overrides./playback.publisher.{policy}'
    node = bench.start('speaker', **{name: value}, **fakes(tmp_path)['speaker'])
    bench.until(lambda: node.pid is None, 'its end')
    assert node.code == 2 and 'Traceback' not in node.words, node.words
    assert '/playback' in node.words and 'best_effort' in node.words, node.words


def test_who_does_not_fit_on_a_topic_is_told_once_by_name_and_until_he_goes(
        bench: Bench, tmp_path: Path) -> None:
    node = bench.start('speaker', **fakes(tmp_path)['speaker'])
    bench.until(lambda: 'speaker' in bench.health, 'the speaker')
    wrong = bench.publisher(Interrupt, 'interrupt', QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE))
    told = bench.level('speaker', WARN, '/bench')
    assert ('/interrupt' in told.message
            and 'qos_overrides./interrupt.subscription.reliability' in told.message)
    assert 'eliab' in told.message or 'est effort' in told.message
    for _ in range(3):
        bench.news('speaker')
    assert sum('/bench' in line for line in node.said) == 1, node.said
    bench.node.destroy_publisher(wrong)
    bench.level('speaker', 0)


def test_a_listener_that_does_not_fit_is_told_by_name_as_well(bench: Bench,
                                                              tmp_path: Path) -> None:
    node = bench.start('speaker',
                       **{'qos_overrides./playback.publisher.reliability': 'best_effort'},
                       **fakes(tmp_path)['speaker'])
    bench.listen(Playback, 'playback', qos.PLAYBACK)
    assert '/playback' in bench.level('speaker', WARN, '/bench').message
    assert bench.until(lambda: [line for line in node.said if '/bench' in line],
                       'its name in the log')


# -- changes while it runs ------------------------------------------------------------------------


def test_a_time_that_is_changed_acts_at_once(bench: Bench, tmp_path: Path) -> None:
    """A voice that would stay low for ten seconds comes back after a fifth of one."""
    bench.start('speaker', duck_limit_s=10.0, **fakes(tmp_path)['speaker'])
    services = ParameterServices(bench, 'speaker')
    assert services.set(duck_limit_s=0.2)[0].successful
    interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
    bench.matched('speaker', publishers=(interrupts,))
    interrupts.publish(
        interrupt(int(time.time() * 1000), ducked=True, reason=Interrupt.FIRST_SOUND))
    began = time.monotonic()
    assert bench.counted('speaker', 'raised without news') == 1 and time.monotonic() - began < 9.0
    assert services.values()['duck_limit_s'] == 0.2


def test_a_threshold_that_is_changed_acts_at_once(bench: Bench, tmp_path: Path) -> None:
    """A sound of which the voice model is half sure is no voice, and then one."""
    bench.start('perception', endpoint__threshold=0.9, **fakes(tmp_path)['perception'])
    audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
    states = bench.listen(SpeechState, 'speech_state', qos.SPEECH_STATE)
    bench.matched('perception', publishers=(audio,), topics=('speech_state',))
    bench.until(lambda: bench.health_of('perception')[0] == 0, 'its models')
    position = 0

    def hum(blocks: int) -> list[SpeechState]:
        nonlocal position
        states.forget()
        for _ in range(blocks):
            audio.publish(
                audio_chunk(time.time(), position * BLOCK, tone(440, BLOCK / 16_000,
                                                                10**(-42 / 20))))
            position += 1
            bench.turn_until(time.time() + BLOCK / 16_000)
        return bench.until(lambda: len(states) > 5 and list(states), 'states')
    heard = hum(40)
    assert (not any(state.is_speaking for state in heard)
            and max(state.probability for state in heard) > 0.4)
    assert ParameterServices(bench, 'perception').set(endpoint__threshold=0.3)[0].successful
    assert any(state.is_speaking for state in hum(40))


def test_the_longest_reply_is_changed_for_the_next_one(bench: Bench, tmp_path: Path) -> None:
    bench.start('reaction', **fakes(tmp_path)['reaction'])
    reacts = bench.publisher(React, 'react', qos.REACT)
    speech = bench.listen(SpeechChunk, 'speech', qos.SPEECH)
    bench.matched('reaction', publishers=(reacts,), topics=('speech',))
    bench.until(lambda: bench.health_of('reaction')[0] == 0, 'its models')

    def reply(epoch: int) -> str:
        reacts.publish(React(epoch=epoch, brief='hello'))
        bench.until(lambda: any(chunk.epoch == epoch and chunk.last for chunk in speech),
                    'a whole reply')
        return ' '.join(chunk.text for chunk in speech if chunk.epoch == epoch and chunk.text)
    assert reply(1) == 'I hear you. Tell me more.'
    assert ParameterServices(bench, 'reaction').set(max_sentences=1)[0].successful
    assert reply(2) == 'I hear you.'


def test_what_cannot_be_changed_is_refused_with_what_to_do(bench: Bench, tmp_path: Path) -> None:
    bench.start('speaker', **fakes(tmp_path)['speaker'])
    services = ParameterServices(bench, 'speaker')
    before = services.values()
    reasons = [
        result.reason for result in services.set(device='another', duck_limit_s=99.0, managed=True,
                                                 **{'qos_overrides./playback.publisher.depth': 3})
    ]
    assert 'start the node anew' in reasons[0] and '-p device:=another' in reasons[0]
    assert '0.2' in reasons[1] and '10.0' in reasons[1]
    assert 'start the node anew' in reasons[2] and 'read-only' in reasons[3]
    # all or nothing
    assert not services.set_at_once(duck_limit_s=1.0, device='another').successful
    assert services.set(device=before['device'])[0].successful      # a dumped file may be loaded
    assert services.values() == before


# -- two agents -----------------------------------------------------------------------------------


def test_two_agents_in_two_namespaces_do_not_hear_each_other(bench: Bench, tmp_path: Path) -> None:
    for space in ('a', 'b'):
        (tmp_path / space).mkdir()
        parameters = fakes(tmp_path / space)
        for name in ('speaker', 'reaction', 'decision'):
            bench.start(name, arguments=('-r', f'__ns:=/{space}'), **parameters[name])
    kinds = ((Interrupt, 'interrupt',
              qos.STATE), (React, 'react', qos.PERCEPT), (SpeechChunk, 'speech', qos.SPEECH),
             (Playback, 'playback', qos.PLAYBACK), (AudioChunk, 'speaker/reference', qos.AUDIO))
    heard = {
        space: {
            topic: bench.listen(kind, f'/{space}/{topic}', profile)
            for kind, topic, profile in kinds
        }
        for space in ('a', 'b')
    }
    outside = [bench.listen(kind, f'/{topic}', profile) for kind, topic, profile in kinds]
    typed = {
        space: bench.publisher(String, f'/{space}/typed', qos.PERCEPT)
        for space in ('a', 'b')
    }
    bench.until(
        lambda: {
            f'{space}/{name}'
            for space in ('a', 'b')
            for name in ('speaker', 'reaction', 'decision')
        } <= set(bench.health), 'two agents')
    bench.matched(
        publishers=tuple(typed.values()),
        topics=tuple(f'/{space}/{topic}' for space in ('a', 'b') for _, topic, _ in kinds))
    bench.until(lambda: all(heard[space]['interrupt'] for space in ('a', 'b')),
                'their first epochs')

    def converse(one: str, other: str) -> None:
        for topics in heard.values():
            for topic in topics.values():
                topic.forget()
        asked: list[float] = []

        def answered() -> bool:
            """Its nodes may not all have found each other yet: then once more."""
            if not asked or time.monotonic() - asked[-1] > 6.0:
                asked.append(time.monotonic())
                typed[one].publish(String(data='hello robot'))
            return any(message.state == Playback.FINISHED for message in heard[one]['playback'])
        bench.until(answered, f'a reply of {one}')
        assert not any(heard[other].values()), other
        bench.news(f'{one}/speaker')             # by then its last block has come
    converse('a', 'b')
    converse('b', 'a')
    assert not any(outside)


def test_ears_are_those_of_the_own_namespace(bench: Bench, tmp_path: Path) -> None:
    """/diagnostics is one topic for all robots."""
    from omni_agent_msgs.msg import AgentState

    (tmp_path / 'a').mkdir()
    parameters = fakes(tmp_path)
    for space in ('a', 'b'):
        bench.start('decision', arguments=('-r', f'__ns:=/{space}'), **parameters['decision'])
    bench.start('perception', arguments=('-r', '__ns:=/a'), **parameters['perception'])
    states = {
        space: bench.listen(AgentState, f'/{space}/agent_state', qos.STATE)
        for space in ('a', 'b')
    }
    audio = bench.publisher(AudioChunk, '/a/audio', qos.AUDIO)
    bench.matched('a/perception', publishers=(audio,), topics=('/a/agent_state', '/b/agent_state'))
    sent = 0

    def send() -> None:
        nonlocal sent
        audio.publish(audio_chunk(time.time(), sent * BLOCK, np.zeros(BLOCK, np.int16)))
        sent += 1
    bench.pacers.append(send)
    try:
        bench.until(lambda: states['a'] and states['a'][-1].senses & AgentState.HEARS,
                    'the ears of a')
    finally:
        bench.pacers.remove(send)
    bench.news('b/decision')
    assert states['b'] and not states['b'][-1].senses & AgentState.HEARS
