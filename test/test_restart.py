"""Restart with back-off, told the time instead of waiting for it."""

from __future__ import annotations

from omni_agent.core.restart import BAD_CONFIGURATION, HEALTHY_S, Restart


def crash(restart: Restart, now: float, ran_s: float = 0.1) -> float:
    """One short life from ``now`` on; returns when the next one begins."""
    restart.started(now)
    restart.died(now + ran_s, code=1)
    assert restart.due is not None
    return restart.due


def test_pauses_double_from_half_a_second_to_eight():
    restart, now, pauses = Restart(), 100.0, []
    for _ in range(7):
        next_start = crash(restart, now)
        pauses.append(round(next_start - now - 0.1, 6))
        now = next_start
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_a_healthy_run_makes_the_next_death_a_first_one_again():
    restart, now = Restart(), 0.0
    for _ in range(4):
        now = crash(restart, now)
    died = now + HEALTHY_S
    assert crash(restart, now, ran_s=HEALTHY_S) == died + 0.5


def test_a_run_just_short_of_healthy_does_not():
    restart = Restart()
    now = crash(restart, 0.0)
    ran_s = HEALTHY_S - 0.1
    assert crash(restart, now, ran_s) == now + ran_s + 1.0


def test_nothing_is_due_while_it_runs():
    restart = Restart()
    restart.started(crash(restart, 0.0))
    assert restart.due is None


def test_restarts_are_counted_but_the_first_start_is_none():
    restart = Restart()
    now = crash(restart, 0.0)
    assert restart.count == 0
    now = crash(restart, now)
    crash(restart, now)
    assert restart.count == 2


def test_a_bad_configuration_is_not_tried_again():
    restart = Restart()
    restart.started(0.0)
    restart.died(1.0, BAD_CONFIGURATION)
    assert restart.due is None


def test_switched_off_nothing_is_ever_due():
    restart = Restart(enabled=False)
    restart.started(0.0)
    restart.died(1.0, code=1)
    assert restart.due is None
