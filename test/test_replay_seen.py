"""``omni-agent replay --from senses`` on bags with pictures in them: the same eyes see the same,
and others are told apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import pytest
from human_recordings import need_model

pytest.importorskip('rosbags')
pytest.importorskip('cv2')

from bag_making import BagMaker  # noqa: E402
from spoken_bag import T0, Agent, room  # noqa: E402
from test_replay_senses import BENCH, NAME, need_models  # noqa: E402

from omni_agent.backends import audio_files, eyes  # noqa: E402
from omni_agent.backends.eyes import Eyes, WatchingParams  # noqa: E402
from omni_agent.backends.see_again import Looked, SeeAgain, Then  # noqa: E402
from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core import percepts  # noqa: E402
from omni_agent.core.bag_time import Picture  # noqa: E402
from omni_agent.core.ears import PerceptionParams  # noqa: E402
from omni_agent.core.events import Reason  # noqa: E402
from omni_agent.core.faces import Face  # noqa: E402
from omni_agent.core.frame_skip import FrameSkipParams  # noqa: E402
from omni_agent.core.percepts import Kind, as_sent  # noqa: E402
from omni_agent.core.track import (Appeared, Approached, Left, Moved, Track,  # noqa: E402
                                   TrackEvent)
from omni_agent.core.tracks import TracksParams  # noqa: E402

CAMERA_S = 0.1
DEAF = {'vad': 'fake', 'recogniser': 'none', 'turn_end': 'none'}
KINDS = {Appeared: 1, Left: 2, Moved: 3, Approached: 4}
Paint = Callable[[float], np.ndarray]


class Seeing(Agent):
    """It has a camera as well, that shows what ``paint`` gives; a look takes 50 ms."""

    def __init__(self, maker: BagMaker, paint: Paint, params: WatchingParams,
                 ears: PerceptionParams, packed: bool = False) -> None:
        super().__init__(maker, ears)
        self.paint, self.packed, self._due_s = paint, packed, T0 + 0.05
        tracks = TracksParams()
        sight = eyes.sight(params, tracks.keep_score)
        assert sight is not None and not sight.wrong
        self.see = SeeAgain(Eyes(params, tracks, FrameSkipParams()), sight, params, Then())
        self.see._usual_s = 0.05
        self.looked: list[Looked] = []

    def until(self, t: float) -> None:
        while min(self._due_s, self.see.due_s) <= t:
            if self._due_s <= self.see.due_s:
                self._show(self._due_s)
                self._due_s += CAMERA_S
            else:
                now = self.see.due_s
                super().until(now)
                self._look(self.see.looked(), now)
        super().until(t)

    def _show(self, t: float) -> None:
        super().until(t)
        pixels = self.paint(t - T0)
        if self.packed:
            import cv2
            self.put('image_raw/compressed', '', t, header=t, format='jpeg', data=cv2.imencode(
                '.jpg', pixels)[1].ravel())
        else:
            self.put('image_raw', '', t, header=t, height=pixels.shape[0], width=pixels.shape[1],
                     encoding='bgr8', step=3 * pixels.shape[1], data=pixels.ravel())
        self.see.picture(Picture(t, float(f'{t:.9f}'), lambda: pixels))

    def put(self, topic: str, kind: str, now: float, /, **fields: object) -> None:
        if topic == 'interrupt':
            is_new_reply = fields.get('reason') == Reason.NEW_REPLY.value
            self.see.spare(bool(fields.get('ducked')) or is_new_reply, now)
        if not topic.startswith('image_raw'):
            super().put(topic, kind, now, **fields)
        elif self.is_recorded and topic not in self.without:
            self.maker.put(f'/{topic}', 'sensor_msgs/msg/CompressedImage' if self.packed else
                           'sensor_msgs/msg/Image', now, **fields)

    def _look(self, looked: Looked | None, now: float) -> None:
        assert looked is not None
        self.looked.append(looked)
        saw, watched = looked.saw, looked.glance.watched
        self.put('look', 'Look', now, header=saw.t, skipped=saw.skipped, processing_s=saw.seconds,
                 tracks=[as_message(one) for one in saw.tracks],
                 events=[of_event(one) for one in saw.events],
                 faces=[of_face(one) for one in watched.faces.faces])
        if looked.glance.tells_faces:
            self.ears.lips.seen(saw.t, watched.faces.faces)
        if looked.scene is not None:
            scene = as_sent(looked.scene)
            self.put('percept', 'Percept', now, header=scene.t, kind=scene.kind.value,
                     text=scene.text, salience=scene.salience, processing_s=scene.processing_s)
            self.step(percepts.event(scene), now + 0.002)


def as_message(one: Track) -> dict:
    return {'id': one.id, 'label': one.label, 'box': one.box, 'first': one.first_s,
            'born': one.born_s, 'last': one.last_s, 'hits': one.hits, 'looks': one.looks,
            'score': one.score, 'best': one.best, 'speed': one.speed, 'growth': one.growth,
            'share': one.share, 'at_edge': one.at_edge, 'began_at_edge': one.began_at_edge,
            'near_lost': one.near_lost, 'again': one.again}


def of_event(one: TrackEvent) -> dict:
    return {'kind': KINDS[type(one)], 'since': one.since, 'track': as_message(one.track)}


def of_face(one: Face) -> dict:
    return {'track': one.track, 'box': one.box, 'score': one.score, 'yaw': one.pose.yaw,
            'pitch': one.pose.pitch, 'roll': one.pose.roll, 'looks_here': one.looks_here,
            'mouth_open': one.mouth_open}


def recorded(folder: Path, paint: Paint, seconds: float, detector: str = 'fake',
             ears: dict[str, str] = DEAF, packed: bool = False,
             said: Sequence[tuple[float, np.ndarray]] = (), faces: str = 'none',
             without: tuple[str, ...] = (), late_s: float = 0.0) -> Seeing:
    """A bag in ``folder``, with the parameters."""
    params = WatchingParams(detector=detector, faces=faces)
    with BagMaker(folder, version='0.1.0') as maker:
        agent = Seeing(maker, paint, params, PerceptionParams(**ears), packed)
        agent.without, agent.late = without, round(late_s / 0.02)
        sound = room(*said, seconds=seconds)
        agent.run(sound, np.zeros_like(sound), sound)
        agent.until(T0 + seconds)
    (folder / 'parameters').mkdir()
    given = {**ears, 'detector': detector, 'faces': faces}
    (folder / 'parameters' / 'perception.yaml').write_text(
        json.dumps({'/perception': {'ros__parameters': given}}))
    return agent


def somebody_comes(t: float) -> np.ndarray:
    """What is bright is a person to the fake detector: here from 3 to 6 s."""
    picture = np.full((240, 320, 3), 40, np.uint8)
    if 3.0 <= t < 6.0:
        picture[80:200, 120:200] = 255
    return picture


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('seen') / 'bag'
    agent = recorded(folder, somebody_comes, 9.0)
    assert [type(event) for look in agent.looked for event in look.saw.events] == [Appeared, Left]
    return folder


def replayed(bag: Path, tmp_path: Path, *more: str) -> tuple[int, dict]:
    file = tmp_path / 'replay.json'
    code = main(['replay', str(bag), '--from', 'senses', '--quiet', '--json', str(file), *more])
    return code, json.loads(file.read_text())


def test_the_same_eyes_see_the_same(bag: Path, tmp_path: Path,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    code, data = replayed(bag, tmp_path)
    said = capsys.readouterr().out
    assert code == 0, said
    seen = data['seen']
    assert [(row['then'], row['verdict']) for row in seen['events']] == [
        ('person appears', 'same'), ('person leaves', 'same')]
    assert seen['then'] == seen['now'] and seen['now']['looks'] > 20
    assert 2.0 < seen['now']['in_view_s']['person'] < 5.0 and seen['notes'] == []
    assert 'person leaves' in said and 'of 2 events 0 other ones' in said
    scenes = [row['then']['text'] for row in data['pieces'][0]['decisions']
              if row['then'] and row['then'].get('role') == 'scene']
    assert 'one person' in scenes and 'nothing I know' in scenes


def test_another_threshold_shows_as_what_is_missing_and_in_what_is_decided(
        bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data = replayed(bag, tmp_path, '--set', 'perception.tracks.born_score=1.0',
                          '--set', 'perception.tracks.born_looks=20')
    said = capsys.readouterr().out
    assert code == 1 and [(row['then'], row['now'], row['verdict'])
                          for row in data['seen']['events']] == [
        ('person appears', None, 'not any more'), ('person leaves', None, 'not any more')]
    assert data['seen']['now']['in_view_s'] == {}
    assert 'seen     not any more   person appears' in said and '(then): person 0.0 s (' in said
    assert any(row['verdict'] == 'not any more' and row['then']['text'] == 'one person'
               for row in data['pieces'][0]['decisions'] if row['then'])


def test_another_pace_looks_at_other_pictures_and_sees_the_same_things(
        bag: Path, tmp_path: Path) -> None:
    runs = [replayed(bag, tmp_path, '--set', 'perception.watch_hz=5.0') for _ in range(2)]
    for _, data in runs:
        data['heard'].pop('took_s')
    (code, data), other = runs
    assert (code, data) == other                 # to the last digit
    seen = data['seen']
    assert seen['now']['looks'] < 0.6 * seen['then']['looks']
    assert [row['then'] for row in seen['events']] == ['person appears', 'person leaves']
    # half as many looks: as sure, only later
    assert all(row['now'] and 0.0 < row['by_s'] <= 0.6 for row in seen['events'])


def test_compressed_pictures_are_looked_at_too(tmp_path: Path) -> None:
    recorded(tmp_path / 'bag', somebody_comes, 5.0, packed=True)
    code, data = replayed(tmp_path / 'bag', tmp_path)
    assert code == 0 and [row['then'] for row in data['seen']['events']] == ['person appears']
    assert 'compressed pictures' in data['seen']['notes'][0]


def test_who_was_there_before_the_recording_is_no_news(tmp_path: Path) -> None:
    recorded(tmp_path / 'bag', lambda t: somebody_comes(min(t + 3.0, 5.0)), 8.0, late_s=2.5)
    code, data = replayed(tmp_path / 'bag', tmp_path)
    assert code == 0 and data['seen']['now'] == data['seen']['then']


def test_faces_that_speak_are_the_same_cues(tmp_path: Path,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    """A man in a car, by the real networks of eyes and ears."""
    import cv2

    need_models()
    for name, file in (('nanodet', 'nanodet_m_416_fp16.onnx'), ('faces', 'face_mesh_fp16.onnx')):
        need_model(name, file)
    video = cv2.VideoCapture(str(need_model('demo_video', 'carphone_pristine.mp4')))
    clip = [video.read()[1] for _ in range(120)]
    there_and_back = clip + clip[::-1]
    agent = recorded(tmp_path / 'bag', lambda t: there_and_back[int(30 * t)], 5.5, 'nanodet', {},
                     faces='mediapipe', said=((2.0, audio_files.read(BENCH / 'q02.flac')),))
    finals = [one for one in agent.told if one.kind is Kind.FINAL]
    assert [one.text for one in finals] == [NAME] and dict(finals[0].cues)['faces'] == 1.0
    assert any(track.label == 'person' for look in agent.looked for track in look.saw.tracks)
    code, data = replayed(tmp_path / 'bag', tmp_path)
    assert code == 0, capsys.readouterr().out
    assert data['seen']['now'] == data['seen']['then']
    (final,) = [row for row in data['heard']['percepts'] if row['then']['kind'] == 'final']
    assert final['verdict'] == 'same' and final['now']['cues']['faces'] == 1.0
    assert final['now']['cues'] == pytest.approx(final['then']['cues'])
    none, data = replayed(tmp_path / 'bag', tmp_path, '--set', 'perception.faces=none')
    assert data['seen']['now']['with_faces'] == 0 < data['seen']['then']['with_faces']
    (final,) = [row for row in data['heard']['percepts'] if row['then']['kind'] == 'final']
    assert 'faces' not in final['now']['cues']


def test_without_pictures_it_is_said_and_nothing_of_the_eyes_can_be_set(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / 'bag'
    recorded(folder, somebody_comes, 5.0, without=('image_raw',))
    code = main(['replay', str(folder), '--from', 'senses', '--quiet'])
    said = capsys.readouterr().out
    assert code == 0 and 'remember "one person"' in said
    assert 'The bag holds no pictures (no topic image_raw' in said
    assert main(['replay', str(folder), '--from', 'senses', '--set',
                 'perception.tracks.born_score=0.5']) == 2
    error = capsys.readouterr().err
    assert 'changes what is seen, and' in error and error.count('\n') == 1


@pytest.mark.parametrize('change, words', [
    ('perception.tracks.born=1', 'there is no parameter tracks.born: choose from'),
    ('perception.watch_hz=99', 'parameter watch_hz: 99')])
def test_a_parameter_of_the_eyes_that_cannot_be_set_is_one_line(
        bag: Path, change: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['replay', str(bag), '--from', 'senses', '--set', change]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_recorded_looks_stand_where_nobody_is_to_look(bag: Path, tmp_path: Path) -> None:
    code, data = replayed(bag, tmp_path, '--set', 'perception.detector=none')
    assert code == 0 and data['seen'] is None
