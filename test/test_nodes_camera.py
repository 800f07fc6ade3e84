"""The camera node as a process: files, a network camera that dies and returns, and one that is not
there.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from ros_bench import ERROR, OK, Bench, Heard, level_of
cv2 = pytest.importorskip('cv2')

from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: E402
from test_devices_cameras import HEIGHT, WIDTH, MjpegServer, video  # noqa: E402

from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.stamps import seconds  # noqa: E402

EVERY = qos._profile(50)              # as the node's own, but a slow test must not lose pictures


class Eyes:
    """A camera node under a name of its own, and what it publishes."""

    def __init__(self, bench: Bench, prefix: str, device: str, **parameters: object) -> None:
        self.bench = bench
        self.name = f'camera_{prefix}'
        topics = ('image_raw', 'camera_info', 'image_raw/compressed')
        remaps = [word for topic in topics for word in ('-r', f'{topic}:={prefix}/{topic}')]
        self.film = ''
        self.images: Heard = bench.listen(Image, f'{prefix}/image_raw', EVERY)
        self.infos: Heard = bench.listen(CameraInfo, f'{prefix}/camera_info', EVERY)
        self.process = bench.start('camera', device=device, width=WIDTH, height=HEIGHT,
                                   arguments=('-r', f'__node:={self.name}', *remaps), **parameters)

    def see(self, count: int = 1) -> None:
        """So many more pictures."""
        wanted = len(self.images) + count
        self.bench.until(lambda: len(self.images) >= wanted and len(self.infos) >= wanted - 1,
                         f'{wanted} pictures')


@pytest.fixture
def film(tmp_path: Path) -> str:
    return str(video(tmp_path / 'film.avi', list(range(0, 250, 5)), fps=50.0))


@pytest.fixture(scope='module')
def film_eyes(bench: Bench) -> Eyes:
    film = str(video(bench.folder / 'film.avi', list(range(0, 250, 5)), fps=50.0))
    eyes = Eyes(bench, 'film', film, rate_hz=10.0, jpeg_quality=90)
    eyes.film = film
    return eyes


def test_a_file_is_seen_at_the_rate_that_was_asked_for_with_its_camera_info(
        bench: Bench, film_eyes: Eyes) -> None:
    eyes = film_eyes
    eyes.see(1)
    eyes.see(20)
    stamps = np.array([seconds(image.header.stamp) for image in eyes.images])
    assert np.diff(stamps).min() > 0.0
    assert 1.8 <= stamps[20] - stamps[0] <= 4.0      # 20 periods of 0.1 s, of 50 pictures a second
    image = eyes.images[0]
    assert (image.width, image.height) == (WIDTH, HEIGHT)
    assert (image.encoding, image.step) == ('bgr8', 3 * WIDTH)
    assert len(image.data) == 3 * WIDTH * HEIGHT and image.header.frame_id == 'camera_optical'
    levels = {int(np.mean(image.data)) for image in eyes.images}
    assert len(levels) > 5                               # it moves
    told = {(info.header.stamp.sec, info.header.stamp.nanosec) for info in eyes.infos}
    shown = [(image.header.stamp.sec, image.header.stamp.nanosec) for image in eyes.images]
    assert len(told.intersection(shown)) >= len(shown) - 2
    sizes = {(info.width, info.height, info.k[0]) for info in eyes.infos}
    assert sizes == {(WIDTH, HEIGHT, 0.0)}               # not calibrated
    status = bench.health[eyes.name][-1]
    assert level_of(status) == OK and status.hardware_id == eyes.film


def test_jpeg_is_there_for_whoever_asks_for_it(bench: Bench, film_eyes: Eyes) -> None:
    eyes = film_eyes
    jpegs: list[CompressedImage] = []
    wish = bench.node.create_subscription(CompressedImage, 'film/image_raw/compressed',
                                          jpegs.append, EVERY)
    bench.until(lambda: len(jpegs) > 3, 'compressed pictures')
    picture = cv2.imdecode(np.frombuffer(jpegs[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (HEIGHT, WIDTH, 3) and 'jpeg' in jpegs[-1].format
    twin = bench.until(lambda: [image for image in eyes.images
                                if image.header.stamp == jpegs[-1].header.stamp], 'twin')
    assert abs(float(picture.mean()) - float(np.mean(twin[0].data))) < 3.0
    bench.node.destroy_subscription(wish)


def test_a_network_camera_that_dies_is_an_error_and_is_seen_again_when_it_is_back(
        bench: Bench) -> None:
    server = MjpegServer()
    try:
        secret = server.url.replace('//', '//anna:secret@')
        eyes = Eyes(bench, 'net', secret, rate_hz=30.0)
        eyes.see(3)
        server.stop()
        error = bench.level(eyes.name, ERROR)
        assert server.url in error.message and 'secret' not in str(error), error
        bench.counted(eyes.name, 'failures', 2)
        server = MjpegServer(server.port)
        eyes.see(3)
        assert level_of(bench.level(eyes.name, OK)) == OK
    finally:
        server.stop()
    assert bench.end(eyes.process) == 0


def test_a_camera_that_is_not_there_is_an_error_that_says_so_and_is_tried_again(
        bench: Bench) -> None:
    devices = ['77', 'no such camera', '/nowhere/film.mp4']
    missing = [(device, Eyes(bench, f'missing_{at}', device)) for at, device in enumerate(devices)]
    for device, eyes in missing:
        assert bench.counted(eyes.name, 'failures', 2) >= 2
        error = bench.health[eyes.name][-1]
        assert level_of(error) == ERROR and f"there is no camera '{device}'" in error.message
        assert 'this machine has' in error.message
        assert eyes.process.pid and not eyes.images
        assert bench.end(eyes.process) == 0


def test_a_missing_file_is_seen_as_soon_as_it_is_there(
        bench: Bench, tmp_path: Path, film: str) -> None:
    late = tmp_path / 'late.avi'
    eyes = Eyes(bench, 'late', str(late))
    bench.level(eyes.name, ERROR)
    Path(film).rename(late)
    eyes.see(2)
    assert bench.end(eyes.process) == 0


def test_stopping_does_not_wait_for_a_camera_that_hangs(bench: Bench) -> None:
    server = MjpegServer()
    try:
        eyes = Eyes(bench, 'hang', server.url)
        eyes.see(2)
        server.is_hanging.set()
        began = time.monotonic()
        assert bench.end(eyes.process) == 0
        assert time.monotonic() - began < 7.0
    finally:
        server.stop()
