"""The only place that makes the bot's voice, and tells one utterance from another by its sound.

The reply hums on one pitch and everything said after it on another, so the output samples alone
say whether a silence was followed by the same reply or by a new one.
"""

from __future__ import annotations

from typing import Iterator

import numpy as np

REPLY_TEXT = 'This is the long reply.'
ANSWER_TEXT = 'This is another answer.'
REPLY_HZ, ANSWER_HZ = 400.0, 1600.0
REPLY_S, ANSWER_S = 60.0, 2.0        # the reply outlasts its item: it never ends by itself
LEVEL = 8000                         # peak, of 32768: a voice at -15 dBFS
CHUNK_S = 0.2                        # a synthesiser delivers in pieces, here five times as fast
CHUNK_PACE_S = 0.04                  # as they are played


def chunks(text: str, rate: int) -> Iterator[bytes]:
    """int16 mono in pieces of CHUNK_S: REPLY_TEXT is the long reply, all else a short answer."""
    hertz, seconds = (REPLY_HZ, REPLY_S) if REPLY_TEXT in text else (ANSWER_HZ, ANSWER_S)
    size = round(CHUNK_S * rate)
    for first in range(0, round(seconds * rate), size):
        time = np.arange(first, first + size) / rate
        yield np.round(LEVEL * np.sin(2 * np.pi * hertz * time)).astype(np.int16).tobytes()


def is_reply(samples: np.ndarray, rate: int) -> bool:
    """Whether int16 samples (10 ms or more) hum on the reply's pitch, by their zero crossings."""
    crossings = np.count_nonzero(np.diff(np.signbit(samples)))
    return bool(crossings * rate / (2 * samples.size) < (REPLY_HZ + ANSWER_HZ) / 2)
