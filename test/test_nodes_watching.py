"""The perception node's eyes as a process: looks at a pace, what is shown of them, and senses that
come and go.
"""

from __future__ import annotations

import re
import time
from typing import Callable

import numpy as np
import pytest
from human_recordings import need_model
from ros_bench import (BLOCK, ERROR, OK, RATE, WARN, Bench, Heard, audio_chunk, blocks, level_of,
                       values_of)

from omni_agent_msgs.msg import AudioChunk, Look, Percept, TrackEvent
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from omni_agent.backends import audio_files
from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import seconds, stamp
from test_nodes_perception import RECORDING

HZ = 10.0
TRIES = 4                            # a machine that others use stalls now and then
EMPTY, SOMEBODY = 40, 255            # the fake detector takes what is bright for a person
Paint = Callable[[], np.ndarray]


def room(brightness: int) -> np.ndarray:
    """A dark picture with a patch of that brightness in the middle."""
    picture = np.full((240, 320, 3), 40, np.uint8)
    picture[80:200, 120:200] = brightness
    return picture


class Eyes:
    """A perception node with a camera of its own, which the test holds: HZ pictures a second of
    what ``paint`` gives.
    """

    def __init__(self, bench: Bench, name: str, **parameters: object) -> None:
        self.bench, self.name = bench, name
        remaps = tuple(word for topic in ('image_raw', 'look', 'percept', 'audio', 'image_overlay',
                                          'track_markers', 'detections')
                       for word in ('-r', f'{topic}:={name}/{topic}'))
        self.looks: Heard = bench.listen(Look, f'{name}/look', qos._profile(500))
        self.percepts: Heard = bench.listen(Percept, f'{name}/percept', qos.PERCEPT)
        self.camera = bench.publisher(Image, f'{name}/image_raw', qos.IMAGE_OUT)
        self.process = bench.start('perception', arguments=('-r', f'__node:={name}', *remaps),
                                   **{'watch_hz': HZ, **parameters})
        self.paint: Paint = lambda: room(EMPTY)
        self.is_on, self.late_s = True, 0.0          # what its clock is behind
        self.stamp: Callable[[float], object] = stamp
        self.sent: list[float] = []
        self._due = 0.0
        bench.pacers.append(self.send_what_is_due)
        bench.matched(publishers=(self.camera,), topics=(f'{name}/look',))

    def send_what_is_due(self) -> None:
        if not self.is_on or time.time() < self._due:
            return
        self._due = max(self._due + 1.0 / HZ, time.time())
        message = from_bgr(self.paint())
        t = time.time() - self.late_s
        message.header.stamp = self.stamp(t)
        message.header.frame_id = 'camera_optical'
        self.camera.publish(message)
        self.sent.append(t)

    def show(self, brightness: int) -> None:
        self.paint = lambda: room(brightness)

    def ready(self, level: int = OK) -> dict[str, str]:
        """The values of the first status with that level once nothing is loading any more."""
        status = self.bench.until(
            lambda: [
                one for one in self.bench.health.get(self.name, [])[-1:]
                if level_of(one) == level and one.message != 'loading'
            ], 'the models', 90)
        return values_of(status[0])

    def news(self, count: int) -> list[Look]:
        """So many looks from now on."""
        seen = len(self.looks)
        self.bench.until(lambda: len(self.looks) >= seen + count, f'{count} looks')
        return self.looks[seen:]

    def event(self, kind: int) -> Look:
        seen = len(self.looks)
        return self.bench.until(
            lambda:
            [look for look in self.looks[seen:] for event in look.events if event.kind == kind],
            f'event {kind}')[0]

    def attach(self, sense: str, on: bool) -> SetBool.Response:
        client = self.bench.node.create_client(SetBool, f'{self.name}/{sense}')
        self.bench.until(client.service_is_ready, f'~/{sense}')
        answer = client.call_async(SetBool.Request(data=on))
        self.bench.until(answer.done, f'{sense} {on}', 60)
        self.bench.node.destroy_client(client)
        return answer.result()

    def end(self) -> None:
        self.bench.pacers.remove(self.send_what_is_due)
        assert self.bench.end(self.process) == 0
        self.bench.health.pop(self.name, None)


@pytest.fixture(scope='module')
def eyes(bench: Bench) -> Eyes:
    made = Eyes(bench, 'eyes', vad='fake', recogniser='none', turn_end='none', detector='fake',
                scene_s=0.5)
    made.ready()
    return made


def test_somebody_who_comes_and_goes_is_a_track_two_events_and_two_keyframes(eyes: Eyes) -> None:
    cv2 = pytest.importorskip('cv2')
    eyes.show(EMPTY)
    eyes.bench.until(lambda: eyes.looks and not eyes.looks[-1].tracks, 'an empty room')
    came_at = time.time()
    eyes.show(SOMEBODY)
    came = eyes.event(TrackEvent.APPEARED)
    (event,), (track,) = came.events, came.tracks
    assert track.label == 'person' and tuple(track.box) == pytest.approx((120, 80, 200, 200))
    assert (came.width, came.height, came.header.frame_id) == (320, 240, 'camera_optical')
    assert came_at - 0.2 < seconds(event.since) < seconds(came.header.stamp) < came_at + 1.5
    assert seconds(track.first) == seconds(event.since) and track.last == came.header.stamp
    thumbnail = cv2.imdecode(np.frombuffer(came.keyframe, np.uint8), cv2.IMREAD_COLOR)
    assert thumbnail.shape == (120, 160, 3) and thumbnail[70, 80].min() > 200
    stays = eyes.news(10)
    assert {look.tracks[0].id for look in stays} == {track.id}
    assert (not any(len(look.events) for look in stays)
            and sum(len(look.keyframe) > 0 for look in stays) <= 1)
    eyes.show(EMPTY)
    gone = eyes.event(TrackEvent.LEFT)
    assert gone.events[0].track.id == track.id and not gone.tracks and len(gone.keyframe)


def test_the_scene_is_told_when_it_changes_and_again_now_and_then(eyes: Eyes) -> None:
    eyes.show(EMPTY)
    eyes.bench.until(lambda: eyes.percepts and eyes.percepts[-1].text == 'nothing I know',
                     'an empty room')
    eyes.percepts.forget()
    eyes.show(SOMEBODY)
    eyes.bench.until(lambda: len(eyes.percepts) >= 4 and eyes.percepts[-1].text == 'one person',
                     'a person, again')
    told = [(percept.text, round(percept.salience, 1)) for percept in eyes.percepts]
    first = told.index(('one person', 1.0))
    assert (set(told[:first]) <= {('nothing I know', 0.0)}
            and set(told[first + 1:]) == {('one person', 0.0)})
    assert {percept.kind for percept in eyes.percepts} == {Percept.SCENE}


def test_a_still_picture_is_looked_at_as_often_and_detected_hardly_ever(eyes: Eyes) -> None:
    eyes.show(EMPTY)
    eyes.bench.until(lambda: all(look.skipped and not look.tracks for look in eyes.news(5)),
                     'a rest')
    eyes.looks.forget()
    looks = eyes.news(15)
    stamps = [seconds(look.header.stamp) for look in looks]
    assert 15 / (stamps[-1] - stamps[0] + 0.1) == pytest.approx(HZ, rel=0.25)
    assert sum(look.skipped for look in looks) >= 12
    assert 0.0 < looks[-1].skip_share < 1.0 and looks[-1].saved_ms > looks[0].saved_ms >= 0.0
    assert eyes.ready()['pictures skipped'].endswith(' %')


def test_pictures_of_a_clock_that_was_set_back_are_looked_at(eyes: Eyes) -> None:
    eyes.news(2)
    eyes.late_s = 3600.0
    eyes.bench.until(lambda: seconds(eyes.looks[-1].header.stamp) < time.time() - 3000,
                     'a look an hour ago')
    assert len(eyes.news(5)) == 5
    eyes.late_s = 0.0
    eyes.bench.until(lambda: seconds(eyes.looks[-1].header.stamp) > time.time() - 5, 'a look now')


def test_pictures_without_a_stamp_are_from_now_and_a_stamp_that_stands_still_is_told(
        eyes: Eyes) -> None:
    eyes.stamp = lambda t: stamp(0.0)
    assert seconds(eyes.news(4)[-1].header.stamp) == pytest.approx(time.time(), abs=1.0)
    frozen = stamp(time.time())
    eyes.stamp = lambda t: frozen
    eyes.bench.level('eyes', WARN, 'no newer than the one before')
    eyes.stamp = stamp
    assert level_of(eyes.bench.level('eyes', OK)) == OK and len(eyes.news(2)) == 2


def test_the_overlay_and_the_markers_are_there_while_somebody_looks_at_them(eyes: Eyes) -> None:
    visual = pytest.importorskip('visualization_msgs.msg')
    eyes.show(SOMEBODY)
    eyes.bench.until(lambda: eyes.looks[-1].tracks, 'a person')
    node, overlay, markers = eyes.bench.node, Heard(), Heard()
    subscriptions = [
        node.create_subscription(Image, 'eyes/image_overlay', overlay.take, qos.IMAGE_IN),
        node.create_subscription(visual.MarkerArray, 'eyes/track_markers', markers.take, 10)
    ]
    eyes.bench.until(lambda: overlay and markers, 'an overlay and markers')
    drawn = np.frombuffer(overlay[-1].data, np.uint8).reshape(240, 320, 3)
    # the upper edge of the box
    assert (drawn[80, 125:195] != room(SOMEBODY)[80, 125:195]).any(axis=1).all()
    # its middle is the picture's
    assert (drawn[140, 160] == 255).all()
    box, name = markers[-1].markers
    assert (box.type, name.type) == (visual.Marker.LINE_STRIP, visual.Marker.TEXT_VIEW_FACING)
    assert (name.text == f'person {eyes.looks[-1].tracks[0].id}'
            and box.header.frame_id == 'camera_optical')
    # it is in the middle
    assert box.points[0].x == pytest.approx(-box.points[1].x) and box.points[0].z == 1.0
    assert (box.points[1].x - box.points[0].x == pytest.approx(
        2 * np.tan(np.radians(30)) * 80 / 320))
    for subscription in subscriptions:
        node.destroy_subscription(subscription)


def test_detections_are_vision_msgs_where_those_are_installed(eyes: Eyes) -> None:
    try:
        import vision_msgs.msg as vision
    except ImportError:
        assert 'vision-msgs' in eyes.ready()['detections']
        return
    found: Heard = eyes.bench.listen(vision.Detection2DArray, 'eyes/detections', qos.LOOK)
    eyes.show(SOMEBODY)
    eyes.bench.until(lambda: found and found[-1].detections, 'a detection')
    (one,) = found[-1].detections
    assert one.results[0].hypothesis.class_id == 'person' and one.results[0].hypothesis.score > 0.5
    assert (one.bbox.center.position.x, one.bbox.center.position.y) == (160.0, 140.0)
    assert ((one.bbox.size_x, one.bbox.size_y) == (80.0, 120.0)
            and one.id == str(eyes.looks[-1].tracks[0].id))


def test_a_camera_that_goes_away_is_missed_and_taken_up_again_when_it_is_back(eyes: Eyes) -> None:
    eyes.show(SOMEBODY)
    eyes.bench.until(lambda: eyes.looks[-1].tracks, 'a person')
    before = eyes.looks[-1].tracks[0].id
    eyes.is_on = False
    warned = eyes.bench.level('eyes', WARN, 'no pictures on')
    assert values_of(warned)['camera'].startswith('no pictures for ')
    assert sum('no pictures' in line for line in eyes.process.said) == 1
    eyes.is_on = True
    eyes.bench.until(lambda: eyes.bench.health_of('eyes')[2]['camera'] == 'alive', 'the camera')
    assert level_of(eyes.bench.level('eyes', OK)) == OK
    eyes.bench.until(lambda: eyes.looks[-1].tracks, 'the person again')
    assert eyes.looks[-1].tracks[0].id >= before


def test_a_sense_that_was_never_there_or_is_detached_is_a_state_and_no_fault(eyes: Eyes) -> None:
    assert eyes.ready()['microphone'] == 'no sound yet'
    answer = eyes.attach('see', False)
    assert (answer.success and answer.message.startswith('see: detached, ')
            and 'MiB before' in answer.message)
    eyes.bench.until(lambda: eyes.bench.health_of('eyes')[2]['camera'] == 'detached', 'the state')
    assert eyes.ready()['camera'] == 'detached'
    eyes.looks.forget()
    eyes.bench.turn_until(time.time() + 0.5)
    assert not eyes.looks and eyes.camera.get_subscription_count() == 0
    assert 'detached already' in eyes.attach('see', False).message
    assert eyes.attach('see', True).success
    assert len(eyes.news(5)) == 5
    assert eyes.attach('hear', False).success
    eyes.bench.until(lambda: eyes.bench.health_of('eyes')[2]['microphone'] == 'detached',
                     'the state')
    assert len(eyes.news(5)) == 5                        # one sense without the other
    assert eyes.attach('hear', True).success
    eyes.end()


def test_an_engine_that_was_asked_for_and_cannot_be_had_is_told(bench: Bench) -> None:
    need_model('nanodet', 'nanodet_m_416_fp16.onnx')
    quiet = {'vad': 'fake', 'recogniser': 'none', 'turn_end': 'none'}
    eyes = Eyes(bench, 'choosy', **quiet, engine='tensorrt_rtx,ort-cpu')
    values = eyes.ready(WARN)
    assert (values['engine tensorrt_rtx'].startswith('refused: ')
            and values['engine ort-cpu'].startswith('runs: '))
    assert 'tensorrt_rtx was asked for' in bench.health_of('choosy')[1]
    assert len(eyes.news(3)) == 3
    eyes.end()
    strict = Eyes(bench, 'strict', **quiet, engine='tensorrt_rtx,ort-cpu', engine_strict=True)
    assert strict.ready(ERROR)['engine tensorrt_rtx'].startswith('refused: ')
    assert 'strict' in bench.health_of('strict')[1]
    strict.end()
    wrong = bench.start('perception', engine='abacus')
    bench.until(lambda: wrong.code is not None, 'the end')
    assert wrong.code == 2 and 'abacus' in wrong.words
    bench.running.remove(wrong)


def test_looks_have_no_gap_while_somebody_is_understood_and_a_sense_gives_its_memory_back(
        bench: Bench) -> None:
    """Real models, a picture that always changes, and seconds of speech: four models at work in
    one process.
    """
    cv2 = pytest.importorskip('cv2')
    for model, file in (('moonshine_tiny_en', 'encoder_model.ort'), ('smart_turn',
                                                                     'smart-turn-v3.2-cpu.onnx'),
                        ('nanodet', 'nanodet_m_416_fp16.onnx'), ('silero_vad', 'silero_vad.onnx')):
        need_model(model, file)
    from test_backends_vision import frames

    clip = [cv2.resize(image, (640, 480)) for image in frames('carphone_pristine.mp4', 3, 40)]
    microphone = bench.publisher(AudioChunk, 'busy/audio', qos.AUDIO)
    eyes = Eyes(bench, 'busy', skip__calm_s=0.0)          # every picture is looked at
    eyes.paint = lambda: clip[len(eyes.sent) % len(clip)]
    assert 'refused' not in eyes.ready()['engine ort-cpu']
    eyes.bench.until(lambda: eyes.looks and eyes.looks[-1].tracks, 'a person')
    for _ in range(TRIES):
        talk(eyes, microphone, 4.0)
        gaps = np.diff([seconds(look.header.stamp) for look in eyes.looks])
        lags = np.array(eyes.looks.times) - [seconds(look.header.stamp) for look in eyes.looks]
        there = max(np.diff(eyes.sent))                                  # the camera's own worst
        if max(gaps) <= max(2 / HZ, 2 * there) and np.median(lags) < 0.15:
            break
        print(f'gaps {gaps}, camera {there:.3f} s, lag {np.median(lags):.3f} s')
    else:
        pytest.fail('the watcher waits while somebody is understood')
    words = [
        percept for percept in eyes.percepts if percept.kind in (Percept.PARTIAL, Percept.FINAL)
    ]
    # the recogniser was at work
    assert sum(percept.text != '' for percept in words) >= 3
    assert (sum(bool(look.tracks) and not look.skipped for look in eyes.looks)
            > 0.9 * len(eyes.looks))
    gave = {'hear': _mib(eyes.attach('hear', False))}
    eyes.looks.forget()
    # its models take a second to load: nothing waits for all of it
    began = time.time()
    took = _figures(eyes.attach('hear', True))[2]
    # it says how long that was: what the caller waited, less the way
    assert 0.1 < took <= time.time() - began + 0.01
    gaps = np.diff([*eyes.looks.times, time.time()])
    assert len(gaps) >= 3 and np.median(gaps) < 2 / HZ, gaps
    gave['see'] = _mib(eyes.attach('see', False))
    assert gave['see'] > 50.0 and gave['hear'] > 80.0, gave
    assert eyes.attach('see', True).success and len(eyes.news(3)) == 3
    eyes.end()


def talk(eyes: Eyes, microphone: object, seconds_: float) -> None:
    """Speech without a pause, at the pace of the clock."""
    eyes.looks.forget()
    eyes.percepts.forget()
    eyes.sent.clear()
    sound = np.resize(audio_files.to_int16(audio_files.read(RECORDING)), round(seconds_ * RATE))
    began = time.time()
    for at, block in enumerate(blocks(sound)):
        t = began + at * BLOCK / RATE
        eyes.bench.turn_until(t)
        microphone.publish(audio_chunk(t, round(began * RATE) + at * BLOCK, block))


def _mib(answer: SetBool.Response) -> float:
    """What was given back, by the answer's own words."""
    before, after, _ = _figures(answer)
    return before - after


def _figures(answer: SetBool.Response) -> tuple[float, ...]:
    """[MiB] before and after, and [s] that it took."""
    assert answer.success
    found = re.search(r'([\d.]+) MiB before, ([\d.]+) MiB after, in ([\d.]+) s', answer.message)
    assert found, answer.message
    return tuple(map(float, found.groups()))
