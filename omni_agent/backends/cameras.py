"""Opens whatever a camera parameter names; the only place that captures pictures.

A device by index or name, a video file, an RTSP or HTTP stream, or the picture of a virtual room.
Reading fails with DeviceError; opening again, after a pause, is up to the caller (core.backoff).
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

import numpy as np

from omni_agent.backends import Camera, Frame
from omni_agent.backends.room_address import PREFIX, RoomAddress
from omni_agent.core.errors import BackendError, ConfigError, DeviceError
from omni_agent.core.scenario import Clip

if TYPE_CHECKING:
    import cv2

TIMEOUT_S = 5.0                  # to open a stream, and without a picture until it counts as lost
CLOSE_S = 1.0                    # given to a capture thread that hangs in a driver
USUAL_FPS = 25.0                 # of a file that does not say
_NETWORK = re.compile(r'(rtsps?|https?)://', re.IGNORECASE)
_DRIVERS = Path('/sys/class/video4linux')

# What goes wrong is said here, once, and not on stderr as well. cv2 reads these when it is
# imported.
_QUIET = {'OPENCV_FFMPEG_LOGLEVEL': '-8', 'OPENCV_LOG_LEVEL': 'SILENT'}
# Network cameras want TCP (UDP loses slices) and no buffer in front of the newest picture. Read
# whenever something is opened; a file that is opened so loses its first pictures.
_STREAM = ('OPENCV_FFMPEG_CAPTURE_OPTIONS', 'rtsp_transport;tcp|fflags;nobuffer|flags;low_delay')


def open_camera(device: str, width: int = 0, height: int = 0) -> Camera:
    """Opens ``device``; pictures are brought to ``width`` x ``height`` where both are given.

    Raises DeviceError, which says what cameras there are.
    """
    if device.startswith(PREFIX):
        try:
            return RoomCamera(RoomAddress.parse(device), width, height)
        except (ConfigError, BackendError) as error:
            raise DeviceError(f'{device} shows nothing: {error}') from error
    if _NETWORK.match(device):
        return LiveCamera(_open_stream(device), without_password(device), width, height)
    if Path(device).is_file():
        return FileCamera(Path(device), width, height)
    return LiveCamera(_open_device(device, width, height), f'camera {device}', width, height)


class LiveCamera:
    """A source that does not wait: a thread empties it, the newest picture wins."""

    def __init__(self, capture: cv2.VideoCapture, name: str, width: int = 0,
                 height: int = 0) -> None:
        self._capture = capture
        self._name = name
        self._size = (width, height)
        self._news = threading.Condition()
        self._newest: Frame | None = None
        self._is_over = False
        self._closing = False
        self._thread = threading.Thread(target=self._empty, name='camera', daemon=True)
        self._thread.start()

    def _empty(self) -> None:
        while not self._closing:
            ok, image = self._capture.read()
            with self._news:
                self._newest = Frame(time.time(), image) if ok else None
                self._is_over = not ok
                self._news.notify()
            if not ok:
                break
        self._capture.release()      # here, because another thread must not do it during a read

    def read(self) -> Frame:
        with self._news:
            self._news.wait_for(lambda: self._newest is not None or self._is_over, TIMEOUT_S)
            frame, self._newest = self._newest, None
        if frame is None:
            raise DeviceError(f'{self._name} has stopped sending pictures' if self._is_over else
                              f'{self._name} has sent no picture for {TIMEOUT_S:g} s')
        return Frame(frame.t, _as_bgr(frame.image, self._name, *self._size))

    def close(self) -> None:
        self._closing = True
        self._thread.join(CLOSE_S)


class FileCamera:
    """A video file at its own speed, in a loop. A reader that is late skips pictures."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        self._name = str(path)
        self._size = (width, height)
        self._closing = threading.Event()
        self._capture = _cv2().VideoCapture(str(path))
        if not self._capture.isOpened():
            raise DeviceError(
                f'{path} is not a video that can be played: try another file or convert it')
        fps = self._capture.get(_cv2().CAP_PROP_FPS)
        self._period_s = 1.0 / (fps if math.isfinite(fps) and 0 < fps < 1000 else USUAL_FPS)
        self._due = time.monotonic()

    def read(self) -> Frame:
        late = int((time.monotonic() - self._due) / self._period_s)
        for _ in range(late):
            self._grab()
        self._due += max(0, late) * self._period_s
        if self._closing.wait(max(0.0, self._due - time.monotonic())):
            raise DeviceError(f'{self._name} is closed')
        self._due += self._period_s
        self._grab()
        ok, image = self._capture.retrieve()
        if not ok:
            raise DeviceError(
                f'{self._name} holds a picture that cannot be decoded: convert the file')
        return Frame(time.time(), _as_bgr(image, self._name, *self._size))

    def _grab(self) -> None:
        if self._capture.grab():
            return
        self._capture.set(_cv2().CAP_PROP_POS_FRAMES, 0)
        if not self._capture.grab():
            raise DeviceError(f'{self._name} holds no pictures: name another file')

    def close(self) -> None:
        self._closing.set()
        self._capture.release()


class RoomCamera:
    """What the camera of a virtual room sees: the scenario's clips, each from its time on."""

    def __init__(self, address: RoomAddress, width: int = 0, height: int = 0) -> None:
        from omni_agent.backends import scenarios
        from omni_agent.backends.room_ring import RoomRing
        path = scenarios.find(address.scenario)
        self._clips = scenarios.load(path).clips
        if not self._clips:
            raise ConfigError(
                f"{path} gives the camera nothing to see: add 'camera: {{video: FILE}}'")
        self._files = [scenarios.file_of(clip.video, path) for clip in self._clips]
        self._size = (width, height)
        self._ring = RoomRing(address.folder)
        self._truth = Path(address.folder) / 'truth.jsonl'
        self._ends: dict[str, float] = {}        # of lines that clips wait for [Unix s]
        self._asked_s = 0.0
        self._shown = -1
        self._camera: FileCamera | None = None

    def read(self) -> Frame:
        due = max((i for i, clip in enumerate(self._clips) if self._is_due(clip)), default=0)
        if due != self._shown or self._camera is None:
            if self._camera is not None:
                self._camera.close()
            self._camera = FileCamera(self._files[due], *self._size)
            self._shown = due
        return self._camera.read()

    def _is_due(self, clip: Clip) -> bool:
        if not clip.after:
            return clip.at_s <= (time.time() - self._ring.curtain if self._ring.curtain else 0.0)
        self._read_truth()
        return time.time() >= self._ends.get(clip.after, math.inf) + clip.at_s

    def _read_truth(self) -> None:
        """Once a second will do."""
        from omni_agent.backends.room_records import read_truth
        if time.monotonic() - self._asked_s < 1.0:
            return
        self._asked_s = time.monotonic()
        for record in read_truth(self._truth):
            if 'line' in record and record['end']:
                self._ends[str(record['name'])] = float(record['end'])

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
        self._ring.close()


def _cv2():  # noqa: ANN202 - a module
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    try:
        import cv2
    except ImportError as error:
        raise DeviceError(f'no camera without OpenCV: install opencv-python-headless with pip '
                          f'({error})') from error
    return cv2


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """What the user has set stays."""
    given = name in os.environ
    os.environ.setdefault(name, value)
    try:
        yield
    finally:
        if not given:
            del os.environ[name]


def _open_stream(address: str) -> cv2.VideoCapture:
    cv2 = _cv2()
    limit_ms = int(TIMEOUT_S * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    with _environment(*_STREAM):
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise DeviceError(f'{without_password(address)} sends no video: check the address and '
                          'that the camera is on')
    return capture


def without_password(device: str) -> str:
    """What may be shown and logged of a device: an address loses its user and password."""
    return re.sub(r'//[^/]*@', '//', device) if _NETWORK.match(device) else device


def _open_device(device: str, width: int, height: int) -> cv2.VideoCapture:
    cv2 = _cv2()
    capture = cv2.VideoCapture(index_of(device), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise DeviceError(f"there is no camera '{device}' that can be opened: {_what_there_is()}")
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if width and height:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    return capture


def index_of(device: str) -> int:
    """'2', '/dev/video2' or part of the name that the driver gives."""
    number = re.fullmatch(r'(?:/dev/video)?(\d+)', device)
    if number:
        return int(number.group(1))
    for index, name in sorted(device_names().items()):
        if device and device.lower() in name.lower():
            return index
    raise DeviceError(f"there is no camera '{device}' and no such file: {_what_there_is()}")


def device_names(folder: Path = _DRIVERS) -> dict[int, str]:
    """Index -> name of each camera that the kernel knows."""
    found = {}
    for entry in folder.glob('video*'):
        name = entry / 'name'
        if entry.name[5:].isdigit() and name.is_file():
            found[int(entry.name[5:])] = name.read_text(errors='replace').strip()
    return found


def _what_there_is() -> str:
    names = [f"{index} '{name}'" for index, name in sorted(device_names().items())]
    return f'this machine has {", ".join(names)}' if names else \
        'this machine has none (plug one in, or name a file, an rtsp:// or http:// address, ' \
        'or a room:)'


def _as_bgr(image: np.ndarray, name: str, width: int, height: int) -> np.ndarray:
    if image is None or image.size == 0 or image.dtype != np.uint8:
        raise DeviceError(f'{name} sent an empty picture or one that is not 8 bits deep')
    if image.ndim == 2:
        image = _cv2().cvtColor(image, _cv2().COLOR_GRAY2BGR)
    if width and height and image.shape[:2] != (height, width):
        is_smaller = width * height < image.shape[0] * image.shape[1]
        image = _cv2().resize(image, (width, height), interpolation=_cv2().INTER_AREA if is_smaller
                              else _cv2().INTER_LINEAR)
    return image
