"""``omni-agent replay`` on real rosbag2 folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('rosbags')

from bag_making import OWN, STRING, BagMaker, traced  # noqa: E402
from test_replay import Recorded, conversation  # noqa: E402

from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core import trace  # noqa: E402
from omni_agent.core.events import (
    Interrupt,
    Judge,
    Judged,
    Played,
    Playing,
    React,
    SpeechStarted,  # noqa: E402
    SpeechStopped,
    Tick,
    Transcript)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced(tmp_path_factory.mktemp('traced') / 'bag', conversation().lines)


def test_the_same_decisions_are_exit_code_0(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(bag)]) == 0
    said = capsys.readouterr().out
    assert 'The same: ' in said and 'barge_in' in said and 'react "What time is it?"' in said
    assert 'no trace' not in said


def test_another_parameter_is_exit_code_1_and_says_what_and_when(
        bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'replay.json'
    assert (main([
        'replay',
        str(bag), '--set', 'turn.barge_in_words=10', '--different', '--json',
        str(file)
    ]) == 1)
    said = capsys.readouterr().out
    assert 'Different: ' in said and 'barge_in' in said and ' same ' not in said
    data = json.loads(file.read_text())
    assert (data['same'] is False and data['from_trace'] and data['set'] == {
        'turn.barge_in_words': 10
    })
    changed = [row for row in data['pieces'][0]['decisions'] if row['verdict'] != 'same']
    assert any(row['then'] and row['then'].get('reason') == 'barge_in' for row in changed)
    assert any('What is the weather' in row['then']['because_of'] for row in changed
               if row['then'])


def test_the_json_of_the_same_is_all_same(bag: Path, tmp_path: Path) -> None:
    file = tmp_path / 'replay.json'
    assert main(['replay', str(bag), '--json', str(file)]) == 0
    data = json.loads(file.read_text())
    assert data['same'] and {row['verdict'] for row in data['pieces'][0]['decisions']} == {'same'}
    assert (data['recorded'] == {
        'omni_agent.version': '0.1.0'
    } and data['pieces'][0]['parted_s'] is None)


def test_step_by_step_both_sides_are_shown(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(['replay', str(bag), '--steps', '--set', 'turn.barge_in_words=10'])
    said = capsys.readouterr().out.splitlines()
    assert any('SpeechStarted utterance 1' in line for line in said)
    assert any(line.strip().startswith('- interrupt barge_in') for line in said)
    assert any(line.strip().startswith('~ speaking/idle') or '~ ' in line and ' -> ' in line
               for line in said)


def test_a_part_can_be_looked_at(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(['replay', str(bag), '--steps', '--from', '1000'])
    assert 'SpeechStarted' not in capsys.readouterr().out


@pytest.mark.parametrize('change, words', [
    ('turn.nothing=1', 'there is no parameter turn.nothing: choose from'),
    ('turn.judge_s=99', 'judge_s: 99.* is outside'), ('llm=none', 'llm is not replayed'),
    ('languages=xx', "no language 'xx'"), ('nonsense', 'NODE.PARAMETER=VALUE')])
def test_a_parameter_that_cannot_be_set_is_one_line(bag: Path, change: str, words: str,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    import re

    assert main(['replay', str(bag), '--set', change]) == 2
    error = capsys.readouterr().err
    assert re.search(words, error) and error.count('\n') == 1


def test_a_whole_number_will_do_for_a_time(bag: Path) -> None:
    assert main(['replay', str(bag), '--set', 'turn.patience_s=15']) == 0


def test_a_folder_without_a_bag_is_one_line(tmp_path: Path,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(tmp_path)]) == 2
    assert 'holds no recording' in capsys.readouterr().err


def test_a_bag_of_something_else_is_one_line(tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    with BagMaker(tmp_path / 'bag') as maker:
        maker.put('/chatter', STRING, 1.0, data='hello')
    assert main(['replay', str(tmp_path / 'bag')]) == 2
    assert 'no decision of an agent' in capsys.readouterr().err


def test_a_hole_in_the_trace_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = conversation()
    again = trace.begin(recorded.machine, len(recorded.lines) + 5, 110.0, '0.1.0', 'en')
    more = Recorded()
    more.machine, more.lines = recorded.machine, [None] * (again.number + 1)
    more.says(111.0, 9, 'What is your name?')
    lines = [*recorded.lines, trace.write(again), *more.lines[again.number + 1:]]
    assert main(['replay', str(traced(tmp_path / 'bag', lines))]) == 0
    said = capsys.readouterr().out
    assert '1 hole' in said and 'What is your name?' in said


def test_a_trace_of_another_format_is_one_line(tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(traced(tmp_path / 'bag', ['{"trace": 99}']))]) == 2
    assert 'format 99' in capsys.readouterr().err


# -- a bag without a trace ------------------------------------------------------------------------


def topics_of(recorded: Recorded, folder: Path) -> Path:
    """What the topics would show of it, as any recorder got it a few milliseconds later."""
    first, steps = recorded.pieces()
    with BagMaker(folder) as maker:
        put = maker.put
        put('/interrupt', f'{OWN}Interrupt', 100.0, header=100.0, epoch=recorded_epoch(first),
            reason=0)
        for step in steps:
            event, t = step.event, step.now
            if isinstance(event, SpeechStarted):
                put('/percept', f'{OWN}Percept', t, header=event.t, start=event.t, kind=1,
                    utterance=event.utterance)
            elif isinstance(event, SpeechStopped):
                put('/percept', f'{OWN}Percept', t, header=event.t, kind=2,
                    utterance=event.utterance, voiced_s=event.voiced_s)
            elif isinstance(event, Transcript):
                put(
                    '/percept', f'{OWN}Percept', t, header=event.t, kind=4 if event.final else 3,
                    text=event.text, utterance=event.utterance, voiced_s=event.voiced_s,
                    turn_end_probability=float('nan')
                    if event.turn_end is None else event.turn_end)
            elif isinstance(event, (Playing, Played)):
                state = 1 if isinstance(event, Playing) else 2 if event.complete else 3
                put('/playback', f'{OWN}Playback', t, header=event.t, epoch=event.epoch,
                    state=state, heard=event.heard, rate=16_000)
            elif isinstance(event, Judged):
                put('/agent_state', f'{OWN}AgentState', t, header=t, text=event.text,
                    evidence_names=['prior',
                                    'language model'], evidence_values=[-0.6, 1.5 * event.margin])
            for effect in step.effects:
                if isinstance(effect, Interrupt):
                    put('/interrupt', f'{OWN}Interrupt', t + 0.002, header=t, epoch=effect.epoch,
                        ducked=effect.ducked, reason=effect.reason.value, evidence=effect.evidence
                        or 0.0)
                elif isinstance(effect, React):
                    put('/react', f'{OWN}React', t + 0.003, header=t, epoch=effect.epoch,
                        brief=effect.brief, not_before=effect.not_before)
    return folder


def recorded_epoch(first: trace.Begin) -> int:
    return trace.decode(first.machine['gate']).epoch


def test_without_a_trace_the_topics_tell_the_same(tmp_path: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(topics_of(conversation(), tmp_path / 'bag'))]) == 0
    said = capsys.readouterr().out
    assert 'no trace of the decisions' in said and 'parameters were not recorded' in said
    assert 'The same: ' in said and 'barge_in' in said


def test_without_a_trace_a_difference_is_told_as_well(tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    folder = topics_of(conversation(), tmp_path / 'bag')
    assert main(['replay', str(folder), '--set', 'turn.barge_in_words=10', '--different']) == 1
    assert 'interrupt barge_in' in capsys.readouterr().out


@pytest.mark.parametrize('text, margin, answered', [('The light is on.', 4.0, True),
                                                    ('Is it warm in here?', -4.0, False)])
def test_what_the_language_model_said_is_found_in_the_state(
        tmp_path: Path, text: str, margin: float, answered: bool,
        capsys: pytest.CaptureFixture[str]) -> None:
    # without it both would be decided the other way
    recorded = conversation().says(130.0, 7, text).step(Judged(7, text, margin),
                                                        130.9).step(Tick(140.0), 140.0)
    asked = [
        effect for step in recorded.pieces()[1] for effect in step.effects
        if isinstance(effect, Judge)
    ]
    assert [effect.text for effect in asked] == [text]
    assert main(['replay', str(topics_of(recorded, tmp_path / 'bag'))]) == 0
    assert (f'react "{text}"' in capsys.readouterr().out) == answered


def test_recorded_parameters_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from omni_agent.core.turn_states import TurnParams

    folder = topics_of(conversation(TurnParams(barge_in_words=10)), tmp_path / 'bag')
    (folder / 'parameters').mkdir()
    (folder / 'parameters' / 'decision.yaml').write_text(
        '/decision:\n  ros__parameters:\n    turn: {barge_in_words: 10, long_gone: 3}\n    llm: '
        'none\n'
    )
    assert main(['replay', str(folder)]) == 0
    said = capsys.readouterr().out
    assert 'turn.long_gone' in said and 'not recorded' not in said and 'The same: ' in said
    assert main(['replay', str(folder), '--set', 'turn.barge_in_words=2']) == 1
