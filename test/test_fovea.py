"""Closer looks: where, how often, at what cost, and what of them is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends import composed_scenes, proactive_set
from omni_agent.backends.composed_scenes import Studio
from omni_agent.backends.vision import NanoDet
from omni_agent.backends.watcher import Watcher
from omni_agent.core.errors import BackendError
from omni_agent.core.fovea import Fovea, FoveaParams, Known, Region, merge, pieces
from omni_agent.core.frame_skip import ACROSS, DOWN
from omni_agent.core.tracks import TracksParams

SIZE = (640, 480)
STEP_S = 0.2
THING = (100.0, 200.0, 180.0, 320.0)         # 4 x 6 cells of a thumbnail
CAT = (110.0, 205.0, 170.0, 315.0)


@dataclass(frozen=True)
class Box:
    label: str
    score: float
    box: tuple[float, float, float, float]


def thumbnail(*things: tuple[float, float, float, float]) -> np.ndarray:
    picture = np.full((DOWN, ACROSS), 100.0, np.float32)
    for x0, y0, x1, y1 in things:
        picture[int(y0 / 20):int(y1 / 20), int(x0 / 20):int(x1 / 20)] = 180.0
    return picture


class Story:
    """Pictures one after the other, 5 a second; whatever is looked at closely shows ``close``."""

    def __init__(self, **params: float) -> None:
        self.fovea = Fovea(FoveaParams(**params))
        self.t = 0.0
        self.close: tuple[Box, ...] = ()
        self.believed: list[Box] = []
        self.picture()

    def picture(self, *things: tuple[float, float, float, float], seen: tuple[Box, ...] = (),
                known: tuple[Known, ...] = ()) -> list[Region]:
        self.t += STEP_S
        self.fovea.see(thumbnail(*things), self.t)
        self.fovea.begin(seen, known, SIZE)
        found: list[Region] = []
        self.believed = []
        while (region := self.fovea.next()) is not None:
            found.append(region)
            self.believed += self.fovea.found(region, self.close)
        return found

    def pictures(self, count: int, *things: tuple[float, float, float, float],
                 seen: tuple[Box, ...] = ()) -> int:
        return sum(len(self.picture(*things, seen=seen)) for _ in range(count))


def holds(region: Region, box: tuple[float, float, float, float]) -> bool:
    x0, y0, x1, y1 = region.crop
    return x0 <= box[0] and y0 <= box[1] and x1 >= box[2] and y1 >= box[3]


def test_a_picture_in_which_nothing_changes_and_nothing_is_doubted_costs_nothing() -> None:
    assert Story().pictures(100) == 0


def test_what_comes_and_is_not_seen_is_looked_at_closely_and_whole() -> None:
    story = Story()
    region, = story.picture(THING)
    assert holds(region, THING) and region.crop[2] - region.crop[0] < 0.5 * SIZE[0]


@pytest.mark.parametrize('explains', ['a clear box', 'a track'])
def test_what_is_explained_is_not_looked_at_again(explains: str) -> None:
    story = Story()
    seen = (Box('cat', 0.8, THING),) if explains == 'a clear box' else ()
    known = (Known(THING, False, True),)
    assert story.picture(THING, seen=(Box('cat', 0.4, THING), *seen),
                         known=() if seen else known)[1:] == []
    assert seen == () or Story().picture(THING, seen=seen) == []


def test_a_doubtful_box_is_looked_at_closely_though_nothing_changed() -> None:
    region, = Story().picture(seen=(Box('dog', 0.3, THING),))
    assert holds(region, THING)


def test_a_believed_track_that_is_missed_is_looked_for_where_it_should_be() -> None:
    region, = Story().picture(known=(Known(THING, False, True),))
    assert holds(region, THING)


def test_a_place_where_nothing_is_found_rests_longer_each_time() -> None:
    story = Story()
    first = story.pictures(50, seen=(Box('dog', 0.3, THING),))          # 10 s
    later = story.pictures(250, seen=(Box('dog', 0.3, THING),))         # 50 s
    assert 2 <= first <= 4 and later <= 2


def test_what_is_about_to_be_believed_is_looked_at_in_each_picture() -> None:
    story = Story()
    story.close = (Box('cat', 0.7, CAT),)
    known = (Known(CAT, True, False),)
    assert [len(story.picture(THING, known=known)) for _ in range(3)] == [1, 1, 1]


def test_crops_at_a_picture_and_milliseconds_a_second_are_bounded() -> None:
    doubtful = tuple(Box('person', 0.3, (80.0 * at, 200.0, 80.0 * at + 40, 280.0))
                     for at in range(8))
    greedy = Story(crops=2, budget_ms=1000.0)
    assert len(greedy.picture(seen=doubtful)) == 2
    poor = Story(crops=8, budget_ms=50.0, crop_ms=50.0)
    spent = 0
    for at in range(50):                     # 10 s; somewhere else in each picture
        moved = tuple(Box('person', 0.3, (one.box[0], 8.0 * at, one.box[2], 8.0 * at + 60))
                      for one in doubtful)
        spent += len(poor.picture(seen=moved))
    assert 5 <= spent <= 12
    assert Story(crops=0).pictures(5, THING, seen=doubtful) == 0


def test_only_what_is_sure_and_in_its_place_is_believed() -> None:
    story = Story()
    story.close = (Box('cat', 0.7, CAT), Box('dog', 0.44, CAT),
                   Box('person', 0.9, (170.0, 330.0, 190.0, 352.0)))
    story.picture(THING)
    assert [one.label for one in story.believed] == ['cat']


def test_what_is_cut_by_the_crop_is_looked_at_once_more_and_then_whole() -> None:
    story = Story()
    whole = (40.0, 190.0, 240.0, 330.0)
    part = Box('dog', 0.3, (100.0, 220.0, 140.0, 260.0))
    story.close = (Box('person', 0.7, whole),)
    first, second = story.picture(seen=(part,))
    assert not holds(first, whole) and second.follows and holds(second, whole)
    assert [one.box for one in story.believed] == [whole]


def test_another_view_is_no_change_of_a_place() -> None:
    fovea = Fovea()
    views = np.random.default_rng(1).uniform(50.0, 200.0, (2, DOWN, ACROSS)).astype(np.float32)
    for t, view in enumerate((views[0], views[0], views[1], views[1]), 1):
        fovea.see(view, float(t))
        fovea.begin((), (), SIZE)
        assert fovea.next() is None


def test_the_same_pictures_at_the_same_times_are_looked_at_in_the_same_way() -> None:
    def regions() -> list[Region]:
        story = Story()
        return [one for at in range(30) for one in story.picture(
            (100.0 + 4 * at, 200.0, 180.0 + 4 * at, 320.0), seen=(Box('dog', 0.3, THING),))]
    assert regions() == regions() != []


def test_pieces_hang_together_by_corners_and_single_cells_are_none() -> None:
    cells = np.zeros((6, 8), bool)
    cells[1, 1] = cells[2, 2] = cells[3, 1] = cells[5, 7] = True
    cells[0, 4:7] = cells[1, 4:7] = True
    assert pieces(cells) == [(4, 0, 7, 2), (1, 1, 3, 4)]


def test_a_closer_look_replaces_what_was_less_sure_of_the_same_place_and_doubles_nothing() -> None:
    whole = [Box('kite', 0.4, CAT), Box('person', 0.3, (115.0, 210.0, 150.0, 250.0)),
             Box('person', 0.9, (400.0, 100.0, 460.0, 300.0))]
    cat, again = Box('person', 0.7, CAT), Box('person', 0.8, (402.0, 101.0, 459.0, 298.0))
    assert merge(whole, [cat, again]) == [whole[2], cat]
    assert merge(whole, []) == sorted(whole, key=lambda one: -one.score)


# -- with the real detector -----------------------------------------------------------------------


@pytest.fixture(scope='module')
def kick() -> list[tuple[float, np.ndarray]]:
    """A footballer slides into a street: too turned, and too small, for the whole look."""
    try:
        scene = next(one for one in composed_scenes.read(proactive_set.folder() / 'scenes.yaml')
                     if one.name == 'one by one')
        return list(Studio(proactive_set.Library().find).frames(replace(scene, seconds=5.0), 10.0))
    except BackendError as error:
        pytest.skip(str(error))


def test_somebody_whom_the_whole_look_does_not_make_out_is_seen_by_the_closer_one(
        kick: list[tuple[float, np.ndarray]]) -> None:
    detect = NanoDet(score=TracksParams().keep_score,
                     path=need_model('nanodet', 'nanodet_m_416_fp16.onnx'))
    there, crops = {}, {}
    for name, fovea in (('plain', None), ('fovea', FoveaParams())):
        watcher = Watcher(detect, fovea=fovea)
        looks = [watcher.look(image, 1.0 + t) for t, image in kick]
        there[name] = {track.label for look in looks for track in look.looked.tracks}
        crops[name] = sum(look.crops for look in looks)
    assert 'person' in there['fovea'] and 'person' not in there['plain']
    assert crops['plain'] == 0 < crops['fovea'] <= FoveaParams().budget_ms * 7.0 / 40.0
