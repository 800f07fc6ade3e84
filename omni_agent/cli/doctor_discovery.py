"""Two throw-away nodes in two processes: how fast they find each other, and one message of each
kind.

They meet in a ROS domain that nobody uses, so an agent that runs does not hear of them. Times are
those of the machine's stopwatch, which both processes share.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from omni_agent.cli.doctor_probe import Wanted
from omni_agent.cli.doctor_ros import unusable
from omni_agent.cli.domain import free_domain_id
from omni_agent.core.checkup import Finding, note, ok, wrong

MULTICAST = 0x1000            # IFF_MULTICAST of netdevice(7)
LOOPBACK = Path('/sys/class/net/lo/flags')
MATCH_S = 12.0                # discovery takes 0.1 s mostly and 3 s sometimes
USUAL_S = 4.0
BORN = 'born at '
ANSWER_S = 5.0                # for all messages together
SLOW_S = {'picture': 0.1}     # [s] a message that takes longer is a note; others 50 ms
SLOW_OTHERS_S = 0.05
WIDTH, HEIGHT = 640, 480


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield multicast(LOOPBACK)
    if trouble := unusable():
        yield trouble
        return
    with free_domain_id() as domain:
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        yield from _meet()


def multicast(flags: Path) -> Finding:
    """Off is Linux's own setting; whether it is missed depends on the middleware, and is seen
    right after.
    """
    try:
        on = int(flags.read_text(), 16) & MULTICAST
    except (OSError, ValueError):
        return note('multicast on lo', 'cannot be asked on this system')
    return ok('multicast on lo',
              'on' if on else 'off, as Linux has it; whether that matters is seen below')


def _meet() -> Iterator[Finding]:
    import rclpy
    rclpy.init(args=[])
    node = rclpy.create_node('omni_agent_doctor_listener')
    heard: dict[str, float] = {}
    complaints: list[str] = []
    for kind, (message, _, incoming) in kinds().items():
        node.create_subscription(message, f'doctor/{kind}', _hear(kind, heard), incoming,
                                 event_callbacks=_complaining(kind, complaints))
    try:
        with _talker() as talker:
            born = _born(talker)
            if born is None:
                yield wrong('discovery', 'the second process ended before it had a node',
                            'see the section ros')
                return
            found = _spin(node, lambda: _matched(node), MATCH_S) and time.monotonic() - born
            yield discovery(found, complaints)
            if found:
                _spin(node, lambda: len(heard) == len(kinds()), ANSWER_S)
                yield from (arrival(kind, heard.get(kind)) for kind in kinds())
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def kinds() -> dict[str, tuple[type, object, object]]:
    """Kind -> message type, and the quality of service of its publisher and of its subscriber in
    the graph.
    """
    from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, SpeechChunk
    from sensor_msgs.msg import Image

    from omni_agent.nodes import qos
    return {
        'picture': (Image, qos.IMAGE_OUT, qos.IMAGE_IN),
        'sound': (AudioChunk, qos.AUDIO, qos.AUDIO),
        'interrupt': (Interrupt, qos.STATE, qos.STATE),
        'percept': (Percept, qos.PERCEPT, qos.PERCEPT),
        'speech': (SpeechChunk, qos.SPEECH, qos.SPEECH)
    }


def _hear(kind: str, heard: dict[str, float]) -> Callable[[object], None]:
    def take(message: object) -> None:
        heard.setdefault(kind, time.monotonic() - float(message.header.frame_id))
    return take


def _complaining(kind: str, complaints: list[str]) -> object:
    from rclpy.event_handler import SubscriptionEventCallbacks
    return SubscriptionEventCallbacks(
        incompatible_qos=lambda event: complaints.append(f'{kind}: {event.last_policy_kind}'))


def _matched(node: object) -> bool:
    return all(node.count_publishers(f'doctor/{kind}') for kind in kinds())


def _spin(node: object, until: Callable[[], bool], limit_s: float) -> bool:
    import rclpy
    deadline = time.monotonic() + limit_s
    while not until():
        if time.monotonic() > deadline:
            return False
        rclpy.spin_once(node, timeout_sec=0.005)
    return True


def discovery(found_s: float | bool, complaints: list[str]) -> Finding:
    """``found_s``: how long it took, False if it did not happen."""
    if found_s is False:
        return wrong(
            'discovery', f'a second process was not found within {MATCH_S:g} s',
            'let UDP through on lo (firewall); if multicast is off there: sudo ip link set lo '
            'multicast on'
        )
    if complaints:
        return wrong('discovery', f'incompatible quality of service: {", ".join(complaints)}',
                     'please report this line')
    text = f'{1000 * max(0.0, found_s):.0f} ms from a node\'s start until it is found'
    return (note('discovery', text, 'usual is less than three seconds: the machine may be busy') if found_s > USUAL_S \
        else ok('discovery', text))


def arrival(kind: str, seconds: float | None) -> Finding:
    """What became of the message of that kind."""
    if seconds is None:
        return wrong(kind, f'the {kind} did not arrive within {ANSWER_S:g} s',
                     'see "transport" and "shared memory" of the section ros')
    text = f'{1000 * seconds:.1f} ms from process to process'
    if seconds > SLOW_S.get(kind, SLOW_OTHERS_S):
        return note(kind, text,
                    'the machine is busy, or the transport resends: see the section ros')
    return ok(kind, text)


def _born(talker: subprocess.Popen[str]) -> float | None:
    """When its publishers were there; None: it died before. The middleware may have complaints of
    its own to print.
    """
    assert talker.stdout
    for line in talker.stdout:
        if line.startswith(BORN):
            return float(line.removeprefix(BORN))
    return None


# -- the other process ----------------------------------------------------------------------------


@contextmanager
def _talker() -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([sys.executable, '-m', 'omni_agent.cli.doctor_discovery'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def talk() -> None:
    """Say when it is there, wait until all of it was found, and send one message of each kind."""
    import rclpy
    rclpy.init(args=[])
    node = rclpy.create_node('omni_agent_doctor_talker')
    publishers = {kind: node.create_publisher(message, f'doctor/{kind}', outgoing)
                  for kind, (message, outgoing, _) in kinds().items()}
    print(f'{BORN}{time.monotonic()}', flush=True)
    if not _spin(node, lambda: all(one.get_subscription_count()
                                   for one in publishers.values()), MATCH_S):
        return
    # the other side may notice a match a moment later than we do
    _spin(node, lambda: False, 0.3)
    for kind, publisher in publishers.items():
        message = _message(kind)
        message.header.frame_id = repr(time.monotonic())
        publisher.publish(message)
        _spin(node, lambda: False, 0.05)
    # until it is ended: what is on its way needs its sender
    sys.stdin.read()


def _message(kind: str) -> object:
    import array
    message = kinds()[kind][0]()
    if kind == 'picture':
        message.width, message.height, message.encoding, message.step = WIDTH, HEIGHT, 'bgr8', 3 * WIDTH
        message.data = array.array('B', bytes(3 * WIDTH * HEIGHT))
    elif kind in ('sound', 'speech'):
        message.samples = array.array('h', bytes(640))
    return message


if __name__ == '__main__':
    talk()
