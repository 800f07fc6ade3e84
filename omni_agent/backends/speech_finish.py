"""What every synthesised sentence goes through before it is spoken: even loudness, no silence in
front, int16.

Silence in front of a sentence is paid for with latency, and a voice whose level varies defeats an
echo gate.
"""

from __future__ import annotations

from typing import Iterable

import numpy as np

from omni_agent.backends import RATE, Speech

LEVEL = 0.1                  # RMS of a sentence: -20 dBFS
PEAK = 0.88                  # -1.1 dBFS, so that rounding stays below -1
# RMS below which a synthesiser produced nothing: amplifying it would make noise
SILENT = 10 ** (-60 / 20)
AUDIBLE = 10 ** (-50 / 20)   # RMS of a 5 ms step that a person hears; 30 dB below the sentence
STEP = RATE // 200           # [samples] 5 ms
LEAD = RATE * 15 // 1000     # [samples] kept before the first audible step: the breath of an 's'
TAIL = RATE * 120 // 1000    # [samples] kept after the last one
FADE = 64                    # [samples] 4 ms at both ends, so that a cut into noise does not click
FULL_SCALE = 32767


def finish(samples: np.ndarray, words: Iterable[tuple[int, str]]) -> Speech | None:
    """float samples at RATE with the offsets of their words -> Speech, or None when nothing can be
    heard.
    """
    level = float(np.sqrt(np.mean(np.square(samples)))) if samples.size else 0.0
    if level < SILENT:
        return None
    sound = samples * (LEVEL / level)
    first, last = audible(sound)
    start = max(0, first - LEAD)
    sound = sound[start:last + TAIL]
    sound = _even(sound)
    offsets = ((min(max(0, offset - start), sound.size - 1), word) for offset, word in words)
    return Speech(np.rint(sound * FULL_SCALE).astype(np.int16), tuple(offsets))


def audible(sound: np.ndarray) -> tuple[int, int]:
    """First and one past last sample of the 5 ms steps that can be heard."""
    steps = np.pad(sound, (0, -sound.size % STEP)).reshape(-1, STEP)
    loud = np.flatnonzero(np.sqrt(np.mean(np.square(steps), axis=1)) > AUDIBLE)
    return (int(loud[0]) * STEP, int(loud[-1] + 1) * STEP) if loud.size else (0, sound.size)


def _even(sound: np.ndarray) -> np.ndarray:
    """LEVEL without the trimmed silence; peaks that would be too high are bent, not clipped. Faded
    at the ends.
    """
    sound = sound * (LEVEL / np.sqrt(np.mean(np.square(sound))))
    knee = 0.7 * PEAK
    over = np.abs(sound) > knee
    room = PEAK - knee
    bent = knee + room * np.tanh((np.abs(sound[over]) - knee) / room)
    sound[over] = np.sign(sound[over]) * bent
    fade = min(FADE, sound.size // 2)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False)
    sound[:fade] *= ramp
    sound[sound.size - fade:] *= ramp[::-1]
    return sound


def spread(words: list[str], weights: list[float], size: int) -> list[tuple[int, str]]:
    """Offsets of words that take time in proportion to their weights: what is left when a voice
    tells nothing.
    """
    ends = np.cumsum([0.0, *weights])
    scale = size / ends[-1] if ends[-1] else 0.0
    return [(int(end * scale), word) for end, word in zip(ends, words)]
