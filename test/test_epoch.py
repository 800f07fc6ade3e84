"""Old work is told from current work, in whatever order the news arrives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.epoch import Admission, EpochGate, first_epoch

epochs = st.lists(st.integers(0, 2 ** 64 - 1), max_size=20)


def test_older_is_stale_equal_goes_on_newer_flushes():
    gate = EpochGate(5)
    assert gate.admit(4) is Admission.STALE
    assert gate.admit(5) is Admission.CURRENT
    assert gate.admit(6) is Admission.NEWER
    assert gate.admit(6) is Admission.CURRENT
    assert gate.admit(5) is Admission.STALE


def test_asking_does_not_admit():
    gate = EpochGate(5)
    assert not gate.is_stale(6)
    assert gate.epoch == 5
    assert not gate.is_stale(5)
    assert gate.is_stale(4)


@given(epochs, st.randoms(use_true_random=False))
def test_gates_agree_whatever_the_order_and_the_repetitions(seen: list[int], random):
    first, second = EpochGate(), EpochGate()
    other = seen + random.sample(seen, len(seen) // 2)
    random.shuffle(other)
    for epoch in seen:
        first.admit(epoch)
    for epoch in other:
        second.admit(epoch)
    assert first.epoch == second.epoch == max(seen, default=0)


@given(epochs)
def test_an_epoch_is_newer_at_most_once(seen: list[int]):
    gate = EpochGate()
    newer = [epoch for epoch in seen if gate.admit(epoch) is Admission.NEWER]
    assert newer == sorted(set(newer))


def test_a_restarted_node_outranks_its_former_self():
    started, restarted = first_epoch(1_700_000_000.0), first_epoch(1_700_000_001.5)
    answers_in_between = 100          # far more than anybody could give in that time
    assert restarted > started + answers_in_between
    assert started == 1_700_000_000_000
    assert restarted < 2 ** 64
