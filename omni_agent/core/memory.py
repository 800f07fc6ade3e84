"""What was said and seen, bounded; the robot's lines are what was heard, not what was generated."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .events import Remember, Role

CUT_OFF = '... (I was interrupted here)'


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the dialogue, or the last thing seen."""

    role: Role
    text: str
    truncated: bool


class Memory:
    """The last ``max_turns`` turns and the newest scene."""

    def __init__(self, max_turns: int = 12) -> None:
        self.turns: deque[Line] = deque(maxlen=max_turns)
        self.scene = ''

    def add(self, line: Remember) -> None:
        if line.role is Role.SCENE:
            self.scene = line.text
        elif line.text:
            self.turns.append(Line(line.role, line.text, line.truncated))

    def last(self, role: Role) -> str:
        """The newest text of ``role``, or ''."""
        return next((line.text for line in reversed(self.turns) if line.role is role), '')

    def history(self) -> list[Line]:
        """Oldest first; the scene, if there is one, comes last."""
        scene = [Line(Role.SCENE, self.scene, False)] if self.scene else []
        return list(self.turns) + scene
