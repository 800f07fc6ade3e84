"""Questions about what can be seen now: which of them are worth a closer look, and what thing they
ask for. English so far, like the instructions.
"""

from __future__ import annotations

import re

from .watch_items import MOST_WORDS, described
from .watch_words import WatchWords
from .words import words

# Fewer than those that have the scene told: each of these costs the processor a second
CLOSER = frozenset(
    'see look looking camera picture holding wearing visible view spot notice'.split())
_ASKS = re.compile(r'(?:do|can|could|did) (?:you|we) (?:also |still |now )?'
                   r'(?:see|spot|notice|find|recognise|recognize) (?P<thing>.+)')
_THERE = re.compile(r'(?:is|are) there (?P<thing>.+?) (?:here|in front of you|in view|in sight|'
                    r'in the picture|in this room|visible)\b')
# what follows tells where, or is another question
_END = re.compile(r' (?:on|in|at|near|there|here|anywhere|somewhere|now|right|behind|beside|next|'
                  r'under|around|please|from|with|by|or|and|that|which|who|over|from|of)\b.*')
NO_THING = frozenset('what that this it who how them him her where why if whether which'.split())
ANY_THING = frozenset('anything something everything nothing'.split())


def wants_a_look(brief: str) -> bool:
    return bool(CLOSER & set(words(brief)))


def thing_asked_for(brief: str, language: WatchWords) -> str:
    """'Do you see a fire extinguisher?' -> 'fire extinguisher'; '' where a detector knows its
    name, or no thing is asked for.
    """
    named = _named(brief, language)
    is_known = any(tuple(named[at:]) in language.things for at in range(len(named)))
    return '' if is_known and tuple(named[:1]) not in language.describing else ' '.join(named)


def label_asked_for(brief: str, language: WatchWords) -> str:
    """'Do you see a person?' -> 'person', as the detector calls it; '' where it has no name for
    it, or more is asked than whether it is there.
    """
    return language.things.get(tuple(_named(brief, language)), '')


def _named(brief: str, language: WatchWords) -> list[str]:
    """Words of the thing that is asked for."""
    spoken = ' '.join(words(brief))
    asked = _THERE.search(spoken) or _ASKS.search(spoken)
    if asked is None:
        return []
    named = described(language, _END.sub('', f' {asked["thing"]}').split())
    if not 0 < len(named) <= MOST_WORDS or named[0] in NO_THING or {*named} <= ANY_THING:
        return []
    return named
