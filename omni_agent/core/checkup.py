"""What a check of the machine found: one line, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Sequence

from .errors import WireError


class Level(str, Enum):
    """``note``: it works, but somebody may want to know. ``wrong``: something will not work."""

    OK = 'ok'
    NOTE = 'note'
    WRONG = 'wrong'


@dataclass(frozen=True)
class Finding:
    """``what`` was looked at, what it is like, and what to do (empty: nothing)."""

    level: Level
    what: str
    text: str
    advice: str = ''

    def line(self) -> str:
        """For a pipe between processes: no line break inside."""
        return json.dumps(asdict(self))


def ok(what: str, text: str) -> Finding:
    return Finding(Level.OK, what, text)


def note(what: str, text: str, advice: str = '') -> Finding:
    return Finding(Level.NOTE, what, text, advice)


def wrong(what: str, text: str, advice: str) -> Finding:
    return Finding(Level.WRONG, what, text, advice)


def read(line: str) -> Finding:
    """The finding of ``Finding.line``. Raises WireError for anything else."""
    try:
        data = json.loads(line)
        return Finding(Level(data['level']), str(data['what']), str(data['text']),
                       str(data['advice']))
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f'{line[:80]!r} is no finding ({error})') from error


def split(message: str) -> tuple[str, str]:
    """An error of ours says what is wrong, a colon, and what to do; the last colon before a space
    parts them.
    """
    text, colon, advice = message.rpartition(': ')
    return (text, advice) if colon else (message, '')


def tally(findings: Sequence[Finding]) -> dict[Level, int]:
    return {level: sum(one.level is level for one in findings) for level in Level}
