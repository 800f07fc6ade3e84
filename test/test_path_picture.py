"""The way of the robot in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_agent.backends import scenarios
from omni_agent.cli import path_picture
from omni_agent.core.recording import Meta, Odometry, Recording, SkillState, Walls, parse


def way() -> Recording:
    poses = tuple(Odometry(t, t, 0.1 * t, 0.02 * t, 0.2, 0.1) for t in range(40))
    states = (SkillState(2.0, 2.0, 7, 0, 'go_to', 'running', 'I go to the kitchen'),
              SkillState(20.0, 20.0, 7, 0, 'go_to', 'cancelled', 'it was told to stop'),
              SkillState(25.0, 25.0, 9, 0, 'drive', 'running', 'I drive forward'))
    return Recording(Meta(0.0, 0.0), skills=states, odometry=poses,
                     walls=(Walls(0.0, 0.0, 0.05, (1.0, 1.0, 1.05, 1.0)), ))


def test_a_way_is_drawn_with_its_skills(tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    drawn = path_picture.draw(tmp_path / 'path.png', way())
    assert (drawn is not None and drawn.read_bytes()[:4] == b'\x89PNG'
            and drawn.stat().st_size > 10_000)
    assert path_picture.travelled_m(way()) == pytest.approx(39 * 0.102, abs=0.01)


def test_a_robot_without_odometry_has_no_picture_and_an_old_one_goes(tmp_path: Path) -> None:
    (tmp_path / 'path.png').write_bytes(b'old')
    assert path_picture.draw(tmp_path / 'path.png', Recording(Meta(0.0, 0.0))) is None
    assert not (tmp_path / 'path.png').exists()


def test_records_of_the_way_are_read_back() -> None:
    walls = parse({'topic': 'walls', 't': 1.0, 'cell': 0.05, 'taken': [1.0, 2.0]})
    assert walls == Walls(1.0, 1.0, 0.05, (1.0, 2.0))
    pose = parse({
        'topic': 'odometry',
        't': 1.0,
        'received': 1.1,
        'x': 1.0,
        'y': 2.0,
        'yaw': 0.0,
        'speed': 0.1
    })
    assert pose == Odometry(1.0, 1.1, 1.0, 2.0, 0.0, 0.1)


def test_the_errand_runs_with_the_nodes_that_it_needs() -> None:
    errand = scenarios.load('errand')
    assert (errand.nodes == ('skills', 'simulated_robot')
            and 'decision.skills=simulated' in errand.settings)
