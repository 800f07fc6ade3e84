"""The only place that measures on a piece of sound how its voice reached the microphone: from a
person near by who is turned this way, from one who is not, or out of a loudspeaker.

Nothing here knows for whom it was. Costs a few milliseconds per utterance; numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omni_agent.backends import RATE

FRAME, HOP, SIZE = 400, 160, 512         # 25 ms every 10 ms
SHORTEST_S = 0.35                        # of a sound that tells anything
# [frames] before the voice begins, where the caller gives them
LEAD = 30
BANDS = 20
# of speech over the noise in a band, for what echoes do to it
CLEAR_DB = 18.0
PITCH_HZ = (70.0, 400.0)
# of a semitone in a print. In the development half two people are 0.97 likely to be farther apart
# than one person is from himself (without the pitch 0.88), half of the time by less than 0.4
PITCH_SHARE = 0.15
_HZ = np.fft.rfftfreq(SIZE, 1 / RATE)
_WINDOW = np.hanning(FRAME).astype(np.float32)


@dataclass(frozen=True)
class Measured:
    """``cues`` by the names of core/cues.py; what could not be measured is not there. ``print`` is
    like that of the same voice at the same place.
    """

    cues: dict[str, float]
    print: tuple[float, ...] = ()


def measure(samples: np.ndarray) -> Measured:
    """float32 mono at RATE, with about 0.5 s of what came before the voice, as the recogniser gets
    it.
    """
    if samples.size < SHORTEST_S * RATE:
        return Measured({})
    power = _power(samples)
    level = 10 * np.log10(power[:, 4:].sum(1) + 1e-10)
    top = np.percentile(level, 95)
    voiced = level > max(top - 18.0, np.percentile(level, 10) + 3.0)
    if voiced.sum() < 10 or top < -90.0:
        return Measured({})
    found = {
        'range_db': float(top - np.percentile(level, 5)),
        'before_db': float(top - level[5:LEAD].mean()),
        **_spectrum(power[voiced]),
        **_decay(power),
        **_pitch(samples, voiced),
        **_pauses(level, top, power)
    }
    known = {name: value for name, value in found.items() if np.isfinite(value)}
    return Measured(known, _print(power[voiced], known['pitch']) if 'pitch' in known else ())


def _power(samples: np.ndarray) -> np.ndarray:
    count = 1 + (samples.size - FRAME) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32),
                                                      FRAME)[::HOP][:count]
    return np.square(np.abs(np.fft.rfft(frames * _WINDOW, SIZE))).astype(np.float32) / FRAME**2 * 4


def _band(power: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    return power[:, (_HZ >= low_hz) & (_HZ < high_hz)].sum(1) + 1e-12


def _spectrum(power: np.ndarray) -> dict[str, float]:
    """Turned away, or far: dull. Out of a small box: no low tones."""
    mean = power.mean(0, keepdims=True)
    middle = _band(mean, 300, 1500)[0]
    tilt = float(10 * np.log10(_band(mean, 2500, 6500)[0] / middle))
    low = float(10 * np.log10(_band(mean, 80, 200)[0] / middle))
    return {'tilt_db': tilt, 'bright_db': tilt, 'low_db': low}


def _decay(power: np.ndarray) -> dict[str, float]:
    """How sharply high tones begin and end [dB per 30 ms], and how far they go up and down: the
    direct sound does, what the walls give back fills it up, and who is turned away has little
    direct sound there. Not measured in noise.
    """
    bands = np.stack([_band(power, low, high) for low, high in ((1500, 2500), (2500, 4000))])
    decibels = 10 * np.log10(bands)
    found: dict[str, list[float]] = {'onset_db': [], 'fall_db': [], 'depth_db': []}
    for band in decibels:
        floor = np.percentile(band, 8)
        if np.percentile(band, 95) - floor < CLEAR_DB:
            continue
        step = band[3:] - band[:-3]
        rising, falling = (step > 0) & (band[:-3] > floor + 3.0), (step < 0) & (band[3:]
                                                                                > floor + 3.0)
        active = band[band > floor + 6.0]
        if rising.sum() >= 6 and falling.sum() >= 6 and active.size >= 10:
            found['onset_db'].append(float(np.percentile(step[rising], 85)))
            found['fall_db'].append(float(np.percentile(-step[falling], 85)))
            found['depth_db'].append(float(active.std()))
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _pauses(level: np.ndarray, top: float, power: np.ndarray) -> dict[str, float]:
    """Speech without a gap, and something that rings in what gaps there are."""
    inner = level[LEAD:] if level.size > 2 * LEAD else level
    quiet = power[np.argsort(level)[:max(5, level.size // 6)]][:, 7:130] + 1e-12
    flatness = np.exp(np.log(quiet).mean(1)) / quiet.mean(1)
    quiet_db = max(top - 25.0, np.percentile(level, 5) + 5.0)
    return {'gaps': float(np.mean(inner < quiet_db)), 'rings': float(-np.log(flatness.mean())),
            'length_s': float(inner.size * HOP / RATE)}


def _pitch(samples: np.ndarray, voiced: np.ndarray) -> dict[str, float]:
    """By autocorrelation at a quarter of the rate: its height, how it moves, where it ends, and
    how much it jumps.
    """
    slow = samples[:samples.size // 4 * 4].reshape(-1, 4).mean(1)
    rate, frame, hop = RATE // 4, 160, 80                                    # 40 ms every 20 ms
    count = 1 + (slow.size - frame) // hop
    frames = np.lib.stride_tricks.sliding_window_view(slow, frame)[::hop][:count]
    spectrum = np.fft.rfft(frames - frames.mean(1, keepdims=True), 512)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)), 512)[:, :frame]
    correlation = correlation / (correlation[:, :1] + 1e-9)
    low, high = int(rate / PITCH_HZ[1]), int(rate / PITCH_HZ[0])
    best = correlation[:, low:high].argmax(1)
    strength = correlation[np.arange(count), low + best]
    known = (strength > 0.5) & voiced[np.minimum(2 * np.arange(count), voiced.size - 1)]
    if known.sum() < 6:
        return {}
    # semitones over 100 Hz
    tones = 12 * np.log2(rate / (low + best[known]) / 100.0)
    third = max(2, tones.size // 4)
    return {
        'pitch': float(np.median(tones)),
        'melody': float(np.percentile(tones, 90) - np.percentile(tones, 10)),
        'rise': float(np.median(tones[-third:]) - np.median(tones)),
        'voiced': float(known.mean())
    }


def _print(power: np.ndarray, pitch: float) -> tuple[float, ...]:
    """Cepstrum of the mean spectrum in 20 bands, without its loudness, and the height of the voice
    [semitones].
    """
    edges = np.geomspace(150, 6500, BANDS + 1)
    logs = np.stack([np.log(_band(power, low, high)) for low, high in zip(edges, edges[1:])],
                    1).mean(0)
    basis = np.cos(np.pi * np.outer(np.arange(1, 13), np.arange(BANDS) + 0.5) / BANDS)
    return (*(float(value) for value in basis @ logs / BANDS), PITCH_SHARE * pitch)
