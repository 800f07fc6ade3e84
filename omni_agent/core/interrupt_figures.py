"""What became of every item of a set of interruptions, from a recording of the room, and the
figures of all of them.

Times come from what the loudspeaker really played (``sounding``), from the item's first sound on.
The orders of the decision node only say which quiet stretch is an answer to it: a pause between
two words is none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Iterable, Mapping, Sequence

import numpy as np

from .causes import ONSET_S, SLOW_S
from .interrupt_set import HALVES, NODS, NOISES, Item
from .recording import Interrupt, Line, Recording, Tracks
from .sounding import RobotSound, Voice, lowered_spans

STOPPED = ('barge_in', 'stop_phrase', 'superseded', 'hush', 'new_reply')
BEFORE_S = 0.3          # the voice must have been up this long before the item


@dataclass(frozen=True)
class Fate:
    """One item in one room. None: it never happened, or does not apply."""

    item: Item
    room: str
    played: bool                        # the robot was speaking when it was said
    error: str = ''                     # why it says nothing, where it was not
    onset: float = 0.0                  # [s] in the robot's track
    lower_ms: float | None = None       # first sound -> voice at least 15 dB lower
    silence_ms: float | None = None     # first sound -> last sound of a reply that was ended
    ended: bool = False                 # the reply did not come back
    reason: str = ''                    # which interrupt ended it
    lowered_s: float = 0.0              # how long the voice was lowered, where it came back
    heard: str = ''                     # what the recogniser made of it
    why: str = ''                       # the decision node's own words

    @property
    def right(self) -> bool:
        return self.played and self.ended == self.item.interrupts

    def as_row(self) -> dict:
        row = asdict(self)
        row.update(row.pop('item'))
        return {
            **{
                key: row.pop(key)
                for key in ('file', 'kind', 'text', 'voice', 'half')
            },
            **row, 'right': self.right
        }


class Judge:
    """``items`` by the index of their line; ``late_s`` is how long after a line's start its first
    sound is.
    """

    def __init__(self, recording: Recording, tracks: Tracks, room: str = '') -> None:
        self.recording, self.tracks, self.room = recording, tracks, room
        self.sound = RobotSound(tracks, recording.playback)

    def fates(self, items: Mapping[int, Item],
              late_s: Mapping[int, float] | None = None) -> list[Fate]:
        return [self._fate(line, items[line.index], (late_s or {}).get(line.index, 0.0))
                for line in self.recording.lines if line.index in items]

    @property
    def stale_samples(self) -> int:
        """Samples of a reply that were heard although an interrupt had made it void long enough
        before.
        """
        return round(
            sum(stale.span.seconds
                for stale in self.sound.stale(self.recording.interrupts)) * self.tracks.rate)

    @property
    def lowered_by_nothing(self) -> int:
        """How often the voice was lowered while nobody made a sound: the noise of the room, or its
        own echo.
        """
        said = [(line.t - ONSET_S, self._until(line)) for line in self.recording.lines
                if not line.missed]
        return sum(not any(start <= span.start < end for start, end in said)
                   for span in lowered_spans(self.recording.interrupts, self.recording.end))

    def _fate(self, line: Line, item: Item, late_s: float) -> Fate:
        onset = line.t + late_s
        if line.missed:
            return Fate(item, self.room, False, 'the robot did not speak for long enough')
        voice = self.sound.voice_at(onset)
        if voice is None or self._is_low(onset):
            return Fate(
                item, self.room, False, 'the robot was not speaking' if voice is None else
                'the voice was already lowered, for something else', onset - self.tracks.t0)
        until = self._until(line)
        cut = self._cut(voice, onset, until)
        last = self.sound.last_sounding(voice.epoch) if cut else None
        return Fate(item, self.room, True, '', onset - self.tracks.t0,
                    self._lower_ms(onset, voice,
                                   until), None if last is None else 1000 * max(0.0, last - onset),
                    cut is not None, cut.reason if cut else '',
                    0.0 if cut else self._lowered_s(onset, voice, until), self._heard(
                        onset, until), self._why(onset, until))

    def _is_low(self, onset: float) -> bool:
        return any(span.start < onset - ONSET_S and span.stop > onset - BEFORE_S
                   for span in lowered_spans(self.recording.interrupts, self.recording.end))

    def _until(self, line: Line) -> float:
        later = [
            other.t for other in self.recording.lines if other.t > line.t and not other.missed
        ]
        return min([line.end + SLOW_S, *later])

    def _cut(self, voice: Voice, onset: float, until: float) -> Interrupt | None:
        """The first interrupt in the item's time that made the reply void while it was being
        played.
        """
        for one in self.recording.interrupts:
            if one.epoch > voice.epoch and one.received >= onset - ONSET_S:
                finished = voice.state == 'finished' and voice.end <= one.received
                return (one if one.received < until and one.reason in STOPPED and not finished else
                        None)
        return None

    def _lower_ms(self, onset: float, voice: Voice, until: float) -> float | None:
        orders = [one.t for one in self.recording.interrupts if onset - ONSET_S <= one.t < until
                  and (one.ducked or one.epoch > voice.epoch and one.reason in STOPPED)]
        lowered = self.sound.lowered_at(onset, orders[0]) if orders else None
        return None if lowered is None or lowered > until else 1000 * max(0.0, lowered - onset)

    def _lowered_s(self, onset: float, voice: Voice, until: float) -> float:
        spans = lowered_spans(self.recording.interrupts, max(voice.end, until))
        return sum(max(0.0, min(span.stop, voice.end) - span.start) for span in spans
                   if onset - ONSET_S <= span.start < until)

    def _heard(self, onset: float, until: float) -> str:
        texts = [
            one.text for one in self.recording.percepts
            if one.kind in ('partial', 'final') and one.text and onset < one.received < until
        ]
        return texts[-1] if texts else ''

    def _why(self, onset: float, until: float) -> str:
        found = [
            state.why for state in self.recording.states
            if onset < state.received < until and state.why
        ]
        return '; '.join(dict.fromkeys(found))


def figures(fates: Sequence[Fate], stale_samples: int | None) -> dict[str, float | None]:
    """The test half under the plain keys, the other as ``development_*``; stale samples of the
    whole run.
    """
    found = {**of_half([fate for fate in fates if fate.item.half == 'test']),
             'stale_samples': None if stale_samples is None else float(stale_samples)}
    other = of_half([fate for fate in fates if fate.item.half == HALVES[0]])
    return {**found, **{f'development_{key}': value for key, value in other.items()}}


def of_half(fates: Sequence[Fate]) -> dict[str, float | None]:
    known = [fate for fate in fates if fate.played]
    meant = [fate for fate in known if fate.item.interrupts]
    others = [fate for fate in known if not fate.item.interrupts]
    nods, noises = _of(known, NODS), _of(known, NOISES)
    stops = _of(known, ('stop',))
    alarms = [fate.lowered_s for fate in others if not fate.ended and fate.lowered_s > 0]
    found = {
        **percentiles('lower', [fate.lower_ms for fate in meant]),
        'lower_never': share(fate.lower_ms is None for fate in meant),
        **percentiles('silence', [fate.silence_ms for fate in meant if fate.ended]),
        'silence_never': share(not fate.ended for fate in meant),
        'recall': share(fate.ended for fate in meant),
        'lost_on_nod': share(fate.ended for fate in nods),
        'lost_on_noise': share(fate.ended for fate in noises),
        'lowered_on_nod': share(fate.lowered_s > 0 or fate.ended for fate in nods),
        'lowered_on_noise': share(fate.lowered_s > 0 or fate.ended for fate in noises),
        'lowered_s_per_false_alarm': float(np.mean(alarms)) if alarms else None,
        'stop_phrase_recall': share(fate.ended for fate in stops),
        'stop_phrase_false': float(sum(fate.reason == 'stop_phrase' for fate in others)),
        'recall_human': share(fate.ended for fate in meant if fate.item.is_human),
    }
    for kind in ('question', 'command', 'correction'):
        found[f'recall_{kind}'] = share(fate.ended for fate in _of(known, (kind,)))
    for room in dict.fromkeys(fate.room for fate in fates):
        there = [fate for fate in meant if fate.room == room]
        found.update({
            f'{room}_lower_p50_ms': percentiles('lower',
                                                [fate.lower_ms for fate in there])['lower_p50_ms'],
            f'{room}_recall': share(fate.ended for fate in there),
            f'{room}_lost': share(fate.ended for fate in others if fate.room == room)
        })
    return {
        **found, 'interruptions': float(len(meant)),
        'nods': float(len(nods)),
        'noises': float(len(noises)),
        'unmeasured': float(len(fates) - len(known))
    }


def _of(fates: Iterable[Fate], kinds: Sequence[str]) -> list[Fate]:
    return [fate for fate in fates if fate.item.kind in kinds]


def percentiles(name: str, values: Iterable[float | None]) -> dict[str, float | None]:
    """To 0.01 ms: they are differences of Unix times, which a float holds to 0.0002 ms."""
    known = [value for value in values if value is not None]
    p50, p95 = ((round(float(value), 2) for value in np.percentile(known, (50, 95))) if known else
                (None, None))
    return {f'{name}_p50_ms': p50, f'{name}_p95_ms': p95}


def share(flags: Iterable[bool]) -> float | None:
    known = list(flags)
    return sum(known) / len(known) if known else None
