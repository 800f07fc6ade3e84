"""What a look shows to other people's tools: boxes in the picture, vision_msgs and markers for
rviz.

Each is made only while somebody subscribes; what is not installed is said once and left out.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from omni_agent.backends.vision import need_opencv
from omni_agent.core.faces import Face
from omni_agent.core.track import Track

from . import qos
from .health import Health
from .images import from_bgr

# BGR
COLOURS = ((60, 180, 75), (200, 130, 0), (48, 48, 230), (180, 30, 145), (0, 225, 255), (240, 240,
                                                                                        70))
# BGR, of faces that look into the camera, and of others
HERE, AWAY = (90, 230, 90), (150, 150, 150)
ARROW_M = 0.2            # of where a face looks, among the markers
DEPTH_M = 1.0            # in front of the camera: a picture alone does not tell how far a thing is
MARKER_S = 1.0           # [s] a marker that is not renewed vanishes

Made = list[tuple[Publisher, object]]


@dataclass(frozen=True)
class Wanted:
    """What somebody subscribes to."""

    image: bool
    detections: bool
    markers: bool


class Overlay:
    """``wanted`` and publishing belong to the executor thread, ``make`` to a worker."""

    def __init__(self, node: Node, health: Health, field_of_view_deg: float) -> None:
        self._health = health
        self._reach = math.tan(math.radians(field_of_view_deg) / 2)
        self.image = node.create_publisher(Image, 'image_overlay', qos.IMAGE_OUT)
        self.detections = self._optional(node, 'detections', 'vision_msgs', 'Detection2DArray')
        self.markers = self._optional(node, 'track_markers', 'visualization_msgs', 'MarkerArray')

    def _optional(self, node: Node, topic: str, package: str, kind: str) -> Publisher | None:
        try:
            messages = importlib.import_module(f'{package}.msg')
        except ImportError:
            missing = f'not published: install ros-$ROS_DISTRO-{package.replace("_", "-")}'
            self._health.values[topic] = missing
            node.get_logger().info(f'{topic}: {missing}')
            return None
        return node.create_publisher(getattr(messages, kind), topic, qos.LOOK)

    def wanted(self) -> Wanted:
        return Wanted(*(publisher is not None and publisher.get_subscription_count() > 0
                        for publisher in (self.image, self.detections, self.markers)))

    def make(self, wanted: Wanted, header: Header, image: np.ndarray, tracks: Sequence[Track],
             faces: Sequence[Face] = ()) -> Made:
        """Messages with their publishers. Raises BackendError when there is nothing to draw
        with.
        """
        made: Made = []
        if wanted.detections:
            made.append((self.detections, detections(header, tracks)))
        if wanted.markers:
            made.append((self.markers,
                         markers(header, tracks, image.shape[1], image.shape[0], self._reach,
                                 faces)))
        if wanted.image:
            message = from_bgr(drawn(image, tracks, faces))
            message.header = header
            made.append((self.image, message))
        return made


def drawn(image: np.ndarray, tracks: Sequence[Track], faces: Sequence[Face] = ()) -> np.ndarray:
    """A copy of the picture with a box, a name and a number for each track; dim what is not seen
    just now. A face is an arrow to where it looks: a dot when that is here.
    """
    cv2 = need_opencv()
    picture = np.ascontiguousarray(image).copy()
    line = max(1, round(min(image.shape[:2]) / 240))
    for track in tracks:
        colour = COLOURS[track.id % len(COLOURS)]
        if not track.seen:
            colour = tuple(part // 2 for part in colour)
        x0, y0, x1, y1 = (round(edge) for edge in track.box)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, line)
        cv2.putText(picture, caption(track), (x0 + line, max(12 * line, y0 - 3 * line)),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.4 * line, colour, line)
    for face in faces:
        x0, y0, x1, y1 = face.box
        start = (round((x0 + x1) / 2), round((y0 + y1) / 2))
        left, up, _ = _pointing(face)
        tip = (round(start[0] + (x1 - x0) * left), round(start[1] - (x1 - x0) * up))
        colour = HERE if face.looks_here > 0.5 else AWAY
        cv2.circle(picture, start, 2 * line, colour, -1)
        cv2.arrowedLine(picture, start, tip, colour, line, tipLength=0.3)
    return picture


def _pointing(face: Face) -> tuple[float, float, float]:
    """Of length 1: to its left, which is to the right in the picture, up, and to the camera."""
    left, up = face.direction
    return math.sin(left) * math.cos(up), math.sin(up), math.cos(left) * math.cos(up)


def caption(track: Track) -> str:
    return f'{track.label} {track.id}'


def detections(header: Header, tracks: Sequence[Track]) -> object:
    """vision_msgs/Detection2DArray (4.x); ``id`` is the track's."""
    vision = importlib.import_module('vision_msgs.msg')
    found = vision.Detection2DArray(header=header)
    for track in tracks:
        result = vision.ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = track.label, min(1.0, track.score)
        one = vision.Detection2D(header=header, id=str(track.id), results=[result])
        x0, y0, x1, y1 = track.box
        one.bbox.center.position.x, one.bbox.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
        one.bbox.size_x, one.bbox.size_y = x1 - x0, y1 - y0
        found.detections.append(one)
    return found


def markers(header: Header, tracks: Sequence[Track], width: int, height: int, reach: float,
            faces: Sequence[Face] = ()) -> object:
    """visualization_msgs/MarkerArray: each box on a plane in front of the camera, with its name
    above it, and an arrow to where each face looks.

    ``reach``: tangent of half the horizontal field of view; the camera's frame is an optical one
    (z forward, y down).
    """
    visual = importlib.import_module('visualization_msgs.msg')
    point = importlib.import_module('geometry_msgs.msg').Point
    scale = 2 * reach * DEPTH_M / width
    found = visual.MarkerArray()
    for track in tracks:
        x0, y0, x1, y1 = (scale * (edge - half)
                          for edge, half in zip(track.box, (width / 2, height / 2) * 2))
        box = _marker(visual, header, track, 'boxes', visual.Marker.LINE_STRIP)
        box.scale.x = 0.005
        box.points = [
            point(x=x, y=y, z=DEPTH_M)
            for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
        ]
        text = _marker(visual, header, track, 'names', visual.Marker.TEXT_VIEW_FACING)
        text.text, text.scale.z = caption(track), 0.05
        text.pose.position.x, text.pose.position.y, text.pose.position.z = (
            x0 + x1) / 2, y0 - 0.03, DEPTH_M
        found.markers += [box, text]
    for at, face in enumerate(faces):
        arrow = _coloured(visual.Marker(header=header, ns='gaze', id=at, type=visual.Marker.ARROW),
                          HERE if face.looks_here > 0.5 else AWAY)
        # shaft, head, length of the head [m]
        arrow.scale.x, arrow.scale.y, arrow.scale.z = 0.01, 0.02, 0.03
        x0, y0, x1, y1 = face.box
        eye = np.array(
            [scale * ((x0 + x1) - width) / 2, scale * ((y0 + y1) - height) / 2, DEPTH_M])
        ends = (eye, eye + ARROW_M * _aim(face, eye))
        arrow.points = [point(x=float(x), y=float(y), z=float(z)) for x, y, z in ends]
        found.markers.append(arrow)
    return found


def _aim(face: Face, eye: np.ndarray) -> np.ndarray:
    """Of length 1, in the camera's frame: the angles of a face are those to the line to the
    camera.
    """
    left, up, here = _pointing(face)
    away = eye / np.linalg.norm(eye)
    right = np.array([away[2], 0.0, -away[0]]) / math.hypot(away[0], away[2])
    return left * right - up * np.cross(away, right) - here * away


def _marker(visual: object, header: Header, track: Track, name: str, kind: int) -> object:
    marker = visual.Marker(header=header, ns=name, id=track.id, type=kind,
                           action=visual.Marker.ADD)
    return _coloured(marker, COLOURS[track.id % len(COLOURS)], 1.0 if track.seen else 0.4)


def _coloured(marker: object, colour: tuple[int, int, int], alpha: float = 1.0) -> object:
    marker.lifetime = Duration(sec=int(MARKER_S))
    marker.pose.orientation.w = 1.0
    blue, green, red = colour
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = red / 255, green / 255, blue / 255, alpha
    return marker
