"""Is what the robot remembers of a reply that was cut off what could be heard of it?

The judge is the robot's track. The speaker's own account is what is judged, so nothing of it is
used but its last word; where a word lies in the track follows from the chunks as they were sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from .heard import LARGER_PART
from .recording import Recording, Speech, Tracks
from .sounding import AUDIBLE_DBFS, FRAME_S, RobotSound, Voice

LOUD_PERCENTILE = 90       # level of the vowels of a reply: a lowered voice stays clearly below
LOWERED_DB = 20.0          # a voice lowered by 26 dB is this far under it even in its vowels
LONGEST_WORD_S = 0.7       # what lies between two words beyond this is a pause
_ENDS = re.compile(r'[.!?。！？]["\')\]”’]*$')


@dataclass(frozen=True)
class HeardError:
    """One reply that was cut off."""

    epoch: int
    remembered: tuple[str, ...]
    audible: tuple[str, ...]

    @property
    def words(self) -> int:
        """Words too many and too few."""
        common = 0
        for one, other in zip(self.remembered, self.audible):
            if one != other:
                break
            common += 1
        return len(self.remembered) + len(self.audible) - 2 * common

    @property
    def sentences(self) -> int:
        """Sentences of which one has a word and the other none."""
        return abs(sentences_begun(self.remembered) - sentences_begun(self.audible))


def sentences_begun(words: Sequence[str]) -> int:
    """How many sentences have at least their first word in ``words``."""
    return sum(1 for before in ('.', *words[:-1]) if _ENDS.search(before)) if words else 0


def heard_errors(recording: Recording, tracks: Tracks) -> list[HeardError]:
    """One for every reply that was heard in part, in the order in which they began."""
    sound = RobotSound(tracks, recording.playback)
    cut = [voice for voice in sound.voices if voice.state == 'flushed']
    return [HeardError(voice.epoch, _remembered(recording, voice),
                       _audible(recording.speech, sound, voice.epoch)) for voice in cut]


def figures(recording: Recording, tracks: Tracks) -> dict[str, float | None]:
    """Means over all replies that were cut off, None if there were none."""
    errors = heard_errors(recording, tracks)
    count = len(errors)
    return {'heard_text_error_words': sum(one.words for one in errors) / count if count else None,
            'heard_text_error_sentences':
                sum(one.sentences for one in errors) / count if count else None,
            'heard_text_replies': count}


def _remembered(recording: Recording, voice: Voice) -> tuple[str, ...]:
    """The memory takes the loudspeaker's last report."""
    last = [one for one in recording.playback
            if one.epoch == voice.epoch and one.state == 'flushed']
    return tuple(last[-1].heard.split())


def _audible(speech: Sequence[Speech], sound: RobotSound, epoch: int) -> tuple[str, ...]:
    chunks = sorted({one.sequence: one for one in speech if one.epoch == epoch}.values(),
                    key=lambda one: one.sequence)
    begun, end = sound.first_audible(epoch), _end_of_full_voice(sound, epoch)
    if begun is None or end is None:
        return ()
    words = _word_times(chunks, begun)
    heard = 0
    for index, (start, stop, _) in enumerate(words):
        if end - start > LARGER_PART * min(stop - start, LONGEST_WORD_S):
            heard = index + 1
    return tuple(word for _, _, word in words[:heard])


def _word_times(chunks: Sequence[Speech], begun: float) -> list[tuple[float, float, str]]:
    """(start, end, word) in Unix seconds: a chunk follows the one before once it is there."""
    found: list[tuple[float, str]] = []
    at, latency = begun, 0.0
    for index, chunk in enumerate(chunks):
        latency = at - chunk.received if index == 0 else latency
        at = max(at, chunk.received + latency)
        spoken = chunk.text.split()
        found += [(at + chunk.seconds * place / len(spoken), word)
                  for place, word in enumerate(spoken)]
        at += chunk.seconds
    stops = [start for start, _ in found[1:]] + [at]
    return [(start, stop, word) for (start, word), stop in zip(found, stops)]


def _end_of_full_voice(sound: RobotSound, epoch: int) -> float | None:
    mine = sound.epoch == epoch
    audible = mine & (sound.level > AUDIBLE_DBFS)
    if not audible.any():
        return None
    loud = float(np.percentile(sound.level[audible], LOUD_PERCENTILE))
    limit = max(AUDIBLE_DBFS, loud - LOWERED_DB)
    return float(sound.time[np.flatnonzero(mine & (sound.level > limit))[-1]]) + FRAME_S
