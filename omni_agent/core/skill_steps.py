"""A sentence -> its steps, by the phrases of the skills alone: cheap, certain, and the first to be
asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Sequence, Union

from .skill_check import checked, stranger
from .skill_gate import Gate, Kind, SkillWords
from .skill_phrases import UNFIT, Bindings, Pattern, Stranger, Text, compiled, names, vocabulary
from .skill_words import QUOTE, STOP, Token, plain, tokens
from .skills import ArgumentKind, Call, Refused, Scalar, Skills
from .words import Phrases

LONGEST = 600                # [characters] of something that may be a request
MOST_CLAUSES = 12            # of one sentence; who says more tells a story
UNREAD = 100                 # a clause that no phrase covers costs more than many that one does

Span = tuple[int, int]
Outcome = Union[Call, Refused, None]


@dataclass(frozen=True, slots=True)
class Step:
    """One clause: a call, or why not, or only what kind of words it holds."""

    text: str
    sentence: int               # which of the utterance
    outcome: Outcome
    kind: Kind


@dataclass(frozen=True, slots=True)
class Said:
    """What was said, in plain text, and its words and marks."""

    text: str
    tokens: tuple[Token, ...]
    words: tuple[str, ...]
    # what came of parts of it
    known: dict[Span, Outcome] = field(default_factory=dict, compare=False)

    def piece(self, span: Span) -> str:
        return (self.text[self.tokens[span[0]].start:self.tokens[span[1] - 1].end]
                if span[0] < span[1] else '')

    def is_asked(self, end: int) -> bool:
        """A question mark stands behind."""
        over = self.tokens[end].end if end < len(self.tokens) else len(self.text)
        return '?' in self.text[self.tokens[end - 1].end:over]


class Steps:
    """Reads sentences. ``called``: how the robot is called."""

    def __init__(self, skills: Skills, language: SkillWords, called: Sequence[str] = ()) -> None:
        self._skills = skills
        self._language = language
        patterns = [pattern for skill in skills for pattern in compiled(skill)]
        self._patterns = _Index([pattern for pattern in patterns if pattern.skill.usable])
        # of skills without an entry, too: 'I know no place called kitchen'
        self._open = _Index(patterns)
        verbs = {word for pattern in patterns for word in pattern.begins}
        self._gate = Gate(language, verbs, _topics(patterns), called)

    def read(self, text: str) -> list[Step]:
        """Every clause, in order; nothing for what is too long to be a request."""
        if len(text) > LONGEST:
            return []
        text = plain(text)
        found = tuple(tokens(text))
        said = Said(text, found, tuple(token.text for token in found))
        sentences = _cut(said.words, (0, len(found)), Phrases(), (STOP,))
        return [
            step for number, span in enumerate(sentences)
            for step in self._sentence(said, span, number)
        ]

    def _sentence(self, said: Said, span: Span, number: int) -> Iterator[Step]:
        clauses = _cut(said.words, span, self._language.then | self._language.and_, UNFIT)
        # what is quoted is nobody's wish
        if QUOTE in said.words[slice(*span)] or len(clauses) > MOST_CLAUSES:
            yield Step(said.piece(span), number, None, Kind.UNSURE)
            return
        before: Span | None = None
        for part in self._parts(said, span):
            step = self._step(said, part, span, number, before)
            if step.kind is not Kind.EMPTY:
                yield step
            before = part if isinstance(step.outcome, Call) else None

    def _step(self, said: Said, part: Span, sentence: Span, number: int,
              before: Span | None) -> Step:
        inner = self._gate.stripped(said.words, part, UNFIT)
        outcome = self._outcome(said, part) or self._continued(said, part, before)
        kind = (Kind.REQUEST if outcome else self._gate.kind(said.words[slice(
            *inner)], said.is_asked(part[1])))
        if kind in (Kind.REMARK, Kind.OTHER) and not _stands_alone(said.words, part, sentence):
            # 'turn left and right': it belongs to what was asked for
            kind = Kind.UNSURE
        return Step(said.piece(inner), number, outcome, kind)

    def _parts(self, said: Said, span: Span) -> list[Span]:
        """Where the clauses are: those with the fewest words that no phrase covers, then the
        fewest.
        """
        steps = _cut(said.words, span, self._language.then)
        # 'remember that I like tea and then turn left' is two; 'remember that I eat and then
        # sleep' is one
        if (self._outcome(said, span)
                and not (len(steps) > 1 and all(self._outcome(said, part) for part in steps))):
            return [span]
        return [part for step in steps for part in self._fewest(said, step)]

    def _fewest(self, said: Said, span: Span) -> list[Span]:
        pieces = _cut(said.words, span, self._language.and_, UNFIT)
        best: list[tuple[int, list[Span]]] = [(0, [])]
        for upto in range(1, len(pieces) + 1):
            ways = []
            for since in range(upto):
                part = pieces[since][0], pieces[upto - 1][1]
                marks_within = sum(said.words[right] in UNFIT
                                   for _, right in pieces[since:upto - 1])
                cost = (1 if self._outcome(said, part) else UNREAD * (1 + marks_within) + upto -
                        since)
                ways.append((best[since][0] + cost, best[since][1] + [part]))
            # of equals the later beginning: a clause that no phrase covers stays apart from others
            best.append(min(reversed(ways), key=lambda way: way[0]))
        return best[-1][1]

    # -- one clause -------------------------------------------------------------------------------

    def _outcome(self, said: Said, part: Span) -> Outcome:
        if part not in said.known:
            said.known[part] = self._read(said, part)
        return said.known[part]

    def _read(self, said: Said, part: Span) -> Outcome:
        """With as much politeness taken off its end as possible, but not from a text: 'that I come
        again'.
        """
        found: Outcome = None
        for start, end in self._gate.spans(said.words, part, UNFIT):
            found = self._meant(said.text, said.tokens[start:end]) or found
            if (found and
                (not _holds_text(found) or self._gate.ends_politely(said.words[end:part[1]]))):
                break
        return found

    def _continued(self, said: Said, part: Span, before: Span | None) -> Outcome:
        """'look up and then down': the verb of the step before goes on."""
        if (before is None or part[0] == 0 or said.words[part[0] - 1] in UNFIT
                or not self._language.then.end(list(said.words[before[1]:part[0]]))):
            return None
        verb, inner = self._gate.stripped(said.words, before,
                                          UNFIT)[0], self._gate.stripped(said.words, part, UNFIT)
        return self._meant(said.text, (said.tokens[verb], *said.tokens[slice(*inner)]))

    def _meant(self, text: str, part: Sequence[Token]) -> Outcome:
        words = [token.text for token in part]
        if not words or words in self._language.talk:        # 'go ahead'
            return None
        refused: Refused | None = None
        for found, pattern in self._patterns.full(words, strangers=False):
            outcome = checked(self._skills, pattern.skill.name, _values(found, text, part))
            if isinstance(outcome, Call):
                return outcome
            refused = refused or outcome
        return refused or self._stranger(words)

    def _stranger(self, part: list[str]) -> Refused | None:
        for found, pattern in self._open.full(part, strangers=True):
            unknown = next((value for value in found.values() if isinstance(value, Stranger)),
                           None)
            name = part[unknown.start:unknown.end] if unknown else []
            if unknown and self._gate.names_something(name):
                return Refused(stranger(pattern.skill.argument(unknown.argument), ' '.join(name)))
        return None


def _topics(patterns: Sequence[Pattern]) -> set[str]:
    """Names of choices, and words of phrases but the verbs: what the skills are about."""
    named = {
        word
        for pattern in patterns
        for argument in pattern.skill.arguments
        for choice in argument.choices
        for name in names(choice)
        for word in name
    }
    return named.union(*(vocabulary(pattern.nodes) - pattern.begins for pattern in patterns))


class _Index:
    """Patterns by the word that they begin with: most sentences begin with none of them."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._any = [pattern for pattern in patterns if pattern.begins_with_slot]
        words = {word for pattern in patterns for word in pattern.begins}
        self._by_word = {
            word: [
                pattern for pattern in patterns
                if word in pattern.begins or pattern.begins_with_slot
            ]
            for word in words
        }

    def full(self, part: list[str], strangers: bool) -> Iterator[tuple[Bindings, Pattern]]:
        """Ways in which a pattern covers everything, by skills and phrases in their order."""
        return ((found, pattern) for pattern in self._by_word.get(part[0], self._any)
                for end, found in pattern.match(part, 0, strangers) if end == len(part))


def _values(found: Bindings, text: str, part: Sequence[Token]) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for name, value in found.items():
        if isinstance(value, Text):
            values[name] = text[part[value.start].start:part[value.end - 1].end]
        elif not isinstance(value, Stranger):
            values[name] = value
    return values


def _holds_text(outcome: Call | Refused) -> bool:
    return isinstance(outcome, Call) and any(
        outcome.skill.argument(name).kind is ArgumentKind.TEXT for name in outcome.arguments)


def _stands_alone(said: Sequence[str], part: Span, sentence: Span) -> bool:
    """Between marks, not beside an 'and' or a 'then'."""
    return ((part[0] == sentence[0] or said[part[0] - 1] in UNFIT)
            and (part[1] == sentence[1] or said[part[1]] in UNFIT))


def _cut(said: Sequence[str], span: Span, phrases: Phrases,
         marks: Sequence[str] = ()) -> list[Span]:
    """The spans between phrases and marks; none is empty."""
    words = list(said)
    found, since, at = [], span[0], span[0]
    while at < span[1]:
        over = at + 1 if words[at] in marks else max(phrases.at(words, at), default=0)
        if over and over <= span[1]:
            found.append((since, at))
            since = at = over
        else:
            at += 1
    found.append((since, span[1]))
    return [(left, right) for left, right in found if left < right]
