"""``omni-agent``: real nodes under the supervisor, signals, and what a wrong command line says."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Iterator

import pytest
from whole_graph import assert_all_heard, fakes, listener

import omni_agent
from omni_agent import graph
from omni_agent.cli import up
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.main import COMMANDS, main
from omni_agent.cli.supervisor import HOME, SELF, Supervisor, child_environment

IN_CHARGE = '''
import sys
from omni_agent.cli.child import Program
from omni_agent.cli.supervisor import Supervisor
from omni_agent.cli.up import Printer, supervise

programs = [Program(name, name) for name in sys.argv[1:]]
printer = Printer(sys.argv[1:])
sys.exit(supervise(Supervisor(programs, printer, respawn=False), printer))
'''
OBEDIENT = '''
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
print('ready', flush=True)
while True:
    time.sleep(10)
'''
DEAF = OBEDIENT.replace('lambda *_: sys.exit(0)', 'signal.SIG_IGN')


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    up.add_options(parser)
    return parser.parse_args(words)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / 'obedient.py').write_text(textwrap.dedent(OBEDIENT))
    (tmp_path / 'deaf.py').write_text(textwrap.dedent(DEAF))
    return {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), str(HOME)])}


@pytest.fixture
def domain() -> Iterator[dict[str, str]]:
    """This process's environment, in a ROS domain of its own."""
    pytest.importorskip('rclpy')
    with free_domain_id() as number:
        yield {**os.environ, 'ROS_DOMAIN_ID': str(number)}


def in_charge(environment: dict[str, str], *modules: str) -> subprocess.Popen[str]:
    """A process under ``supervise``, once all its children are ready."""
    process = subprocess.Popen([sys.executable, '-c', IN_CHARGE, *modules], env=environment,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout
    ready = 0
    while ready < len(modules):
        line = process.stdout.readline()
        assert line, 'ended before its children were ready'
        ready += line.endswith('| ready\n')
    return process


@pytest.mark.timeout(120)
def test_all_nodes_come_up_a_killed_one_comes_back_and_all_end_with_0(
        domain: dict[str, str], tmp_path: Path):
    settings = [f'--set={node}.{name}={value}' for node, values in fakes(tmp_path).items()
                for name, value in values.items()]
    programs = up.programs_of(arguments('--namespace', 'robot1', *settings))
    environment = child_environment(domain)
    said: list[str] = []

    def on_line(name: str, line: str) -> None:
        print(name, '|', line)                     # pytest shows it when the test fails
        said.append(line if name == SELF else '')

    supervisor = Supervisor(programs, on_line, domain)
    supervisor.start()
    try:
        assert_all_heard(listener([f'robot1/{name}' for name in graph.NAMES], environment))
        before = supervisor.running
        os.kill(before['reaction'], signal.SIGKILL)
        while supervisor.running.get('reaction', before['reaction']) == before['reaction']:
            supervisor.poll()
            time.sleep(0.05)
        assert_all_heard(listener(['robot1/reaction'], environment))
        supervisor.poll()
        assert {**supervisor.running, 'reaction': 0} == {**before, 'reaction': 0}
    finally:
        codes = supervisor.stop()
    assert codes == dict.fromkeys(graph.NAMES, 0)
    deaths = list(filter(None, said))
    assert len(deaths) == 1
    assert deaths[0].startswith('reaction ended by itself with signal SIGKILL')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_graph_with_exit_code_0(environment: dict[str, str],
                                                  number: signal.Signals):
    with in_charge(environment, 'obedient') as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_a_second_ctrl_c_kills_what_does_not_end(environment: dict[str, str]):
    with in_charge(environment, 'obedient', 'deaf') as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout and 'once more' in process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(timeout=20) == 1
        assert time.monotonic() - began < 4.0         # SIGTERM alone would have come after 5 s
        assert 'these nodes did not end cleanly: ' in said and 'deaf with -9' in said


def test_the_graph_ends_by_itself_when_nothing_is_left_to_run(environment: dict[str, str]):
    ended = subprocess.run([sys.executable, '-c', IN_CHARGE, 'nowhere'], env=environment,
                           timeout=20, capture_output=True, text=True)
    assert ended.returncode == 1 and 'nowhere ended by itself with exit code 1' in ended.stdout


def test_options_become_the_command_lines_of_the_nodes():
    programs = up.programs_of(arguments(
        '--namespace', 'robot1', '--camera', '0', '--without', 'microphone',
        '--set', 'decision.max_turns=3', '--use-sim-time'))
    assert [program.name for program in programs] == [
        name for name in graph.NAMES if name != 'microphone']
    words = {program.name: program.arguments for program in programs}
    assert all('__ns:=/robot1' in line and 'use_sim_time:=true' in line for line in words.values())
    assert 'device:="0"' in words['camera'] and 'max_turns:=3' in words['decision']
    assert not any(word.startswith('device:=') for word in words['speaker'])


@pytest.mark.parametrize(('words', 'complaint'), [
    (['up', '--profile', 'nonsense'], "unknown profile 'nonsense'"),
    (['up', '--without', 'ears'], "unknown node 'ears'"),
    (['up', '--set', 'x'], 'is not NODE.PARAMETER=VALUE'),
    (['talk', '--params-file', '/nowhere.yaml'], 'no parameter file /nowhere.yaml'),
])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(capsys, words: list[str],
                                                          complaint: str):
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith('omni-agent: ') and complaint in said and said.count('\n') == 1


def test_help_lists_every_command_that_is_there(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    said = capsys.readouterr().out
    assert all(f'    {name} ' in said for name, module in COMMANDS.items()
               if (HOME / 'omni_agent' / 'cli' / f'{module}.py').exists())


def test_version(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--version'])
    assert capsys.readouterr().out == f'omni-agent {omni_agent.__version__}\n'


ALONE = '''
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1].split(','):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Missing())
from omni_agent.cli.main import main
sys.exit(main(sys.argv[2:]))
'''


def without(modules: str, *words: str) -> subprocess.CompletedProcess[str]:
    """``omni-agent words`` on a Python on which ``modules`` cannot be imported."""
    return subprocess.run([sys.executable, '-c', ALONE, modules, *words], capture_output=True,
                          env={**os.environ, 'PYTHONPATH': str(HOME)}, text=True, timeout=30)


def test_a_command_that_cannot_be_imported_says_so_and_the_others_work():
    lame = without('omni_agent.cli.supervisor', 'up', '--camera', '0')
    assert lame.returncode == 2
    assert lame.stderr.startswith("omni-agent: 'up' cannot run here: No module named")
    listed = without('omni_agent.cli.supervisor', '--help')
    assert listed.returncode == 0 and 'not available: No module' in listed.stdout


def test_missing_messages_are_explained_even_beside_their_sources():
    program = ('import sys; sys.path = [p for p in sys.path if "-packages" not in p]\n'
               'import types; sys.modules["rclpy"] = m = types.ModuleType("rclpy")\n'
               'm.__spec__ = types.SimpleNamespace(origin="here")\n'
               'from omni_agent.cli.up import require_ros; require_ros()')
    ended = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                           env={**os.environ, 'PYTHONPATH': str(HOME)}, cwd=HOME, timeout=30)
    assert 'omni_agent_msgs is not built' in ended.stderr and 'colcon build' in ended.stderr
