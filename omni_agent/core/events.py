"""Everything that can happen to the conversation, and everything it may do about it.

Times ``t`` are Unix seconds on the agent's clock: acquisition times for sound and images.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union


class Reason(Enum):
    """Why the epoch or the voice changed; names match Interrupt.msg."""

    STARTED = 0
    NEW_REPLY = 1
    BARGE_IN = 2
    STOP_PHRASE = 3
    HUSH = 4
    SUPERSEDED = 5
    LOST = 6
    FIRST_SOUND = 7
    NO_INTERRUPT = 8


# With these a person, an operator or a failure ends what the robot does, not only what it says
HALTING = frozenset({
    Reason.STARTED, Reason.BARGE_IN, Reason.STOP_PHRASE, Reason.HUSH, Reason.SUPERSEDED,
    Reason.LOST
})


class Role(Enum):
    """Who a line of the dialogue memory belongs to; values match DialogueTurn.msg."""

    PERSON = 0
    ROBOT = 1
    SCENE = 2


@dataclass(frozen=True, slots=True)
class SoundStarted:
    """Something that is not the robot began to sound by ``t``; whether it is a voice is not known
    yet.
    """

    t: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A person's voice was found; ``t`` is its first voiced sample."""

    t: float
    utterance: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Silence since ``t``, the end of the last voiced frame."""

    t: float
    utterance: int
    voiced_s: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of the utterance so far. ``turn_end`` is None where the end of the turn was not
    judged.
    """

    t: float
    utterance: int
    text: str
    final: bool
    voiced_s: float
    turn_end: float | None = None
    echo: float = 0.0          # that it is nothing but the robot's own voice [0..1]
    text_echo: float = 0.0     # share of its words that the robot itself has just said [0..1]
    level_dbfs: float | None = None      # level (RMS) over its voiced part
    # of voice, source and camera (core/cues.py); what was measured
    cues: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SceneChanged:
    """What the camera shows now; ``salience`` in [0, 1] says how much of it is new."""

    t: float
    text: str
    salience: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The language model's opinion on whether ``text`` was meant for the robot [log odds]; None:
    it has none.
    """

    utterance: int
    text: str
    margin: float | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """Probability that a sentence ends after the words of ``text``; None: nobody can say."""

    utterance: int
    text: str
    ending: float | None


@dataclass(frozen=True, slots=True)
class Playing:
    """Sound of this epoch is going out."""

    t: float
    epoch: int
    heard: str


@dataclass(frozen=True, slots=True)
class Played:
    """The last sound of this epoch went out; ``complete`` unless it was cut off."""

    t: float
    epoch: int
    heard: str
    complete: bool


@dataclass(frozen=True, slots=True)
class HushRequested:
    """An operator wants silence."""

    t: float


@dataclass(frozen=True, slots=True)
class Typed:
    """A typed query is always meant for the robot."""

    t: float
    text: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something happened that somebody wanted to be told of: ``text`` is what to say, unasked."""

    t: float
    text: str


@dataclass(frozen=True, slots=True)
class Moving:
    """A skill that moves the robot was asked for or runs; not ``moving``: the last one ended."""

    t: float
    moving: bool


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Somebody looks at the robot."""

    t: float


@dataclass(frozen=True, slots=True)
class ButtonHeld:
    """The button of push to talk; not ``held``: it was let go."""

    t: float
    held: bool


@dataclass(frozen=True, slots=True)
class ModeWanted:
    """When to listen, by its name in the parameters (core/attention.py)."""

    t: float
    mode: str


@dataclass(frozen=True, slots=True)
class PlaceEntered:
    """Where the robot is, by a name: corrections are learnt for each place apart."""

    t: float
    place: str


@dataclass(frozen=True, slots=True)
class CorrectionsForgotten:
    """What was learnt from being corrected is void."""

    t: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has come."""

    t: float


Event = Union[SoundStarted, SpeechStarted, SpeechStopped, Transcript, SceneChanged, Judged,
              Weighed, Playing, Played, HushRequested, Typed, Noticed, Moving, LookedAt,
              ButtonHeld, ModeWanted, PlaceEntered, CorrectionsForgotten, Tick]


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Publish the current epoch and whether the voice is lowered. ``evidence`` is the sound's time
    or None.
    """

    epoch: int
    ducked: bool
    reason: Reason
    evidence: float | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Ask the language model whether ``text`` was meant for the robot."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Weigh:
    """Ask how likely a sentence ends after the words of ``text``."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class React:
    """Speak: answer ``brief``, to be heard from ``not_before`` on. Of the same epoch again: only
    that time is news.

    ``say`` is to be said as it is, with nobody having asked.
    """

    epoch: int
    brief: str
    not_before: float
    say: str = ''


@dataclass(frozen=True, slots=True)
class Remember:
    """Write one line into the dialogue memory."""

    role: Role
    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Overheard:
    """Write other people's talk into long-term memory; only where that was switched on."""

    text: str


@dataclass(frozen=True, slots=True)
class EndInstructions:
    """Stop was said, and perhaps meant for later as well: 'stop telling me'."""

    text: str


Effect = Union[Interrupt, Judge, Weigh, React, Remember, Overheard, EndInstructions]
