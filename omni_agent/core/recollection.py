"""How well a remembered moment answers a question, which way it was found, and the lines a
language model reads of it.

Scores are shares in [0, 1] with weights of our own; the weights were chosen on the development
half of the bench.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Mapping, Sequence

from .past import PERSON, ROBOT, Episode, Kind, Moment
from .past_time import Span, age
from .question import PLACES, Order, Query
from .words import words

# weights
WORDS, TIME, PEOPLE, KIND, PLACE, LIKENESS, SALIENCE = 1.0, 0.8, 0.6, 0.4, 0.3, 0.7, 0.1
# of two lines with the same words the one that says less else is about them
SHORTNESS = 0.1
NEAR_S = 45.0            # [s] from an anchor, where its closeness has fallen to a third
ENOUGH = 0.5             # share of a question's words, by weight, that a memory has at least
ALL = 0.99               # the same, for a question that may be about something else
# cosine to an embedding that says something; text and pictures rarely reach more than 0.3
ALIKE = 0.2
SAME = 0.85              # of the best score: as good, when the first or the last one is asked for
EPISODES, LINES = 3, 3   # of one answer, at most
LONGEST_LINE = 160       # [characters]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A moment that some way of searching has found. ``cosine``: of its episode to the question,
    or None.
    """

    id: int
    moment: Moment
    terms: tuple[str, ...]       # of its text and of who is in it
    episode: int
    level: int                   # 0: as it was, 1: in a summary
    salience: float
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    candidate: Candidate
    score: float
    coverage: float              # share of the question's words, by weight


@dataclass(frozen=True, slots=True)
class Route:
    """Which way the answer was found; published as it is."""

    store: str                           # 'episodes', 'summaries', 'both' or 'nothing'
    # of 'words', 'time', 'person', 'anchor', 'embedding', 'first', 'last'
    by: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()          # senses that were searched
    candidates: int = 0
    # nothing of the asked kind was there; everything was searched
    relaxed: bool = False

    def __str__(self) -> str:
        return (
            f'long-term {self.store} by {"+".join(self.by) or "nothing"} in '
            f'{"+".join(self.kinds) or "all senses"}'
            + (', relaxed' if self.relaxed else ''))


@dataclass(frozen=True, slots=True)
class Recalled:
    """Best first. ``moments``: of each episode those that answer."""

    episodes: tuple[Episode, ...]
    moments: tuple[tuple[Moment, ...], ...]
    ids: tuple[int, ...]
    route: Route
    seconds: float


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a question brought back. ``lines`` is empty where nothing was found and the question
    was about the past.
    """

    lines: tuple[str, ...]
    recalled: Recalled
    query: Query

    def note(self) -> str:
        """For the person's side of the prompt, in front of the question."""
        if not self.lines:
            return '(You remember nothing about that.)'
        return f'(You remember: {" ".join(self.lines)})'


@dataclass(frozen=True, slots=True)
class Wording:
    """How rare the question's terms are: weight by term; what memory has never heard weighs
    most.
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def coverage(self, text_terms: Sequence[str]) -> float:
        total = sum(self.weights.values())
        held = set(text_terms)
        return (sum(weight for term, weight in self.weights.items() if term in held) /
                total if total else 0.0)


def rarity(total: int, having: int) -> float:
    """Inverse document frequency as in BM25 (Robertson and Zaragoza 2009), never negative."""
    return math.log(1.0 + (total - having + 0.5) / (having + 0.5))


def rank(candidates: Sequence[Candidate], query: Query, wording: Wording) -> list[Found]:
    """Best first; what does not answer at all is left out."""
    found = [_score(one, query, wording) for one in candidates]
    found = [one for one in found if _answers(one, query)]
    found.sort(key=lambda one: (one.score, one.candidate.moment.t), reverse=True)
    if found and query.order is not Order.BEST:
        least = SAME * found[0].score
        good = [one for one in found if one.score >= least]
        good.sort(key=lambda one: one.candidate.moment.t, reverse=query.order is Order.LAST)
        found = good + [one for one in found if one.score < least]
    return found


def _score(one: Candidate, query: Query, wording: Wording) -> Found:
    coverage = wording.coverage(one.terms)
    score = WORDS * coverage + SALIENCE * one.salience
    if coverage:
        score += SHORTNESS * coverage * len(wording.weights) / max(len(one.terms), 1)
    if query.span is not None:
        score += TIME * closeness(one.moment.t, query.span)
    if query.person:
        score += PEOPLE * is_by(one.moment, query.person)
    if query.kinds:
        score += KIND * (one.moment.kind in query.kinds)
    if query.where:
        score += PLACE * bool(PLACES & set(words(one.moment.text)))
    if one.cosine is not None:
        score += LIKENESS * max(0.0, one.cosine)
    return Found(one, score, coverage)


def _answers(found: Found, query: Query) -> bool:
    if query.person and not is_by(found.candidate.moment, query.person):
        return False
    if not query.terms:
        return query.sure
    alike = found.candidate.cosine is not None and found.candidate.cosine >= ALIKE
    if not query.sure:
        return found.coverage >= ALL
    located = query.span is not None and query.span.at is not None
    if query.order is not Order.BEST and query.person not in ('', PERSON, ROBOT):
        # 'when was Ben last around': who it was matters, words only help
        return True
    return found.coverage >= ENOUGH or alike or located


def closeness(t: float, span: Span) -> float:
    """1 at the instant that was meant, a third at NEAR_S (further in a wide span); without one 0.5
    inside.
    """
    if span.at is None:
        return 0.5 if span.start <= t <= span.end else 0.0
    width = max(NEAR_S, (span.end - span.start) / 12)
    return math.exp(-abs(t - span.at) / width)


def is_by(moment: Moment, person: str) -> bool:
    """``person`` may be a name, 'person' for anybody but the robot, or 'robot'."""
    names = {name.casefold() for name in moment.who}
    if person == PERSON:
        return bool(names) and names != {ROBOT}
    return person.casefold() in names or person.casefold() in moment.text.casefold().split()


def grouped(found: Sequence[Found]) -> list[list[Found]]:
    """By episode, best episode first, at most EPISODES of LINES moments."""
    groups: dict[int, list[Found]] = {}
    for one in found:
        groups.setdefault(one.candidate.episode, []).append(one)
    return [group[:LINES] for group in list(groups.values())[:EPISODES]]


# -- words for the prompt -------------------------------------------------------------------------

def lines(groups: Sequence[Sequence[Moment]], now: float) -> tuple[str, ...]:
    """Two or three short lines, oldest first, each with its age."""
    best = ([moment for group in groups[:1]
             for moment in group[:2]] + [group[0] for group in groups[1:2] if group])
    return tuple(
        line(moment, now) for moment in sorted(dict.fromkeys(best), key=lambda one: one.t))


def line(moment: Moment, now: float) -> str:
    """'About ten minutes ago Anna said: "The keys are in the drawer."'"""
    when = age(max(0.0, now - moment.t))
    text = (moment.text if len(moment.text) <= LONGEST_LINE else
            moment.text[:LONGEST_LINE - 3].rsplit(' ', 1)[0] + '...')
    text = text.replace('"', "'")
    if moment.kind is Kind.SAID:
        return f'{when[0].upper()}{when[1:]} {_speaker(moment)} said: "{text}"'
    verb = {
        Kind.SEEN: 'you saw',
        Kind.HEARD: 'you heard',
        Kind.TOLD: 'this happened:'
    }[moment.kind]
    return f'{when[0].upper()}{when[1:]} {verb} {text.rstrip(".")}.'


def _speaker(moment: Moment) -> str:
    if not moment.who or PERSON in moment.who:
        return 'somebody'
    return 'you' if ROBOT in moment.who else moment.who[0]
