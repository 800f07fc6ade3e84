"""Sentences of every language with what they are: ``development`` ones, and ``held_out`` ones that
nothing is tuned on.
"""

from __future__ import annotations

from pathlib import Path

from omni_agent.core.lexicon import Lexicon

FOLDER = Path(__file__).parent / 'sentences'
ROBOT = ('robot', 'Roboter', '机器人')
CODES = ('de', 'en', 'es', 'fr', 'zh')
# section of a file -> the question it answers, and the answer
QUESTIONS = {
    'stop': ('is_stop', True), 'no_stop': ('is_stop', False), 'nod': ('is_nod', True),
    'no_nod': ('is_nod', False), 'trailing': ('is_trailing', True), 'over': ('is_trailing', False),
    'complete': ('is_complete_question', True), 'incomplete': ('is_complete_question', False),
    'yes_or_no': ('wants_yes_or_no', True), 'no_yes_or_no': ('wants_yes_or_no', False)}


def sentences(half: str, code: str) -> dict[str, list[str]]:
    """Section -> its sentences."""
    found: dict[str, list[str]] = {}
    section = ''
    for line in (FOLDER / half / f'{code}.txt').read_text(encoding='utf-8').splitlines():
        if line.startswith('['):
            section = line.strip('[]')
            found[section] = []
        elif line.strip() and not line.startswith('#'):
            found[section].append(line)
    return found


def mistaken(lexicon: Lexicon, section: str, texts: list[str]) -> list[str]:
    """Those that the lexicon answers wrongly."""
    question, wanted = QUESTIONS[section]
    if question == 'is_stop':
        return [text for text in texts if lexicon.is_stop(text, ROBOT) is not wanted]
    return [text for text in texts if getattr(lexicon, question)(text) is not wanted]
