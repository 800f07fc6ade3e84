"""Faces through the perception node: real networks, real pictures, real topics."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import need_model
from ros_bench import OK, WARN, Bench, Heard

from omni_agent_msgs.msg import Look
from sensor_msgs.msg import Image

from omni_agent.core.looks import faces
from omni_agent.nodes import qos
from test_backends_faces import picture
from test_nodes_watching import SOMEBODY, Eyes, room

EARS = {'vad': 'fake', 'recogniser': 'none', 'turn_end': 'none'}


def walk(image: np.ndarray, eyes: Eyes) -> np.ndarray:
    """It moves a little from picture to picture, as whoever stands there does."""
    return np.roll(image, 3 * (len(eyes.sent) % 3), axis=1)


def test_who_looks_into_the_camera_is_a_face_in_the_look_an_arrow_and_a_marker(
        bench: Bench) -> None:
    visual = pytest.importorskip('visualization_msgs.msg')
    for model, file in (('nanodet', 'nanodet_m_416_fp16.onnx'), ('faces', 'face_mesh_fp16.onnx')):
        need_model(model, file)
    astronaut = picture('skimage:astronaut.png')
    eyes = Eyes(bench, 'gazer', **EARS, faces_hz=10.0, skip__calm_s=0.0)
    eyes.paint = lambda: walk(astronaut, eyes)
    assert eyes.ready()['faces'] == 'mediapipe on ort-cpu'
    look: Look = bench.until(lambda: [one for one in eyes.looks if one.faces], 'a face')[-1]
    (seen,), (person,) = look.faces, [track for track in look.tracks if track.label == 'person']
    assert seen.track == person.id and seen.looks_here > 0.8 and seen.score > 0.8
    assert (165 < seen.box[0] < 195 < 245 < seen.box[2] < 285
            and 55 < seen.box[1] < 95 < 155 < seen.box[3] < 195)
    assert (max(abs(seen.yaw), abs(seen.pitch), abs(seen.roll)) < 0.15
            and 0.05 < seen.mouth_open < 0.4)
    (again,) = faces(look)
    assert ((again.track, again.looks_here, again.pose.yaw) == (seen.track, seen.looks_here,
                                                                seen.yaw))
    overlay, markers = Heard(), Heard()
    subscriptions = [
        bench.node.create_subscription(Image, 'gazer/image_overlay', overlay.take, qos.IMAGE_IN),
        bench.node.create_subscription(visual.MarkerArray, 'gazer/track_markers', markers.take, 10)
    ]
    arrow = bench.until(
        lambda: [one for array in markers for one in array.markers if one.ns == 'gaze'],
        'an arrow')[-1]
    assert arrow.type == visual.Marker.ARROW and arrow.color.g > arrow.color.r      # he looks here
    start, tip = (np.array([end.x, end.y, end.z]) for end in arrow.points)
    assert (np.linalg.norm(tip - start) == pytest.approx(0.2) and
            (tip - start) @ -start / np.linalg.norm(start) > 0.19)
    # left of the middle, and above it
    assert start[0] < 0 and start[1] < 0
    bench.until(lambda: overlay, 'an overlay')
    drawn = np.frombuffer(overlay[-1].data, np.uint8).reshape(512, 512, 3)
    assert (drawn == (90, 230, 90)).all(axis=2)[100:150, 190:260].any()
    for subscription in subscriptions:
        bench.node.destroy_subscription(subscription)
    eyes.paint = lambda: np.full((512, 512, 3), 90, np.uint8)
    bench.until(lambda: not eyes.looks[-1].tracks and not eyes.looks[-1].faces,
                'nobody, and no face')
    eyes.end()


def test_faces_can_be_left_out_and_cost_nothing_then(bench: Bench) -> None:
    eyes = Eyes(bench, 'faceless', **EARS, detector='fake', faces='none')
    eyes.show(SOMEBODY)
    assert eyes.ready()['faces'] == 'not looked at'
    bench.until(lambda: eyes.looks and eyes.looks[-1].tracks, 'a person')
    assert not any(len(look.faces) for look in eyes.news(5))
    assert 'looks at faces' not in eyes.ready()
    eyes.end()


def test_without_the_networks_of_faces_everything_else_is_seen_and_it_is_said_once(
        bench: Bench) -> None:
    """An engine that this machine does not have stands for files that are not there: both are a
    BackendError.
    """
    eyes = Eyes(bench, 'blinker', **EARS, detector='fake', engine='tensorrt_rtx',
                engine_strict=True)
    eyes.paint = lambda: walk(room(SOMEBODY), eyes)
    assert eyes.ready(WARN)['faces'] == 'not looked at'
    message = bench.health_of('blinker')[1]
    assert 'nobody looks at faces' in message and 'face_short_range' in message
    bench.until(lambda: eyes.looks and eyes.looks[-1].tracks, 'a person')
    assert len(eyes.news(5)) >= 5
    assert sum('nobody looks at faces' in line for line in eyes.process.said) == 1
    assert eyes.attach('see', False).success
    bench.until(lambda: bench.health_of('blinker')[2]['camera'] == 'detached', 'the state')
    assert eyes.ready(OK)['faces'] == 'not looked at'
    eyes.end()
