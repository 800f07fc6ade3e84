"""WebRTC's echo canceller (AEC3) and noise suppressor, as pywebrtc-audio brings them. The only
place that imports it.

AEC3 leaves nothing of the robot's voice, whatever the room or the loudspeaker does to it, and
takes part of a person's words with it while both speak: for knowing that somebody speaks, not for
what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omni_agent.backends import RATE
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import pywebrtc_audio

NS_LEVEL = 1               # of 0 to 3: takes 12 dB off steady noise; more of it costs words


class Aec3Canceller:
    """int16 blocks of the same size, whole multiples of 10 ms: what was heard and what was played
    -> what is left.

    Raises BackendError if the library is missing.
    """

    def __init__(self) -> None:
        self._canceller = _library('nothing keeps the robot from hearing itself').EchoCanceller(
            RATE, 1)

    def __call__(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        return self._canceller.process(heard, played)


class NoiseSuppressor:
    """int16 blocks, whole multiples of 10 ms -> the same with less steady noise. Raises
    BackendError as above.
    """

    def __init__(self) -> None:
        self._suppressor = _library('recognition hears the noise of the room').NoiseSuppressor(
            RATE, 1, NS_LEVEL)

    def __call__(self, heard: np.ndarray) -> np.ndarray:
        return self._suppressor.process(heard)


def _library(without_it: str) -> pywebrtc_audio:
    try:
        import pywebrtc_audio
    except ImportError as error:
        raise BackendError(
            f'pywebrtc-audio is missing, so {without_it}: run "pip install pywebrtc-audio"'
        ) from error
    return pywebrtc_audio
