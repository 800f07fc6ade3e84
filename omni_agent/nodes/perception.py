"""``audio``, ``audio/strict`` and ``image_raw`` -> ``speech_state``, ``look`` and ``percept``.
Never waits for a reply.

Here are the ears; ``watching.py`` has the eyes. What the robot itself plays
(``speaker/reference``) and says (``playback``) is known, so that it is not taken for a person.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, Playback, SpeechState
from rclpy.subscription import Subscription

from omni_agent.backends import Vad, load, voice_cues
from omni_agent.core.audio import RATE
from omni_agent.core.echo import BLOCK
from omni_agent.core.endpoint import Endpointer, EndpointParams
from omni_agent.core.errors import BackendError, WireError
from omni_agent.core.events import SpeechStarted, SpeechStopped
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.heard_cues import HeardCues
from omni_agent.core.hearing import LONGEST_CHUNK, HeardFrame, Hearing, Suppressor
from omni_agent.core.onset import Onset
from omni_agent.core.own_words import OwnWords
from omni_agent.core.params import param
from omni_agent.core.tracks import TracksParams
from omni_agent.core.utterance import Request, Utterance

from . import qos
from .arrival import Arrival
from .health import WARN, Health
from .lateness import Lateness
from .node import join
from .parameters import declare
from .senses import Dropped, GivenBack, Ready, Sense
from .shell import Urgency
from .shell import main as run
from .stamps import seconds, stamp
from .threads import Inbox
from .watching import Seen, Watching, WatchingParams


# both streams of a microphone bear the same stamps, but for those of a clock that is being set
TWINS_S = 0.05
# position and stamp of a chunk disagree by more than this: the microphone began anew
RESTARTED_S = 0.5


@dataclass(frozen=True)
class PerceptionParams:
    """Which models listen, and how often."""

    vad: str = param('silero', 'voice-activity model: silero, or fake')
    recogniser: str = param('moonshine', 'speech recogniser: moonshine, fake, or none')
    turn_end: str = param('smart_turn', 'end-of-turn model: smart_turn, fake, or none')
    noise_suppression: bool = param(
        False, 'take steady noise out of what is recognised (WebRTC): for a recogniser that '
        'is not as used to noise as moonshine, which loses words by it')
    partial_s: float = param(0.3, 'time between partial results [s]', 0.1, 2.0, live=True)
    overlap_partial_s: float = param(
        0.2, 'the same while the robot speaks: a decision to stop waits for them [s]', 0.1, 2.0,
        live=True)


PARAMETERS = (
    ('', PerceptionParams),
    ('', WatchingParams),
    ('endpoint', EndpointParams),
    ('tracks', TracksParams),
    # (prefix, dataclass): what is declared below and in Watching
    ('skip', FrameSkipParams))


@dataclass(frozen=True)
class Recognised:
    """What the recogniser made of a request."""

    request: Request
    text: str
    seconds: float
    measured: voice_cues.Measured = voice_cues.Measured({})      # what its sound tells besides


@dataclass(frozen=True)
class TurnEndJudged:
    """What the turn-end model made of a request."""

    request: Request
    probability: float


class Perception:
    """The executor thread hears and frames; one worker a model does the rest."""

    def __init__(self) -> None:
        self.node = join('perception')
        self.params = declare(self.node, PerceptionParams)
        self.endpointer = Endpointer(
            declare(self.node, EndpointParams, 'endpoint', self._on_endpoint))
        self.health = Health(self.node)
        self.states = self.node.create_publisher(SpeechState, 'speech_state', qos.SPEECH_STATE)
        self.percepts = self.node.create_publisher(Percept, 'percept', qos.PERCEPT)
        self.inbox: Inbox = Inbox(self.node, self.on_result)
        self.utterance = Utterance()
        self.cues = HeardCues()
        self._lateness = Lateness(
            self.health, 'pace of the recogniser', 'partial results come late, and interruptions '
            'with them: give it more cores, or raise partial_s')
        self.own_words = OwnWords()
        self.onset = Onset(self.endpointer.params.onset_db)
        self.hearing: Hearing | None = None
        self.recognise, self.judge_end = None, None
        # [samples] from a chunk's position to that in the stream
        self._offset = 0
        self._own = 0.0                      # share of the newest words that the robot itself said
        self.node.create_subscription(Interrupt, 'interrupt', self.on_interrupt, qos.STATE)
        self.node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        self.ears = Sense(
            self.node, self.health, self.inbox, 'hear', {
                'vad': lambda: _ears(self.params.vad),
                'recogniser': lambda: load.recogniser(self.params.recogniser),
                'turn_end': lambda: load.turn_end(self.params.turn_end)
            }, self._listen, self._take)
        self.arrival = Arrival(self.node, self.health, 'microphone', 'sound', 'audio',
                               lambda: self.ears.attached)
        self.watching = Watching(self.node, self.health, self.inbox)
        self.ears.attach()
        self.watching.sense.attach()

    def _listen(self) -> list[Subscription]:
        """What was played is to be known before what was heard is judged: it comes first."""
        return [
            self.node.create_subscription(AudioChunk, topic, callback, qos.AUDIO)
            for topic, callback in (('speaker/reference', self.on_reference),
                                    ('audio/strict', self.on_strict), ('audio', self.on_audio))
        ]

    def _take(self, part: str, model: object) -> None:
        """A model has come; None: it goes."""
        if part == 'recogniser':
            self.recognise = model
        elif part == 'turn_end':
            self.judge_end = model
        elif model is not None:
            voice, strict = model
            self.hearing, self._offset = Hearing(voice, strict, self._suppressor()), 0
        else:
            self._be_deaf()

    def _be_deaf(self) -> None:
        self.rest()
        self.hearing = None

    def _on_endpoint(self, params: EndpointParams) -> None:
        self.onset.margin_db = params.onset_db

    def rest(self) -> None:
        """Whoever was speaking is not heard any more; what is heard later is another utterance."""
        if self.hearing is not None and self.endpointer.speaking:
            self._publish(Percept.SPEECH_STOPPED, self.endpointer.last_voiced)
        number, self.endpointer = self.endpointer.utterance, Endpointer(self.endpointer.params)
        self.endpointer.utterance = number
        self.utterance, self.onset = Utterance(), Onset(self.endpointer.params.onset_db)

    # -- messages ---------------------------------------------------------------------------------

    def on_interrupt(self, message: Interrupt) -> None:
        """A decision was made about what was said: what follows is another utterance."""
        if not message.ducked:
            self.endpointer.close()
            self.watching.spare(message.reason == Interrupt.NEW_REPLY)
        if message.reason == Interrupt.NEW_REPLY:        # so who spoke last spoke to the robot
            self.cues.answered(seconds(message.header.stamp))

    def on_audio(self, chunk: AudioChunk) -> None:
        self.arrival.came()
        if self.hearing is None:
            self.health.count('chunks before the voice model was ready')
            return
        try:
            samples = _samples(chunk)
        except WireError as error:
            self.health.count('refused chunks')
            self.health.trouble('audio', WARN, str(error))
            return
        t = seconds(chunk.header.stamp)
        position = self._position(t, chunk.position)
        if self.hearing.ring.end and position < self.hearing.ring.end:
            self.health.count('chunks from the past')
            return
        for frame in self.hearing.hear(t, position, samples):
            self.on_frame(frame)
        self.health.well('audio')
        self.health.count('chunks')
        self.health.values['samples lost'] = str(self.hearing.lost)

    def on_strict(self, chunk: AudioChunk) -> None:
        """The twin of a chunk of ``audio``; one that is not, or not of this microphone, is left
        alone.
        """
        if self.hearing is None or not self.hearing.ring.end:
            return
        try:
            samples = _samples(chunk)
        except WireError:
            self.health.count('refused strict chunks')
            return
        position = chunk.position + self._offset
        if abs(seconds(chunk.header.stamp) - self.hearing.time(position)) > TWINS_S:
            self.health.count('strict chunks of another microphone')
            return
        if self.onset.hear(samples, self.hearing.robot_speaks, self.endpointer.speaking):
            self.health.count('sounds over its own voice')
            self._publish(Percept.SOUND_STARTED, self.hearing.time(position + samples.size))
        for frame in self.hearing.hear_strict(position, samples):
            self.on_frame(frame)

    def on_playback(self, playback: Playback) -> None:
        if playback.state == Playback.STARTED:
            self.watching.spare(False)
        self.own_words.played(seconds(playback.header.stamp), playback.epoch, playback.heard)

    def _position(self, t: float, position: int) -> int:
        """Where in the stream a chunk belongs: a microphone that was started again counts from 0
        again.
        """
        end = self.hearing.ring.end
        if end and abs(t - self.hearing.time(position + self._offset)) > RESTARTED_S:
            self.health.count('microphone restarts')
            missing = max(0, round((t - self.hearing.time(end)) * RATE))
            self._offset = end + missing - position
        return position + self._offset

    def on_reference(self, chunk: AudioChunk) -> None:
        samples = np.frombuffer(chunk.samples, np.int16)
        if self.hearing is None or samples.size == 0 or samples.size % BLOCK or chunk.rate != RATE:
            self.health.count('refused references')
            return
        for at in range(0, samples.size, BLOCK):
            self.hearing.play(seconds(chunk.header.stamp) + at / RATE, samples[at:at + BLOCK])

    # -- hearing ----------------------------------------------------------------------------------

    def on_frame(self, frame: HeardFrame) -> None:
        event = self.endpointer.step(frame.voice)
        self.watching.heard(frame.voice.t,
                            frame.voice.probability * (1.0 - frame.voice.echo_likelihood))
        self._publish_state(frame)
        if isinstance(event, SpeechStarted):
            self._own = 0.0
            self.utterance.start(event, frame, self.hearing.time)
            self._publish(Percept.SPEECH_STARTED, event.t)
        elif self.endpointer.last_voiced == frame.voice.t:
            # its level is that of the voice, without the pauses
            self.utterance.go_on(frame)
        if isinstance(event, SpeechStopped):
            self._publish(Percept.SPEECH_STOPPED, event.t)
            self.utterance.stop()
        self._recognise(frame)
        self._publish_final()

    def _recognise(self, frame: HeardFrame) -> None:
        """Partials while the voice lasts; the final one is begun at the first pause, before it is
        known to be one.
        """
        every_s = self.params.overlap_partial_s if frame.voice.overlap else self.params.partial_s
        request = self.utterance.request(frame, self.endpointer, every_s)
        if request is None or (not request.final and not self.ears.workers['recogniser'].idle):
            return
        self.utterance.requested(request)
        samples = self.hearing.clean.read(request.start, request.end).astype(np.float32) / 32768.0
        self.ears.workers['recogniser'].submit(lambda: self._transcribe(request, samples))
        if request.final:
            self.ears.workers['turn_end'].submit(lambda: self._judge_end(request, samples))

    def _transcribe(self, request: Request, samples: np.ndarray) -> None:
        began = time.monotonic()
        text = self.recognise(samples) if self.recognise else ''
        seconds = time.monotonic() - began
        self.inbox.put(Recognised(request, text.strip(), seconds, voice_cues.measure(samples)))

    def _judge_end(self, request: Request, samples: np.ndarray) -> None:
        self.inbox.put(
            TurnEndJudged(request,
                          self.judge_end(samples) if self.judge_end else math.nan))

    # -- results of the workers, back in the executor thread --------------------------------------

    def on_result(self,
                  result: Recognised | TurnEndJudged | Seen | Ready | Dropped | GivenBack) -> None:
        if isinstance(result, Recognised):
            self._on_recognised(result)
        elif isinstance(result, TurnEndJudged):
            self.utterance.turn_end = (result.request, result.probability)
            self._publish_final()
        elif isinstance(result, Seen):
            self._on_seen(result)
        elif isinstance(result, Ready):
            self._on_ready(result)
        elif isinstance(result, Dropped):
            self._sense(result.part).on_dropped(result)
        else:
            {
                sense.name: sense
                for sense in (self.ears, self.watching.sense)
            }[result.sense].on_given_back()

    def _on_seen(self, seen: Seen) -> None:
        self.watching.on_seen(seen)
        if seen.news is not None and self.watching.sense.attached:
            self.health.count('scenes')
            self._publish(Percept.SCENE, seen.t, text=seen.news.text, salience=seen.news.salience,
                          processing_s=seen.seconds)

    def _on_ready(self, result: Ready) -> None:
        if self.ears.knows(result.part):
            self.ears.on_ready(result)
        elif self.watching.sense.knows(result.part):
            self.watching.on_ready(result)
        else:                                    # a picture that is none, or nothing to draw with
            self.health.trouble(result.part, WARN, str(result.error))

    def _sense(self, part: str) -> Sense:
        return self.ears if self.ears.knows(part) else self.watching.sense

    def _suppressor(self) -> Suppressor | None:
        try:
            return load.suppressor('webrtc' if self.params.noise_suppression else 'none')
        except BackendError as error:
            self.health.trouble('noise suppressor', WARN, str(error))
            return None

    def _on_recognised(self, result: Recognised) -> None:
        request = result.request
        if self.hearing is None or request.utterance != self.endpointer.utterance:
            return
        self.health.well('recogniser')
        # those that come while somebody speaks; a final one may take its time
        if not request.final:
            self._lateness.did(result.seconds, self.params.partial_s)
        self._own = self.own_words.likelihood(result.text, self.utterance.t)
        self.cues.measured(request.utterance, self.utterance.t,
                           tuple(result.measured.cues.items()), result.measured.print)
        if request.final:
            self.utterance.words = result
            self._publish_final()
        # a stop phrase is obeyed before its silence is certain
        if self.endpointer.speaking and result.text:
            self._publish(Percept.PARTIAL, self.hearing.time(request.end), text=result.text,
                          processing_s=result.seconds)

    def _publish_final(self) -> None:
        """Once the silence is certain and both models have spoken about the same piece of
        sound.
        """
        ready = self.utterance.final()
        if ready is None or self.endpointer.speaking:
            return
        words, probability = ready
        self._publish(Percept.FINAL, self.hearing.time(words.request.end), text=words.text,
                      turn_end_probability=probability, processing_s=words.seconds)

    def _publish_state(self, frame: HeardFrame) -> None:
        state = SpeechState(utterance=self.endpointer.utterance,
                            probability=frame.voice.probability,
                            echo_likelihood=frame.voice.echo_likelihood,
                            text_echo_likelihood=self._own, is_speaking=self.endpointer.speaking,
                            voiced_s=self.endpointer.voiced_s, level_dbfs=frame.level_dbfs)
        state.header.stamp = stamp(frame.voice.t)
        self.states.publish(state)

    def _publish(self, kind: int, t: float, text: str = '', turn_end_probability: float = math.nan,
                 salience: float = 0.0, processing_s: float = 0.0) -> None:
        percept = Percept(kind=kind, text=text, turn_end_probability=turn_end_probability,
                          salience=salience, processing_s=processing_s)
        percept.header.stamp = stamp(t)
        if kind not in (Percept.SCENE, Percept.SOUND_STARTED):
            percept.utterance = self.endpointer.utterance
            percept.start = stamp(self.utterance.t)
            percept.voiced_s = self.endpointer.voiced_s
            percept.level_dbfs = self.utterance.level_dbfs
            percept.echo_likelihood = self.utterance.echo_likelihood
            percept.text_echo_likelihood = self.own_words.likelihood(text, self.utterance.t)
        if kind in (Percept.PARTIAL, Percept.FINAL):
            self._add_cues(percept)
        self.percepts.publish(percept)

    def _add_cues(self, percept: Percept) -> None:
        """Voice, source and camera; what was not measured is not listed."""
        found = (*self.cues.of(percept.utterance, percept.level_dbfs),
                 *self.watching.cues(self.utterance.t))
        percept.cue_names = [name for name, _ in found]
        percept.cue_values = [float(value) for _, value in found]
        if percept.kind == Percept.FINAL:
            self.cues.said(percept.utterance, self.utterance.t, seconds(percept.header.stamp),
                           percept.level_dbfs)

    def close(self) -> None:
        self.ears.close()
        self.watching.close()


def _ears(name: str) -> tuple[Vad, Vad]:
    """One model for each stream: each has a memory."""
    return load.vad(name), load.vad(name)


def _samples(chunk: AudioChunk) -> np.ndarray:
    """int16 mono samples of a chunk; raises WireError for what no microphone of ours sends."""
    samples = np.frombuffer(chunk.samples, np.int16)
    if chunk.rate != RATE or chunk.channels != 1:
        raise WireError(
            f'audio at {chunk.rate} Hz with {chunk.channels} channels: send {RATE} Hz mono')
    if not 0 < samples.size <= LONGEST_CHUNK:
        raise WireError(
            f'an audio chunk of {samples.size} samples: send 1 to {LONGEST_CHUNK}, 320 is best')
    return samples


def main() -> None:
    run(Perception, Urgency.EXECUTOR)


if __name__ == '__main__':
    main()
