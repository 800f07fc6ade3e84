"""``percept`` and ``playback`` -> people's voices as REP-155 has them: who is tracked, who speaks,
what is said.

One voice: the agent does not tell people apart by their voices. Whatever is said is published, to
whomever it was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_agent_msgs.msg import AudioChunk, Percept, Playback
from rclpy.node import Node
from rclpy.subscription import Subscription
from std_msgs.msg import Bool

from . import qos
from .bridge_sound import audio_data, ros_drivers
from .health import Health
from .interfaces import TargetError, interface
from .stamps import pace

if TYPE_CHECKING:
    from .bridges import BridgesParams

# how often it is looked whether somebody wants the sound, and whether a voice is still tracked
LOOK_S = 0.5
SILENT = (Percept.SPEECH_STOPPED, Percept.FINAL)


class Voices:
    """Raises TargetError where hri_msgs is not installed; without audio_common_msgs only the sound
    is missing.
    """

    def __init__(self, node: Node, health: Health, params: BridgesParams) -> None:
        self._node, self._health, self._params = node, health, params
        self._live_speech = interface('hri_msgs/msg/LiveSpeech')
        self._ids_list = interface('hri_msgs/msg/IdsList')
        voice = f'{params.humans}/voices/{params.voice}'
        self.tracked = node.create_publisher(self._ids_list, f'{params.humans}/voices/tracked',
                                             qos.STATE)
        self.speaking = node.create_publisher(Bool, f'{voice}/is_speaking', qos.SPEECH_STATE)
        self.speech = node.create_publisher(self._live_speech, f'{voice}/speech', qos.PERCEPT)
        self.sound = self._sound(f'{voice}/audio')
        self.robot = (node.create_publisher(Bool, params.robot_speaking, qos.STATE)
                      if params.robot_speaking else None)
        self._ids: list[str] | None = None       # None: nothing said yet
        self._silent_s = 0.0
        self._speaks = False
        self._ears: Subscription | None = None
        node.create_subscription(Percept, 'percept', self.on_percept, qos.PERCEPT)
        if self.robot is not None:
            node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        node.create_timer(LOOK_S, self.on_timer, clock=pace(node))
        self._track([])

    def _sound(self, topic: str):  # noqa: ANN202 - a publisher, or None
        try:
            self._audio_data = ros_drivers('AudioData')
            return self._node.create_publisher(self._audio_data, topic, qos.AUDIO)
        except TargetError as error:
            self._health.values['sound of voices'] = str(error)
            return None

    def on_percept(self, percept: Percept) -> None:
        if percept.kind == Percept.SPEECH_STARTED:
            self._speaking(True)
        elif percept.kind in SILENT:
            self._speaking(False)
        if percept.kind in (Percept.PARTIAL, Percept.FINAL) and percept.text:
            self._say(percept)

    def _speaking(self, on: bool) -> None:
        self._silent_s = 0.0
        self._track([self._params.voice])
        if on != self._speaks:
            self._speaks = on
            self.speaking.publish(Bool(data=on))

    def _say(self, percept: Percept) -> None:
        """A recogniser that is sure of nothing but whose voice it was: that is its confidence."""
        message = self._live_speech(
            header=percept.header, locale=self._params.locale,
            confidence=1.0 - max(0.0, min(1.0, float(percept.text_echo_likelihood))))
        if percept.kind == Percept.FINAL:
            message.final = percept.text
        else:
            message.incremental = percept.text
        self.speech.publish(message)
        self._health.count('utterances to REP-155', percept.kind == Percept.FINAL)

    def on_playback(self, playback: Playback) -> None:
        if playback.state in (Playback.STARTED, Playback.FINISHED, Playback.FLUSHED):
            self.robot.publish(Bool(data=playback.state == Playback.STARTED))

    def on_timer(self) -> None:
        self._silent_s = 0.0 if self._speaks else self._silent_s + LOOK_S
        if self._silent_s > self._params.forget_s:
            self._track([])
        wanted = self.sound is not None and self.sound.get_subscription_count() > 0
        if wanted and self._ears is None:
            self._ears = self._node.create_subscription(AudioChunk, 'audio', self.on_audio,
                                                        qos.AUDIO)
        elif not wanted and self._ears is not None:
            self._node.destroy_subscription(self._ears)
            self._ears = None

    def on_audio(self, chunk: AudioChunk) -> None:
        """Only while somebody speaks: it is the sound of the voice, not of the room."""
        if self._speaks:
            self.sound.publish(audio_data(self._audio_data, chunk))

    def _track(self, ids: list[str]) -> None:
        if ids != self._ids:
            self._ids = ids
            message = self._ids_list(ids=ids)
            message.header.stamp = self._node.get_clock().now().to_msg()
            self.tracked.publish(message)
