"""A network camera over RTSP: a real stream over loopback, its password, and its plug."""

from __future__ import annotations

import time
from typing import Iterator

import numpy as np
import pytest
from rtsp_camera import FPS, HEIGHT, PASSWORD, WIDTH, RtspCamera

from omni_agent.backends.cameras import open_camera
from omni_agent.core.errors import DeviceError

pytest.importorskip('cv2')


@pytest.fixture
def eye() -> Iterator[RtspCamera]:
    eye = RtspCamera()
    yield eye
    eye.stop()


def test_an_rtsp_stream_is_seen_at_its_own_rate_with_a_picture_that_moves(eye: RtspCamera) -> None:
    camera = open_camera(eye.url)
    frames = [camera.read() for _ in range(2 * FPS)]
    camera.close()
    assert {frame.image.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    period = (frames[-1].t - frames[FPS].t) / (FPS - 1)
    assert period == pytest.approx(1 / FPS, rel=0.5)
    assert np.abs(frames[-1].image.astype(int) - frames[0].image).mean() > 1.0
    assert frames[-1].image.std() > 30.0             # a test picture, not a grey one


def test_a_wrong_password_is_told_without_the_password(eye: RtspCamera) -> None:
    with pytest.raises(DeviceError, match='sends no video: check the address') as error:
        open_camera(eye.url.replace(PASSWORD, 'wrong'))
    assert 'wrong' not in str(error.value) and 'anna' not in str(error.value)


def test_a_pulled_plug_is_told_without_the_password_and_the_camera_is_seen_again(
    eye: RtspCamera,
) -> None:
    camera = open_camera(eye.url)
    camera.read()
    eye.stop()
    began = time.monotonic()
    with pytest.raises(DeviceError, match='has stopped sending pictures') as error:
        for _ in range(200):
            camera.read()
    assert time.monotonic() - began < 5.0
    assert PASSWORD not in str(error.value) and f'127.0.0.1:{eye.port}/cam' in str(error.value)
    camera.close()
    reborn = RtspCamera(eye.port)
    try:
        camera = open_camera(eye.url)
        assert camera.read().image.shape == (HEIGHT, WIDTH, 3)
        camera.close()
    finally:
        reborn.stop()
