"""The supervisor over real processes: small modules that behave well, badly or not at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from omni_agent.cli.child import Child, Program
from omni_agent.cli.domain import FIRST_PORT, PORTS_PER_DOMAIN, free_domain_id
from omni_agent.cli.supervisor import HOME, SELF, Supervisor
from omni_agent.cli.up import Printer
from omni_agent.core.restart import Restart

PATIENCE_S = 20.0          # a busy machine; nothing here takes a second on an idle one

MODULES = {
    # ends cleanly when asked to
    'good': '''
        import signal, sys, time
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        print('ready', *sys.argv[1:])
        while True:
            time.sleep(10)
    ''',
    # dies at once, with something to say
    'crash': '''
        import sys
        print('about to fail')
        print('no such device', file=sys.stderr)
        sys.exit(3)
    ''',
    'misconfigured': 'raise SystemExit(2)',
    # hears nothing but SIGKILL, and has a child of its own that is no better
    'stubborn': '''
        import signal, subprocess, sys, time
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
        print('child', child.pid)
        while True:
            time.sleep(10)
    ''',
    # ends on SIGINT, and leaves a child behind
    'untidy': '''
        import signal, subprocess, sys, time
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
        print('child', child.pid)
        while True:
            time.sleep(10)
    ''',
    # as a node that is still importing: it has no handler of its own
    'slow_to_start': '''
        import time
        print('importing')
        while True:
            time.sleep(10)
    ''',
    'chatty': '''
        print('x' * 100_000)
        for number in range(20_000):
            print(number)
        print('done')
    ''',
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the modules above can be imported."""
    for name, source in MODULES.items():
        (tmp_path / f'{name}.py').write_text(textwrap.dedent(source))
    return {**os.environ, 'PYTHONPATH': str(tmp_path)}


class Graph:
    """A supervisor over some of the modules, and everything it said."""

    def __init__(self, names: tuple[str, ...], environment: dict[str, str], respawn: bool) -> None:
        self.said: list[tuple[str, str]] = []
        programs = [Program(name, name, ('--rate', '5')) for name in names]
        self.supervisor = Supervisor(programs, lambda name, line: self.said.append((name, line)),
                                     environment, respawn)
        self.supervisor.start()

    def lines(self, name: str) -> list[str]:
        return [line for speaker, line in self.said if speaker == name]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f'in vain; said so far: {self.said}'
            self.supervisor.poll()
            time.sleep(0.01)


Run = Callable[..., Graph]


@pytest.fixture
def run(environment: dict[str, str]) -> Iterator[Run]:
    graphs: list[Graph] = []

    def start(*names: str, respawn: bool = False) -> Graph:
        graphs.append(Graph(names, environment, respawn))
        return graphs[-1]

    yield start
    for graph in graphs:
        graph.supervisor.hurry()
        graph.supervisor.stop()


def is_alive(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != 'Z'


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, 'in vain'
        time.sleep(0.01)


def test_output_arrives_line_by_line_under_the_name_of_its_node(run: Run):
    graph = run('good', 'untidy')
    graph.until(lambda: graph.lines('good') and graph.lines('untidy'))
    assert graph.lines('good') == ['ready --rate 5']
    assert graph.lines('untidy')[0].startswith('child ')


def test_a_clean_stop_ends_every_node_with_exit_code_0(run: Run):
    graph = run('good', 'untidy')
    graph.until(lambda: graph.lines('good') and graph.lines('untidy'))
    assert graph.supervisor.stop() == {'good': 0, 'untidy': 0}
    assert graph.supervisor.running == {} and graph.supervisor.finished
    assert graph.lines(SELF) == []


def test_a_stop_in_the_first_moment_of_a_process_is_clean_too(run: Run):
    for _ in range(5):
        assert run('good', 'slow_to_start').supervisor.stop() == {'good': 0, 'slow_to_start': 0}


def test_a_stop_while_a_node_is_still_importing_is_clean_too(run: Run):
    graph = run('slow_to_start')
    graph.until(lambda: graph.lines('slow_to_start'))
    assert graph.supervisor.stop() == {'slow_to_start': 0}


def test_what_a_node_leaves_behind_is_killed_with_it(run: Run):
    graph = run('untidy')
    graph.until(lambda: graph.lines('untidy'))
    grandchild = int(graph.lines('untidy')[0].split()[1])
    assert is_alive(grandchild)
    graph.supervisor.stop()
    until(lambda: not is_alive(grandchild))


def test_a_stubborn_node_is_killed_with_its_children_after_eight_seconds(run: Run):
    graph = run('stubborn', 'good')
    graph.until(lambda: graph.lines('stubborn') and graph.lines('good'))
    grandchild = int(graph.lines('stubborn')[0].split()[1])
    began = time.monotonic()
    assert graph.supervisor.stop() == {'stubborn': -signal.SIGKILL, 'good': 0}
    assert 7.9 < time.monotonic() - began < PATIENCE_S
    until(lambda: not is_alive(grandchild))


def test_in_a_hurry_a_stubborn_node_is_killed_at_once(run: Run):
    graph = run('stubborn')
    graph.until(lambda: graph.lines('stubborn'))
    began = time.monotonic()
    graph.supervisor.hurry()
    assert graph.supervisor.stop() == {'stubborn': -signal.SIGKILL}
    assert time.monotonic() - began < 5.0


def test_a_death_is_reported_with_exit_code_and_last_words(run: Run):
    graph = run('crash')
    graph.until(lambda: graph.lines(SELF))
    assert graph.lines(SELF) == [
        'crash ended by itself with exit code 3 and is not started again; its last words were:\n'
        '    about to fail\n    no such device']
    assert graph.supervisor.codes == {'crash': 3} and graph.supervisor.finished


def test_a_node_killed_by_a_signal_is_named_so(run: Run):
    graph = run('good')
    graph.until(lambda: graph.lines('good'))
    os.kill(graph.supervisor.running['good'], signal.SIGKILL)
    graph.until(lambda: graph.lines(SELF))
    assert graph.lines(SELF)[0].startswith('good ended by itself with signal SIGKILL')


def test_a_dead_node_starts_again_and_the_others_go_on(run: Run):
    graph = run('good', 'untidy', respawn=True)
    graph.until(lambda: graph.lines('good') and graph.lines('untidy'))
    first = graph.supervisor.running
    os.kill(first['good'], signal.SIGKILL)
    graph.until(lambda: len(graph.lines('good')) == 2)
    assert graph.supervisor.restarts == {'good': 1, 'untidy': 0}
    assert graph.supervisor.running['untidy'] == first['untidy']
    assert graph.supervisor.stop() == {'good': 0, 'untidy': 0}


def test_restarts_wait_for_the_time_that_poll_is_told(environment: dict[str, str]):
    child = Child(Program('crash', 'crash'), environment, Restart())
    child.start(100.0)
    until(lambda: child.reap(100.0))
    assert child.restart.due == 100.5 and child.pid is None


def test_a_misconfigured_node_is_not_started_again(run: Run):
    graph = run('misconfigured', respawn=True)
    graph.until(lambda: graph.lines(SELF))
    assert graph.supervisor.finished and graph.supervisor.restarts == {'misconfigured': 0}


def test_a_missing_module_is_a_death_like_any_other(run: Run):
    graph = run('nowhere')
    graph.until(lambda: graph.lines(SELF))
    assert 'No module named nowhere' in graph.lines(SELF)[0]


def test_a_python_that_cannot_be_started_is_a_death_too(environment: dict[str, str], monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/nonexistent/python')
    child = Child(Program('good', 'good'), environment, Restart())
    child.start(0.0)
    death = child.reap(0.0)
    assert death and death.code == 127 and '/nonexistent/python' in str(death)
    assert child.restart.due == 0.5


def test_a_stop_ends_the_restarts(run: Run):
    graph = run('crash', respawn=True)
    graph.until(lambda: graph.lines(SELF))
    assert graph.supervisor.stop() == {'crash': 3}
    assert graph.supervisor.finished


def test_output_nobody_takes_is_bounded_and_counted(environment: dict[str, str]):
    child = Child(Program('chatty', 'chatty'), environment, Restart())
    child.start(0.0)
    until(lambda: child.reap(0.0))
    lines = list(child.take_lines())
    assert lines[-1] == 'done' and len(lines) == 2_000
    assert child.lines_dropped == 20_000 + 7 + 1 - 2_000       # 100 000 characters are 7 lines


OWNER = '''
import sys, time
from omni_agent.cli.child import Program
from omni_agent.cli.supervisor import Supervisor

def say(name, line):
    print(name, line, flush=True)

supervisor = Supervisor([Program(name, name) for name in sys.argv[1:]], on_line=say)
supervisor.start()
while True:
    supervisor.poll()
    for name, pid in supervisor.running.items():
        print('pid', pid, flush=True)
    time.sleep(0.05)
'''


def test_a_killed_supervisor_leaves_no_orphans(environment: dict[str, str]):
    path = os.pathsep.join([environment['PYTHONPATH'], str(HOME)])
    with subprocess.Popen([sys.executable, '-c', OWNER, 'good', 'stubborn', 'slow_to_start'],
                          env={**environment, 'PYTHONPATH': path}, stdout=subprocess.PIPE,
                          text=True) as owner:
        pids: set[int] = set()
        ready: set[str] = set()
        assert owner.stdout
        for line in owner.stdout:
            name, _, rest = line.rstrip().partition(' ')
            if name == 'pid':
                pids.add(int(rest))
            else:
                ready.add(name)
                pids |= {int(rest.split()[1])} if rest.startswith('child') else set()
            if len(ready) == 3:
                break
        owner.kill()
    assert len(pids) == 4                    # three nodes and the stubborn one's child
    until(lambda: not any(map(is_alive, pids)))


def test_every_line_is_printed_behind_its_name(capsys):
    printer = Printer(['camera', 'perception'], coloured=False)
    printer('camera', 'one\ntwo')
    printer('perception', 'three')
    assert capsys.readouterr().out == '    camera | one\n    camera | two\nperception | three\n'


def test_names_are_coloured_on_a_terminal(capsys):
    Printer(['camera'], coloured=True)('camera', 'one')
    assert capsys.readouterr().out == '\x1b[36m    camera |\x1b[0m one\n'


def test_domains_of_runs_side_by_side_differ():
    with free_domain_id() as one, free_domain_id() as two, free_domain_id() as three:
        assert len({one, two, three}) == 3
        assert all(1 <= domain <= 101 for domain in (one, two, three))


def test_a_domain_whose_port_is_in_use_is_not_taken():
    with free_domain_id() as domain:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(('', FIRST_PORT + PORTS_PER_DOMAIN * domain))
        with free_domain_id() as other:
            assert other != domain


def test_a_domain_is_free_again_after_its_owner_was_killed():
    program = ('import time\nfrom omni_agent.cli.domain import free_domain_id\n'
               'with free_domain_id() as domain:\n    print(domain, flush=True)\n'
               '    time.sleep(600)')
    with subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, 'PYTHONPATH': str(HOME)}) as owner:
        assert owner.stdout
        taken = int(owner.stdout.readline())
        folder = Path(os.environ.get('TMPDIR', '/tmp')) / f'omni_agent-{os.getuid()}' / 'domains'
        lock = folder / f'{taken}.lock'
        assert subprocess.run(['flock', '-n', lock, 'true']).returncode == 1
        owner.kill()
    assert subprocess.run(['flock', '-n', lock, 'true']).returncode == 0
