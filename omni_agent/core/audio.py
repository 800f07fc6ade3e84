"""Samples in memory: what was heard (``AudioRing``) and what is about to be played
(``Playout``).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from .heard import WordsHeard

RATE = 16_000          # [Hz]
FADE = 128             # 8 ms: a cut shorter than this clicks
LOWERED = 0.05         # -26 dB: clearly under a voice at 1 m, still there when it comes back
CLEARLY_LOWERED = 0.18 # -15 dB: what is softer was not heard over somebody else
RAMP_DOWN = 128        # 8 ms: at once, and still without a click
RAMP_UP = 2400         # 150 ms: coming back slower than going sounds intended
FULL_SCALE = 32767


def level_dbfs(samples: np.ndarray) -> float:
    """RMS of int16 samples of shape (n,) relative to full scale [dBFS]; silence is -96."""
    if samples.size == 0:
        return -96.0
    rms = float(np.sqrt(np.mean(np.square(samples.astype(np.float32) / FULL_SCALE))))
    return max(-96.0, 20.0 * float(np.log10(max(rms, 1e-9))))


class AudioRing:
    """The last seconds of an int16 stream, addressed by absolute sample position; a gap reads as
    silence.
    """

    def __init__(self, seconds: float, rate: int = RATE) -> None:
        self.rate = rate
        self._samples = np.zeros(int(seconds * rate), np.int16)
        self.end = 0

    @property
    def start(self) -> int:
        return max(0, self.end - self._samples.size)

    def write(self, samples: np.ndarray, at: int) -> bool:
        """Store samples whose first one is number ``at``. Returns False for a chunk from the
        past.
        """
        if at < self.end and self.end:
            return False
        if at - self.end >= self._samples.size:
            self._samples[:] = 0
        else:
            self._put(self.end, np.zeros(at - self.end, np.int16))
        self.end = at + samples.size
        newest = samples[-self._samples.size:]
        self._put(self.end - newest.size, newest)
        return True

    def _put(self, at: int, samples: np.ndarray) -> None:
        first = at % self._samples.size
        head = min(samples.size, self._samples.size - first)
        self._samples[first:first + head] = samples[:head]
        self._samples[:samples.size - head] = samples[head:]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples [start, stop) that are still held, as a copy."""
        start, stop = max(start, self.start), min(stop, self.end)
        if stop <= start:
            return np.zeros(0, np.int16)
        index = np.arange(start, stop) % self._samples.size
        return self._samples[index]


@dataclass(frozen=True)
class Progress:
    """How far the loudspeaker got with one epoch."""

    epoch: int
    played: int            # [samples] handed to the device
    queued: int            # [samples] still waiting
    heard: str             # words of which the larger part was heard, see WordsHeard
    ended: bool            # nothing more will be pushed
    complete: bool         # the last sample went out


class Playout:
    """The speaker's short queue. The executor thread pushes and flushes; the device thread calls
    ``fill``.

    One lock guards a deque and a few integers and is held for microseconds on either side.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[np.ndarray] = deque()
        self._epoch = 0
        self._played = 0
        self._queued = 0
        self._words = WordsHeard()
        self._ended = False                       # the last chunk of this epoch has been pushed
        self._gain = 1.0
        self._target = 1.0
        self._low, self._ramp_down, self._ramp_up = LOWERED, RAMP_DOWN, RAMP_UP
        self._tail = np.zeros(0, np.int16)        # the fade of something that was cut off
        self.volume = 1.0                         # share [0..1]
        self._loudness = 1.0                      # what the last block ended with

    def push(self, epoch: int, samples: np.ndarray, text: str = '', last: bool = False) -> None:
        """Queue int16 samples of shape (n,); ``text`` are the words that begin in them."""
        with self._lock:
            if epoch != self._epoch:
                self._begin(epoch)
            if samples.size or text:
                self._words.push(self._played + self._queued, samples, text)
                self._queue.append(samples)
                self._queued += samples.size
            self._ended = self._ended or last

    def flush(self, fade: bool = True, unheard: int = 0) -> Progress:
        """Drop what waits and say how far it got; the device throws away its newest ``unheard``
        samples.

        What plays fades over FADE samples, unless the device's own buffer is thrown away as well:
        behind that hole a fade would be a blip of something old.
        """
        with self._lock:
            progress = self._progress(unheard)
            if fade and self._played and self._queue:
                head = self._head()
                self._tail = (head *
                              np.linspace(self._gain * self._loudness, 0.0, head.size)).astype(
                                  np.int16)
            self._begin(self._epoch)
            return progress

    def _head(self) -> np.ndarray:
        """The next samples that would have been played, FADE at most."""
        found = np.zeros(0, np.int16)
        for samples in self._queue:
            found = np.concatenate([found, samples[:FADE - found.size]])
            if found.size == FADE:
                break
        return found

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._queue.clear()
        self._played = self._queued = 0
        self._words = WordsHeard()
        self._ended = False

    def lower(self, on: bool) -> None:
        with self._lock:
            self._target = self._low if on else 1.0

    def shape(self, lowered: float, down: int, up: int) -> None:
        """How low a lowered voice is [share], and over how many samples it goes there and back."""
        with self._lock:
            is_low = self._target < 1.0
            self._low, self._ramp_down, self._ramp_up = lowered, down, up
            self._target = lowered if is_low else 1.0

    def progress(self) -> Progress:
        with self._lock:
            return self._progress()

    def _progress(self, unheard: int = 0) -> Progress:
        complete = self._ended and not self._queue and self._played > 0
        # what is complete is not thrown away
        unheard = 0 if complete else min(unheard, self._played)
        heard = self._words.text(self._played - unheard, complete)
        return Progress(self._epoch, self._played - unheard, self._queued, heard, self._ended,
                        complete)

    def fill(self, out: np.ndarray) -> int:
        """Write the next ``out.size`` samples; silence where there is nothing. Returns how many
        were speech.
        """
        with self._lock:
            out[:] = 0
            tail = self._tail[:out.size]
            self._tail = self._tail[out.size:]
            written = self._take(out)
            if written:
                self._apply_gain(out[:written])
                self._apply_volume(out[:written])
            elif not self._queue:
                self._gain = self._target         # nobody hears a ramp in silence
            # a new reply may begin in the fade of the old one
            if tail.size:
                mixed = out[:tail.size].astype(np.int32) + tail
                out[:tail.size] = np.clip(mixed, -FULL_SCALE, FULL_SCALE)
            return written

    def _take(self, out: np.ndarray) -> int:
        at = 0
        while at < out.size and self._queue:
            samples = self._queue.popleft()
            part = samples[:out.size - at]
            out[at:at + part.size] = part
            at += part.size
            if part.size < samples.size:
                self._queue.appendleft(samples[part.size:])
        self._played += at
        self._queued -= at
        return at

    def _apply_gain(self, block: np.ndarray) -> None:
        if self._gain == self._target == 1.0:
            return
        steps = np.arange(1, block.size + 1, dtype=np.float32)
        # even in decibels: quick to where it matters, and no click
        if self._target < self._gain:
            gains = self._gain * np.float32(self._low) ** (steps / self._ramp_down)
        else:
            gains = self._gain + (1.0 - self._low) / self._ramp_up * steps
        low, high = sorted((self._gain, self._target))
        gains = np.clip(gains, low, high)
        self._gain = float(gains[-1])
        block[:] = (block * gains).astype(np.int16)
        low = np.flatnonzero(gains < CLEARLY_LOWERED)
        if low.size:                              # a ramp is low at one end only
            begin = self._played - block.size
            self._words.lowered(begin + int(low[0]), begin + int(low[-1]) + 1)

    def _apply_volume(self, block: np.ndarray) -> None:
        """Even over a block: a step would click."""
        if self._loudness == self.volume == 1.0:
            return
        block[:] = (block *
                    np.linspace(self._loudness, self.volume, block.size, dtype=np.float32)).astype(
                        np.int16)
        self._loudness = self.volume
