"""Cameras: files, a real stream over loopback, virtual rooms, and every way in which one is not
there.
"""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest

from omni_agent.backends import Camera
from omni_agent.backends.cameras import FileCamera, device_names, open_camera
from omni_agent.backends.room_ring import RoomRing
from omni_agent.core.errors import DeviceError

cv2 = pytest.importorskip('cv2')
WIDTH, HEIGHT = 64, 48


def picture(brightness: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), brightness, np.uint8)


def video(path: Path, brightness: list[int], fps: float = 25.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), fps, (WIDTH, HEIGHT))
    for value in brightness:
        writer.write(picture(value))
    writer.release()
    return path


class MjpegServer:
    """A network camera at 50 pictures a second. ``hang`` makes it stop sending, ``stop`` makes it
    vanish.
    """

    def __init__(self, port: int = 0) -> None:
        self.is_hanging = threading.Event()
        self.is_stopping = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - http.server's name
                self.send_response(200)
                self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=f')
                self.end_headers()
                try:
                    outer.send(self)
                except OSError:
                    return

            def log_message(self, *args: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def send(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        for number in range(10_000):
            if self.is_stopping.wait(0.02):
                handler.connection.shutdown(socket.SHUT_RDWR)
                return
            if self.is_hanging.is_set():
                continue
            jpeg = cv2.imencode('.jpg', picture(number % 250))[1].tobytes()
            handler.wfile.write(
                b'--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n'
                % (len(jpeg), jpeg)
            )

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}/cam.mjpg'

    def stop(self) -> None:
        self.is_stopping.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    server = MjpegServer()
    yield server
    server.stop()


def levels(camera: Camera, count: int) -> list[int]:
    return [int(camera.read().image.mean()) for _ in range(count)]


def test_a_file_plays_at_its_own_speed_and_begins_again_at_its_end(tmp_path: Path) -> None:
    camera = open_camera(str(video(tmp_path / 'x.avi', list(range(0, 250, 10)), fps=50)))
    assert isinstance(camera, FileCamera)
    began = time.monotonic()
    seen = levels(camera, 40)
    assert time.monotonic() - began == pytest.approx(39 / 50, abs=0.15)
    camera.close()
    assert min(seen[:3]) < 30 and max(seen) > 200
    assert any(b < a - 100 for a, b in zip(seen, seen[1:]))


def test_a_slow_reader_of_a_file_skips_pictures_instead_of_falling_behind(tmp_path: Path) -> None:
    camera = open_camera(str(video(tmp_path / 'x.avi', list(range(250)), fps=100)))
    first = camera.read()
    time.sleep(0.5)
    second = camera.read()
    camera.close()
    assert second.image.mean() - first.image.mean() == pytest.approx(
        100 * (second.t - first.t), abs=10
    )


def test_pictures_are_brought_to_the_size_that_was_asked_for(tmp_path: Path) -> None:
    path = str(video(tmp_path / 'x.avi', [100] * 5))
    for size in ((32, 24), (128, 96), (0, 0)):
        camera = open_camera(path, *size)
        image = camera.read().image
        camera.close()
        assert (
            image.shape == ((size[1] or HEIGHT), (size[0] or WIDTH), 3) and image.dtype == np.uint8
        )
        assert image.mean() == pytest.approx(100, abs=5)


def test_a_stream_gives_its_newest_picture_to_a_slow_reader(server: MjpegServer) -> None:
    camera = open_camera(server.url)
    first = camera.read()
    time.sleep(0.6)
    camera.read()  # may have waited in the meantime
    third = camera.read()
    camera.close()
    sent = 50 * (third.t - first.t)
    assert third.image.mean() - first.image.mean() == pytest.approx(sent, rel=0.5)
    assert abs(time.time() - third.t) < 1


def test_a_server_that_dies_is_noticed_and_can_be_opened_again_when_it_is_back(
    server: MjpegServer,
) -> None:
    camera = open_camera(server.url)
    camera.read()
    server.stop()
    with pytest.raises(DeviceError, match='has stopped sending pictures'):
        for _ in range(200):
            camera.read()
    camera.close()
    with pytest.raises(DeviceError, match='sends no video'):
        open_camera(server.url)
    reborn = MjpegServer(server.port)
    try:
        camera = open_camera(server.url)
        assert camera.read().image.shape == (HEIGHT, WIDTH, 3)
        camera.close()
    finally:
        reborn.stop()


def test_a_server_that_hangs_is_noticed_and_closing_does_not_hang_with_it(
    server: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('omni_agent.backends.cameras.TIMEOUT_S', 1.0)
    camera = open_camera(server.url)
    camera.read()
    server.is_hanging.set()
    began = time.monotonic()
    with pytest.raises(DeviceError, match='no picture for 1 s|has stopped sending'):
        for _ in range(200):
            camera.read()
    camera.close()
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    'device, message',
    [
        ('77', "there is no camera '77' that can be opened: this machine has"),
        ('No Such Camera', "there is no camera 'No Such Camera' and no such file"),
        ('', "there is no camera ''"),
        ('http://127.0.0.1:9/x', 'http://127.0.0.1:9/x sends no video'),
        ('rtsp://me:secret@127.0.0.1:9/x', 'rtsp://127.0.0.1:9/x sends no video'),
        ('room:nope', "there is no scenario 'nope'"),
    ],
)
def test_a_camera_that_is_not_there_is_told_in_a_sentence(device: str, message: str) -> None:
    with pytest.raises(DeviceError) as error:
        open_camera(device)
    assert message in str(error.value) and 'secret' not in str(error.value)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'x.mp4').write_text('hello')
    with pytest.raises(DeviceError, match='x.mp4 is not a video that can be played'):
        open_camera(str(tmp_path / 'x.mp4'))


def test_cameras_are_known_by_the_names_that_their_drivers_give(tmp_path: Path) -> None:
    for index, name in ((0, 'Integrated Camera\n'), (2, 'Robot Eye')):
        (tmp_path / f'video{index}').mkdir()
        (tmp_path / f'video{index}' / 'name').write_text(name)
    (tmp_path / 'video3').mkdir()
    assert device_names(tmp_path) == {0: 'Integrated Camera', 2: 'Robot Eye'}


ROOM = """\
version: 1
name: eyes
camera: {video: dark.avi, clips: [{video: bright.avi, at_s: 0.5}]}
people: {anna: {}}
lines: [{name: hello, who: anna, text: hello}]
"""


def test_the_camera_of_a_room_sees_the_clip_of_the_hour(tmp_path: Path) -> None:
    video(tmp_path / 'dark.avi', [20] * 10)
    video(tmp_path / 'bright.avi', [200] * 10)
    (tmp_path / 'eyes.yaml').write_text(ROOM)
    camera = open_camera(f'room:{tmp_path / "eyes.yaml"}@{tmp_path / "room"}')
    assert max(levels(camera, 20)) < 40  # 0.8 s, but the curtain is still down
    ring = RoomRing(tmp_path / 'room')
    ring.raise_curtain()
    seen = [camera.read() for _ in range(25)]
    change = next(f.t for f in seen if f.image.mean() > 150)
    assert change - ring.curtain == pytest.approx(0.5, abs=0.12)
    camera.close()
    ring.close()


def test_a_clip_that_follows_a_line_comes_after_its_end(tmp_path: Path) -> None:
    video(tmp_path / 'dark.avi', [20] * 10)
    video(tmp_path / 'bright.avi', [200] * 10)
    (tmp_path / 'eyes.yaml').write_text(ROOM.replace('at_s: 0.5', 'after: hello, at_s: 0.5'))
    camera = open_camera(f'room:{tmp_path / "eyes.yaml"}@{tmp_path / "room"}')
    ring = RoomRing(tmp_path / 'room')
    ring.raise_curtain()
    assert max(levels(camera, 30)) < 40
    said = {'line': 0, 'name': 'hello', 'end': time.time() + 0.2, 'missed': False}
    (tmp_path / 'room' / 'truth.jsonl').write_text(json.dumps(said) + '\n')
    seen = [camera.read() for _ in range(70)]
    change = next(f.t for f in seen if f.image.mean() > 150)
    assert 0.5 - 0.1 <= change - said['end'] <= 0.5 + 1.2  # the script is read once a second
    camera.close()
    ring.close()


def test_a_room_without_anything_to_see_says_so(tmp_path: Path) -> None:
    (tmp_path / 'eyes.yaml').write_text(
        ROOM.replace('camera: {video: dark.avi, ' 'clips: [{video: bright.avi, at_s: 0.5}]}\n', '')
    )
    with pytest.raises(
        DeviceError, match="gives the camera nothing to see: add 'camera: {video: FILE}'"
    ):
        open_camera(f'room:{tmp_path / "eyes.yaml"}@{tmp_path / "room"}')
