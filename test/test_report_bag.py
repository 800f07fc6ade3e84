"""``omni-agent report`` of a rosbag2 folder."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rosbags')

from bag_making import OWN, STRING, BagMaker  # noqa: E402

from omni_agent.cli.bag_run import extract  # noqa: E402
from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core import message_records  # noqa: E402
from omni_agent.core.errors import WireError  # noqa: E402
from omni_agent.core.recording import read  # noqa: E402
from omni_agent.core.tracks_of_sound import Piece, Track  # noqa: E402

T0 = 1_790_000_000.0
RATE, BLOCK = 16_000, 320
SECONDS = 6.0
QUESTION, ANSWER = 'What time is it?', 'It is nine.'


def tone(hz: float, seconds: float) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(
        np.int16)


def conversation(folder: Path, sound: bool = True) -> Path:
    """A question from 1 to 2 s, its answer from 3 to 4 s."""
    rng = np.random.default_rng(1)
    with BagMaker(folder, version='0.1.0', namespace='/robot') as maker:
        def put(topic: str, kind: str, t: float, /, **fields: object) -> None:
            maker.put(f'/robot/{topic}', f'{OWN}{kind}', T0 + t + 0.004, header=T0 + t, **fields)

        heard = np.concatenate([tone(0, 1.0), tone(300, 1.0), tone(0, SECONDS - 2.0)])
        for block in range(int(SECONDS * RATE) // BLOCK):
            t, at = block * BLOCK / RATE, block * BLOCK
            if sound:
                put('audio', 'AudioChunk', t + rng.uniform(-0.003, 0.003), position=at, rate=RATE,
                    channels=1, samples=heard[at:at + BLOCK])
                put('audio/strict', 'AudioChunk', t, position=at, rate=RATE, channels=1,
                    samples=tone(900, 0.02))
            if sound and 3.0 <= t < 4.0:
                put('speaker/reference', 'AudioChunk', t, position=at + 77, rate=RATE, channels=1,
                    samples=tone(500, 0.02))
            put('speech_state', 'SpeechState', t, utterance=1,
                probability=0.9 if 1 <= t < 2 else 0.0, is_speaking=1 <= t < 2, level_dbfs=-20.0)
        put('interrupt', 'Interrupt', 0.0, epoch=100, reason=0)
        put('percept', 'Percept', 1.1, kind=1, utterance=1, start=T0 + 1.0)
        put('percept', 'Percept', 2.0, kind=2, utterance=1, start=T0 + 1.0, voiced_s=1.0)
        put('percept', 'Percept', 2.1, kind=4, utterance=1, start=T0 + 1.0, text=QUESTION,
            voiced_s=1.0)
        put('agent_state', 'AgentState', 2.4, epoch=101, person=0, agent=2, utterance=1,
            text=QUESTION, addressee_score=0.9, evidence_names=['prior'], evidence_values=[-0.6],
            why='asked')
        put('interrupt', 'Interrupt', 2.4, epoch=101, reason=1)
        put('react', 'React', 2.4, epoch=101, brief=QUESTION)
        put('answer_route', 'AnswerRoute', 2.4, epoch=101, brief=QUESTION,
            steps=[{'specialist': 'memory', 'why': 'no answer there', 'cost_ms': 3.5}])
        put('playback', 'Playback', 3.0, epoch=101, state=0, rate=RATE, heard='')
        put('playback', 'Playback', 4.0, epoch=101, state=2, rate=RATE, samples_played=RATE,
            heard=ANSWER)
        maker.put(
            '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', T0 + 1.0, header=T0 + 1.0,
            status=[{
                'name': 'robot/decision',
                'level': 0,
                'message': 'OK',
                'values': [{
                    'key': 'percepts',
                    'value': '3'
                }]
            }])
    return folder


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = conversation(tmp_path_factory.mktemp('bags') / 'evening')
    assert main(['report', str(folder)]) == 0
    return folder


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as source:
        return np.frombuffer(source.readframes(source.getnframes()),
                             '<i2').reshape(-1, source.getnchannels())


def test_a_bag_leaves_what_the_demo_leaves(bag: Path) -> None:
    assert ({path.name
             for path in (bag / 'report').iterdir()} == {
                 'events.jsonl', 'person.wav', 'robot.wav', 'conversation.wav', 'timeline.png',
                 'metrics.json', 'report.html'
             })
    assert 'What time is it?' in (bag / 'report' / 'report.html').read_text(encoding='utf-8')


def test_the_sound_lies_where_it_was_heard(bag: Path) -> None:
    both = np.abs(samples(bag / 'report' / 'conversation.wav').astype(int))
    assert len(both) == pytest.approx((SECONDS + 0.5) * RATE, abs=0.1 * RATE)

    def loud(channel: int) -> tuple[float, float]:
        where = np.flatnonzero(both[:, channel] > 1000) / RATE
        return where[0], where[-1]
    assert loud(0) == pytest.approx((1.0, 2.0), abs=0.02)
    assert loud(1) == pytest.approx((3.0, 4.0), abs=0.02)


def test_the_records_are_those_of_the_graph(bag: Path) -> None:
    with (bag / 'report' / 'events.jsonl').open(encoding='utf-8') as lines:
        recording = read(lines)
    assert recording.malformed == recording.unknown == 0
    assert [line.text for line in recording.lines] == [QUESTION]
    assert (recording.lines[0].t == pytest.approx(T0 + 1.0)
            and recording.lines[0].end == pytest.approx(T0 + 2.1))
    assert recording.playback[-1].heard == ANSWER and recording.reacts[0].brief == QUESTION
    assert (recording.states[0].evidence == {
        'prior': pytest.approx(-0.6)
    } and recording.diagnostics[0].level == 0)
    assert (recording.routes[0].epoch == 101
            and str(recording.routes[0].steps[0]) == 'memory 3.5 ms (no answer there)')
    assert recording.meta.version == '0.1.0' and 'evening' in recording.meta.scenario


def test_nothing_is_judged_that_nobody_expected(bag: Path) -> None:
    outcome = json.loads((bag / 'report' / 'metrics.json').read_text(encoding='utf-8'))
    assert [line['passed'] for line in outcome['lines']] == [None] and outcome['failures'] == []


def test_without_sound_there_is_a_picture_and_no_sound_file(tmp_path: Path) -> None:
    folder = conversation(tmp_path / 'bag', sound=False)
    assert main(['report', str(folder), '--out', str(tmp_path / 'out')]) == 0
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'events.jsonl', 'timeline.png', 'metrics.json', 'report.html'}
    assert ('no sound was recorded'
            in (tmp_path / 'out' / 'report.html').read_text(encoding='utf-8'))
    assert not (folder / 'report').exists()


def test_a_bag_of_something_else_is_one_line(tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    with BagMaker(tmp_path / 'bag') as maker:
        maker.put('/chatter', STRING, 1.0, data='x')
    assert main(['report', str(tmp_path / 'bag')]) == 2
    assert 'holds nothing of an agent' in capsys.readouterr().err
    with pytest.raises(WireError):
        extract(tmp_path / 'bag', tmp_path / 'out')


def test_a_part_of_a_bag_can_be_drawn(tmp_path: Path) -> None:
    folder = conversation(tmp_path / 'bag')
    assert main(['report', str(folder), '--from', '2.5', '--until', '4.5']) == 0
    both = samples(folder / 'report' / 'conversation.wav')
    assert len(both) == pytest.approx(2.5 * RATE, abs=0.05 * RATE)
    assert (np.abs(both[:, 0]).max() == 0
            and np.flatnonzero(both[:, 1])[0] / RATE == pytest.approx(0.5, abs=0.02))
    assert (json.loads(
        (folder / 'report' / 'metrics.json').read_text(encoding='utf-8'))['lines'] == [])


def test_what_is_too_long_for_a_picture_says_so(tmp_path: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    with BagMaker(tmp_path / 'bag') as maker:
        for t in (0.0, 7200.0):
            maker.put('/interrupt', f'{OWN}Interrupt', T0 + t, header=T0 + t, epoch=1)
    assert main(['report', str(tmp_path / 'bag')]) == 2
    assert '120 minutes long' in capsys.readouterr().err


def test_a_bag_of_two_agents_is_one_line(tmp_path: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    with BagMaker(tmp_path / 'bag') as maker:
        for name in ('one', 'two'):
            maker.put(f'/{name}/interrupt', f'{OWN}Interrupt', T0, header=T0, epoch=1)
    assert main(['report', str(tmp_path / 'bag')]) == 2
    assert 'several agents (/one/interrupt, /two/interrupt)' in capsys.readouterr().err


def test_a_report_that_cannot_be_written_says_what_to_do(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = conversation(tmp_path / 'bag', sound=False)
    (tmp_path / 'file').write_text('')
    assert main(['report', str(folder), '--out', str(tmp_path / 'file' / 'out')]) == 2
    assert '--out' in capsys.readouterr().err


def test_the_numbers_of_the_messages_are_those_of_the_interface() -> None:
    messages = pytest.importorskip('omni_agent_msgs.msg')
    for names, kind in ((message_records.KINDS, messages.Percept), (message_records.STATES,
                                                                    messages.Playback)):
        assert {number: getattr(kind, name.upper()) for number, name in names.items()} == {
            number: number for number in names}


# -- a track --------------------------------------------------------------------------------------


def piece(t: float, position: int, value: int, count: int = 160) -> Piece:
    return Piece(t, position, np.full(count, value, np.int16))


def test_blocks_that_follow_each_other_have_no_seam() -> None:
    track = Track(RATE)
    for number, wavers_s in enumerate((0.0, 0.004, -0.003)):
        track.add(piece(10.0 + 0.01 * number + wavers_s, 160 * number, number + 1))
    assert track.samples(10.0, 0.03).tolist() == 160 * [1] + 160 * [2] + 160 * [3]


def test_a_lost_block_is_silence_and_a_drifted_clock_is_put_right() -> None:
    track = Track(RATE)
    track.add(piece(10.0, 0, 1))
    track.add(piece(10.02, 320, 2))              # one was lost
    track.add(piece(10.13, 480, 3))              # the device stopped for a tenth of a second
    assert (track.samples(
        10.0,
        0.14).tolist() == (160 * [1] + 160 * [0] + 160 * [2] + 1600 * [0] + 160 * [3])[:2240])


def test_what_lies_outside_is_cut() -> None:
    track = Track(RATE)
    track.add(piece(9.995, 0, 1))
    track.add(piece(10.095, 9000, 2))
    assert track.samples(10.0, 0.1).tolist() == 80 * [1] + 1440 * [0] + 80 * [2]
    assert Track(RATE).is_empty and Track(RATE).samples(0.0, 0.01).tolist() == 160 * [0]
