"""Pictures as messages hold them -> numpy, and small JPEGs: the only place that decodes either, by
the fields of the message alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from omni_agent.core.errors import WireError

CHANNELS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1, 'rgba8': 4, 'bgra8': 4, '8UC3': 3, '8UC1': 1}


def to_bgr(image: Any) -> np.ndarray:
    """sensor_msgs/Image -> uint8 BGR array of shape (height, width, 3); raises WireError for what
    can be no picture.
    """
    channels = CHANNELS.get(image.encoding)
    if channels is None:
        raise WireError(f'image encoding {image.encoding!r}: send one of {", ".join(CHANNELS)}')
    height, width, step = image.height, image.width, image.step
    if not height or not width or step < width * channels or len(image.data) < height * step:
        raise WireError(f'image of {width}x{height}, step {step}, {len(image.data)} bytes does '
                        f'not hold {channels} bytes a pixel')
    rows = np.frombuffer(image.data, np.uint8)[:height * step].reshape(height, step)
    pixels = rows[:, :width * channels].reshape(height, width, channels)
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    return pixels[:, :, 2::-1] if image.encoding.startswith('rgb') else pixels[:, :, :3]


def unpacked(image: Any) -> np.ndarray:
    """sensor_msgs/CompressedImage -> the same. Raises WireError, and BackendError without
    OpenCV.
    """
    cv2 = _opencv()
    data = np.frombuffer(image.data, np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if pixels is None:
        raise WireError(f'a compressed picture ({image.format!r}, {data.size} bytes) that is '
                        'neither JPEG nor PNG')
    return pixels


def to_jpeg(pixels: np.ndarray, widest: int, quality: int = 80) -> bytes:
    """JPEG of a uint8 BGR array, made smaller where it is wider than ``widest`` pixels. Raises
    BackendError.
    """
    cv2 = _opencv()
    height, width = pixels.shape[:2]
    if width > widest:
        size = (widest, max(1, round(height * widest / width)))
        pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    encoded, jpeg = cv2.imencode('.jpg', np.ascontiguousarray(pixels),
                                 [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert encoded, 'a uint8 BGR picture always has a JPEG'
    return jpeg.tobytes()


def _opencv() -> Any:
    from omni_agent.backends.vision import need_opencv      # the camera node needs none of it

    return need_opencv()
