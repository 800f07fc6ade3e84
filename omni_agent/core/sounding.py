"""When the robot could be heard, how loud, and which epoch that sound belonged to.

The robot's track is what the loudspeaker really played, so it is the judge; ``playback`` records
only say which epoch a stretch of it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from .recording import Interrupt, Playback, Tracks

FRAME_S = 0.01          # finer than any latency of interest, long enough for the RMS of a voice
AUDIBLE_DBFS = -45.0    # what a person notices (a voice is played at about -20)
SOUNDING_DBFS = -70.0   # above digital silence: a voice lowered by 26 dB is not yet silent
GAP_S = 0.3             # pauses between words that do not end a stretch of speech
LEAD_IN_S = 0.1         # a stretch may be stamped this much after its first sample
GRACE_S = 0.15          # topic hop 30 ms, block 20 ms, device buffer 80 ms, fade 8 ms, rounded up
STALE_MIN_S = 0.03      # less than this is a click of the frame grid, not speech
LOWERED_DB = 15.0       # clearly lowered
LOWERED_HOLD_S = 0.06   # and for longer than the closure of a plosive
REFERENCE_S = 1.5       # how loud the voice was: median over this long before the person began


@dataclass(frozen=True)
class Span:
    start: float        # [Unix s]
    stop: float

    @property
    def seconds(self) -> float:
        return self.stop - self.start


@dataclass(frozen=True)
class Voice:
    """One epoch on the loudspeaker, from the playback records."""

    epoch: int
    begin: float
    end: float                 # newest sample reported
    state: str                 # finished | flushed | playing (the recording ended first)
    heard: str


@dataclass(frozen=True)
class Stale:
    """Sound of ``epoch`` although ``current`` had been in force for longer than GRACE_S."""

    span: Span
    epoch: int
    current: int


def frame_levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """RMS of int16 samples of shape (n,) in frames of FRAME_S, shape (n // frame,) [dBFS]."""
    size = max(1, int(rate * FRAME_S))
    whole = samples[:samples.size - samples.size % size]
    frames = whole.reshape(-1, size).astype(np.float32) / 32768.0
    power = np.mean(np.square(frames), axis=1) if frames.size else np.zeros(0, np.float32)
    return 10.0 * np.log10(np.maximum(power, 1e-10))


def stretches(sounding: np.ndarray, t0: float, gap_s: float = GAP_S) -> list[Span]:
    """Boolean frames of shape (n,) -> spans, joined over pauses shorter than ``gap_s``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sounding.astype(np.int8), [0]))))
    spans: list[Span] = []
    for start, stop in zip(edges[::2], edges[1::2]):
        span = Span(t0 + float(start) * FRAME_S, t0 + float(stop) * FRAME_S)
        if spans and span.start - spans[-1].stop < gap_s:
            span = Span(spans.pop().start, span.stop)
        spans.append(span)
    return spans


def voices(playback: Sequence[Playback]) -> list[Voice]:
    """Playback records -> one Voice per epoch, in the order in which they began."""
    grouped: dict[int, list[Playback]] = {}
    for record in playback:
        grouped.setdefault(record.epoch, []).append(record)
    found = [_voice(epoch, records) for epoch, records in grouped.items()]
    return sorted((voice for voice in found if voice is not None), key=lambda voice: voice.begin)


def _voice(epoch: int, records: list[Playback]) -> Voice | None:
    records = [record for record in records if record.samples_played or record.state == 'started']
    if not records:                   # flushed before its first sample: nobody heard it
        return None
    first = records[0]
    begin = first.t - first.samples_played / max(1, first.rate)
    ends = [record for record in records if record.state in ('finished', 'flushed')]
    closed = ends[0] if ends else records[-1]
    heard = max((record.heard for record in records), key=len)
    state = closed.state if ends else 'playing'
    return Voice(epoch, begin, closed.t, state, heard)


class RobotSound:
    """The robot's track in frames, each with its level and its epoch (0: before the first)."""

    def __init__(self, tracks: Tracks, playback: Sequence[Playback]) -> None:
        self.t0 = tracks.t0
        self.level = frame_levels(tracks.robot, tracks.rate)
        self.time = self.t0 + FRAME_S * np.arange(self.level.size)
        self.voices = voices(playback)
        self.epoch = self._owners()

    def _owners(self) -> np.ndarray:
        """A frame belongs to the voice that began last, even after that voice was cut off."""
        starts: list[float] = []
        for voice, before in zip(self.voices, [None, *self.voices]):
            start = voice.begin - LEAD_IN_S
            if before is not None and before.state == 'flushed':
                start = min(voice.begin, max(start, before.end))
            starts.append(start)
        owners = np.array([0, *(voice.epoch for voice in self.voices)], np.uint64)
        return owners[np.searchsorted(np.array(starts), self.time + FRAME_S / 2, side='right')]

    def audible(self) -> list[Span]:
        return stretches(self.level > AUDIBLE_DBFS, self.t0)

    def voice_at(self, t: float) -> Voice | None:
        """The voice that was being played at ``t``."""
        playing = [voice for voice in self.voices if voice.begin <= t < voice.end]
        return playing[-1] if playing else None

    def first_audible(self, epoch: int) -> float | None:
        """Time of the first audible sample of an epoch."""
        hits = np.flatnonzero((self.epoch == epoch) & (self.level > AUDIBLE_DBFS))
        return float(self.time[hits[0]]) if hits.size else None

    def last_sounding(self, epoch: int) -> float | None:
        """Time after the last sample of an epoch that was not silence, lowered or not."""
        hits = np.flatnonzero((self.epoch == epoch) & (self.level > SOUNDING_DBFS))
        return float(self.time[hits[-1]]) + FRAME_S if hits.size else None

    def lowered_at(self, onset: float, ordered: float) -> float | None:
        """When the voice was LOWERED_DB under its level before ``onset``, not before ``ordered``.

        A pause between words is not a reaction, so nothing before the order counts.
        """
        before = (self.time >= onset - REFERENCE_S) & (self.time < onset)
        before &= self.level > AUDIBLE_DBFS
        if not before.any():
            return None
        limit = float(np.median(self.level[before])) - LOWERED_DB
        low = self.level <= limit
        hold = round(LOWERED_HOLD_S / FRAME_S)
        first = int(np.searchsorted(self.time, ordered - FRAME_S / 2))
        for at in range(first, low.size - hold):
            if low[at:at + hold].all():
                return float(self.time[at])
        return None

    def stale(self, interrupts: Sequence[Interrupt]) -> list[Stale]:
        """Every stretch of sound that an interrupt should have prevented."""
        times = np.array([interrupt.received + GRACE_S for interrupt in interrupts])
        newest = np.maximum.accumulate(np.array([0, *(i.epoch for i in interrupts)], np.uint64))
        current = newest[np.searchsorted(times, self.time, side='right')]
        late = (self.level > SOUNDING_DBFS) & (self.epoch < current) & (self.epoch > 0)
        found: list[Stale] = []
        for span in stretches(late, self.t0, gap_s=3 * FRAME_S):
            at = int(round((span.start - self.t0) / FRAME_S))
            if span.seconds >= STALE_MIN_S - 1e-9:
                found.append(Stale(span, int(self.epoch[at]), int(current[at])))
        return found


def lowered_spans(interrupts: Sequence[Interrupt], end: float) -> list[Span]:
    """When the voice was ordered to be low; an open one lasts until ``end``."""
    spans: list[Span] = []
    since: float | None = None
    for interrupt in interrupts:
        if interrupt.ducked and since is None:
            since = interrupt.t
        elif not interrupt.ducked and since is not None:
            spans.append(Span(since, interrupt.t))
            since = None
    if since is not None:
        spans.append(Span(since, end))
    return spans
