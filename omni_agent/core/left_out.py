"""What a recording may leave out, by the type of a message and never by the name of a topic: names
are remapped.
"""

from __future__ import annotations

import re
from typing import Container, Iterable

from .errors import ConfigError

IMAGE, SOUND = 'image', 'sound'
CHOICES = (IMAGE, SOUND)
KEYFRAMES = 'omni_agent_msgs/msg/Look'           # kept, without the small picture in it
PICTURES = frozenset({
    'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage',
    'foxglove_msgs/msg/CompressedImage', 'foxglove_msgs/msg/CompressedVideo',
    'foxglove_msgs/msg/RawImage', 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket',
    'theora_image_transport/msg/Packet'
})
SOUNDS = frozenset({
    'omni_agent_msgs/msg/AudioChunk', 'omni_agent_msgs/msg/SpeechChunk',
    'foxglove_msgs/msg/RawAudio'
})
SOUND_PACKAGES = ('audio_common_msgs', 'audio_msgs')
DRAWN = frozenset({'image_overlay', 'detections', 'track_markers', 'speech_bubble', 'state_text'})
# image_transport's
PACKED = frozenset({'compressed', 'theora', 'ffmpeg', 'zstd', 'compressedDepth'})
# words within the name of a parameter
SECRET = frozenset({'password', 'secret', 'token', 'key'})
HIDDEN = '(left out)'


def parse(text: str) -> tuple[str, ...]:
    """'sound, image' -> ('image', 'sound'). Raises ConfigError."""
    named = {part.strip() for part in text.split(',') if part.strip()}
    for name in sorted(named - set(CHOICES)):
        raise ConfigError(f'{name!r} cannot be left out: choose from {", ".join(CHOICES)}')
    return tuple(sorted(named))


def leaves_out(kind: str, without: Iterable[str]) -> bool:
    """Whether a message of that type is not recorded."""
    package = kind.partition('/')[0]
    return IMAGE in without and kind in PICTURES or SOUND in without and (
        kind in SOUNDS or package in SOUND_PACKAGES)


def is_derived(topic: str, all_topics: Container[str]) -> bool:
    """Made of other topics, and only while somebody looks: listening would cost the robot work."""
    base, _, last = topic.rpartition('/')
    return last in DRAWN or last in PACKED and base in all_topics


def is_secret(parameter: str) -> bool:
    return bool(SECRET & set(re.split(r'[._]', parameter.lower())))


def announcement(without: Iterable[str]) -> str:
    """What the robot says when a recording begins. Words that were understood are always in it."""
    words = 'the words that I understand'
    what = {
        (): 'what I hear and see',
        (IMAGE, ): 'what I hear',
        (SOUND, ): f'what I see, and {words},',
        (IMAGE, SOUND): words
    }[tuple(sorted(without))]
    return (f'I am recording {what} from now on' +
            (', without sound and pictures.' if what == words else '.'))
