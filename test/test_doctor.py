"""``omni-agent doctor``: what it says of real and of broken surroundings, and that nothing can
hang or crash it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from dataclasses import asdict
from pathlib import Path
from typing import Sequence

import numpy as np
import pytest

from omni_agent.backends import models
from omni_agent.cli import doctor, doctor_clock
from omni_agent.cli.doctor_probe import SECTIONS, Wanted
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.main import main
from omni_agent.cli.supervisor import HOME, child_environment
from omni_agent.core.checkup import Finding, Level, note, ok, read, split, wrong
from omni_agent.core.errors import WireError

SLOW = 60.0                   # [s] for a section on a machine that other tests keep busy
Say = 'import sys, os, time; from omni_agent.core.checkup import ok; print(ok("a", "b").line(), flush=True); '


def section(name: str, wanted: Wanted = Wanted()) -> dict[str, Finding]:
    """What the section of that name finds on this machine, by what was looked at."""
    return {one.what: one for one in doctor.look_at(name, wanted, SLOW)}


def program(text: str, limit_s: float = 20.0) -> list[Finding]:
    return doctor.look_at('test', Wanted(), limit_s, command=(sys.executable, '-c', Say + text))


def is_alive(pid: int) -> bool:
    """Not gone, and not merely waiting to be buried."""
    try:
        return Path('/proc', str(pid), 'stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


# -- findings and their processes -----------------------------------------------------------------


def test_a_finding_survives_the_pipe_and_nothing_else_passes_for_one() -> None:
    for one in (ok('a', 'b: "c"\nd'), note('a', 'b', 'c'), wrong('ä', 'b', '')):
        assert '\n' not in one.line() and read(one.line()) == one
    for line in ('', '[1]', '{"level": "fine", "what": "", "text": "", "advice": ""}',
                 'ALSA lib conf.c: error'):
        with pytest.raises(WireError):
            read(line)


def test_an_error_of_ours_is_parted_into_what_is_wrong_and_what_to_do() -> None:
    assert split("no camera '0': plug one in") == ("no camera '0'", 'plug one in')
    assert split('nothing to part') == ('nothing to part', '')


def test_what_hangs_is_given_up_in_time_with_all_that_it_started() -> None:
    began = time.monotonic()
    found = program(
        'import subprocess; p = subprocess.Popen(["sleep", "300"]); '
        'print(ok("sleep", str(p.pid)).line(), flush=True); time.sleep(300)', limit_s=2.0)
    assert time.monotonic() - began < 10.0
    assert [one.level for one in found] == [Level.OK, Level.OK, Level.WRONG]
    assert 'no answer within 2 s' in found[-1].text and found[-1].advice
    while is_alive(int(found[1].text)):
        assert time.monotonic() - began < 15.0
        time.sleep(0.02)


def test_what_crashes_is_one_line_with_its_last_words() -> None:
    found = program('print("libx: bad", file=sys.stderr, flush=True); os.abort()')
    assert [one.level for one in found] == [Level.OK, Level.WRONG]
    assert 'SIGABRT' in found[1].text and 'libx: bad' in found[1].text


def test_what_libraries_print_is_no_finding() -> None:
    assert ([one.level
             for one in program('print("hello"); os.write(1, b"half a line")')] == [Level.OK])


def test_a_check_that_fails_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / 'mine.yaml'
    broken.write_text('/**: {ros__parameters: [')
    found = section('devices', Wanted(params_file=str(broken)))
    assert found['devices'].level is Level.WRONG and 'mine.yaml' in found['devices'].text


# -- what is said of what -------------------------------------------------------------------------


def test_the_clock_is_sane_or_it_is_said() -> None:
    assert doctor_clock.date(1_790_000_000.0).level is Level.OK
    assert doctor_clock.date(86_400.0).level is Level.WRONG
    assert doctor_clock.steps(1.0, 1.001).level is Level.OK
    jumped = doctor_clock.steps(-3599.0, 1.0)
    assert (jumped.level is Level.WRONG and '-3600000 ms' in jumped.text
            and 'restart' in jumped.advice)
    assert ([doctor_clock.synchronised(state).level
             for state in (0, 5, None)] == [Level.OK, Level.NOTE, Level.NOTE])


@pytest.mark.parametrize('text, level', [('', Level.OK), ('7', Level.OK), ('150', Level.NOTE),
                                         ('240', Level.WRONG), ('robot', Level.WRONG)])
def test_a_domain_that_cannot_work_is_said(text: str, level: Level) -> None:
    from omni_agent.cli.doctor_ros import domain
    assert domain(text).level is level


def test_who_is_heard_is_said() -> None:
    from omni_agent.cli.doctor_ros import reach
    key = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    assert reach({key: 'LOCALHOST'}, (key,)).text == 'this machine only (set by omni-agent)'
    assert reach({'ROS_LOCALHOST_ONLY': '1'}, ()).text == 'this machine only (set by you)'
    assert reach({key: 'SUBNET'}, ()).level is Level.NOTE and reach({}, ()).level is Level.NOTE
    assert reach({key: 'OFF'}, ()).level is Level.WRONG


def test_a_transport_that_loses_pictures_is_said(tmp_path: Path) -> None:
    from omni_agent.cli.doctor_ros import transport
    assert '64 MiB' in transport(HOME / 'config' / 'fastdds_shm.xml', 'set by you').text
    small = tmp_path / 'small.xml'
    small.write_text('<a><segment_size>524288</segment_size></a>')
    assert transport(small, 'set by you').level is Level.NOTE
    small.write_text('<a>')
    assert transport(small, 'set by you').level is Level.WRONG
    assert transport(tmp_path / 'none.xml', 'set by you').level is Level.WRONG


def test_messages_that_are_older_than_their_sources_are_said(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('omni_agent_msgs.msg')
    from omni_agent.cli.doctor_ros import messages
    monkeypatch.setenv('AMENT_PREFIX_PATH', child_environment()['AMENT_PREFIX_PATH'])
    sources = tmp_path / 'omni_agent_msgs'
    shutil.copytree(HOME / 'omni_agent_msgs', sources)
    assert messages(sources).level is Level.OK, messages(sources)
    with (sources / 'msg' / 'Look.msg').open('a') as file:
        file.write('uint8 more\n')
    found = messages(sources)
    assert found.level is Level.WRONG and 'Look.msg' in found.text and 'make setup' in found.advice


def test_models_that_are_not_there_are_wrong_only_where_the_profile_needs_them(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    found = section('models')
    assert found['silero_vad'].level is Level.WRONG
    assert found['silero_vad'].advice == 'omni-agent models pull silero_vad'
    assert 'MIT' in found['silero_vad'].text and '2.3 MB' in found['silero_vad'].text
    needed = {one.name for one in models.chosen(profile='small')}
    small = section('models', Wanted(profile='small'))
    missing = {name for name, one in small.items() if one.level is Level.WRONG}
    assert missing and missing <= needed and small['qwen2_5_0_5b'].level is Level.NOTE


def test_the_engine_that_runs_and_why_no_better_one_does() -> None:
    found = section('engines')
    assert found['nanodet'].level is Level.OK and 'runs it' in found['nanodet'].text
    for name in ('tensorrt', 'ort-cuda'):
        assert name in found or name in found['nanodet'].text


def devices_file(folder: Path, sound: str, camera: str) -> Wanted:
    file = folder / 'devices.yaml'
    # JSON is YAML
    file.write_text(json.dumps({'/**/microphone': {'ros__parameters': {'device': sound}},
                                '/**/camera': {'ros__parameters': {'device': camera}}}))
    return Wanted(params_file=str(file), open=True)


def test_the_devices_of_the_parameter_file_are_opened_when_asked_for(tmp_path: Path) -> None:
    cv2 = pytest.importorskip('cv2')
    sound, film = tmp_path / 'tone.wav', tmp_path / 'film.avi'
    with wave.open(str(sound), 'wb') as file:
        file.setparams((1, 2, 16_000, 0, 'NONE', ''))
        file.writeframes((8000 * np.sin(np.arange(32_000) / 5)).astype('<i2').tobytes())
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*'MJPG'), 10.0, (64, 48))
    for level in (0, 120, 240):
        picture = np.full((48, 64, 3), level, np.uint8)
        picture[:24] = 255 - level
        writer.write(picture)
    writer.release()
    found = section('devices', devices_file(tmp_path, str(sound), str(film)))
    assert found['microphone'].text == f'{sound}, a sound file'
    assert found['one second'].level is Level.OK and '-15 dBFS' in found['one second'].text
    assert found['one picture'].level is Level.OK and '64 x 48' in found['one picture'].text


def test_devices_that_are_not_there_are_wrong_with_what_to_do(tmp_path: Path) -> None:
    found = section('devices', devices_file(tmp_path, 'no such microphone', '77'))
    for what in ('microphone', 'one second', 'camera', 'one picture'):
        assert found[what].level is Level.WRONG and found[what].advice, found[what]


LAME = '''
import runpy, sys
missing = sys.argv.pop(1)
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == missing:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Missing())
runpy.run_module('omni_agent.cli.doctor_probe', run_name='__main__', alter_sys=True)
'''


def without(module: str, name: str) -> dict[str, Finding]:
    """A section on a Python on which ``module`` cannot be imported."""
    options = json.dumps(asdict(Wanted()))
    command = (sys.executable, '-c', LAME, module, name, options)
    return {one.what: one for one in doctor.look_at(name, Wanted(), SLOW, command=command)}


@pytest.mark.parametrize('module, name, what', [('rclpy', 'ros', 'rclpy'),
                                                ('rclpy', 'graph', 'rclpy'),
                                                ('sounddevice', 'devices', 'microphone')])
def test_what_is_not_installed_is_wrong_with_what_to_do(module: str, name: str, what: str) -> None:
    found = without(module, name)
    assert found[what].level is Level.WRONG and found[what].advice, found


def test_a_middleware_that_is_not_installed_is_said_wherever_it_matters(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_nobody_cpp')
    for name in ('ros', 'graph'):
        found = section(name)['middleware']
        assert found.level is Level.WRONG and 'ros-$ROS_DISTRO-rmw-nobody-cpp' in found.advice


def test_a_transport_that_cannot_be_read_is_said_and_the_rest_is_looked_at(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/dev/null')
    found = section('ros')
    assert found['transport'].level is Level.WRONG and found['messages'].level is Level.OK


def test_a_library_that_is_only_missed_a_little_is_a_note() -> None:
    found = without('xllamacpp', 'libraries')
    assert (found['xllamacpp'].level is Level.NOTE
            and found['xllamacpp'].advice == 'pip install xllamacpp')
    assert 'name a server' in found['xllamacpp'].text and found['numpy'].level is Level.OK


# -- the graph ------------------------------------------------------------------------------------


def test_two_processes_find_each_other_and_one_message_of_each_kind_arrives() -> None:
    pytest.importorskip('omni_agent_msgs.msg')
    found = section('discovery')
    assert found['multicast on lo'].text
    for what in ('discovery', 'picture', 'sound', 'interrupt', 'percept', 'speech'):
        assert found[what].level is not Level.WRONG and ' ms ' in found[what].text, found


def test_a_name_that_is_taken_twice_and_ends_that_do_not_fit_are_found(
        monkeypatch: pytest.MonkeyPatch) -> None:
    rclpy = pytest.importorskip('rclpy')
    from std_msgs.msg import Int8, String
    with free_domain_id() as domain:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        for name, value in child_environment().items():
            monkeypatch.setenv(name, value)
        # one process would not have a topic of two types
        contexts = [rclpy.Context() for _ in range(2)]
        for context in contexts:
            rclpy.init(args=[], context=context, domain_id=domain)
        twins = [
            rclpy.create_node('camera', namespace='robot1', context=context)
            for context in contexts
        ]
        best_effort = rclpy.qos.QoSProfile(depth=1,
                                           reliability=rclpy.qos.ReliabilityPolicy.BEST_EFFORT)
        twins[0].create_publisher(String, 'words', best_effort)
        twins[1].create_subscription(String, 'words', lambda message: None, 1)
        twins[0].create_publisher(Int8, 'number', 1)
        twins[1].create_subscription(String, 'number', lambda message: None, 1)
        try:
            every = doctor.look_at('graph', Wanted(), SLOW)
        finally:
            for node in twins:
                node.destroy_node()
            for context in contexts:
                rclpy.shutdown(context=context)
    found = {one.what: one for one in every}
    assert ([
        one.text for one in every if one.what == '/robot1/camera' and one.level is Level.WRONG
    ] == ['2 nodes have this name'])
    assert ('speaker' in found['agent in /robot1'].text
            and found['agent in /robot1'].level is Level.NOTE)
    assert 'no diagnostics' in found['/robot1/camera'].text
    assert 'elia' in found['/robot1/words'].text and found[
        '/robot1/words'].level is Level.WRONG, found
    assert 'std_msgs/msg/Int8 and std_msgs/msg/String' in found['/robot1/number'].text
    assert found['/robot1/words'].advice


def test_a_node_that_is_there_twice_is_wrong() -> None:
    from omni_agent.cli.doctor_graph import twice
    names = [('camera', '/'), ('camera', '/robot1'), ('camera', '/robot1')]
    found = list(twice(names))
    assert [(one.level, one.what) for one in found] == [(Level.WRONG, '/robot1/camera')]


# -- the command ----------------------------------------------------------------------------------


def lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line]


def test_one_plain_line_a_finding_a_file_and_an_exit_code(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / 'deep' / 'report.json'
    assert main(['doctor', '--only', 'clock', '--json', str(file)]) == 0
    said = lines(capsys.readouterr().out)
    report = json.loads(file.read_text())
    assert (len(said) == len(report['findings']) + 1
            and said[-1].startswith(f'{report["counts"]["ok"]} ok, '))
    assert {line[:6].strip() for line in said[:-1]} <= {'ok', 'note', 'wrong'}
    assert (report['version'] == doctor.REPORT_VERSION and report['hardware']
            and report['seconds'] > 0)
    assert all(
        set(one) == {'section', 'level', 'what', 'text', 'advice'} for one in report['findings'])
    assert all(one['advice'] for one in report['findings'] if one['level'] == 'wrong')


def test_the_exit_code_is_1_when_something_is_wrong(tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert main(['doctor', '--only', 'models']) == 1
    assert ' -> omni-agent models pull silero_vad' in capsys.readouterr().out


def test_a_wrong_command_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (['--only', 'ears'], ['--profile',
                                       'nonsense'], ['--params-file', '/nowhere.yaml']):
        assert main(['doctor', *words]) == 2
        assert capsys.readouterr().err.count('\n') == 1


def test_a_terminal_gets_headings_marks_and_what_to_do() -> None:
    pytest.importorskip('rich')
    import io

    from omni_agent.cli.doctor_view import Rich
    stream = io.StringIO()
    view = Rich(stream)
    with view.section('clock', 'the time') as show:
        show(ok('date', 'today'))
        show(wrong('steps', 'it jumped', 'restart'))
    view.verdict({Level.OK: 1, Level.NOTE: 0, Level.WRONG: 1}, 2.0)
    said = stream.getvalue()
    assert ('clock  the time' in said and '✔ date' in said and '✘ steps' in said
            and '→ restart' in said)
    assert '1 ok, 0 notes, 1 wrong, in 2.0 s' in said


def test_ctrl_c_ends_it_at_once_without_a_traceback() -> None:
    child = subprocess.Popen(
        [sys.executable, '-m', 'omni_agent.cli.main', 'doctor', '--only', 'clock,graph'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ, 'PYTHONPATH': str(HOME)
        },
        # tests in the background ignore it, and so would the child
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert child.stdout and child.stdout.readline().startswith('ok    clock      date')
    child.send_signal(signal.SIGINT)
    _, complaints = child.communicate(timeout=20)
    assert child.returncode == 130 and complaints == ''


def test_every_section_has_its_module() -> None:
    assert all((HOME / 'omni_agent' / 'cli' / f'doctor_{name}.py').is_file() for name in SECTIONS)
