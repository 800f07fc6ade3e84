"""What every node has in common: it stops cleanly, refuses wrong parameters in a sentence, tells
its health, comes back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import pytest
from whole_graph import fakes

from ros_bench import (BLOCK, Bench, Heard, Running, audio_chunk, interrupt, speech_chunk,
                       tone, values_of)

from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, React, SpeechChunk, SpeechState
from sensor_msgs.msg import Image

from omni_agent import graph
from omni_agent.cli.child import Program
from omni_agent.cli.supervisor import Supervisor
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import seconds

Start = Callable[[], dict[str, Running]]


@pytest.fixture
def all_nodes(bench: Bench, tmp_path: Path) -> Iterator[Start]:
    def start() -> dict[str, Running]:
        # the last words of those of the test before would pass for those of these
        bench.until(lambda: not bench.node.count_publishers('/diagnostics'), 'the others to end')
        bench.turn_until(time.time() + 0.2)
        bench.health.clear()
        return {name: bench.start(name, **values) for name, values in fakes(tmp_path).items()}
    yield start
    for node in list(bench.running):      # of a test that failed: the next one is to start alone
        bench.end(node)


def send_to_all(bench: Bench, nodes: dict[str, Running],
                number: signal.Signals) -> dict[str, int | None]:
    """Their exit codes; a second on an idle machine, and each is given twenty."""
    for node in nodes.values():
        node.send(number)
    bench.until(lambda: all(node.pid is None for node in nodes.values()), 'the end of all nodes',
                20.0)
    codes = {name: node.code for name, node in nodes.items()}
    said = {name: node.words for name, node in nodes.items()
            if 'Traceback' in node.words or node.code}
    for node in nodes.values():
        bench.end(node)
    bench.health.clear()
    assert not said, said
    return codes


ALL_WELL = {name: 0 for name in graph.NAMES}
BOTH = pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])


@BOTH
@pytest.mark.parametrize('after_s', [0.0, 0.6])
def test_every_node_that_is_still_starting_stops_with_code_0(
        bench: Bench, all_nodes: Start, number: signal.Signals, after_s: float) -> None:
    nodes = all_nodes()
    bench.turn_until(time.time() + after_s)
    assert send_to_all(bench, nodes, number) == ALL_WELL


@BOTH
def test_every_node_under_load_stops_with_code_0(bench: Bench, all_nodes: Start,
                                                 number: signal.Signals) -> None:
    flood = Flood(bench)
    nodes = all_nodes()
    bench.matched(*graph.NAMES, publishers=flood.publishers)
    until = time.time() + 0.5
    while time.time() < until:
        flood.send()
        bench.turn(0.0)
    assert send_to_all(bench, nodes, number) == ALL_WELL


def may_go_first() -> bool:
    """In a child, so that this process stays as it is."""
    code = 'import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))'
    return subprocess.run([sys.executable, '-c', code], capture_output=True).returncode == 0


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux has priorities of threads')
def test_sound_goes_before_the_models_where_the_system_lets_it(
        bench: Bench, all_nodes: Start) -> None:
    nodes = all_nodes()
    bench.until(lambda: set(graph.NAMES) <= set(bench.health), 'all six nodes')
    usual, first = os.sched_getscheduler(
        0), os.SCHED_RR if may_go_first() else os.sched_getscheduler(0)
    policy = {name: os.sched_getscheduler(node.pid) for name, node in nodes.items()}
    assert (policy == {
        'speaker': first,
        'microphone': first,
        'perception': first,
        'decision': first,
        'camera': usual,
        'reaction': usual
    })
    workers = {
        os.sched_getscheduler(int(task))
        for task in os.listdir(f'/proc/{nodes["perception"].pid}/task')
    }
    assert usual in workers                  # recognition waits like everybody
    assert send_to_all(bench, nodes, signal.SIGTERM) == ALL_WELL


class Flood:
    """More of everything than a robot ever sends."""

    def __init__(self, bench: Bench) -> None:
        self.interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.reference = bench.publisher(AudioChunk, 'speaker/reference', qos.AUDIO)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.speech = bench.publisher(SpeechChunk, 'speech', qos.SPEECH)
        self.reacts = bench.publisher(React, 'react', qos.REACT)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.publishers = (self.interrupts, self.audio, self.reference, self.images, self.speech,
                           self.reacts, self.percepts)
        self.count = int(time.time() * 1000) + 10**6
        self.image = from_bgr(np.full((480, 640, 3), 255, np.uint8))

    def send(self) -> None:
        self.count += 1
        block = audio_chunk(time.time(), self.count * BLOCK, tone(440, 0.02))
        self.audio.publish(block)
        self.reference.publish(block)
        self.images.publish(self.image)
        self.interrupts.publish(interrupt(self.count))
        self.reacts.publish(React(epoch=self.count, brief='say something'))
        self.speech.publish(speech_chunk(self.count, 0, tone(500, 0.5), 'word'))
        for kind in range(1, 6):
            self.percepts.publish(Percept(kind=kind, utterance=self.count, text='what is that'))


REFUSED = [          # node, parameter, value, what the sentence must say
    ('speaker', 'duck_limit_s', 60.0, ('duck_limit_s', '0.2 to 10.0')),
    ('speaker', 'device', 3, ('device', 'str')),
    ('microphone', 'frame_id', True, ('frame_id', 'str')),
    ('camera', 'rate_hz', 0.0, ('rate_hz', '0.1 to 120.0')),
    ('camera', 'jpeg_quality', 101, ('jpeg_quality', '1 to 100')),
    ('camera', 'width', 'wide', ('width', 'int', '16 to 7680')),
    ('perception', 'endpoint.threshold', 7.5, ('endpoint.threshold', '0.05 to 0.95')),
    ('microphone', 'canceller', 'magic', ('canceller', 'both', 'none')),
    ('reaction', 'max_tokens', 0, ('max_tokens', '1 to 4096')),
    ('reaction', 'ahead_s', 'soon', ('ahead_s', 'float', '0.2 to 10.0')),
    ('decision', 'turn.pause_s', -1.0, ('turn.pause_s', '0.2 to 6.0')),
    ('decision', 'addressee.name', 5.0, ('addressee.name', 'str')),
]


def test_a_parameter_that_cannot_be_is_refused_in_one_sentence_that_says_what_can(
        bench: Bench) -> None:
    nodes = [bench.start(name, **{parameter: value}) for name, parameter, value, _ in REFUSED]
    bench.until(lambda: all(node.pid is None for node in nodes), 'the end of all')
    for node, (name, parameter, value, words) in zip(nodes, REFUSED):
        case = f'{name} with {parameter}:={value!r} said:\n{node.words}'
        assert node.code == 2, case
        assert 'Traceback' not in node.words, case
        said = [line for line in node.said if parameter in line]
        assert len(said) == 1 and all(word in said[0] for word in words), case
        bench.end(node)


@pytest.mark.parametrize(('text', 'words'), [
    ('/**:\n  ros__parameters:\n    device: [1, 2\n', 'yaml'),
    ('/**:\n  ros__parameters:\n    device: 5\n', 'parameter device'), (None, 'absent')],
    ids=['not YAML', 'wrong type', 'no file'])
def test_a_malformed_parameter_file_is_refused_and_named(
        bench: Bench, tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / 'absent.yaml'
    if text is not None:
        file.write_text(text)
    node = bench.start('speaker', arguments=('--params-file', str(file)))
    bench.until(lambda: node.pid is None, 'the end of the speaker')
    assert node.code == 2 and 'Traceback' not in node.words, node.words
    assert words in node.words, node.words
    assert any(line.startswith('speaker.py: ') for line in node.said), node.words
    assert len(node.said) <= 3, node.words
    bench.end(node)


def test_every_node_tells_its_health_once_a_second_and_a_killed_one_comes_back_while_the_rest_runs(
        bench: Bench, tmp_path: Path) -> None:
    audio: Heard = bench.listen(AudioChunk, 'audio', qos._profile(500))
    states: Heard = bench.listen(SpeechState, 'speech_state', qos.SPEECH_STATE)
    programs = [Program(spec.name, spec.module, tuple(graph.arguments(
                    spec, log_level='warn', overrides=fakes(tmp_path))))
                for spec in graph.GRAPH]
    supervisor = Supervisor(programs)
    supervisor.start()
    told: dict[str, list[float]] = {name: [] for name in graph.NAMES}
    bench.health.clear()

    def news() -> bool:
        supervisor.poll()
        for name, times in told.items():
            times.extend([time.time()] * (len(bench.health.get(name, [])) - len(times)))
        return all(len(times) >= 5 for times in told.values())
    try:
        bench.until(news, 'five reports of each node')
        for name, times in told.items():
            assert 0.8 <= (times[4] - times[1]) / 3 <= 1.3, (name, times)
        before = supervisor.running
        bench.until(lambda: states, 'the ear')
        os.kill(before['perception'], signal.SIGKILL)
        killed = time.time()
        first = before['perception']
        bench.until(lambda: (supervisor.poll(), supervisor.running.get('perception', first))[1]
                    != first, 'another perception')
        reports = len(bench.health['perception'])
        bench.until(lambda: len(bench.health['perception']) > reports
                    and seconds(states[-1].header.stamp) > killed + 0.5,
                    'states of the new perception')
        after = supervisor.running
        assert {name: pid for name, pid in after.items() if name != 'perception'} == {
            name: pid for name, pid in before.items() if name != 'perception'}
        assert supervisor.restarts == {name: int(name == 'perception') for name in graph.NAMES}
        # nobody else noticed
        assert (np.diff([chunk.position for chunk in audio]) == BLOCK).all()
        assert min(int(values_of(bench.health[name][-1]).get('dropped in the inbox', 0))
                   for name in ('speaker', 'microphone')) == 0
    finally:
        codes = supervisor.stop()
    assert codes == ALL_WELL
