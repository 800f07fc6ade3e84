"""The only place that names what can be known of an utterance besides its words: cues of voice,
source and camera, and what a stream of utterances tells about the next one.

A cue that was not measured is not there: missing is not zero. They travel in Percept.cue_names and
cue_values.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Mapping, Sequence

from .known_voices import distance

Cues = tuple[tuple[str, float], ...]
# No evidence but who speaks: the track of the face whose lips move, the number of a known voice
FACE, VOICE = 'face', 'voice'
WHO = (FACE, VOICE)
# nor that: log probability that a nod was said over the robot's voice, and nothing else [nat]
NOD = 'nod'
# mean log probability of the tokens that were recognised [nat]: what words weigh, not for whom
SURE = 'sure'

WINDOW_S = 30.0          # over which talk is counted
BESIDE = 3               # utterances that the next is held beside
KEPT_S = 300.0           # how long the voice of who spoke to the robot is remembered
LONGEST_SILENCE_S = 60.0


@dataclass(frozen=True)
class Cue:
    """What is believed of a cue: its group, what people read, and the range outside of which
    nothing more is told.
    """

    group: str
    words: str
    least: float
    most: float
    log: bool = False


# Ranges are those in which nine of ten utterances of the development half lie. Height and amount
# of the pitch are measured as well, but tell who speaks rather than to whom
CUES: Mapping[str, Cue] = {
    # 2.5 to 6.5 kHz over 0.3 to 1.5 kHz
    'tilt_db': Cue('voice', 'a clear voice', -20.0, -11.0),
    # per 30 ms, 1.5 to 4 kHz
    'onset_db': Cue('voice', 'sharp onsets, as of who is turned this way', 5.0, 20.0),
    'fall_db': Cue('voice', 'a voice without a room', 4.0, 16.0),
    'depth_db': Cue('voice', 'syllables that stand apart', 3.0, 12.0),
    'rise': Cue('voice', 'how it ends', -5.0, 3.0),                          # [semitones]
    'louder_db': Cue('voice', 'as near as who speaks to it', -12.0, 6.0),
    # minus the distance of the prints
    'same_voice': Cue('voice', 'the voice of who spoke to it', -1.5, 0.0),
    # tilt_db, beside the last utterances
    'clearer_db': Cue('voice', 'clearer than the talk before', -8.0, 8.0),
    'sharper_db': Cue('voice', 'sharper than the talk before', -6.0, 6.0),
    'raised_db': Cue('voice', 'louder than the talk before', -8.0, 8.0),
    # the same beyond what a turned head does
    'bright_db': Cue('source', 'brighter than people', -11.0, -3.0),
    'low_db': Cue('source', 'tones lower than a small box has', -16.0, 6.0),
    'range_db': Cue('source', 'loud and soft', 10.0, 45.0),
    'before_db': Cue('source', 'quiet before it', 0.0, 40.0),
    'gaps': Cue('source', 'gaps between its words', 0.0, 0.4),
    'rings': Cue('source', 'music in its gaps', 0.4, 3.0),
    # range of the pitch [semitones]
    'melody': Cue('source', 'several voices', 2.0, 18.0),
    'length_s': Cue('source', 'how long it went on', 2.0, 15.0, log=True),
    'silence_s': Cue('dialogue', 'silence before it', 0.3, LONGEST_SILENCE_S, log=True),
    'talk_share': Cue('dialogue', 'how much was said just before', 0.0, 0.8),
    'faces': Cue('camera', 'somebody is seen', 0.0, 1.0),
    'looks_here': Cue('camera', 'somebody looks at it', 0.0, 1.0),
    'lips': Cue('camera', 'a mouth moves with the sound', 0.0, 1.0),
}
GROUPS = ('words', 'dialogue', 'voice', 'source', 'camera', 'language model')


def scaled(name: str, value: float) -> float:
    """A cue in [-2, 2]: as wide as signs that are there or not, so that a fit holds neither back
    more.
    """
    cue = CUES[name]
    low, high = (math.log(cue.least), math.log(cue.most)) if cue.log else (cue.least, cue.most)
    value = math.log(max(value, cue.least)) if cue.log else value
    return max(-2.0, min(2.0, 4.0 * (value - low) / (high - low) - 2.0))


@dataclass(frozen=True)
class _Spoken:
    begin: float
    end: float
    level_dbfs: float
    cues: Mapping[str, float]


class Stream:
    """Utterances one after another: silence before the next, how much talk there is, how it
    differs from that, and whether its voice is that of who spoke to the robot before. Times in
    seconds; the caller's clock.
    """

    def __init__(self) -> None:
        self._spoken: deque[_Spoken] = deque(maxlen=64)
        self._print: tuple[float, ...] = ()
        self._print_s = -math.inf

    def before(self, begin: float, cues: Cues, level_dbfs: float,
               own_print: Sequence[float] = ()) -> Cues:
        """Cues of an utterance that began then, whose sound has these ``cues``."""
        while self._spoken and self._spoken[0].end < begin - WINDOW_S:
            self._spoken.popleft()
        spoken = [one for one in self._spoken if one.begin < begin]
        silence = begin - max((min(one.end, begin) for one in spoken), default=-math.inf)
        share = (sum(min(one.end, begin) - max(one.begin, begin - WINDOW_S)
                     for one in spoken) / WINDOW_S)
        found = [('silence_s', min(LONGEST_SILENCE_S, silence)), ('talk_share', share)]
        if spoken:
            found.append(
                ('raised_db', level_dbfs - median(one.level_dbfs for one in spoken[-BESIDE:])))
        for name, cue in (('clearer_db', 'tilt_db'), ('sharper_db', 'onset_db')):
            others = [one.cues[cue] for one in spoken[-BESIDE:] if cue in one.cues]
            if others and cue in dict(cues):
                found.append((name, dict(cues)[cue] - median(others)))
        far = distance(self._print, own_print)
        if math.isfinite(far) and begin - self._print_s <= KEPT_S:
            found.append(('same_voice', -far))
        return tuple(found)

    def said(self, begin: float, end: float, cues: Cues, level_dbfs: float) -> None:
        """Somebody, whoever it was, spoke."""
        if self._spoken and self._spoken[-1].begin == begin:
            self._spoken.pop()
        self._spoken.append(_Spoken(begin, max(begin, end), level_dbfs, dict(cues)))

    def answered(self, own_print: Sequence[float], t: float) -> None:
        """That was for the robot."""
        if own_print:
            self._print, self._print_s = tuple(own_print), t
