"""Faces in real pictures: found where they are, measured the right way round, and only looked at
when it pays.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from human_recordings import need_model
from test_backends_vision import frames

from omni_agent.backends import Detection, encoders, load, model_cache, models
from omni_agent.backends.face_watch import HOLD_S, FaceWatch
from omni_agent.backends.faces import FaceMesh, anchors
from omni_agent.backends.proactive_set import Library
from omni_agent.backends.vision import NanoDet
from omni_agent.backends.watcher import Watcher
from omni_agent.core.errors import BackendError, ConfigError, OmniAgentError, WireError
from omni_agent.core.faces import Box, Face, Landmarks, measured
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.track import Track
from omni_agent.core.tracks import Tracks
from omni_agent.share import share_dir

cv2 = pytest.importorskip('cv2')

ASTRONAUT = (60.0, 0.0, 420.0, 512.0)        # the person in that picture, as a detector finds it
SIZE = 512


@pytest.fixture(scope='module')
def faces() -> FaceMesh:
    for file in ('face_short_range_fp16.onnx', 'face_mesh_fp16.onnx', 'face_iris_fp16.onnx'):
        need_model('faces', file)
    return FaceMesh()


def picture(name: str) -> np.ndarray:
    try:
        return cv2.imread(str(Library().find(name)))
    except OmniAgentError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def astronaut() -> np.ndarray:
    """She looks into the camera, with her head level."""
    return picture('skimage:astronaut.png')


def only(found: list[Landmarks]) -> Face:
    (one,) = found
    return measured(one)


def turned_head(image: np.ndarray, mesh: np.ndarray, yaw: float) -> np.ndarray:
    """The face cut out along its mesh, turned about the vertical in space and drawn again."""
    turn = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0],
                     [math.sin(yaw), 0, math.cos(yaw)]])
    there = (mesh - mesh.mean(axis=0)) @ turn.T + mesh.mean(axis=0)
    plane = cv2.Subdiv2D((0, 0, image.shape[1], image.shape[0]))
    index = {}
    for at, (x, y) in enumerate(np.round(mesh[:, :2], 1)):
        plane.insert((float(x), float(y)))
        index[float(np.float32(x)), float(np.float32(y))] = at
    corners = [[index.get((float(x), float(y))) for x, y in triangle] for triangle in
               plane.getTriangleList().reshape(-1, 3, 2)]
    drawn = np.full_like(image, image.mean(axis=(0, 1)).astype(np.uint8))
    whole = [three for three in corners if None not in three]
    # what is near covers the rest
    for triangle in sorted(whole, key=lambda three: -there[three, 2].mean()):
        target = there[triangle, :2].astype(np.float32)
        low, high = np.floor(
            target.min(axis=0)).astype(int), np.ceil(target.max(axis=0)).astype(int) + 1
        change = cv2.getAffineTransform(mesh[triangle, :2].astype(np.float32),
                                        target - low.astype(np.float32))
        patch = cv2.warpAffine(image, change, tuple(int(side) for side in high - low),
                               borderMode=cv2.BORDER_REFLECT)
        mask = np.zeros(patch.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.round(target - low).astype(np.int32), 1)
        drawn[low[1]:high[1], low[0]:high[0]][mask > 0] = patch[mask > 0]
    return drawn


# -- where, and which way -------------------------------------------------------------------------


def test_a_face_that_looks_into_the_camera_is_found_measured(faces: FaceMesh,
                                                             astronaut: np.ndarray) -> None:
    found = only(faces(astronaut, [ASTRONAUT]))
    x0, y0, x1, y1 = found.box
    assert 170 < x0 < 190 < 250 < x1 < 275 and 60 < y0 < 90 < 160 < y1 < 190       # by eye
    assert found.score > 0.9 and found.looks_here > 0.9
    assert (max(map(abs, (found.pose.yaw, found.pose.pitch, found.pose.roll, *found.gaze)))
            < math.radians(8))
    # she shows her teeth
    assert 0.1 < found.mouth_open < 0.4


def test_without_people_the_whole_picture_is_looked_at(faces: FaceMesh,
                                                       astronaut: np.ndarray) -> None:
    near = np.array(only(faces(astronaut, [ASTRONAUT])).box)
    assert np.array(only(faces(astronaut)).box) == pytest.approx(near, abs=8.0)


def test_the_points_do_not_depend_on_how_large_or_where_the_face_is(faces: FaceMesh,
                                                                    astronaut: np.ndarray) -> None:
    first = faces(astronaut, [ASTRONAUT])[0]
    for scale in (0.4, 0.7, 1.6):
        small = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        again = faces(small, [tuple(scale * edge for edge in ASTRONAUT)])[0]
        apart = np.linalg.norm(again.mesh[:, :2] / scale - first.mesh[:, :2], axis=1)
        assert np.median(apart) < 2.5, scale
        assert measured(again).looks_here > 0.8


def test_the_irises_lie_on_the_darkest_part_of_the_eyes(faces: FaceMesh,
                                                        astronaut: np.ndarray) -> None:
    grey = cv2.GaussianBlur(cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY), (0, 0), 1.5)
    for outer, inner, iris in faces(astronaut, [ASTRONAUT])[0].irises:
        x, y = np.round(iris).astype(int)
        along = [grey[y, round(float(x0))] for x0 in np.linspace(outer[0], inner[0], 9)[1:-1]]
        assert grey[y, x] <= sorted(along)[2]


def test_a_mirrored_picture_mirrors_angles_and_nothing_else(faces: FaceMesh) -> None:
    """A man in a car who leans over and looks about, in a video 176 pixels wide."""
    clip = frames('carphone_pristine.mp4', 10, 12)
    whole = (0.0, 0.0, float(clip[0].shape[1]), float(clip[0].shape[0]))
    pairs = [(faces(image, [whole]), faces(np.ascontiguousarray(image[:, ::-1]), [whole]))
             for image in clip]
    pairs = [(measured(a[0]), measured(b[0])) for a, b in pairs if a and b]
    assert len(pairs) >= 10
    angles = np.degrees([[(one.pose.yaw, one.pose.pitch, one.pose.roll) for one in pair]
                         for pair in pairs])
    mirrored = angles[:, 1] * (-1, 1, -1)
    assert np.abs(mirrored - angles[:, 0]).mean(axis=0) == pytest.approx([0, 0, 0], abs=5.0)
    # he leans to his right, so there is something to mirror
    assert angles[:, 0, 2].min() < -20
    assert ([a.box[0] + b.box[2] for a, b in pairs] == pytest.approx([whole[2]] * len(pairs),
                                                                     abs=8.0))


def test_a_head_that_is_turned_farther_is_measured_so_and_looks_here_less(
        faces: FaceMesh, astronaut: np.ndarray) -> None:
    mesh = faces(astronaut, [ASTRONAUT])[0].mesh
    angles = (-40, -20, 0, 20, 40)
    found = [
        only(faces(turned_head(astronaut, mesh, math.radians(yaw)), [ASTRONAUT])) for yaw in angles
    ]
    yaws = np.degrees([one.pose.yaw for one in found])
    assert (np.diff(yaws) > 5).all() and yaws[0] < -20 < 20 < yaws[-1] and abs(yaws[2]) < 6
    here = [one.looks_here for one in found]
    assert here[2] > 0.9 and max(here[0], here[4]) < min(here[1], here[3]) < here[2]


@pytest.mark.parametrize('name', [
    'skimage:coffee.png', 'skimage:motorcycle_left.png', 'opencv:data/orange.jpg',
    'opencv:html/cat_det.jpg', 'opencv:data/building.jpg', 'opencv:data/chicky_512.png'
])
def test_there_is_no_face_in_a_picture_without_one(faces: FaceMesh, name: str) -> None:
    image = picture(name)
    height, width = image.shape[:2]
    assert faces(image) == []
    assert (faces(image, [(0.0, 0.0, width, height),
                          (0.25 * width, 0.1 * height, 0.75 * width, height)]) == [])


def test_people_seen_from_behind_or_far_away_have_no_face(faces: FaceMesh) -> None:
    detect = NanoDet(path=need_model('nanodet', 'nanodet_m_416_fp16.onnx'))
    video = cv2.VideoCapture(str(_file('opencv:data/vtest.avi')))
    for _ in range(5):
        people = [one.box for one in detect(video.read()[1]) if one.label == 'person']
        assert len(people) >= 2 and faces(video.read()[1], people) == []


def _file(name: str) -> Path:
    try:
        return Library().find(name)
    except OmniAgentError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize('image', [
    np.zeros((0, 10, 3), np.uint8),
    np.zeros((10, 10), np.uint8),
    np.zeros((10, 10, 3), np.float32)
], ids=['empty', 'grey', 'float'])
def test_a_picture_of_another_kind_is_refused(faces: FaceMesh, image: np.ndarray) -> None:
    with pytest.raises(WireError, match='uint8 BGR'):
        faces(image, [(0.0, 0.0, 10.0, 10.0)])


@pytest.mark.parametrize('box', [(0, 0, 0, 0), (-500, -500, -400, -300), (0, 0, 4000, 4000),
                                 (300, 300, 310, 400)])
def test_any_box_may_be_asked_about(faces: FaceMesh, astronaut: np.ndarray,
                                    box: tuple[float, ...]) -> None:
    assert isinstance(faces(astronaut, [tuple(map(float, box))]), list)


def test_anchors_are_where_the_network_was_trained_with_them() -> None:
    places = anchors()
    assert places.shape == (896, 2)
    assert (places[0] == pytest.approx([1 / 32, 1 / 32]) == places[1]
            and places[2] == pytest.approx([3 / 32, 1 / 32]))
    assert (places[512] == pytest.approx([1 / 16, 1 / 16]) == places[517]
            and places[-1] == pytest.approx([15 / 16] * 2))


def test_missing_networks_are_one_sentence_that_says_what_to_do(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    shutil.copytree(share_dir() / 'models', tmp_path / 'models',
                    ignore=shutil.ignore_patterns('face_*.onnx'))
    for module in (encoders, model_cache, models):
        monkeypatch.setattr(module, 'share_dir', lambda: tmp_path)
    with pytest.raises(BackendError, match='models pull'):
        FaceMesh()
    with pytest.raises(ConfigError, match='mediapipe'):
        load.faces('haar')
    assert load.faces('none') is None


# -- when -----------------------------------------------------------------------------------------


class Counted:
    """A finder that counts, and finds what it is told to."""

    def __init__(self, find: Callable[[np.ndarray, list], list[Landmarks]]) -> None:
        self.find, self.asked = find, []

    def __call__(self, image: np.ndarray, persons: list[Box]) -> list[Landmarks]:
        self.asked.append(list(persons))
        return self.find(image, persons)


def track(id: int = 1, box: Box = ASTRONAUT, label: str = 'person', t: float = 0.0) -> Track:
    tracks = Tracks()
    for at in range(4):
        tracks.step([Detection(label, 0.9, box)], t - 0.3 + 0.1 * at, (SIZE, SIZE))
    (one,) = tracks.now()
    return replace(one, id=id)


def test_faces_are_looked_at_at_their_own_pace_and_stand_in_between(faces: FaceMesh,
                                                                    astronaut: np.ndarray) -> None:
    counted = Counted(faces)
    watch = FaceWatch(2.0, counted)
    seen = []
    # 10 looks a second, each of them different
    for at in range(20):
        image = np.roll(astronaut, 5 * (at % 3), axis=1)
        seen.append(watch.look(image, at / 10, [track(7, t=at / 10)]))
    assert len(counted.asked) == 5 == sum(one.fresh for one in seen)
    assert all(one.faces[0].track == 7 for one in seen)


def test_a_head_that_looks_as_it_did_is_not_measured_again_but_now_and_then(
        faces: FaceMesh, astronaut: np.ndarray) -> None:
    counted = Counted(faces)
    watch = FaceWatch(5.0, counted)
    random = np.random.default_rng(2)
    for at in range(50):
        noisy = np.clip(astronaut + random.normal(0, 8, astronaut.shape), 0, 255).astype(np.uint8)
        seen = watch.look(noisy, at / 5, [track(t=at / 5)])
        assert seen.fresh and len(seen.faces) == 1
    assert len(counted.asked) == math.ceil(10 / (HOLD_S + 0.2))


def test_a_mouth_that_moves_is_measured_again(faces: FaceMesh, astronaut: np.ndarray) -> None:
    counted = Counted(faces)
    watch = FaceWatch(5.0, counted)
    mesh = faces(astronaut, [ASTRONAUT])[0].mesh
    x, y = mesh[[13, 14, 78, 308], :2].mean(axis=0).astype(int)
    open_mouth = astronaut.copy()
    cv2.ellipse(open_mouth, (int(x), int(y)), (12, 9), 0, 0, 360, (20, 10, 40), -1)
    for at in range(10):
        watch.look((astronaut, open_mouth)[at % 2], at / 5, [track(t=at / 5)])
    assert len(counted.asked) == 10


def test_nobody_is_looked_at_where_nobody_is_or_only_a_chair(faces: FaceMesh,
                                                             astronaut: np.ndarray) -> None:
    counted = Counted(faces)
    watch = FaceWatch(5.0, counted)
    assert (watch.look(astronaut, 0.0, []).faces == ()
            and not watch.look(astronaut, 0.2, [track(label='chair')]).fresh)
    assert watch.look(astronaut, 0.4, [track(t=0.4)]).faces
    assert watch.look(astronaut, 0.5, []).faces == ()                  # gone with the person
    assert len(counted.asked) == 1


def test_faces_wait_while_somebody_needs_the_processor_and_without_networks_there_are_none(
        astronaut: np.ndarray) -> None:
    counted = Counted(lambda image, persons: [])
    watch = FaceWatch(5.0, counted)
    assert not watch.look(astronaut, 0.0, [track()], spare=True).fresh and not counted.asked
    watch.find = None
    assert (watch.look(astronaut, 1.0, [track(t=1.0)]) == replace(watch.look(astronaut, 1.0, []),
                                                                  faces=()))


def test_a_watcher_gives_every_person_its_face(faces: FaceMesh) -> None:
    """The man in the car is the first track; while his picture hardly changes his face stands."""
    detect = NanoDet(score=0.25, path=need_model('nanodet', 'nanodet_m_416_fp16.onnx'))
    watcher = Watcher(detect, skip=FrameSkipParams(calm_s=0.0), faces=FaceWatch(5.0, faces))
    looks = [
        watcher.look(image, at / 5)
        for at, image in enumerate(frames('carphone_pristine.mp4', 6, 18))
    ]
    with_people = [look for look in looks if look.looked.tracks]
    assert len(with_people) >= 10
    assert sum(len(look.faces.faces) == 1 and look.faces.faces[0].track == look.looked.tracks[0].id
               for look in with_people) >= 0.8 * len(with_people)
