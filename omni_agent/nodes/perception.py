"""``audio``, ``audio/strict`` and ``image_raw`` -> ``speech_state``, ``look`` and ``percept``.
Never waits for a reply.

Here the ears get their messages and their workers; what they make of them is in ``core/ears.py``,
and ``watching.py`` has the eyes. What the robot itself plays (``speaker/reference``) and says
(``playback``) is known, so that it is not taken for a person.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Iterable

import numpy as np
from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, Playback, SpeechState
from rclpy.subscription import Subscription
from std_msgs.msg import String

from omni_agent.backends import ear_models, load
from omni_agent.core import ears
from omni_agent.core.ears import Ears, Framed, PerceptionParams, Recognised, TurnEndJudged
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.errors import BackendError, WireError
from omni_agent.core.fovea import FoveaParams
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.hearing import Suppressor
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.ringing import RINGS, Ringing
from omni_agent.core.tracks import TracksParams

from . import qos
from .arrival import Arrival
from .closer import PARAMETERS as OF_CLOSER
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

VOICE_PRINT = 'voice_print'
PARAMETERS = (
    ('', PerceptionParams),
    ('', WatchingParams),
    ('endpoint', EndpointParams),
    ('tracks', TracksParams),
    ('skip', FrameSkipParams),
    ('fovea', FoveaParams),
    # (prefix, dataclass): what is declared below, in Watching and in Closer
    *OF_CLOSER)


class Perception:
    """The executor thread hears and frames; one worker a model does the rest."""

    def __init__(self) -> None:
        self.node = join('perception')
        self.params = declare(self.node, PerceptionParams)
        endpoint = declare(self.node, EndpointParams, 'endpoint', self._on_endpoint)
        self.health = Health(self.node)
        self.states = self.node.create_publisher(SpeechState, 'speech_state', qos.SPEECH_STATE)
        self.percepts = self.node.create_publisher(Percept, 'percept', qos.PERCEPT)
        self.inbox: Inbox = Inbox(self.node, self.on_result)
        self._lateness = Lateness(
            self.health, 'pace of the recogniser', 'partial results come late, and interruptions '
            'with them: give it more cores, or raise partial_s')
        self.recognise, self.judge_end, self.voice_print = None, None, None
        self.ringing = Ringing()
        self.sounds = self.node.create_publisher(String, 'sound', qos.PERCEPT)
        self.node.create_subscription(Interrupt, 'interrupt', self.on_interrupt, qos.STATE)
        self.node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        self.sense = Sense(
            self.node, self.health, self.inbox, 'hear', {
                'vad': lambda: ear_models.voices(self.params.vad),
                'recogniser': lambda: load.recogniser(self.params.recogniser,
                                                      names=self.params.name_list),
                'turn_end': lambda: load.turn_end(self.params.turn_end),
                VOICE_PRINT: lambda: load.voice_print(self.params.voice_print)
            }, self._listen, self._take)
        self.arrival = Arrival(self.node, self.health, 'microphone', 'sound', 'audio',
                               lambda: self.sense.attached)
        self.watching = Watching(self.node, self.health, self.inbox)
        self.ears = Ears(self.params, endpoint, self.watching,
                         lambda: self.sense.workers['recogniser'].idle, self.health.count)
        self.sense.attach()
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
        elif part == VOICE_PRINT:
            self.voice_print = model
        elif model is not None:
            self.ears.hear_with(*model, self._suppressor())
        else:
            self._perform(self.ears.be_deaf())

    def _on_endpoint(self, params: EndpointParams) -> None:
        self.ears.onset.margin_db = params.onset_db

    def rest(self) -> None:
        """Whoever was speaking is not heard any more; what is heard later is another utterance."""
        self._perform(self.ears.rest())

    # -- messages ---------------------------------------------------------------------------------

    def on_interrupt(self, message: Interrupt) -> None:
        is_new_reply = message.reason == Interrupt.NEW_REPLY
        self.watching.spare(message.ducked or is_new_reply)
        self.ears.interrupted(seconds(message.header.stamp), message.ducked, is_new_reply)

    def on_audio(self, chunk: AudioChunk) -> None:
        self.arrival.came()
        try:
            samples = ears.mono(chunk)
        except WireError as error:
            self.health.count('refused chunks')
            self.health.trouble('audio', WARN, str(error))
            return
        self._perform(self.ears.audio(seconds(chunk.header.stamp), chunk.position, samples))
        if self.ringing.hear(samples):
            self.health.count('times that something rang')
            self.sounds.publish(String(data=RINGS))
        self.health.well('audio')
        if self.ears.hearing is not None:
            self.health.values['samples lost'] = str(self.ears.hearing.lost)

    def on_strict(self, chunk: AudioChunk) -> None:
        try:
            samples = ears.mono(chunk)
        except WireError:
            self.health.count('refused strict chunks')
            return
        self._perform(self.ears.strict(seconds(chunk.header.stamp), chunk.position, samples))

    def on_playback(self, playback: Playback) -> None:
        if playback.state == Playback.STARTED:
            self.watching.spare(False)
        self.ears.played(seconds(playback.header.stamp), playback.epoch, playback.heard)

    def on_reference(self, chunk: AudioChunk) -> None:
        self.ears.reference(seconds(chunk.header.stamp), np.frombuffer(chunk.samples, np.int16),
                            chunk.rate)

    # -- what the ears want -----------------------------------------------------------------------

    def _perform(self, effects: Iterable[ears.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Framed):
                self._publish_state(effect)
            elif isinstance(effect, Perceived):
                self._publish(effect)
            else:
                self._recognise(effect)

    def _recognise(self, wanted: ears.Recognise) -> None:
        request, samples = wanted.request, wanted.samples
        self.sense.workers['recogniser'].submit(lambda: self.inbox.put(
            ear_models.transcribe(self.recognise, wanted, self.voice_print)))
        if request.final:
            self.sense.workers['turn_end'].submit(lambda: self.inbox.put(
                ear_models.judge_end(self.judge_end, request, samples)))

    def _publish_state(self, frame: Framed) -> None:
        state = SpeechState(utterance=frame.utterance, probability=frame.probability,
                            echo_likelihood=frame.echo, text_echo_likelihood=frame.text_echo,
                            is_speaking=frame.is_speaking, voiced_s=frame.voiced_s,
                            level_dbfs=frame.level_dbfs)
        state.header.stamp = stamp(frame.t)
        self.states.publish(state)

    def _publish(self, perceived: Perceived) -> None:
        if perceived.kind in (Kind.SCENE, Kind.FINAL):
            perceived = replace(perceived, vision_vector=self.watching.vector(perceived.t))
        percept = Percept(
            kind=perceived.kind.value, utterance=perceived.utterance,
            start=stamp(perceived.start), text=perceived.text,
            turn_end_probability=perceived.turn_end, voiced_s=perceived.voiced_s,
            level_dbfs=perceived.level_dbfs, echo_likelihood=perceived.echo,
            text_echo_likelihood=perceived.text_echo, salience=perceived.salience,
            processing_s=perceived.processing_s, cue_names=[name for name, _ in perceived.cues],
            cue_values=[float(value) for _, value in perceived.cues],
            audio_vector=array('f', perceived.audio_vector),
            vision_vector=array('f', perceived.vision_vector),
            fused_vector=array('f', perceived.fused_vector))
        percept.header.stamp = stamp(perceived.t)
        self.percepts.publish(percept)

    # -- results of the workers, back in the executor thread --------------------------------------

    def on_result(self,
                  result: Recognised | TurnEndJudged | Seen | Ready | Dropped | GivenBack) -> None:
        if isinstance(result, Recognised):
            self._on_recognised(result)
        elif isinstance(result, TurnEndJudged):
            self._perform(self.ears.turn_end_judged(result))
        elif isinstance(result, Seen):
            self._on_seen(result)
        elif isinstance(result, Ready):
            self._on_ready(result)
        elif isinstance(result, Dropped):
            self._sense(result.part).on_dropped(result)
        else:
            {
                sense.name: sense
                for sense in (self.sense, self.watching.sense)
            }[result.sense].on_given_back()

    def _on_seen(self, seen: Seen) -> None:
        self.watching.on_seen(seen)
        if seen.news is not None and self.watching.sense.attached:
            self.health.count('scenes')
            self._publish(Perceived(Kind.SCENE, seen.t, text=seen.news.text,
                                    salience=seen.news.salience, processing_s=seen.seconds))

    def _on_ready(self, result: Ready) -> None:
        if result.part == VOICE_PRINT and result.error is not None and self.sense.attached:
            self.sense.on_ready(Ready(VOICE_PRINT))          # it is done without
            self.health.trouble(VOICE_PRINT, WARN, f'{result.error}. Until then voices are told '
                                'apart by spectrum and pitch')
        elif self.sense.knows(result.part):
            self.sense.on_ready(result)
        elif self.watching.sense.knows(result.part):
            self.watching.on_ready(result)
        else:                                    # a picture that is none, or nothing to draw with
            self.health.trouble(result.part, WARN, str(result.error))

    def _sense(self, part: str) -> Sense:
        return self.sense if self.sense.knows(part) else self.watching.sense

    def _suppressor(self) -> Suppressor | None:
        try:
            return load.suppressor('webrtc' if self.params.noise_suppression else 'none')
        except BackendError as error:
            self.health.trouble('noise suppressor', WARN, str(error))
            return None

    def _on_recognised(self, result: Recognised) -> None:
        if self.ears.awaits(result.request):
            self.health.well('recogniser')
            # those that come while somebody speaks; a final one may take its time
            if not result.request.final:
                self._lateness.did(result.seconds, self.params.partial_s)
        self._perform(self.ears.recognised(result))

    def close(self) -> None:
        self.sense.close()
        self.watching.close()


def main() -> None:
    run(Perception, Urgency.EXECUTOR)


if __name__ == '__main__':
    main()
