"""What is remembered: a moment (one thing said, seen or heard) and an episode (a stretch of time
with its moments).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from .errors import WireError

LONGEST_TEXT = 500       # [characters] of one moment; what is longer loses its middle
PERSON, ROBOT = 'person', 'robot'        # who, where no name is known


class Kind(enum.Enum):
    """How it reached the robot; the value is what the file stores."""

    SAID = 'said'
    SEEN = 'seen'
    HEARD = 'heard'          # a sound that is not speech
    TOLD = 'told'            # a summary that somebody wrote


@dataclass(frozen=True, slots=True)
class Moment:
    """``who`` spoke, or is in the picture; ``t`` in Unix seconds."""

    t: float
    kind: Kind
    text: str
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """Moments between two changes of scene. ``picture``: a JPEG; ``embedding``: float32, of any
    one model.
    """

    start: float
    end: float
    moments: tuple[Moment, ...]
    place: str = ''
    people: tuple[str, ...] = ()
    salience: float = 0.5        # [0, 1] how much it stands out
    picture: bytes = b''
    embedding: object = None     # np.ndarray of shape (n,), or None
    is_summary: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """All that is of ``person`` ('' = of anybody) and between two times; as it is: everything."""

    person: str = ''
    start: float = -math.inf
    end: float = math.inf

    @classmethod
    def asked(cls, person: str = '', start: float | None = None,
              end: float | None = None) -> Forget:
        """As somebody asks for it; None: no bound. Raises WireError for what may have meant
        something else, since nothing of it comes back.
        """
        name = ' '.join(person.split()).strip('.,;:!?"\'')
        if person and not any(char.isalnum() for char in name):
            raise WireError(f'{person!r} is no name, so nothing was deleted: give one, or no text '
                            'at all for everybody')
        what = cls(name, -math.inf if start is None else start, math.inf if end is None else end)
        if not what.start <= what.end:
            raise WireError('the period ends before it begins, so nothing was deleted: exchange '
                            'start and stop')
        return what

    @property
    def everything(self) -> bool:
        return not self.person and self.start == -math.inf and self.end == math.inf


def clipped(text: str) -> str:
    """At most LONGEST_TEXT characters on one line: the beginning and the end tell what it was
    about.
    """
    plain = ' '.join(text.split())
    if len(plain) <= LONGEST_TEXT:
        return plain
    half = (LONGEST_TEXT - 5) // 2
    return f'{plain[:half]} ... {plain[-half:]}'
