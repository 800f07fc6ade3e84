"""Detections with a memory: who is who, who came, who left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.track import Appeared, Approached, Left, Moved, TrackEvent, family
from omni_agent.core.tracks import Tracks, TracksParams

SIZE = (640, 480)
STEP = 0.1


@dataclass(frozen=True)
class Box:
    label: str
    score: float
    box: tuple[float, float, float, float]


def person(x: float, y: float = 200.0, score: float = 0.8, label: str = 'person',
           height: float = 160.0) -> Box:
    return Box(label, score, (x, y, x + height / 2, y + height))


class Story:
    """Looks one after the other, 10 a second."""

    def __init__(self, **params: float) -> None:
        self.tracks = Tracks(TracksParams(**params))
        self.t = 0.0
        self.events: list[TrackEvent] = []

    def look(self, *boxes: Box, embeddings: tuple = (),
             picture: np.ndarray | None = None) -> list[TrackEvent]:
        self.t = round(self.t + STEP, 6)
        found = self.tracks.step(boxes, self.t, SIZE, embeddings, picture)
        self.events += found
        return found

    def looks(self, count: int, *boxes: Box) -> None:
        for _ in range(count):
            self.look(*boxes)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ids(self) -> list[int]:
        return [track.id for track in self.tracks.now()]


def test_a_thing_is_believed_at_the_third_of_four_looks_and_was_there_since_the_first() -> None:
    story = Story()
    assert story.look(person(300)) == [] and story.look(person(300)) == []
    born, = story.look(person(300))
    assert (isinstance(born, Appeared) and
            (born.t, born.since) == (pytest.approx(0.3), pytest.approx(0.1)))


def test_a_flicker_is_never_believed() -> None:
    story = Story()
    for _ in range(10):
        story.looks(1, person(300))
        story.looks(2)
    assert story.events == [] and story.ids == []


def test_a_doubtful_box_begins_nothing_but_keeps_what_is_there() -> None:
    story = Story()
    story.looks(10, person(300, score=0.3))
    assert story.ids == []
    story.looks(4, person(300))
    story.looks(50, person(300, score=0.3))
    assert story.ids == [1] and story.of(Left) == []


def test_a_walker_keeps_its_identity_across_the_picture() -> None:
    story = Story()
    for x in range(10, 540, 12):
        story.look(person(x))
    assert len(story.of(Appeared)) == 1 and story.ids == [1]


def test_two_that_cross_each_other_stay_two() -> None:
    story = Story()
    for step in range(60):
        story.look(person(20 + 9 * step, 180), person(540 - 9 * step, 230))
    assert len(story.of(Appeared)) == 2 and sorted(story.ids) == [1, 2]
    places = {track.id: track.box[0] for track in story.tracks.now()}
    assert places[1] > 500 and places[2] < 40          # each went on in its own direction


def test_who_is_covered_for_a_moment_is_the_same_one_after_it() -> None:
    story = Story()
    for x in range(60, 300, 12):
        story.look(person(x))
    story.looks(8)
    for x in range(400, 520, 12):
        story.look(person(x))
    assert len(story.of(Appeared)) == 1 and story.of(Left) == []


def test_who_is_covered_while_going_on_is_looked_for_further_on() -> None:
    story = Story()
    for x in range(20, 240, 20):
        story.look(person(x))
    story.looks(8)
    for x in range(400, 480, 20):                      # 180 px on: more than its own size
        story.look(person(x))
    assert len(story.of(Appeared)) == 1


def test_a_look_that_shows_only_a_part_of_it_does_not_make_it_smaller() -> None:
    story = Story()
    story.looks(5, person(300))
    story.looks(3, person(310, 210, height=90))
    assert [track.box for track in story.tracks.now()] == [person(300).box]
    assert story.tracks.now()[0].hits == 8


def test_of_whom_only_a_part_is_seen_while_walking_on_stays_as_large_and_goes_along() -> None:
    story = Story()
    for at in range(10):
        story.look(person(100 + 8 * at))
    for at in range(10, 20):
        x = 100 + 8 * at
        story.look(Box('person', 0.6, (x + 10.0, 265.0, x + 70.0, 355.0)))      # the legs
    track, = story.tracks.now()
    assert track.box[3] - track.box[1] == pytest.approx(160.0)
    assert track.box[0] == pytest.approx(100 + 8 * 19, abs=20.0)


def test_where_everything_is_expected_and_how_surely_is_told() -> None:
    story = Story()
    story.looks(1, person(100, score=0.4))
    (known,) = story.tracks.expected(story.t + STEP)
    assert known.is_new and not known.is_clear and known.box == person(100).box
    for at in range(6):
        story.look(person(100 + 8 * at, score=0.8))
    (known,) = story.tracks.expected(story.t + STEP)
    assert known.is_clear and not known.is_new and known.box[0] > 140.0


def test_who_went_away_may_come_nearer_again() -> None:
    story = Story()
    for height in [*range(80, 200, 4), *range(200, 80, -4), *range(80, 200, 4)]:
        story.look(person(300, height=height))
    assert len(story.of(Approached)) == 2


def test_who_walks_out_has_left_soon_and_who_vanishes_in_the_middle_late() -> None:
    story = Story()
    for x in range(300, 560, 15):
        story.look(person(x))
    out = story.t
    story.looks(30)
    left, = story.of(Left)
    assert left.since == pytest.approx(out) and left.t - out < 0.8
    story = Story()
    story.looks(10, person(300))
    gone = story.t
    story.looks(30)
    left, = story.of(Left)
    assert 1.9 < left.t - gone < 2.3


def test_a_second_box_of_the_same_thing_is_no_second_thing() -> None:
    story = Story()
    story.looks(10, person(300), person(310, 240, height=100))
    assert story.ids == [1]


def test_a_label_that_wavers_within_a_family_is_one_thing_called_what_it_was_called_most_surely(
) -> None:
    story = Story()
    for step in range(12):
        story.look(person(300, label='dog' if step % 3 else 'cat'))
    assert [track.label for track in story.tracks.now()] == ['dog']
    assert family('person') != family('dog')


def test_moving_and_coming_nearer_are_told_once_for_each_own_size() -> None:
    story = Story()
    story.looks(10, person(100))
    for x in range(100, 400, 8):
        story.look(person(x))
    # 296 px; the square root of 80 x 160 px is 113
    assert len(story.of(Moved)) == 2
    story = Story()
    for height in range(100, 260, 4):
        story.look(person(300, height=height))
    assert len(story.of(Approached)) == 1


def test_who_stands_still_neither_moves_nor_comes_nearer() -> None:
    story = Story()
    noise = np.random.default_rng(1)
    for _ in range(300):
        story.look(person(300 + noise.normal(0, 4), 200 + noise.normal(0, 4)))
    assert len(story.events) == 1


def test_who_comes_back_is_recognised_by_the_embedding() -> None:
    story = Story()
    her, him = np.eye(8)[0], np.eye(8)[1]
    for vector in (her, her, her, her, her):
        story.look(person(300), embeddings=(vector,))
    story.looks(40)
    for _ in range(5):
        story.look(person(500), embeddings=(him,))
    story.looks(40)
    for _ in range(5):
        story.look(person(100), embeddings=(her,))
    assert ([(event.track.id, event.track.again) for event in story.of(Appeared)] == [(1, False),
                                                                                      (2, False),
                                                                                      (1, True)])


def test_an_unchanged_picture_keeps_everything_and_proves_nothing() -> None:
    tracks = Tracks()
    for step in range(1, 6):
        tracks.step([person(300)], step * STEP, SIZE)
    for step in range(6, 200):
        assert tracks.unchanged(step * STEP) == []
    assert [track.hits for track in tracks.now()] == [5]
    doubtful = Tracks()
    for step in range(2):
        assert not doubtful.expecting                   # once is what detectors imagine
        doubtful.step([person(300, score=0.45)], (1 + step) * STEP, SIZE)
    assert doubtful.expecting and doubtful.settled
    clear = Tracks()
    clear.step([person(300, score=0.9)], STEP, SIZE)
    assert clear.expecting
    assert ([doubtful.unchanged(2 * STEP + step * STEP) for step in range(1, 20)] == [[]] * 19
            and doubtful.now() == ())


def wall(light: float = 0.0) -> np.ndarray:
    """A thumbnail of 20 x 20 pixels a cell; ``light``: of what stands where person(300) is."""
    picture = np.full((24, 32), 100.0, np.float32)
    picture[10:18, 15:19] += light
    return picture


def test_what_the_detector_overlooks_has_not_left_while_its_place_looks_as_it_did() -> None:
    still, gone = Story(), Story()
    for story in (still, gone):
        for _ in range(60):
            story.look(person(300), picture=wall(40.0))
        for _ in range(40):
            story.look(picture=wall(40.0 if story is still else 0.0))
    assert still.of(Left) == [] and len(still.ids) == 1
    assert len(gone.of(Left)) == 1


def test_what_was_overlooked_for_long_is_given_up_in_the_end() -> None:
    story = Story(same_s=4.0)
    for _ in range(60):
        story.look(person(300), picture=wall(40.0))
    for _ in range(50):
        story.look(picture=wall(40.0))
    assert len(story.of(Left)) == 1


def test_what_is_noticed_late_was_there_before_and_what_came_in_was_not() -> None:
    late, came = Story(), Story()
    for story in (late, came):
        for _ in range(60):
            story.look(picture=wall(40.0 if story is late else 0.0))
        for _ in range(5):
            story.look(person(300), picture=wall(40.0))
    assert late.of(Appeared)[0].since < 0.5
    assert came.of(Appeared)[0].since == pytest.approx(6.1)


def test_a_doubtful_box_of_a_part_does_not_take_a_track_from_the_sure_one_of_the_whole() -> None:
    story = Story()
    for x in (0.0, 40.0, 80.0):                  # coming in fast, larger at each look
        whole = Box('person', 0.8, (0.0, 180.0, 110.0 + 2 * x, 470.0))
        part = Box('person', 0.28, (10.0 + x / 4, 200.0, 100.0 + x / 4, 440.0))
        story.look(whole, part)
    born, = story.of(Appeared)
    assert born.track.box == whole.box and born.track.score == pytest.approx(0.8)


def test_of_who_comes_in_the_side_that_the_border_does_not_cut_tells_how_fast() -> None:
    for mirrored in (False, True):
        story = Story()
        for wide in (20.0, 30.0, 40.0, 50.0, 60.0):      # 10 px a look
            left = SIZE[0] - wide if mirrored else 0.0
            story.look(Box('person', 0.8, (left, 200.0, left + wide, 360.0)))
        track, = story.tracks.now()
        assert track.speed[0] * SIZE[0] == pytest.approx(-100.0 if mirrored else 100.0)


def test_who_just_came_or_goes_on_is_looked_at_soon_and_who_stands_is_not() -> None:
    story = Story()
    story.looks(4, person(100.0))
    assert story.tracks.hurries(story.t + STEP)          # nobody knows yet how fast
    story.looks(10, person(100.0))
    assert not story.tracks.hurries(story.t + 0.8)
    for at in range(1, 15):
        story.look(person(100.0 + 10.0 * at))            # 100 px/s, 80 px wide
    assert not story.tracks.hurries(story.t + STEP) and story.tracks.hurries(story.t + 0.4)


def test_what_went_while_no_picture_was_looked_at_went_then() -> None:
    story = Story()
    for _ in range(60):
        story.look(person(300), picture=wall(40.0))
    for _ in range(6):
        story.t = round(story.t + STEP, 6)
        assert story.tracks.unchanged(story.t, wall()) == []
    for _ in range(20):
        story.look(picture=wall())
    left, = story.of(Left)
    assert left.since == pytest.approx(6.0, abs=0.05)


def test_a_doubtful_box_keeps_a_track_and_does_not_say_how_fast_it_goes() -> None:
    story = Story()
    for at in range(10):
        story.look(person(100.0 + 10.0 * at))
    story.looks(4, person(190.0, score=0.3))
    track, = story.tracks.now()
    assert track.seen and track.speed[0] * SIZE[0] == pytest.approx(100.0)


def test_a_doubtful_piece_of_one_is_not_the_other_who_stood_beside() -> None:
    story = Story()
    story.looks(10, person(300.0), person(350.0))
    story.look(person(300.0), Box('person', 0.3, (345.0, 220.0, 380.0, 350.0)))
    assert [track.seen for track in story.tracks.now()] == [True, False]


def test_a_box_between_two_who_stand_side_by_side_is_nobody() -> None:
    story = Story()
    story.looks(6, person(100.0), person(150.0), person(125.0, score=0.6))
    assert len(story.ids) == 2
    story = Story()
    story.looks(6, person(100.0), person(125.0, score=0.6))      # with one of them gone
    assert len(story.ids) == 2


def test_who_walks_out_is_looked_at_until_gone() -> None:
    story = Story()
    for x in (400.0, 440.0, 480.0, 520.0, 560.0):
        story.look(person(x))
    assert story.tracks.expecting
    story = Story()
    story.looks(5, person(560.0))
    assert not story.tracks.expecting


def test_a_look_from_the_past_is_left_out() -> None:
    story = Story()
    story.looks(5, person(300))
    before = story.tracks.now()
    assert story.tracks.step([], 0.2, SIZE) == [] and story.tracks.now() == before


boxes = st.builds(person, st.floats(0, 560), st.floats(0, 300), st.floats(0.1, 1.0),
                  st.sampled_from(['person', 'dog', 'cat']))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(boxes, max_size=8), max_size=25))
def test_whatever_is_seen_tracks_are_bounded_unique_born_once_and_die_once(
        looks: list[list[Box]]) -> None:
    story, twin = Story(most=4), Story(most=4)
    alive: set[int] = set()
    for look in looks:
        events = story.look(*look)
        assert [repr(event) for event in events] == [repr(event) for event in twin.look(*look)]
        for event in events:
            if isinstance(event, Appeared):
                assert event.track.id not in alive
                alive.add(event.track.id)
            elif isinstance(event, Left):
                alive.remove(event.track.id)
        assert set(story.ids) == alive and len(story.ids) == len(alive) <= 4
