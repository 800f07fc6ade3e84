"""The simulated base, the walls around it, and the ways between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.backends import skills
from omni_agent.core.diff_drive import BaseParams, DiffDrive, Pose
from omni_agent.core.errors import ConfigError
from omni_agent.core.floor_plan import FloorPlan
from omni_agent.core.route import Route

BASE = BaseParams()
FLAT = FloorPlan.parse('flat')
OPEN = FloorPlan.parse('')


def drive(base: DiffDrive, speed: float, turn: float, seconds: float, at: float = 0.0) -> float:
    """Commands at 20 Hz; the time afterwards."""
    for _ in range(round(seconds * 20)):
        base.command(speed, turn, at)
        at += 0.05
        base.step(at)
    return at


def test_it_drives_where_it_faces_and_turns_to_the_left() -> None:
    base = DiffDrive(BASE, OPEN, Pose(0.0, 0.0, math.pi / 2))
    t = drive(base, 0.5, 0.0, 2.0)
    assert base.pose.x == pytest.approx(0.0, abs=1e-6) and 0.9 < base.pose.y <= 1.0
    drive(base, 0.0, 1.0, 1.0, at=t)
    assert 0.8 < math.remainder(base.pose.yaw - math.pi / 2, 2 * math.pi) <= 1.0


def test_without_commands_it_stops_by_itself() -> None:
    base = DiffDrive(BASE, OPEN, Pose(0.0, 0.0, 0.0))
    t = drive(base, 0.5, 0.0, 1.0)
    base.step(t - 0.06 + BASE.command_timeout_s)
    assert base.speed == pytest.approx(0.5)
    base.step(t + BASE.command_timeout_s + 0.5 / BASE.acceleration)
    assert base.speed == 0.0


def test_it_stands_still_at_a_wall_says_so_and_can_drive_away() -> None:
    base = DiffDrive(BASE, FloorPlan.parse('1 -1 1 1'), Pose(0.0, 0.0, 0.0))
    t = drive(base, 0.5, 0.0, 5.0)
    assert (base.touching and base.speed == 0.0
            and base.pose.x == pytest.approx(1.0 - BASE.radius_m, abs=0.01))
    drive(base, -0.5, 0.0, 1.0, at=t)
    assert not base.touching and base.pose.x < 0.6


@pytest.mark.parametrize('wrong', [math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_move_it(wrong: float) -> None:
    base = DiffDrive(BASE, OPEN, Pose(0.0, 0.0, 0.0))
    drive(base, wrong, wrong, 1.0)
    assert base.pose == Pose(0.0, 0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(commands=st.lists(st.tuples(st.floats(-2, 2), st.floats(-4, 4)), min_size=1, max_size=12))
def test_however_it_is_driven_it_goes_through_no_wall(commands: list[tuple[float, float]]) -> None:
    base, t = DiffDrive(BASE, FLAT, Pose(0.0, 0.0, 0.0)), 0.0
    for speed, turn in commands:
        t = drive(base, speed, turn, 0.5, at=t)
        assert FLAT.clearance(base.pose.x, base.pose.y) >= BASE.radius_m - 1e-6
        assert abs(base.speed) <= BASE.max_speed and abs(base.turn) <= BASE.max_turn


def places() -> dict[str, tuple[float, float]]:
    choices = skills.load('simulated').get('go_to').argument('place').choices
    return {choice.name: (choice.data['x'], choice.data['y']) for choice in choices}


@pytest.mark.parametrize('name', sorted(places()))
def test_every_place_of_the_simulated_robot_is_reached_from_every_other_one(name: str) -> None:
    for start in places().values():
        base = DiffDrive(BASE, FLAT, Pose(*start, 0.0))
        route = Route(FLAT.path(start, places()[name], BASE.radius_m), math.pi / 2, 0.5, 1.5)
        t, step = 0.0, route.step(base.pose)
        while not step.arrived and t < 60.0:
            base.command(step.speed, step.turn, t)
            t += 0.05
            base.step(t)
            assert not base.touching
            step = route.step(base.pose)
        assert step.arrived and math.dist((base.pose.x, base.pose.y), places()[name]) < 0.1
        assert abs(base.pose.yaw - math.pi / 2) < 0.1


def test_there_is_no_way_into_a_wall_or_out_of_a_closed_room() -> None:
    closed = FloorPlan.parse('0 0 2 0; 2 0 2 2; 2 2 0 2; 0 2 0 0')
    assert closed.path((1.0, 1.0), (4.0, 1.0), 0.2) == []
    assert closed.path((1.0, 1.0), (2.0, 1.0), 0.2) == []
    assert closed.path((1.0, 1.0), (0.5, 1.5), 0.2) == [(0.5, 1.5)]


def test_a_way_keeps_its_distance_from_the_walls() -> None:
    start, goal = places()['window'], places()['kitchen']
    points = [start, *FLAT.path(start, goal, BASE.radius_m)]
    assert (len(points) > 2
            and all(FLAT.sees(a, b, BASE.radius_m) for a, b in zip(points, points[1:])))


@pytest.mark.parametrize('walls', ['1 2 3', '0 0 1 x', 'nan 0 1 1', 'house'])
def test_walls_that_are_none_are_refused_with_how_to_write_them(walls: str) -> None:
    with pytest.raises(ConfigError, match='x0 y0 x1 y1'):
        FloorPlan.parse(walls)
