"""Whose lips move in time with the sound: evidence over a few seconds that a face is the one that
speaks.

Looks are too rare to follow syllables. What can be told is whether lips moved from one look to the
next, and whether somebody was heard meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Iterable

from .cues import FACE
from .faces import Face

WINDOW_S = 3.0           # [s] of sound and looks that count
LONGEST_S = 1.0          # [s] two looks farther apart say nothing about what was between them
ENOUGH_S = 0.5           # [s] of speech between looks, or nothing is said
# [mouth widths] from one look to the next: lips that moved, half of the time
MOVED = 0.045
SHARP = 0.012            # how sharply; a still mouth differs by up to 0.02
# How often lips are seen to move between two looks: of whoever speaks, while it speaks and in its
# pauses; of others
SPEAKS, PAUSES, OTHERS = 0.6, 0.2, 0.2
MOST = 400               # frames of sound kept (31 a second)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose lips move in time with the sound, how likely it is theirs, and whether that person
    looks here [0..1].
    """

    track: int
    likelihood: float
    looks_here: float


@dataclass(frozen=True, slots=True)
class _Mouth:
    t: float
    open: float
    looks_here: float


class LipsInTime:
    """Feed it with both in order of time; ``score`` says for each track how likely the sound is
    its.
    """

    def __init__(self) -> None:
        self._sound: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._mouths: dict[int, deque[_Mouth]] = {}
        self._looked_s = -math.inf

    def heard(self, t: float, probability: float) -> None:
        """That a frame of sound that ends at ``t`` holds speech."""
        self._sound.append((t, probability))

    def seen(self, t: float, faces: Iterable[Face]) -> None:
        """Faces as they were measured at ``t``; none: nobody's was seen. Those without a track are
        nobody's.
        """
        self._looked_s = t
        for face in faces:
            if face.track and math.isfinite(face.mouth_open):
                self._mouths.setdefault(face.track,
                                        deque()).append(_Mouth(t, face.mouth_open,
                                                               face.looks_here))
        for track, mouths in list(self._mouths.items()):
            while mouths and t - mouths[0].t > WINDOW_S:
                mouths.popleft()
            if not mouths:
                del self._mouths[track]

    def score(self, track: int, since: float = -math.inf) -> float | None:
        """In [0, 1] that what was heard after ``since`` comes from these lips; None while too
        little is known.
        """
        mouths = [one for one in self._mouths.get(track, ()) if one.t >= since]
        odds = voiced_s = 0.0
        for before, now in zip(mouths, mouths[1:]):
            speech = self._speech(before.t, now.t)
            if speech is None or now.t - before.t > LONGEST_S:
                continue
            voiced_s += speech * (now.t - before.t)
            moved = 1.0 / (1.0 + math.exp((MOVED - abs(now.open - before.open)) / SHARP))
            odds += speech * _evidence(moved, SPEAKS) + (1.0 - speech) * _evidence(moved, PAUSES)
        return 1.0 / (1.0 + math.exp(-odds)) if voiced_s >= ENOUGH_S else None

    def speaker(self, since: float = -math.inf) -> Speaker | None:
        """The likeliest of all faces; it looks here if it did so for half of that time."""
        scores = {
            track: score
            for track in self._mouths if (score := self.score(track, since)) is not None
        }
        if not scores:
            return None
        track = max(sorted(scores), key=lambda one: scores[one])
        looks = [one.looks_here for one in self._mouths[track] if one.t >= since]
        return Speaker(track, scores[track], median(looks))

    def cues(self, since: float) -> tuple[tuple[str, float], ...]:
        """What faces say about an utterance that began then, by name [0..1]; what is not known is
        not there.

        'faces': somebody's was seen. 'looks_here': who speaks does, or, where lips do not tell who
        that is, the one who does so most. 'lips': somebody's moved with the sound. 'face': no
        evidence, but the track of who speaks.
        """
        if self._looked_s < since:
            return ()
        looks = {track: median([one.looks_here for one in mouths if one.t >= since])
                 for track, mouths in self._mouths.items() if mouths[-1].t >= since}
        if not looks:
            return (('faces', 0.0),)
        speaker = self.speaker(since)
        known = speaker is not None and speaker.likelihood > 0.5
        found = (('faces', 1.0), ('looks_here',
                                  speaker.looks_here if known else max(looks.values())))
        if speaker is None:
            return found
        who = ((FACE, float(speaker.track)),) if known else ()
        return (*found, ('lips', speaker.likelihood), *who)

    def _speech(self, start: float, end: float) -> float | None:
        """Mean probability of the sound between two looks."""
        heard = [probability for t, probability in self._sound if start < t <= end]
        return sum(heard) / len(heard) if heard else None


def _evidence(moved: float, expected: float) -> float:
    """Log odds of the one who speaks against others."""
    return (moved * math.log(expected / OTHERS) + (1.0 - moved) * math.log(
        (1.0 - expected) / (1.0 - OTHERS)))
