"""What the sound of the open utterance tells, and how it differs from what was said before: for
Percept.cue_names.
"""

from __future__ import annotations

from .cues import VOICE, Cues, Stream
from .known_voices import KnownVoices


class HeardCues:
    """Of one stream of utterances; numbers are those of the endpointer, times the caller's."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.voices = KnownVoices()
        self._utterance = 0
        self._begin = 0.0
        self._found: Cues = ()
        self._print: tuple[float, ...] = ()

    def measured(self, utterance: int, begin: float, found: Cues, own_print: tuple[float,
                                                                                   ...]) -> None:
        """What was measured on all of it so far; later measurements are of more sound, and
        better, but not all of them have a print.
        """
        if own_print or utterance != self._utterance:
            self._print = own_print
        self._utterance, self._begin, self._found = utterance, begin, found

    def of(self, utterance: int, level_dbfs: float) -> Cues:
        """Nothing where it was not measured yet."""
        if utterance != self._utterance:
            return ()
        number = self.voices.number(self._print, self._begin)
        return (*self._found,
                *self.stream.before(self._begin, self._found, level_dbfs, self._print),
                *(((VOICE, float(number)),) if number else ()))

    def said(self, utterance: int, begin: float, end: float, level_dbfs: float) -> None:
        """It is over, or pauses; it may be told again when it went on."""
        if utterance == self._utterance:
            self.voices.heard(self._print, end)
        self.stream.said(begin, end, self._found if utterance == self._utterance else (),
                         level_dbfs)

    def answered(self, t: float) -> None:
        """The robot is about to answer, so the last voice spoke to it."""
        self.stream.answered(self._print, t)
