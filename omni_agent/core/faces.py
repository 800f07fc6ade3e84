"""What the points of a face mean: which way head and eyes look, whether at the camera, how far the
mouth is open, and whose face it is. Pure geometry; the points come from ``backends/faces.py``.

Angles are those to the line from the face to the camera, so a face that looks into the camera has
none wherever it is in the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Iterable, Protocol, Sequence

import numpy as np

Box = tuple[float, float, float, float]

# Outer corner, inner corner, and whether it is the mirror image of a right eye: right eye first
# (left in the picture)
EYES = ((33, 133, False), (263, 362, True))
# middle of the upper lip and of the lower one, right and left corner, all inside
MOUTH = (13, 14, 78, 308)
# Points that hardly move with the face: right and left one, then x (of the left one), y (down) and
# z (away from the camera) in shares of the face's spread. The mean of 24 faces, 12 and their
# mirror images, in photographs; level is where the median of those is who look into the camera.
FACE = np.array([(33, 263, 0.711, -0.117, -0.096), (133, 362, 0.272, -0.085, -0.196),
                 (234, 454, 1.051, 0.154, 0.756), (127, 356, 1.072, -0.054, 0.669),
                 (98, 327, 0.265, 0.537, -0.365), (54, 284, 0.937, -0.633, 0.093),
                 (103, 332, 0.786, -0.770, -0.108), (10, 10, 0.0, -0.912, -0.423),
                 (151, 151, 0.0, -0.671, -0.465), (9, 9, 0.0, -0.434, -0.483),
                 (168, 168, 0.0, -0.180, -0.449), (6, 6, 0.0, -0.048, -0.513),
                 (197, 197, 0.0, 0.062, -0.588), (4, 4, 0.0, 0.389, -0.778),
                 (2, 2, 0.0, 0.580, -0.489)])
PAIRED = FACE[:, 0] != FACE[:, 1]
INDEX = np.concatenate([FACE[:, 0], FACE[PAIRED, 1]]).astype(int)
FRONTAL = np.concatenate([FACE[:, 2:] * (-1, 1, 1), FACE[PAIRED, 2:]])

# The eye as a ball, in widths of the eye between its corners (30 mm): its radius to the iris (11
# mm), and how far its centre lies behind the line of the corners (5 mm, by people who look into
# the camera with turned heads)
BALL, BEHIND = 0.37, 0.16
# [widths of the eye] where the iris lies between the corners of an eye that looks level: above
LIDS = -0.06
# irises against head: measured to a pixel, and that is 5 degrees of an eye 30 px wide
EYES_COUNT = 0.65
FRONT = math.radians(45)         # a head turned farther shows one eye only
# half of all who look here are within; and how sharply
WITH_EYES = (math.radians(16), math.radians(3.5))
HEAD_ONLY = (math.radians(20), math.radians(6))
HEAD_HIGH = 0.35     # [heights of a person's box] enough for the head of somebody who stands
ABOVE = 0.1          # [sides of the square] a box may begin below the hair


@dataclass(frozen=True)
class Landmarks:
    """468 points (n, 3) in pixels of the picture, z away from the camera; ``irises`` (2, 3, 2):
    for the right and the left eye its outer corner, its inner one and the centre of the iris, None
    where eyes are too small to tell.
    """

    mesh: np.ndarray
    score: float
    irises: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Pose:
    """Of a head [rad]: turned to its left, up, and to its left shoulder."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Face:
    """``track``: the person it belongs to, 0 for none. ``gaze``: where the eyes look, to their
    left and up [rad], None where the irises were not measured. ``looks_here``: that the person
    looks at the camera [0..1]. ``mouth_open``: height of the mouth over its width.
    """

    box: Box
    score: float
    pose: Pose
    gaze: tuple[float, float] | None
    looks_here: float
    mouth_open: float
    track: int = 0

    @property
    def direction(self) -> tuple[float, float]:
        return direction(self.pose, self.gaze)


class Person(Protocol):
    """A track."""

    @property
    def id(self) -> int: ...

    @property
    def box(self) -> Box: ...


def measured(points: Landmarks) -> Face:
    pose = head_pose(points.mesh)
    gaze = (eyes_gaze(points.irises, pose)
            if points.irises is not None and abs(pose.yaw) < FRONT else None)
    low, high = points.mesh[:, :2].min(axis=0), points.mesh[:, :2].max(axis=0)
    return Face((float(low[0]), float(low[1]), float(high[0]), float(high[1])), points.score, pose,
                gaze, looks_here(pose, gaze), mouth_open(points.mesh))


def head_pose(mesh: np.ndarray) -> Pose:
    """The rotation that fits the frontal face best to the points (Kabsch 1976)."""
    points = mesh[INDEX] - mesh[INDEX].mean(axis=0)
    left, _, right = np.linalg.svd(points.T @ (FRONTAL - FRONTAL.mean(axis=0)))
    turn = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    # the way the nose points; y down, z away from the camera
    x, y, z = turn @ (0.0, 0.0, -1.0)
    across = turn @ (1.0, 0.0, 0.0)              # from its right to its left
    return Pose(math.atan2(x, -z), math.atan2(-y, math.hypot(x, z)),
                math.atan2(across[1], across[0]))


def eyes_gaze(irises: np.ndarray, pose: Pose) -> tuple[float, float]:
    """(to its left, up) [rad] from where the irises lie between the corners; the larger eye counts
    more.
    """
    across, down, weights = [], [], []
    for right_eye, (outer, inner, iris) in zip((True, False), irises):
        first, last = (outer, inner) if right_eye else (inner, outer)
        width = max(1e-6, math.dist(first, last))
        along = (last - first) / width
        offset = (iris - (first + last) / 2) / width
        across.append(float(offset @ along))
        down.append(float(offset @ (-along[1], along[0])))
        weights.append(width)
    squeeze = math.cos(pose.yaw)                 # a turned eye is narrower in the picture
    left = (np.average(across, weights=weights) * squeeze + BEHIND * math.sin(pose.yaw)) / BALL
    up = (((LIDS - np.average(down, weights=weights)) * squeeze + BEHIND * math.sin(pose.pitch)) /
          BALL)
    return math.asin(_within(left)), math.asin(_within(up))


def direction(pose: Pose, gaze: tuple[float, float] | None) -> tuple[float, float]:
    """Where a person looks, to its left and up [rad]: head and eyes each count."""
    if gaze is None:
        return pose.yaw, pose.pitch
    return ((1 - EYES_COUNT) * pose.yaw + EYES_COUNT * gaze[0],
            (1 - EYES_COUNT) * pose.pitch + EYES_COUNT * gaze[1])


def looks_here(pose: Pose, gaze: tuple[float, float] | None) -> float:
    """Geometry: the angle between where head and eyes point and the camera, with a soft limit."""
    return _soft(math.hypot(*direction(pose, gaze)), *(HEAD_ONLY if gaze is None else WITH_EYES))


def mouth_open(mesh: np.ndarray) -> float:
    upper, lower, right, left = mesh[list(MOUTH)]
    return math.dist(upper, lower) / max(1e-6, math.dist(right, left))


def head_places(box: Box) -> tuple[Box, ...]:
    """Squares around the upper end of a person's box, where the head is of whoever stands, sits or
    is close.
    """
    x0, y0, x1, y1 = box
    side = max(x1 - x0, HEAD_HIGH * (y1 - y0))
    top = y0 - ABOVE * side
    return ((((x0 + x1) - side) / 2, top, ((x0 + x1) + side) / 2, top + side),)


def with_tracks(faces: Iterable[Face], persons: Sequence[Person]) -> tuple[Face, ...]:
    """Each face with the person in whose head's place it lies most nearly; nobody has two."""
    free = list(persons)
    found = []
    for face in sorted(faces, key=lambda one: -one.score):
        owner = min((one for one in free if _inside(_centre(face.box), one.box)), default=None,
                    key=lambda one: math.dist(_centre(face.box), _top(one.box)))
        if owner is not None:
            free.remove(owner)
        found.append(replace(face, track=owner.id if owner is not None else 0))
    return tuple(found)


def _inside(point: tuple[float, float], box: Box) -> bool:
    (place,) = head_places(box)
    return place[0] <= point[0] <= place[2] and place[1] <= point[1] <= box[3]


def _centre(box: Box) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _top(box: Box) -> tuple[float, float]:
    return ((box[0] + box[2]) / 2, box[1])


def _within(sine: float) -> float:
    return max(-1.0, min(1.0, float(sine)))


def _soft(angle: float, limit: float, width: float) -> float:
    return 1.0 / (1.0 + math.exp(min(60.0, (angle - limit) / width)))
