"""A run of the whole graph in a virtual room: started, watched until it is ready, played,
recorded, stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence

from omni_agent import __version__, graph
from omni_agent.backends import RATE, audio_files, room_ring, scenarios
from omni_agent.backends.room_address import RoomAddress
from omni_agent.backends.room_records import read_truth
from omni_agent.cli.child import Death, Program
from omni_agent.cli.domain import free_domain_id
from omni_agent.cli.hardware import hardware
from omni_agent.cli.supervisor import Supervisor
from omni_agent.core.errors import BackendError

READY_S = 240.0      # half a gigabyte of language model from a cold disk, twice, takes a while
STATE = 'state'          # folder of what the agent keeps over a restart
TAIL_S = 0.5             # after the scenario is over: the last messages
Record = dict
LATE = 'slow: '          # begins a warning about a machine, not about a part that is not there
MODELS = ('perception', 'reaction', 'decision')    # nodes that load something


class Stage:
    """One scenario in one folder. ``on_record`` sees every record as it comes; all of them end in
    events.jsonl. ``beside``: what runs with the graph, a recorder for example.
    """

    def __init__(self, scenario: str, out: Path, on_record: Callable[[Record], None],
                 on_line: Callable[[str, str], None],
                 overrides: Mapping[str, Mapping[str, graph.Value]] | None = None,
                 profile: str = 'default', without: tuple[str, ...] = (),
                 beside: Sequence[Program] = ()) -> None:
        self.path = scenarios.find(scenario)
        self.scenario = scenarios.load(self.path)
        self.out = out
        self._on_record = on_record
        self._on_line = on_line
        self._overrides = self._settings()
        self._dead: list[Death] = []             # nodes that will not come back
        for node, values in (overrides or {}).items():
            self._overrides.setdefault(node, {}).update(values)
        self._profile = profile
        self._without = without
        self._beside = tuple(beside)
        self._health: dict[str, tuple[int, str]] = {}
        self._truth_seen = 0
        self._room_t0 = self._begin = 0.0      # Unix times of the first sample and of the curtain
        self.over = False
        self.pids: dict[str, int] = {}

    def _settings(self) -> dict[str, dict[str, graph.Value]]:
        """What the scenario sets."""
        found: dict[str, dict[str, graph.Value]] = {}
        for node, parameter, value in map(graph.setting, self.scenario.settings):
            found.setdefault(node, {})[parameter] = value
        return found

    def play(self) -> Iterator[None]:
        """Run to the end; yields some 20 times a second. Closing the iterator stops everything."""
        room = self.out / 'room'
        for old in (room, self.out / STATE):
            shutil.rmtree(old, ignore_errors=True)
        room.mkdir(parents=True)
        with free_domain_id() as domain, \
                open(self.out / 'events.jsonl', 'w', encoding='utf-8') as self._file:
            environment = self._environment(domain)
            supervisor = Supervisor(self._programs(room), self._on_line, environment)
            try:
                yield from self._run(supervisor, room)
            finally:
                self.codes = supervisor.stop()
                self._close(room)

    def _environment(self, domain: int) -> dict[str, str]:
        """The graph and this process talk in a domain of their own, on this machine only."""
        from omni_agent import ros_env

        os.environ['ROS_DOMAIN_ID'] = str(domain)
        os.environ.update(ros_env.prepare(os.environ))
        return dict(os.environ)

    def _programs(self, room: Path) -> list[Program]:
        address = str(RoomAddress(str(self.path), room, waits=True))
        devices = ('camera_device', 'microphone_device', 'speaker_device')
        overrides = graph.device_overrides({name: address for name in devices})
        for node, values in self._overrides.items():
            overrides.setdefault(node, {}).update(values)
        # what earlier runs were told to look for, and remember, is not this one's
        overrides.setdefault('decision', {}).setdefault('state', str(
            (self.out / STATE).absolute()))
        nodes = graph.running(self._without, also=self.scenario.nodes)
        return [*(Program(spec.name, spec.module, tuple(graph.arguments(
                    spec, '', '', self._profile, False, 'warn', overrides))) for spec in nodes),
                *self._beside]

    def _run(self, supervisor: Supervisor, room: Path) -> Iterator[None]:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        from omni_agent.nodes.recorder import Recorder

        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = rclpy.create_node('recorder')
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            Recorder(node, self._take)
            supervisor.start()
            for _ in self._acts(room):
                until = time.monotonic() + 0.05
                while time.monotonic() < until:
                    executor.spin_once(timeout_sec=0.02)
                self._dead += [death for death in supervisor.poll() if death.restart_in_s is None]
                self.pids = supervisor.running
                self._read_truth(room)
                yield
        finally:
            executor.shutdown()
            node.destroy_node()
            rclpy.try_shutdown()

    def _acts(self, room: Path) -> Iterator[None]:
        """Waiting for the models, the play itself, and a moment for the last messages."""
        give_up = time.monotonic() + READY_S
        while not self.ready:
            if self._dead:                       # its words say what to do
                raise BackendError(str(self._dead[0]))
            if time.monotonic() > give_up:
                raise BackendError(f'the agent was not ready after {READY_S:.0f} s: '
                                   f'{self._unready()}')
            yield
        room_ring.raise_curtain(room)
        while not self.over:
            yield
        until = time.monotonic() + TAIL_S
        while time.monotonic() < until:
            yield

    @property
    def ready(self) -> bool:
        """Every node that loads something says that it is well, or no worse than slow."""
        wanted = [name for name in MODELS if name not in self._without]
        return all(_is_well(*self._health.get(name, (3, ''))) for name in wanted)

    def _unready(self) -> str:
        return ', '.join(f'{name}: {self._health.get(name, (3, "no news"))[1]}' for name in MODELS)

    def _take(self, record: Record) -> None:
        if record['topic'] == 'diagnostics':
            self._health[record['node'].rsplit('/', 1)[-1]] = (record['level'], record['message'])
        self._write(record)

    def _read_truth(self, room: Path) -> None:
        records = read_truth(room / 'truth.jsonl')
        for record in records[self._truth_seen:]:
            self._tell(record)
        self._truth_seen = len(records)

    def _tell(self, record: Record) -> None:
        """Records of the room -> records of the run."""
        if 't0' in record:
            self._room_t0 = record['t0']
        elif 'begin' in record:
            self._begin = record['t']
            self._write({'topic': 'meta', 't': self._begin, 't0': self._begin,
                         'scenario': self.scenario.name, 'version': __version__,
                         'hardware': hardware(), 'started': time.strftime('%Y-%m-%dT%H:%M:%S%z')})
        elif 'line' in record:
            start = record['start'] or record.get('t')
            kept = ('name', 'who', 'text', 'expect', 'missed')
            self._write({'topic': 'line', 't': start, 'end': record['end'] or start,
                         'index': record['line'], **{key: record[key] for key in kept}})
        elif 'over' in record:
            self.over = True

    def _write(self, record: Record) -> None:
        self._file.write(json.dumps(record) + '\n')
        self._on_record(record)

    def _close(self, room: Path) -> None:
        """Keep the two tracks from the curtain on, and the truth; the ring is of no use any more.
        """
        loading = round((self._begin - self._room_t0) * RATE)
        for name in ('person.wav', 'robot.wav'):
            if (room / name).exists():
                sound = audio_files.to_int16(audio_files.read(room / name))
                audio_files.write(self.out / name, sound[loading:])
        if (room / 'truth.jsonl').exists():
            shutil.move(str(room / 'truth.jsonl'), self.out / 'truth.jsonl')
        shutil.rmtree(room, ignore_errors=True)


def _is_well(level: int, message: str) -> bool:
    return level == 0 or level == 1 and message.startswith(LATE)
