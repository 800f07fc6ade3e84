"""Labelled videos: read, composed, watched with the real detector, judged."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import composed_scenes, labelled_videos, proactive_set
from omni_agent.backends.composed_scenes import HEIGHT, WIDTH, Cutout, Scene, Studio, Thing
from omni_agent.backends.labelled_videos import Settings
from omni_agent.backends.proactive_set import Item, Library, Source
from omni_agent.cli import bench, bench_proactive
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.moments import Span, Watch, figures, judge, parse_labels, spans

cv2 = pytest.importorskip('cv2')

COMES = 'Tell me when somebody comes in.'


# -- judging --------------------------------------------------------------------------------------


def test_each_moment_is_hit_once_and_the_second_remark_is_wrong() -> None:
    verdict = judge(Watch(COMES, spans('10 20')), [10.4, 10.9, 30.0])
    assert verdict.hits == (pytest.approx(0.4),) and verdict.missed == (Span(20, 20),)
    assert verdict.false == (10.9, 30.0)


def test_two_seconds_before_and_after_are_near_and_more_is_not() -> None:
    for t, hit in ((7.9, False), (8.0, True), (12.0, True), (12.1, False)):
        assert bool(judge(Watch(COMES, spans('10')), [t]).hits) is hit


def test_a_remark_within_a_long_moment_has_no_delay() -> None:
    assert judge(Watch(COMES, spans('10-14')), [12.0]).hits == (0.0,)
    assert judge(Watch(COMES, spans('10-14')), [15.0]).hits == (1.0,)
    assert judge(Watch(COMES, spans('10-14')), [9.0]).hits == (-1.0,)


def test_what_nobody_can_say_counts_neither_way() -> None:
    watch = Watch(COMES, (), unsure=spans('5-8'))
    assert judge(watch, [6.0]).false == () and judge(watch, [9.0]).false == (9.0,)


def test_figures_are_what_they_say() -> None:
    verdicts = [judge(Watch(COMES, spans('10 20 30')), [10.5, 20.1, 50.0])]
    found = figures(verdicts, [(1800.0, 1), (1800.0, 2)])
    assert found['precision'] == pytest.approx(2 / 3) and found['recall'] == pytest.approx(2 / 3)
    assert found['f1'] == pytest.approx(2 / 3) and found['delay_p50_s'] == pytest.approx(0.3)
    assert found['false_per_hour'] == 3.0 and found['uneventful_minutes'] == 60.0
    assert figures([], [])['f1'] is None and figures([], [])['false_per_hour'] is None


# -- labels ---------------------------------------------------------------------------------------


def test_rows_of_the_same_piece_of_video_are_one_clip() -> None:
    rows = parse_labels('file,say,moments,crop,start_s,end_s\na.avi,x,1 2-3,0 0 9 9,4,8\n'
                        'a.avi,y,,0 0 9 9,4,8\na.avi,x,,,,\n')
    assert rows[0].clip == rows[1].clip != rows[2].clip
    assert rows[0].watch.moments == (Span(1, 1), Span(2, 3)) and rows[2].end_s == math.inf
    assert {row.half for row in rows} == {'test'}


@pytest.mark.parametrize(('line', 'words'), [
    ('a.avi,x,soon', "'soon' is no time"),
    ('a.avi,x,5-2', 'ends before'),
    (',x,1', "'file' is empty"),
    ('a.avi,,1', "'say' is empty"),
    ('a.avi,x,1,exam', "half 'exam'"),
    ('a.avi,x,1,test,now', 'ask_s'),
    ('a.avi,x,1,test,,,1 2 3', 'crop'),
    ('a.avi,x,1,test,,,9 9 1 1', 'crop'),
    ('a.avi,x,1,test,-1', 'ask_s'),
])
def test_a_bad_line_is_named(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r'labels.csv:2: ') as refused:
        parse_labels(f'file,say,moments,half,ask_s,unsure,crop\n{line}\n')
    assert words in str(refused.value)


def test_a_folder_without_labels_or_with_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='proactive_sets.md'):
        labelled_videos.read(tmp_path)
    (tmp_path / 'labels.csv').write_text('file,say,moments\nnone.avi,x,1\n')
    with pytest.raises(ConfigError, match=r'labels.csv:2: there is no file'):
        labelled_videos.read(tmp_path)
    for text in ('', 'file,say\n', 'file,say,moments\n'):
        with pytest.raises(ConfigError):
            parse_labels(text)


# -- our own set ----------------------------------------------------------------------------------


def test_our_own_set_is_complete_and_its_halves_share_no_video_no_picture_and_no_background(
) -> None:
    known = proactive_set.items()
    rows = parse_labels((proactive_set.folder() / 'labels.csv').read_text())
    scenes = composed_scenes.read(proactive_set.folder() / 'scenes.yaml')
    used: dict[str, set[str]] = {'development': set(), 'test': set()}
    for row in rows:
        used[row.half].add(row.file)
    for scene in scenes:
        used[scene.half] |= {scene.background, *(thing.cutout.picture for thing in scene.things)}
    assert used['development'] & used['test'] == set()
    assert used['development'] | used['test'] <= set(known)
    assert len({scene.name for scene in scenes}) == len(scenes)
    assert (sum(
        len(watch.moments) for scene in scenes for watch in scene.watches if scene.half == 'test')
            >= 15)


def test_every_instruction_of_our_own_set_is_understood() -> None:
    scenes = composed_scenes.read(proactive_set.folder() / 'scenes.yaml')
    rows = parse_labels((proactive_set.folder() / 'labels.csv').read_text())
    watches = [watch for scene in scenes for watch in scene.watches] + [row.watch for row in rows]
    machines: list = []
    labelled_videos._ask(list(enumerate(watches)), 1e9, machines,
                         Settings().speak_up, labelled_videos.scorer())
    assert len(machines) == len(watches) > 50


def test_a_file_counts_only_if_it_is_the_one_that_was_labelled(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    root = tmp_path / 'installed'
    root.mkdir()
    (root / 'a.avi.gz').write_bytes(gzip.compress(b'film'))
    (root / 'b.avi').write_bytes(b'tampered')
    source = Source('no-such-package-of-debian', '', str(root).lstrip('/'), 'CC0-1.0')
    right, wrong = (Item(f'x:{name}', source, name, size, hashlib.sha256(b'film').hexdigest())
                    for name, size in (('a.avi', 4), ('b.avi', 8)))
    assert Library({right.ref: right}).find('x:a.avi').read_bytes() == b'film'
    with pytest.raises(BackendError, match='apt-get install no-such-package-of-debian'):
        Library({wrong.ref: wrong}).find('x:b.avi')
    with pytest.raises(ConfigError, match='no file'):
        Library({}).find('x:c.avi')


# -- composed scenes ------------------------------------------------------------------------------


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A grey room and a red square on green."""
    cv2.imwrite(str(tmp_path / 'room.png'), np.full((480, 640, 3), 128, np.uint8))
    square = np.full((100, 100, 3), (0, 200, 0), np.uint8)
    square[30:70, 30:70] = (0, 0, 220)
    cv2.imwrite(str(tmp_path / 'square.png'), square)
    return Studio(lambda name: tmp_path / name)


SQUARE = Cutout('square.png', (25, 25, 75, 75), ((35, 35, 65, 65),))


def scene(*things: Thing, **parts: float) -> Scene:
    return Scene('a room', 'test', 'room.png', 6.0, parts.get('grain', 0.0), 0.0, 0.0, things,
                 (Watch(COMES, ()), ))


def test_a_thing_is_where_the_script_says_and_only_then(studio: Studio) -> None:
    one = scene(Thing(SQUARE, 100.0, ((1.0, 100, 200), (3.0, 500, 200)), False, ()))
    red = {
        t: np.argwhere(image[:, :, 2].astype(int) - image[:, :, 1] > 100)
        for t, image in studio.frames(one, 2.0)
    }
    assert len(red[0.5]) == len(red[3.5]) == 0
    assert red[1.0].mean(axis=0) == pytest.approx((200, 100), abs=3)
    assert red[2.0].mean(axis=0) == pytest.approx((200, 300), abs=3)


def test_what_is_behind_something_is_covered_and_that_is_known(studio: Studio) -> None:
    one = scene(
        Thing(SQUARE, 100.0, ((0.0, -200, 200), (5.0, 800, 200)), False, (250, 0, 450, HEIGHT)))
    share = dict(composed_scenes.visible(one, studio, 0, 2.0))
    assert share[0.0] == 0.0 and share[2.0] == pytest.approx(1.0, abs=0.05) and share[2.5] < 0.3
    assert share[3.5] == pytest.approx(1.0, abs=0.05) and share[5.0] < 0.1


def test_the_same_scene_is_the_same_pictures_and_another_variant_is_not(studio: Studio) -> None:
    one = scene(Thing(SQUARE, 100.0, ((0.0, 100, 200), (5.0, 500, 200)), True, ()), grain=4.0)
    first, again, other = ([image for _, image in studio.frames(one, 2.0, variant)]
                           for variant in (0, 0, 1))
    assert (all(np.array_equal(a, b) for a, b in zip(first, again))
            and first[0].shape == (HEIGHT, WIDTH, 3))
    assert not np.array_equal(first[3], other[3])


@pytest.mark.parametrize(('old', 'new', 'words'), [
    ('kitten, height', 'unicorn, height', 'unicorn'),
    ("moments: '4.1'", "moments: 'soon'", 'soon'),
    ('half: test', 'half: exam', 'exam'),
    ('kitten=cat', 'kitty=cat', 'kitty'),
    ("path: '3 -150 330,", "path: '3 -150,", 'seconds x y'),
    ('shake: 0.8', 'shade: 0.8', 'shake'),
])
def test_a_mistake_in_the_scenes_is_named_with_its_line(tmp_path: Path, old: str, new: str,
                                                        words: str) -> None:
    text = (proactive_set.folder() / 'scenes.yaml').read_text()
    assert old in text
    (tmp_path / 'scenes.yaml').write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=r'scenes\.yaml:\d+: ') as refused:
        composed_scenes.read(tmp_path / 'scenes.yaml')
    assert words in str(refused.value)


# -- the whole chain ------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a grey wall, then a man who talks; a real clip where the demo video is at
    hand.
    """
    from omni_agent.backends import models

    try:
        talking = models.path('demo_video', 'carphone_pristine.mp4')
    except BackendError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp('set')
    capture = cv2.VideoCapture(str(talking))
    people = [capture.read()[1] for _ in range(30)]
    writer = cv2.VideoWriter(str(folder / 'film.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             (176, 144))
    wall = np.full((144, 176, 3), 120, np.uint8)
    for image in [wall] * 40 + people:
        writer.write(image)
    writer.release()
    (folder / 'labels.csv').write_text(f'file,say,moments,half\nfilm.avi,{COMES},4.0,test\n'
                                       'film.avi,Tell me when a dog comes in.,,test\n'
                                       f'film.avi,{COMES},,development\n')
    return folder


def arguments(film: Path, out: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(
        **{
            'set': [str(film)],
            'half': 'test',
            'items': None,
            'every_frame': False,
            'out': out,
            'json': out.parent / 'x.json',
            'strict': False,
            **more
        })


def test_a_man_who_appears_is_told_within_a_second_by_the_real_detector(
        film: Path, tmp_path: Path) -> None:
    assert bench.run(arguments(film, tmp_path / 'out', strict=True), bench_proactive.measure,
                     bench_proactive.NEEDS_ROS) in (0, 1)
    data = json.loads((tmp_path / 'x.json').read_text())
    found = data['figures']
    assert (found['precision'], found['recall'], found['f1']) == (1.0, 1.0, 1.0)
    assert 0.0 <= found['delay_p50_s'] <= 1.0 and found['moments'] == 1.0
    assert found['skip_share'] > 0.3                      # the wall
    # no clip without moments: nothing is made up
    assert found['false_per_hour'] is None
    assert [row['told'] for row in data['clips']] == [1, 0]
    assert (tmp_path / 'out' / 'clips.csv').read_text().count('\n') == 3


def test_every_frame_is_looked_at_where_that_is_wanted(film: Path, tmp_path: Path) -> None:
    result = bench_proactive.measure(arguments(film, tmp_path / 'out', every_frame=True))
    assert result.figures['skip_share'] == 0.0 and result.figures['f1'] == 1.0


def test_a_crop_that_is_larger_than_the_picture_and_an_instruction_that_is_none_are_refused(
        film: Path, tmp_path: Path) -> None:
    (tmp_path / 'film.avi').write_bytes((film / 'film.avi').read_bytes())
    for line, words in ((f'film.avi,{COMES},1,0 0 999 9', 'reaches beyond the 176 x 144'),
                        ('film.avi,Hello.,1,', "'Hello.' is no instruction")):
        (tmp_path / 'labels.csv').write_text(f'file,say,moments,crop\n{line}\n')
        with pytest.raises(ConfigError, match=words):
            bench_proactive.measure(arguments(tmp_path, tmp_path / 'out'))


def test_the_halves_and_the_kinds_are_told_apart(film: Path) -> None:
    clips = labelled_videos.read(film)
    assert [(clip.half, clip.kind, len(clip.watches), clip.uneventful) for clip in clips] == \
        [('test', 'real', 2, False), ('development', 'real', 1, True)]
    with pytest.raises(ConfigError, match='one folder'):
        bench_proactive.measure(arguments(film, film, set=['perception.scene_hz=5']))


def test_a_loop_goes_there_and_back_for_as_long_as_it_should(film: Path) -> None:
    row, = parse_labels(f'file,say,moments,loop_s\nfilm.avi,{COMES},,16\n')
    frames = list(labelled_videos._played(film / 'film.avi', row))
    assert len(frames) == 160 and frames[-1][0] == pytest.approx(15.9)
    assert (np.array_equal(frames[69][1], frames[69][1])
            and np.array_equal(frames[68][1], frames[70][1]))
