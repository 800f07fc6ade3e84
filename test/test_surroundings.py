"""What stands around one who comes or goes: hidden people neither come in nor leave."""

from __future__ import annotations

from types import SimpleNamespace

from omni_agent.core import looks
from omni_agent.core.speak_score import Around, Logistic, Scorer
from omni_agent.core.surroundings import Surroundings
from omni_agent.core.track import Left, Track
from omni_agent.core.watch_events import Looked
from omni_agent.core.watch_items import Kind

SIZE = (640, 480)


def track(number: int, x: float, t: float, first_s: float = 0.0, last_s: float | None = None,
          label: str = 'person') -> Track:
    """40 x 100 pixels, its left side at ``x``."""
    return Track(number, label, t, (x, 200.0, x + 40, 300.0), first_s, first_s + 0.3,
                 t if last_s is None else last_s, 9, 9, 0.8, 0.9, (0.1, 0.0), 0.0, 0.013, False,
                 False, False)


def around(looked: Looked, which: Track, *before: Looked) -> Around:
    surroundings = Surroundings()
    for one in (*before, looked):
        surroundings.note(one)
    return surroundings.of(which, looked)


def test_who_comes_out_where_another_was_lost_a_moment_ago_may_be_that_one() -> None:
    lost = track(1, 200.0, 6.0, last_s=5.0)
    for x, first_s, label, expected in (
            (280.0, 6.0, 'person', True), (560.0, 6.0, 'person', False),
            (280.0, 6.0, 'dog', False), (280.0, 4.5, 'person', False)):
        came = track(2, x, 6.3, first_s, label=label)
        before = Looked(6.0, (lost,), (), SIZE)
        assert around(Looked(6.3, (lost, came), (), SIZE), came, before).other is expected
    left = Looked(7.0, (), (Left(7.0, 5.0, track(1, 200.0, 7.0, last_s=5.0)),), SIZE)
    late = track(2, 280.0, 7.8, 7.5)
    assert around(Looked(7.8, (late,), (), SIZE), late, left).other      # though it was given up
    far_too_late = track(2, 280.0, 8.8, 8.5)
    assert not around(Looked(8.8, (far_too_late,), (), SIZE), far_too_late, left).other


def test_who_was_covered_after_being_lost_was_covered_even_when_the_other_has_passed() -> None:
    alone = Looked(1.0, (track(1, 300.0, 1.0), track(2, 200.0, 1.0)), (), SIZE)
    passing = Looked(2.0, (track(1, 300.0, 2.0, last_s=1.0), track(2, 310.0, 2.0)), (), SIZE)
    gone = track(1, 300.0, 3.1, last_s=1.0)
    passed = Looked(3.1, (track(2, 420.0, 3.1),), (Left(3.1, 1.0, gone),), SIZE)
    assert around(alone, alone.tracks[0]).covered == 0.0
    assert around(passed, gone, alone, passing).covered == 0.75
    assert around(passed, gone, alone).covered == 0.0


def test_the_border_is_told_in_own_heights_and_nothing_is_where_there_is_no_picture() -> None:
    for x, expected in ((0.0, 0.0), (50.0, 0.5), (300.0, 1.8), (590.0, 0.1)):
        one = track(1, x, 1.0)
        assert around(Looked(1.0, (one,), (), SIZE), one).border == expected
        assert around(Looked(1.0, (one,)), one) == Around()


def test_who_is_covered_far_from_any_border_is_less_likely_to_have_left() -> None:
    weights = {name: 0.0 for name in ('score', 'best', 'stability', 'age', 'size', 'edge',
                                      'outward', 'gone')}
    scorer = Scorer({'leaves': Logistic(2.0, {**weights, 'border': -2.0, 'covered': -2.0})})
    one = track(1, 300.0, 1.0)
    sure, _ = scorer.score(Kind.LEAVES, one, 1.0, 2.0, Around(0.0, 0.0))
    doubtful, evidence = scorer.score(Kind.LEAVES, one, 1.0, 2.0, Around(0.8, 3.0))
    assert doubtful < 0.5 < sure
    assert dict(evidence)['border'] == -2.0 and dict(evidence)['covered'] == -1.6


def test_a_look_that_comes_as_a_message_knows_the_size_of_its_picture() -> None:
    stamp = SimpleNamespace(sec=5, nanosec=0)
    message = SimpleNamespace(header=SimpleNamespace(stamp=stamp), width=640, height=480,
                              tracks=(), events=())
    assert looks.looked(message).size == SIZE
