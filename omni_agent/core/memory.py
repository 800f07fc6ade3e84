"""What was said and seen, bounded; the robot's lines are what was heard, not what was
generated.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .events import Remember, Role


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the dialogue, or the last thing seen."""

    role: Role
    text: str
    truncated: bool


class Memory:
    """At most ``max_turns`` turns and the newest scene.

    What is too much goes by halves: each time the oldest line changes, a language model has to
    read the whole conversation anew (2 s on two cores for twelve turns).
    """

    def __init__(self, max_turns: int = 12) -> None:
        self._max_turns = max_turns
        self.turns: deque[Line] = deque()
        self.scene = ''

    def add(self, line: Remember) -> None:
        if line.role is Role.SCENE:
            self.scene = line.text
        elif line.text:
            self.turns.append(Line(line.role, line.text, line.truncated))
        if len(self.turns) > self._max_turns:
            self._forget()

    def _forget(self) -> None:
        for _ in range(max(1, self._max_turns // 2)):
            self.turns.popleft()
        if any(line.role is Role.PERSON for line in self.turns):
            while self.turns[0].role is Role.ROBOT:
                self.turns.popleft()         # an answer without its question tells nothing

    def last(self, role: Role) -> str:
        """The newest text of ``role``, or ''."""
        return next((line.text for line in reversed(self.turns) if line.role is role), '')

    def history(self) -> list[Line]:
        """Oldest first; the scene, if there is one, comes last."""
        scene = [Line(Role.SCENE, self.scene, False)] if self.scene else []
        return list(self.turns) + scene
