"""The detector on a real video and on pictures that are none."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends.vision import BINS, NanoDet, distances, overlaps, select
from omni_agent.core.errors import WireError
from omni_agent.core.scene import novelty, overlap, summary

cv2 = pytest.importorskip('cv2')


@pytest.fixture(scope='module')
def detector() -> NanoDet:
    return NanoDet(path=need_model('nanodet', 'nanodet_m_416_fp16.onnx'))


def frames(name: str, every: int, count: int) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(need_model('demo_video', name)))
    found = []
    while len(found) < every * count:
        good, image = video.read()
        if not good:
            break
        found.append(image)
    return found[::every]


def test_a_person_in_a_video_is_seen_in_every_picture_and_always_at_the_same_place(
        detector: NanoDet) -> None:
    seen = [detector(image) for image in frames('carphone_pristine.mp4', 12, 8)]
    assert len(seen) == 8
    people = [[d for d in detections if d.label == 'person'] for detections in seen]
    for before, after in zip(people, people[1:]):
        assert novelty(before[:1], after[:1]) == 0.0
    assert sum(summary(found) == 'one person' for found in people) >= 6


def test_boxes_are_in_pixels_of_the_picture_that_was_given(detector: NanoDet) -> None:
    image = frames('carphone_pristine.mp4', 1, 1)[0]
    small = detector(image)[0]
    large = detector(cv2.resize(image, None, fx=3, fy=3))[0]
    assert overlap(tuple(np.array(small.box) * 3), large.box) > 0.9
    height, width = image.shape[:2]
    x0, y0, x1, y1 = small.box
    assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    assert (x1 - x0) * (y1 - y0) > 0.2 * width * height       # he fills the picture


@pytest.mark.parametrize('border', [(0, 0, 60, 60), (40, 40, 0, 0)])
def test_a_picture_keeps_its_proportions_however_wide_or_high_it_is(
        detector: NanoDet, border: tuple[int, int, int, int]) -> None:
    image = frames('carphone_pristine.mp4', 1, 1)[0]
    framed = detector(cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT,
                                         value=(103, 116, 124)))[0]
    plain = detector(image)[0]
    moved = np.array(plain.box) + [border[2], border[0], border[2], border[0]]
    assert framed.label == plain.label == 'person' and overlap(tuple(moved), framed.box) > 0.8


def test_channels_are_blue_green_red(detector: NanoDet) -> None:
    """Not a matter of taste: with red and blue exchanged the network is less sure of a street."""
    images = frames('bikes.mp4', 20, 12)
    right, wrong = (np.mean(
        [max([found.score for found in detector(image)], default=0.0) for image in several])
                    for several in (images, [image[..., ::-1].copy() for image in images]))
    assert right > wrong + 0.02


def test_best_come_first_and_nothing_is_seen_in_the_dark(detector: NanoDet) -> None:
    scores = [d.score for d in detector(frames('bikes.mp4', 1, 1)[0])]
    assert scores == sorted(scores, reverse=True)
    assert detector(np.zeros((240, 320, 3), np.uint8)) == []


@pytest.mark.parametrize('image', [
    np.zeros((0, 10, 3), np.uint8), np.zeros((10, 0, 3), np.uint8), np.zeros((10, 10), np.uint8),
    np.zeros((10, 10, 4), np.uint8), np.zeros((10, 10, 3), np.float32), np.zeros(0, np.uint8)],
    ids=['no rows', 'no columns', 'grey', 'four channels', 'float', 'empty'])
def test_a_picture_of_another_kind_is_refused(detector: NanoDet, image: np.ndarray) -> None:
    with pytest.raises(WireError, match='uint8 BGR'):
        detector(image)


@pytest.mark.parametrize('shape', [(1, 1), (1, 3000), (2000, 2)])
def test_any_shape_of_picture_is_looked_at(detector: NanoDet, shape: tuple[int, int]) -> None:
    detector(np.full((*shape, 3), 200, np.uint8))


def test_a_side_lies_at_the_mean_of_its_distribution() -> None:
    logits = np.full((1, 4, BINS), -50.0, np.float32)
    logits[0, 0, 3] = logits[0, 1, 10] = 0.0
    logits[0, 2, 4] = logits[0, 2, 5] = 0.0
    logits[0, 3] = 0.0
    assert np.allclose(distances(logits.reshape(1, -1)), [[3.0, 10.0, 4.5, 5.0]], atol=1e-4)


def test_duplicates_of_a_class_go_and_neighbours_of_another_class_stay() -> None:
    boxes = np.array(
        [[0, 0, 100, 100],
         [5, 5, 105, 105],
         [5, 5, 105, 105],
         [200, 0, 300, 100]],
        float)
    scores = np.zeros((4, 80))
    scores[0, 0], scores[1, 0], scores[2, 41], scores[3, 0] = 0.7, 0.9, 0.8, 0.5
    found = select(scores, boxes, 0.4)
    assert [(d.label, d.score) for d in found] == [('person', 0.9), ('cup', 0.8), ('person', 0.5)]
    assert select(scores, boxes, 0.95) == []
    assert np.allclose(overlaps(boxes[0], boxes), [1.0, 0.8223, 0.8223, 0.0], atol=1e-3)
