"""What a scripted conversation is, and the only place that checks one. Files are read elsewhere.

A scenario says who is in the room, what each person says and when, and what the robot is expected
to make of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Mapping, Sequence

from omni_agent.core.checked_table import FieldError, Table, Value

VERSION = 1
VOICE = re.compile(r'(flite|espeak):[A-Za-z0-9_+-]+')
NORMAL_LEVEL_DBFS = -24.0        # speech RMS of a person at the microphone who talks to the robot

class Expect(str, Enum):
    """What the robot is expected to make of a line."""

    ANSWERED = 'answered'        # the robot starts a reply to it
    IGNORED = 'ignored'          # no reply and no interruption
    INTERRUPTS = 'interrupts'    # the reply in progress stops for good and this line is answered
    SURVIVES = 'survives'        # the reply in progress goes on to its end
    SILENCES = 'silences'        # the reply in progress stops and nothing new is said
    TOLD = 'told'                # answered, and later something is remarked unasked
    MOVES = 'moves'              # answered, and the robot drives
    HALTS = 'halts'              # what drives stands still at once, and stays
    NONE = 'none'                # nothing is checked

    @property
    def wants_reply(self) -> bool:
        return self in (Expect.ANSWERED, Expect.INTERRUPTS, Expect.TOLD, Expect.MOVES)


@dataclass(frozen=True)
class Room:
    """The robot's own loudspeaker as its microphone hears it, and the sound of the empty room."""

    echo_db: float = -18.0       # what is played at a person's level is heard at this below it
    rt60_s: float = 0.35         # time in which reverberation falls by 60 dB
    delay_ms: float = 40.0       # loudspeaker to microphone, direct path
    noise_dbfs: float = -60.0    # pink noise, RMS; -120 and below is none
    saturation: float = 0.0      # 0 is a linear loudspeaker; tanh(s x) / s otherwise
    seed: int = 1


@dataclass(frozen=True)
class Person:
    voice: str = 'flite:slt'                 # used for lines without a recording
    level_dbfs: float = NORMAL_LEVEL_DBFS    # speech RMS at the microphone
    distance_m: float = 1.0                  # colours the voice, not its level


@dataclass(frozen=True)
class Line:
    """One thing a person says. The triggers count from the end of the previous line.

    It is said once ``after_s`` have passed and, where asked for, the robot has been silent for
    ``robot_silent_s`` (after having replied, if the previous line wants a reply) or audible for
    ``robot_speaking_s``. A line whose time has not come ``within_s`` after the previous one is
    left out and counts as missed.
    """

    name: str
    who: str
    text: str
    sound: str | None = None                 # recording, relative to the scenario's file
    after_s: float = 0.0
    robot_silent_s: float | None = None
    robot_speaking_s: float | None = None
    within_s: float = 30.0
    expect: Expect = Expect.NONE
    expect_within_s: float = 6.0             # after the line, for its expectation to show


@dataclass(frozen=True)
class Background:
    """A recording that plays in a loop somewhere in the room."""

    sound: str
    level_dbfs: float = -45.0                # RMS at the microphone


@dataclass(frozen=True)
class Clip:
    """From ``at_s`` after the start of the scenario on, the camera sees this video, in a loop.

    ``after`` names a line; then ``at_s`` counts from its end.
    """

    video: str
    at_s: float = 0.0
    after: str = ''


@dataclass(frozen=True)
class Scenario:
    name: str
    people: Mapping[str, Person]
    lines: tuple[Line, ...]
    description: str = ''
    language: str = 'en'
    duration_s: float = 120.0                # it is over then, whatever has been said
    tail_s: float = 3.0                      # quiet time after the last line
    room: Room = field(default_factory=Room)
    background: tuple[Background, ...] = ()
    clips: tuple[Clip, ...] = ()
    nodes: tuple[str, ...] = ()              # optional nodes that take part
    # 'NODE.PARAMETER=VALUE', as on the command line, which comes after
    settings: tuple[str, ...] = ()


def parse(data: Value) -> Scenario:
    """Parsed YAML -> scenario. Raises FieldError, whose message says what a field may be."""
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    people = _people(table)
    scenario = Scenario(
        name=table.text('name'), description=table.text('description', ''), language=table.text(
            'language', 'en'), duration_s=table.number('duration_s', 120.0, 1, 3600),
        tail_s=table.number('tail_s', 3.0, 0, 60), room=_room(table.table('room')), people=people,
        background=tuple(_background(item) for item in table.tables('background')), clips=_clips(
            table.table('camera')), nodes=_texts(table, 'nodes'), settings=_texts(table, 'set'),
        lines=tuple(_line(item, people) for item in table.tables('lines', at_least=1)))
    table.finish()
    _names_are_unique(scenario.lines)
    _clips_follow_lines(scenario)
    return scenario


def _texts(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key)
    for index, item in enumerate(found):
        if not isinstance(item, str):
            raise FieldError(table.where + (key, index), 'must be text')
    return tuple(str(item) for item in found)


def _clips_follow_lines(scenario: Scenario) -> None:
    names = {line.name for line in scenario.lines}
    for clip in scenario.clips:
        if clip.after and clip.after not in names:
            raise FieldError(('camera', 'clips'),
                             f"'after' names the line '{clip.after}', which is not there")


def _people(table: Table) -> dict[str, Person]:
    people = {}
    for name, item in table.named_tables('people'):
        people[name] = Person(voice=item.text('voice', Person.voice, pattern=VOICE,
                                              like="'flite:slt' or 'espeak:en-us+m3'"),
                              level_dbfs=item.number('level_dbfs', NORMAL_LEVEL_DBFS, -60, -6),
                              distance_m=item.number('distance_m', 1.0, 0.1, 10))
        item.finish()
    return people


def _room(item: Table) -> Room:
    room = Room(echo_db=item.number('echo_db', Room.echo_db, -120, 20),
                rt60_s=item.number('rt60_s', Room.rt60_s, 0, 2),
                delay_ms=item.number('delay_ms', Room.delay_ms, 0, 1000),
                noise_dbfs=item.number('noise_dbfs', Room.noise_dbfs, -200, -20),
                saturation=item.number('saturation', Room.saturation, 0, 20),
                seed=int(item.number('seed', Room.seed, 0, 2**31)))
    item.finish()
    return room


def _background(item: Table) -> Background:
    background = Background(sound=item.text('sound'),
                            level_dbfs=item.number('level_dbfs', Background.level_dbfs, -90, -6))
    item.finish()
    return background


def _clips(camera: Table) -> tuple[Clip, ...]:
    first = camera.text('video', '')
    clips = [Clip(first)] if first else []
    for item in camera.tables('clips'):
        after = item.text('after', '')
        clips.append(
            Clip(item.text('video'), item.number('at_s', 0.0 if after else None, 0, 3600), after))
        item.finish()
    camera.finish()
    return tuple(sorted(clips, key=lambda clip: (bool(clip.after), clip.at_s)))


def _line(item: Table, people: Mapping[str, Person]) -> Line:
    line = Line(name=item.text('name'), who=item.choice('who', sorted(people), None),
                text=item.text('text'), sound=item.text('sound', '') or None,
                after_s=item.number('after_s', 0.0, 0, 600),
                robot_silent_s=item.maybe_number('robot_silent_s', 0, 60),
                robot_speaking_s=item.maybe_number('robot_speaking_s', 0, 60),
                within_s=item.number('within_s', Line.within_s, 0, 600),
                expect=Expect(item.choice('expect', [e.value for e in Expect], 'none')),
                expect_within_s=item.number('expect_within_s', Line.expect_within_s, 0, 60))
    _one_trigger(item, line)
    item.finish()
    return line


def _one_trigger(item: Table, line: Line) -> None:
    if line.robot_silent_s is not None and line.robot_speaking_s is not None:
        raise FieldError(item.where + ('robot_speaking_s',),
                            "the robot cannot be silent and speaking: keep 'robot_silent_s' or "
                            "'robot_speaking_s', not both")
    if line.within_s < max(line.after_s, line.robot_silent_s or 0, line.robot_speaking_s or 0):
        raise FieldError(item.where, f"'within_s' is {line.within_s:g}, which is over before the "
                         "line's own trigger can come: make it longer")


def _names_are_unique(lines: Sequence[Line]) -> None:
    seen: dict[str, int] = {}
    for index, line in enumerate(lines):
        if line.name in seen:
            raise FieldError(('lines', index, 'name'), f"'{line.name}' is the name of line "
                                f'{seen[line.name] + 1} too: give each line its own')
        seen[line.name] = index
