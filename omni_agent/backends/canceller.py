"""Removes the robot's own voice from what the microphone heard: SpeexDSP's adaptive filter,
through ctypes.

It leaves a person's words whole while both speak, and some of the robot's voice with them: for
recognition, and for ``core/echo.py``, which judges what is left. WebRTC's (``webrtc.py``) does the
opposite. Its residual suppressor is left out: it eats soft onsets. The library is the
distribution's libspeexdsp (BSD-3-Clause).
"""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.core.errors import BackendError

# [samples] 200 ms: delay of the devices and the reverberation of a living room
TAIL = RATE // 5
SET_SAMPLING_RATE = 24         # SPEEX_ECHO_SET_SAMPLING_RATE of speex_echo.h


class SpeexCanceller:
    """int16 blocks of shape (BLOCK,): what was heard and what was played at the same time -> what
    is left.

    Raises BackendError if the library is missing.
    """

    def __init__(self) -> None:
        self._library = _library()
        self._echo = self._library.speex_echo_state_init(BLOCK, TAIL)
        rate = ctypes.c_int(RATE)
        self._library.speex_echo_ctl(self._echo, SET_SAMPLING_RATE, ctypes.byref(rate))

    def __call__(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        out = np.empty(BLOCK, np.int16)
        heard, played = np.ascontiguousarray(heard), np.ascontiguousarray(played)
        self._library.speex_echo_cancellation(self._echo, _pointer(heard), _pointer(played),
                                              _pointer(out))
        return out

    def __del__(self) -> None:
        if hasattr(self, '_echo'):
            self._library.speex_echo_state_destroy(self._echo)


def _pointer(samples: np.ndarray) -> ctypes.c_void_p:
    assert samples.dtype == np.int16 and samples.size == BLOCK
    return samples.ctypes.data_as(ctypes.c_void_p)


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library('speexdsp') or 'libspeexdsp.so.1'
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise BackendError(
            'libspeexdsp is missing, so what people say while the robot speaks is understood '
            'badly: '
            'run "apt-get install libspeexdsp1"') from error
    library.speex_echo_state_init.restype = ctypes.c_void_p
    library.speex_echo_state_init.argtypes = [ctypes.c_int, ctypes.c_int]
    state = ctypes.c_void_p
    for function, arguments in (
            (library.speex_echo_ctl, [state, ctypes.c_int, state]),
            (library.speex_echo_cancellation, [state, state, state, state]),
            (library.speex_echo_state_destroy, [state])):
        function.argtypes = arguments
    return library
