"""Two cleaned streams of one microphone -> judged voice frames: voice-activity model and echo gate
on one clock.

The gentle stream (``audio``) keeps a person's words and some of the robot's; its frames count
where the echo gate finds more than the robot explains. The strict stream (``audio/strict``) keeps
nothing of the robot; a voice in it is a person's, but its canceller takes up to a second to let go
of one. Together they find a person in two frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Protocol

import numpy as np

from .audio import RATE, AudioRing, level_dbfs
from .echo import BLOCK, EchoGate
from .endpoint import VoiceFrame

FRAME = 512                # [samples] 32 ms: what the voice-activity model takes
LONGEST_CHUNK = RATE       # [samples] a chunk longer than a second is not a live microphone
# [samples] the gentle stream may be ahead of the strict one before a frame is judged without
WAIT = 2 * BLOCK
GONE = RATE                # [samples] behind by this much, the strict stream has ended

# [frames] after a second without a voice the model forgets: its memory fills with echo and noise
# until it misses whole words (with reset 34 ms to an onset, without 640, same sound). It forgets
# again at whole seconds of the stream, so that whoever began to listen later hears the same
DULL = 30
VOICE = 0.3                # probability from which a frame is not "without a voice"
# [frames] of the robot's voice that a strict canceller needs to know the room
TRUST = round(2.0 * RATE / FRAME)

Suppressor = Callable[[np.ndarray], np.ndarray]


class VoiceModel(Protocol):
    """Probability that FRAME float32 samples hold speech; has a memory."""

    def __call__(self, frame: np.ndarray) -> float: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """A judged frame that ends at sample ``end`` of the stream."""

    end: int
    voice: VoiceFrame
    level_dbfs: float


class Ear:
    """A voice-activity model that forgets what was no voice."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._dull = DULL                    # [frames] since the last one with a voice

    def __call__(self, samples: np.ndarray, end: int) -> float:
        """FRAME int16 samples that end at sample ``end`` of the stream."""
        probability = self._model(samples.astype(np.float32) / 32768.0)
        self._dull = 0 if probability >= VOICE else self._dull + 1
        if self._dull == DULL or self._dull > DULL and end // FRAME % DULL == 0:
            self._model.reset()
        return probability

    def reset(self) -> None:
        self._model.reset()
        self._dull = DULL


class Hearing:
    """Keeps the last half minute of the stream and judges it frame by frame.

    ``ring`` is the gentle stream, ``clean`` the same without steady noise, for recognition;
    without a suppressor both are the same. ``strict`` is a second voice-activity model, for the
    strict stream where there is one.
    """

    def __init__(self, voice: VoiceModel, strict: VoiceModel | None = None,
                 suppressor: Suppressor | None = None, seconds: float = 32.0) -> None:
        self.ring = AudioRing(seconds)
        self.clean = AudioRing(seconds) if suppressor else self.ring
        self.echo = EchoGate()
        self.lost = 0                        # [samples] missing from the stream
        self._strict = AudioRing(2.0)
        self._suppressor = suppressor
        self._voice = Ear(voice)
        self._strict_voice = Ear(strict) if strict else None
        # (end, echo, robot speaks) of the open frame's blocks
        self._shares: list[tuple[int, float, bool]] = []
        self._gated = 0                      # next sample for the echo gate
        self._framed = 0                     # next sample for the voice model
        self._overlaps = 0                   # [frames] of the robot's voice so far
        self._t0 = 0.0                       # Unix time of sample 0

    def time(self, position: int) -> float:
        """Acquisition time of a sample [Unix s]."""
        return self._t0 + position / RATE

    @property
    def robot_speaks(self) -> bool:
        """It does, and has for long enough that the strict stream holds nothing of it."""
        return self.echo.active and self._overlaps > TRUST

    def play(self, t: float, samples: np.ndarray) -> None:
        """An int16 block of shape (BLOCK,) whose first sample leaves the loudspeaker at ``t``
        [Unix s].
        """
        self.echo.play(t, samples)

    def hear(self, t: float, position: int, samples: np.ndarray) -> Iterator[HeardFrame]:
        """Take int16 samples whose first one is number ``position``, recorded at ``t``; old ones
        are ignored.
        """
        if self.ring.end and position > self.ring.end:
            self.lost += position - self.ring.end
        if not self.ring.end or position > self.ring.end + RATE:
            self._gated, self._framed = _next(position, BLOCK), _next(position, FRAME)
            self._overlaps = 0               # whoever cleans the sound may have begun anew as well
        if not self.ring.write(samples, position):
            return
        self._t0 = t - position / RATE
        yield from self._judge()

    def hear_strict(self, position: int, samples: np.ndarray) -> Iterator[HeardFrame]:
        """The same of the strict stream, before or after its gentle twin; for nothing before the
        first of those.
        """
        if self.ring.end and self._strict_voice and self._strict.write(samples, position):
            yield from self._judge()

    def _judge(self) -> Iterator[HeardFrame]:
        while self._gated + BLOCK <= self.ring.end:
            self._gate(self.ring.read(self._gated, self._gated + BLOCK))
        while (self._framed + FRAME <= self._gated
               and not self._awaits_strict(self._framed + FRAME)):
            self._framed += FRAME
            yield self._frame(self.ring.read(self._framed - FRAME, self._framed))

    def _gate(self, block: np.ndarray) -> None:
        share = self.echo.hear(self.time(self._gated), block)
        if self._suppressor:
            self.clean.write(self._suppressor(block), self._gated)
        self._gated += BLOCK
        self._shares.append((self._gated, share, self.echo.active))

    def _awaits_strict(self, end: int) -> bool:
        """Both streams come from one hand, so this is a matter of a millisecond."""
        known = self._strict.end
        return bool(known) and known < end <= known + GONE and self.ring.end < end + WAIT

    def _frame(self, samples: np.ndarray) -> HeardFrame:
        start = self._framed - FRAME
        inside = [(share, active) for end, share, active in self._shares
                  if end > start and end - BLOCK < self._framed]
        self._shares = [item for item in self._shares if item[0] > self._framed]
        share = float(np.mean([share for share, _ in inside] or [0.0]))
        overlap = any(active for _, active in inside)
        strict = self._strictly(overlap)
        known = strict or 0.0
        probability = max(self._voice(samples, self._framed), known)
        voice = VoiceFrame(self.time(self._framed), FRAME / RATE, probability,
                           share * (1.0 - known), overlap, strict)
        return HeardFrame(self._framed, voice, level_dbfs(samples))

    def _strictly(self, overlap: bool) -> float | None:
        """Probability of a voice in the strict stream, asked only while the robot speaks: else
        both hold the same.
        """
        if self._strict_voice is None or not overlap:
            return None
        samples = self._strict.read(self._framed - FRAME, self._framed)
        if samples.size < FRAME:
            self._strict_voice.reset()
            return None
        self._overlaps += 1
        probability = self._strict_voice(samples, self._framed)
        return probability if self._overlaps > TRUST else None


def _next(position: int, step: int) -> int:
    """The first whole step from ``position`` on: frames lie alike whenever listening began."""
    return -(-position // step) * step
