"""A real decision node and a real recorder: what was decided is decided again from the bag."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator

import pytest
from ros_bench import Bench, bench_in

pytest.importorskip('rosbags')

from omni_agent_msgs.msg import Interrupt, Percept, Playback, React  # noqa: E402

from omni_agent.cli.main import main  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.stamps import stamp  # noqa: E402


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp('recorded')) as made:
        yield made


class People:
    """Percepts and the loudspeaker."""

    def __init__(self, bench: Bench) -> None:
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)

    def percept(self, kind: int, utterance: int, text: str = '', age_s: float = 0.0) -> None:
        message = Percept(kind=kind, utterance=utterance, text=text, voiced_s=0.7,
                          turn_end_probability=0.95)
        message.header.stamp = stamp(time.time() - age_s)
        self.percepts.publish(message)

    def asks(self, bench: Bench, utterance: int, text: str) -> None:
        self.percept(Percept.SPEECH_STARTED, utterance, age_s=0.9)
        bench.turn_until(time.time() + 0.1)
        self.percept(Percept.SPEECH_STOPPED, utterance, age_s=0.3)
        self.percept(Percept.FINAL, utterance, text, 0.3)

    def plays(self, epoch: int, state: int, heard: str) -> None:
        message = Playback(epoch=epoch, state=state, heard=heard, rate=16_000)
        message.header.stamp = stamp(time.time())
        self.playback.publish(message)


def test_what_a_real_node_decided_is_decided_again(bench: Bench, tmp_path: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    people = People(bench)
    reacts = bench.listen(React, 'react', qos.PERCEPT)
    interrupts = bench.listen(Interrupt, 'interrupt', qos.PERCEPT)
    decision = bench.start('decision', llm='none', sentence_end='none', state='none')
    bench.matched('decision', publishers=(people.percepts, people.playback),
                  topics=('react', 'interrupt'))
    folder = tmp_path / 'bag'
    recorder = bench.start('bag_recorder', folder=str(folder))
    bench.until(lambda: any('recording what I hear' in react.say for react in reacts),
                'the announcement')
    said = reacts[-1]
    people.plays(said.epoch, Playback.STARTED, '')
    people.plays(said.epoch, Playback.FINISHED, said.say)
    bench.until(lambda: bench.health_of('bag_recorder')[2].get('messages of /decision_trace'),
                'the first line of the trace')
    reacts.forget()
    people.asks(bench, 1, 'What time is it?')
    bench.until(lambda: reacts, 'a reply')
    people.plays(reacts[-1].epoch, Playback.STARTED, '')
    people.plays(reacts[-1].epoch, Playback.PLAYING, 'It is nine')
    bench.turn_until(time.time() + 1.5)
    people.asks(bench, 2, 'What is the weather like tomorrow?')
    bench.until(lambda: Interrupt.BARGE_IN in [message.reason for message in interrupts],
                'a barge-in')
    bench.turn_until(time.time() + 1.0)
    assert bench.end(recorder) == 0, recorder.words
    assert bench.end(decision) == 0, decision.words
    assert main(['replay', str(folder)]) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert 'What time is it?' in told and 'interrupt barge_in' in told and 'no trace' not in told
    assert main(['replay', str(folder), '--set', 'turn.barge_in_words=10', '--different']) == 1
    assert 'barge_in' in capsys.readouterr().out
