"""numpy -> sensor_msgs/Image; the other way round is in backends/pictures.py, which needs no
ROS.
"""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import Image


def from_bgr(pixels: np.ndarray) -> Image:
    """bgr8 message of a uint8 BGR array of shape (height, width, 3), without a header."""
    height, width, channels = pixels.shape
    # array.array: rclpy checks any other sequence byte by byte (60 ms for VGA instead of 0.1)
    return Image(height=height, width=width, encoding='bgr8', step=width * channels,
                 data=array.array('B', np.ascontiguousarray(pixels).tobytes()))
