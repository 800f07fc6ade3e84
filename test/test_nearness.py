"""Louder or quieter than who speaks to the robot."""

from __future__ import annotations

import pytest

from omni_agent.core.nearness import FORGET_S, Nearness


def test_nothing_is_known_before_anybody_spoke_to_it():
    near = Nearness()
    assert near.louder_db(-20.0, 0.0) is None
    near.spoke(None, 0.0)
    near.spoke(-96.0, 0.0)                               # no level was measured
    assert near.louder_db(-20.0, 0.0) is None


def test_it_is_a_difference_so_the_gain_of_the_microphone_does_not_matter():
    for gain in (0.0, -30.0):
        near = Nearness()
        near.spoke(-20.0 + gain, 10.0)
        assert near.louder_db(-29.0 + gain, 20.0) == pytest.approx(-9.0)
        assert near.louder_db(None, 20.0) is None


def test_who_walks_away_is_followed():
    near = Nearness()
    near.spoke(-20.0, 0.0)
    for second in range(1, 15):
        near.spoke(-35.0, float(second))
    assert near.louder_db(-35.0, 16.0) == pytest.approx(0.0, abs=0.2)


def test_who_spoke_long_ago_may_have_gone():
    near = Nearness()
    near.spoke(-20.0, 0.0)
    assert near.louder_db(-40.0, FORGET_S + 1.0) is None
    near.spoke(-40.0, FORGET_S + 1.0)
    assert near.louder_db(-40.0, FORGET_S + 2.0) == 0.0
