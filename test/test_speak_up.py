"""Speaking up unasked: once for one event, never for nothing, never over somebody; and claims that
are checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.backends import labelled_videos, watching
from omni_agent.core import speak_score
from omni_agent.core.claims import Support, as_past, supported
from omni_agent.core.errors import ConfigError
from omni_agent.core.speak_score import FEATURES, MODELS, Logistic, Scorer
from omni_agent.core.speak_up import SpeakUp
from omni_agent.core.speak_up_params import SpeakUpParams
from omni_agent.core.track import Left
from omni_agent.core.tracks import Tracks
from omni_agent.core.watch_events import (AskModel, FloorFree, FloorTaken, Looked, Margined,
                                          Remark, Silent, Ticked)
from omni_agent.core.watch_items import Kind, WatchItems, WatchItemsParams


@dataclass(frozen=True)
class Box:
    label: str
    score: float
    box: tuple[float, float, float, float]


def box(x: float, label: str = 'person', score: float = 0.8) -> Box:
    return Box(label, score, (x, 200.0, x + 80, 360.0))


def certain() -> Scorer:
    """Believes everything but what is seen badly: score 0.4 is the border."""
    return Scorer({
        model: Logistic(-8.0, {
            **{
                name: 0.0
                for name in FEATURES[model]
            }, 'score': 20.0
        })
        for model in MODELS
    })


class Room:
    """A camera, what was asked for, and what is said. Ten looks a second."""

    def __init__(self, *asked: str, scorer: Scorer | None = None, cool_down_s: float = 3.0,
                 **params: object) -> None:
        self.items = WatchItems(watching.watch_words(), WatchItemsParams(cool_down_s=cool_down_s))
        self.machine = SpeakUp(SpeakUpParams(**params), scorer or certain(), self.items)
        self.tracks = Tracks()
        self.t = 0.0
        self.said: list[tuple[float, object]] = []
        self.events: list[object] = []
        for sentence in asked:
            assert self.items.hear(sentence, 0.0).item is not None

    def look(self, seconds: float, *boxes: Box, dx: float = 0.0,
             looks: np.ndarray | None = None) -> None:
        for step in range(round(seconds * 10)):
            self.t = round(self.t + 0.1, 6)
            moved = [replace(one, box=tuple(edge + (dx * step if at % 2 == 0 else 0)
                                            for at, edge in enumerate(one.box))) for one in boxes]
            events = self.tracks.step(moved, self.t, (640, 480), [looks] * len(moved))
            self.events += events
            self.hear(Looked(self.t, self.tracks.now(), tuple(events)))

    def hear(self, event: object) -> None:
        self.said += [(self.t, effect) for effect in self.machine.step(event, self.t)]

    @property
    def remarks(self) -> list[str]:
        return [effect.text for _, effect in self.said if isinstance(effect, Remark)]

    @property
    def silences(self) -> list[str]:
        return [effect.why for _, effect in self.said if isinstance(effect, Silent)]

    def when(self) -> float:
        return next(t for t, effect in self.said if isinstance(effect, Remark))


COMES = 'Tell me when somebody comes in.'


def test_one_who_comes_in_is_told_once_and_soon() -> None:
    room = Room(COMES)
    room.look(3.0)
    room.look(30.0, box(300))
    assert room.remarks == ['I see a person.'] and room.when() <= 3.5


def test_nothing_that_happens_is_told_of_nothing() -> None:
    room = Room(COMES, 'Tell me when the cat is gone.', 'Warn me if the oven is left alone.')
    room.look(120.0, box(300), box(100, 'chair'))
    assert room.said == []


def test_who_was_there_when_it_was_asked_does_not_come_in() -> None:
    room = Room()
    room.look(5.0, box(300))
    room.items.hear(COMES, room.t)
    room.look(20.0, box(300))
    assert room.remarks == []


def test_two_who_come_together_are_one_remark_and_a_later_one_another() -> None:
    room = Room(COMES)
    room.look(3.0)
    room.look(1.0, box(300), box(500))
    room.look(9.0, box(300), box(500))
    room.look(9.0, box(300), box(500), box(60))
    assert len(room.remarks) == 2 and room.silences == ['told a moment ago']


def test_another_one_beside_the_first_is_told_in_spite_of_the_cool_down() -> None:
    room = Room(COMES, 'Let me know when somebody leaves.', cool_down_s=8.0)
    room.look(3.0)
    room.look(2.0, box(100))
    room.look(9.0, box(100), box(400))
    assert room.remarks == ['I see a person.'] * 2
    room.look(2.0, box(100))
    room.look(9.0)
    assert room.remarks[2:] == ['A person has left.'] * 2


def test_the_same_one_again_or_one_who_cannot_be_told_from_it_waits_for_the_cool_down() -> None:
    room = Room(COMES, cool_down_s=8.0)
    room.look(3.0)
    room.look(1.0, box(300))
    room.look(2.5)
    room.look(1.0, box(100))                     # never seen beside the first
    assert room.remarks == ['I see a person.'] and room.silences == ['told a moment ago']


def test_what_came_or_left_long_before_it_was_noticed_is_no_news() -> None:
    room = Room(COMES, 'Let me know when somebody leaves.', news_s=5.0)
    room.look(3.0)
    for since in (6.0, 0.5):
        room.t += 20.0
        room.look(0.5, box(300))
        track, = room.tracks.now()
        late = replace(track, id=90 + int(since), first_s=room.t - since, born_s=room.t)
        before = len(room.remarks)
        room.hear(Looked(room.t + 0.1, (late,)))
        room.hear(Looked(room.t + 9.0, (), (Left(room.t + 9.0, room.t + 9.0 - since, late),)))
        assert len(room.remarks) - before == (0 if since > 5.0 else 2)
        room.t += 9.0


def test_who_is_covered_for_a_moment_does_not_come_in_again() -> None:
    room = Room(COMES, 'Tell me when somebody leaves.')
    room.look(3.0)
    room.look(4.0, box(300))
    room.look(1.0)
    room.look(9.0, box(310))
    assert room.remarks == ['I see a person.']


def test_who_was_overlooked_and_is_seen_again_does_not_come_in_and_a_stranger_does() -> None:
    for looks, told in ((1.0, 1), (0.0, 2)):
        room = Room(COMES, cool_down_s=0.5)
        first, then = (np.array((one, 1.0 - one), np.float32) for one in (1.0, looks))
        room.look(2.0)
        room.look(3.0, box(300), looks=first)
        room.look(3.0)                                   # the detector shows nothing of it
        assert any(isinstance(event, Left) for event in room.events)
        room.look(3.0, box(320), looks=then)
        assert len(room.remarks) == told


def test_what_is_seen_badly_is_waited_for_and_then_dropped() -> None:
    room = Room(COMES, patience_s=2.0)
    room.look(3.0)
    room.look(20.0, box(300, score=0.38))
    assert room.remarks == [] and room.silences == ['not sure enough']
    room = Room(COMES, patience_s=2.0)
    room.look(3.0)
    room.look(0.6, box(300, score=0.38))
    room.look(9.0, box(300, score=0.9))
    assert len(room.remarks) == 1


def test_leaving_and_the_last_one_to_leave() -> None:
    room = Room('Tell me when somebody leaves.', 'Tell me when everybody has left.')
    room.look(3.0, box(300), box(480))
    room.look(6.0, box(300))
    room.look(6.0)
    assert sorted(room.remarks) == ['A person has left.', 'A person has left.', 'Nobody is left.']


def test_alone_means_without_people_for_as_long_as_was_said_and_once() -> None:
    room = Room('Warn me if the oven is left alone for five seconds.')
    room.look(4.0, box(300, 'oven'), box(60))
    room.look(4.0, box(300, 'oven'))
    room.look(3.0, box(300, 'oven'), box(60))            # back before five seconds were over
    assert room.remarks == []
    left = room.t
    room.look(30.0, box(300, 'oven'))
    assert room.remarks == ['An oven has been alone for five seconds.']
    # who vanishes in the middle is missed for two seconds first
    assert 4.9 < room.when() - left < 7.5
    room.look(3.0, box(300, 'oven'), box(60))
    room.look(20.0, box(300, 'oven'))
    assert len(room.remarks) == 2


def test_a_number_is_told_when_it_is_reached_and_again_after_it_was_not() -> None:
    room = Room('Tell me when there are more than two people.')
    room.look(3.0, box(60), box(300))
    room.look(9.0, box(60), box(300), box(500))
    assert room.remarks == ['I see three people.']
    room.look(9.0, box(60))
    room.look(9.0, box(60), box(300), box(500))
    assert len(room.remarks) == 2


def test_so_many_as_were_there_when_it_was_asked_are_no_news() -> None:
    room = Room('Tell me when there are two people.')
    room.look(20.0, box(60), box(300))
    assert room.remarks == []


def test_a_doubtful_leaving_is_void_when_somebody_stands_there_again() -> None:
    scorer = certain()
    patient = {**{name: 0.0 for name in FEATURES['leaves']}, 'gone': 40.0}      # sure after 2.85 s
    scorer._models['leaves'] = Logistic(-38.0, patient)
    for back, told in ((True, 0), (False, 1)):
        room = Room('Tell me when somebody leaves.', scorer=scorer)
        room.look(3.0, box(300))
        room.look(2.2)
        room.look(5.0, *([box(330)] if back else []))
        assert len(room.remarks) == told


def test_a_movement_is_told_once_however_long_it_lasts() -> None:
    room = Room('Tell me when the dog moves.')
    room.look(5.0, box(0, 'dog'))
    room.look(9.0, box(0, 'dog'), dx=6)
    room.look(20.0, box(534, 'dog'))
    assert room.remarks == ['A dog is moving.']


def test_what_was_to_be_told_once_is_not_told_twice() -> None:
    room = Room('Tell me the next time a car drives by.')
    room.look(2.0)
    for _ in range(2):
        room.look(5.0, box(300, 'car'))
        room.look(8.0)
    assert room.remarks == ['I see a car.'] and len(room.items) == 0


def test_a_cancelled_instruction_says_nothing_more_even_if_it_was_about_to() -> None:
    room = Room(COMES)
    room.look(3.0)
    room.hear(FloorTaken(room.t))
    room.look(2.0, box(300))
    room.items.hear('Stop telling me.', room.t)
    room.hear(FloorFree(room.t))
    room.look(5.0, box(300))
    assert room.remarks == []


# -- somebody speaks ------------------------------------------------------------------------------


def test_a_remark_waits_until_nobody_speaks() -> None:
    room = Room(COMES)
    room.look(3.0)
    room.hear(FloorTaken(room.t))
    room.look(4.0, box(300))
    assert room.remarks == [] and room.machine.deadline() is not None
    room.hear(FloorFree(room.t))
    free = room.t
    room.look(3.0, box(300))
    assert len(room.remarks) == 1 and room.when() >= free + room.machine.params.breath_s - 1e-6


def test_it_does_not_wait_for_ever_or_not_at_all_where_that_is_wanted() -> None:
    for params, why in (({'wait_s': 5.0}, 'somebody spoke for too long'),
                        ({'over_speech': 'drop'}, 'somebody was speaking')):
        room = Room(COMES, **params)
        room.look(3.0)
        room.hear(FloorTaken(room.t))
        room.look(9.0, box(300))
        room.hear(FloorFree(room.t))
        room.look(9.0, box(300))
        assert room.remarks == [] and room.silences == [why]


def test_a_deadline_comes_without_any_look() -> None:
    room = Room(COMES)
    room.look(3.0)
    room.hear(FloorTaken(room.t))
    room.look(1.0, box(300))
    room.hear(FloorFree(room.t))
    room.t = room.machine.deadline()
    room.hear(Ticked(room.t))
    assert len(room.remarks) == 1 and room.machine.deadline() is None


# -- the language model ---------------------------------------------------------------------------


def test_the_language_model_may_keep_it_silent_or_let_it_speak_and_is_not_waited_for_for_ever(
) -> None:
    for answer, spoken in ((2.0, 1), (-2.0, 0), (None, 1), ('late', 1)):
        room = Room(COMES, model=True, model_s=1.5)
        room.look(3.0)
        room.look(0.5, box(300))
        (_, ask), = room.said
        assert isinstance(ask, AskModel) and COMES in ask.prompt()[-1][1] and room.remarks == []
        if answer != 'late':
            room.hear(Margined(ask.key, answer))
            room.hear(Margined('no such key', 5.0))
        room.look(3.0, box(300))
        assert len(room.remarks) == spoken, answer


# -- everything else ------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.builds(box, st.floats(0, 560), st.sampled_from(['person', 'dog']),
                          st.floats(0.2, 1.0)), max_size=4), st.booleans()), max_size=40))
def test_whatever_happens_remarks_of_an_instruction_are_apart_and_never_over_speech(
        script: list) -> None:
    room = Room(COMES, 'Tell me when the dog leaves.', 'Tell me when there are two people.')
    for boxes, speaks in script:
        taken = (FloorTaken if speaks else FloorFree)(room.t)
        room.hear(taken)
        before = len(room.remarks)
        room.look(0.3, *boxes)
        assert not speaks or len(room.remarks) == before
    told: dict[int, float] = {}
    for t, effect in room.said:
        if isinstance(effect, Remark):
            assert t - told.get(effect.item_id, -99) >= 3.0 - 1e-6
            told[effect.item_id] = t
    deadline = room.machine.deadline()
    assert deadline is None or deadline > room.t - 20


def test_the_weights_that_come_with_the_package_were_fitted_and_bad_ones_are_refused() -> None:
    track = None
    tracks = Tracks()
    for step in range(1, 9):
        tracks.step([box(40 + 12 * step, score=0.9)], step / 10, (640, 480))
    track, = tracks.now()
    scorer = labelled_videos.scorer()
    sure, evidence = scorer.score(Kind.APPEARS, track, track.first_s, 0.8)
    unsure, _ = scorer.score(
        Kind.APPEARS, replace(track, score=0.36, best=0.37, began_at_edge=False, speed=(0, 0)),
        track.first_s, 0.8)
    assert (unsure < sure and dict(evidence)['prior'] != 0.0
            and len({value
                     for _, value in evidence}) > 3)
    for text in ('', '[]', '{"version": 2}', '{"version": 1, "seed": 1, "fitted_on": "x"}'):
        with pytest.raises(ConfigError):
            speak_score.parse(text)


# -- claims ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    label: str
    score: float = 0.8
    last_s: float = 10.0


CLAIMS = [
    ('I see two cups.', 'cup cup', Support.SUPPORTED),
    ('I see two cups.', 'cup', Support.HEDGE),
    ('I see two cups.', 'person', Support.WITHHOLD),
    ('There is a dog.', '', Support.WITHHOLD),
    ('There is a dog.', 'dog', Support.SUPPORTED),
    ('There is a dog.', 'cat', Support.HEDGE),
    ('I can see a man and a laptop.', 'person laptop', Support.SUPPORTED),
    ('I can see a man and a laptop.', 'person', Support.WITHHOLD),
    ('There are several people.', 'person person person', Support.SUPPORTED),
    ('I do not see a dog.', 'dog', Support.WITHHOLD),
    ('I do not see a dog.', 'cup', Support.SUPPORTED),
    ('There is nobody here.', 'person', Support.WITHHOLD),
    ('Paris is the capital of France.', '', Support.SUPPORTED),
    ('A dog is an animal.', '', Support.SUPPORTED),
    ('There is a good reason for that.', '', Support.SUPPORTED),
    ('Do you mean there is a dog?', '', Support.SUPPORTED),
    ('That is nice. I see a cup. Shall I go on?', 'cup', Support.SUPPORTED),
    ('I see a cup. There is a dog, too.', 'cup', Support.WITHHOLD),
]


@pytest.mark.parametrize(('claim', 'seen', 'support'), CLAIMS)
def test_a_claim_is_checked_against_what_is_seen(claim: str, seen: str, support: Support) -> None:
    verdict = supported(claim, [Seen(label) for label in seen.split()], 10.0,
                        watching.watch_words())
    assert verdict.support is support, verdict.why
    assert bool(verdict.text) == (support is not Support.WITHHOLD)


def test_what_is_not_seen_any_more_is_told_as_past() -> None:
    assert as_past('I see a person. Remember to call.') == (
        'A moment ago I saw a person. Remember to call.')
    assert as_past('A person has left.') == 'A person has left.'


def test_doubtful_and_old_things_are_hedged_in_words_and_without_a_camera_nothing_is_claimed(
) -> None:
    language = watching.watch_words()
    doubtful = supported('I see a dog.', [Seen('dog', 0.4)], 10.0, language)
    assert (doubtful.support, doubtful.text) == (Support.HEDGE, 'I am not sure, but I see a dog.')
    old = supported('There is a dog.', [Seen('dog', 0.9, 2.0)], 10.0, language)
    assert old.text == 'I am not sure, but there is a dog.'
    assert (supported('I think there is a dog.', [Seen('dog', 0.4)], 10.0,
                      language).text == 'I think there is a dog.')
    assert (supported('I see a dog.', [Seen('dog')], 10.0, language, sees=False).support
            is Support.WITHHOLD)
