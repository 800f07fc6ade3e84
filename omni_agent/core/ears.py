"""From sound to percepts: the only place where both streams of a microphone, what the loudspeaker
plays, and what the models answer become what was said. The node feeds it at the pace of the
microphone, a replay at that of the disk.

Every step gives what is to be done at once and in that order: a step that is not read through was
not made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Protocol, Union

import numpy as np

from .audio import RATE
from .cues import Cues
from .echo import BLOCK
from .endpoint import Endpointer, EndpointParams
from .errors import WireError
from .events import SpeechStarted, SpeechStopped
from .heard_cues import HeardCues
from .hearing import LONGEST_CHUNK, HeardFrame, Hearing, Suppressor, VoiceModel
from .onset import RESUME_DB, Onset
from .own_words import OwnWords
from .params import param
from .percepts import Kind, Perceived
from .sense_vectors import Vector
from .utterance import Request, Utterance

# both streams of a microphone bear the same stamps, but for those of a clock that is being set
TWINS_S = 0.05
# position and stamp of a chunk disagree by more than this: the microphone began anew
RESTARTED_S = 0.5


@dataclass(frozen=True)
class PerceptionParams:
    """Which models listen, and how often."""

    vad: str = param('silero', 'voice-activity model: silero, or fake')
    recogniser: str = param(
        'moonshine', 'speech recogniser: moonshine, moonshine_two_pass (a larger model for final '
        'words: fewer lost in rooms and noise, 0.1 s later, 500 MB), fake, or none')
    names: str = param(
        'robot', 'names of the robot, with commas between them (as in addressee.name of decision): '
        'looked for again in final words, for recognisers lose them; empty = not')
    turn_end: str = param('smart_turn', 'end-of-turn model: smart_turn, fake, or none')
    voice_print: str = param(
        'ge2e', 'what tells voices apart: ge2e (speaker embedding, wherever somebody stands), or '
        'spectrum (its colour and pitch at one place; taken, too, where the model is missing)')
    noise_suppression: bool = param(
        False, 'take steady noise out of what is recognised (WebRTC): for a recogniser that '
        'is not as used to noise as moonshine, which loses words by it')
    partial_s: float = param(0.3, 'time between partial results [s]', 0.1, 2.0, live=True)
    overlap_partial_s: float = param(
        0.12, 'the same while the robot speaks: a decision to stop waits for them [s]', 0.1, 2.0,
        live=True)


    @property
    def name_list(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.names.split(',') if name.strip())


@dataclass(frozen=True)
class Recognised:
    """What the recogniser made of a request, in how many seconds, and what its sound tells
    besides.
    """

    request: Request
    text: str
    seconds: float
    cues: Cues = ()
    print: tuple[float, ...] = ()
    vector: Vector = ()              # of its sound, where words are final


@dataclass(frozen=True)
class TurnEndJudged:
    """What the turn-end model made of a request."""

    request: Request
    probability: float


@dataclass(frozen=True, slots=True)
class Framed:
    """One frame of sound as it was judged: what SpeechState.msg shows."""

    t: float                         # of its last sample [Unix s]
    utterance: int
    probability: float
    echo: float
    text_echo: float
    is_speaking: bool
    voiced_s: float
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class Recognise:
    """Have float32 ``samples`` recognised; those of a final request are judged for the end of the
    turn, too. ``over``: the robot spoke meanwhile, so they may be a nod.
    """

    request: Request
    samples: np.ndarray
    over: bool = False


Effect = Union[Framed, Perceived, Recognise]


class Lips(Protocol):
    """What the camera says about who speaks."""

    def heard(self, t: float, probability: float) -> None: ...

    def cues(self, since: float) -> Cues: ...


class Ears:
    """``is_idle``: the recogniser has nothing to do. ``count``: something happened that people may
    want to know of, in words.
    """

    def __init__(self, params: PerceptionParams, endpoint: EndpointParams, lips: Lips,
                 is_idle: Callable[[], bool], count: Callable[[str], None]) -> None:
        self.params, self.lips = params, lips
        self._is_idle, self._count = is_idle, count
        self.endpointer = Endpointer(endpoint)
        self.utterance = Utterance()
        self.cues = HeardCues()
        self.own_words = OwnWords()
        self.onset = Onset(endpoint.onset_db)
        self.resumed = Onset(RESUME_DB)          # of who fell silent just now
        self.hearing: Hearing | None = None      # None: deaf
        # [samples] from a chunk's position to that in the stream
        self._offset = 0
        self._own = 0.0                      # share of the newest words that the robot itself said

    def hear_with(self, voice: VoiceModel, strict: VoiceModel | None,
                  suppressor: Suppressor | None) -> None:
        """From now on; the stream begins anew."""
        self.hearing, self._offset = Hearing(voice, strict, suppressor), 0

    def be_deaf(self) -> Iterator[Effect]:
        yield from self.rest()
        self.hearing = None

    def rest(self) -> Iterator[Effect]:
        """Whoever was speaking is not heard any more; what is heard later is another utterance."""
        if self.hearing is not None and self.endpointer.speaking:
            yield self._perceived(Kind.SPEECH_STOPPED, self.endpointer.last_voiced)
        self.begin_after(self.endpointer.utterance)

    def begin_after(self, number: int) -> None:
        """The next utterance has the number after this one."""
        self.endpointer = Endpointer(self.endpointer.params)
        self.endpointer.utterance = number
        self.utterance, self.onset = Utterance(), Onset(self.endpointer.params.onset_db)
        self.resumed = Onset(RESUME_DB)

    # -- what the rest of the robot says ----------------------------------------------------------

    def interrupted(self, t: float, ducked: bool, is_new_reply: bool) -> None:
        """A decision was made about what was said: what follows is another utterance."""
        if not ducked:
            self.endpointer.close()
        if is_new_reply:                     # so who spoke last spoke to the robot
            self.cues.answered(t)

    def played(self, t: float, epoch: int, heard: str) -> None:
        self.own_words.played(t, epoch, heard)

    def reference(self, t: float, samples: np.ndarray, rate: int = RATE) -> None:
        """int16 samples that the loudspeaker plays from ``t`` on."""
        if self.hearing is None or samples.size == 0 or samples.size % BLOCK or rate != RATE:
            self._count('refused references')
            return
        for at in range(0, samples.size, BLOCK):
            self.hearing.play(t + at / RATE, samples[at:at + BLOCK])

    # -- sound ------------------------------------------------------------------------------------

    def audio(self, t: float, position: int, samples: np.ndarray) -> Iterator[Effect]:
        """int16 mono samples, the first one number ``position`` and recorded at ``t``."""
        if self.hearing is None:
            self._count('chunks before the voice model was ready')
            return
        at = self._position(t, position)
        if self.hearing.ring.end and at < self.hearing.ring.end:
            self._count('chunks from the past')
            return
        for frame in self.hearing.hear(t, at, samples):
            yield from self._frame(frame)
        self._count('chunks')

    def strict(self, t: float, position: int, samples: np.ndarray) -> Iterator[Effect]:
        """The twin of a chunk of ``audio``; one that is not, or not of this microphone, is left
        alone.
        """
        if self.hearing is None or not self.hearing.ring.end:
            return
        at = position + self._offset
        if abs(t - self.hearing.time(at)) > TWINS_S:
            self._count('strict chunks of another microphone')
            return
        robot_speaks, end = self.hearing.robot_speaks, self.hearing.time(at + samples.size)
        over = self.onset.hear(samples, robot_speaks, self.endpointer.speaking)
        trails = not robot_speaks and self.endpointer.trails(end)
        after = self.resumed.hear(samples, trails, self.endpointer.speaking)
        if over or after:
            self._count('sounds over its own voice' if over else 'sounds after a voice')
            yield self._perceived(Kind.SOUND_STARTED, end)
        for frame in self.hearing.hear_strict(at, samples):
            yield from self._frame(frame)

    def _position(self, t: float, position: int) -> int:
        """Where in the stream a chunk belongs: a microphone that was started again counts from 0
        again.
        """
        end = self.hearing.ring.end
        if end and abs(t - self.hearing.time(position + self._offset)) > RESTARTED_S:
            self._count('microphone restarts')
            missing = max(0, round((t - self.hearing.time(end)) * RATE))
            self._offset = end + missing - position
        return position + self._offset

    def _frame(self, frame: HeardFrame) -> Iterator[Effect]:
        event = self.endpointer.step(frame.voice)
        self.lips.heard(frame.voice.t,
                        frame.voice.probability * (1.0 - frame.voice.echo_likelihood))
        yield self._framed(frame)
        if isinstance(event, SpeechStarted):
            self._own = 0.0
            self.utterance.start(event, frame, self.hearing.time)
            yield self._perceived(Kind.SPEECH_STARTED, event.t)
        elif self.endpointer.last_voiced == frame.voice.t:
            # its level is that of the voice, without the pauses
            self.utterance.go_on(frame)
        if isinstance(event, SpeechStopped):
            yield self._perceived(Kind.SPEECH_STOPPED, event.t)
            self.utterance.stop()
        yield from self._recognise(frame)
        yield from self._final()

    def _recognise(self, frame: HeardFrame) -> Iterator[Effect]:
        """Partials while the voice lasts; the final one is begun at the first pause, before it is
        known to be one.
        """
        every_s = self.params.overlap_partial_s if frame.voice.overlap else self.params.partial_s
        request = self.utterance.request(frame, self.endpointer, every_s)
        if request is None or (not request.final and not self._is_idle()):
            return
        self.utterance.requested(request)
        samples = self.hearing.clean.read(request.start, request.end).astype(np.float32) / 32768.0
        yield Recognise(request, samples, frame.voice.overlap)

    # -- what the models answer -------------------------------------------------------------------

    def awaits(self, request: Request) -> bool:
        """Whether an answer to it still says anything."""
        return self.hearing is not None and request.utterance == self.endpointer.utterance

    def recognised(self, result: Recognised) -> Iterator[Effect]:
        request = result.request
        if not self.awaits(request):
            return
        self._own = self.own_words.likelihood(result.text, self.utterance.t)
        self.cues.measured(request.utterance, self.utterance.t, result.cues, result.print)
        if request.final:
            self.utterance.words = result
            yield from self._final()
        # a stop phrase is obeyed before its silence is certain
        if self.endpointer.speaking and result.text:
            yield self._perceived(Kind.PARTIAL, self.hearing.time(request.end), result.text,
                                  processing_s=result.seconds)

    def turn_end_judged(self, result: TurnEndJudged) -> Iterator[Effect]:
        self.utterance.turn_end = (result.request, result.probability)
        yield from self._final()

    def _final(self) -> Iterator[Effect]:
        """Once the silence is certain and both models have spoken about the same piece of
        sound.
        """
        ready = self.utterance.final()
        if ready is None or self.endpointer.speaking:
            return
        words, probability = ready
        yield self._perceived(Kind.FINAL, self.hearing.time(words.request.end), words.text,
                              probability, words.seconds, words.vector)

    # -- what is told -----------------------------------------------------------------------------

    def _framed(self, frame: HeardFrame) -> Framed:
        return Framed(frame.voice.t, self.endpointer.utterance, frame.voice.probability,
                      frame.voice.echo_likelihood, self._own, self.endpointer.speaking,
                      self.endpointer.voiced_s, frame.level_dbfs)

    def _perceived(self, kind: Kind, t: float, text: str = '', turn_end: float = math.nan,
                   processing_s: float = 0.0, vector: Vector = ()) -> Perceived:
        if kind is Kind.SOUND_STARTED:
            return Perceived(kind, t)
        heard, level_dbfs = self.utterance, self.utterance.level_dbfs
        number = self.endpointer.utterance
        cues = self._cues(kind, number, t, level_dbfs) if text or kind is Kind.FINAL else ()
        return Perceived(kind, t, number, heard.t, text, turn_end, self.endpointer.voiced_s,
                         level_dbfs, heard.echo_likelihood,
                         self.own_words.likelihood(text, heard.t), processing_s=processing_s,
                         cues=cues, audio_vector=vector)

    def _cues(self, kind: Kind, number: int, t: float, level_dbfs: float) -> Cues:
        """Voice, source and camera; what was not measured is not listed."""
        found = (*self.cues.of(number, level_dbfs), *self.lips.cues(self.utterance.t))
        if kind is Kind.FINAL:
            self.cues.said(number, self.utterance.t, t, level_dbfs)
        return found


def mono(chunk: Any) -> np.ndarray:
    """int16 samples of an AudioChunk, by its fields alone; raises WireError for what no microphone
    of ours sends.
    """
    samples = np.frombuffer(chunk.samples, np.int16)
    if chunk.rate != RATE or chunk.channels != 1:
        raise WireError(
            f'audio at {chunk.rate} Hz with {chunk.channels} channels: send {RATE} Hz mono')
    if not 0 < samples.size <= LONGEST_CHUNK:
        raise WireError(
            f'an audio chunk of {samples.size} samples: send 1 to {LONGEST_CHUNK}, 320 is best')
    return samples
