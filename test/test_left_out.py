"""What a recording leaves out, by type."""

from __future__ import annotations

import pytest

from omni_agent.core import left_out
from omni_agent.core.errors import ConfigError


@pytest.mark.parametrize('kind, image, sound',
                         [('sensor_msgs/msg/Image', True, False),
                          ('sensor_msgs/msg/CompressedImage', True, False),
                          ('omni_agent_msgs/msg/AudioChunk', False, True),
                          ('omni_agent_msgs/msg/SpeechChunk', False, True),
                          ('audio_common_msgs/msg/AudioStamped', False, True),
                          ('omni_agent_msgs/msg/Percept', False, False),
                          ('omni_agent_msgs/msg/Look', False, False),
                          ('sensor_msgs/msg/CameraInfo', False, False)])
def test_pictures_and_sound_are_told_by_their_type(kind: str, image: bool, sound: bool) -> None:
    assert left_out.leaves_out(kind, ('image',)) == image
    assert left_out.leaves_out(kind, ('sound',)) == sound
    assert left_out.leaves_out(kind, ('image', 'sound')) == (image or sound)
    assert not left_out.leaves_out(kind, ())


@pytest.mark.parametrize('topic, derived', [
    ('/robot/image_overlay', True), ('/image_raw/compressed', True), ('/other/compressed', False),
    ('/image_raw', False), ('/look', False), ('/track_markers', True)])
def test_what_is_drawn_for_somebody_who_looks_is_derived(topic: str, derived: bool) -> None:
    assert left_out.is_derived(topic, {'/image_raw', '/look', '/other/compressed'}) == derived


def test_names_are_separated_by_commas() -> None:
    assert left_out.parse(' sound,image ') == ('image', 'sound') and left_out.parse('') == ()
    with pytest.raises(ConfigError, match="'smell' cannot be left out: choose from image, sound"):
        left_out.parse('sound,smell')


@pytest.mark.parametrize('name, secret', [('server.api_key', True), ('token', True),
                                          ('max_tokens', False), ('keyframe_hz', False),
                                          ('wifi_password', True), ('turn.judge_s', False)])
def test_secrets_are_told_by_their_names(name: str, secret: bool) -> None:
    assert left_out.is_secret(name) == secret


def test_what_is_said_aloud_tells_what_is_recorded() -> None:
    assert left_out.announcement(()) == 'I am recording what I hear and see from now on.'
    assert left_out.announcement(('image',)) == 'I am recording what I hear from now on.'
    assert left_out.announcement(('sound',)) == (
        'I am recording what I see, and the words that I understand, from now on.')
    assert 'without sound and pictures' in left_out.announcement(('image', 'sound'))
