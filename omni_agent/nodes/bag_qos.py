"""Quality of service between rclpy and bags: what is written down of publishers, and how they are
listened to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

if TYPE_CHECKING:
    from rosbags.interfaces import Qos, QosTime

DEPTH, PICTURES = 100, 4         # a burst while the executor is busy; pictures are large


def to_bag(profile: QoSProfile) -> Qos:
    """The numbers of the policies are those of rmw, in both."""
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability

    return Qos(QosHistory(profile.history.value), profile.depth,
               QosReliability(profile.reliability.value), QosDurability(profile.durability.value),
               _time(profile.deadline), _time(profile.lifespan),
               QosLiveliness(profile.liveliness.value), _time(profile.liveliness_lease_duration),
               profile.avoid_ros_namespace_conventions)


def _time(duration: Duration) -> QosTime:
    from rosbags.interfaces import QosTime

    return QosTime(*divmod(duration.nanoseconds, 1_000_000_000))


def to_subscribe(offers: Sequence[QoSProfile], is_picture: bool) -> QoSProfile:
    """What every publisher that is there can give, and no less: a latched message is wanted,
    too.
    """
    reliable = all(offer.reliability is ReliabilityPolicy.RELIABLE for offer in offers)
    latched = all(offer.durability is DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
    return QoSProfile(
        depth=PICTURES if is_picture else DEPTH, history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
