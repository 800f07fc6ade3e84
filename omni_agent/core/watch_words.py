"""What the words of standing instructions mean in one language, as data: the only place that
checks them.

Files are read elsewhere. Lists are texts of phrases with commas between them, as in
core/language.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Mapping, Sequence

from .checked_table import FieldError, Table, Value
from .scene import plural
from .words import Phrases, words

VERSION = 1
CODE = re.compile(r'[a-z]{2,3}')
# fields that are kinds, the first that fits counts
KINDS = ('alone', 'moves', 'leaves', 'appears')
_FIELD = re.compile(r'\{(\w+)\}')


@dataclass(frozen=True)
class WatchWords:
    """One language. ``things``: phrase -> label of the detector; ``sentences``: name ->
    template.
    """

    code: str
    things: Mapping[tuple[str, ...], str]
    longest_thing: int
    sentences: Mapping[str, str]
    # -- how an instruction begins and ends
    polite: Phrases
    askers: Phrases
    bare_askers: Phrases        # of those: a thing follows instead of 'when': 'watch for the dog'
    sure_askers: Phrases        # of those: no question about the world begins so
    note_askers: Phrases        # 'remind me to', with what to be reminded of after it
    when: Phrases
    always: Phrases             # of 'when' and in the condition: told every time
    once: Phrases               # told a single time
    tell_at_the_end: Phrases    # 'when she comes, tell me'
    # -- ending one, and asking for them
    cancels: Phrases            # what follows says which
    cancels_everything: Phrases # nothing else is said
    lists: Phrases
    # -- what may happen
    alone: Phrases
    moves: Phrases
    leaves: Phrases
    appears: Phrases
    seen_first: Phrases         # of 'appears': the thing stands behind it
    back: Phrases               # of 'appears': it has been here before
    # -- numbers and times
    more_than: Phrases
    at_least: Phrases
    nobody: Phrases
    everybody: Phrases
    minutes: Phrases
    seconds: Phrases
    for_: Phrases
    determiners: Phrases
    describing: Phrases         # of those: say which one of its kind, to who can tell

    def say(self, name: str, **parts: str) -> str:
        """A sentence with its parts filled in, beginning with a capital letter."""
        text = self.sentences[name].format(**parts)
        return text[:1].upper() + text[1:]


SENTENCES = {
    'clause_appears': 'thing',
    'clause_back': 'thing',
    'clause_leaves': 'thing',
    'clause_nobody': '',
    'clause_alone': 'thing for_s',
    'clause_moves': 'thing',
    'clause_count': 'count things',
    'confirm_always': 'clause',
    'confirm_once': 'clause',
    'confirm_note': 'note clause',
    'already': 'clause',
    'list_none': '',
    'list_some': 'clauses',
    'list_joint': '',
    'cancelled': 'clauses',
    'cancelled_all': '',
    'nothing_to_cancel': '',
    'unknown_thing': 'thing',
    'unknown_event': 'thing',
    'no_camera': '',
    'too_many': 'count',
    'a_second': '',
    'some_seconds': 'count',
    'a_minute': '',
    'some_minutes': 'count',
    'remark_appears': 'thing',
    'remark_back': 'thing',
    'remark_leaves': 'thing',
    'remark_nobody': '',
    'remark_alone': 'thing for_s',
    'remark_moves': 'thing',
    'remark_count': 'count things',
    'remark_note': 'note',
    'see_yes': 'thing',
    'see_no': 'thing',
    'see_unknown': 'thing',
}


def parse(data: Value, code: str, labels: Sequence[str]) -> WatchWords:
    """Parsed YAML -> words; ``labels`` are what the detector knows. Raises FieldError."""
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    if table.text('language', None, CODE, "a code like 'en'") != code:
        raise FieldError(('language',), f"must be '{code}', like the name of the file")
    names = [item.name for item in fields(WatchWords) if item.type == 'Phrases']
    found = {name: _phrases(table, name.rstrip('_')) for name in names}
    things = _things(table.table('synonyms'), labels)
    sentences = {name: _sentence(table, name, parts.split()) for name, parts in SENTENCES.items()}
    table.finish()
    return WatchWords(code, things, max(map(len, things)), sentences, **found)


def _phrases(table: Table, name: str) -> Phrases:
    parts = [part.strip() for part in re.split('[,，、]', table.text(name))]
    for part in parts:
        if not words(part):
            raise FieldError((name,), f"has '{part}' between two commas, which is no word")
    return Phrases(parts)


def _things(table: Table, labels: Sequence[str]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for label in labels:
        listed = [name for name in table.text(label, '').split(',') if name]
        for name in (label, plural(label), *listed):
            phrase = tuple(words(name))
            if not phrase:
                raise FieldError((*table.where, label), 'has an empty name between two commas')
            if found.setdefault(phrase, label) != label:
                raise FieldError((*table.where, label),
                                 f"'{name.strip()}' is already a {found[phrase]}")
    table.finish()
    return found


def _sentence(table: Table, name: str, parts: list[str]) -> str:
    text = table.text(name)
    unknown = [part for part in _FIELD.findall(text) if part not in parts]
    if unknown:
        allowed = ', '.join(f'{{{part}}}' for part in parts) or 'none'
        raise FieldError((name,), f"'{{{unknown[0]}}}' is not known here: there are {allowed}")
    return text
