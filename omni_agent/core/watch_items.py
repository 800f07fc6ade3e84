"""Standing instructions: 'tell me when somebody comes in' -> an item that is confirmed, listed,
kept and cancelled.

The sentences of a language are data (core/watch_words.py); what is understood is the same in all
of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import Sequence

from .checked_table import FieldError, Table
from .errors import ConfigError
from .params import param
from .scene import NUMBERS, plural
from .watch_words import KINDS, WatchWords
from .words import Phrases, words

VERSION = 1
LONGEST = 300            # [characters] of a sentence that is kept
MOST_BYTES = 200_000     # of a file; more was not written here
MOST_FOR_S = 86400.0
MOST_WORDS = 6           # of a thing that no detector knows
YES_NO = ('yes', 'no')
_ONE = {'a': 1, 'an': 1, 'one': 1}


class Kind(Enum):
    """What has to happen."""

    APPEARS = 'appears'
    LEAVES = 'leaves'
    ALONE = 'alone'          # there, and no person is, for ``for_s``
    MOVES = 'moves'
    COUNT = 'count'          # ``at_least`` of them at once


# what can be told without knowing where a thing is
IN_WORDS = (Kind.APPEARS, Kind.LEAVES, Kind.ALONE)


@dataclass(frozen=True)
class WatchItemsParams:
    """How many, and how often."""

    LIVE = True          # each is read where it is used

    most: int = param(16, 'instructions that are kept at the same time', 1, 200)
    cool_down_s: float = param(3.0, 'the same instruction is not told again for this long [s]',
                               0.0, 3600.0)
    alone_s: float = param(10.0, 'alone means for at least this long, unless it is said [s]', 0.0,
                           3600.0)


@dataclass(frozen=True, slots=True)
class WatchItem:
    """One standing instruction; ``sentence`` is how it was given, at ``asked_s``."""

    id: int
    kind: Kind
    labels: tuple[str, ...]
    sentence: str
    asked_s: float
    once: bool = False
    cool_down_s: float = 3.0
    for_s: float = 0.0
    at_least: int = 1
    nobody: bool = False         # of LEAVES: when the last one has left
    back: bool = False           # of APPEARS: it was here before, and is said to be back
    note: str = ''               # what to be reminded of
    words: bool = False          # the label is what was said: a detector does not know it


class Answer(Enum):
    """What a sentence about watching came to."""

    ADDED = 'added'
    ALREADY = 'already'
    DECLINED = 'declined'
    LISTED = 'listed'
    CANCELLED = 'cancelled'


@dataclass(frozen=True, slots=True)
class Reply:
    """Say ``text``; ``changed``: the items are to be written down again."""

    answer: Answer
    text: str
    item: WatchItem | None = None

    @property
    def changed(self) -> bool:
        return self.answer in (Answer.ADDED, Answer.CANCELLED)


class WatchItems:
    """The instructions that stand. Holds no clock and no file."""

    def __init__(self, language: WatchWords,
                 params: WatchItemsParams = WatchItemsParams()) -> None:
        self.words = language
        self.params = params
        self.any_words = False       # somebody sees who knows words, besides a detector's labels
        self._items: list[WatchItem] = []
        self._next = 1

    def __iter__(self):  # noqa: ANN204
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def hear(self, sentence: str, now: float, sees: bool = True) -> Reply | None:
        """What is to be said to a sentence; None: it is not about watching. ``sees``: there is a
        camera.
        """
        spoken = _without(self.words.polite, words(sentence))
        if not spoken:
            return None
        if tuple(_without_end(self.words.polite, spoken)) in self.words.lists:
            return Reply(Answer.LISTED, self.listed())
        ended = self._cancel(spoken)
        return ended if ended is not None else self._add(spoken, sentence, now, sees)

    def in_words(self) -> tuple[str, ...]:
        """What is to be looked for by its words, as no detector knows it."""
        return tuple(dict.fromkeys(item.labels[0] for item in self._items if item.words))

    def listed(self) -> str:
        """Everything that is watched for, in one sentence."""
        if not self._items:
            return self.words.say('list_none')
        return self.words.say('list_some', clauses=self._clauses(self._items))

    def done(self, item_id: int) -> bool:
        """It was told: what was to be told once is over. True if the items are to be written down
        again.
        """
        before = len(self._items)
        self._items = [item for item in self._items if item.id != item_id or not item.once]
        return len(self._items) != before

    def clause(self, item: WatchItem) -> str:
        """'a person comes into view'"""
        name = 'nobody' if item.nobody else 'back' if item.back else item.kind.value
        return self.words.sentences[f'clause_{name}'].format(**self._parts(item, item.at_least))

    def remark(self, item: WatchItem, label: str = '', count: int = 0) -> str:
        """What is said when it has happened, to a thing of ``label``."""
        name = 'nobody' if item.nobody else 'back' if item.back else item.kind.value
        one = replace(item, labels=(label,)) if label else item
        text = self.words.say(f'remark_{name}', **self._parts(one, count or item.at_least))
        return f'{text} {self.words.say("remark_note", note=item.note)}' if item.note else text

    # -- kept over a restart ----------------------------------------------------------------------

    def to_json(self) -> str:
        return (json.dumps({
            'version': VERSION,
            'items': [_row(item) for item in self._items]
        }, indent=1) + '\n')

    def restore(self, text: str) -> int:
        """Items of a former life; how many there are. Raises ConfigError, and nothing has changed
        then.
        """
        self._items = _read(text, self.words, self.params.most)
        self._next = max((item.id for item in self._items), default=0) + 1
        return len(self._items)

    # -- what was said ----------------------------------------------------------------------------

    def _add(self, spoken: list[str], sentence: str, now: float, sees: bool) -> Reply | None:
        asked = _Asked.taken_apart(self.words, spoken)
        if asked is None:
            return None
        found = self._in_words(asked) or asked.item(self.params)
        if found is None:
            return self._decline(asked)
        item = replace(found, id=self._next, asked_s=now, sentence=sentence.strip()[:LONGEST])
        if not sees:
            return Reply(Answer.DECLINED, self.words.say('no_camera'))
        same = next((one for one in self._items if _same(one, item)), None)
        if same is not None:
            return Reply(Answer.ALREADY, self.words.say('already', clause=self.clause(same)), same)
        if len(self._items) >= self.params.most:
            return Reply(Answer.DECLINED, self.words.say('too_many', count=str(len(self._items))))
        self._items.append(item)
        self._next += 1
        return Reply(Answer.ADDED, self._confirmation(item), item)

    def _in_words(self, asked: _Asked) -> WatchItem | None:
        """A thing without a label, or one that only its colour tells from others of its kind."""
        if not self.any_words or asked.kind not in IN_WORDS or asked.at_least > 1:
            return None
        if not 0 < len(asked.described) <= MOST_WORDS:
            return None
        if asked.label and asked.described[:1] not in self.words.describing:
            return None
        return asked.of(self.params, ' '.join(asked.described), True)

    def _decline(self, asked: _Asked) -> Reply | None:
        """Only where it was clearly meant: 'tell me when the war ended' is a question."""
        if asked.label:
            if not asked.is_sure:
                return None
            return Reply(Answer.DECLINED,
                         self.words.say('unknown_event', thing=self._thing(asked.label)))
        if asked.kind is None or not asked.subject:
            return None
        thing = with_article(' '.join(asked.described or asked.subject))
        return Reply(Answer.DECLINED, self.words.say('unknown_thing', thing=thing))

    def _confirmation(self, item: WatchItem) -> str:
        if item.note:
            return self.words.say('confirm_note', note=item.note, clause=self.clause(item))
        return self.words.say('confirm_once' if item.once else 'confirm_always',
                              clause=self.clause(item))

    def _cancel(self, spoken: list[str]) -> Reply | None:
        plain = _without_end(self.words.polite, spoken)
        if tuple(plain) in self.words.cancels_everything:
            ended, self._items = self._items, []
            return Reply(Answer.CANCELLED,
                         self.words.say('cancelled_all' if ended else 'list_none'))
        size = self.words.cancels.start(spoken)
        if not size:
            return None
        label = _things(self.words, spoken[size:])
        said = f' {" ".join(spoken[size:])} '
        ended = [item for item in self._items
                 if item.words and f' {item.labels[0]} ' in said]
        label = label or [item.labels[0] for item in ended]
        ended = ended or [item for item in self._items if set(item.labels) & set(label)]
        # 'do not tell me what to do' is about something else
        if not label or not ended:
            return Reply(Answer.CANCELLED, self.words.say('nothing_to_cancel')) if label else None
        self._items = [item for item in self._items if item not in ended]
        return Reply(Answer.CANCELLED, self.words.say('cancelled', clauses=self._clauses(ended)))

    # -- what is said -----------------------------------------------------------------------------

    def _clauses(self, items: Sequence[WatchItem]) -> str:
        return self.words.sentences['list_joint'].join(self.clause(item) for item in items)

    def _parts(self, item: WatchItem, count: int) -> dict[str, str]:
        label = item.labels[0]
        number = NUMBERS[count] if count < len(NUMBERS) else str(count)
        return {
            'thing': self._thing(label),
            'things': plural(label) if count != 1 else label,
            'count': number,
            'for_s': self._time(item.for_s)
        }

    def _thing(self, label: str) -> str:
        return with_article(label)

    def _time(self, seconds: float) -> str:
        if seconds >= 60 and seconds % 60 == 0:
            count, one, many = int(seconds // 60), 'a_minute', 'some_minutes'
        else:
            count, one, many = round(seconds), 'a_second', 'some_seconds'
        number = NUMBERS[count] if count < len(NUMBERS) else str(count)
        return (self.words.sentences[one] if count == 1 else self.words.sentences[many].format(
            count=number))


@dataclass(frozen=True)
class _Asked:
    """A sentence that asks to be told, taken apart."""

    kind: Kind | None
    label: str                   # '' = a thing that nobody knows
    subject: tuple[str, ...]     # the words for it
    once: bool
    for_s: float | None
    at_least: int
    nobody: bool
    back: bool
    note: str
    is_sure: bool                # 'whenever', 'warn me if': no question begins like that
    described: tuple[str, ...]   # the words for it, with its colour and size

    @classmethod
    def taken_apart(cls, language: WatchWords, spoken: list[str]) -> _Asked | None:
        parts = _condition(language, spoken)
        if parts is None:
            return None
        opener, condition, note, bare = parts
        sure = any(tuple(spoken[:size]) in language.sure_askers for size in range(1, 6))
        seconds, rest = _duration(language, condition)
        kind, verb = _event(language, rest)
        if kind is None and bare:
            kind, verb = Kind.APPEARS, (len(rest), len(rest))
        subject = rest[:verb[0]] if verb is not None else rest
        if verb is not None and (not subject or tuple(rest[slice(*verb)]) in language.seen_first):
            subject = rest[verb[1]:]
        count, subject = _number(language, subject)
        found = _things(language, subject)
        label = found[0] if found else ''
        nobody = language.nobody.anywhere(rest) or language.everybody.anywhere(subject)
        if label and nobody and kind in (Kind.APPEARS, Kind.LEAVES):
            kind = Kind.LEAVES
        if label and count > 1 and kind in (None, Kind.APPEARS):
            kind = Kind.COUNT
        back = (kind is Kind.APPEARS and verb is not None
                and tuple(rest[slice(*verb)]) in language.back)
        both = [*opener, *rest]
        always = language.always.anywhere(both)
        once = not always and (language.once.anywhere(both) or back or bool(note))
        return cls(kind, label, tuple(_without(language.determiners,
                                               subject)), once, seconds, count,
                   bool(label) and nobody and kind is Kind.LEAVES, back, note, always or bare
                   or sure or bool(note), tuple(described(language, subject)))

    def item(self, params: WatchItemsParams) -> WatchItem | None:
        return self.of(params, self.label) if self.kind is not None and self.label else None

    def of(self, params: WatchItemsParams, label: str, in_words: bool = False) -> WatchItem:
        """The item about a thing that is called so."""
        assert self.kind is not None
        for_s = (self.for_s
                 if self.for_s is not None else params.alone_s if self.kind is Kind.ALONE else 0.0)
        return WatchItem(0, self.kind, (label, ), '', 0.0, self.once, params.cool_down_s,
                         min(for_s, MOST_FOR_S), self.at_least if self.kind is Kind.COUNT else 1,
                         self.nobody, self.back, self.note[:LONGEST], in_words)


def _condition(language: WatchWords,
               spoken: list[str]) -> tuple[list[str], list[str], str, bool] | None:
    """(what introduced it, the condition, what to be reminded of, without 'when'); None: nobody
    asked.
    """
    size = language.note_askers.start(spoken)
    if size:
        at = next(
            (at
             for at in range(size + 1, len(spoken)) if any(True
                                                           for _ in language.when.at(spoken, at))),
            None)
        if at is None:
            return None
        end = max(language.when.at(spoken, at))
        return spoken[at:end], spoken[end:], ' '.join(spoken[size:at]), False
    size = language.askers.start(spoken)
    if size:
        rest = _without(language.polite, spoken[size:])
        when = language.when.start(rest)
        if when:
            return rest[:when], rest[when:], '', False
        if tuple(spoken[:size]) in language.bare_askers and rest:
            return [], rest, '', True
        return None
    when = language.when.start(spoken)
    plain = _without_end(language.polite, spoken)
    for length in range(4, 0, -1):               # 'when she comes, please tell me'
        if (when and len(plain) > when + length
                and tuple(plain[-length:]) in language.tell_at_the_end):
            return spoken[:when], _without_end(language.polite, plain[when:-length]), '', False
    return None


def _event(language: WatchWords, spoken: list[str]) -> tuple[Kind | None, tuple[int, int] | None]:
    """The first kind of which a phrase is there, and where the longest one stands."""
    for name in KINDS:
        phrases: Phrases = getattr(language, name)
        found = [(end - start, -start, (start, end)) for start in range(len(spoken))
                 for end in phrases.at(spoken, start)]
        if found:
            return Kind(name), max(found)[2]
    return None, None


def _things(language: WatchWords, spoken: list[str]) -> list[str]:
    """Labels of the things that are named, the longest names first at each place."""
    found: list[str] = []
    at = 0
    while at < len(spoken):
        size = next((size for size in range(min(language.longest_thing, len(spoken) - at), 0, -1)
                     if tuple(spoken[at:at + size]) in language.things), 0)
        if size:
            found.append(language.things[tuple(spoken[at:at + size])])
        at += max(1, size)
    return list(dict.fromkeys(found))


def _number(language: WatchWords, spoken: list[str]) -> tuple[int, list[str]]:
    """('more than', 'two', 'people') -> 3 and the people."""
    rest = _without(language.determiners, spoken)
    for phrases, more in ((language.more_than, 1), (language.at_least, 0)):
        size = phrases.start(rest)
        if size and len(rest) > size and _count(rest[size]):
            return min(99, _count(rest[size]) + more), rest[size + 1:]
    if rest and _count(rest[0]) > 1 and len(rest) > 1:
        return min(99, _count(rest[0])), rest[1:]
    return 1, spoken


def described(language: WatchWords, spoken: list[str]) -> list[str]:
    """Without articles and owners, with colours and sizes."""
    rest = spoken
    while rest and tuple(rest[:1]) not in language.describing:
        size = language.determiners.start(rest)
        if not size:
            break
        rest = rest[size:]
    return rest


def _count(word: str) -> int:
    if word.isascii() and word.isdigit():
        return int(word[:4])
    return _ONE.get(word, NUMBERS.index(word) if word in NUMBERS else 0)


def _duration(language: WatchWords, spoken: list[str]) -> tuple[float | None, list[str]]:
    """'for more than two minutes' -> 120 s, and the words without it."""
    for start in range(len(spoken)):
        for end in sorted(language.for_.at(spoken, start), reverse=True):
            if end + 1 >= len(spoken) or not _count(spoken[end]):
                continue
            unit = tuple(spoken[end + 1:end + 2])
            scale = 60.0 if unit in language.minutes else 1.0 if unit in language.seconds else None
            if scale is not None:
                return _count(spoken[end]) * scale, spoken[:start] + spoken[end + 2:]
    return None, spoken


def _without(phrases: Phrases, spoken: list[str]) -> list[str]:
    """Without the phrases that it begins with."""
    size = phrases.start(spoken)
    return _without(phrases, spoken[size:]) if size else spoken


def _without_end(phrases: Phrases, spoken: list[str]) -> list[str]:
    for size in range(min(5, len(spoken)), 0, -1):
        if tuple(spoken[-size:]) in phrases:
            return _without_end(phrases, spoken[:-size])
    return spoken


def _same(one: WatchItem, other: WatchItem) -> bool:
    names = ('kind', 'labels', 'at_least', 'nobody', 'back', 'note', 'for_s')
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _read(text: str, language: WatchWords, most: int) -> list[WatchItem]:
    if len(text) > MOST_BYTES:
        raise ConfigError(
            f'the list of what to watch for has {len(text)} characters, which none of ours has: '
            'remove it')
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f'the list of what to watch for is not JSON ({error}): remove it') from error
    table = Table(data, ())
    table.number('version', None, VERSION, VERSION)
    found = [_item(one, set(language.things.values())) for one in table.tables('items')]
    table.finish()
    if len(found) > most or len({item.id for item in found}) != len(found):
        raise FieldError(('items',), f'must be at most {most}, each with an id of its own')
    return found


def with_article(label: str) -> str:
    """'an apple', 'scissors', 'keys'"""
    several = label.endswith('s') and (plural(label) == label
                                       or label[-2:] not in ('ss', 'us', 'is'))
    an = label[0] in 'aeiou' and not label.startswith(('uni', 'use', 'usu', 'eu', 'one'))
    return label if several else f'{"an" if an else "a"} {label}'


def _row(item: WatchItem) -> dict[str, str | float]:
    row = {
        'id': item.id,
        'kind': item.kind.value,
        'labels': ', '.join(item.labels),
        'sentence': item.sentence,
        'asked_s': item.asked_s,
        'cool_down_s': item.cool_down_s,
        'for_s': item.for_s,
        'at_least': item.at_least,
        **{
            name: YES_NO[not getattr(item, name)]
            for name in ('once', 'nobody', 'back')
        }
    }
    if item.words:
        row['words'] = 'yes'
    return {**row, 'note': item.note} if item.note else row


def _item(table: Table, known: set[str]) -> WatchItem:
    labels = tuple(table.text('labels').split(', '))
    in_words = table.choice('words', YES_NO, 'no') == 'yes'
    for label in labels:
        if in_words and label == ' '.join(words(label)[:MOST_WORDS]) and label:
            continue
        if label not in known:
            raise FieldError((*table.where, 'labels'), f"nothing is called '{label}' here")
    item = WatchItem(id=int(table.number('id', None, 1, 2**53)), kind=Kind(
        table.choice('kind', [k.value for k in Kind],
                     None)), labels=labels, sentence=table.text('sentence')[:LONGEST],
                     asked_s=table.number('asked_s', None, 0,
                                          1e11), once=table.choice('once', YES_NO, None) == 'yes',
                     cool_down_s=table.number('cool_down_s', None, 0, 3600), for_s=table.number(
                         'for_s', None, 0,
                         MOST_FOR_S), at_least=int(table.number('at_least', None, 1, 99)),
                     nobody=table.choice('nobody', YES_NO, None) == 'yes', back=table.choice(
                         'back', YES_NO, None) == 'yes', note=table.text('note', '')[:LONGEST],
                     words=in_words)
    table.finish()
    return item
