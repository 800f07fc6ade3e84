"""Device -> ``image_raw``, ``image_raw/compressed`` and ``camera_info``; comes back by itself when
the device does.
"""

from __future__ import annotations

import array
import threading
from dataclasses import dataclass

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from omni_agent.backends import Frame
from omni_agent.backends.cameras import open_camera, without_password
from omni_agent.core.backoff import Backoff
from omni_agent.core.errors import DeviceError
from omni_agent.core.params import param

from . import qos
from .health import ERROR, OPENING, WARN, Health
from .images import from_bgr
from .node import join
from .parameters import declare
from .shell import main as run
from .stamps import stamp
from .threads import Inbox


@dataclass(frozen=True)
class CameraParams:
    """Where the pictures come from."""

    device: str = param('0', 'index or name of a camera, a video file, an rtsp:// or http:// '
                             'address, room:SCENARIO@FOLDER, or none')
    width: int = param(640, 'width asked of the device [pixels]', 16, 7680)
    height: int = param(480, 'height asked of the device [pixels]', 16, 4320)
    rate_hz: float = param(10.0, 'pictures published per second, at most [Hz]', 0.1, 120.0,
                           live=True)
    frame_id: str = param('camera_optical', 'optical frame (z forward, x right, y down; REP-103)',
                          live=True)
    jpeg_quality: int = param(80, 'quality of image_raw/compressed', 1, 100, live=True)


PARAMETERS = (('', CameraParams),)     # (prefix, dataclass): what is declared below


class Camera:
    """A reading thread keeps the newest picture; the executor thread publishes it."""

    def __init__(self) -> None:
        self.node = join('camera')
        self.params = declare(self.node, CameraParams)
        self.health = Health(self.node)
        self.health.values['device'] = without_password(self.params.device)
        self.images = self.node.create_publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.infos = self.node.create_publisher(CameraInfo, 'camera_info', qos.IMAGE_OUT)
        self.compressed = self.node.create_publisher(CompressedImage, 'image_raw/compressed',
                                                     qos.IMAGE_OUT)
        self.inbox: Inbox[Frame | DeviceError] = Inbox(self.node, self.on_result, limit=2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name='camera', daemon=True)
        if self.params.device != 'none':
            self.health.trouble('camera', WARN, OPENING)
            self._thread.start()

    def _read_on(self) -> None:
        """Reading thread: open, read, and come back after every failure."""
        backoff = Backoff(first_s=0.5, longest_s=8.0)
        while not self._stop.is_set():
            try:
                self._read_until_it_fails(backoff)
            except DeviceError as error:
                self.inbox.put(error)
                self._stop.wait(backoff.failed())

    def _read_until_it_fails(self, backoff: Backoff) -> None:
        camera = open_camera(self.params.device, self.params.width, self.params.height)
        due = 0.0
        try:
            while not self._stop.is_set():
                frame = camera.read()
                backoff.succeeded()
                if frame.t >= due:
                    due = max(due + 1.0 / self.params.rate_hz, frame.t)
                    self.inbox.put(frame)
        finally:
            camera.close()

    def on_result(self, result: Frame | DeviceError) -> None:
        if isinstance(result, DeviceError):
            self.health.count('failures')
            self.health.trouble('camera', ERROR, str(result))
            return
        self.health.well('camera')
        if not self.node.active:             # the device is open, and nobody sees through it
            return
        self.health.count('images')
        self.health.values['dropped in the inbox'] = str(self.inbox.dropped)
        self._publish(result)

    def _publish(self, frame: Frame) -> None:
        image = from_bgr(frame.image)
        image.header.stamp = stamp(frame.t)
        image.header.frame_id = self.params.frame_id
        self.images.publish(image)
        self.infos.publish(_info(image))
        if self.compressed.get_subscription_count():
            self.compressed.publish(self._compress(frame, image))

    def _compress(self, frame: Frame, image: Image) -> CompressedImage:
        import cv2

        quality = [cv2.IMWRITE_JPEG_QUALITY, self.params.jpeg_quality]
        encoded, jpeg = cv2.imencode('.jpg', frame.image, quality)
        assert encoded, 'a uint8 BGR picture always has a JPEG'
        return CompressedImage(header=image.header, format='bgr8; jpeg compressed bgr8',
                               data=array.array('B', jpeg.tobytes()))

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(3.0)


def _info(image: Image) -> CameraInfo:
    """An uncalibrated camera: K[0] = 0 says so (sensor_msgs/CameraInfo)."""
    return CameraInfo(header=image.header, height=image.height, width=image.width,
                      distortion_model='plumb_bob')


def main() -> None:
    run(Camera)


if __name__ == '__main__':
    main()
