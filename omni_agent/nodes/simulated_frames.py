"""Where the simulated robot is, as every tool with tf2 asks for it: ``tf`` and ``tf_static``.

The names are relative, as those of nav2 are: of two robots in two namespaces each has a tree of
its own. Without a namespace they are the /tf and /tf_static that everybody listens to.
"""

from __future__ import annotations

import math

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node

from omni_agent.core.diff_drive import Pose

from . import qos
from .interfaces import interface
from .stamps import stamp

MAP, ODOM, BASE = 'map', 'odom', 'base_link'
CAMERA_M = (0.1, 0.0, 1.0)           # of the camera on its base: forward, left, up
# x right, y down, z forward, seen from x forward, y left, z up
OPTICAL = (-0.5, 0.5, -0.5, 0.5)
STRAIGHT = (0.0, 0.0, 0.0, 1.0)


class Frames:
    """Raises TargetError where tf2_msgs is not installed."""

    def __init__(self, node: Node, camera: str, t: float) -> None:
        """``camera``: frame of the pictures, which then looks ahead from the base; '' for none."""
        self._kind = interface('tf2_msgs/msg/TFMessage')
        self._moving = node.create_publisher(self._kind, 'tf', qos.TRANSFORM)
        self._fixed = node.create_publisher(self._kind, 'tf_static', qos.STATE)
        # its odometry never drifts
        fixed = [_transform(t, MAP, ODOM, (0.0, 0.0, 0.0), STRAIGHT)]
        if camera:
            fixed.append(_transform(t, BASE, camera, CAMERA_M, OPTICAL))
        self._fixed.publish(self._kind(transforms=fixed))

    def publish(self, pose: Pose, t: float) -> None:
        turned = (0.0, 0.0, math.sin(pose.yaw / 2), math.cos(pose.yaw / 2))
        self._moving.publish(
            self._kind(transforms=[_transform(t, ODOM, BASE, (pose.x, pose.y, 0.0), turned)]))


def _transform(t: float, parent: str, child: str, at_m: tuple[float, float, float],
               turned: tuple[float, float, float, float]) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.stamp, message.header.frame_id = stamp(t), parent
    place, rotation = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = at_m
    rotation.x, rotation.y, rotation.z, rotation.w = turned
    return message
