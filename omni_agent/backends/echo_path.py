"""The only place that bends the robot's voice on its way to its own microphone: loudspeaker, room,
clocks, jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.stream_resampler import StreamResampler
from omni_agent.core.scenario import Room

RT60_S = 0.35              # a living room
DRIVE = 4.0                # of the saturating loudspeaker: a peak of 0.5 comes out as 0.24
JUMP = round(0.03 * RATE)  # [samples]


@dataclass(frozen=True)
class Case:
    """One way in which the robot hears itself."""

    name: str
    echo_db: float               # of the echo against what is played
    delay_ms: float = 40.0       # that no stamp tells of
    saturating: bool = False
    # of the loudspeaker's clock against the microphone's; the stamps follow it
    drift_ppm: float = 0.0
    # 30 ms longer from one half on, 30 ms shorter from three quarters on; untold
    jumps: bool = False


CASES = (
    Case('-6 dB', -6.0),
    Case('-12 dB', -12.0),
    Case('-20 dB', -20.0),
    Case('-30 dB', -30.0),
    Case('-40 dB', -40.0),
    Case('-6 dB, saturating', -6.0, saturating=True),
    Case('-12 dB, saturating, 120 ms', -12.0, 120.0, saturating=True),
    Case('-20 dB, 120 ms', -20.0, 120.0),
    Case('-12 dB, 20 ppm', -12.0, drift_ppm=20.0),
    Case('-20 dB, saturating, 100 ppm', -20.0, saturating=True, drift_ppm=100.0),
    Case('-12 dB, 30 ms jumps', -12.0, jumps=True),
)


def echo(case: Case, played: np.ndarray) -> np.ndarray:
    """int16 (n,) at the loudspeaker -> float32 (n,) at the microphone, in the microphone's own
    count.
    """
    sound = acoustics.saturate(
        played.astype(np.float32) / 32768, DRIVE if case.saturating else 0.0)
    response = acoustics.echo_response(
        Room(echo_db=case.echo_db, delay_ms=case.delay_ms, rt60_s=RT60_S, seed=3))
    convolve = acoustics.BlockConvolver(response)
    found = np.zeros(played.size, np.float32)
    for at in range(0, played.size - BLOCK + 1, BLOCK):
        block = sound[at:at + BLOCK]
        out = convolve(block if block.any() else None)
        if out is not None:
            found[at:at + BLOCK] = out
    return _drifted(_jumping(found) if case.jumps else found, case.drift_ppm)


def _jumping(sound: np.ndarray) -> np.ndarray:
    half, last = sound.size // 2, sound.size * 3 // 4
    later = np.concatenate((np.zeros(JUMP, np.float32), sound))
    return np.concatenate((sound[:half], later[half:last], sound[last:]))


def _drifted(sound: np.ndarray, ppm: float) -> np.ndarray:
    """As a microphone hears it whose clock is slower by that much; exact, so that no canceller is
    flattered.
    """
    if not ppm:
        return sound
    parts = round(1e6 / ppm)
    resample = StreamResampler(parts + 1, parts)
    pieces = [resample(sound[at:at + RATE]) for at in range(0, sound.size, RATE)]
    out = np.concatenate(pieces)[:sound.size]
    return np.concatenate((out, np.zeros(sound.size - out.size, np.float32)))
