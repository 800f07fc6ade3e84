"""Errands: from a plan to the news of how it ended; scripted time, the shipped skills."""

from __future__ import annotations

import pytest

from omni_agent.backends import skills
from omni_agent.core.acts import SkillState
from omni_agent.core.errand import ErrandParams, Errands, HandOut, Move, Progress, Tell
from omni_agent.core.skill_plan import Plan

PLANNER = skills.planner(skills.load())
EPOCH = 7


def plan(text: str) -> Plan:
    found = PLANNER.quick(text)
    assert isinstance(found, Plan), found
    return found


def begun(text: str, epoch: int = EPOCH, errands: Errands | None = None) -> tuple[Errands, list]:
    errands = errands or Errands(ErrandParams())
    errands.offer(epoch, plan(text).calls, 0.0)
    return errands, errands.tick(0.0)


def names(effects: list) -> list[str]:
    return [effect.call.skill.name for effect in effects if isinstance(effect, HandOut)]


def test_nothing_moves_before_the_turn_is_certainly_over():
    errands = Errands(ErrandParams())
    errands.offer(EPOCH, plan('drive forward one metre').calls, 1.0)
    assert errands.tick(0.9) == []
    errands.put_off(EPOCH, 1.5)
    assert errands.tick(1.2) == [] and errands.deadline() == 1.5
    assert names(errands.tick(1.5)) == ['drive']


def test_what_was_asked_for_by_a_turn_that_went_on_never_begins():
    errands = Errands(ErrandParams())
    errands.offer(EPOCH, plan('drive forward one metre').calls, 1.0)
    errands.withdraw(EPOCH + 1)
    assert errands.tick(2.0) == [] and errands.deadline() is None


def test_steps_go_out_one_after_the_other_each_when_the_last_one_is_done():
    errands, effects = begun('drive forward one metre and then turn left')
    assert names(effects) == ['drive'] and Move(True) in effects
    assert errands.news(Progress(EPOCH, 0, SkillState.RUNNING, 'half way'), 1.0) == []
    assert errands.doing == 'half way'
    assert names(errands.news(Progress(EPOCH, 0, SkillState.SUCCEEDED), 2.0)) == ['turn']
    assert (errands.news(Progress(EPOCH, 1, SkillState.SUCCEEDED),
                         9.0) == [Move(False), Tell('I have turned left.')])
    assert errands.doing == ''


def test_a_short_errand_is_not_talked_about_when_it_is_done():
    errands, _ = begun('turn left')
    assert errands.news(Progress(EPOCH, 0, SkillState.SUCCEEDED), 2.0) == [Move(False)]


def test_a_long_way_is_spoken_of_now_and_then_in_the_words_of_who_drives():
    errands, _ = begun('drive forward one metre')

    def way(text: str, t: float, state: SkillState = SkillState.RUNNING) -> list:
        return errands.news(Progress(EPOCH, 0, state, text), t)
    assert way('9 metres left', 19.0) == [] and way('', 21.0) == []
    assert way('it waits', 21.5, SkillState.HELD) == []
    assert way('7.5 metres left', 22.0) == [Tell('I am still at it: 7.5 metres left.')]
    assert way('7 metres left', 23.0) == [] and way('2 metres left', 41.0) == []
    assert way('1 metre left', 42.0) == [Tell('I am still at it: 1 metre left.')]


@pytest.mark.parametrize('state', [SkillState.FAILED, SkillState.REFUSED])
def test_a_failure_is_reported_as_it_came_back_and_voids_the_rest(state: SkillState):
    errands, _ = begun('drive forward one metre and then turn left')
    effects = errands.news(Progress(EPOCH, 0, state, 'I bumped into something.'), 1.0)
    assert effects == [Move(False), Tell('I could not drive forward: I bumped into something.')]
    assert errands.news(Progress(EPOCH, 1, SkillState.SUCCEEDED), 2.0) == []


def test_an_errand_that_nobody_takes_up_is_reported():
    errands, _ = begun('turn left')
    assert errands.tick(2.9) == [] and errands.deadline() == 3.0
    moved, told = errands.tick(3.0)
    assert moved == Move(False) and 'nothing that carries out skills answers' in told.text


def test_a_halt_ends_errands_of_that_epoch_and_before_without_a_word():
    errands, _ = begun('turn left')
    errands.offer(EPOCH + 1, plan('turn right').calls, 5.0)
    assert errands.halt(EPOCH) == [Move(False)]
    assert errands.news(Progress(EPOCH, 0, SkillState.CANCELLED), 1.0) == []
    assert names(errands.tick(5.0)) == ['turn']


def test_a_small_thing_beside_it_does_not_hide_that_the_robot_moves():
    errands, _ = begun('drive forward one metre')
    _, effects = begun('speak louder', EPOCH + 1, errands)
    assert names(effects) == ['set_volume'] and Move(False) not in effects
    assert errands.news(Progress(EPOCH, 0, SkillState.CANCELLED), 2.0) == [Move(False)]


def test_what_is_about_to_move_counts_as_moving():
    errands = Errands(ErrandParams())
    errands.offer(EPOCH, plan('speak louder').calls, 1.0)
    assert not errands.moves
    errands.offer(EPOCH, plan('drive forward one metre').calls, 1.0)
    assert errands.moves
    errands.tick(1.0)
    assert errands.moves
    errands.halt(EPOCH)
    assert not errands.moves
