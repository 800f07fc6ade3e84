"""Sentences and the plans they should become: ``development``, and ``held_apart``, on which
nothing is tuned.
"""

from __future__ import annotations

from pathlib import Path

from omni_agent.core.skill_plan import Declined, Plan
from omni_agent.core.skills import Call

FOLDER = Path(__file__).parent / 'sentences_skills'
NO, TALK = 'no', '-'


def cases(half: str) -> list[tuple[str, str, str]]:
    """(section, sentence, what it should become) of a half."""
    found, section = [], ''
    for line in (FOLDER / f'{half}.txt').read_text(encoding='utf-8').splitlines():
        if line.startswith('['):
            section = line.strip('[]')
        elif line.strip() and not line.startswith('#'):
            sentence, _, wanted = line.rpartition(' => ')
            found.append((section, sentence, wanted))
    return found


def told(outcome: Plan | Declined | None) -> str:
    """As it is written in those files."""
    if isinstance(outcome, Plan):
        return '; '.join(map(_call, outcome.calls))
    return TALK if outcome is None else NO


def _call(call: Call) -> str:
    named = [
        f'{argument.name}={_value(call.arguments[argument.name])}'
        for argument in call.skill.arguments
        if argument.name in call.arguments and _counts(call, argument.name)
    ]
    return ' '.join([call.skill.name, *named])


def _counts(call: Call, name: str) -> bool:
    """A default is not written down, but for which way it goes."""
    return name == 'direction' or call.arguments[name] != call.skill.argument(name).default


def _value(value: object) -> str:
    return (f'{value:g}'
            if isinstance(value, float) else f'"{value}"' if ' ' in str(value) else str(value))
