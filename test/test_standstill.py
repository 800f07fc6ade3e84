"""What odometry says of a robot that is told to drive and to stop, and what the scenario makes of
it.
"""

from __future__ import annotations

import numpy as np

from omni_agent.core.recording import Line, Meta, Odometry, Recording, Tracks
from omni_agent.core.score import Judge
from omni_agent.core.standstill import drives, moves_after_s, still_after_s

RATE_HZ = 20


def way(*speeds: tuple[float, float], until_s: float = 20.0) -> tuple[Odometry, ...]:
    """(from when [s], speed [m/s]) -> odometry."""
    times = np.arange(0.0, until_s, 1 / RATE_HZ)
    return tuple(
        Odometry(t, t, 0.0, 0.0, 0.0, next(speed for since, speed in reversed(speeds)
                                           if since <= t)) for t in times)


def test_it_drives_from_the_first_speed_on_and_stands_at_the_zero_that_stays():
    one = way((0.0, 0.0), (2.0, 0.2), (6.02, 0.0), (6.5, 0.2), (8.0, 0.0))
    assert not drives(one, 1.0) and drives(one, 5.0)
    assert abs(moves_after_s(one, 0.0) - 2.0) < 0.06
    assert abs(still_after_s(one, 6.0) - 2.0) < 0.06      # it was only held in between


def test_a_robot_that_drives_on_never_stands():
    assert still_after_s(way((0.0, 0.2)), 3.0) is None
    assert moves_after_s(way((0.0, 0.0)), 3.0) is None


def verdict(expect: str, odometry: tuple[Odometry, ...]) -> tuple[bool | None, str]:
    line = Line(5.0, 5.5, 0, 'stop', 'anna', 'Stop.', expect)
    silence = np.zeros(20 * 16_000, np.int16)
    recording = Recording(Meta(0.0, 0.0), (line,), odometry=odometry)
    result = Judge(recording, Tracks(0.0, 16_000, silence, silence)).judge(line)
    return result.passed, result.why


def test_a_stop_is_judged_by_when_the_robot_stood():
    assert verdict('halts', way((0.0, 0.2), (5.4, 0.0)))[0]
    assert (verdict('halts', way(
        (0.0, 0.2), (7.0, 0.0))) == (False, 'It stood only 2.00 s after the first sound.'))
    assert verdict('halts', way((0.0, 0.2))) == (False, 'It drove on.')
    assert (verdict('halts', way(
        (0.0, 0.0))) == (False, 'There was nothing to stop: the robot did not drive.'))


def test_what_is_to_set_it_going_has_to_be_answered_first():
    assert verdict('moves', way((0.0, 0.0), (6.0, 0.2))) == (False, 'No reply was decided.')
