"""Things in the picture: NanoDet-g at 416 x 416, the 80 classes of COCO, 30 ms on one core.

The decoding follows the NanoDet paper's head: each point of three grids votes for 80 classes and
gives, for each side of its box, a distribution over 11 distances whose mean is the distance in
strides.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Sequence

import numpy as np

from omni_agent.backends import Detection, encoders
from omni_agent.backends.engines import ORDER, Attempt, Network, Watch, open_engine
from omni_agent.core.errors import BackendError, WireError

SIDE = 416                                        # [px] of the network's square
MEAN = np.array([103.53, 116.28, 123.675], np.float32)      # BGR, of ImageNet
SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
STRIDES = (8, 16, 32)                             # [px] between the points of each grid
BINS = 11                                         # distances 0..10 strides
SCORE = 0.4                                       # below, one in three boxes is imagined
# overlap above which the weaker box of a class is a duplicate
SAME = 0.5
MOST = 50                                         # boxes given back

LABELS = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat',
    'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog',
    'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
    'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange',
    'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant',
    'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone',
    'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book', 'clock', 'vase', 'scissors',
    'teddy bear', 'hair drier', 'toothbrush')


class NanoDet:
    """uint8 BGR image of shape (h, w, 3) -> detections, best first, boxes in pixels of that image.

    Raises WireError for a picture of another kind, BackendError if the network or OpenCV is
    missing. ``attempts`` says which engines were tried and which runs.
    """

    def __init__(self, threads: int = 1, score: float = SCORE, path: Path | str | None = None,
                 engines: Sequence[str] = ORDER, strict: bool = False,
                 watch: Watch = lambda what, share: None) -> None:
        self._resize = need_opencv().resize
        self._score = score
        network = (encoders.network('nanodet') if path is None
                   else Network('nanodet', Path(path)))      # weights of one's own
        opened = open_engine(network, engines, strict=strict, threads=threads, watch=watch)
        self._engine = opened.engine
        self.attempts: tuple[Attempt, ...] = opened.attempts
        self._input = opened.engine.inputs[0].name

    def __call__(self, image: np.ndarray) -> list[Detection]:
        need_picture(image)
        pixels, scale, corner = self._fitted(image)
        outputs = self._engine.infer({self._input: pixels})
        scores, boxes = self._decode({out.shape[1:]: out[0] for out in outputs.values()})
        limit = np.tile([image.shape[1], image.shape[0]], 2)
        boxes = (boxes - np.tile(corner, 2)) / scale
        return select(scores, np.clip(boxes, 0, limit), self._score)

    def _fitted(self, image: np.ndarray) -> tuple[np.ndarray, float, tuple[int, int]]:
        """(1, 3, SIDE, SIDE), and the scale and the corner (x, y) of the picture in it.

        The picture keeps its proportions, as those that the network learnt from did. Six people
        who were filmed from behind in 16:9 score 0.80 so, and 0.23 squeezed into the square.
        """
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        pixels = np.zeros((1, 3, SIDE, SIDE), np.float32)        # the border: MEAN
        inside = (self._resize(image, size).astype(np.float32) - MEAN) / SPREAD
        pixels[0, :, top:top + size[1], left:left + size[0]] = inside.transpose(2, 0, 1)
        return pixels, scale, (left, top)

    def close(self) -> None:
        self._engine.close()

    def _decode(self, outputs: dict[tuple[int, ...], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Outputs by shape -> scores (points, classes) and boxes (points, 4) in pixels of the
        square.
        """
        scores, boxes = [], []
        for stride in STRIDES:
            across = SIDE // stride
            points = across * across
            scores.append(outputs[points, len(LABELS)])
            reach = distances(outputs[points, 4 * BINS]) * stride
            y, x = (np.mgrid[:across, :across].reshape(2, -1) + 0.5) * stride
            centre = np.stack([x, y, x, y], axis=1)
            boxes.append(centre + reach * np.array([-1, -1, 1, 1]))
        return np.concatenate(scores), np.concatenate(boxes)


def need_opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            'OpenCV is not installed: run "pip install opencv-python-headless"') from error
    return cv2


def need_picture(image: np.ndarray) -> None:
    """Raises WireError for anything but a picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise WireError(
            f'a picture is uint8 BGR of shape (height, width, 3), '
            f'not {image.dtype} {image.shape}')


def distances(logits: np.ndarray) -> np.ndarray:
    """(points, 4 * BINS) -> (points, 4): the mean of each side's distribution."""
    logits = logits.reshape(-1, 4, BINS)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return weights @ np.arange(BINS) / weights.sum(axis=2)


def select(scores: np.ndarray, boxes: np.ndarray, least: float) -> list[Detection]:
    """Points at or above ``least``, without the weaker duplicates of each class, best first."""
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    found: list[Detection] = []
    kept: list[int] = []
    for point in np.argsort(-best):
        if best[point] < least or len(found) == MOST:
            break
        rivals = [other for other in kept if classes[other] == classes[point]]
        if rivals and overlaps(boxes[point], boxes[rivals]).max() > SAME:
            continue
        kept.append(point)
        box = tuple(float(edge) for edge in boxes[point])
        found.append(Detection(LABELS[classes[point]], float(best[point]), box))
    return found


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with many."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = np.prod(np.maximum(sides, 0), axis=1)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return both / np.maximum(np.prod(box[2:] - box[:2]) + area - both, 1e-9)
