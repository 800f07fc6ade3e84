"""Where a call of a skill goes, and what goes there: the only place that turns arguments into
fields and velocities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Mapping, Union

if TYPE_CHECKING:
    from .skills import Call

# of an argument, of a choice's data, and what goes into a field
Scalar = Union[bool, float, str]


class TargetKind(Enum):
    """Where a call goes; OWN is done by the agent itself."""

    TOPIC = 'topic'
    SERVICE = 'service'
    ACTION = 'action'
    OWN = 'own'


class Function(Enum):
    """What is done to a number on its way into a field; a yaw angle fills a quaternion so."""

    SAME = 'same'
    SIN_HALF = 'sin_half'
    COS_HALF = 'cos_half'


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: a ``literal``, or an argument, or what belongs to its
    choice (``member``).
    """

    literal: Scalar | None = None
    argument: str = ''
    member: str = ''
    scale: float = 1.0
    function: Function = Function.SAME

    def value(self, call: Call) -> Scalar | None:
        """None: the argument is optional and was not given."""
        found = self._found(call)
        if isinstance(found, (bool, str)) or found is None:
            return found
        return _APPLY[self.function](found * self.scale)

    def _found(self, call: Call) -> Scalar | None:
        if not self.argument:
            return self.literal
        if not self.member:
            return call.arguments.get(self.argument)
        chosen = call.skill.argument(self.argument).choice(str(call.arguments.get(self.argument)))
        return None if chosen is None else chosen.data[self.member]


_APPLY = {Function.SAME: lambda x: x, Function.SIN_HALF: lambda x: math.sin(x / 2),
          Function.COS_HALF: lambda x: math.cos(x / 2)}


@dataclass(frozen=True, slots=True)
class Course:
    """A ramp with its numbers: ``speed`` has a sign, ``amount`` has none; ``total_s`` from zero to
    zero [s].
    """

    field: str
    speed: float
    acceleration: float
    total_s: float

    def velocity(self, t_s: float) -> float:
        """At ``t_s`` after the start; 0 before and after."""
        rise = self.acceleration * min(t_s, self.total_s - t_s)
        return math.copysign(min(abs(self.speed), max(0.0, rise)), self.speed)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A velocity that rises to ``speed``, stays, and falls to zero, repeated into ``field`` of a
    topic.

    It is over after ``amount`` (the integral: metres or radians) or after ``duration`` [s];
    ``otherwise`` is the amount where neither is given. ``acceleration`` [of the field's unit a
    second], ``longest_s`` [s] bounds it in any case.
    """

    field: str
    speed: Source
    sign: Source
    amount: Source | None
    duration: Source | None
    otherwise: float
    acceleration: float
    longest_s: float

    def course(self, call: Call) -> Course:
        """With the numbers of a call."""
        speed, sign = float(self.speed.value(call) or 0.0), float(self.sign.value(call) or 1.0)
        duration = self.duration.value(call) if self.duration else None
        if duration is not None:
            return Course(self.field, speed * sign, self.acceleration, float(duration))
        amount = self.amount.value(call) if self.amount else None
        total_s = _total_s(abs(float(self.otherwise if amount is None else amount)), speed,
                           self.acceleration)
        return Course(self.field, speed * sign, self.acceleration, total_s)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes. ``name`` is relative, and may be a Source of a choice: the service that
    is on the list.

    ``fields``: dotted field -> source; a step that is a number is an index into a list
    ('points.0.positions.1'). ``rate_hz``: a topic is repeated, with ``ramp``; 0 = published once.
    ``timeout_s``: of a service and an action, and how long to wait for whoever serves it.
    """

    kind: TargetKind
    name: Source
    type: str = ''
    fields: Mapping[str, Source] = field(default_factory=dict)
    rate_hz: float = 0.0
    timeout_s: float = 10.0
    ramp: Ramp | None = None


def _total_s(amount: float, speed: float, acceleration: float) -> float:
    """Up, along and down; a short way has no time to get as fast (speed * speed / acceleration is
    both ramps).
    """
    if amount * acceleration < speed * speed:
        return 2.0 * math.sqrt(amount / acceleration)
    return amount / speed + speed / acceleration
