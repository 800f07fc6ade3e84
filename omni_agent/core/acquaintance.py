"""Who is who: a name that somebody gives of himself, kept with the face or the voice that said it.
The only place that learns names.

Faces and voices are numbers of perception, which mean nothing after its restart; names in what is
remembered outlast it. English, and German and Spanish where they say it alike.
"""

from __future__ import annotations

import re
from collections import OrderedDict

KNOWN = 64               # people at the same time; whoever was not heard for longest is forgotten
SPEAKS_S = 3.0           # after what was said last, somebody is still the one who speaks
_SAYS = re.compile(r"\b(?:my name is|my name's|call me|mein name ist|ich hei(?:ß|ss)e|me llamo) "
                   r"(?P<name>[^\W\d_]{2,20})", re.IGNORECASE)
# 'I'm Anna.' ends there, or goes on behind a comma or 'and'; 'I'm Anna's aunt' tells nothing
_IS = re.compile(r"\b[Ii](?:'m| am) (?P<name>[A-Z][^\W\d_]{1,19})(?=[.,!?;]|$| and )")
# capitals of which nobody is called so
NO_NAMES = frozenset('''
sorry fine not ok okay done here back home sure ready good great well tired late sad happy busy
german english french spanish italian american british chinese indian dutch polish russian turkish
european japanese canadian swiss austrian swedish catholic muslim jewish christian
monday tuesday wednesday thursday friday saturday sunday
'''.split())


def name_given(text: str) -> str:
    """'Hello, I'm Anna.' -> 'Anna'; '' where nobody says his name."""
    found = _SAYS.search(text) or _IS.search(text)
    name = found['name'] if found else ''
    return '' if name.lower() in NO_NAMES else name[:1].upper() + name[1:]


class Acquaintance:
    """Keys are as attention.person_of gives them: 'face 3', 'voice 2', '' where neither tells."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, str] = OrderedDict()
        self._last = ('', '', float('-inf'))     # key, name, and when it was said

    def spoke(self, key: str, t: float) -> None:
        """Somebody has, to whomever; what was said is not looked at."""
        self._last = key, self._names.get(key, ''), t

    def heard(self, text: str, t: float) -> str:
        """Who said that to the robot, of whom it was told that he spoke; '' where nobody knows."""
        key = self._last[0]
        name = name_given(text) or self._names.get(key, '')
        if key and name:
            self._names[key] = name
            self._names.move_to_end(key)
            while len(self._names) > KNOWN:
                self._names.popitem(last=False)
        self._last = key, name, t
        return name

    def speaker(self, t: float) -> str:
        """A name, else a key, of who spoke just now; '' while nobody does."""
        key, name, when = self._last
        return name or key if t - when <= SPEAKS_S else ''

    def face(self, track: int) -> str:
        """The name of whose face belongs to that track, or ''."""
        return self._names.get(f'face {track}', '')

    def forget(self, name: str = '') -> None:
        """One name, or all."""
        self._names = OrderedDict((key, known) for key, known in self._names.items()
                                  if name and known.casefold() != name.casefold())
        self._last = ('', '', float('-inf'))
