"""Is that a request to do something? The cheap question before the dear one, and the only place
that answers it.

The words are data (config/skills/words). In doubt it is no request: a robot that talks about a
kitchen is better than one that drives there because somebody told a story.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import Enum
from typing import Iterable, Sequence

from .checked_table import FieldError, Table, Value
from .terms import STOP_WORDS
from .words import Phrases, words

VERSION = 1
CODE = re.compile(r'[a-z]{2,3}')
# [words] among which 'is' or 'what' makes a statement or a question of it
EARLY = 5
LONGEST_REQUEST = 30         # [words] of one step in words that no phrase covers


@dataclass(frozen=True)
class SkillWords:
    """One language, around the phrases of the skills."""

    code: str
    sentences_part: str         # '{part}': what no skill does
    sentences_none: str
    sentences_steps: str        # '{most}'
    sentences_condition: str
    sentences_unsure: str
    sentences_model: str
    sentences_shall: str        # '{says}'
    sentences_dropped: str
    polite: Phrases             # before a request, and says nothing
    closers: Phrases            # behind it
    then: Phrases               # one step ends here
    and_: Phrases               # and may end here
    negations: Phrases
    reports: Phrases            # somebody else's words may follow
    conditions: Phrases         # what is asked for is not asked for now
    remarks: Phrases            # a clause that begins so may stand beside a request
    acts: Phrases               # verbs of what a body does
    foreign: tuple[str, ...]    # examples of requests that no skill does, for the language model
    vague: Phrases              # verbs that need a word of a skill beside them
    common: Phrases             # which these are not
    talk: Phrases               # begin like a request and are none
    questions: Phrases          # no request begins so, or goes on so after a word or two
    agrees: Phrases             # to 'Shall I?'
    refuses: Phrases


Span = tuple[int, int]


class Kind(Enum):
    """What a clause that no phrase covers may be."""

    EMPTY = 'empty'             # nothing but politeness
    REQUEST = 'request'
    LATER = 'later'             # a request with a condition or a time
    CONDITION = 'condition'
    UNSURE = 'unsure'           # denied, or quoted
    REMARK = 'remark'
    OTHER = 'other'


def parse(data: Value, code: str) -> SkillWords:
    """Parsed YAML -> words. Raises FieldError."""
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    if table.text('language', None, CODE, "a code like 'en'") != code:
        raise FieldError(('language',), f"must be '{code}', like the name of the file")
    lists = {
        item.name: _phrases(table, item.name.rstrip('_'))
        for item in fields(SkillWords) if item.type == 'Phrases'
    }
    foreign = tuple(part.strip() for part in table.text('foreign').split(','))
    texts = {
        item.name: table.text(item.name)
        for item in fields(SkillWords) if item.name.startswith('sentences_')
    }
    table.finish()
    return SkillWords(code, foreign=foreign, **texts, **lists)


def _phrases(table: Table, name: str) -> Phrases:
    parts = [part.strip() for part in table.text(name).split(',')]
    for part in parts:
        if not words(part):
            raise FieldError((name,), f"has '{part}' between two commas, which is no word")
    return Phrases(parts)


class Gate:
    """``verbs``: what the skills' own phrases begin with; ``topics``: other words in them;
    ``names``: the robot's.
    """

    def __init__(self, language: SkillWords, verbs: Iterable[str] = (), topics: Iterable[str] = (),
                 names: Iterable[str] = ()) -> None:
        self._language = language
        self._verbs = frozenset(verbs)
        named = {
            phrase[0]
            for phrases in (language.common, language.acts, language.vague)
            for phrase in phrases
        }
        self._topics = frozenset(topics) - STOP_WORDS - named
        self._names = Phrases(names)

    def spans(self, said: Sequence[str], span: Span, marks: Iterable[str]) -> list[Span]:
        """Without politeness, the robot's name and ``marks`` before it, and with less and less of
        them taken off its end: the shortest first.
        """
        marks = frozenset(marks)
        start, end = span
        while start < end:
            part = list(said[start:end])
            skip = (1 if part[0] in marks else max(self._language.polite.start(part),
                                                   self._names.start(part)))
            if not skip:
                break
            start += skip
        found = []
        while start < end:
            part = list(said[start:end])
            skip = 1 if part[-1] in marks else max(_longest_end(self._language.closers, part),
                                                  _longest_end(self._names, part))
            if part[-1] not in marks:
                found.append((start, end))
            if not skip:
                break
            end -= skip
        return found[::-1] if start < end else [(start, start), *found[::-1]]

    def stripped(self, said: Sequence[str], span: Span, marks: Iterable[str]) -> Span:
        """The shortest of those."""
        return self.spans(said, span, marks)[0]

    def ends_politely(self, rest: Sequence[str]) -> bool:
        """What was taken off says nothing at all: 'please', not 'again'."""
        words = [word for word in rest if word.isalnum()]
        return bool(words) and (self._language.polite | self._names).pieces(words) is not None

    def kind(self, clause: Sequence[str], asked: bool = False) -> Kind:
        """Of a clause without politeness around it. ``asked``: a question mark follows."""
        part = list(clause)
        if not part:
            return Kind.EMPTY
        language = self._language
        if language.negations.anywhere(part) or language.reports.anywhere(part):
            return Kind.UNSURE
        asks = self.begins_request(part, asked)
        if language.conditions.anywhere(part):
            return Kind.LATER if asks else Kind.CONDITION
        if asks:
            return Kind.REQUEST
        return Kind.REMARK if language.remarks.start(part) else Kind.OTHER

    def names_something(self, part: list[str]) -> bool:
        """Words that may be the name of something that is not known: 'attic', not 'kitchen if Anna
        is'.
        """
        language = self._language
        return not any(
            phrases.anywhere(part)
            for phrases in (language.negations, language.reports, language.conditions,
                            language.then, language.and_, language.questions))

    def begins_request(self, part: list[str], asked: bool = False) -> bool:
        """'can you drive?' asks whether; 'open source is great' begins with no verb."""
        language = self._language
        if (part[0] not in self._verbs and not language.acts.start(part)
                or len(part) > LONGEST_REQUEST):
            return False
        if (part in language.talk or len(part) > 1 and language.talk.start(part) > 1
                or asked and len(part) == 1):
            return False
        if any([word] in language.questions and [word] not in language.conditions
               for word in part[:EARLY]):
            return False
        vague = [part[0]] in language.vague and not language.acts.start(part)
        return not vague or not self._topics.isdisjoint(part[1:])


def _longest_end(phrases: Phrases, part: list[str]) -> int:
    return max((size for size in range(1, len(part) + 1) if part[-size:] in phrases), default=0)
