"""Which skill runs, which waits and which is void: stories, and a property over random orders of
messages.
"""

from __future__ import annotations

import json
from typing import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.backends import skills
from omni_agent.core.acting import (CANCEL_S, MOST_WAITING, NEWER, OUTDATED, STOPPED, Acting,
                                    ActingParams)
from omni_agent.core.acts import (ENDS, Asked, Begin, Cancel, Doubted, Effect, Event, Found, Halt,
                                  Hold, Interrupted, Key, Lost, Report, Resume, SkillState, Tick,
                                  Told)
from omni_agent.core.skill_check import check

SKILLS = skills.load('simulated')
DRIVE, TURN, GO, LOOK = 'drive', 'turn', 'go_to', 'look_at'
ARGUMENTS = {
    DRIVE: {
        'distance': 1.0
    },
    TURN: {},
    GO: {
        'place': 'kitchen'
    },
    LOOK: {
        'direction': 'left'
    }
}


class Story:
    """Acting with a decision node that is alive, and all that came out of it."""

    def __init__(self, hold: bool = True, cancel: bool = False, alive: bool = True,
                 again: str = ActingParams.sent_again) -> None:
        self.acting = Acting(lambda name, text: check(SKILLS, name, text),
                             ActingParams(hold, again, cancel))
        self.t = 100.0
        self.effects: list[Effect] = []
        if alive:
            self.do(Found())

    def do(self, event: Event) -> list[Effect]:
        new = self.acting.step(event, self.t)
        self.effects += new
        return new

    def ask(self, epoch: int, name: str = DRIVE, step: int = 0, steps: int = 1,
            not_before: float = 0.0) -> list[Effect]:
        return self.do(Asked(epoch, step, steps, name, json.dumps(ARGUMENTS[name]), not_before))

    def interrupt(self, epoch: int, halted: int = 0, ducked: bool = False) -> list[Effect]:
        return self.do(Interrupted(epoch, halted, ducked))

    def tell(self, key: Key, state: SkillState = SkillState.SUCCEEDED,
             text: str = '') -> list[Effect]:
        return self.do(Told(key, state, text))

    def states(self, epoch: int, step: int = 0) -> list[SkillState]:
        return [effect.state for effect in self.effects
                if isinstance(effect, Report) and effect.asked.key == (epoch, step)]

    def last(self, epoch: int, step: int = 0) -> tuple[SkillState, str]:
        found = [
            effect for effect in self.effects
            if isinstance(effect, Report) and effect.asked.key == (epoch, step)
        ]
        return found[-1].state, found[-1].text


def begun(effects: Sequence[Effect]) -> list[Key]:
    return [effect.key for effect in effects if isinstance(effect, Begin)]


def cancelled(effects: Sequence[Effect]) -> list[Key]:
    return [effect.key for effect in effects if isinstance(effect, Cancel)]


def test_a_skill_is_taken_begun_and_ends_as_the_robot_says() -> None:
    story = Story()
    assert begun(story.ask(10)) == [(10, 0)]
    story.tell((10, 0), SkillState.RUNNING, 'half way')
    story.tell((10, 0), SkillState.SUCCEEDED)
    assert (story.states(10) == [
        SkillState.WAITING, SkillState.RUNNING, SkillState.RUNNING, SkillState.SUCCEEDED
    ])
    assert story.last(10)[1] == 'I have driven forward'


def test_stop_ends_everything_of_its_epoch_and_before_and_zero_comes_first() -> None:
    story = Story()
    story.ask(10)
    story.ask(10, LOOK, step=1, steps=2)
    effects = story.interrupt(11, halted=10)
    assert effects[0] == Halt(again=True) and cancelled(effects) == [(10, 0)]
    story.tell((10, 0), SkillState.CANCELLED)
    assert (story.last(10) == (SkillState.CANCELLED, STOPPED)
            and story.last(10, 1) == (SkillState.CANCELLED, STOPPED))
    assert story.acting.doing == ''


def test_a_stop_that_overtook_its_act_holds_for_it() -> None:
    story = Story()
    story.interrupt(11, halted=10)
    assert not begun(story.ask(10)) and story.last(10) == (SkillState.CANCELLED, STOPPED)
    assert begun(story.ask(11)) == [(11, 0)]


def test_a_stop_that_comes_twice_or_late_changes_nothing_more() -> None:
    story = Story()
    story.interrupt(11, halted=10)
    story.ask(12)
    assert story.interrupt(11, halted=10) == [] and story.interrupt(12, halted=4) == []
    assert story.acting.doing == DRIVE


def test_zero_goes_out_at_a_stop_even_where_nothing_is_known_to_move() -> None:
    assert Story().interrupt(5, halted=4) == [Halt(again=False)]


def test_another_question_does_not_end_what_runs() -> None:
    story = Story()
    story.ask(10)
    assert story.interrupt(11) == []
    assert story.acting.doing == DRIVE


def test_what_was_asked_before_the_person_went_on_never_begins() -> None:
    story = Story()
    story.ask(10, not_before=101.0)
    assert not begun(story.effects) and story.acting.deadline() == 101.0
    story.interrupt(11, halted=10)
    story.t = 102.0
    story.do(Tick())
    assert not begun(story.effects) and story.last(10) == (SkillState.CANCELLED, STOPPED)
    story.ask(10)
    assert not begun(story.effects)


def test_what_waits_is_void_when_something_newer_is_asked_for() -> None:
    story = Story()
    story.ask(10, not_before=101.0)
    story.ask(11, LOOK)
    assert story.last(10) == (SkillState.CANCELLED, OUTDATED)
    story.t = 102.0
    story.do(Tick())
    story.ask(10)
    assert begun(story.effects) == [(11, 0)]


def test_a_remark_of_its_own_voids_nothing_that_waits() -> None:
    story = Story()
    story.ask(10, not_before=101.0)
    story.interrupt(11)
    assert SkillState.CANCELLED not in story.states(10) and story.acting.deadline() == 101.0
    story.t = 101.0
    assert begun(story.do(Tick())) == [(10, 0)]


def test_a_remark_that_overtook_an_act_does_not_void_it() -> None:
    story = Story()
    story.interrupt(11)
    assert begun(story.ask(10)) == [(10, 0)]


def test_what_waits_for_somebody_to_finish_speaking_outlives_a_remark_and_not_a_stop() -> None:
    for halted, begins in ((0, [(10, 0)]), (10, [])):
        story = Story()
        story.interrupt(9, ducked=True)
        story.ask(10)
        story.interrupt(11, halted=halted, ducked=True)
        assert begun(story.interrupt(11, halted=halted)) == begins


def test_a_voice_that_is_older_than_a_remark_holds_nothing() -> None:
    story = Story()
    story.ask(10)
    story.interrupt(12)
    assert story.interrupt(11, ducked=True) == []


def test_what_is_asked_for_does_not_outrank_the_state_of_the_conversation() -> None:
    story = Story()
    story.ask(12)                                # overtook the news of its epoch
    assert story.interrupt(11, ducked=True) == [Hold((12, 0))]


def test_nothing_begins_before_its_time() -> None:
    story = Story()
    story.ask(10, not_before=100.5)
    story.t = 100.49
    assert not begun(story.do(Tick()))
    story.t = 100.5
    assert begun(story.do(Tick())) == [(10, 0)]


def test_the_same_act_again_moves_its_time_and_is_not_done_twice() -> None:
    story = Story()
    story.ask(10, not_before=105.0)
    assert begun(story.ask(10, not_before=100.0)) == [(10, 0)]
    assert story.ask(10) == []


def test_steps_run_one_after_the_other_whether_they_come_together_or_one_by_one() -> None:
    together, single = Story(), Story()
    for step, name in enumerate((TURN, DRIVE)):
        together.ask(10, name, step, steps=2)
    assert begun(together.effects) == [(10, 0)]
    assert begun(together.tell((10, 0))) == [(10, 1)]
    single.ask(10, TURN, 0, steps=2)
    single.tell((10, 0))
    assert begun(single.ask(10, DRIVE, 1, steps=2)) == [(10, 1)]


def test_a_plan_that_has_begun_goes_on_while_the_person_asks_something_else() -> None:
    story = Story()
    story.ask(10, TURN, 0, steps=2)
    story.interrupt(12)
    story.tell((10, 0))
    assert begun(story.ask(10, DRIVE, 1, steps=2)) == [(10, 1)]


def test_a_step_that_fails_is_the_end_of_its_plan() -> None:
    story = Story()
    story.ask(10, TURN, 0, steps=3)
    story.ask(10, DRIVE, 1, steps=3)
    story.tell((10, 0), SkillState.FAILED, 'a wheel is off')
    assert story.last(10) == (SkillState.FAILED, 'a wheel is off')
    assert story.last(10, 1) == (SkillState.CANCELLED, 'step 1 of the plan did not work')
    story.ask(10, LOOK, 2, steps=3)
    assert begun(story.effects) == [(10, 0)] and story.last(10, 2)[0] is SkillState.CANCELLED


def test_a_newer_motion_takes_the_base_when_the_older_one_has_ended() -> None:
    story = Story()
    story.ask(10, GO)
    story.ask(10, DRIVE, 1, steps=2)
    effects = story.ask(12, DRIVE)
    assert cancelled(effects) == [(10, 0)] and not begun(effects)
    assert begun(story.tell((10, 0), SkillState.CANCELLED)) == [(12, 0)]
    assert (story.last(10) == (SkillState.CANCELLED, NEWER)
            and story.last(10, 1) == (SkillState.CANCELLED, NEWER))


def test_what_does_not_move_runs_beside_a_motion() -> None:
    story = Story()
    story.ask(10, GO)
    assert begun(story.ask(12, LOOK)) == [(12, 0)]
    assert story.acting.doing == f'{GO}, {LOOK}'


def test_a_voice_holds_wheels_and_they_go_on_when_it_was_nothing() -> None:
    story = Story()
    story.ask(10)
    assert story.interrupt(10, ducked=True) == [Hold((10, 0))]
    assert story.interrupt(10, ducked=True) == []
    assert story.interrupt(10, ducked=False) == [Resume((10, 0))]


def test_nothing_begins_to_move_while_somebody_speaks_but_a_look_may() -> None:
    story = Story()
    story.interrupt(10, ducked=True)
    assert not begun(story.ask(10))
    assert begun(story.interrupt(10, ducked=False)) == [(10, 0)]
    story.interrupt(10, ducked=True)
    assert begun(story.ask(11, LOOK)) == [(11, 0)]


def test_what_waits_for_the_base_is_woken_by_what_frees_it_and_not_by_the_clock() -> None:
    """A deadline that has passed and stays would ring a thousand times a second, before all other
    processes.
    """
    story = Story()
    story.interrupt(10, ducked=True)
    story.ask(10, not_before=101.0)
    assert story.acting.deadline() == 101.0
    story.t = 101.0
    assert not begun(story.do(Tick())) and story.acting.deadline() is None
    assert begun(story.interrupt(10, ducked=False)) == [(10, 0)]
    story.do(Doubted('it may be gone'))
    story.ask(11, TURN)
    assert story.acting.deadline() is None
    assert story.do(Found()) and cancelled(story.effects) == [(10, 0)]
    # that of the drive, whose end is awaited
    assert story.acting.deadline() == story.t + CANCEL_S
    assert begun(story.tell((10, 0), SkillState.CANCELLED)) == [(11, 0)]


def test_an_action_is_held_only_if_its_goal_may_be_sent_again() -> None:
    story = Story()
    story.ask(10, GO)
    assert story.interrupt(10, ducked=True) == [Hold((10, 0))]
    assert story.interrupt(10, ducked=False) == [Resume((10, 0))]
    other = Story(again='')
    other.ask(10, GO)
    assert other.interrupt(10, ducked=True) == []


def test_a_voice_cancels_an_action_only_where_that_is_wanted_and_it_cannot_be_held() -> None:
    strict = Story(cancel=True, again='')
    strict.ask(10, GO)
    assert cancelled(strict.interrupt(10, ducked=True)) == [(10, 0)]
    both = Story(cancel=True)
    both.ask(10, DRIVE)
    assert both.interrupt(10, ducked=True) == [Hold((10, 0))]


def test_without_a_decision_node_nothing_begins() -> None:
    story = Story(alive=False)
    story.ask(10)
    state, why = story.last(10)
    assert state is SkillState.FAILED and 'no decision node' in why and not begun(story.effects)


def test_a_decision_node_that_dies_ends_everything_and_one_that_comes_back_may_ask_again() -> None:
    story = Story()
    story.ask(10)
    effects = story.do(Lost('it is gone'))
    assert effects[0] == Halt(again=True) and cancelled(effects) == [(10, 0)]
    story.tell((10, 0), SkillState.CANCELLED)
    assert story.last(10) == (SkillState.CANCELLED, 'it is gone')
    story.ask(10, LOOK, 1, steps=2)
    story.ask(11)
    assert begun(story.effects) == [(10, 0)]
    story.do(Found())
    assert begun(story.ask(12)) == [(12, 0)]


def test_a_doubt_stops_at_once_and_costs_no_errand_if_it_was_nothing() -> None:
    story = Story()
    story.ask(10)
    assert story.do(Doubted('no turn')) == [Halt(again=True), Hold((10, 0), at_once=True)]
    assert story.do(Doubted('no turn')) == [] and story.interrupt(10, ducked=True) == []
    assert not begun(story.ask(10, TURN, 1, steps=2))
    assert story.do(Found()) == []                       # somebody speaks, still
    assert story.interrupt(10, ducked=False) == [Resume((10, 0))]
    story.do(Doubted('no turn'))
    assert cancelled(story.do(Lost('gone'))) == [(10, 0)]


def test_a_doubt_cancels_an_action_that_cannot_be_held() -> None:
    story = Story(again='')
    story.ask(10, GO)
    assert cancelled(story.do(Doubted('no turn'))) == [(10, 0)]


def test_a_server_that_does_not_confirm_a_cancel_is_reported_and_awaited_no_longer() -> None:
    story = Story()
    story.ask(10, GO)
    story.interrupt(11, halted=10)
    assert story.acting.deadline() == story.t + CANCEL_S
    story.t += CANCEL_S
    story.do(Tick())
    state, why = story.last(10)
    assert state is SkillState.FAILED and 'navigate_to_pose' in why and STOPPED in why
    assert begun(story.ask(12)) == [(12, 0)]


def test_a_success_that_crossed_the_stop_is_reported_as_what_it_was() -> None:
    story = Story()
    story.ask(10, GO)
    story.interrupt(11, halted=10)
    story.tell((10, 0), SkillState.RUNNING, '1 metre left')
    story.tell((10, 0), SkillState.SUCCEEDED)
    assert (story.last(10)[0] is SkillState.SUCCEEDED
            and story.states(10).count(SkillState.RUNNING) == 1)


@pytest.mark.parametrize(('name', 'arguments'), [('rm', '{}'), ('drive', '{"distance": 1000}'),
                                                 ('drive', '{"topic": "/rosout"}'),
                                                 ('drive', 'not json'),
                                                 ('call', '{"procedure": "reboot"}'),
                                                 ('go_to', '{"place": "/etc"}'),
                                                 ('drive', '{"distance": NaN}'), ('', ''),
                                                 ('drive', '{"speed": 1e999}')])
def test_what_the_allow_list_does_not_hold_is_refused_whoever_asks(name: str,
                                                                   arguments: str) -> None:
    story = Story()
    story.do(Asked(10, 0, 1, name, arguments))
    assert story.states(10) == [SkillState.REFUSED] and not begun(story.effects)


def test_a_flood_of_steps_is_bounded() -> None:
    story = Story()
    for step in range(100):
        story.ask(10, TURN, step, steps=100, not_before=1e9)
    assert story.states(10, MOST_WAITING) == [SkillState.REFUSED]
    assert sum(len(plan.waiting) for plan in story.acting._plans.values()) <= MOST_WAITING


events = st.one_of(
    st.builds(Asked, st.integers(1, 8), st.integers(0, 2), st.just(3),
              st.sampled_from([DRIVE, GO, LOOK, 'rm']),
              st.sampled_from(['{}', '{"place": "kitchen"}', '{"direction": "left"}']),
              st.sampled_from([0.0, 100.0, 103.0])),
    st.builds(Interrupted, st.integers(1, 9), st.integers(0, 8), st.booleans()),
    st.builds(Told, st.tuples(st.integers(1, 8), st.integers(0, 2)),
              st.sampled_from(list(SkillState)[1:6]), st.just('')),
    st.builds(Lost, st.just('gone')), st.builds(Doubted, st.just('no turn')), st.builds(Found),
    st.builds(Tick))


@settings(max_examples=400, deadline=None)
@given(script=st.lists(st.tuples(events, st.floats(0, 1)), max_size=40))
def test_in_whatever_order_messages_come_nothing_halted_begins_and_every_act_ends_once(
        script: list[tuple[Event, float]]) -> None:
    story, halted, asked, alive = Story(), 0, set(), True
    for event, dt in script:
        story.t += dt
        halted = max(halted, event.halted) if isinstance(event, Interrupted) else halted
        alive = not isinstance(event, Lost) and (alive or isinstance(event, Found))
        new = story.do(event)
        assert all(key[0] > halted for key in begun(new)), 'a halted skill begins'
        assert alive or not begun(new), 'a skill begins with nobody who could stop it'
        moving = [
            running for running in story.acting._running.values() if running.call.skill.motion
        ]
        assert len(moving) <= 1, 'two skills have the base'
        assert all(running.cancelled for running in story.acting._running.values()
                   if running.asked.epoch <= halted)
        if isinstance(event, Asked):
            asked.add(event.key)
    story.t += 1000.0
    for key in list(story.acting._running):
        story.do(Told(key, SkillState.FAILED, 'the end'))
    story.interrupt(100, halted=99)
    for key in list(story.acting._running):
        story.do(Told(key, SkillState.CANCELLED))
    begins = begun(story.effects)
    assert len(begins) == len(set(begins)), 'a skill begins twice'
    for key in asked:
        assert story.states(*key)[-1] in ENDS
