"""``omni-agent replay --from senses`` on bags with speech in them: the same ears hear the same,
and others are told apart.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from human_recordings import allison, need_model

pytest.importorskip('rosbags')

from bag_making import BagMaker, traced  # noqa: E402
from spoken_bag import Agent, room, spoken  # noqa: E402
from test_replay import conversation  # noqa: E402

from omni_agent.backends import audio_files  # noqa: E402
from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core.ears import PerceptionParams  # noqa: E402
from omni_agent.core.percepts import Kind  # noqa: E402

BENCH = Path(__file__).resolve().parents[1] / 'scenarios' / 'assets' / 'bench'
NAME, AGE = 'What is your name?', 'How old are you?'


def need_models() -> None:
    for name, file in (('silero_vad', 'silero_vad.onnx'),
                       ('smart_turn', 'smart-turn-v3.2-cpu.onnx'),
                       ('moonshine_tiny_en', 'encoder_model.ort'),
                       ('ge2e_voice', 'pretrained.pt')):
        need_model(name, file)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two questions, the second one not before the first one was answered."""
    need_models()
    folder = tmp_path_factory.mktemp('spoken') / 'bag'
    told = spoken(folder, (2.5, audio_files.read(BENCH / 'q02.flac')),
                  (5.0, audio_files.read(BENCH / 'q21.flac')), seconds=8.0)
    assert [one.text for one in told if one.kind is Kind.FINAL] == [NAME, AGE]
    return folder


def replayed(bag: Path, tmp_path: Path, *more: str) -> tuple[int, dict]:
    file = tmp_path / 'replay.json'
    code = main(['replay', str(bag), '--from', 'senses', '--quiet', '--json', str(file), *more])
    return code, json.loads(file.read_text())


def test_the_same_ears_hear_and_decide_the_same(bag: Path, tmp_path: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    code, data = replayed(bag, tmp_path)
    said = capsys.readouterr().out
    assert code == 0, said
    heard = data['heard']
    verdicts = {(row['now'] or row['then'])['kind']: row['verdict'] for row in heard['percepts']}
    assert set(verdicts) >= {'speech_started', 'speech_stopped', 'partial', 'final'}
    assert {row['verdict'] for row in heard['percepts']} == {'same'}
    assert f'words 1 "{NAME}"' in said and f'react "{NAME}"' in said
    assert {row['verdict'] for row in data['pieces'][0]['decisions']} == {'same'}
    assert sum(row['then']['kind'] == 'React' for row in data['pieces'][0]['decisions']) >= 2


def test_twice_the_same_to_the_last_digit(bag: Path, tmp_path: Path) -> None:
    change = ('--set', 'perception.endpoint.stop_s=0.4', '--set', 'perception.partial_s=1.0')
    (_, one), (_, other) = (replayed(bag, tmp_path, *change) for _ in range(2))
    one['heard'].pop('took_s'), other['heard'].pop('took_s')
    assert one == other


def test_a_parameter_of_the_ears_changes_what_is_heard_and_when_it_is_answered(
        bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data = replayed(bag, tmp_path, '--set', 'perception.endpoint.stop_s=0.9',
                          '--different')
    assert code == 1 and data['set'] == {'perception.endpoint.stop_s': 0.9}
    late = [row for row in data['pieces'][0]['decisions'] if row['verdict'] == 'later']
    assert late and all(0.3 < row['by_s'] < 1.0 for row in late)
    assert 'decided  later' in capsys.readouterr().out


def test_deaf_ears_miss_all_of_it(bag: Path, tmp_path: Path,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    code, data = replayed(bag, tmp_path, '--set', 'perception.recogniser=none')
    said = capsys.readouterr().out
    assert code == 1 and f'words 1 "{NAME}"' in said
    finals = [row for row in data['heard']['percepts'] if row['then']
              and row['then']['kind'] == 'final']
    assert {tuple(row['fields'])[:1] for row in finals} == {('text',)}
    assert any(row['verdict'] == 'not any more' and row['then']['kind'] == 'React'
               for row in data['pieces'][0]['decisions'])


def test_a_human_voice_over_the_robots_own_is_heard_the_same(tmp_path: Path) -> None:
    need_models()
    human, text = allison(4)[3]
    assert text.startswith('Please check the number')
    robot = audio_files.read(BENCH / 'q05.flac')
    folder = tmp_path / 'bag'
    said, played = (3.0, 0.5 * human), (1.0, robot)
    with BagMaker(folder, version='0.1.0') as maker:
        agent = Agent(maker)
        agent.run(room(said, (1.02, 0.05 * robot), seconds=8.0),
                  room(played, seconds=8.0), room(said, seconds=8.0))
        agent.until(agent.t + 10.0)
    assert any('number' in one.text for one in agent.told if one.kind is Kind.FINAL)
    code, data = replayed(folder, tmp_path)
    rows = data['heard']['percepts']
    # of words in progress, too, once the new ears know how the room sounds
    assert code == 0 and {row['verdict'] for row in rows if row['t_s'] > 3.5} == {'same'}, rows
    assert any(row['now']['echo'] > 0.0 for row in rows)


def test_without_a_trace_what_is_heard_is_decided_on_as_well(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_models()
    folder = tmp_path / 'bag'
    spoken(folder, (2.5, audio_files.read(BENCH / 'q02.flac')), seconds=6.0,
           without=('decision_trace',))
    assert replayed(folder, tmp_path)[0] == 0
    said = capsys.readouterr().out
    assert 'no trace of the decisions' in said and f'react "{NAME}"' in said
    assert replayed(folder, tmp_path, '--set', 'perception.recogniser=none')[0] == 1
    assert 'not any more' in capsys.readouterr().out


def test_steps_show_what_is_heard_then_and_now(bag: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    main(['replay', str(bag), '--from', 'senses', '--from', '2.0', '--until', '4.7', '--steps',
          '--quiet'])
    said = capsys.readouterr().out
    assert '(heard now)' in said and '(not now)' in said and 'words so far 1' in said
    assert AGE not in said


def test_a_bag_without_sound_is_one_line_that_says_what_to_do(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = traced(tmp_path / 'bag', conversation().lines)
    assert main(['replay', str(folder), '--from', 'senses']) == 2
    error = capsys.readouterr().err
    assert 'holds no sound (no topic audio' in error and error.count('\n') == 1
    assert 'record again with sound' in error


def test_ears_are_not_asked_of_a_replay_without_senses(
        bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(bag), '--set', 'perception.partial_s=0.5']) == 2
    assert 'add "--from senses"' in capsys.readouterr().err


@pytest.mark.parametrize('change, words', [
    ('perception.endpoint.nothing=1', 'there is no parameter endpoint.nothing: choose from'),
    ('perception.partial_s=99', 'parameter partial_s: 99'),
    ('perception.words.there=1', 'is not replayed: choose a parameter of endpoint')])
def test_a_parameter_of_the_ears_that_cannot_be_set_is_one_line(
        bag: Path, change: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(bag), '--from', 'senses', '--set', change]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_from_something_else_is_refused(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['replay', str(bag), '--from', 'sense'])
    assert "'sense' is neither senses nor a number" in capsys.readouterr().err


def test_silence_is_no_news(tmp_path: Path) -> None:
    with BagMaker(tmp_path / 'bag', version='0.1.0') as maker:
        agent = Agent(maker, PerceptionParams(recogniser='none', turn_end='none'))
        quiet = room(seconds=2.0)
        agent.run(quiet, np.zeros_like(quiet), quiet)
        agent.machine.start()
        agent.step(conversation().pieces()[1][0].event, agent.t + 2.1)
    code, data = replayed(tmp_path / 'bag', tmp_path, '--set', 'perception.recogniser=none',
                          '--set', 'perception.turn_end=none')
    assert code == 0 and data['heard']['percepts'] == []
