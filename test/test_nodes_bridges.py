"""The bridges node as a process: REP-155, rqt_chat, audio_common and rviz, with the real message
types of each.
"""

from __future__ import annotations

import array
import time
from types import SimpleNamespace

import numpy as np
import pytest

from ros_bench import OK, WARN, Bench, Heard, audio_chunk, blocks, level_of, pitch, tone, values_of

hri = pytest.importorskip('hri_msgs.msg',
                          reason='interface packages of the tests: make setup-tests')
sound = pytest.importorskip('audio_common_msgs.msg')

from omni_agent_msgs.msg import AgentState, AudioChunk, Percept, Playback  # noqa: E402
from std_msgs.msg import Bool, String  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from omni_agent.backends import RATE  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.bridge_bubble import told  # noqa: E402
from omni_agent.nodes.stamps import seconds, stamp  # noqa: E402

VOICE = '/humans/voices/anonymous_speaker'


class World:
    """What the agent's nodes publish, by our hand, and what other people's tools hear of it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.state = bench.publisher(AgentState, 'agent_state', qos.STATE)
        # as libhri listens
        self.tracked: Heard = bench.listen(hri.IdsList, '/humans/voices/tracked', 1)
        self.speaking: Heard = bench.listen(Bool, f'{VOICE}/is_speaking', 10)
        self.speech: Heard = bench.listen(hri.LiveSpeech, f'{VOICE}/speech', 10)
        self.robot: Heard = bench.listen(Bool, '/robot_speaking', 10)
        self.typed: Heard = bench.listen(String, 'typed', qos.PERCEPT)
        self.process = bench.start('bridges', forget_s=1.0)
        bench.matched('bridges', publishers=(self.percepts, self.playback, self.state),
                      topics=(f'{VOICE}/speech', '/humans/voices/tracked', '/robot_speaking'))

    def percept(self, kind: int, text: str = '', echo: float = 0.0) -> None:
        message = Percept(kind=kind, utterance=1, text=text, text_echo_likelihood=echo)
        message.header.stamp = stamp(time.time())
        self.percepts.publish(message)

    def play(self, state: int, heard: str = '') -> None:
        self.playback.publish(Playback(epoch=1, state=state, heard=heard))


@pytest.fixture(scope='module')
def world(bench: Bench) -> World:
    return World(bench)


def test_every_bridge_stands_where_its_messages_are_installed(world: World) -> None:
    status = world.bench.news('bridges')
    values = values_of(status)
    assert level_of(status) == OK
    assert ({
        name: values[f'bridge {name}']
        for name in ('voices', 'chat', 'sound', 'bubble', 'microphone')
    } == {
        'voices': 'stands',
        'chat': 'stands',
        'sound': 'stands',
        'bubble': 'stands',
        'microphone': 'off'
    })


def test_an_utterance_is_a_voice_that_is_tracked_speaks_and_is_forgotten(world: World) -> None:
    bench = world.bench
    world.percept(Percept.SPEECH_STARTED)
    bench.until(lambda: world.speaking and world.speaking[-1].data, 'is_speaking')
    bench.until(lambda: world.tracked and world.tracked[-1].ids == ['anonymous_speaker'],
                'the voice')
    world.percept(Percept.PARTIAL, 'what is')
    world.percept(Percept.SPEECH_STOPPED)
    world.percept(Percept.FINAL, 'What is the capital?', echo=0.25)
    bench.until(lambda: len(world.speech) >= 2, 'words')
    partial, final = world.speech[-2:]
    assert (partial.incremental, partial.final) == ('what is', '')
    assert (final.incremental, final.final) == ('', 'What is the capital?')
    assert final.locale == 'en_US' and final.confidence == pytest.approx(0.75)
    assert abs(seconds(final.header.stamp) - time.time()) < 30.0
    assert [said.data for said in world.speaking] == [True, False]
    bench.until(lambda: world.tracked[-1].ids == [], 'the voice to be forgotten')


def test_what_the_microphone_heard_does_not_come_back_as_typed(world: World) -> None:
    chat = world.bench.publisher(hri.LiveSpeech, f'{VOICE}/speech', 10)
    world.bench.matched(publishers=(chat,))
    world.bench.until(lambda: chat.get_subscription_count() >= 2, 'the bridge to listen')
    world.percept(Percept.FINAL, 'heard, not typed')
    chat.publish(hri.LiveSpeech(final='  What is on the table? '))     # as rqt_chat does: no stamp
    chat.publish(hri.LiveSpeech(incremental='What is'))
    world.bench.until(lambda: world.typed, 'what was typed')
    assert [message.data for message in world.typed] == ['What is on the table?']


def test_others_learn_when_the_robot_speaks(world: World) -> None:
    world.play(Playback.STARTED)
    world.play(Playback.PLAYING, 'The capital')
    world.play(Playback.FLUSHED, 'The capital is')
    world.bench.until(lambda: len(world.robot) >= 2, 'robot_speaking')
    assert [said.data for said in world.robot] == [True, False]


def test_what_the_robot_said_is_shown_in_rqt_chat_and_sent_to_nobody_else(world: World) -> None:
    action = pytest.importorskip('tts_msgs.action', reason='tts_msgs is not installed').TTS
    from rclpy.action import ActionServer

    bench = world.bench
    shown: dict[str, list[str]] = {'speech_engine': [], 'rqt_gui_py_node_1': []}

    def server(name: str) -> ActionServer:
        def execute(goal: object) -> object:
            shown[name].append(goal.request.input)
            goal.succeed()
            return action.Result()
        return ActionServer(bench.guest(name), action, '/tts_engine/tts', execute)
    engine = server('speech_engine')
    bench.news('bridges')
    world.play(Playback.FINISHED, 'Nobody is to say this twice.')
    bench.news('bridges')
    engine.destroy()
    chat = server('rqt_gui_py_node_1')

    def said() -> bool:
        """It may not have been found yet: then once more."""
        world.play(Playback.PLAYING, 'The capital')
        world.play(Playback.FINISHED, 'The capital is Paris.')
        bench.news('bridges')
        return bool(shown['rqt_gui_py_node_1'])
    bench.until(said, 'the answer')
    world.play(Playback.FLUSHED, 'It lies on the')
    bench.until(lambda: shown['rqt_gui_py_node_1'][-1] == 'It lies on the –', 'what was cut off')
    assert set(shown['rqt_gui_py_node_1']) == {'The capital is Paris.', 'It lies on the –'}
    assert shown['speech_engine'] == []
    chat.destroy()


def test_the_sound_of_a_voice_is_there_while_it_speaks_and_only_for_whoever_asks(
        world: World) -> None:
    bench = world.bench
    microphone = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
    assert microphone.get_subscription_count() == 0             # nobody wants it: nobody listens
    voice: Heard = bench.listen(sound.AudioData, f'{VOICE}/audio', 10)
    bench.until(lambda: microphone.get_subscription_count() == 1, 'the bridge to listen')
    world.percept(Percept.SPEECH_STARTED)
    bench.until(lambda: world.speaking[-1].data, 'is_speaking')
    samples = tone(400.0, 0.2)
    at = [0]

    def send() -> None:
        for block in blocks(samples):
            microphone.publish(audio_chunk(time.time(), at[0], block))
            at[0] += block.size

    send()
    bench.until(lambda: len(voice) >= 10, 'sound of the voice')
    heard = np.frombuffer(b''.join(bytes(message.data) for message in voice), '<i2')
    assert np.array_equal(heard, samples)
    world.percept(Percept.SPEECH_STOPPED)
    bench.until(lambda: not world.speaking[-1].data, 'silence')
    voice.forget()
    send()
    bench.news('bridges')
    assert not voice


def test_microphone_and_voice_are_there_as_audio_common_has_them(world: World) -> None:
    bench = world.bench
    reference = bench.publisher(AudioChunk, 'speaker/reference', qos.AUDIO)
    infos: Heard = bench.listen(sound.AudioInfo, 'audio_common/voice_info', qos.STATE)
    plain: Heard = bench.listen(sound.AudioData, 'audio_common/voice', 10)
    stamped: Heard = bench.listen(sound.AudioDataStamped, 'audio_common/voice_stamped', 10)
    bench.until(lambda: reference.get_subscription_count() and infos, 'the bridge to listen')
    samples = tone(400.0, 0.1)
    for at, block in enumerate(blocks(samples)):
        reference.publish(audio_chunk(1000.0 + 0.02 * at, 320 * at, block))
    bench.until(lambda: len(plain) == len(stamped) == 5, 'five blocks')
    assert b''.join(bytes(message.data) for message in plain) == samples.tobytes()
    assert ([round(seconds(message.header.stamp), 2)
             for message in stamped] == [1000.0, 1000.02, 1000.04, 1000.06, 1000.08])
    info = infos[-1]
    assert ((info.sample_rate, info.channels, info.sample_format, info.coding_format,
             info.bitrate) == (RATE, 1, 'S16LE', 'wave', 256_000))


def test_the_bubble_shows_who_says_what_and_what_the_agent_is_at(world: World) -> None:
    bench = world.bench
    seen: Heard = bench.listen(MarkerArray, 'speech_bubble', qos.LOOK)
    world.percept(Percept.PARTIAL, 'what is the capital')
    world.play(Playback.PLAYING, 'The capital of France is Paris.')
    world.state.publish(
        AgentState(person=AgentState.PERSON_SPEAKING, agent=AgentState.AGENT_SPEAKING, ducked=True,
                   addressee_score=0.9))
    bench.until(lambda: seen and len(seen[-1].markers) == 3, 'three texts')
    markers = {marker.ns: marker for marker in seen[-1].markers}
    assert markers['person'].text == 'what is the capital'
    assert markers['robot'].text == 'The capital of France is Paris.'
    assert markers['state'].text.replace('\n', ' ') == (
        'somebody speaks; speaking, its voice lowered; meant for the robot: 0.90')
    for marker in markers.values():
        assert (marker.header.frame_id == 'camera_optical'
                and marker.type == marker.TEXT_VIEW_FACING)
        assert marker.pose.position.z > 0 and marker.color.a == 1.0 and marker.lifetime.sec == 1


def test_a_score_that_was_not_judged_is_not_told() -> None:
    assert told(AgentState(addressee_score=float('nan'))) == 'listening'
    assert (told(AgentState(
        addressee_score=0.25, doing='drive', person=AgentState.PERSON_TRAILING)) == (
            'somebody paused; listening; does: drive; meant for the robot: 0.25'))


def test_the_bridges_end_with_exit_code_0(world: World) -> None:
    assert world.bench.end(world.process) == 0


# -- a foreign microphone -------------------------------------------------------------------------


def raw(samples: np.ndarray) -> array.array:
    return array.array('B', samples.astype('<i2').tobytes())


def ears(bench: Bench, name: str, topic: str, **parameters: object) -> Heard:
    """A bridge that makes ``topic`` into a topic of ours of that name."""
    heard = bench.listen(AudioChunk, f'{name}/audio', qos.AUDIO)
    bench.start('bridges', voices=False, chat=False, sound=False, bubble=False, microphone=topic,
                **parameters, arguments=('-r', f'__node:={name}', '-r', f'audio:={name}/audio'))
    return heard


def test_a_stamped_stereo_microphone_of_48_khz_becomes_audio(bench: Bench) -> None:
    infos = bench.publisher(sound.AudioInfo, 'mic_info', 1)
    microphone = bench.publisher(sound.AudioDataStamped, 'mic_stamped', 50)
    heard = ears(bench, 'stereo', 'mic_stamped')
    bench.until(lambda: microphone.get_subscription_count() and infos.get_subscription_count(),
                'the bridge')
    infos.publish(
        sound.AudioInfo(channels=2, sample_rate=48_000, sample_format='S16LE',
                        coding_format='wave'))
    bench.until(
        lambda: 'stereo' in bench.health and bench.health_of('stereo')[2].get('foreign sound') ==
        '48000 Hz, 2 channels', 'what kind of sound it is')
    mono = tone(500.0, 1.0, rate=48_000)
    both = np.stack((mono, mono), axis=1)
    t0 = 2000.0
    for at in range(0, 48_000, 960):
        message = sound.AudioDataStamped(audio=sound.AudioData(data=raw(both[at:at +
                                                                             960].ravel())))
        message.header.stamp = stamp(t0 + at / 48_000)
        microphone.publish(message)
        bench.turn(0.005)
    bench.until(lambda: len(heard) >= 48, 'a second of sound')
    assert ({(chunk.rate, chunk.channels, len(chunk.samples))
             for chunk in heard} == {(RATE, 1, 320)})
    assert [chunk.position for chunk in heard] == [320 * at for at in range(len(heard))]
    assert abs(seconds(heard[10].header.stamp) - (t0 + 10 * 0.02)) < 0.005
    samples = np.concatenate([np.frombuffer(chunk.samples, np.int16) for chunk in heard])
    assert pitch(samples[800:]) == pytest.approx(500.0, abs=2.0)
    middle = samples[800:-800].astype(np.float64)
    assert (np.sqrt(np.mean(middle**2)) == pytest.approx(
        np.sqrt(np.mean(mono.astype(np.float64)**2)), rel=0.02))


def test_sound_that_is_missing_is_a_hole_in_the_positions(bench: Bench) -> None:
    microphone = bench.publisher(sound.AudioDataStamped, 'holed', 50)
    heard = ears(bench, 'holed_ears', 'holed')
    bench.until(lambda: microphone.get_subscription_count(), 'the bridge')
    bench.news('holed_ears')
    for t in (3000.0, 3000.02, 3001.02):
        message = sound.AudioDataStamped(audio=sound.AudioData(data=raw(tone(400.0, 0.02))))
        message.header.stamp = stamp(t)
        microphone.publish(message)
    bench.until(lambda: len(heard) == 3, 'three blocks')
    assert [chunk.position for chunk in heard] == [0, 320, 320 + RATE]
    assert abs(seconds(heard[2].header.stamp) - 3001.02) < 0.001


def test_sound_without_stamps_ends_when_it_arrives_and_other_formats_are_refused(
        bench: Bench) -> None:
    microphone = bench.publisher(sound.AudioData, 'plain', 50)
    heard = ears(bench, 'plain_ears', 'plain')
    bench.until(lambda: microphone.get_subscription_count(), 'the bridge')
    bench.news('plain_ears')
    microphone.publish(sound.AudioData(data=raw(tone(400.0, 0.1))))
    bench.until(lambda: len(heard) == 5, 'five blocks')
    assert 0.0 < time.time() - seconds(heard[0].header.stamp) < 20.0
    microphone.publish(sound.AudioData(data=array.array('B', b'odd')))
    warning = bench.level('plain_ears', WARN, 'S16LE')
    assert 'format:=wave' in warning.message


def test_a_microphone_that_nobody_publishes_is_a_warning(bench: Bench) -> None:
    ears(bench, 'deaf_ears', 'nobody_there')
    assert 'nobody_there' in bench.level('deaf_ears', WARN, 'nobody publishes').message


def test_the_other_package_of_that_name_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    from omni_agent.nodes import bridge_sound
    from omni_agent.nodes.interfaces import TargetError
    # of mgonzs13's AudioInfo
    fields = {'format': 'int32', 'channels': 'int32', 'rate': 'int32', 'chunk': 'int32'}
    other = SimpleNamespace(get_fields_and_field_types=lambda: fields)
    monkeypatch.setattr(bridge_sound, 'interface', lambda name: other)
    with pytest.raises(TargetError, match='mgonzs13'):
        bridge_sound.ros_drivers('AudioData')
