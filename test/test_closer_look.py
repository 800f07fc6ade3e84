"""Looking closer without ROS: pieces of a picture, phrases that are believed, and what a question
asks for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import Detection, watching
from omni_agent.backends.closer_look import CloserLook, any_words, merged, quarters
from omni_agent.core import looking
from omni_agent.core.errors import ConfigError
from omni_agent.core.track import Appeared, Left
from omni_agent.core.watch_items import Answer, WatchItems
from omni_agent.core.word_tracks import WordTracks

CUP = 'red cup'


def test_pieces_cover_the_picture_and_overlap() -> None:
    pieces = quarters(480, 640)
    covered = np.zeros((480, 640), int)
    for left, top, right, bottom in pieces:
        assert 0 <= left < right <= 640 and 0 <= top < bottom <= 480
        covered[top:bottom, left:right] += 1
    assert covered.min() >= 2 and covered[240, 320] == 5


def test_a_thing_that_several_pieces_show_is_one_thing_and_two_neighbours_are_two() -> None:
    whole, part = (100, 100, 200, 300), (100, 100, 200, 200)
    found = merged([Detection('person', 0.6, whole)],
                   [Detection('person', 0.9, part), Detection('dog', 0.5, whole),
                    Detection('person', 0.7, (104, 98, 205, 296)),
                    Detection('person', 0.8, (300, 100, 400, 300)),
                    Detection('person', 0.7, (290, 90, 410, 310))])
    assert [(one.label, one.score) for one in found] == [('person', 0.6), ('person', 0.8),
                                                         ('dog', 0.5)]


def test_half_a_thing_on_a_seam_is_left_to_the_piece_that_shows_it_whole() -> None:
    """The detector of this test takes every bright spot for a cup, however little it shows."""
    image = np.zeros((400, 600, 3), np.uint8)
    image[180:220, 220:300] = 255                        # across the left edge of the right pieces

    def detect(picture: np.ndarray) -> list[Detection]:
        if picture.shape == image.shape:
            return []
        rows, columns = np.nonzero(picture[..., 0])
        return [Detection('cup', 0.8, (columns.min(), rows.min(), columns.max(), rows.max()))
                ] if rows.size else []

    (cup,) = CloserLook(lambda: detect, None).things(image)
    assert cup.box == (220, 180, 299, 219)


def test_a_small_thing_is_found_where_it_is_though_only_a_quarter_shows_it_large_enough() -> None:
    """The detector of this test sees nothing that covers less than a hundredth of its picture."""
    image = np.zeros((400, 600, 3), np.uint8)
    image[330:360, 500:540] = 255                        # 0.005 of it all, 0.014 of a quarter

    def detect(picture: np.ndarray) -> list[Detection]:
        rows, columns = np.nonzero(picture[..., 0])
        if rows.size < 0.01 * picture[..., 0].size:
            return []
        return [Detection('cup', 0.8, (columns.min(), rows.min(), columns.max(), rows.max()))]

    assert detect(image) == []
    (cup,) = CloserLook(lambda: detect, None).things(image)
    assert cup.label == 'cup' and cup.box == (500, 330, 539, 359)


def test_the_real_detector_finds_what_is_small_in_a_large_picture() -> None:
    """A head of 20 pixels in a picture of 640."""
    cv2 = pytest.importorskip('cv2')
    from human_recordings import need_model
    from omni_agent.backends.vision import NanoDet
    need_model('nanodet', 'nanodet_m_416_fp16.onnx')
    video = cv2.VideoCapture(str(need_model('demo_video', 'carphone_pristine.mp4')))
    person = cv2.resize(video.read()[1], (32, 26), interpolation=cv2.INTER_AREA)
    detect, found, known = NanoDet(), 0, 0
    look = CloserLook(lambda: detect, None)
    for x, y in ((40, 60), (300, 200), (500, 380), (90, 350), (480, 70)):
        picture = np.full((480, 640, 3), 120, np.uint8)
        picture[y:y + 26, x:x + 32] = person
        found += any(one.label == 'person' for one in look.things(picture))
        known += any(one.label == 'person' for one in detect(picture))
    assert found >= known + 2, (found, known)


def test_networks_are_loaded_when_they_are_needed_and_again_after_they_went() -> None:
    made: list[int] = []

    def make() -> object:
        made.append(1)
        return lambda picture: []

    look = CloserLook(make, None)
    assert not made and look.fits(np.zeros((9, 9, 3), np.uint8), [CUP]) == {} and not made
    for _ in range(3):
        look.things(np.zeros((60, 80, 3), np.uint8))
    assert len(made) == 1
    look.close()
    look.things(np.zeros((60, 80, 3), np.uint8))
    assert len(made) == 2


def test_whether_any_words_can_be_looked_for_is_known_without_loading_and_why_not(
        tmp_path: Path) -> None:
    assert any_words('none') == (None, 'it is turned off')
    make, why = any_words(str(tmp_path))
    assert make is not None and not why
    with pytest.raises(ConfigError, match='no text-image encoder called'):
        any_words('eyes')


def test_a_phrase_is_believed_after_two_looks_and_forgotten_after_two() -> None:
    tracks = WordTracks()
    tracks.want([CUP])
    assert tracks.look({CUP: 0.9}, 1.0) == [] and tracks.expecting and not tracks.now(1.0)
    assert tracks.look({CUP: 0.2}, 2.0) == [] and not tracks.expecting       # a flicker
    tracks.look({CUP: 0.9}, 3.0)
    (came,) = tracks.look({CUP: 0.8}, 4.0)
    assert isinstance(came, Appeared) and (came.since, came.t) == (3.0, 4.0)
    (track,) = tracks.now(9.0)
    assert (track.label, track.hits, track.last_s) == (CUP, 2, 9.0)
    assert track.score == pytest.approx(0.85) and track.best == 0.9
    assert tracks.look({CUP: 0.1}, 10.0) == [] and tracks.now(10.0)
    (left,) = tracks.look({CUP: 0.1}, 11.0)
    assert isinstance(left, Left) and left.since == 4.0 and left.track.id == track.id
    assert not tracks.now(11.0)
    tracks.look({CUP: 0.9}, 12.0)
    (again,) = tracks.look({CUP: 0.9}, 13.0)
    assert again.track.id != track.id


def test_what_is_not_looked_for_any_more_is_gone_without_a_word() -> None:
    tracks = WordTracks()
    tracks.want([CUP])
    for t in (1.0, 2.0):
        tracks.look({CUP: 0.9}, t)
    tracks.want(['keys'])
    assert not tracks.now(3.0) and tracks.look({CUP: 0.9}, 3.0) == []


@pytest.mark.parametrize(('question', 'thing'), [
    ('Do you see a fire extinguisher?', 'fire extinguisher'),
    ('Robot, can you see my red cup on the table?', 'red cup'),
    ('Is there a fire extinguisher in front of you?', 'fire extinguisher'),
    ('Do you see a cup?', ''), ('Can you see me?', ''), ('What can you see?', ''),
    ('Do you see what I mean?', ''), ('Can you see anything?', ''), ('Is there life on Mars?', ''),
    ('What is the capital of France?', '')])
def test_a_question_names_the_thing_that_the_detector_has_no_name_for(question: str,
                                                                      thing: str) -> None:
    assert looking.thing_asked_for(question, watching.watch_words()) == thing


@pytest.mark.parametrize(('question', 'wants'), [
    ('What do you see?', True), ('What am I holding?', True), ('Look, who is that?', True),
    ('Is there life on Mars?', False), ('What did I say?', False)])
def test_only_a_question_about_what_is_visible_wants_a_look(question: str, wants: bool) -> None:
    assert looking.wants_a_look(question) is wants


@pytest.fixture
def items() -> WatchItems:
    made = WatchItems(watching.watch_words())
    made.any_words = True
    return made


@pytest.mark.parametrize(('sentence', 'label', 'in_words'), [
    ('Tell me when you see a fire extinguisher.', 'fire extinguisher', True),
    ('Warn me if my red cup is left alone for a minute.', 'red cup', True),
    ('Let me know when the parcel arrives.', 'parcel', True),
    ('Tell me when you see a cup.', 'cup', False),
    ('Tell me when somebody comes in.', 'person', False)])
def test_words_describe_what_the_detector_has_no_name_for(items: WatchItems, sentence: str,
                                                          label: str, in_words: bool) -> None:
    reply = items.hear(sentence, 0.0)
    assert reply is not None and reply.answer is Answer.ADDED, reply
    assert (reply.item.labels, reply.item.words) == ((label, ), in_words)
    assert label in reply.text and (label in items.in_words()) is in_words


def test_without_an_encoder_it_says_that_it_cannot_watch_for_that() -> None:
    items = WatchItems(watching.watch_words())
    reply = items.hear('Tell me when you see a fire extinguisher.', 0.0)
    assert reply.answer is Answer.DECLINED and 'a fire extinguisher' in reply.text
    assert not items.in_words() and not len(items)


@pytest.mark.parametrize('sentence', [
    'Tell me when three parcels arrive.', 'Tell me when the fire extinguisher moves.'])
def test_what_needs_a_place_is_not_promised_for_words(items: WatchItems, sentence: str) -> None:
    assert items.hear(sentence, 0.0).answer is Answer.DECLINED


def test_an_item_in_words_outlasts_a_restart_and_is_cancelled_by_its_words(
        items: WatchItems) -> None:
    items.hear('Tell me when you see a fire extinguisher.', 0.0)
    items.hear('Tell me when somebody comes in.', 0.0)
    later = WatchItems(watching.watch_words())
    assert later.restore(items.to_json()) == 2 and later.in_words() == ('fire extinguisher', )
    ended = later.hear('Stop telling me about the fire extinguisher.', 1.0)
    assert ended.answer is Answer.CANCELLED and len(later) == 1 and not later.in_words()


def test_a_file_in_which_somebody_wrote_a_strange_label_is_refused(items: WatchItems) -> None:
    items.hear('Tell me when you see a fire extinguisher.', 0.0)
    with pytest.raises(ConfigError):
        items.restore(items.to_json().replace('fire extinguisher', 'one, two; three. four'))
