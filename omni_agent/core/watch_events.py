"""What the decision to speak up hears, and what it answers: the only place that names both, and
how the language model is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .track import Track, TrackEvent

PROMPT = (
    'You are the silence filter of a robot. Somebody gave it a standing instruction. Answer Yes '
    'if what it '
    'sees now is what the instruction asks to be told, else No.')
# Asked without examples, Qwen2.5-0.5B tells 7 pairs that fit from 16 that do not with an area
# under the ROC curve of 0.80 and says No to all; with these ten before them, 0.99, and at a margin
# of 0 it lets all 7 and 2 of the 16 through.
QUESTION = 'Instruction: "{sentence}" Seen now: "{seen}" Speak up?'
EXAMPLES = (
    ('Warn me when the horse runs away.', 'A horse has left.', True),
    ('Warn me when the horse runs away.', 'I see a horse.', False),
    ('Tell me when a car comes.', 'I see a bird.', False),
    ('Tell me when a car comes.', 'I see a car.', True),
    ('Let me know if my bag is left alone.', 'I see a person.', False),
    ('Let me know if my bag is left alone.', 'A handbag has been alone for a minute.', True),
    ('Tell me when three people are here.', 'I see two people.', False),
    ('Tell me when nobody is there.', 'Nobody is left.', True),
    ('Let me know when my brother is back.', 'A person is back.', True),
    ('Let me know when my brother is back.', 'A person has left.', False),
)


# -- what happens ---------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Looked:
    """A look: every track, and what has become of them. An unchanged picture is a look, too."""

    t: float
    tracks: tuple[Track, ...]
    events: tuple[TrackEvent, ...] = ()
    size: tuple[int, int] = (0, 0)       # of the picture [px]; 0: not known


@dataclass(frozen=True, slots=True)
class FloorTaken:
    """Somebody speaks from now on: a person, or the robot with something that is not to be
    interrupted.
    """

    t: float


@dataclass(frozen=True, slots=True)
class FloorFree:
    """Nobody does any more."""

    t: float


@dataclass(frozen=True, slots=True)
class Margined:
    """The language model's log odds that the robot should speak; None: it has no opinion."""

    key: str
    margin: float | None


@dataclass(frozen=True, slots=True)
class Ticked:
    """A deadline has come."""

    t: float


WatchEvent = Union[Looked, FloorTaken, FloorFree, Margined, Ticked]


# -- what to do about it --------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Remark:
    """Say ``text``: item ``item_id`` came true at ``since``. ``evidence`` in log odds."""

    key: str
    item_id: int
    text: str
    since: float
    score: float
    evidence: tuple[tuple[str, float], ...]
    label: str


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the language model: speak or be silent?"""

    key: str
    sentence: str
    seen: str

    def prompt(self) -> tuple[tuple[str, str], ...]:
        """Chat whose next word is Yes if the robot should speak."""
        lines: list[tuple[str, str]] = [('system', PROMPT)]
        for sentence, seen, speak in EXAMPLES:
            lines += [('user', _question(sentence, seen)), ('assistant', 'Yes' if speak else 'No')]
        return (*lines, ('user', _question(self.sentence, self.seen)))


def _question(sentence: str, seen: str) -> str:
    return QUESTION.format(sentence=sentence.replace('"', "'"), seen=seen)


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing is said, and why: for the log and the diagnostics."""

    key: str
    item_id: int
    why: str
    score: float


WatchEffect = Union[Remark, AskModel, Silent]
