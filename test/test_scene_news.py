"""What of the tracks is told as a scene: what lasts, once, and now and then again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from human_recordings import need_model

from omni_agent.core.scene_news import ABSENT_S, LASTING_S, News, SceneNews
from omni_agent.core.tracks import Tracks

HZ = 10
PLACES = {
    'person': (50.0, 50.0, 150.0, 300.0),
    'car': (300.0, 200.0, 450.0, 300.0),
    'cup': (500.0, 300.0, 540.0, 340.0)
}


@dataclass(frozen=True)
class Box:
    label: str
    score: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        return PLACES[self.label]


class Watch:
    """Looks at HZ: what is there from look to look, and what is told of it."""

    def __init__(self, every_s: float = 60.0) -> None:
        self.tracks, self.news = Tracks(), SceneNews(every_s)
        self.t = 1000.0
        self.told: list[News] = []

    def see(self, seconds: float, **there: float) -> list[News]:
        """For so long there are these things, with that score."""
        began = len(self.told)
        for _ in range(round(seconds * HZ)):
            events = self.tracks.step([Box(*thing) for thing in there.items()], self.t,
                                      (640.0, 480.0))
            news = self.news.step(self.t, self.tracks.now(), events)
            self.told += [news] if news is not None else []
            self.t += 1 / HZ
        return self.told[began:]


def texts(news: list[News]) -> list[str]:
    return [one.text for one in news]


def test_what_is_certain_is_told_as_soon_as_it_is_believed():
    watch = Watch()
    assert texts(watch.see(0.3, person=0.8)) == ['one person']
    assert watch.told[0].salience == 1.0 and watch.told[0].changed


def test_nothing_is_told_of_an_empty_room_before_it_is_known_to_be_empty():
    watch = Watch()
    assert watch.see(0.3) == []
    assert texts(watch.see(0.2)) == ['nothing I know']


def test_a_doubtful_thing_is_told_once_it_has_lasted():
    watch = Watch()
    watch.see(1.0)
    assert watch.see(LASTING_S, cup=0.5) == []
    assert texts(watch.see(0.5, cup=0.5)) == ['one cup']


def test_a_doubtful_thing_that_does_not_last_is_never_told():
    watch = Watch()
    watch.see(1.0, person=0.8)
    for _ in range(5):
        watch.see(LASTING_S - 0.5, person=0.8, car=0.45)
        watch.see(3.0, person=0.8)
    assert texts(watch.told) == ['one person']


def test_what_is_imagined_all_the_time_is_never_told():
    assert texts(Watch().see(10.0, person=0.8, car=0.37)) == ['one person']


def test_what_is_missed_for_a_moment_stays_and_what_is_gone_goes():
    watch = Watch()
    watch.see(1.0, person=0.8)
    assert watch.see(ABSENT_S - 0.3) == [] and watch.see(1.0, person=0.8) == []
    gone = watch.see(ABSENT_S + 1.0)
    assert texts(gone) == ['nothing I know'] and gone[0].salience == 1.0


def test_a_scene_that_stays_is_repeated_now_and_then_and_is_no_change():
    news = Watch(every_s=1.0).see(4.95, person=0.8)
    assert texts(news) == ['one person'] * len(news) and 4 <= len(news) <= 5
    assert [one.changed for one in news] == [True] + [False] * (len(news) - 1)
    assert all(one.salience == 0.0 for one in news[1:])


def test_a_second_thing_is_a_third_of_the_scene():
    watch = Watch()
    watch.see(1.0, person=0.8)
    assert watch.see(0.5, person=0.8, car=0.8)[0].salience == pytest.approx(1 / 3)


def test_a_real_video_in_a_loop_is_told_once():
    """A detector that sees a car in the seat for a second of every four must not be heard of."""
    pytest.importorskip('cv2')
    from omni_agent.backends.vision import NanoDet
    from omni_agent.backends.watcher import Watcher
    from test_backends_vision import frames

    detect = NanoDet(score=Tracks().params.keep_score,
                     path=need_model('nanodet', 'nanodet_m_416_fp16.onnx'))
    clip = frames('carphone_pristine.mp4', 3, 40)
    known = {image.tobytes(): detect(image) for image in clip}
    watcher, news = Watcher(lambda image: known[image.tobytes()]), SceneNews(60.0)
    looks = [watcher.look(image, 1000 + at / HZ).looked for at, image in enumerate(clip * 5)]
    told = [
        one for one in (news.step(look.t, look.tracks, look.events) for look in looks)
        if one is not None
    ]
    assert set(texts(told)) == {'one person'}
    # there was something to hold back
    assert {found.label for seen in known.values() for found in seen} > {'person'}
