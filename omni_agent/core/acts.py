"""What is asked of the robot's skills, what it says about them, and what is to be done: data
only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Union

from .skills import Call

Key = tuple[int, int]    # epoch, step


class SkillState(Enum):
    """As in SkillState.msg, value for value."""

    WAITING = 0
    RUNNING = 1
    HELD = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5
    REFUSED = 6


ENDS = frozenset(
    {SkillState.SUCCEEDED, SkillState.FAILED, SkillState.CANCELLED, SkillState.REFUSED})


# -- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody wants a skill; ``arguments`` is the JSON of an Act message, ``not_before`` a time
    of ``step``'s clock.
    """

    epoch: int
    step: int
    steps: int
    name: str
    arguments: str
    not_before: float = 0.0

    @property
    def key(self) -> Key:
        return self.epoch, self.step


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The state of the conversation."""

    epoch: int
    halted: int
    ducked: bool


@dataclass(frozen=True, slots=True)
class Told:
    """The robot's own word on a skill: RUNNING with feedback, HELD, or how it ended."""

    key: Key
    state: SkillState
    text: str = ''
    progress: float = math.nan
    result: str = ''


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody is left who could say stop; everything ends. ``why`` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """There may be nobody left who could say stop: everything stands still until that is known
    (Found or Lost).
    """

    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody is there who can say stop."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by."""


Event = Union[Asked, Interrupted, Told, Lost, Doubted, Found, Tick]

# -- effects --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    key: Key
    call: Call


@dataclass(frozen=True, slots=True)
class Cancel:
    """At once; the robot's word on it (Told) is awaited."""

    key: Key


@dataclass(frozen=True, slots=True)
class Hold:
    key: Key
    at_once: bool = False        # without slowing down


@dataclass(frozen=True, slots=True)
class Resume:
    key: Key


@dataclass(frozen=True, slots=True)
class Halt:
    """Zero on everything that can carry a velocity, whether or not it is known to move; ``again``
    where it was.
    """

    again: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a skill, for everybody."""

    asked: Asked
    state: SkillState
    text: str = ''
    progress: float = math.nan
    result: str = ''


Effect = Union[Begin, Cancel, Hold, Resume, Halt, Report]
