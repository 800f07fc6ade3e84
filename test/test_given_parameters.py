"""Parameters that a user wrote, looked at before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from omni_agent import graph
from omni_agent.cli import given_parameters
from omni_agent.cli.main import main
from omni_agent.core.errors import ConfigError


def written(folder: Path, text: str) -> str:
    path = folder / 'mine.yaml'
    path.write_text(text, encoding='utf-8')
    return str(path)


def test_settings_become_overrides_of_their_nodes() -> None:
    assert given_parameters.settings([
        'speaker.lowered_db=20.0', 'decision.turn.barge_in_s=0.5', 'speaker.use_sim_time=true',
        'camera.qos_overrides./image_raw.publisher.depth=2',
    ]) == {'speaker': {'lowered_db': 20.0, 'use_sim_time': True},
           'decision': {'turn.barge_in_s': 0.5},
           'camera': {'qos_overrides./image_raw.publisher.depth': 2}}


def test_a_whole_number_is_a_real_one_where_the_parameter_is() -> None:
    given = ['speaker.lowered_db=20', 'camera.width=320', 'speaker.managed=true']
    found = given_parameters.settings(given)
    assert repr(found) == ("{'speaker': {'lowered_db': 20.0, 'managed': True}, "
                           "'camera': {'width': 320}}")
    assert given_parameters.checked(given) == [
        'speaker.lowered_db=20.0', 'camera.width=320', 'speaker.managed=true']


def test_what_was_checked_once_is_read_as_it_was_meant() -> None:
    for text in ("microphone.device=on, off", "speaker.device='12'", 'speaker.device=',
                 'speaker.volume=1e-3', 'camera.qos_overrides./image_raw.publisher.depth=2'):
        assert graph.setting(given_parameters.checked([text])[0]) == graph.setting(text)


@pytest.mark.parametrize('command', [
    ('up', ), ('talk', ), ('demo', ), ('bench', 'latency'), ('bench', 'continuity'),
    ('bench', 'interrupts'), ('bench', 'motion'), ('bench', 'turns')])
@pytest.mark.parametrize(('setting', 'words'), [
    ('speaker.lowered_dbb=20.0', "speaker has no parameter 'lowered_dbb' (is it lowered_db?)"),
    ('speeker.lowered_db=20.0', "'speeker'"),
])
def test_a_misspelt_setting_is_refused_with_what_it_may_have_meant(
        command: tuple[str, ...], setting: str, words: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('omni_agent_msgs.msg')
    monkeypatch.chdir(tmp_path)
    assert main([*command, '--set', setting]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count('\n') == 1
    assert not list(tmp_path.iterdir())          # nothing has begun


def test_what_a_file_says_in_vain_is_told_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, '/**/speaker:\n  ros__parameters:\n    lowered_dbb: 20.0\n'
                             '/robot/decision:\n  ros__parameters:\n    turn:\n'
                             '      judge_s: 1.0\n      jugde_s: 1.0\n'
                             '    turn.barge_in_s: 0.5\n')
    assert given_parameters.in_vain(file) == [
        f"{file}:3: speaker has no parameter 'lowered_dbb' (is it lowered_db?); "
        'this line does nothing',
        f"{file}:8: decision has no parameter 'turn.jugde_s' (is it turn.judge_s?); "
        'this line does nothing']


def test_other_nodes_and_sections_for_all_may_say_what_they_like(tmp_path: Path) -> None:
    file = written(tmp_path, '/**:\n  ros__parameters:\n    anything: 1\n'
                             'amcl:\n  ros__parameters:\n    laser_model: beam\n')
    assert given_parameters.in_vain(file) == []
    assert given_parameters.in_vain('') == []


@pytest.mark.parametrize(('text', 'words'), [
    ('/**:\n  ros__parameters: [1\n', r'mine\.yaml:\d+: this is not YAML'),
    ('hello\n', r'mine\.yaml:1: must be a table of nodes'),
])
def test_what_is_no_parameter_file_is_refused_before_anything_starts(
        tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        given_parameters.in_vain(written(tmp_path, text))


def test_the_files_that_come_with_the_package_say_nothing_in_vain() -> None:
    files = [path for name in graph.profiles() for path in graph.parameter_files(profile=name)]
    assert len(files) >= 4
    assert [words for file in files for words in given_parameters.in_vain(str(file))] == []
