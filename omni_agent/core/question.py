"""What kinds of question memory can answer, and how one in words becomes a query. English; its
words stand here.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from typing import Sequence

from . import past_time
from .past import PERSON, ROBOT, Kind
from .past_time import Clock, Span
from .terms import IRREGULAR, content
from .words import words


class Order(enum.Enum):
    BEST, FIRST, LAST = 'best', 'first', 'last'


class Relation(enum.Enum):
    """Where the answer lies from the anchor."""

    AT, BEFORE, AFTER = 'when', 'before', 'after'


@dataclass(frozen=True, slots=True)
class Anchor:
    """Something that happened and says when: 'when the phone rang'."""

    terms: tuple[str, ...]
    kinds: tuple[Kind, ...]          # how it reached the robot; () = unknown
    person: str = ''
    relation: Relation = Relation.AT


@dataclass(frozen=True, slots=True)
class Query:
    """``sure``: it is about what was lived through here; else only a memory that has all of its
    words answers.
    """

    terms: tuple[str, ...]
    kinds: tuple[Kind, ...]          # where the answer is looked for; () = anywhere
    person: str = ''                 # who said it or was seen
    span: Span | None = None
    anchor: Anchor | None = None
    order: Order = Order.BEST
    sure: bool = True
    where: bool = False              # a place is asked for


OPENERS = frozenset(
    'so and but well hey hi hello okay ok now please robot omni um uh oh also listen actually'.
    split())
ASKING = frozenset(
    '''who whom whose what which where when why how did was were had has have do does is are can could
tell remind remember at in on during this yesterday'''.split())
SAYING = frozenset(
    '''say said says saying tell told tells talk talked talking mention mentioned ask asked asking
promise promised answer answered reply replied suggest suggested speak spoke spoken complain complained call called
discuss discussed want wanted wants offer offered order ordered plan planned'''.split())
HEARING = frozenset(
    '''hear heard sound sounds noise noises ring rang ringing bark barked barking beep beeped beeping
knock knocked knocking crash crashed buzz buzzed whistle whistled alarm bang banged chime chimed slam slammed shatter
shattered siren thunder thundered explode exploded meow meowed squeak squeaked rattle rattled'''.
    split())
SEEING = frozenset(
    '''see saw seen look looked looking watch watched wear wore wearing hold held holding stand stood
standing sit sat sitting lie lay lying show showed shown carry carried carrying color colour visible come came enter
entered walk walked put open opened closed leave left took take taken pick picked bring brought place placed there
appear appeared move moved'''.split())
PLACES = frozenset('on in at under behind beside near inside above next by below'.split())
# 'Where did it go?': whoever put it somewhere hardly said so in these words
PUTTING = frozenset(
    'put puts go goes went gone leave left lay laid place placed hide hid keep kept end ended'.
    split())
NOT_PAST = re.compile(
    r"did(?:n't)? you know|what did you mean|do you mean|would|could have|should have|if i|what "
    r"if|"
    r'once upon|how do you|how are|how is it')
SURE = re.compile(
    r'remember|remind me|recall|have you (?:ever )?(?:seen|heard|met)|do you still know|'
    r'did (?:you|i|we|he|she|they|anybody|anyone|somebody|someone)|'
    r'(?:was|were) (?:i|we|you|there)|(?:has|have) (?:any|some)(?:body|one)|(?:the )?last time|'
    r'how (?:often|many times)|what (?:has )?happened|who (?:was|were) (?:here|there)|who came|'
    r'(?:had|have) (?:i|we|you)|'
    r'(?:where|what) (?:i|we|you) (?:put|left|said|told|saw|heard|had|did|were|was)')
PAST = frozenset('did was were had didn wasn weren happened came said told rang'.split())
LAST = re.compile(
    r'last (?:see|saw|hear|heard|say|said|time|thing)|(?:see|saw|hear|heard|mention|seen) \w+ '
    r'last|'
    r'the last (?:person|thing|word|sound|one)|most recent')
FIRST = re.compile(r'first (?:see|saw|hear|heard|say|said|time|thing|come|came|arrive)|'
                   r'the first (?:person|thing|word|sound|one)')
ANCHOR = re.compile(r'(?<!\S)(?:(?:just|right|shortly|exactly) )?'
                    r'(?P<word>when|while|before|after|during)(?: just)? (?=\S)')
FRAMES = re.compile(r'(?:(?:can|could|will|would|do|did) you )?(?:please )?(?:still )?'
                    r'(?:tell me|remind me|remember|recall|know)(?: again)? '
                    r'(?=what|who|when|where|which|how|if|whether|about|the)')
ANCHORS = {'before': Relation.BEFORE, 'after': Relation.AFTER}
AUXILIARIES = frozenset('did was were had has have do does is are'.split())
I_SAID = re.compile(
    r'\b(?:i|we) (?:\w+ )?(?:say|said|tell|told|mention|ask|asked|talk|talked|want|promise)|'
    r'\b(?:say|said|tell|told|ask|asked) (?:to )?(?:you|the robot)|'
    r'did (?:i|we) (?:say|tell|mention|ask|talk|want|promise)')
YOU_SAID = re.compile(
    r'\b(?:did )?you (?:\w+ )?(?:say|said|tell|told|mention|answer|suggest|reply)|you answered')
MINE = re.compile(r"(?:where|what|when|who)(?: is|'s| are|s) (?:my|our)")


def query(text: str, clock: Clock, people: Sequence[str] = (),
          speaker: str = PERSON) -> Query | None:
    """None unless ``text`` asks for something past. ``people``: names that memory knows;
    ``speaker`` is 'I'.
    """
    spoken = _spoken(text)
    if not _asks(spoken, text) or NOT_PAST.search(spoken):
        return None
    framed = FRAMES.match(spoken)
    span, rest = past_time.find(spoken[framed.end():] if framed else spoken, clock)
    main, anchor = _split(rest, people, speaker)
    tokens = main.split()
    named = _named(tokens, people)
    # 'today' goes on: it may ask for the weather
    over = span is not None and span.end < clock.now - 1.0
    is_past = (over or anchor is not None and _is_told(rest.split()) or _tells(tokens)
               or bool(SURE.search(spoken)))
    if not is_past and not MINE.search(main):
        return None
    kinds = _kinds(tokens, anchor is not None or span is not None)
    asked = ' '.join(token for token in tokens if not ('where' in tokens and token in PUTTING))
    return Query(tuple(content(_without(asked, named))), kinds,
                 _person(main, named, kinds, speaker), span, anchor, _order(main),
                 _is_sure(spoken, tokens, named, span, anchor), tokens[:1] == ['where'])


def _spoken(text: str) -> str:
    tokens = words(text)
    while tokens and tokens[0] in OPENERS:
        tokens = tokens[1:]
    return ' '.join(tokens)


def _asks(spoken: str, text: str) -> bool:
    """A question, or a request to be told; 'I was out when the phone rang' is neither."""
    tokens = spoken.split()
    if len(tokens) < 2:
        return False
    if tokens[0] in ('tell', 'remind'):
        return (len(tokens) > 2 and
                bool({'who', 'what', 'when', 'where', 'which', 'how', 'about'} & set(tokens[1:4])))
    if text.rstrip(' "\'').endswith(('?', '？')):
        return True
    return (tokens[0] in ASKING and
            (tokens[0] in ('who', 'what', 'where', 'when', 'which', 'how', 'did', 'was', 'were')
             or 'did' in tokens or 'was' in tokens))


def _split(text: str, people: Sequence[str], speaker: str) -> tuple[str, Anchor | None]:
    """The main clause, and what is said about when it was."""
    for match in ANCHOR.finditer(text):
        before, clause = text[:match.start()].strip(), text[match.end():].strip()
        # 'When the phone rang, what ...', but not 'When did ...'
        if not before:
            if clause.split()[0] in AUXILIARIES:
                continue
            clause, before = _question_inside(clause)
        if before and clause and content(clause):
            return before, _anchor(clause, match['word'], people, speaker)
        if before and clause and _named(clause.split(), people):
            return before, _anchor(clause, match['word'], people, speaker)
    return text, None


def _question_inside(text: str) -> tuple[str, str]:
    tokens = text.split()
    for index, token in enumerate(tokens):
        if index > 1 and token in ('what', 'who', 'where', 'which', 'how', 'did', 'was', 'were'):
            return ' '.join(tokens[:index]), ' '.join(tokens[index:])
    return text, ''


def _anchor(clause: str, word: str, people: Sequence[str], speaker: str) -> Anchor:
    tokens = clause.split()
    named = _named(tokens, people)
    kinds = _kinds(tokens, False)
    person = _person(clause, named, kinds, speaker)
    return Anchor(tuple(content(_without(clause, named if person in named else ()))), kinds,
                  person, ANCHORS.get(word, Relation.AT))


def _kinds(tokens: Sequence[str], located: bool) -> tuple[Kind, ...]:
    """The verb tells which sense it was; ``located``: the time is known, so that a place is enough
    for sight.
    """
    spoken = set(tokens)
    if spoken & SAYING:
        return (Kind.SAID,)
    if spoken & HEARING:
        return (Kind.HEARD,)
    if spoken & SEEING or located and spoken & PLACES:
        return (Kind.SEEN,)
    return ()


def _named(tokens: Sequence[str], people: Sequence[str]) -> tuple[str, ...]:
    known = {name.casefold(): name for name in people if name not in (PERSON, ROBOT)}
    plain = [token[:-2] if token.endswith("'s") else token for token in tokens]
    return tuple(dict.fromkeys(known[token] for token in plain if token in known))


def _without(text: str, named: Sequence[str]) -> str:
    """A name is a condition of its own, not a word that has to be in the text."""
    gone = {name.casefold() for name in named}
    return ' '.join(token for token in text.split()
                    if token not in gone and token.removesuffix("'s") not in gone)


def _person(text: str, named: Sequence[str], kinds: Sequence[Kind], speaker: str) -> str:
    """Who said it, or was seen; 'did I tell Anna' was said by the speaker."""
    if Kind.SAID in kinds:
        if YOU_SAID.search(text):
            return ROBOT
        if I_SAID.search(text) and not _subject(text, named):
            return speaker
    subject = _subject(text, named)
    return subject or (named[0] if named and kinds != (Kind.HEARD,) else '')


def _subject(text: str, named: Sequence[str]) -> str:
    """The name right before the verb: 'did Anna say', 'Anna said'."""
    tokens = text.split()
    for one, other in zip(tokens, tokens[1:]):
        for name in named:
            if one == name.casefold() and other in SAYING:
                return name
    return ''


def _order(text: str) -> Order:
    if LAST.search(text):
        return Order.LAST
    return Order.FIRST if FIRST.search(text) else Order.BEST


def _tells(tokens: Sequence[str]) -> bool:
    """A verb in the past: 'did', or 'who broke'."""
    return bool(PAST & set(tokens)) or tokens[:1] in (['who'], ['what']) and _is_told(tokens[1:3])


def _is_told(tokens: Sequence[str]) -> bool:
    return any(token in PAST or token in IRREGULAR or len(token) > 4 and token.endswith('ed')
               for token in tokens)


def _is_sure(spoken: str, tokens: Sequence[str], named: Sequence[str], span: Span | None,
             anchor: Anchor | None) -> bool:
    """'What did you see?' is about here; 'Who was Napoleon?' may be about anything."""
    if (span is not None and span.at is not None or anchor is not None or named
            or SURE.search(spoken)):
        return True
    ours = span is not None or bool({'i', 'we', 'me', 'my', 'us', 'our', 'here'} & set(tokens))
    return ours and _tells(tokens)


def at(found: Query, span: Span) -> Query:
    """The same query once its anchor was found."""
    both = found.span.meets(span) if found.span else None
    return replace(found, span=both or span, anchor=None)
