"""Faces in a picture: where they are, their 468 points and the irises. MediaPipe's three networks,
6 ms a face.

A short-range detector looks at the upper end of each person's box, where a head may be; a mesh is
laid over what it finds. What these points mean is ``core/faces.py``'s business. Sizes, anchors and
cuts are those that the networks were trained with (Bazarevsky et al. 2019, Kartynnik et al. 2019,
Ablavatski et al. 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from omni_agent.backends import encoders
from omni_agent.backends.engines import ORDER, Attempt, Engine, Opened, open_engine
from omni_agent.backends.vision import need_opencv, need_picture, overlaps
from omni_agent.core.faces import EYES, FRONT, Box, Landmarks, head_places, head_pose

DETECTOR_SIDE, MESH_SIDE, IRIS_SIDE = 128, 192, 64        # [px] of the networks' squares
ANCHORS = ((16, 2), (8, 6))      # (cells across, anchors a cell)
KEYPOINTS = 6                    # right eye, left eye, nose, mouth, right ear, left ear
SCORE = 0.5                      # of the detector; the mesh network judges again
SAME = 0.3                       # overlap above which two boxes are of one face
# side of the cut over that of the face, over the width of the eye
MESH_MARGIN, IRIS_MARGIN = 1.5, 2.3
SMALLEST = 20.0                  # [px] narrower faces have no measurable points
IRIS_FROM = 5.0                  # [px] narrower eyes have no measurable iris
MOST = 6                         # faces measured in one picture


@dataclass(frozen=True)
class FaceBox:
    """Found by the detector, in pixels; ``eyes`` are the centres of the right and the left one."""

    box: Box
    score: float
    eyes: np.ndarray


class FaceMesh:
    """uint8 BGR image and the boxes of persons in it -> landmarks of their faces, the surest
    first.

    Raises WireError for a picture of another kind, BackendError if a network or OpenCV is missing.
    ``attempts`` says which engines were tried and which run.
    """

    def __init__(self, threads: int = 1, engines: Sequence[str] = ORDER,
                 strict: bool = False) -> None:
        self._cv2 = need_opencv()
        opened = [
            _open(name, engines, strict, threads)
            for name in ('face_short_range', 'face_mesh', 'face_iris')
        ]
        self._detector, self._mesh, self._iris = (one.engine for one in opened)
        self.attempts: tuple[Attempt,
                             ...] = tuple(attempt for one in opened for attempt in one.attempts)
        self._anchors = anchors()

    def __call__(self, image: np.ndarray, persons: Sequence[Box] = ()) -> list[Landmarks]:
        """Without ``persons`` the picture as a whole is looked at, which finds faces that are
        large in it.
        """
        need_picture(image)
        places = [place for box in persons for place in head_places(box)] or [_whole(image)]
        found = self._strongest([face for place in places for face in self.find(image, place)])
        measured = (self._measure(image, face) for face in found[:MOST])
        return [one for one in measured if one is not None]

    def close(self) -> None:
        for engine in (self._detector, self._mesh, self._iris):
            engine.close()

    # -- where they are ---------------------------------------------------------------------------

    def find(self, image: np.ndarray, place: Box) -> list[FaceBox]:
        """Faces in a square of the picture."""
        x0, y0, x1, _ = place
        scale = (x1 - x0) / DETECTOR_SIDE
        cut = self._cut(image, np.array([[scale, 0.0, x0], [0.0, scale, y0]]), DETECTOR_SIDE)
        boxes, logits = _by_width(_run(self._detector, cut * 2.0 - 1.0), 4 + 2 * KEYPOINTS, 1)
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
        found = []
        for at in np.flatnonzero(scores >= SCORE):
            centre, size, points = self._decoded(boxes[0, at], at)
            corners = (np.concatenate([centre - size / 2, centre + size / 2]) * scale +
                       (x0, y0, x0, y0))
            found.append(
                FaceBox(tuple(map(float, corners)), float(scores[at]),
                        points[:2] * scale + (x0, y0)))
        return self._strongest(found)

    def _decoded(self, numbers: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centre, size and points in pixels of the detector's square."""
        places = numbers.reshape(-1, 2)
        anchor = self._anchors[at] * DETECTOR_SIDE
        return places[0] + anchor, places[1], places[2:] + anchor

    def _strongest(self, faces: list[FaceBox]) -> list[FaceBox]:
        kept: list[FaceBox] = []
        for face in sorted(faces, key=lambda one: -one.score):
            rivals = np.array([other.box for other in kept]).reshape(-1, 4)
            if (face.box[2] - face.box[0] >= SMALLEST
                    and not (overlaps(np.array(face.box), rivals) > SAME).any()):
                kept.append(face)
        return kept

    # -- what they look like ----------------------------------------------------------------------

    def _measure(self, image: np.ndarray, face: FaceBox) -> Landmarks | None:
        box = np.array(face.box)
        side = MESH_MARGIN * max(box[2:] - box[:2])
        turn = _turned(face.eyes[0], face.eyes[1], (box[:2] + box[2:]) / 2, side, MESH_SIDE)
        points, flag = _by_width(_run(self._mesh, self._cut(image, turn, MESH_SIDE)), 468 * 3, 1)
        if flag[0, 0] < 0.0:                      # a logit: less likely a face than not
            return None
        mesh = points[0].reshape(-1, 3)
        scale = side / MESH_SIDE
        placed = np.column_stack([_placed(turn, mesh[:, :2]),
                                  mesh[:, 2] * scale]).astype(np.float64)
        shown = abs(head_pose(placed).yaw) < FRONT      # both eyes
        return Landmarks(placed, face.score, self._irises(image, placed) if shown else None)

    def _irises(self, image: np.ndarray, mesh: np.ndarray) -> np.ndarray | None:
        """(2, 3, 2): for the right and the left eye its outer corner, its inner one and the centre
        of the iris.
        """
        cuts, turns = [], []
        for outer, inner, mirrored in EYES:
            a, b = mesh[outer, :2], mesh[inner, :2]
            if math.dist(a, b) < IRIS_FROM:
                return None
            first, last = (b, a) if mirrored else (a, b)      # from left to right in the picture
            turn = _turned(first, last, (a + b) / 2, IRIS_MARGIN * math.dist(a, b), IRIS_SIDE)
            if mirrored:                          # the network knows right eyes
                turn = turn @ np.array([[-1.0, 0.0, IRIS_SIDE], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
            cuts.append(self._cut(image, turn, IRIS_SIDE)[0])
            turns.append(turn)
        contours, irises = _by_width(_run(self._iris, np.stack(cuts)), 71 * 3, 5 * 3)
        found = [np.stack([contour[0, :2], contour[8, :2], iris[0, :2]]) for contour, iris in
                 zip(contours.reshape(2, -1, 3), irises.reshape(2, -1, 3))]
        return np.stack([_placed(turn, points) for turn, points in zip(turns, found)]).astype(
            np.float64)

    def _cut(self, image: np.ndarray, turn: np.ndarray, side: int) -> np.ndarray:
        """(1, 3, side, side) RGB in [0, 1] of what ``turn`` maps a square of ``side`` to; black
        beyond the border.
        """
        square = self._cv2.warpAffine(image, turn, (side, side),
                                      flags=self._cv2.INTER_LINEAR | self._cv2.WARP_INVERSE_MAP)
        return np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255.0


def anchors() -> np.ndarray:
    """(896, 2): where the detector's boxes are counted from, as shares of its square."""
    rows = []
    for across, each in ANCHORS:
        y, x = (np.mgrid[:across, :across].reshape(2, -1) + 0.5) / across
        rows.append(np.repeat(np.stack([x, y], axis=1), each, axis=0))
    return np.concatenate(rows)


def _open(name: str, engines: Sequence[str], strict: bool, threads: int) -> Opened:
    return open_engine(encoders.network(name), engines, strict=strict, threads=threads)


def _run(engine: Engine, pixels: np.ndarray) -> list[np.ndarray]:
    return list(
        engine.infer({
            engine.inputs[0].name: np.ascontiguousarray(pixels, np.float32)
        }).values())


def _by_width(outputs: list[np.ndarray], *widths: int) -> list[np.ndarray]:
    """Outputs by their last side: their names are the converter's."""
    by_width = {output.shape[-1]: output for output in outputs}
    return [by_width[width] for width in widths]


def _whole(image: np.ndarray) -> Box:
    """The smallest square around the picture."""
    height, width = image.shape[:2]
    side = max(height, width)
    return ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)


def _turned(left: np.ndarray, right: np.ndarray, centre: np.ndarray, side: float,
            pixels: int) -> np.ndarray:
    """(2, 3): from a square of ``pixels`` to one of ``side`` in the picture, level with the line
    of two points.
    """
    dx, dy = (right - left) / max(1e-6, math.dist(left, right)) * side / pixels
    turn = np.array([[dx, -dy], [dy, dx]])
    return np.column_stack([turn, centre - turn @ np.full(2, pixels / 2)])


def _placed(turn: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ turn[:, :2].T + turn[:, 2]
