"""The agent that runs now: its nodes, names that are taken twice, and topics whose ends do not fit
together.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Iterator, Sequence

from omni_agent import graph
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.cli.doctor_ros import unusable
from omni_agent.core.checkup import Finding, note, ok, split, wrong

LOOK_S = 4.0                 # discovery takes up to three seconds, diagnostics come once a second
OWN = 'omni_agent_doctor'
Name = tuple[str, str]       # node, namespace
OURS = (*graph.NAMES, *(spec.name for spec in graph.OPTIONAL))
LEVELS = {0: ok, 1: note, 2: wrong, 3: note}


def findings(wanted: Wanted) -> Iterator[Finding]:
    if trouble := unusable():
        yield trouble
        return
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    rclpy.init(args=[])
    node = rclpy.create_node(OWN)
    statuses: dict[str, tuple[int, str]] = {}

    def take(message: DiagnosticArray) -> None:
        statuses.update(
            {one.name.strip('/'): (one.level[0], one.message)
             for one in message.status})

    node.create_subscription(DiagnosticArray, '/diagnostics', take, 50)
    until = time.monotonic() + LOOK_S
    while time.monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.1)
    names = [(name, space) for name, space in node.get_node_names_and_namespaces() if name != OWN]
    yield from running(names, os.environ.get('ROS_DOMAIN_ID') or '0')
    yield from twice(names)
    yield from _topics(node)
    yield from health(names, statuses)
    node.destroy_node()
    rclpy.try_shutdown()


def running(names: Sequence[Name], domain: str) -> Iterator[Finding]:
    """Each agent, by the namespace of its decision node or of whatever is left of it."""
    spaces = sorted({space for name, space in names if name in graph.NAMES})
    if not spaces:
        yield ok('agent', f'none runs in domain {domain}, with {len(names)} other nodes'
                 if names else f'none runs in domain {domain}, nor anything else')
    for space in spaces:
        here = {name for name, other in names if other == space}
        missing = [name for name in graph.NAMES if name not in here]
        if missing:
            yield note(
                f'agent in {space}', f'{", ".join(missing)} not there',
                'fine if drivers of your own stand in; else '
                'see what they said when they ended')
        else:
            yield ok(f'agent in {space}', f'all {len(graph.NAMES)} nodes are there')


def twice(names: Sequence[Name]) -> Iterator[Finding]:
    for (name, space), count in sorted(Counter(names).items()):
        if count > 1:
            yield wrong(
                f'{space.rstrip("/")}/{name}', f'{count} nodes have this name',
                'end one of them, or start it in a '
                'namespace of its own: parameters and services reach only one')


def _topics(node: object) -> Iterator[Finding]:
    wrong_ones = 0
    for topic, types in node.get_topic_names_and_types():
        for finding in (*kinds(topic, types), *_ends(node, topic)):
            wrong_ones += 1
            yield finding
    if not wrong_ones:
        yield ok('topics', 'all publishers and subscribers fit together')


def kinds(topic: str, types: Sequence[str]) -> Iterator[Finding]:
    if len(types) > 1:
        yield wrong(topic, f'it carries {" and ".join(types)}',
                    'remap one of them: they cannot talk to each other')


def _ends(node: object, topic: str) -> Iterator[Finding]:
    from rclpy.qos import QoSCompatibility, qos_check_compatible
    for publisher in node.get_publishers_info_by_topic(topic):
        for subscriber in node.get_subscriptions_info_by_topic(topic):
            fits, why = qos_check_compatible(publisher.qos_profile, subscriber.qos_profile)
            if fits == QoSCompatibility.ERROR:
                yield wrong(
                    topic,
                    f'{_full(subscriber)} does not hear {_full(publisher)}: {why.rstrip("; ")}',
                    'set qos_overrides of one of them, or its parameter for quality of service')


def _full(end: object) -> str:
    return f'{end.node_namespace.rstrip("/")}/{end.node_name}'


def health(names: Sequence[Name], statuses: dict[str, tuple[int, str]]) -> Iterator[Finding]:
    """What each node of an agent says of itself."""
    for name, space in sorted(set(names)):
        if name not in OURS:
            continue
        full = f'{space.rstrip("/")}/{name}'
        level, message = statuses.get(
            full.strip('/'), (1, f'no diagnostics within {LOOK_S:g} s: it hangs, or the machine '
                              'is very busy'))
        if level == 2:
            yield wrong(full, *split(message))
        else:
            yield LEVELS.get(level, note)(full, message)
