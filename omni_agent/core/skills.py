"""What a robot can be asked to do, as data: the allow-list and the calls on it.

Where a skill comes from is written in core/skill_table.py (YAML) and backends/skills.py (files and
Python modules); what somebody asks for becomes a Call in core/skill_check.py and nowhere else.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Iterable, Iterator, Mapping

from .skill_target import Course, Function, Ramp, Scalar, Source, Target, TargetKind

__all__ = [
    'Argument', 'ArgumentKind', 'Call', 'Choice', 'Course', 'Function', 'OWN', 'Phrase', 'Ramp',
    'Refused', 'Scalar', 'Skill', 'Skills', 'Source', 'Target', 'TargetKind', 'spoken'
]

# What the agent itself can do: the names of targets of kind OWN
OWN = ('stop', 'set_volume', 'remember', 'forget', 'what_do_you_see')


class ArgumentKind(Enum):
    """What an argument holds."""

    NUMBER = 'number'
    TEXT = 'text'
    CHOICE = 'choice'
    FLAG = 'flag'


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a CHOICE: its name, how else it is called, and what belongs to it ({'x':
    3.2}).
    """

    name: str
    also: tuple[str, ...] = ()
    data: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a skill, in the unit in which people and models speak of it.

    ``low`` and ``high`` are the bounds of a number and of the length of a text [characters].
    Without ``default`` it has to be given, unless it is ``optional``. ``clamp``: a number that is
    out of bounds is brought to the nearer one.
    """

    name: str
    kind: ArgumentKind
    sentence: str = ''
    unit: str = ''
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[Choice, ...] = ()
    default: Scalar | None = None
    optional: bool = False
    clamp: bool = False

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional

    def choice(self, name: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.name == name), None)


@dataclass(frozen=True, slots=True)
class Phrase:
    """How people ask for a skill: a pattern (core/skill_phrases.py), and what it settles by
    itself.
    """

    pattern: str
    settles: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skill:
    """Something the robot can do. ``sentence`` is for the language model and for people.

    ``examples``: other wordings, for the language model. ``motion``: a stop has to end it at once.
    ``confirm``: asked for before. ``says`` when it begins, ``done`` and ``failed`` when it ends,
    with '{argument}' and, in ``failed``, '{why}'.
    """

    name: str
    sentence: str
    target: Target
    arguments: tuple[Argument, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    examples: tuple[str, ...] = ()
    confirm: bool = False
    motion: bool = False
    says: str = ''
    done: str = ''
    failed: str = ''

    def argument(self, name: str) -> Argument:
        return next(argument for argument in self.arguments if argument.name == name)

    @property
    def usable(self) -> bool:
        """False for a list without an entry: nothing may be called yet, no place has been
        named.
        """
        return all(argument.choices for argument in self.arguments
                   if argument.kind is ArgumentKind.CHOICE and argument.required)


@dataclass(frozen=True, slots=True)
class Call:
    """A skill with arguments that were checked; only ``check`` makes one."""

    skill: Skill
    arguments: Mapping[str, Scalar]

    def json(self) -> str:
        """The arguments as they go into a message."""
        return json.dumps(dict(self.arguments), ensure_ascii=False)

    def target_name(self) -> str:
        return str(self.skill.target.name.value(self))

    def fields(self) -> dict[str, Scalar]:
        """Dotted field -> value, without those whose argument was not given."""
        found = {name: source.value(self) for name, source in self.skill.target.fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def course(self) -> Course | None:
        """How the velocity goes; None where the target has no ramp."""
        ramp = self.skill.target.ramp
        return None if ramp is None else ramp.course(self)

    def says(self) -> str:
        return self._fill(self.skill.says)

    def done(self) -> str:
        return self._fill(self.skill.done)

    def failed(self, why: str) -> str:
        return self._fill(self.skill.failed, why=why)

    def _fill(self, text: str, **more: str) -> str:
        parts = {argument.name: spoken(self.arguments.get(argument.name), argument.unit)
                 for argument in self.skill.arguments}
        filled = text.format(**parts, **more)
        return filled[:1].upper() + filled[1:]


@dataclass(frozen=True, slots=True)
class Refused:
    """Not to be done; ``why`` is a polite sentence that the robot can say."""

    why: str


class Skills:
    """The allow-list: what is not in here cannot be done. It never changes."""

    def __init__(self, skills: Iterable[Skill] = ()) -> None:
        self._skills: dict[str, Skill] = {}
        for skill in skills:
            if skill.name in self._skills:
                raise ValueError(f"two skills are called '{skill.name}'")
            self._skills[skill.name] = skill

    def __iter__(self) -> Iterator[Skill]:
        return iter(self._skills.values())

    def __len__(self) -> int:
        return len(self._skills)

    def get(self, name: str) -> Skill | None:
        """By its exact name."""
        return self._skills.get(name)

    @property
    def usable(self) -> tuple[Skill, ...]:
        return tuple(skill for skill in self if skill.usable)


_UNITS = {
    'm': ('metre', 'metres'),
    'm/s': ('metre a second', 'metres a second'),
    's': ('second', 'seconds'),
    'deg': ('degree', 'degrees'),
    '%': ('percent', 'percent'),
    'deg/s': ('degree a second', 'degrees a second')
}


def spoken(value: Scalar | None, unit: str = '') -> str:
    """'0.5 metres', 'kitchen', '' for what was not given."""
    if value is None:
        return ''
    if isinstance(value, bool):
        return 'on' if value else 'off'
    if isinstance(value, str):
        return value
    one, many = _UNITS.get(unit, (unit, unit))
    return f'{round(value, 2):g} {one if value == 1 else many}'.strip()
