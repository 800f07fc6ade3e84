"""What the points of a face mean: angles, whose face it is, and whose lips move in time with the
sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.faces import (EYES, FACE, FRONTAL, INDEX, MOUTH, Face, Landmarks, Pose,
                                   direction, eyes_gaze, head_places, head_pose, looks_here,
                                   measured, mouth_open, with_tracks)
from omni_agent.core.lips import LipsInTime

MIDDLE = 320.0
DEGREES = math.radians(1)


@dataclass(frozen=True)
class Person:
    id: int
    box: tuple[float, float, float, float]


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0,
           size: float = 60.0) -> np.ndarray:
    """The points of a frontal face, turned to its left, up, and to its left shoulder; picture
    coordinates.
    """
    about_y = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0],
                        [math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)],
                        [0, -math.sin(pitch), math.cos(pitch)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll),
                                                               math.cos(roll), 0], [0, 0, 1]])
    mesh = np.zeros((468, 3))
    mesh[INDEX] = FRONTAL @ (about_z @ about_y @ about_x).T * size + (MIDDLE, 200.0, 0.0)
    mouth = np.array([[0.0, 0.55, 0.0], [0.0, 0.61, 0.0], [-0.3, 0.6, 0.0], [0.3, 0.6, 0.0]])
    mesh[list(MOUTH)] = mouth * size + (MIDDLE, 200.0, 0.0)
    return mesh


def irises(across: float = 0.0, down: float = -0.06, width: float = 30.0) -> np.ndarray:
    """Eyes of that width with the irises so far to the right in the picture, and so far down
    [widths].
    """
    eyes = []
    for x, sign in ((280.0, -1), (360.0, 1)):
        corners = np.array([[x + sign * width / 2, 200.0], [x - sign * width / 2, 200.0]])
        eyes.append([*corners, corners.mean(axis=0) + np.array([across, down]) * width])
    return np.array(eyes)


def face(track: int = 0, mouth: float = 0.1, here: float = 0.9, x: float = MIDDLE,
         score: float = 0.9) -> Face:
    return Face((x - 20, 180.0, x + 20, 230.0), score, Pose(0.0, 0.0, 0.0), None, here, mouth,
                track)


# -- which way ------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.floats(-1.2, 1.2), st.floats(-1.0, 1.0), st.floats(-1.2, 1.2), st.floats(10, 300))
def test_a_turned_head_is_measured_as_it_was_turned_at_any_size(yaw: float, pitch: float,
                                                                roll: float, size: float) -> None:
    found = head_pose(turned(yaw, pitch, 0.0, size))
    assert (found.yaw, found.pitch) == pytest.approx((yaw, pitch), abs=1e-6)
    tilted = head_pose(turned(roll=roll, size=size))
    assert (tilted.yaw, tilted.pitch, tilted.roll) == pytest.approx((0.0, 0.0, roll), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1.0, 1.0), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.integers(0, 1000))
def test_the_mirror_image_of_a_face_looks_to_the_other_side(yaw: float, pitch: float, roll: float,
                                                            seed: int) -> None:
    mesh = turned(yaw, pitch, roll)
    mesh[INDEX] += np.random.default_rng(seed).normal(0, 1.0, (len(INDEX), 3))
    mirrored = mesh.copy()
    for right, left in FACE[:, :2].astype(int):
        mirrored[right], mirrored[left] = mesh[left] * (-1, 1, 1), mesh[right] * (-1, 1, 1)
    a, b = head_pose(mesh), head_pose(mirrored)
    assert (b.yaw, b.pitch, b.roll) == pytest.approx((-a.yaw, a.pitch, -a.roll), abs=1e-6)


def test_irises_in_the_middle_of_a_frontal_face_look_here_and_at_the_side_do_not() -> None:
    frontal = Pose(0.0, 0.0, 0.0)
    assert eyes_gaze(irises(), frontal) == pytest.approx((0.0, 0.0), abs=1e-9)
    left, _ = eyes_gaze(irises(across=0.18), frontal)
    right, _ = eyes_gaze(irises(across=-0.18), frontal)
    assert left == pytest.approx(-right) and 25 * DEGREES < left < 35 * DEGREES
    assert eyes_gaze(irises(down=0.1), frontal)[1] < -20 * DEGREES
    assert (looks_here(frontal,
                       (0.0, 0.0)) > 0.95 > 0.5 > looks_here(frontal, (left, 0.0)) > looks_here(
                           frontal, eyes_gaze(irises(across=0.3), frontal)))


def test_eyes_that_turn_back_make_up_for_a_turned_head() -> None:
    """Who looks here with the head turned to its left has the irises to its right."""
    aside = Pose(25 * DEGREES, 0.0, 0.0)
    gaze = eyes_gaze(irises(across=-0.07), aside)
    assert looks_here(aside, gaze) > 0.8
    assert (looks_here(aside, eyes_gaze(irises(across=0.07), aside)) < 0.2 < looks_here(
        aside, None) < 0.5)


def test_a_mirrored_gaze_is_the_other_way() -> None:
    eyes = irises(across=0.1) + np.random.default_rng(1).normal(0, 1, (2, 3, 2))
    mirrored = (eyes * (-1, 1))[::-1]
    for yaw in (-0.4, 0.0, 0.3):
        a, b = eyes_gaze(eyes, Pose(yaw, 0.1, 0.0)), eyes_gaze(mirrored, Pose(-yaw, 0.1, 0.0))
        assert b == pytest.approx((-a[0], a[1]))


def test_eyes_count_only_while_both_can_be_seen() -> None:
    near, far = (measured(Landmarks(turned(yaw * DEGREES), 0.9, irises())) for yaw in (30, 60))
    assert near.gaze is not None and far.gaze is None and far.looks_here < 0.01
    assert (far.direction == (far.pose.yaw, far.pose.pitch)
            and near.direction == direction(near.pose, near.gaze))


def test_looking_away_farther_is_never_more_likely_to_be_here() -> None:
    values = [looks_here(Pose(angle * DEGREES, 0.0, 0.0), None) for angle in range(0, 90, 5)]
    assert values == sorted(values, reverse=True) and values[0] > 0.95 and values[-1] < 0.01


def test_an_open_mouth_is_measured_by_its_own_width() -> None:
    assert mouth_open(turned(size=60.0)) == pytest.approx(0.1) == mouth_open(turned(size=200.0))
    assert all(outer in INDEX and inner in INDEX for outer, inner, _ in EYES)


# -- whose ----------------------------------------------------------------------------------------


def test_a_face_belongs_to_the_person_in_whose_heads_place_it_lies_and_nobody_has_two() -> None:
    left, right = Person(3, (250.0, 170.0, 390.0, 480.0)), Person(4, (420.0, 170.0, 560.0, 480.0))
    seen = [face(x=490.0, score=0.8), face(x=320.0), face(x=325.0, score=0.6), face(x=50.0)]
    found = with_tracks(seen, [left, right])
    assert (sorted((round(one.box[0] + 20), one.track) for one in found) == [(50, 0), (320, 3),
                                                                             (325, 0), (490, 4)])


def test_of_two_people_behind_each_other_each_keeps_its_own_face() -> None:
    front, behind = Person(1, (200.0, 180.0, 440.0, 480.0)), Person(2, (300.0, 60.0, 420.0, 400.0))
    at_front, at_behind = (Face((x - 20, y, x + 20, y + 50), 0.9, Pose(0, 0, 0), None, 0.9, 0.1)
                           for x, y in ((320.0, 200.0), (360.0, 70.0)))
    assert {one.box: one.track for one in with_tracks([at_front, at_behind], [behind, front])} == {
        at_front.box: 1, at_behind.box: 2}


@pytest.mark.parametrize('box', [(100, 50, 200, 450), (0, 0, 640, 480), (200, 100, 420, 480)],
                         ids=['stands', 'fills the picture', 'sits'])
def test_the_head_is_looked_for_at_the_upper_end_of_a_person(box: tuple[float, ...]) -> None:
    (place,) = head_places(box)
    assert place[2] - place[0] == pytest.approx(place[3] - place[1])
    assert place[1] <= box[1] < place[3] <= box[3] + 0.4 * (box[3] - box[1])
    assert (place[0] + place[2]) / 2 == pytest.approx((box[0] + box[2]) / 2)


# -- whose voice ----------------------------------------------------------------------------------


class Talk:
    """Sound 31 times and looks 2.5 times a second: who moves the lips when."""

    def __init__(self) -> None:
        self.lips, self.t = LipsInTime(), 100.0
        self.random, self.looks = np.random.default_rng(3), 0

    def go_on(self, seconds: float, speech: float, *moving: int,
              there: tuple[int, ...] = (1, 2)) -> None:
        end = self.t + seconds
        while self.t < end:
            for frame in range(12):
                self.lips.heard(self.t + frame / 31, speech)
            self.t += 0.4
            self.lips.seen(self.t, [
                face(track, self._mouth(track in moving), here=0.9 if track == 1 else 0.2)
                for track in there
            ])

    def _mouth(self, moves: bool) -> float:
        self.looks += 1
        return ((0.02, 0.15, 0.08, 0.3,
                 0.28)[self.looks % 5] if moves else 0.03 + float(self.random.normal(0, 0.005)))


def test_the_voice_is_of_the_one_whose_lips_move_while_somebody_speaks() -> None:
    talk = Talk()
    talk.go_on(2.0, 0.02)
    talk.go_on(2.4, 0.95, 2)
    assert talk.lips.score(2) > 0.8 and talk.lips.score(1) < 0.2
    speaker = talk.lips.speaker()
    assert ((speaker.track, speaker.looks_here) == (2, 0.2)
            and speaker.likelihood == talk.lips.score(2))


def test_still_lips_under_speech_are_nobodys_and_chewing_in_silence_proves_nothing() -> None:
    talk = Talk()
    talk.go_on(2.4, 0.95)
    assert talk.lips.speaker().likelihood < 0.2
    chews = Talk()
    chews.go_on(3.0, 0.0, 1)
    assert chews.lips.score(1) is None and chews.lips.speaker() is None


def test_only_what_was_heard_since_then_counts_and_only_for_three_seconds() -> None:
    talk = Talk()
    talk.go_on(2.4, 0.95, 1)
    changed = talk.t
    talk.go_on(2.0, 0.95, 2)
    assert talk.lips.speaker(changed).track == 2 and talk.lips.score(1, changed) < 0.3
    talk.go_on(4.0, 0.0)
    assert talk.lips.score(2) is None
    assert talk.lips.score(7) is None


def test_who_is_looked_at_too_rarely_is_not_judged() -> None:
    lips = LipsInTime()
    for at in range(4):
        for frame in range(62):
            lips.heard(2.0 * at + frame / 31, 0.9)
        lips.seen(2.0 * at, [face(1, 0.3 * (at % 2))])
    assert lips.score(1) is None


def test_faces_are_cues_of_an_utterance_and_what_is_not_known_is_left_out() -> None:
    lips = LipsInTime()
    assert lips.cues(0.0) == ()
    lips.seen(50.0, [])
    assert lips.cues(49.0) == (('faces', 0.0),) and lips.cues(51.0) == ()
    talk = Talk()
    talk.go_on(0.4, 0.95, 2)
    # who speaks is not known yet
    assert dict(talk.lips.cues(99.0)) == {'faces': 1.0, 'looks_here': 0.9}
    talk.go_on(2.4, 0.95, 2)
    cues = dict(talk.lips.cues(99.0))
    assert cues['looks_here'] == 0.2 and cues['lips'] == talk.lips.score(2) and cues['face'] == 2
