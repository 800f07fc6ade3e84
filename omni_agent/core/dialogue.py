"""Dialogue memory -> the messages a chat model gets. The system prompt stays first and unchanged: it is cached."""

from __future__ import annotations

from typing import Sequence

from . import prompts
from .events import Role
from .memory import CUT_OFF, Line
from .words import words

# Only a question about the surroundings is told about them: a small model would mention them in every answer
LOOKING = frozenset('see look looking watch watching camera picture front holding wearing there show view visible'.split())


def reply(history: Sequence[Line], brief: str, persona: str = '') -> list[tuple[str, str]]:
    """(role, text) pairs: system prompt, what was said and heard, and what to answer now."""
    messages = [('system', persona or prompts.REPLY)]
    for line in history:
        if line.role is Role.PERSON:
            _add(messages, 'user', line.text)
        elif line.role is Role.ROBOT:
            _add(messages, 'assistant', f'{line.text} {CUT_OFF}' if line.truncated else line.text)
    scene = next((line.text for line in history if line.role is Role.SCENE), '')
    if scene and LOOKING & set(words(brief)):
        brief = f'(Your camera shows {scene}.) {brief}'
    _add(messages, 'user', brief)
    return messages


def _add(messages: list[tuple[str, str]], role: str, text: str) -> None:
    """Chat templates want the roles to alternate."""
    if messages[-1][0] == role:
        messages[-1] = (role, f'{messages[-1][1]} {text}')
    else:
        messages.append((role, text))
