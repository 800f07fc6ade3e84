"""The only place that knows how a room sounds: impulse responses, noise, and voices at a distance.

Everything is seeded, so that the same scenario sounds the same on every run. Levels are RMS in
dBFS, of speech over its active frames only.
"""

from __future__ import annotations

import numpy as np

from omni_agent.backends import BLOCK, RATE
from omni_agent.core.scenario import Person, Room

FRAME = 160              # [samples] 10 ms: the grain of levels and of the ends of an utterance
MARGIN = 960             # [samples] 60 ms of a recording that are kept around the voice in it
NOISE_LENGTH = 20 * RATE


def db(decibels: float) -> float:
    return 10.0 ** (decibels / 20.0)


def echo_response(room: Room) -> np.ndarray:
    """float32 impulse response, loudspeaker to microphone, with an energy of ``echo_db``.

    The direct path, six early reflections within 30 ms, and an exponentially decaying tail with
    30 % of the direct path's energy: a loudspeaker and a microphone in the same body.
    """
    rng = np.random.default_rng(room.seed)
    delay = round(room.delay_ms * RATE / 1000)
    response = np.zeros(delay + max(1, _tail_length(room.rt60_s)))
    response[delay] = 1.0
    if room.rt60_s > 0:
        early = delay + rng.integers(32, 480, 6)
        np.add.at(response, early[early < len(response)],
                  (rng.choice([-1, 1], 6) * rng.uniform(0.08, 0.3, 6))[early < len(response)])
        response[delay:] += _tail(rng, room.rt60_s, energy=0.3)
    return (response * db(room.echo_db) / np.sqrt(np.sum(response**2))).astype(np.float32)


def _tail_length(rt60_s: float) -> int:
    return round(rt60_s * RATE)


def _tail(rng: np.random.Generator, rt60_s: float, energy: float) -> np.ndarray:
    """Noise that falls by 60 dB over its length and begins 5 ms after the direct path."""
    length = _tail_length(rt60_s)
    tail = rng.standard_normal(length) * np.exp(-6.91 * np.arange(length) / length)
    tail[:80] = 0
    return tail * np.sqrt(energy / max(np.sum(tail**2), 1e-12))


class BlockConvolver:
    """Convolves blocks with an impulse response, without delay (partitioned overlap-save)."""

    def __init__(self, response: np.ndarray) -> None:
        partitions = -(-len(response) // BLOCK)
        padded = np.zeros(partitions * BLOCK)
        padded[:len(response)] = response
        self._spectra = np.fft.rfft(padded.reshape(partitions, BLOCK),
                                    2 * BLOCK).astype(np.complex64)
        self._inputs = np.zeros_like(self._spectra)      # a ring of the last blocks' spectra
        self._newest = 0
        self._last = np.zeros(BLOCK, np.float32)
        self._quiet = partitions + 1                         # blocks since the last sound

    def __call__(self, block: np.ndarray | None) -> np.ndarray | None:
        """float32 (BLOCK,) in and out; None is silence, which costs nothing."""
        self._quiet = self._quiet + 1 if block is None else 0
        if self._quiet > len(self._spectra):
            return None
        block = np.zeros(BLOCK, np.float32) if block is None else block
        self._newest = (self._newest - 1) % len(self._spectra)
        self._inputs[self._newest] = np.fft.rfft(np.concatenate((self._last, block)))
        self._last = block
        split = len(self._spectra) - self._newest
        spectrum = np.einsum('ij,ij->j', self._inputs[self._newest:], self._spectra[:split])
        if self._newest:
            spectrum += np.einsum('ij,ij->j', self._inputs[:self._newest], self._spectra[split:])
        return np.fft.irfft(spectrum)[BLOCK:].astype(np.float32)


def saturate(samples: np.ndarray, amount: float) -> np.ndarray:
    """A small loudspeaker driven hard; 0 leaves the samples as they are."""
    return samples if amount <= 0 else np.tanh(amount * samples) / amount


def pink_noise(level_dbfs: float, seed: int) -> np.ndarray:
    """float32 noise, NOISE_LENGTH samples to be looped without a seam; none below -120 dBFS."""
    if level_dbfs <= -120:
        return np.zeros(0, np.float32)
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(NOISE_LENGTH))
    frequency = np.arange(len(spectrum)) * (RATE / NOISE_LENGTH)
    spectrum[frequency < 20] = 0
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 20)))
    return (noise * db(level_dbfs) / np.sqrt(np.mean(noise**2))).astype(np.float32)


def frame_levels(samples: np.ndarray) -> np.ndarray:
    """RMS in dBFS of each FRAME."""
    frames = samples[:len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)


def voiced_span(samples: np.ndarray) -> tuple[int, int]:
    """First and one past the last sample of the voice in a recording, to the nearest frame.

    A frame is voice when it is 10 dB above the recording's floor; a clean recording has hardly a
    floor and a tight one hardly anything else, hence the limits 40 and 25 dB below its loudest
    frame.
    """
    levels = frame_levels(samples)
    if not len(levels):
        return 0, len(samples)
    loudest = levels.max()
    threshold = np.clip(np.percentile(levels, 5) + 10, loudest - 40, loudest - 25)
    voice = np.flatnonzero(levels >= threshold)
    return int(voice[0]) * FRAME, int(voice[-1] + 1) * FRAME


def speech_level(samples: np.ndarray) -> float:
    """RMS in dBFS over the active frames: those within 30 dB of the loudest."""
    levels = frame_levels(samples)
    active = levels[levels > levels.max() - 30]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def at_a_distance(voice: np.ndarray, person: Person, rt60_s: float, seed: int) -> np.ndarray:
    """The voice as the microphone hears it: duller and with more of the room from farther away.

    The direct sound is kept where it was, so the times of the voice stay true.
    """
    rng = np.random.default_rng(seed)
    response = np.zeros(max(1, _tail_length(rt60_s)))
    response[0] = 1.0
    if rt60_s > 0:
        response += _tail(rng, rt60_s, energy=0.1 * person.distance_m**2)    # equal at about 3 m
    length = 1 << (len(voice) + len(response)).bit_length()
    cutoff_hz = 7000 / np.sqrt(max(1.0, person.distance_m))
    low_pass = 1 / np.sqrt(1 + (np.fft.rfftfreq(length, 1 / RATE) / cutoff_hz) ** 4)
    heard = np.fft.irfft(np.fft.rfft(voice, length) * np.fft.rfft(response, length) * low_pass)
    heard = heard[:len(voice) + len(response)]
    return (heard * db(person.level_dbfs - speech_level(heard[:len(voice)]))).astype(np.float32)
