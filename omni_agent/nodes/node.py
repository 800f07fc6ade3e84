"""The ROS node of a box: the quality of service of its topics can be set from outside, and it can
be put to rest.

At rest (``active`` False) nothing comes in and nothing goes out. What a late joiner would be told
at once is not lost: of a latched topic the newest messages are kept, both ways, until the node
wakes.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator

from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:                                      # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

from omni_agent.core.errors import ConfigError

from .doors import Callback, Door, RestingTimer, guarded
from .misfits import Misfits

if TYPE_CHECKING:
    from .health import Health

OF_ROS = ('/clock', '/parameter_events', '/rosout')      # topics that rclpy opens for itself
WRITERS = 8          # of one latched topic, whose last words are kept


class AgentNode(Node):
    """What boxes create on it goes through doors, except within ``always``."""

    def __init__(self, name: str, **options: Any) -> None:
        self.active = True
        self.health: Health | None = None        # of the box, if there is one
        self.diagnostics_s = 1.0                 # between two of its reports
        self._begun = False                      # what rclpy creates for itself is left alone
        self._has_doors = True
        self._doors: dict[object, Door | RestingTimer] = {}
        super().__init__(name, **options)
        self._misfits = Misfits(self, self._tell_misfit)
        self._begun = True

    @contextmanager
    def always(self) -> Iterator[None]:
        """What is created in here works at rest as well."""
        before, self._has_doors = self._has_doors, False
        try:
            yield
        finally:
            self._has_doors = before

    def rest(self) -> None:
        self.active = False

    def wake(self) -> None:
        self.active = True
        for door in list(self._doors.values()):
            door.open()

    def entities(self) -> set[object]:
        """Everything that was created and is still there."""
        return {
            *self.publishers, *self.subscriptions, *self.services, *self.clients, *self.timers,
            *self.guards, *self.waitables
        }

    def clear(self, kept: set[object]) -> None:
        """Destroy every entity but ``kept``."""
        for entities, destroy in (
            (self.publishers, self.destroy_publisher),
            (self.subscriptions, self.destroy_subscription),
            (self.services, self.destroy_service),
            (self.clients, self.destroy_client),
            (self.timers, self.destroy_timer),
            (self.guards, self.destroy_guard_condition),
                # the others' events went with them
            (self.waitables, lambda action: action.destroy())):
            for entity in [entity for entity in entities if entity not in kept]:
                destroy(entity)
        self._misfits = Misfits(self, self._tell_misfit)
        self.health = None

    def _tell_misfit(self, topic: str, words: str) -> None:
        if self.health is not None:
            self.health.misfit(topic, words)
        elif words:
            self.get_logger().warning(f'quality of service: {words}')

    # -- what boxes create ------------------------------------------------------------------------

    def create_publisher(self, msg_type: type, topic: str, qos_profile: QoSProfile | int,
                         **options: Any) -> Publisher:
        if self._is_of_ros(topic):
            return super().create_publisher(msg_type, topic, qos_profile, **options)
        profile = self._own(qos_profile)
        events = options.setdefault('event_callbacks', PublisherEventCallbacks())
        events.incompatible_qos = lambda event: self._misfits.found(self.resolve_topic_name(topic),
                                                                    True, profile)
        with self._tunable(topic, options):
            publisher = super().create_publisher(msg_type, topic, profile, **options)
        if self._has_doors:
            publisher.publish = self._doors[publisher] = Door(self, publisher.publish,
                                                              int(_is_latched(profile)))
        return publisher

    def create_subscription(self, msg_type: type, topic: str, callback: Callback,
                            qos_profile: QoSProfile | int, **options: Any) -> Subscription:
        if self._is_of_ros(topic):
            return super().create_subscription(msg_type, topic, callback, qos_profile, **options)
        profile = self._own(qos_profile)
        door = (Door(self, callback, WRITERS *
                     _is_latched(profile)) if self._has_doors else callback)
        events = options.setdefault('event_callbacks', SubscriptionEventCallbacks())
        events.incompatible_qos = lambda event: self._misfits.found(self.resolve_topic_name(topic),
                                                                    False, profile)
        with self._tunable(topic, options):
            subscription = super().create_subscription(msg_type, topic, door, profile, **options)
        if self._has_doors:
            self._doors[subscription] = door
        return subscription

    def create_timer(self, timer_period_sec: float, callback: Callable[[], None], *arguments: Any,
                     **options: Any) -> Timer:
        if not (self._begun and self._has_doors):
            return super().create_timer(timer_period_sec, callback, *arguments, **options)
        door = RestingTimer(self, callback)
        timer = door.timer = super().create_timer(timer_period_sec, door, *arguments, **options)
        self._doors[timer] = door
        return timer

    def create_service(self, srv_type: type, srv_name: str, callback: Callback,
                       **options: Any) -> Service:
        if self._begun and self._has_doors:
            callback = guarded(self, callback)
        return super().create_service(srv_type, srv_name, callback, **options)

    def destroy_publisher(self, publisher: Publisher) -> bool:
        self._doors.pop(publisher, None)
        return super().destroy_publisher(publisher)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        self._doors.pop(subscription, None)
        return super().destroy_subscription(subscription)

    def destroy_timer(self, timer: Timer) -> bool:
        self._doors.pop(timer, None)
        return super().destroy_timer(timer)

    def _is_of_ros(self, topic: str) -> bool:
        return not self._begun or topic in OF_ROS

    def _own(self, profile: QoSProfile | int) -> QoSProfile:
        """A copy: rclpy writes what is overridden into the profile that it is given, which others
        use as well.
        """
        return QoSProfile(depth=profile) if isinstance(profile, int) else copy.copy(profile)

    @contextmanager
    def _tunable(self, topic: str, options: dict[str, Any]) -> Iterator[None]:
        options.setdefault('qos_overriding_options', QoSOverridingOptions.with_default_policies())
        try:
            yield
        except (ParameterException, InvalidQosOverridesError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f'qos_overrides of {self.resolve_topic_name(topic)}: {error}. history takes '
                'keep_last or '
                'keep_all, depth a whole number, reliability reliable or best_effort') from error


def _is_latched(profile: QoSProfile) -> bool:
    return profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


_made: dict[str, AgentNode] = {}      # by the shell, before its box


def offer(name: str, node: AgentNode) -> None:
    """To the box of that name: from now on ``join`` gives it this node."""
    _made[name] = node


def join(name: str) -> AgentNode:
    """The node that a box of that name is to live on."""
    return _made[name] if name in _made else AgentNode(name)
