"""The agent in other people's words: what REP-155, rqt_chat, audio_common and rviz expect, each if
it is installed.

Optional: the agent is whole without this node. A bridge whose messages are missing says so in the
diagnostics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from omni_agent.core.params import param

from .bridge_answers import Answers
from .bridge_bubble import Bubble
from .bridge_chat import Chat
from .bridge_ears import ForeignMicrophone
from .bridge_sound import SoundOut
from .bridge_voices import Voices
from .health import WARN, Health
from .interfaces import TargetError
from .node import join
from .parameters import declare
from .shell import main as run


@dataclass(frozen=True)
class BridgesParams:
    """Which bridges stand, and under which names."""

    voices: bool = param(
        True, 'people\'s voices and words as REP-155 has them (hri_msgs), below humans/voices/')
    chat: bool = param(
        True, 'what is typed into rqt_chat, which publishes it as a voice, is typed to the agent '
        '(hri_msgs)')
    answers: bool = param(
        True, 'what the robot said is shown in rqt_chat (tts_msgs); nobody else is sent it')
    engine: str = param(
        '/tts_engine/tts', 'the action of rqt_chat by which it is told what to show')
    sound: bool = param(
        True,
        'the microphone and the robot\'s voice as audio_common has them (audio_common_msgs of '
        'ros-drivers), below audio_common/; costs nothing while nobody listens')
    bubble: bool = param(
        True, 'what is said, and what the agent is at, as text for rviz (speech_bubble)')
    humans: str = param('/humans', 'where REP-155 has its people; absolute by the REP')
    voice: str = param('anonymous_speaker',
                       'name of the voice that is heard, and of the one that types')
    locale: str = param('en_US', 'language that is recognised, as LiveSpeech names it')
    forget_s: float = param(10.0,
                            'a voice that is silent for this long is not tracked any more [s]',
                            1.0, 600.0, live=True)
    robot_speaking: str = param(
        '/robot_speaking', 'std_msgs/Bool: whether the robot speaks, as speech recognisers of '
        'ROS4HRI ask; empty = not published')
    microphone: str = param(
        '', 'a topic of audio_common_msgs/AudioDataStamped or AudioData that becomes "audio", in '
        'place of the microphone node; empty = none')
    microphone_rate: int = param(16000, 'of that sound, unless its audio_info says so [Hz]', 8000,
                                 192000)
    microphone_channels: int = param(1, 'of that sound, unless its audio_info says so', 1, 8)
    frame_id: str = param('camera_optical',
                          'frame in which the bubble hangs: the one of the pictures')


PARAMETERS = (('', BridgesParams),)     # (prefix, dataclass): what is declared below
OFF = 'off'


class Bridges:
    """Owns nothing but the bridges: each is a few subscriptions and publishers on the one node."""

    def __init__(self) -> None:
        self.node = join('bridges')
        self.params = params = declare(self.node, BridgesParams)
        self.health = Health(self.node)
        self.standing: dict[str, object] = {}
        for name, wanted, build in (('voices', params.voices,
                                     lambda: Voices(self.node, self.health, params)),
                                    ('chat', params.chat,
                                     lambda: Chat(self.node, self.health, params)),
                                    ('answers', params.answers,
                                     lambda: Answers(self.node, self.health, params)),
                                    ('sound', params.sound,
                                     lambda: SoundOut(self.node, self.health)),
                                    ('microphone', bool(params.microphone),
                                     lambda: ForeignMicrophone(self.node, self.health, params)),
                                    ('bubble', params.bubble,
                                     lambda: Bubble(self.node, params.frame_id))):
            self._build(name, wanted, build)

    def _build(self, name: str, wanted: bool, build: Callable[[], object]) -> None:
        self.health.values[f'bridge {name}'] = OFF
        if not wanted:
            return
        try:
            self.standing[name] = build()
            self.health.values[f'bridge {name}'] = 'stands'
        except TargetError as error:
            self.health.values[f'bridge {name}'] = f'{OFF}: {error}'
            self.node.get_logger().info(f'bridge {name}: {error}')
            # somebody named a topic: that is more than a default
            if name == 'microphone':
                self.health.trouble(name, WARN, str(error))

    def close(self) -> None:
        self.standing.clear()


def main() -> None:
    run(Bridges)


if __name__ == '__main__':
    main()
