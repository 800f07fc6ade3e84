"""``act`` -> the robot's own topics, services and actions; ``interrupt`` -> zero. The only place
that moves anything.

Whatever asks, only what the allow-list holds is done, and only while somebody is alive who could
say stop.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass

from omni_agent_msgs.msg import Act, Interrupt
from omni_agent_msgs.msg import SkillState as SkillStateMsg

from omni_agent.backends.skills import load
from omni_agent.core.acting import Acting, ActingParams, moves
from omni_agent.core.acts import (ENDS, Asked, Begin, Cancel, Doubted, Effect, Event, Found, Halt,
                                  Hold, Interrupted, Key, Lost, Report, Resume, SkillState, Tick,
                                  Told)
from omni_agent.core.motion import MotionParams
from omni_agent.core.params import param
from omni_agent.core.skill_check import check
from omni_agent.core.skills import Call

from . import qos
from .alive import ALIVE
from .doing import Doing
from .health import WARN, Health
from .heartbeat import HeartbeatWatch
from .interfaces import TargetError
from .node import join
from .parameters import declare
from .shell import Urgency
from .shell import main as run
from .skill_targets import Targets
from .stamps import now, pace, seconds, stamp
from .threads import Alarm
from .wheels import Wheels


@dataclass(frozen=True)
class SkillsParams:
    """What may be done, and how it is watched."""

    skills: str = param(
        '',
        'your own skill files and Python modules, separated by commas, laid over those of the '
        'package; '
        'simulated = those of the simulated robot')
    dry_run: bool = param(False,
                          'nothing is moved or called: what would be done is published on intent')
    odometry: str = param(
        'odom', 'topic of the odometry by which a way is measured; empty = by the clock')
    watchdog_s: float = param(
        1.0,
        'everything ends when the decision node says nothing for this long; it stands still at '
        'once when its process '
        'dies [s]', 0.5, 10.0)


PARAMETERS = (('', SkillsParams), ('acting', ActingParams), ('motion', MotionParams))


class Skills:
    """Messages in, one step of the machine, calls and reports out."""

    def __init__(self) -> None:
        self.node = join('skills')
        self.params = declare(self.node, SkillsParams)
        self.skills = load(self.params.skills)
        self.acting = Acting(lambda name, text: check(self.skills, name, text),
                             declare(self.node, ActingParams, 'acting'))
        # first of all subscriptions: rclpy serves them in order of creation
        self.node.create_subscription(Interrupt, 'interrupt', self.on_interrupt, qos.STATE)
        self.heartbeat = HeartbeatWatch(self.node, self.params.watchdog_s, self.on_doubted,
                                        self.on_lost, self.on_found)
        self.node.create_subscription(Act, 'act', self.on_act, qos.ACT)
        self.health = Health(self.node)
        self.states = self.node.create_publisher(SkillStateMsg, 'skill_state', qos.SKILL_STATE)
        self.intents = self.node.create_publisher(SkillStateMsg, 'intent', qos.INTENT)
        self.targets = Targets(self.node, self.skills)
        self._clock = pace(self.node)
        self.motion = declare(self.node, MotionParams, 'motion')
        self.wheels = Wheels(self.node, self.motion, self.targets.velocities, self.params.odometry,
                             self.tell, self._t)
        self._events: deque[Event] = deque()
        self._is_stepping = False
        self._doing: dict[Key, Doing] = {}
        self.alarm = Alarm(self.node, lambda: self.on_event(Tick()))
        self._timer = self.node.create_timer(0.1, self.on_timer, clock=self._clock)
        self._timer.cancel()
        self._show_skills()
        self.health.values['decision node'] = 'none yet'
        self.health.trouble('decision node', WARN, 'there is none yet: nothing moves without one')

    def _t(self) -> float:
        return self._clock.now().nanoseconds * 1e-9

    def _show_skills(self) -> None:
        self.health.values['device'] = 'dry run' if self.params.dry_run else 'robot'
        self.health.values['skills'] = ', '.join(skill.name for skill in self.skills.usable)
        for name, why in self.targets.missing.items():
            if self.skills.get(name) in self.skills.usable:
                self.health.trouble(f'skill {name}', WARN, why)

    # -- messages become events -------------------------------------------------------------------

    def on_interrupt(self, message: Interrupt) -> None:
        self.on_event(Interrupted(message.epoch, message.halted, message.ducked))

    def on_act(self, message: Act) -> None:
        self.health.count('acts')
        self.on_event(
            Asked(message.epoch, message.step, message.steps, message.skill, message.arguments,
                  seconds(message.not_before)))

    def on_doubted(self, why: str) -> None:
        self.health.count('decision node doubted')
        self.health.values['decision node'] = f'perhaps {why}'
        self.on_event(Doubted(why))

    def on_lost(self, why: str) -> None:
        self.health.count('decision node lost')
        self.health.values['decision node'] = why
        self.on_event(Lost(why))
        self.health.trouble('decision node', WARN, f'{why}: nothing moves without it')

    def on_found(self) -> None:
        self.health.values['decision node'] = ALIVE
        self.health.well('decision node')
        self.on_event(Found())

    def tell(self, told: Told) -> None:
        self.on_event(told)

    def on_timer(self) -> None:
        t = self._t()
        for doing in list(self._doing.values()):
            doing.tick(t)
        if not self._doing:
            self._timer.cancel()

    def on_event(self, event: Event) -> None:
        """What a call says while it is being begun or ended comes after the effects at hand."""
        self._events.append(event)
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._events:
                for effect in self.acting.step(self._events.popleft(), now(self.node)):
                    self._perform(effect)
        except Exception:
            # a mistake of ours ends the node, and must not leave anything moving
            self.wheels.zero(again=False)
            raise
        finally:
            self._is_stepping = False
        self.alarm.set(self.acting.deadline())
        self.health.values['doing'] = self.acting.doing or 'nothing'

    # -- effects become calls and messages --------------------------------------------------------

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Halt):
            if not self.params.dry_run:
                self.wheels.zero(effect.again)
        elif isinstance(effect, Report):
            self._report(effect)
        elif isinstance(effect, Begin):
            self._begin(effect.key, effect.call)
        elif (doing := self._doing.get(effect.key)) is None:
            return                               # it is over already; its word is on the way
        elif isinstance(effect, Cancel):
            doing.cancel()
        elif isinstance(effect, Hold):
            # somebody else drives: this is what reaches the base first
            if doing is not self.wheels:
                self.wheels.zero(again=True)
            doing.hold(effect.at_once)
        elif isinstance(effect, Resume):
            self.wheels.yield_base()
            doing.resume()

    def _begin(self, key: Key, call: Call) -> None:
        try:
            if self.params.dry_run:
                self._pretend(key, call)
            elif call.skill.target.ramp is not None:
                self.wheels.begin(key, call, self.targets.publisher(call))
                self._doing[key] = self.wheels
            else:
                if moves(call):
                    self.wheels.yield_base()
                doing = self.targets.begin(key, call, self.tell, self._t(),
                                           self.motion.hold_limit_s)
                if doing is not None:
                    self._doing[key] = doing
                    self._timer.reset()
        except TargetError as error:
            self.tell(Told(key, SkillState.FAILED, str(error)))

    def _pretend(self, key: Key, call: Call) -> None:
        """Where it would go and with what, and nothing else."""
        target = call.skill.target
        fields: dict[str, object] = dict(call.fields())
        if (course := call.course()) is not None:
            fields[course.field] = {
                'speed': course.speed,
                'acceleration': course.acceleration,
                'total_s': course.total_s
            }
        message = SkillStateMsg(
            epoch=key[0], step=key[1], skill=call.skill.name, arguments=call.json(),
            state=SkillStateMsg.RUNNING, text=call.says(), dry_run=True, result=json.dumps({
                target.kind.value: call.target_name(),
                'type': target.type,
                'fields': fields
            }))
        message.header.stamp = stamp(now(self.node))
        self.intents.publish(message)
        self.tell(Told(key, SkillState.SUCCEEDED, f'dry run: {call.says()}', 1.0))

    def _report(self, report: Report) -> None:
        asked, state = report.asked, report.state
        if state in ENDS:
            self._doing.pop(asked.key, None)
            self.health.count(state.name.lower())
        message = SkillStateMsg(epoch=asked.epoch, step=asked.step, steps=asked.steps,
                                skill=asked.name, arguments=asked.arguments, state=state.value,
                                progress=report.progress, text=report.text, result=report.result,
                                dry_run=self.params.dry_run)
        message.header.stamp = stamp(now(self.node))
        self.states.publish(message)

    def rest(self) -> None:
        self.on_event(Lost('the skills node was put to rest'))
        self.heartbeat.forget()

    def close(self) -> None:
        self.on_event(Lost('the skills node ends'))
        self.wheels.close()
        self.targets.close()


def main() -> None:
    run(Skills, Urgency.EXECUTOR)


if __name__ == '__main__':
    main()
