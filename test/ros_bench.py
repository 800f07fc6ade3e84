"""A bench for one node: it runs as a process of its own; the test talks to it over real topics.

Everything of a test module shares one ROS domain, which nobody else on this machine has, and one
node of the test's own. Nothing here sleeps: ``until`` turns the executor until something is true.
"""

from __future__ import annotations

import array
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Mapping, NamedTuple, TypeVar

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy')
pytest.importorskip('omni_agent_msgs')

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from omni_agent_msgs.msg import AudioChunk, Interrupt, SpeechChunk  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402

from omni_agent import ros_env  # noqa: E402
from omni_agent.backends import BLOCK, RATE  # noqa: E402
from omni_agent.cli.child import Program  # noqa: E402
from omni_agent.cli.domain import free_domain_id  # noqa: E402
from omni_agent.cli.supervisor import Supervisor, child_environment  # noqa: E402
from omni_agent.nodes.stamps import stamp  # noqa: E402
from omni_agent.share import share_dir  # noqa: E402

MATCH_S = 10.0           # [s] for discovery; it takes up to three
PATIENCE_S = 30.0        # [s] for everything else: on an idle machine nothing is that slow
DIAGNOSTICS_S = 0.2      # [s] between two reports of a node: most waiting here is for one
# of config/fastdds_shm.xml, and what is enough here [bytes]: the middleware writes a segment full
# of zeros when a process starts, and most of these live for seconds
SEGMENTS = {'67108864': '8388608', '16777216': '4194304'}
OK, WARN, ERROR = 0, 1, 2
T = TypeVar('T')
Value = object


class Running:
    """One node as a process of its own, behind the leash of the supervisor."""

    def __init__(self, name: str, parameters: Mapping[str, Value], arguments: tuple[str, ...] = (),
                 respawn: bool = False) -> None:
        self.name = name
        self.said: list[str] = []
        given = [word for key, value in parameters.items()
                 for word in ('-p', f'{key}:={json.dumps(value)}')]
        program = Program(name, f'omni_agent.nodes.{name}', ('--ros-args', *given, *arguments))
        self.supervisor = Supervisor([program], self._hear, respawn=respawn)
        self.supervisor.start()

    def _hear(self, speaker: str, line: str) -> None:
        if speaker == self.name:             # the supervisor quotes it when it dies
            self.said.append(line)

    def poll(self) -> None:
        self.supervisor.poll()

    @property
    def pid(self) -> int | None:
        return self.supervisor.running.get(self.name)

    @property
    def code(self) -> int | None:
        """Exit code, None while it runs."""
        return None if self.pid else self.supervisor.codes.get(self.name)

    @property
    def words(self) -> str:
        return '\n'.join(self.said)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.supervisor.running[self.name], number)

    def stop(self) -> int:
        """SIGINT, then wait; the exit code."""
        return self.supervisor.stop()[self.name]


class Heard(list):
    """Messages of one topic in order of arrival, each with ``received`` in ``times`` [Unix s]."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def take(self, message: object) -> None:
        self.times.append(time.time())
        self.append(message)

    def forget(self) -> None:
        self.clear()
        self.times.clear()


class Standing(NamedTuple):
    """Of a bench at one moment."""

    running: list[Running]
    pacers: list[Callable[[], None]]
    publishers: list[object]
    subscriptions: list[object]


class Bench:
    """A node in the test process; publishes, collects, waits."""

    def __init__(self, domain: int, folder: Path) -> None:
        self.folder = folder
        self.running: list[Running] = []
        self.pacers: list[Callable[[], None]] = []     # called at every turn: what is sent in time
        self.context = rclpy.Context()
        rclpy.init(args=[], context=self.context, domain_id=domain)
        self.node = rclpy.create_node('bench', context=self.context)
        self.guests: list[Node] = []
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.health: dict[str, list[DiagnosticStatus]] = {}
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_health, 100)

    def _on_health(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.health.setdefault(status.name, []).append(status)

    # -- processes --------------------------------------------------------------------------------

    def start(self, name: str, respawn: bool = False, arguments: tuple[str, ...] = (),
              **parameters: Value) -> Running:
        """A dot in a parameter's name is written as a double underscore."""
        # who hears nothing real needs not know voices
        spared = {'voice_print': 'spectrum'} if parameters.get('vad') == 'fake' else {}
        dotted = {'diagnostics_s': DIAGNOSTICS_S, **spared,
                  **{key.replace('__', '.'): value for key, value in parameters.items()}}
        self.running.append(Running(name, dotted, arguments, respawn))
        return self.running[-1]

    def standing(self) -> Standing:
        """What is there now, for ``leave``."""
        return Standing(list(self.running), list(self.pacers), list(self.node.publishers),
                        list(self.node.subscriptions))

    def leave(self, before: Standing) -> None:
        """End all that came after ``before``: what a failed test left would talk into its second
        try, as a second microphone does.
        """
        for process in [one for one in self.running if one not in before.running]:
            self.end(process)
        self.pacers[:] = before.pacers
        for publisher in [one for one in self.node.publishers if one not in before.publishers]:
            self.node.destroy_publisher(publisher)
        for heard in [one for one in self.node.subscriptions if one not in before.subscriptions]:
            self.node.destroy_subscription(heard)

    def end(self, process: Running) -> int:
        self.running.remove(process)
        code = process.stop()
        self.health.pop(process.name, None)
        return code

    # -- topics -----------------------------------------------------------------------------------

    def publisher(self, kind: type, topic: str,  # noqa: ANN201 - rclpy's Publisher
                  qos: QoSProfile | int):
        return self.node.create_publisher(kind, topic, qos)

    def guest(self, name: str) -> Node:
        """A second node of the test's own, for whoever looks at names."""
        self.guests.append(rclpy.create_node(name, context=self.context))
        self._executor.add_node(self.guests[-1])
        return self.guests[-1]

    def listen(self, kind: type, topic: str, qos: QoSProfile | int) -> Heard:
        heard = Heard()
        self.node.create_subscription(kind, topic, heard.take, qos)
        return heard

    def matched(self, *names: str, publishers: tuple = (), topics: tuple[str, ...] = ()) -> None:
        """Until each publisher of ours has a reader, each topic a writer, and each node is alive
        after that.

        The other side may notice a match a moment later than we do, hence the signs of life.
        """
        self.until(lambda: all(publisher.get_subscription_count() for publisher in publishers)
                   and all(self.node.count_publishers(topic) for topic in topics), 'discovery',
                   MATCH_S + PATIENCE_S)         # the processes have to start before that
        seen = {name: len(self.health.get(name, [])) for name in names}
        self.until(lambda: all(self.health.get(name, [])[count + 1:]
                               for name, count in seen.items()), f'signs of life of {names}')

    # -- waiting ----------------------------------------------------------------------------------

    def turn(self, seconds: float = 0.02) -> None:
        """Callbacks that are due, and the first one that becomes due within that time."""
        for send_what_is_due in self.pacers:
            send_what_is_due()
        self._executor.spin_once(timeout_sec=seconds)
        for process in self.running:
            process.poll()

    def until(self, condition: Callable[[], T], what: str = '', seconds: float = PATIENCE_S) -> T:
        """The first true value of ``condition``."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                said = {process.name: process.said[-12:] for process in self.running}
                newest = {name: self.health_of(name) for name in self.health}
                pytest.fail(f'in vain after {seconds:.0f} s: {what}\n'
                            f'processes: {said}\nhealth: {newest}')
            self.turn()
        return value

    def turn_until(self, unix_s: float) -> None:
        """Go on with callbacks until that time: for what must happen at a pace, or must not happen
        at all.
        """
        while (left := unix_s - time.time()) > 0:
            self.turn(min(0.02, left))

    # -- diagnostics ------------------------------------------------------------------------------

    def news(self, name: str) -> DiagnosticStatus:
        """A status that was published after this call: the first one may have been on its way, the
        second was sent a period later.
        """
        seen = len(self.health.get(name, []))
        return self.until(lambda: self.health.get(name, [])[seen + 1:],
                          f'diagnostics of {name}')[-1]

    def health_of(self, name: str) -> tuple[int, str, dict[str, str]]:
        status = self.health[name][-1]
        return level_of(status), status.message, values_of(status)

    def level(self, name: str, level: int, words: str = '') -> DiagnosticStatus:
        """A new status of that level whose message holds ``words``."""
        seen = len(self.health.get(name, []))
        found = self.until(lambda: [status for status in self.health.get(name, [])[seen:]
                                    if level_of(status) == level and words in status.message],
                           f'{name} at level {level} with {words!r}')
        return found[0]

    def counted(self, name: str, counter: str, at_least: int = 1) -> int:
        """Wait until a counter has got that far; its value."""
        def value() -> int:
            known = self.health.get(name)
            return int(values_of(known[-1]).get(counter, 0)) if known else 0
        self.until(lambda: value() >= at_least, f'{counter!r} of {name} at {at_least}')
        return value()

    def counter(self, name: str, counter: str) -> int:
        """Its value by the newest status: exact when whoever raised it has waited for it with
        ``counted``.
        """
        return int(values_of(self.health[name][-1]).get(counter, 0))

    def close(self) -> None:
        # side by side: each takes a moment to leave the graph
        with ThreadPoolExecutor() as pool:
            list(pool.map(Running.stop, self.running))
        self.running.clear()
        self._executor.shutdown()
        for node in (*self.guests, self.node):
            node.destroy_node()
        rclpy.shutdown(context=self.context)


def _small_segments(path: Path) -> Path:
    """The profile of the package, but for the sizes."""
    profile = (share_dir() / 'config' / 'fastdds_shm.xml').read_text(encoding='utf-8')
    for size, enough in SEGMENTS.items():
        assert size in profile
        profile = profile.replace(size, enough)
    path.write_text(profile, encoding='utf-8')
    return path


@contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    """The environment is set for this process and its children as long as the bench is there."""
    with free_domain_id() as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        patch.setenv('OMP_NUM_THREADS', '1')
        # nothing is remembered for the next test
        patch.setenv('XDG_STATE_HOME', str(folder / 'state'))
        for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
            patch.setenv(name, str(_small_segments(folder / 'fastdds.xml')))
        for key, value in child_environment(os.environ).items():
            patch.setenv(key, value)
        assert not ros_env.prepare(os.environ)
        bench = Bench(domain, folder)
        try:
            yield bench
        finally:
            bench.close()


# -- messages -------------------------------------------------------------------------------------


def level_of(status: DiagnosticStatus) -> int:
    return status.level[0]


class Values(dict):
    """By name; '' for what is not reported at the moment: who waits for a value looks often."""

    def __missing__(self, name: str) -> str:
        return ''


def values_of(status: DiagnosticStatus) -> Values:
    return Values((item.key, item.value) for item in status.values)


def tone(hz: float, seconds: float, level: float = 0.3, rate: int = RATE) -> np.ndarray:
    """int16 sine."""
    t = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def int16s(samples: np.ndarray) -> array.array:
    return array.array('h', samples.astype(np.int16).tobytes())


def speech_chunk(epoch: int, sequence: int, samples: np.ndarray, text: str = '',
                 last: bool = False, rate: int = RATE) -> SpeechChunk:
    return SpeechChunk(epoch=epoch, sequence=sequence, rate=rate, samples=int16s(samples),
                       text=text, last=last)


def interrupt(epoch: int, ducked: bool = False, reason: int = Interrupt.NEW_REPLY) -> Interrupt:
    message = Interrupt(epoch=epoch, ducked=ducked, reason=reason)
    message.header.stamp = stamp(time.time())
    return message


def audio_chunk(t: float, position: int, samples: np.ndarray, rate: int = RATE,
                channels: int = 1) -> AudioChunk:
    chunk = AudioChunk(position=position, rate=rate, channels=channels, samples=int16s(samples))
    chunk.header.stamp = stamp(t)
    return chunk


def blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Whole device blocks; a rest is filled up with silence."""
    for at in range(0, len(samples), BLOCK):
        block = samples[at:at + BLOCK]
        yield np.concatenate((block, np.zeros(BLOCK - len(block), np.int16)))


def power_db(samples: np.ndarray, hz: float, rate: int = RATE) -> np.ndarray:
    """Level of one frequency in frames of 10 ms [dBFS]; ``hz`` is a multiple of 100."""
    size = rate // 100
    frames = samples[:len(samples) // size * size].reshape(-1, size).astype(np.float64) / 32768
    turns = np.exp(-2j * np.pi * hz * np.arange(size) / rate)
    return 20 * np.log10(np.maximum(np.abs(frames @ turns) * 2 / size, 1e-6))


def pitch(samples: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency [Hz]."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))
