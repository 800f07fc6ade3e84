"""Voice-activity probability -> where a person's speech starts and stops."""

from __future__ import annotations

from dataclasses import dataclass

from .events import SpeechStarted, SpeechStopped
from .params import param

SURE_ECHO = 0.2            # likelihood of echo up to which one frame is enough
# probabilities of two frames in a row that are together as good as two voiced ones
PAIR = 0.6
FAINT = 0.1                # of which the first is at least this
TRAIL_S = 2.0              # no silence decides about a turn for longer


@dataclass(frozen=True)
class EndpointParams:
    """When a voice counts as started and as stopped."""

    LIVE = True          # each is read where it is used

    threshold: float = param(0.5, 'speech probability at which a frame counts as voiced', 0.05,
                             0.95)
    keep_threshold: float = param(
        0.35, 'below the first one once started, so that weak endings stay whole', 0.05, 0.95)
    echo_limit: float = param(0.3, 'frames that are more than this share own echo do not count',
                              0.0, 1.0)
    start_frames: int = param(2, 'voiced frames of 32 ms in a row that start an utterance', 1, 20)
    sure: float = param(
        0.6,
        'while the robot speaks one frame with this probability and hardly any echo starts an '
        'utterance: its voice gives way a frame earlier; 1.0 = never', 0.5, 1.0)
    onset_db: float = param(
        5.0,
        'while the robot speaks its voice gives way to any sound that rises this much above a '
        'steady room, before that is known to be a voice; 40 = never [dB]', 3.0, 40.0)
    stop_s: float = param(0.16, 'silence after which speech counts as stopped [s]', 0.05, 2.0)
    join_s: float = param(0.7,
                          'speech that starts again within this time continues the utterance [s]',
                          0.0, 3.0)


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """One judged frame that ended at ``t`` and lasted ``duration_s``."""

    t: float
    duration_s: float
    probability: float
    echo_likelihood: float
    overlap: bool = False      # the robot could be heard at the same time
    # then: probability without any of its voice, where that is known
    strict: float | None = None


class Endpointer:
    """Two frames start an utterance (over the robot's voice one sure one), ``stop_s`` of silence
    stops it; numbers count from 1.
    """

    def __init__(self, params: EndpointParams) -> None:
        self.params = params
        self.utterance = 0
        self.speaking = False
        self.voiced_s = 0.0
        self._run: list[VoiceFrame] = []
        self._before = 0.0                   # probability of the frame before, if it was not echo
        self.last_voiced = float('-inf')     # end of the last voiced frame [Unix s]
        self._closed = False

    def close(self) -> None:
        """Speech from here on is another utterance, however short the pause; one in progress is
        finished first.
        """
        self._closed = not self.speaking

    def trails(self, t: float) -> bool:
        """A voice fell silent just now, and may go on."""
        return not self.speaking and t - self.last_voiced <= TRAIL_S

    def step(self, frame: VoiceFrame) -> SpeechStarted | SpeechStopped | None:
        if self.speaking:
            return self._go_on(frame)
        before, self._before = self._before, frame.probability if self._is_voiced(frame,
                                                                                  0.0) else 0.0
        if not self._is_voiced(frame, self.params.threshold):
            self._run = []
            return None
        self._run = self._run + [frame]
        if len(self._run) >= self.params.start_frames or self._is_sure(frame, before):
            return self._start(frame)
        return None

    def _is_sure(self, frame: VoiceFrame, before: float) -> bool:
        """Giving way to a click costs little, being late costs the first word; so only while the
        robot speaks.
        """
        if not frame.overlap or self.params.sure >= 1.0:
            return False
        alone = frame.probability >= self.params.sure and frame.echo_likelihood <= SURE_ECHO
        return alone or (before >= FAINT and before + frame.probability >= PAIR)

    def _is_voiced(self, frame: VoiceFrame, threshold: float) -> bool:
        return frame.probability >= threshold and frame.echo_likelihood <= self.params.echo_limit

    def _start(self, frame: VoiceFrame) -> SpeechStarted:
        first = self._run[0].t - self._run[0].duration_s
        if self._closed or first - self.last_voiced > self.params.join_s:
            self.utterance += 1
            self.voiced_s = 0.0
        self._closed = False
        self.voiced_s += sum(item.duration_s for item in self._run)
        self.speaking, self._run, self._before, self.last_voiced = True, [], 0.0, frame.t
        return SpeechStarted(first, self.utterance)

    def _go_on(self, frame: VoiceFrame) -> SpeechStopped | None:
        if self._is_voiced(frame, self.params.keep_threshold):
            self.voiced_s += frame.duration_s
            self.last_voiced = frame.t
        elif frame.t - self.last_voiced >= self.params.stop_s:
            self.speaking = False
            return SpeechStopped(self.last_voiced, self.utterance, self.voiced_s)
        return None
