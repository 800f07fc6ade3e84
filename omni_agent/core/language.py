"""The words that a language gives to the conversation, and the only place that checks them.

Files are read elsewhere. Every field is a text of phrases with commas between them, so that no
YAML parser takes a 'no' for a truth value. Case and hyphens do not matter, nor do accents where
somebody is told to be silent or listens: recognisers forget them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cached_property

from .checked_table import FieldError, Table, Value
from .words import Phrases, folded, words

VERSION = 1
CODE = re.compile(r'[a-z]{2,3}')


@dataclass(frozen=True)
class Language:
    """One language; every field but the first two is a set of phrases."""

    code: str
    shortest_question: int      # [words] that a complete question has at least
    # -- being told to be silent
    stop: Phrases               # alone, or as a clause of its own: 'that is wrong, stop'
    stop_alone: Phrases         # only when nothing else is said: 'enough'
    stop_everywhere: Phrases    # of those, what is obeyed whatever language is spoken
    before_stop: Phrases        # 'can you'
    after_stop: Phrases         # 'for a second'
    around_stop: Phrases        # 'please', before and after
    no_stop_after: Phrases      # ends of the clause before: 'the sign says, stop'
    # -- listening
    nods: Phrases
    laughter: Phrases           # syllables; two and more are a laugh
    noises: Phrases             # what recognisers write for breath, coughs and short hums
    # -- turns
    trailing: Phrases           # a sentence that ends so is not over
    not_trailing: Phrases       # although it ends in one of those
    embedded_questions: Phrases # with one of these inside and one of those at its end a sentence
    embedded_ends: Phrases      # is over: 'tell me how far away the moon is'
    openers: Phrases            # said before a question begins: 'so', 'hey'
    question_words: Phrases     # a question begins with one
    auxiliaries: Phrases        # or with one of these
    question_marks: Phrases     # or has one of these anywhere: Chinese
    question_ends: Phrases      # or ends so: Chinese
    stranded: Phrases           # may end a question although they are trailing: 'from'
    open_endings: Phrases       # a question that ends so goes on: 'the capital'
    unfinished_questions: Phrases   # one that is nothing but this goes on: 'can you tell me'
    # -- answers
    tags: Phrases               # a question that ends so asks for nothing: 'right?'
    open_questions: Phrases     # begins that are not answered by yes or no
    moods: Phrases              # although it begins so, 'okay' answers it: 'how are you'

    @cached_property
    def any_stop(self) -> Phrases:
        return self.stop | self.stop_alone

    @cached_property
    def leads_to_stop(self) -> Phrases:
        return self.around_stop | self.before_stop

    @cached_property
    def follows_stop(self) -> Phrases:
        return self.leads_to_stop | self.after_stop | self.any_stop

    @cached_property
    def common(self) -> frozenset[str]:
        """Words by which the language can be told."""
        sets = (self.trailing, self.question_words, self.auxiliaries, self.nods, self.around_stop,
                self.openers)
        return frozenset(folded(word) for phrases in sets for phrase in phrases for word in phrase)


FOLDED = frozenset({'stop', 'stop_alone', 'stop_everywhere', 'before_stop', 'after_stop',
                    'around_stop', 'no_stop_after', 'nods', 'laughter', 'noises'})
OPTIONAL = frozenset({'stop_everywhere', 'no_stop_after', 'not_trailing', 'embedded_questions',
                      'embedded_ends', 'openers', 'auxiliaries',
                      'question_marks', 'question_ends', 'stranded', 'open_endings',
                      'unfinished_questions', 'tags', 'open_questions', 'moods'})


def parse(data: Value, code: str) -> Language:
    """Parsed YAML -> language. Raises FieldError, whose message says what a field may be."""
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    if table.text('language', None, CODE, "a code like 'en'") != code:
        raise FieldError(('language',), f"must be '{code}', like the name of the file")
    names = [item.name for item in fields(Language) if item.type == 'Phrases']
    found = {name: _phrases(table, name) for name in names}
    shortest = int(table.number('shortest_question', None, 1, 10))
    table.finish()
    language = Language(code, shortest, **found)
    _refuse_contradictions(language)
    return language


def _phrases(table: Table, name: str) -> Phrases:
    optional = name in OPTIONAL
    text = table.text(name, '' if optional else None)
    parts = [part.strip() for part in re.split('[,，、]', text)]
    if not text.strip():
        parts = []
    for part in parts:
        if not words(folded(part)):
            raise FieldError((name,), f"has '{part}' between two commas, which is no word")
    return Phrases(parts, fold=name in FOLDED)


def _refuse_contradictions(language: Language) -> None:
    """A phrase that asks for silence must not be taken for listening, and the other way round."""
    for name in ('nods', 'noises'):
        for phrase in getattr(language, name):
            if phrase in language.any_stop:
                raise FieldError((name,), f"'{' '.join(phrase)}' is also a stop phrase: "
                                          'keep it in one of the two')
    for phrase in language.stop_everywhere:
        if phrase not in language.any_stop:
            raise FieldError(('stop_everywhere',), f"'{' '.join(phrase)}' must be listed in "
                                                   "'stop' or 'stop_alone' as well")
