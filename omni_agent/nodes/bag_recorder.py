"""Every topic of the agent -> a rosbag2 folder, as it is on the wire, with the parameters of every
node. It says that it records: aloud, in the log and in the diagnostics.
"""

from __future__ import annotations

import array
import importlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from omni_agent_msgs.msg import Look
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import String

import omni_agent
from omni_agent import graph
from omni_agent.backends import bags, model_cache, models
from omni_agent.backends.bag_metadata import Topic, yaml_text
from omni_agent.backends.bag_types import Definitions
from omni_agent.core import left_out
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.params import param

from . import qos
from .bag_qos import to_bag, to_subscribe
from .health import WARN, Health
from .node import join
from .node_parameters import ParameterReader, Values
from .parameters import declare
from .shell import main as run
from .stamps import pace

NAME = 'bag_recorder'
AGENT = frozenset(spec.name for spec in (*graph.GRAPH, *graph.OPTIONAL))
EVERYWHERE = ('/diagnostics', '/rosout')         # of the whole system, and worth having
NEVER = ('/parameter_events',)
# begins a hidden name: what actions are made of, whose types have no definition of their own; what
# skills do is in skill_state
HIDDEN = '/_'
LOOK_S = 0.25                                    # between two looks at who is there
# looks that saw somebody listen: the other side may notice later
MATCHED = 4
UNHEARD_S = 30.0


@dataclass(frozen=True)
class BagRecorderParams:
    """What is recorded, and where to."""

    folder: str = param('', 'new folder for the bag; empty = bag-DATE-TIME in the current one')
    without: str = param('', 'what is left out, separated by commas: image, sound')
    topics: str = param('', 'further topics, whose they may be, separated by commas')
    picture_hz: float = param(
        0.0,
        'pictures a second that are recorded of each camera, at most; 0 = all. A VGA camera at '
        '15 Hz fills 14 MB a second [Hz]', 0.0, 1000.0)
    announce: bool = param(True, 'say aloud that a recording begins')
    split_mib: int = param(1024, 'a new file begins at this size [MiB]', 1, 1_000_000)
    queue_mib: int = param(64, 'what may wait for a slow disk; pictures get half of it [MiB]', 1,
                           16_384)
    reserve_mib: int = param(
        256, 'room on the disk that is left to others; the recording ends there [MiB]', 0,
        1_000_000)


PARAMETERS = (('', BagRecorderParams),)


class BagRecorder:
    """Owned by the executor thread; the writer has one of its own."""

    def __init__(self) -> None:
        self.node = join(NAME)
        self.params = declare(self.node, BagRecorderParams)
        self.without = left_out.parse(self.params.without)
        self.folder = Path(self.params.folder
                           or time.strftime('bag-%Y%m%d-%H%M%S')).expanduser().absolute()
        self._definitions = Definitions()
        self.writer = bags.BagWriter(self.folder, custom(self.node.get_namespace(),
                                                         self.without), self.params.split_mib,
                                     self.params.queue_mib, self.params.reserve_mib)
        self.health = Health(self.node)
        self._further = {_absolute(name.strip(), self.node.get_namespace())
                         for name in self.params.topics.split(',') if name.strip()}
        self._taken: Counter[str] = Counter()    # messages by topic
        self._seen: set[str] = set()             # topics that were decided on
        self._readers: dict[str, ParameterReader] = {}
        self._notices = self.node.create_publisher(String, 'notice', qos.PERCEPT)
        self._listened, self._since = 0, time.monotonic()
        self._announced = not self.params.announce
        self.node.create_timer(LOOK_S, self.on_look_around, clock=pace(self.node))
        self.node.create_timer(1.0, self.on_timer, clock=pace(self.node))
        self.on_timer()
        self.node.get_logger().info(f'recording into {self.folder}' +
                                    (f', without {" and ".join(self.without)}' if self.
                                     without else ', with pictures and sound'))

    # -- who is there -----------------------------------------------------------------------------

    def on_look_around(self) -> None:
        members = self._members()
        for topic, kinds in sorted(self._topics(members).items()):
            if topic not in self._seen:
                self._consider(topic, kinds)
        for name, namespace in members:
            target = f'{namespace.rstrip("/")}/{name}'
            if target not in self._readers:
                self._readers[target] = ParameterReader(self.node, target, self._keep_parameters)
            self._readers[target].poll()
        if not self._announced:
            self._announce()

    def _members(self) -> list[tuple[str, str]]:
        """Nodes of the agent: those of the graph, and in a namespace of its own all others
        there.
        """
        own = self.node.get_namespace()
        return [(name, namespace) for name, namespace in self.node.get_node_names_and_namespaces()
                if namespace == own and name != NAME and (name in AGENT or own != '/')]

    def _topics(self, members: list[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, namespace in members:
            for of_node in (self.node.get_publisher_names_and_types_by_node,
                            self.node.get_subscriber_names_and_types_by_node):
                try:
                    found.update(of_node(name, namespace))
                except RuntimeError:
                    # rclpy's NodeNameNonExistentError: it has just gone
                    continue
        own = self.node.get_namespace()
        for topic, kinds in self.node.get_topic_names_and_types():
            inside = own != '/' and topic.startswith(f'{own}/')
            if inside or topic in EVERYWHERE or topic in self._further:
                found[topic] = kinds
        return {topic: kinds for topic, kinds in found.items() if topic in self._further or not (
            topic in NEVER or HIDDEN in topic or left_out.is_derived(topic, found))}

    def _consider(self, topic: str, kinds: list[str]) -> None:
        offers = [info.qos_profile for info in self.node.get_publishers_info_by_topic(topic)]
        if not offers:
            return                               # nobody publishes it yet
        self._seen.add(topic)
        kind = kinds[0]
        if left_out.leaves_out(kind, self.without):
            self.health.count('topics left out')
            return
        try:
            definition, digest = self._definitions.of(kind)
            message = _message(kind)
        except (BackendError, ImportError, AttributeError) as error:
            self.health.trouble(topic, WARN, f'is not recorded: {error}')
            return
        is_picture = kind in left_out.PICTURES
        recorded = Topic(topic, kind, definition, digest, tuple(map(to_bag, offers)))
        self.writer.add(recorded)
        strip = kind == left_out.KEYFRAMES and left_out.IMAGE in self.without
        self.node.create_subscription(message, topic, self._taker(recorded, is_picture, strip),
                                      to_subscribe(offers, is_picture), raw=True)
        self.health.count('topics')

    def _taker(self, topic: Topic, can_miss: bool, strip: bool):  # noqa: ANN202 - bytes -> None
        clock, writer, taken = self.node.get_clock(), self.writer, self._taken
        pace_s = 1.0 / self.params.picture_hz if can_miss and self.params.picture_hz else 0.0
        due_s = 0.0

        def take(data: bytes) -> None:
            nonlocal due_s
            if pace_s:
                now_s = time.monotonic()
                if now_s < due_s:
                    return
                # on average: cameras waver
                due_s = (due_s if now_s - due_s < pace_s else now_s) + pace_s
            taken[topic.name] += 1
            writer.write(topic,
                         clock.now().nanoseconds,
                         without_keyframe(data) if strip else data, can_miss)
        return take

    def _keep_parameters(self, target: str, values: Values) -> None:
        folder = self.folder / 'parameters'
        try:
            folder.mkdir(exist_ok=True)
            (folder / f'{target.strip("/").replace("/", ".")}.yaml').write_text(
                yaml_text(values), encoding='utf-8')
            self.health.count('parameter files')
        except OSError as error:
            self.health.trouble('parameters', WARN,
                                f'cannot write into {folder}: {error.strerror}')

    # -- saying so --------------------------------------------------------------------------------

    def _announce(self) -> None:
        there = any(info.node_name != self.node.get_name() for info in      # it records them, too
                    self.node.get_subscriptions_info_by_topic(self._notices.topic_name))
        self._listened = self._listened + 1 if there else 0
        if self._listened >= MATCHED:
            self._notices.publish(String(data=left_out.announcement(self.without)))
            self._announced = True
            self.health.well('announcement')
        elif not there and time.monotonic() - self._since > UNHEARD_S:
            self.health.trouble('announcement', WARN,
                                'nobody is there to say aloud that this is recorded')

    def on_timer(self) -> None:
        figures = self.writer.figures
        values = self.health.values
        values['recording'] = str(self.folder)
        values['left out'] = ', '.join(self.without) or 'nothing'
        values['MiB'] = f'{figures.bytes / bags.MIB:.1f}'
        values['messages'], values['files'] = str(figures.messages), str(figures.files)
        values.update({f'messages of {name}': str(count) for name, count in self._taken.items()})
        values['said aloud'] = str(self._announced and self.params.announce).lower()
        for topic, count in list(figures.dropped.items()):
            values[f'dropped of {topic}'] = str(count)
        if figures.dropped:
            self.health.trouble('disk', WARN, 'it is too slow: messages were dropped')
        if self.writer.trouble is not None:
            raise self.writer.trouble            # ends the node with one line

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self.writer.close()
        figures = self.writer.figures
        self.node.get_logger().info(
            f'{figures.messages} messages, {figures.bytes / bags.MIB:.1f} MiB in {self.folder}')


def custom(namespace: str, without: tuple[str, ...]) -> dict[str, str]:
    """What metadata.yaml says of the run."""
    return {
        'omni_agent.version': omni_agent.__version__,
        'omni_agent.namespace': namespace,
        'omni_agent.without': ','.join(without),
        'omni_agent.models': json.dumps(model_hashes())
    }


def model_hashes() -> dict[str, dict[str, str]]:
    """sha256 of the models that are here, as their manifests say: nothing else gets into the
    cache.
    """
    found: dict[str, dict[str, str]] = {}
    try:
        for name, manifest in models.manifests().items():
            here = {
                file.name: file.sha256
                for file in manifest.files if model_cache.place_of(manifest, file).is_file()
            }
            found.update({name: here} if here else {})
    except ConfigError:
        # an unusable manifest is not ours to complain about
        return found
    return found


def without_keyframe(data: bytes) -> bytes:
    """A Look without the small picture."""
    look = deserialize_message(data, Look)
    if not len(look.keyframe):
        return data
    look.keyframe = array.array('B')
    return serialize_message(look)


def _message(kind: str) -> type:
    package, _, name = kind.partition('/msg/')
    return getattr(importlib.import_module(f'{package}.msg'), name)


def _absolute(name: str, namespace: str) -> str:
    return name if name.startswith('/') else f'{namespace.rstrip("/")}/{name}'


def bag_recorder() -> BagRecorder:
    """The shell names the node after what makes it."""
    return BagRecorder()


def main() -> None:
    run(bag_recorder)


if __name__ == '__main__':
    main()
