"""Voice activity: Silero v6, one probability for every 32 ms.

The network sees each frame with the last 64 samples of the frame before it, and carries an LSTM
state from frame to frame; both are forgotten by ``reset``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from omni_agent.backends import RATE
from omni_agent.backends.onnx import session
from omni_agent.core.errors import WireError

FRAME = 512           # [samples] 32 ms, the only size the 16 kHz network was trained for
CONTEXT = 64          # [samples] of the previous frame, put in front
STATE_SHAPE = (2, 1, 128)


class SileroVad:
    """float32 samples of shape (FRAME,) in [-1, 1] at RATE -> probability of speech in [0, 1]. 0.1
    ms a frame.
    """

    frame = FRAME

    def __init__(self, path: Path | str | None = None) -> None:
        if path is None:
            from omni_agent.backends import models
            path = models.path('silero_vad', 'silero_vad.onnx')
        self._session = session(path)
        self._rate = np.array(RATE, np.int64)
        self.reset()
        self(np.zeros(FRAME, np.float32))
        self.reset()

    def reset(self) -> None:
        self._state = np.zeros(STATE_SHAPE, np.float32)
        self._window = np.zeros((1, CONTEXT + FRAME), np.float32)

    def __call__(self, frame: np.ndarray) -> float:
        """Raises WireError for a frame of the wrong shape or with NaN in it: one NaN would poison
        the state for ever.
        """
        if frame.shape != (FRAME,):
            raise WireError(f'a voice activity frame has shape ({FRAME},), not {frame.shape}')
        if not np.isfinite(frame).all():
            raise WireError('a voice activity frame holds NaN or infinity')
        self._window[0, :CONTEXT] = self._window[0, -CONTEXT:]
        self._window[0, CONTEXT:] = frame
        feeds = {'input': self._window, 'state': self._state, 'sr': self._rate}
        probability, self._state = self._session.run(None, feeds)
        return float(probability[0, 0])
