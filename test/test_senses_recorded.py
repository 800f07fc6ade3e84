"""A real perception node, a real decision node and a real recorder: what was heard and decided is
heard and decided again from the sound in the bag.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from human_recordings import need_model
from ros_bench import BLOCK, OK, RATE, Bench, audio_chunk, bench_in, blocks, level_of

pytest.importorskip('rosbags')

from omni_agent_msgs.msg import AudioChunk, Percept, React  # noqa: E402

from omni_agent.backends import audio_files  # noqa: E402
from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core.sense_vectors import cosine  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402

QUESTION = Path(__file__).resolve().parents[1] / 'scenarios' / 'assets' / 'bench' / 'q02.flac'
WORDS = 'What is your name?'


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need_model('silero_vad', 'silero_vad.onnx')
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    with bench_in(tmp_path_factory.mktemp('senses')) as made:
        yield made


class Microphone:
    """Sends what is due, silence where there is nothing to hear, until it is told to end."""

    def __init__(self, bench: Bench) -> None:
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.t, self.position = time.time(), 0
        self.sound: list[np.ndarray] = []
        bench.pacers.append(self.send_what_is_due)

    def send_what_is_due(self) -> None:
        while self.t + BLOCK / RATE <= time.time():
            block = self.sound.pop(0) if self.sound else np.zeros(BLOCK, np.int16)
            self.audio.publish(audio_chunk(self.t, self.position, block))
            self.t, self.position = self.t + BLOCK / RATE, self.position + BLOCK


def test_what_real_nodes_heard_is_heard_again(bench: Bench, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    reacts = bench.listen(React, 'react', qos.PERCEPT)
    percepts = bench.listen(Percept, 'percept', qos.PERCEPT)
    microphone = Microphone(bench)
    decision = bench.start('decision', llm='none', sentence_end='none', state='none')
    perception = bench.start('perception', turn_end='none', detector='none')
    bench.matched('decision', topics=('react',))
    bench.matched('perception', publishers=(microphone.audio,), topics=('percept',))
    bench.until(lambda: level_of(bench.health['perception'][-1]) == OK, 'the models')
    folder = tmp_path / 'bag'
    recorder = bench.start('bag_recorder', folder=str(folder), announce=False)
    bench.news('bag_recorder')
    # a new beginning of the trace, or nothing could be decided again
    bench.until(lambda: all(bench.health_of('bag_recorder')[2].get(f'messages of /{topic}')
                            for topic in ('decision_trace', 'audio', 'speech_state')),
                'the first sound and the first line of the trace')
    bench.until(lambda: all((folder / 'parameters' / f'{name}.yaml').is_file()
                            for name in ('decision', 'perception')), 'parameters')
    spoken = audio_files.read(QUESTION)
    microphone.sound += [*blocks(np.zeros(2 * RATE, np.int16)),
                         *blocks((spoken * 32767).astype(np.int16))]
    # two topics: either may come first
    bench.until(lambda: reacts and [one for one in percepts if one.kind == Percept.FINAL],
                'a reply and the words it answers')
    assert [one.text for one in percepts if one.kind == Percept.FINAL] == [WORDS]
    bench.turn_until(time.time() + 1.0)
    assert bench.end(recorder) == 0, recorder.words
    assert bench.end(perception) == 0 and bench.end(decision) == 0
    file = tmp_path / 'replay.json'
    code = main(['replay', str(folder), '--from', 'senses', '--json', str(file)])
    said = capsys.readouterr().out
    assert code == 0, said
    assert f'words 1 "{WORDS}"' in said and f'react "{WORDS}"' in said
    rows = json.loads(file.read_text())['heard']['percepts']
    kinds = [row['then']['kind'] for row in rows if row['verdict'] == 'same']
    assert {'speech_started', 'speech_stopped', 'final'} <= set(kinds), [
        (row['verdict'], row['by_s'], row['fields']) for row in rows]
    then, now = next((row['then'], row['now']) for row in rows
                     if row['verdict'] == 'same' and row['then']['kind'] == 'final')
    assert cosine(then['audio_vector'], now['audio_vector']) > 0.999
    assert main(['replay', str(folder), '--from', 'senses', '--different', '--set',
                 'perception.recogniser=none']) == 1
    assert 'not any more   react "What is your name?"' in capsys.readouterr().out
