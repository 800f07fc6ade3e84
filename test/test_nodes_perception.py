"""The perception node as a process: sound and pictures in, percepts out, and what it does with
impossible ones.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model, spoken, word_errors

from ros_bench import (BLOCK, OK, RATE, WARN, Bench, Heard, audio_chunk, blocks,
                       interrupt, level_of, tone)

from omni_agent_msgs.msg import AudioChunk, Interrupt, Percept, Playback, SpeechState
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from omni_agent.backends import audio_files
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import seconds, stamp

FRAME_S = 0.032
HZ = 440
RECORDING = Path(__file__).resolve().parents[1] / 'scenarios' / 'assets' / 'bench' / 'q02.flac'
WORDS = 'What is your name?'


class World:
    """What a perception node hears and sees, at the pace of the clock; and what it makes of it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.audio = bench.publisher(AudioChunk, 'audio', qos.AUDIO)
        self.strict = bench.publisher(AudioChunk, 'audio/strict', qos.AUDIO)
        self.reference = bench.publisher(AudioChunk, 'speaker/reference', qos.AUDIO)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.images = bench.publisher(Image, 'image_raw', qos.IMAGE_OUT)
        self.interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
        self.percepts: Heard = bench.listen(Percept, 'percept', qos.PERCEPT)
        self.states: Heard = bench.listen(SpeechState, 'speech_state', qos._profile(500))
        self.process = bench.start('perception', vad='fake', recogniser='fake', turn_end='fake',
                                   detector='fake', watch_hz=20.0, scene_s=0.3,
                                   endpoint__join_s=0.3)
        bench.matched(
            'perception', publishers=(self.audio, self.strict, self.reference, self.playback,
                                      self.images, self.interrupts),
            topics=('percept', 'speech_state'))
        bench.until(lambda: level_of(bench.health['perception'][-1]) == OK, 'the models')
        self._queue: deque[tuple[np.ndarray, bool]] = deque()
        # 'first' or 'last': the strict stream, of the same sound
        self.twin: str = ''
        self.start_microphone()
        bench.pacers.append(self.send_what_is_due)

    def start_microphone(self) -> None:
        self.is_on, self.position, self.t = True, 0, time.time()         # of the next sample

    def send_what_is_due(self) -> None:
        """A microphone never stops: silence where there is nothing to hear."""
        while self.is_on and self.t + BLOCK / RATE <= time.time():
            block, is_echo = (self._queue.popleft() if self._queue else
                              (np.zeros(BLOCK, np.int16), False))
            if is_echo:
                self.reference.publish(audio_chunk(self.t, self.position, block))
            self.send(block)

    def hear(self, samples: np.ndarray, echo: bool = False) -> float:
        """Play it into the microphone as fast as it sounds; when its first sample sounded."""
        began = self.t
        self._queue.extend((block, echo) for block in blocks(samples))
        self.bench.until(lambda: not self._queue, 'the end of the sound')
        return began

    def send(self, samples: np.ndarray) -> None:
        chunk = audio_chunk(self.t, self.position, samples)
        for topic in {
                '': (self.audio, ),
                'first': (self.strict, self.audio),
                'last': (self.audio, self.strict)
        }[self.twin]:
            topic.publish(chunk)
        self.position += samples.size
        self.t += samples.size / RATE

    def pause(self, seconds: float = 0.55) -> float:
        """Silence; long enough by default that what follows is another utterance."""
        return self.hear(np.zeros(round(seconds * RATE), np.int16))

    def of(self, kind: int) -> list[Percept]:
        return [percept for percept in self.percepts if percept.kind == kind]

    def await_one(self, kind: int) -> Percept:
        return self.bench.until(lambda: self.of(kind),
                                f'percept {kind} after {[p.kind for p in self.percepts]}')[0]

    def utterance(self, seconds: float = 0.7) -> Percept:
        """Say something from a silence on; its final percept."""
        self.pause()
        self.percepts.forget()
        self.hear(tone(HZ, seconds))
        self.pause(0.3)
        return self.await_one(Percept.FINAL)


@pytest.fixture(scope='module')
def world(bench: Bench) -> World:
    return World(bench)


def test_an_utterance_is_told_from_its_first_sound_to_its_words(world: World) -> None:
    world.pause()
    world.percepts.forget()
    began = world.hear(tone(HZ, 1.5))
    world.pause()
    final = world.await_one(Percept.FINAL)
    kinds = [percept.kind for percept in world.percepts]
    assert kinds[0] == Percept.SPEECH_STARTED and kinds[-1] == Percept.FINAL
    assert kinds.count(Percept.SPEECH_STOPPED) == 1 and Percept.PARTIAL in kinds[1:-2]
    assert ({percept.utterance
             for percept in world.percepts} == {final.utterance} and final.utterance > 0)
    assert seconds(final.start) == pytest.approx(began, abs=0.05)
    assert final.voiced_s == pytest.approx(1.5, abs=0.1)
    assert final.level_dbfs == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=1.0)
    assert 0.0 <= final.turn_end_probability <= 1.0 and final.echo_likelihood == 0.0
    said = final.text.split()
    assert 5 <= len(said) and said == 'hello robot what can you see'.split()[:len(said)]
    for partial in world.of(Percept.PARTIAL):
        assert said[:len(partial.text.split())] == partial.text.split()
    stopped = world.of(Percept.SPEECH_STOPPED)[0]
    assert seconds(stopped.header.stamp) == pytest.approx(began + 1.5, abs=0.06)


def test_a_state_is_published_for_every_frame_of_sound_as_it_comes(world: World) -> None:
    world.pause(0.2)
    world.states.forget()
    for at in range(2):                                  # pictures must not slow the ear down
        world.images.publish(picture(255 * (at % 2)))
        world.hear(tone(HZ, 1.0))
    world.pause(0.2)
    world.bench.until(lambda: len(world.states) >= 2.0 / FRAME_S, 'a state for every frame')
    stamps = np.array([seconds(state.header.stamp) for state in world.states])
    assert np.allclose(np.diff(stamps), FRAME_S, atol=1e-3)
    lags = np.array(world.states.times) - stamps
    # of the frame's end, discovery of the scene included
    assert np.median(lags) < 0.15, lags
    assert sum(state.is_speaking for state in world.states) > 1.7 / FRAME_S
    assert max(state.voiced_s for state in world.states) == pytest.approx(2.0, abs=0.2)


def test_impossible_chunks_are_refused_aloud_and_the_next_utterance_is_heard(world: World) -> None:
    before = world.bench.counter('perception', 'refused chunks')
    seen = len(world.bench.health['perception'])
    for samples, odd in ((RATE + 1, {}), (0, {}), (882, {'rate': 44_100}), (640, {'channels': 2})):
        world.audio.publish(audio_chunk(world.t, world.position, tone(HZ, samples / RATE), **odd))
        world.pause(0.1)
    final = world.utterance()
    assert final.text.startswith('hello robot')
    assert world.bench.counted('perception', 'refused chunks', before + 4) == before + 4
    warnings = [
        status.message for status in world.bench.health['perception'][seen:]
        if level_of(status) == WARN
    ]
    told = ('16001 samples', '0 samples', '44100 Hz', '2 channels')
    assert (warnings and all('send' in message and any(word in message for word in told)
                             for message in warnings))
    assert level_of(world.bench.level('perception', OK)) == OK


def test_a_chunk_from_the_past_is_dropped_and_counted(world: World) -> None:
    before = world.bench.counter('perception', 'chunks from the past')
    world.pause()
    for age in (1, 5, 20):
        world.audio.publish(
            audio_chunk(world.t - age * BLOCK / RATE, world.position - age * BLOCK, tone(HZ,
                                                                                         0.02)))
    assert world.bench.counted('perception', 'chunks from the past', before + 3) == before + 3
    assert world.utterance().text.startswith('hello robot')
    assert (np.diff([seconds(state.header.stamp) for state in world.states]) > 0.0).all()


def test_a_hole_in_the_stream_is_counted_and_the_next_utterance_is_heard(world: World) -> None:
    before = world.bench.counter('perception', 'samples lost')
    world.position += 10 * BLOCK
    world.t += 10 * BLOCK / RATE
    final = world.utterance()
    assert (world.bench.counted('perception', 'samples lost',
                                before + 10 * BLOCK) == before + 10 * BLOCK)
    assert final.text.startswith('hello robot') and final.voiced_s == pytest.approx(0.7, abs=0.1)


def test_a_microphone_that_was_started_again_is_heard_although_it_counts_from_0(
        world: World) -> None:
    assert world.position > 2 * RATE
    before = world.utterance().utterance
    world.is_on = False
    world.bench.turn_until(time.time() + 0.7)            # as long as a restart takes at least
    world.start_microphone()
    final = world.utterance()
    assert final.utterance > before and final.text.startswith('hello robot')
    assert seconds(final.start) == pytest.approx(time.time() - 1.0, abs=1.5)
    assert world.bench.counted('perception', 'microphone restarts') == 1


def test_what_is_said_after_a_decision_is_another_utterance_however_short_the_pause(
        world: World) -> None:
    first = world.utterance()
    world.interrupts.publish(interrupt(1))
    world.percepts.forget()
    world.hear(tone(HZ, 0.7))
    world.pause(0.3)
    assert world.await_one(Percept.FINAL).utterance == first.utterance + 1


def test_the_robots_own_voice_is_not_an_utterance(world: World) -> None:
    world.pause()
    world.percepts.forget()
    world.hear(tone(HZ, 1.0), echo=True)
    world.pause(0.3)
    assert not world.of(Percept.SPEECH_STARTED)
    assert max(state.echo_likelihood for state in world.states[-40:]) > 0.9


def test_a_voice_in_the_strict_stream_is_a_person_even_where_all_could_be_echo(
        world: World) -> None:
    """The fake model takes a loud sound for a voice; the strict stream still has it when the gate
    calls it echo.
    """
    for order in ('first', 'last'):
        world.twin = order
        world.pause()
        world.percepts.forget()
        # a strict canceller is trusted after two seconds
        world.hear(tone(HZ, 3.5), echo=True)
        world.pause(0.4)
        world.twin = ''
        started = world.await_one(Percept.SPEECH_STARTED)
        assert world.await_one(Percept.FINAL).utterance == started.utterance
        assert world.await_one(Percept.FINAL).echo_likelihood < 0.3


def test_a_strict_stream_of_another_microphone_is_left_alone(world: World) -> None:
    world.pause()
    world.strict.publish(audio_chunk(world.t - 60.0, world.position, tone(HZ, 0.02)))
    assert world.bench.counted('perception', 'strict chunks of another microphone') >= 1
    assert world.utterance().text.startswith('hello robot')


def test_words_that_the_robot_itself_is_saying_are_told_from_a_persons(world: World) -> None:
    assert world.utterance().text_echo_likelihood == 0.0
    world.pause()
    playback = Playback(epoch=5, state=Playback.PLAYING,
                        heard='well hello robot what can you see from here')
    playback.header.stamp = stamp(world.t)
    world.playback.publish(playback)
    world.percepts.forget()
    world.states.forget()
    world.hear(tone(HZ, 1.0))
    world.pause(0.4)
    assert world.await_one(Percept.FINAL).text_echo_likelihood == 1.0
    assert {percept.text_echo_likelihood for percept in world.of(Percept.PARTIAL)} == {1.0}
    assert max(state.text_echo_likelihood for state in world.states) == 1.0


def test_an_impossible_reference_is_counted_and_the_rest_goes_on(world: World) -> None:
    before = world.bench.counter('perception', 'refused references')
    for samples, rate in ((0, RATE), (7, RATE), (BLOCK, 44_100)):
        world.reference.publish(audio_chunk(time.time(), 0, np.zeros(samples, np.int16), rate))
    # played in 1970
    world.reference.publish(audio_chunk(0.0, 2**63, np.zeros(BLOCK, np.int16)))
    assert world.bench.counted('perception', 'refused references', before + 3) == before + 3
    assert world.utterance().text.startswith('hello robot')


def test_ears_that_are_detached_in_the_middle_of_a_word_hear_the_next_utterance_when_they_are_back(
        world: World) -> None:
    client = world.bench.node.create_client(SetBool, 'perception/hear')
    world.bench.until(client.service_is_ready, '~/hear')

    def attach(on: bool) -> SetBool.Response:
        answer = client.call_async(SetBool.Request(data=on))
        world.bench.until(answer.done, f'hear {on}')
        return answer.result()

    before = world.utterance().utterance
    world.pause()
    world.percepts.forget()
    world.hear(tone(HZ, 1.0))
    assert attach(False).success
    # nobody waits for the end of what will not be heard
    cut = world.await_one(Percept.SPEECH_STOPPED)
    world.states.forget()
    world.pause()
    assert not world.states and cut.utterance == before + 1 and not world.of(Percept.FINAL)
    assert attach(True).success
    world.bench.matched('perception', publishers=(world.audio, world.strict, world.reference))
    assert world.utterance().utterance == cut.utterance + 1
    assert world.bench.counted('perception', 'microphone restarts') == 1      # it never went away


def picture(brightness: int) -> Image:
    image = from_bgr(np.full((48, 64, 3), brightness, np.uint8))
    image.header.stamp = stamp(time.time())
    return image


def look(world: World, brightness: int, words: str = '') -> Percept:
    """The scene of a picture, once it has these words; sent until then: the newest picture
    wins.
    """
    world.percepts.forget()
    began = time.time()

    def seen() -> list[Percept]:
        world.images.publish(picture(brightness))
        world.bench.turn_until(time.time() + 0.05)
        return [percept for percept in world.of(Percept.SCENE)
                if seconds(percept.header.stamp) >= began and words in percept.text]
    return world.bench.until(seen, 'a scene')[0]


def test_a_picture_becomes_a_scene_with_how_much_of_it_is_new(world: World) -> None:
    look(world, 0)
    somebody = look(world, 255, 'person')        # one look may be mistaken, two agree
    assert somebody.salience > 0.0
    assert look(world, 255).salience < 0.5


@pytest.mark.parametrize(
    ('odd', 'words'),
    [(Image(encoding='bgr8'), 'image of 0x0'),
     (Image(width=64, height=48, step=192, encoding='bgr8'), '0 bytes'),
     (Image(width=64, height=48, step=192, encoding='yuv422_magic',
            data=bytes(9216)), "encoding 'yuv422_magic'"),
     (Image(width=2**31, height=2**31, step=7, encoding='mono8', data=bytes(7)), 'step 7')],
    ids=['zero size', 'short data', 'unknown encoding', 'giant'])
def test_an_impossible_picture_is_told_and_the_next_good_one_is_seen(world: World, odd: Image,
                                                                     words: str) -> None:
    seen = len(world.bench.health['perception'])

    def told() -> bool:
        world.images.publish(odd)
        return any(level_of(status) == WARN and words in status.message
                   for status in world.bench.health['perception'][seen:])
    world.bench.until(told, f'a warning with {words!r}')
    assert 'person' in look(world, 255).text


def test_a_real_voice_is_heard_and_understood_by_real_models(bench: Bench, world: World) -> None:
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    need_model('silero_vad', 'silero_vad.onnx')
    need_model('smart_turn', 'smart-turn-v3.2-cpu.onnx')
    world.is_on = False
    assert bench.end(world.process) == 0
    remaps = ('-r', 'audio:=real/audio', '-r', 'percept:=real/percept', '-r', '__node:=listener')
    percepts: Heard = bench.listen(Percept, 'real/percept', qos.PERCEPT)
    listener = bench.start('perception', detector='none', arguments=remaps)
    bench.until(
        lambda: bench.health.get('listener') and level_of(bench.health['listener'][-1]) == OK,
        'the models', 90)
    sound = audio_files.to_int16(audio_files.read(RECORDING))
    wav = bench.folder / 'question.wav'
    # time to be found
    audio_files.write(wav, np.concatenate((np.zeros(2 * RATE, np.int16), sound)))
    microphone = bench.start('microphone', device=str(wav), arguments=('-r', 'audio:=real/audio'))
    final = bench.until(lambda: [percept for percept in percepts if percept.kind == Percept.FINAL],
                        'the words')[-1]
    kinds = [percept.kind for percept in percepts]
    assert (kinds[0] == Percept.SPEECH_STARTED and Percept.SPEECH_STOPPED in kinds
            and kinds[-1] == Percept.FINAL)
    assert Percept.PARTIAL in kinds or len(sound) < RATE
    assert word_errors(spoken(WORDS), spoken(final.text)) <= 1, final.text
    assert final.turn_end_probability > 0.5
    assert bench.end(microphone) == 0 and bench.end(listener) == 0
