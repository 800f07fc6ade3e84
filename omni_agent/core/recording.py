"""What a recorded conversation holds: the only place that knows the lines of ``events.jsonl``.

One JSON object a line, told apart by ``topic``; times are Unix seconds. ``t`` is when a thing was
true (sound was in the air, a frame was taken, a message was stamped), ``received`` when the
recorder got it.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, dataclass, field, fields
from typing import Callable, Iterable, Union

import numpy as np

from .answer_route import Step
from .errors import WireError

EXPECTATIONS = ('answered', 'ignored', 'interrupts', 'survives', 'silences', 'told', 'moves',
                'halts', 'none')
NAN = float('nan')             # not measured, not judged


@dataclass(frozen=True, slots=True)
class Meta:
    """The run as a whole; ``t0`` is the time of the first sample of both tracks."""

    t: float
    t0: float
    scenario: str = ''
    version: str = ''
    hardware: str = ''
    started: str = ''              # ISO 8601


@dataclass(frozen=True, slots=True)
class Line:
    """The truth of the room: who said what from ``t`` to ``end``, and what that should lead to."""

    t: float
    end: float
    index: int
    name: str
    who: str
    text: str
    expect: str = 'none'
    missed: bool = False           # the scenario never found the moment to say it


@dataclass(frozen=True, slots=True)
class SpeechState:
    t: float
    utterance: int
    probability: float
    echo_likelihood: float = NAN
    is_speaking: bool = False
    voiced_s: float = 0.0
    level_dbfs: float = NAN


@dataclass(frozen=True, slots=True)
class Percept:
    t: float                       # end of the sound or image this is about
    received: float
    kind: str
    utterance: int = 0
    start: float = NAN
    text: str = ''
    turn_end_probability: float = NAN
    voiced_s: float = NAN
    level_dbfs: float = NAN
    echo_likelihood: float = NAN
    salience: float = NAN
    processing_s: float = NAN


@dataclass(frozen=True, slots=True)
class Interrupt:
    t: float
    received: float
    epoch: int
    ducked: bool
    reason: str
    evidence: float = NAN          # acquisition time of the sound that caused it


@dataclass(frozen=True, slots=True)
class React:
    t: float
    received: float
    epoch: int
    brief: str = ''
    say: str = ''                  # to be said as it is
    recalled: tuple[str, ...] = ()
    not_before: float = NAN        # the turn is certainly over; of the same epoch again: moved

    @property
    def is_remark(self) -> bool:
        """Nobody had asked."""
        return bool(self.say) and self.say == self.brief


@dataclass(frozen=True, slots=True)
class Speech:
    t: float
    received: float
    epoch: int
    sequence: int
    seconds: float = 0.0
    text: str = ''
    last: bool = False


@dataclass(frozen=True, slots=True)
class Playback:
    t: float                       # time of the newest sample played
    received: float
    epoch: int
    state: str
    samples_played: int = 0
    rate: int = 16_000
    queued_s: float = 0.0
    ducked: bool = False
    heard: str = ''


@dataclass(frozen=True, slots=True)
class AgentState:
    t: float
    received: float
    epoch: int
    person: str
    agent: str
    ducked: bool = False
    utterance: int = 0
    text: str = ''
    addressee_score: float = NAN
    evidence: dict[str, float] = field(default_factory=dict)
    why: str = ''
    watching: tuple[str, ...] = ()
    route: str = ''
    senses: int = 0
    used: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    t: float
    received: float


@dataclass(frozen=True, slots=True)
class Look:
    t: float                       # when the picture was taken
    received: float
    skipped: bool = False          # it hardly differed from the last one
    processing_s: float = NAN
    tracks: int = 0
    events: int = 0
    keyframe: str = ''             # JPEG in base64, where something had changed


@dataclass(frozen=True, slots=True)
class SkillState:
    t: float
    received: float
    epoch: int
    step: int
    skill: str
    state: str
    text: str = ''
    arguments: str = ''            # JSON


@dataclass(frozen=True, slots=True)
class Route:
    """Who worked at an answer, as one of the nodes that did tells it."""

    t: float
    received: float
    epoch: int
    brief: str = ''                # what was answered, or said unasked
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Odometry:
    t: float
    received: float
    x: float                       # [m]
    y: float                       # [m]
    yaw: float                     # [rad]
    speed: float = 0.0             # [m/s]


@dataclass(frozen=True, slots=True)
class Walls:
    t: float
    received: float
    cell: float                    # [m]
    taken: tuple[float, ...] = ()  # x, y, x, y ... of the cells' centres [m]


@dataclass(frozen=True, slots=True)
class Diagnostics:
    t: float
    node: str
    level: int                     # 0 ok, 1 warning, 2 error, 3 stale
    message: str = ''
    values: dict[str, str] = field(default_factory=dict)


Record = Union[Meta, Line, SpeechState, Percept, Interrupt, React, Speech, Playback, AgentState,
               Image, Look, SkillState, Route, Odometry, Walls, Diagnostics]

TOPICS: dict[str, type] = {
    'meta': Meta, 'line': Line, 'speech_state': SpeechState, 'percept': Percept,
    'interrupt': Interrupt, 'react': React, 'speech': Speech, 'playback': Playback,
    'agent_state': AgentState, 'image': Image, 'look': Look,
    'skill_state': SkillState, 'answer_route': Route, 'odometry': Odometry, 'walls': Walls,
    'diagnostics': Diagnostics,
}
CHOICES: dict[tuple[type, str], tuple[str, ...]] = {
    (Line, 'expect'): EXPECTATIONS,
    (Percept, 'kind'): ('speech_started', 'speech_stopped', 'partial', 'final', 'scene',
                        'sound_started'),
    (Interrupt, 'reason'): ('started', 'new_reply', 'barge_in', 'stop_phrase', 'hush',
                            'superseded', 'lost', 'first_sound', 'no_interrupt'),
    (Playback, 'state'): ('started', 'playing', 'finished', 'flushed'),
    (SkillState, 'state'): ('waiting', 'running', 'held', 'succeeded', 'failed', 'cancelled',
                            'refused'),
    (AgentState, 'person'): ('quiet', 'speaking', 'trailing'),
    (AgentState, 'agent'): ('idle', 'deciding', 'preparing', 'speaking'),
}


@dataclass(frozen=True)
class Tracks:
    """Both sides as int16 mono of shape (n,); sample 0 of either is Unix second ``t0``."""

    t0: float
    rate: int                      # [Hz]
    person: np.ndarray             # people and background, without the robot
    robot: np.ndarray              # what the loudspeaker really played


@dataclass(frozen=True)
class Recording:
    """Every record of a run, each kind in the order in which it happened."""

    meta: Meta
    lines: tuple[Line, ...] = ()
    voice: tuple[SpeechState, ...] = ()
    percepts: tuple[Percept, ...] = ()
    interrupts: tuple[Interrupt, ...] = ()
    reacts: tuple[React, ...] = ()
    speech: tuple[Speech, ...] = ()
    playback: tuple[Playback, ...] = ()
    states: tuple[AgentState, ...] = ()
    images: tuple[Image, ...] = ()
    looks: tuple[Look, ...] = ()
    skills: tuple[SkillState, ...] = ()
    routes: tuple[Route, ...] = ()
    odometry: tuple[Odometry, ...] = ()
    walls: tuple[Walls, ...] = ()
    diagnostics: tuple[Diagnostics, ...] = ()
    malformed: int = 0             # lines that could not be used
    unknown: int = 0               # lines of a topic this version does not know

    @property
    def end(self) -> float:
        """Unix time of the newest record."""
        kinds = (self.voice, self.percepts, self.interrupts, self.reacts, self.playback,
                 self.states, self.images, self.looks)
        last = [kind[-1].t for kind in kinds if kind]
        ends = [line.end for line in self.lines if not line.missed]
        return max(last + ends, default=self.meta.t0)


def _number(value: object) -> float:
    if value is None:
        return NAN
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WireError(f'{value!r} is not a number')
    return float(value)


def _whole(value: object) -> int:
    number = _number(value)
    if number != number or number % 1:
        raise WireError(f'{value!r} is not a whole number')
    return int(value)      # not int(number): an epoch may have more digits than a float


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WireError(f'{value!r} is not text')
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise WireError(f'{value!r} is not true or false')
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise WireError(f'{value!r} is not a list')
    return tuple(map(_text, value))


def _numbers(value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise WireError(f'{value!r} is not a list')
    return tuple(map(_number, value))


def _steps(value: object) -> tuple[Step, ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise WireError(f'{value!r} is not a list of mappings')
    return tuple(
        Step(_text(one.get('specialist')), _text(one.get('why', '')),
             _number(one.get('cost_ms')), _whole(one.get('frames', 0)),
             _whole(one.get('tokens', 0))) for one in value)


def _mapping(convert: Callable[[object], object]) -> Callable[[object], dict]:
    def mapping(value: object) -> dict:
        if not isinstance(value, dict):
            raise WireError(f'{value!r} is not a mapping')
        return {str(name): convert(part) for name, part in value.items()}
    return mapping


# The annotations above are text, thanks to the __future__ import, and select the conversion.
CONVERT: dict[str, Callable[[object], object]] = {
    'float': _number, 'int': _whole, 'str': _text, 'bool': _flag,
    'tuple[str, ...]': _texts, 'tuple[float, ...]': _numbers,
    'tuple[Step, ...]': _steps, 'dict[str, float]': _mapping(_number),
    'dict[str, str]': _mapping(str),
}


def parse(data: object) -> Record | None:
    """One decoded line -> its record, None for an unknown topic. Raises WireError if unusable."""
    if not isinstance(data, dict) or not isinstance(data.get('topic'), str):
        raise WireError('a record is a mapping with a topic')
    kind = TOPICS.get(data['topic'])
    if kind is None:
        return None
    values: dict[str, object] = {}
    for part in fields(kind):
        if part.name in data:
            values[part.name] = CONVERT[str(part.type)](data[part.name])
        elif part.name == 'received' and 't' in values:
            values['received'] = values['t']
        elif part.default is MISSING and part.default_factory is MISSING:
            raise WireError(f'{data["topic"]} has no {part.name}')
        allowed = CHOICES.get((kind, part.name))
        if allowed and part.name in values and values[part.name] not in allowed:
            raise WireError(f'{data["topic"]}.{part.name} is {values[part.name]!r}, '
                            f'not one of {", ".join(allowed)}')
    for name in ('t', 't0', 'end', 'received'):
        if name in values and not math.isfinite(float(str(values[name]))):
            raise WireError(f'{data["topic"]}.{name} is not a time')
    return kind(**values)


def read(lines: Iterable[str]) -> Recording:
    """Lines of ``events.jsonl`` -> Recording. A line that cannot be used is counted, not fatal.

    A line of the room that is recorded twice (when it begins and when it ends) counts once, as
    told last. Raises WireError if there is no ``meta``: the sound would have no place in time.
    """
    found: dict[type, list] = {kind: [] for kind in TOPICS.values()}
    malformed = unknown = 0
    for text in lines:
        if not text.strip():
            continue
        try:
            record = parse(json.loads(text))
        except (WireError, ValueError, RecursionError):
            malformed += 1
            continue
        if record is None:
            unknown += 1
        else:
            found[type(record)].append(record)
    if not found[Meta]:
        raise WireError(f'no usable meta record ({malformed} unusable lines): '
                        'is this the events.jsonl of a run?')
    told = {line.index: line for line in found[Line]}
    return Recording(
        meta=found[Meta][0],
        lines=tuple(sorted(told.values(), key=lambda line: (line.t, line.index))),
        voice=_in_order(found[SpeechState]), percepts=_in_order(found[Percept]),
        interrupts=_in_order(found[Interrupt]), reacts=_in_order(found[React]),
        speech=_in_order(found[Speech]), playback=_in_order(found[Playback]),
        states=_in_order(found[AgentState]), images=_in_order(found[Image]),
        looks=_in_order(found[Look]), skills=_in_order(found[SkillState]),
        routes=_in_order(found[Route]),
        odometry=_in_order(found[Odometry]), walls=_in_order(found[Walls]),
        diagnostics=_in_order(found[Diagnostics]), malformed=malformed, unknown=unknown)


def _in_order(records: list) -> tuple:
    return tuple(sorted(records, key=lambda record: getattr(record, 'received', record.t)))
