"""A velocity from one tick to the next: its limits, its ends, and what odometry changes about
it.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.motion import (ENDS, Bounds, Motion, MotionParams, Odometer, Phase, bounds,
                                    is_of_base)
from omni_agent.core.skills import Course

TICK_S = 0.05
LIMITS = Bounds(speed=0.5, acceleration=1.0, hold_stop_s=0.25, longest_s=30.0, hold_limit_s=5.0,
                stall_s=1.0)


def course(amount: float = 1.0, speed: float = 0.4, acceleration: float = 0.5) -> Course:
    short = amount * acceleration < speed * speed
    total_s = (2 * math.sqrt(amount / acceleration) if short else amount / abs(speed) +
               abs(speed) / acceleration)
    return Course('linear.x', speed, acceleration, total_s)


def run(motion: Motion, until_s: float, at: float = 0.0) -> list[float]:
    """The velocities of all ticks after ``at``, until it is over or the time has come."""
    velocities = []
    for tick in range(1, round(until_s / TICK_S) + 1):
        velocities.append(motion.step(at + tick * TICK_S))
        if motion.phase in ENDS:
            break
    return velocities


def test_it_rises_goes_along_falls_and_the_last_velocity_is_zero() -> None:
    motion = Motion(course(1.0), LIMITS, 0.0)
    velocities = run(motion, 10.0)
    assert motion.phase is Phase.DONE and velocities[-1] == 0.0
    assert max(velocities) == 0.4 and velocities[0] < 0.1
    assert sum(velocities) * TICK_S == pytest.approx(1.0, abs=0.03)


def test_backward_is_a_negative_velocity() -> None:
    motion = Motion(course(0.5, speed=-0.3), LIMITS, 0.0)
    assert min(run(motion, 10.0)) == -0.3


@given(amount=st.floats(0.05, 5.0), speed=st.floats(0.05, 0.6), acceleration=st.floats(0.1, 2.0))
def test_whatever_the_course_the_limits_hold_and_it_ends_at_its_amount(amount: float, speed: float,
                                                                      acceleration: float) -> None:
    motion = Motion(course(amount, speed, acceleration), LIMITS, 0.0)
    velocities = run(motion, 40.0)
    assert motion.phase in (Phase.DONE, Phase.OVERDUE)
    assert max(velocities) <= min(speed, LIMITS.speed) + 1e-9
    steps = [b - a for a, b in zip([0.0, *velocities], velocities)]
    assert max(steps) <= min(acceleration, LIMITS.acceleration) * TICK_S + 1e-9
    if motion.phase is Phase.DONE:
        assert min(steps) >= -max(
            0.04, 3 * min(acceleration, LIMITS.acceleration) * TICK_S), 'it stops too hard'
        assert sum(velocities) * TICK_S == pytest.approx(amount, abs=0.02 + speed * TICK_S)


def test_the_limits_of_the_node_are_on_top_of_those_of_the_skill() -> None:
    limits = bounds(MotionParams(max_speed=0.1), 'twist.linear.x', 60.0)
    assert max(run(Motion(course(0.5, speed=0.4), limits, 0.0), 20.0)) == 0.1
    assert bounds(MotionParams(max_turn=0.7), 'twist.angular.z', 60.0).speed == 0.7
    assert bounds(MotionParams(max_duration_s=5.0), 'linear.x', 60.0).longest_s == 5.0


def test_what_is_no_velocity_of_the_base_has_the_limits_of_its_skill_and_no_odometry() -> None:
    limits = bounds(MotionParams(max_duration_s=5.0), 'data', 60.0)
    assert (limits.speed, limits.acceleration, limits.longest_s) == (math.inf, math.inf, 5.0)
    assert is_of_base('twist.linear.x') and is_of_base('angular.z')
    assert not is_of_base('data') and not is_of_base('linear.y')


def test_what_takes_longer_than_it_may_ends() -> None:
    motion = Motion(course(5.0, speed=0.1), Bounds(0.5, 1.0, 0.25, 3.0, 5.0, 1.0), 0.0)
    velocities = run(motion, 20.0)
    assert (motion.phase is Phase.OVERDUE and velocities[-1] == 0.0
            and len(velocities) * TICK_S < 3.2)


def test_held_it_comes_to_rest_quickly_and_keeps_what_is_left() -> None:
    motion = Motion(course(1.0), LIMITS, 0.0)
    run(motion, 1.5)
    motion.hold(1.5)
    held = run(motion, 1.0, at=1.5)
    at_rest = next(i for i, velocity in enumerate(held) if velocity == 0.0)
    assert (at_rest + 1) * TICK_S <= LIMITS.hold_stop_s + TICK_S and set(held[at_rest:]) == {0.0}
    moved = motion.moved
    assert 0.0 < moved < 0.9 and motion.phase is Phase.HELD
    motion.resume(2.5)
    rest = run(motion, 10.0, at=2.5)
    assert motion.phase is Phase.DONE and rest[0] <= 0.5 * TICK_S + 1e-9
    assert (motion.moved == pytest.approx(1.0, abs=0.02)
            and sum(rest) * TICK_S == pytest.approx(1.0 - moved, abs=0.03))


def test_held_at_once_it_does_not_slow_down_first() -> None:
    motion = Motion(course(1.0), LIMITS, 0.0)
    run(motion, 1.5)
    motion.hold(1.5, at_once=True)
    assert motion.step(1.55) == 0.0 and motion.phase is Phase.HELD


def test_held_for_too_long_it_is_given_up() -> None:
    motion = Motion(course(1.0), LIMITS, 0.0)
    run(motion, 0.5)
    motion.hold(0.5)
    run(motion, 6.0, at=0.5)
    assert motion.phase is Phase.FORGOTTEN
    motion.resume(7.0)
    assert motion.step(7.1) == 0.0


def test_by_odometry_a_slow_base_gets_the_time_that_it_needs() -> None:
    motion, driven = Motion(course(1.0), LIMITS, 0.0), 0.0
    for tick in range(1, 300):
        t = tick * TICK_S
        driven += 0.5 * motion.step(t) * TICK_S          # its wheels slip
        motion.measured(driven, t)
        if motion.phase in ENDS:
            break
    assert motion.phase is Phase.DONE and driven == pytest.approx(1.0, abs=0.03)


def test_a_base_that_does_not_move_is_a_failure_and_not_a_success() -> None:
    motion = Motion(course(1.0), LIMITS, 0.0)
    for tick in range(1, 300):
        motion.step(tick * TICK_S)
        motion.measured(0.0, tick * TICK_S)
        if motion.phase in ENDS:
            break
    assert motion.phase is Phase.STALLED and tick * TICK_S < LIMITS.stall_s + 0.3


def test_wheels_that_stick_a_little_before_the_end_have_arrived() -> None:
    motion, driven = Motion(course(1.0), LIMITS, 0.0), 0.0
    for tick in range(1, 400):
        velocity = motion.step(tick * TICK_S)
        driven += velocity * TICK_S if driven < 0.985 else 0.0
        motion.measured(driven, tick * TICK_S)
        if motion.phase in ENDS:
            break
    assert motion.phase is Phase.DONE


def test_odometry_that_falls_silent_ends_it() -> None:
    motion = Motion(course(3.0), LIMITS, 0.0)
    motion.step(0.05)
    motion.measured(0.01, 0.05)
    velocities = run(motion, 5.0, at=0.05)
    assert motion.phase is Phase.MUTE and velocities[-1] == 0.0


def test_a_process_that_slept_does_not_leap() -> None:
    motion = Motion(course(3.0), LIMITS, 0.0)
    motion.step(0.05)
    assert motion.step(5.0) <= 0.05 * 0.5 + 0.2 * 0.5


def test_an_odometer_counts_along_the_heading_and_through_the_half_turn() -> None:
    forward = Odometer(turning=False, sign=1.0)
    assert ([forward.pose(x, x, math.pi / 4) for x in (0.0, 0.5, 1.0)] == pytest.approx(
        [0.0, math.sqrt(0.5), math.sqrt(2.0)]))
    left = Odometer(turning=True, sign=1.0)
    angles = [math.remainder(step * 0.3, 2 * math.pi) for step in range(25)]
    assert [left.pose(0.0, 0.0, yaw) for yaw in angles][-1] == pytest.approx(24 * 0.3)
    back = Odometer(turning=False, sign=-1.0)
    back.pose(0.0, 0.0, 0.0)
    assert back.pose(-0.4, 0.0, 0.0) == pytest.approx(0.4)
