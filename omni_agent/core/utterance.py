"""Which piece of sound is to be recognised when, and when its words are final."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from math import log10
from typing import Callable, Protocol

from .audio import RATE
from .endpoint import Endpointer
from .events import SpeechStarted
from .hearing import HeardFrame

# [samples] before the first voiced frame: soft onsets ('f', 's') are not voiced, and over
PRE_ROLL = int(0.5 * RATE)
#                                the robot's voice a quiet person is found late
POST_ROLL = int(0.1 * RATE)    # [samples] after the last voiced frame
# [frames] of another voice in the strict stream: what it leaves of the robot in a room that
PROOF = 6
#                                has just changed has four of them, and of 216 people who spoke
# over a robot at full
#                                loudness 82 % gave six within 0.5 s, 94 % within 0.7 s, 98 %
# within 1.5 s silence after which the final result is begun; thrown away if the voice goes on
EARLY_S = 0.1
FIRST_PARTIAL_S = 0.25         # voiced time before the first partial result is worth its while


@dataclass(frozen=True, slots=True)
class Request:
    """Recognise samples [start, end) of the stream."""

    utterance: int
    start: int
    end: int
    final: bool


class Words(Protocol):
    """The recogniser's answer to a request."""

    request: Request
    text: str


class Utterance:
    """The open utterance: where it began, how loud it was, what was asked and answered about
    it.
    """

    def __init__(self) -> None:
        self.t = 0.0                       # acquisition time of its first voiced sample [Unix s]
        self.number = 0
        self.begin = 0                     # [samples]
        self.last_voiced = 0               # [samples] end of the last voiced frame
        self.words: Words | None = None
        self.turn_end: tuple[Request, float] | None = None
        self._levels: list[float] = []
        self._echoes: list[float] = []
        self._persons: list[float] = []    # per frame, that it held another voice than the robot's
        self._is_strict = False            # some of those come from the strict stream
        self._partial_at = 0               # end of the last request [samples]
        self._final_for = -1               # last_voiced of the last final request
        self._awaited: Request | None = None
        self._stopped = False

    @property
    def level_dbfs(self) -> float:
        """Level (RMS) of the voiced part."""
        if not self._levels:
            return -96.0
        return (10.0 *
                log10(sum(10.0**(level / 10.0) for level in self._levels) / len(self._levels)))

    @property
    def echo_likelihood(self) -> float:
        """That nobody spoke but the robot; where there is a strict stream, until PROOF of another
        voice.

        Without one it is the mean over the voiced part.
        """
        if self._is_strict:
            best = nlargest(PROOF, self._persons)
            return 1.0 - best[-1] if len(best) == PROOF else 1.0
        return sum(self._echoes) / len(self._echoes) if self._echoes else 0.0

    def start(self, event: SpeechStarted, frame: HeardFrame, time: Callable[[int], float]) -> None:
        """A new utterance, or the same one after a pause."""
        if event.utterance != self.number:
            self.number, self.t = event.utterance, event.t
            self.begin = frame.end - round((time(frame.end) - event.t) * RATE)
            self._levels, self._echoes, self._persons, self._is_strict = [], [], [], False
            self._partial_at = self.begin
        self._stopped = False
        self.last_voiced = frame.end
        self._final_for, self._awaited, self.words, self.turn_end = -1, None, None, None
        self.go_on(frame)

    def go_on(self, frame: HeardFrame) -> None:
        self._levels.append(frame.level_dbfs)
        voice = frame.voice
        self._echoes.append(voice.echo_likelihood)
        self._persons.append(voice.strict if voice.strict is not None else 0.0 if voice.
                             overlap else voice.probability * (1.0 - voice.echo_likelihood))
        self._is_strict = self._is_strict or voice.strict is not None

    def stop(self) -> None:
        self._stopped = True

    def request(self, frame: HeardFrame, endpointer: Endpointer,
                partial_s: float) -> Request | None:
        """What to recognise after this frame, if anything."""
        if not self.number or self.number != endpointer.utterance:
            return None
        if endpointer.last_voiced == frame.voice.t:
            self.last_voiced = frame.end
        silence_s = (frame.end - self.last_voiced) / RATE
        start = max(0, self.begin - PRE_ROLL)
        if silence_s >= EARLY_S and self._final_for != self.last_voiced and not self._is_over():
            return Request(self.number, start, min(frame.end, self.last_voiced + POST_ROLL),
                           final=True)
        waited = (frame.end - self._partial_at) / RATE
        due = partial_s if self._partial_at > self.begin else FIRST_PARTIAL_S
        if endpointer.speaking and silence_s == 0.0 and waited >= due:
            return Request(self.number, start, frame.end, final=False)
        return None

    def _is_over(self) -> bool:
        return self._stopped and self._final_for >= 0

    def requested(self, request: Request) -> None:
        if request.final:
            self._final_for, self._awaited = self.last_voiced, request
            self.words = self.turn_end = None
        else:
            self._partial_at = request.end

    def final(self) -> tuple[Words, float] | None:
        """The final words and the turn-end probability, once, when the silence has lasted and both
        are there.
        """
        if (not self._stopped or self._awaited is None or self.words is None
                or self.turn_end is None):
            return None
        if not self.words.request == self.turn_end[0] == self._awaited:
            return None
        ready = (self.words, self.turn_end[1])
        self._awaited = None
        return ready
