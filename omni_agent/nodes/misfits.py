"""Who is on one of our topics with a quality of service that does not fit, so that nothing
arrives: said by name.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from rclpy.duration import Duration
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.timer import Timer

from .stamps import pace

if TYPE_CHECKING:
    from .node import AgentNode

PERIOD_S = 1.0
INFINITE_NS = 2**63 - 1      # how the graph tells a time that nobody asked for
PATIENCE = 5         # looks: the middleware tells of a misfit before the graph knows whose it is


@dataclass
class Suspect:
    """An end of ours that somebody does not fit."""

    profile: QoSProfile          # offered or asked for
    looks: int = 0
    told: str = ''


class Misfits:
    """``found`` is called by the middleware; a topic is looked at until it is in order.

    ``tell`` gets the topic and what is wrong with it, or '' once that is over.
    """

    def __init__(self, node: AgentNode, tell: Callable[[str, str], None]) -> None:
        self._node, self._tell = node, tell
        # by topic and whether we publish there
        self._suspects: dict[tuple[str, bool], Suspect] = {}
        self._timer: Timer | None = None

    def found(self, topic: str, publishes: bool, profile: QoSProfile) -> None:
        self._suspects.setdefault((topic, publishes), Suspect(profile)).looks = 0
        if self._timer is None:
            with self._node.always():
                self._timer = self._node.create_timer(PERIOD_S, self.look, clock=pace(self._node))
        self._timer.reset()

    def look(self) -> None:
        for (topic, publishes), suspect in list(self._suspects.items()):
            suspect.looks += 1
            words = self._words(topic, publishes, self._peers(topic, publishes, suspect.profile))
            if words != suspect.told:
                suspect.told = words
                self._tell(topic, words)
            if not words and suspect.looks >= PATIENCE:
                del self._suspects[topic, publishes]
        if not self._suspects and self._timer is not None:
            self._timer.cancel()

    def _peers(self, topic: str, publishes: bool, profile: QoSProfile) -> dict[str, str]:
        """Name of each that does not fit -> why."""
        others = self._node.get_subscriptions_info_by_topic(topic) if publishes else \
            self._node.get_publishers_info_by_topic(topic)
        found = {}
        for other in others:
            theirs = _as_asked(other.qos_profile)
            offered, wanted = (profile, theirs) if publishes else (theirs, profile)
            fits, why = qos_check_compatible(offered, wanted)
            # _NODE_NAME_UNKNOWN_
            if fits == QoSCompatibility.ERROR and not other.node_name.startswith('_'):
                name = f'{other.node_namespace.rstrip("/")}/{other.node_name}'
                found[name] = why.replace('ERROR: ', '').strip(' ;')
        return found

    def _words(self, topic: str, publishes: bool, peers: dict[str, str]) -> str:
        if not peers:
            return ''
        they, end = ('do not get', 'publisher') if publishes else ('are not heard', 'subscription')
        whose = '; '.join(f'{name} ({why})' for name, why in sorted(peers.items()))
        return (f'{they} on {topic}: {whose}. Change theirs, or ours with the parameter '
                f'qos_overrides.{topic}.{end}.reliability')


def _as_asked(profile: QoSProfile) -> QoSProfile:
    """Times that nobody asked for as whoever made the end left them: unset. Infinite, they would
    pass for a demand that we do not meet.
    """
    asked = copy.copy(profile)
    for name in ('deadline', 'lifespan', 'liveliness_lease_duration'):
        if getattr(asked, name).nanoseconds >= INFINITE_NS:
            setattr(asked, name, Duration())
    return asked
