"""Patterns of sentences with typed slots: '(drive|go) to [the] {place?}'. The only place that
matches them.

'[the]' may be left out, '(drive|go)' is one of those, '{place}' is an argument of the skill. A
pattern has to cover everything that was said; a slot takes only what its argument allows: a
quantity of the right unit, a choice's name. With '{place?}' a name that is no choice is understood
as one that is asked for in vain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterator, Mapping, Sequence, Union

from .skill_words import BREAK, QUOTE, STOP, quantities
from .skills import Argument, ArgumentKind, Choice, Scalar, Skill

Node = Union['Word', 'Slot', 'Either']
Found = Mapping[str, Scalar]
_ITEM = re.compile(r'\{(\w+)(\?)?\}|([\[\](|)])|([\w\']+)|\s+|(.)')
ON = ('on', 'yes', 'true')
OFF = ('off', 'no', 'false')
DETERMINERS = ('the', 'my', 'your', 'our', 'a', 'an')
LONGEST_STRANGER = 4         # [words] of what may stand for a choice that is not on the list
UNFIT = (BREAK, STOP, QUOTE)


class PatternError(ValueError):
    """A pattern cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """``open``: something that is not on the list may stand here, too."""

    argument: str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of several sequences, of which one may be empty."""

    ways: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Of a text slot: which tokens it took."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stranger:
    """Of a slot of choices: these tokens are none of them."""

    argument: str
    start: int
    end: int


Bound = Union[Scalar, Text, Stranger]
Bindings = Mapping[str, Bound]


@dataclass(frozen=True)
class Pattern:
    """One phrase of one skill. ``begins``: every word that it may begin with."""

    skill: Skill
    nodes: tuple[Node, ...]
    settles: Found = field(default_factory=dict)

    def match(self, said: Sequence[str], start: int,
              strangers: bool = False) -> Iterator[tuple[int, Bindings]]:
        """(end, what the slots hold) for every way in which the pattern fits at ``start``.

        ``strangers``: an open choice may be something that is not on its list.
        """
        yield from _sequence(self.nodes, said, start, dict(self.settles), self.skill, strangers)

    @property
    def begins(self) -> frozenset[str]:
        return frozenset(_begins(self.nodes)[0])

    @property
    def begins_with_slot(self) -> bool:
        """So that any word may stand first."""
        return _begins(self.nodes)[2]


def compiled(skill: Skill) -> list[Pattern]:
    """Raises PatternError."""
    return [Pattern(skill, read(phrase.pattern), phrase.settles) for phrase in skill.phrases]


def read(text: str) -> tuple[Node, ...]:
    """A pattern's text -> its nodes. Raises PatternError."""
    items = [match for match in _ITEM.finditer(text.lower()) if match[0].strip()]
    nodes, at = _read(items, 0, '', text)
    assert at == len(items)
    if not nodes:
        raise PatternError('is empty')
    return nodes


def slots(nodes: Sequence[Node]) -> set[str]:
    found = {node.argument for node in nodes if isinstance(node, Slot)}
    return found.union(*(slots(way) for node in nodes if isinstance(node, Either)
                         for way in node.ways))


def vocabulary(nodes: Sequence[Node]) -> set[str]:
    """Every word that a pattern may hold."""
    found = {node.text for node in nodes if isinstance(node, Word)}
    return found.union(*(vocabulary(way) for node in nodes if isinstance(node, Either)
                         for way in node.ways))


def _read(items: list[re.Match[str]], at: int, closing: str,
          text: str) -> tuple[tuple[Node, ...], int]:
    """Up to the closing bracket."""
    nodes: list[Node] = []
    while at < len(items):
        slot, is_open, bracket, word, other = items[at].groups()
        if other:
            raise PatternError(f"has '{other}' in '{text}'")
        if bracket and bracket in closing:
            return tuple(nodes), at
        if bracket:
            node, at = _either(items, at, text)
            nodes.append(node)
            continue
        nodes.append(Slot(slot, bool(is_open)) if slot else Word(word))
        at += 1
    if closing:
        raise PatternError(f"lacks a closing bracket in '{text}'")
    return tuple(nodes), at


def _either(items: list[re.Match[str]], at: int, text: str) -> tuple[Either, int]:
    bracket = items[at][0]
    if bracket not in '[(':
        raise PatternError(f"has '{bracket}' in '{text}' without a bracket before it")
    closing = ']' if bracket == '[' else ')'
    ways: list[tuple[Node, ...]] = []
    while items[at][0] != closing:
        way, at = _read(items, at + 1, '|' + closing, text)
        ways.append(way)
    # what may be left out is left out last: 'note [that] {text}' takes the 'that'
    return Either((*ways, ()) if bracket == '[' else tuple(ways)), at + 1


def _begins(nodes: Sequence[Node]) -> tuple[set[str], bool, bool]:
    """First words, whether the sequence may be empty, and whether a slot may stand first."""
    found: set[str] = set()
    slot = False
    for node in nodes:
        if isinstance(node, Word):
            return found | {node.text}, False, slot
        if isinstance(node, Slot):
            return found, False, True
        parts = [_begins(way) for way in node.ways]
        found = found.union(*(part[0] for part in parts))
        slot = slot or any(part[2] for part in parts)
        if not any(part[1] for part in parts):
            return found, False, slot
    return found, True, slot


# -- matching -------------------------------------------------------------------------------------


def _sequence(nodes: Sequence[Node], said: Sequence[str], at: int, bound: Bindings, skill: Skill,
              strangers: bool) -> Iterator[tuple[int, Bindings]]:
    if not nodes:
        yield at, bound
        return
    for end, more in _node(nodes[0], said, at, bound, skill, strangers):
        yield from _sequence(nodes[1:], said, end, more, skill, strangers)


def _node(node: Node, said: Sequence[str], at: int, bound: Bindings, skill: Skill,
          strangers: bool) -> Iterator[tuple[int, Bindings]]:
    if isinstance(node, Word):
        if at < len(said) and said[at] == node.text:
            yield at + 1, bound
    elif isinstance(node, Either):
        for way in node.ways:
            yield from _sequence(way, said, at, bound, skill, strangers)
    else:
        for end, value in _slot(skill.argument(node.argument), said, at, strangers and node.open):
            yield end, {**bound, node.argument: value}


def _slot(argument: Argument, said: Sequence[str], at: int,
          strangers: bool) -> Iterator[tuple[int, Bound]]:
    if argument.kind is ArgumentKind.NUMBER:
        yield from quantities(said, at, argument.unit)
    elif argument.kind is ArgumentKind.FLAG:
        if at < len(said) and said[at] in ON + OFF:
            yield at + 1, said[at] in ON
    elif argument.kind is ArgumentKind.TEXT:
        yield from ((end, Text(at, end)) for end in range(len(said), at, -1))
    else:
        yield from chosen(argument, said, at)
        if strangers:
            yield from _strangers(argument, said, at)


def chosen(argument: Argument, said: Sequence[str], at: int) -> Iterator[tuple[int, str]]:
    """The choices that are named at ``at``, the longest name first."""
    found = [(at + len(name), choice.name) for choice in argument.choices for name in names(choice)
             if tuple(said[at:at + len(name)]) == name]
    yield from sorted(found, reverse=True)


def names(choice: Choice) -> list[tuple[str, ...]]:
    """How a choice is called, as words: 'living_room' is said 'living room'."""
    return [
        tuple(name.lower().replace('_', ' ').replace('-', ' ').split())
        for name in (choice.name, *choice.also)
    ]


def _strangers(argument: Argument, said: Sequence[str], at: int) -> Iterator[tuple[int, Stranger]]:
    start = at
    while start < len(said) and said[start] in DETERMINERS:
        start += 1
    for end in range(start + 1, min(len(said), start + LONGEST_STRANGER) + 1):
        if said[end - 1] in UNFIT:
            return
        yield end, Stranger(argument.name, start, end)
