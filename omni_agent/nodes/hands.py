"""Requests -> acts: the decision node's side of skills. What moves is in the node ``skills``."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Callable

from omni_agent_msgs.msg import Act
from omni_agent_msgs.msg import SkillState as SkillStateMsg
from rclpy.node import Node

from omni_agent.backends import skills
from omni_agent.core.acts import SkillState
from omni_agent.core.errand import (ErrandEffect, ErrandParams, Errands, HandOut, Move, Progress,
                                    Tell)
from omni_agent.core.events import Event, Moving, Noticed, PlaceEntered, React
from omni_agent.core.params import param
from omni_agent.core.skill_consent import Agreed, Consent, ConsentParams, Dropped
from omni_agent.core.skill_plan import Declined, Plan, Planner, PlannerParams, Unclear
from omni_agent.core.skills import Call, TargetKind

from . import qos
from .health import WARN, Health
from .parameters import declare
from .stamps import now, stamp
from .threads import Alarm

NONE = 'none'
LOOKING = 'what_do_you_see'
NO_HANDS = 'I would, but nothing here carries out skills at the moment.'


@dataclass(frozen=True)
class HandsParams:
    """What the robot may be asked to do."""

    skills: str = param(
        NONE,
        'what the robot can be asked to do: none, or default, or more: your own skill files and '
        'Python '
        'modules, separated by commas, the same as in the node skills')


PARAMETERS = (('', HandsParams), ('errand', ErrandParams), ('plan', PlannerParams),
              ('consent', ConsentParams))


class Hands:
    """Owned by the executor thread. ``step`` takes what the turn machine has to know, ``own`` what
    the agent does itself; ``show`` is called when ``doing`` may be another.
    """

    def __init__(self, node: Node, health: Health, spoken: str, names: tuple[str, ...],
                 chooser: skills.Chooser | None, step: Callable[[Event], None],
                 own: Callable[[Call], None], show: Callable[[], None]) -> None:
        self.node, self.health = node, health
        self._step, self._own, self._show = step, own, show
        params = declare(node, HandsParams)
        self.errands = Errands(declare(node, ErrandParams, 'errand'))
        limits = declare(node, PlannerParams, 'plan')
        self._consent = Consent(skills.words(spoken), declare(node, ConsentParams, 'consent'))
        self.planner: Planner | None = None
        if params.skills == NONE:
            return
        self.planner = skills.planner(skills.load(params.skills), chooser, spoken, names, limits)
        self._acts = node.create_publisher(Act, 'act', qos.ACT)
        self._alarm = Alarm(node, self._tick)
        node.create_subscription(SkillStateMsg, 'skill_state', self.on_state, qos.SKILL_STATE)

    @property
    def doing(self) -> str:
        return self.errands.doing

    @property
    def moves(self) -> bool:
        """Something moves, or is about to."""
        return self.errands.moves

    # -- what was said ----------------------------------------------------------------------------

    def answer(self, react: React) -> str | Unclear | None:
        """What to say to a request; Unclear: the language model has to be asked (``plan``); None:
        it is no request.
        """
        if self.planner is None:
            return None
        self.errands.withdraw(react.epoch)
        answer = self._consent.hear(react.brief, now(self.node))
        if isinstance(answer, Agreed):
            return self._begin(react, answer.plan)
        if isinstance(answer, Dropped) and answer.text:
            return answer.text
        found = self.planner.quick(react.brief)
        return found if isinstance(found, Unclear) else self.settle(react, found)

    def settle(self, react: React, found: Plan | Declined | None) -> str | None:
        """What to say to what the language model made of it."""
        if isinstance(found, Declined):
            self.health.count('requests declined')
            if found.why:
                self.node.get_logger().info(f'"{react.brief}": {found.why}')
            return found.text
        if found is None or _only_looks(found):
            return None
        if found.confirm:
            return self._consent.ask(found, now(self.node))
        return self._begin(react, found)

    def put_off(self, react: React) -> None:
        """The turn is over sooner or later than was thought."""
        if self.planner is not None:
            self.errands.put_off(react.epoch, react.not_before)
            self._alarm.set(self.errands.deadline())

    def said(self) -> None:
        """A reply was heard to its end: if it was a question, the time to answer it begins."""
        self._consent.asked(now(self.node))

    def halted(self, epoch: int, goes_on: bool) -> None:
        """What was asked for in that epoch or before is over; the node ``skills`` knows from the
        same message.

        ``goes_on``: the person had not finished, and everything will be heard again.
        """
        if self.planner is not None:
            if goes_on:
                self._consent.take_back()
            else:
                self._consent.drop()
            self._perform(self.errands.halt(epoch))

    def _begin(self, react: React, plan: Plan) -> str:
        needs_hands = any(call.skill.target.kind is not TargetKind.OWN for call in plan.calls)
        if needs_hands and not self.node.count_subscribers('act'):
            self.health.trouble(
                'skills', WARN,
                'nobody carries them out: start the node skills, with the same `skills`')
            return NO_HANDS
        self.health.well('skills')
        self.errands.offer(react.epoch, plan.calls, react.not_before)
        self._alarm.set(self.errands.deadline())
        return plan.says

    # -- what comes of it -------------------------------------------------------------------------

    def on_state(self, message: SkillStateMsg) -> None:
        progress = Progress(message.epoch, message.step, SkillState(message.state), message.text)
        self._perform(self.errands.news(progress, now(self.node)))
        if message.state == SkillStateMsg.SUCCEEDED and not message.dry_run:
            self._arrived(message.arguments)
        self._show()

    def _arrived(self, arguments: str) -> None:
        """Whatever skill has a place and has come to its end has brought the robot there."""
        with contextlib.suppress(ValueError):
            given = json.loads(arguments)
            if isinstance(given, dict) and isinstance(given.get('place'), str):
                self._step(PlaceEntered(now(self.node), given['place'].replace('_', ' ')))

    def _tick(self) -> None:
        self._perform(self.errands.tick(now(self.node)))
        self._show()

    def _perform(self, effects: list[ErrandEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Move):
                self._step(Moving(now(self.node), effect.moves))
            elif isinstance(effect, Tell):
                self._step(Noticed(now(self.node), effect.text))
            elif effect.own:
                self._own(effect.call)
            else:
                self._hand_out(effect)
        self._alarm.set(self.errands.deadline())

    def _hand_out(self, effect: HandOut) -> None:
        message = Act(epoch=effect.epoch, step=effect.step, steps=effect.steps,
                      skill=effect.call.skill.name, arguments=effect.call.json())
        message.header.stamp = message.not_before = stamp(now(self.node))
        self._acts.publish(message)
        self.health.count('acts')


def _only_looks(plan: Plan) -> bool:
    """A question about what is seen is answered like any other."""
    return all(call.skill.name == LOOKING for call in plan.calls)
