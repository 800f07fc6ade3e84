"""Dialogue memory -> the messages a chat model gets. The system prompt stays first and unchanged:
it is cached.
"""

from __future__ import annotations

from typing import Sequence

from . import prompts
from .events import Role
from .memory import Line
from .words import words

# Only a question about the surroundings is told about them: a small model would mention them in
# every answer
LOOKING = frozenset(
    'see look looking watch watching camera picture front holding wearing there show view visible'.
    split())


def reply(history: Sequence[Line], brief: str, persona: str = '',
          recalled: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(role, text) pairs: system prompt, what was said and heard, and what to answer now.

    ``recalled``: lines of long-term memory that the answer needs.
    """
    messages = [('system', persona or prompts.REPLY)]
    if next((line.role for line in history if line.role is not Role.SCENE), None) is Role.ROBOT:
        messages.append(('user', prompts.UNASKED))       # chat templates want a person to begin
    # where the robot was cut off; the next person's words begin with it
    note = ''
    for line in history:
        if line.role is Role.PERSON:
            _add(messages, 'user', f'{note}{line.text}')
            note = ''
        elif line.role is Role.ROBOT:
            _add(messages, 'assistant',
                 f'{line.text} {prompts.CUT_OFF}' if line.truncated else line.text)
            note = f'{prompts.interrupted(line.text)} ' if line.truncated else ''
    scene = next((line.text for line in history if line.role is Role.SCENE), '')
    if recalled:
        brief = prompts.RECALLED.format(lines=' '.join(recalled), brief=brief)
    elif scene and LOOKING & set(words(brief)):
        brief = f'(Your camera shows {scene}.) {brief}'
    _add(messages, 'user', f'{note}{brief}')
    return messages


def _add(messages: list[tuple[str, str]], role: str, text: str) -> None:
    """Chat templates want the roles to alternate."""
    if messages[-1][0] == role:
        messages[-1] = (role, f'{messages[-1][1]} {text}')
    else:
        messages.append((role, text))
