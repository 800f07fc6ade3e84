"""The trace on its topic, through a real recorder into a bag, and out of it again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator

import pytest
from ros_bench import Bench, bench_in

pytest.importorskip('rosbags')

from std_msgs.msg import String  # noqa: E402

from omni_agent.backends import languages  # noqa: E402
from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core import trace  # noqa: E402
from omni_agent.core.addressee import Addressee, AddresseeParams  # noqa: E402
from omni_agent.core.epoch import first_epoch  # noqa: E402
from omni_agent.core.events import (
    Event,
    Playing,
    SpeechStarted,
    SpeechStopped,
    Tick,
    Transcript,  # noqa: E402
    Typed)
from omni_agent.core.turn import TurnMachine  # noqa: E402
from omni_agent.core.turn_states import TurnParams  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.decision_trace import DecisionTrace  # noqa: E402
from omni_agent.nodes.health import Health  # noqa: E402


class Decided:
    """A machine as the decision node drives it, on the node of the bench."""

    def __init__(self, bench: Bench) -> None:
        self.machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()),
                                   first_epoch(time.time()), languages.lexicon('en'))
        self.trace = DecisionTrace(bench.node, Health(bench.node), self.machine, 'en')

    def step(self, event: Event) -> None:
        now = time.time()
        self.trace.step(event, now, self.machine.step(event, now))


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp('trace')) as made:
        yield made


@pytest.fixture(scope='module')
def decided(bench: Bench) -> Decided:
    return Decided(bench)


def question(decided: Decided, utterance: int, text: str) -> None:
    t = time.time()
    for event in (SpeechStarted(t - 1.0, utterance), SpeechStopped(t - 0.3, utterance, 0.7),
                  Transcript(t - 0.3, utterance, text, True, 0.7, 0.95), Tick(t)):
        decided.step(event)


def test_nothing_is_written_while_nobody_listens(bench: Bench, decided: Decided) -> None:
    before = decided.trace._number
    question(decided, 1, 'What is the time?')
    bench.turn_until(time.time() + 1.2)
    assert decided.trace._number == before


def test_what_is_recorded_in_the_middle_of_a_conversation_can_be_replayed(
        bench: Bench, decided: Decided, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    # of which the recording knows nothing but the state after it
    question(decided, 2, 'Are you there?')
    folder = tmp_path / 'bag'
    process = bench.start('bag_recorder', folder=str(folder), topics='/decision_trace',
                          announce=False)
    bench.until(lambda: decided.trace._open, 'somebody who listens')
    decided.step(Playing(time.time() - 3.0, decided.machine.epoch, 'Yes'))
    question(decided, 3, 'What is the weather like tomorrow?')
    decided.step(Typed(time.time(), 'and today?'))
    bench.turn_until(time.time() + 0.3)
    assert bench.end(process) == 0, process.words
    assert main(['replay', str(folder)]) == 0
    said = capsys.readouterr().out
    assert 'interrupt barge_in' in said and 'and today?' in said and 'The same: ' in said
    assert main(['replay', str(folder), '--set', 'turn.barge_in_words=10']) == 1


def test_another_beginning_comes_to_a_new_listener(bench: Bench, decided: Decided) -> None:
    lines = bench.listen(String, 'decision_trace', qos.TRACE)
    bench.until(lambda: lines, 'a beginning')
    assert isinstance(trace.read(lines[0].data), trace.Begin)
    decided.step(Tick(time.time()))
    bench.until(lambda: len(lines) > 1, 'a step')
    first, second = (trace.read(line.data) for line in lines[:2])
    assert second.number == first.number + 1


def test_a_machine_that_cannot_be_written_is_a_trouble_and_no_crash(bench: Bench,
                                                                    decided: Decided) -> None:
    decided.machine.strange = object()           # type: ignore[attr-defined]
    decided.trace._begin()
    assert not decided.trace._open
    decided.step(Tick(time.time()))
    del decided.machine.strange                  # type: ignore[attr-defined]
