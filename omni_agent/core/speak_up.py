"""When to speak up unasked: the only place that decides it. Cheap steps first, dear ones last
(after Dispider).

1. A change in the tracks makes a candidate for each standing instruction that it may fulfil.
2. A calibrated logistic over the evidence says how likely it is real; a doubtful one may gather
evidence for a while. 3. Where wanted, the language model is asked whether to speak or to stay
silent. 4. Silent all the same: told already, told a moment ago (unless this is surely another
thing), or somebody is speaking and goes on for too long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

from .params import param
from .speak_score import Scorer
from .track import Approached, Left, Moved, Track, TrackEvent
from .watch_items import Kind, WatchItem, WatchItems

PERSON = 'person'
PROMPT = (
    'You are the silence filter of a robot. Somebody gave it a standing instruction. Answer Yes '
    'if what it '
    'sees now is what the instruction asks to be told, else No.')
# Asked without examples, Qwen2.5-0.5B tells 7 pairs that fit from 16 that do not with an area
# under the ROC curve of 0.80 and says No to all; with these ten before them, 0.99, and at a margin
# of 0 it lets all 7 and 2 of the 16 through.
QUESTION = 'Instruction: "{sentence}" Seen now: "{seen}" Speak up?'
EXAMPLES = (
    ('Warn me when the horse runs away.', 'A horse has left.', True),
    ('Warn me when the horse runs away.', 'I see a horse.', False),
    ('Tell me when a car comes.', 'I see a bird.', False),
    ('Tell me when a car comes.', 'I see a car.', True),
    ('Let me know if my bag is left alone.', 'I see a person.', False),
    ('Let me know if my bag is left alone.', 'A handbag has been alone for a minute.', True),
    ('Tell me when three people are here.', 'I see two people.', False),
    ('Tell me when nobody is there.', 'Nobody is left.', True),
    ('Let me know when my brother is back.', 'A person is back.', True),
    ('Let me know when my brother is back.', 'A person has left.', False),
)


@dataclass(frozen=True)
class SpeakUpParams:
    """How sure, how soon, and how politely."""

    LIVE = True          # each is read where it is used

    threshold: float = param(0.5, 'probability from which a change is told', 0.01, 0.99)
    patience_s: float = param(2.5, 'how long a doubtful change may gather evidence [s]', 0.0, 60.0)
    known_s: float = param(
        1.0,
        'what is seen this soon after the instruction, or after the camera came on, was there '
        'already [s]', 0.0, 30.0)
    news_s: float = param(
        5.0, 'what came or left longer ago than this when it was first noticed is no news [s]',
        0.1, 600.0)
    hold_s: float = param(0.5,
                          'how long a number of things, or that nobody is left, must last [s]',
                          0.0, 60.0)
    together_s: float = param(
        1.0, 'things that come, or go, within this of each other are one event; after it another '
        'thing that was seen beside the first is told in spite of the cool-down [s]', 0.0, 60.0)
    gap_s: float = param(3.0,
                         'a thing that is not seen for this long is not left alone any more [s]',
                         0.0, 60.0)
    model: bool = param(False, 'ask the language model before speaking up')
    model_margin: float = param(0.0, 'log odds of "speak" from which the language model agrees',
                                -10.0, 10.0)
    model_s: float = param(1.5, 'how long it may think; then the score alone decides [s]', 0.0,
                           30.0)
    over_speech: str = param('wait',
                             'a remark while somebody speaks: wait for silence, or drop it',
                             choices=('wait', 'drop'))
    wait_s: float = param(8.0, 'how long a remark may wait for silence [s]', 0.0, 120.0)
    breath_s: float = param(0.6, 'silence after which nobody speaks any more [s]', 0.0, 10.0)
    most: int = param(64, 'candidates at the same time', 1, 1000)


# -- what happens ---------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Looked:
    """A look: every track, and what has become of them. An unchanged picture is a look, too."""

    t: float
    tracks: tuple[Track, ...]
    events: tuple[TrackEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class FloorTaken:
    """Somebody speaks from now on: a person, or the robot with something that is not to be
    interrupted.
    """

    t: float


@dataclass(frozen=True, slots=True)
class FloorFree:
    """Nobody does any more."""

    t: float


@dataclass(frozen=True, slots=True)
class Margined:
    """The language model's log odds that the robot should speak; None: it has no opinion."""

    key: str
    margin: float | None


@dataclass(frozen=True, slots=True)
class Ticked:
    """A deadline has come."""

    t: float


WatchEvent = Union[Looked, FloorTaken, FloorFree, Margined, Ticked]


# -- what to do about it --------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Remark:
    """Say ``text``: item ``item_id`` came true at ``since``. ``evidence`` in log odds."""

    key: str
    item_id: int
    text: str
    since: float
    score: float
    evidence: tuple[tuple[str, float], ...]
    label: str


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the language model: speak or be silent?"""

    key: str
    sentence: str
    seen: str

    def prompt(self) -> tuple[tuple[str, str], ...]:
        """Chat whose next word is Yes if the robot should speak."""
        lines: list[tuple[str, str]] = [('system', PROMPT)]
        for sentence, seen, speak in EXAMPLES:
            lines += [('user', _question(sentence, seen)), ('assistant', 'Yes' if speak else 'No')]
        return (*lines, ('user', _question(self.sentence, self.seen)))


def _question(sentence: str, seen: str) -> str:
    return QUESTION.format(sentence=sentence.replace('"', "'"), seen=seen)


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing is said, and why: for the log and the diagnostics."""

    key: str
    item_id: int
    why: str
    score: float


WatchEffect = Union[Remark, AskModel, Silent]


@dataclass
class _Candidate:
    """Something that may have to be told."""

    key: str
    item: WatchItem
    since: float                 # when it happened
    made_s: float
    track: Track | None
    count: int = 0
    asked_s: float | None = None     # when the language model was asked
    agreed_s: float | None = None    # when it was certain, and only the floor was taken
    score: float = 0.0
    evidence: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """What an item was told of last."""

    t: float
    since: float
    track: Track | None


class SpeakUp:
    """``step`` an event, obey the effects, and come back with Ticked at ``deadline``."""

    def __init__(self, params: SpeakUpParams, scorer: Scorer, items: WatchItems) -> None:
        self.params = params
        self.scorer = scorer
        self.items = items
        self._open: dict[str, _Candidate] = {}
        self._told: dict[str, float] = {}            # key -> when it was told or dropped for good
        self._last: dict[int, _Told] = {}            # item -> what it was told of last
        self._seen: dict[int, float] = {}            # track -> when it was seen last
        self._held: dict[str, float] = {}            # state -> since when it has been true
        self._broken: dict[str, float] = {}          # state -> since when it has not
        self._watched_s: float | None = None         # the first look
        self._taken = False
        self._free_s = -math.inf

    def step(self, event: WatchEvent, now: float) -> list[WatchEffect]:
        """Never blocks; what is cancelled, or of an item that is gone, is forgotten."""
        self._forget(now)
        if isinstance(event, Looked):
            self._look(event)
        elif isinstance(event, FloorTaken):
            self._taken = True
        elif isinstance(event, FloorFree):
            self._taken, self._free_s = False, event.t
        elif isinstance(event, Margined):
            return self._on_margin(event, now) + self._settle(now)
        return self._settle(now)

    def deadline(self) -> float | None:
        """When to come back with a Ticked, None while there is nothing to wait for."""
        times = []
        for one in self._open.values():
            if one.agreed_s is not None:
                times.append(one.agreed_s + self.params.wait_s)
                if not self._taken:
                    times.append(self._free_s + self.params.breath_s)
            elif one.asked_s is not None:
                times.append(one.asked_s + self.params.model_s)
            else:
                times.append(one.made_s + self.params.patience_s)
        return min(times, default=None)

    # -- 1: a change makes candidates -------------------------------------------------------------

    def _look(self, look: Looked) -> None:
        if self._watched_s is None:
            self._watched_s = look.t
        self._seen = {track.id: track.last_s for track in look.tracks}
        for item in self.items:
            if item.kind is Kind.APPEARS:
                self._appears(item, look)
            elif item.kind is Kind.LEAVES and not item.nobody:
                self._leaves(item, look)
            elif item.kind is Kind.MOVES:
                self._moves(item, look)
            else:
                self._state(item, look)

    def _known(self, item: WatchItem, since: float) -> bool:
        assert self._watched_s is not None
        return since <= max(item.asked_s, self._watched_s) + self.params.known_s

    def _appears(self, item: WatchItem, look: Looked) -> None:
        for track in look.tracks:
            key = f'{item.id} appears {track.id} {track.born_s:.2f}'
            late = track.born_s - track.first_s > self.params.news_s
            if track.label not in item.labels or late or self._known(item, track.first_s):
                continue
            self._suggest(key, item, track.first_s, look.t, track)

    def _leaves(self, item: WatchItem, look: Looked) -> None:
        for event in look.events:
            if (isinstance(event, Left) and event.track.label in item.labels
                    and event.since > item.asked_s
                    and look.t - event.since <= self.params.news_s):
                key = f'{item.id} leaves {event.track.id} {event.t:.2f}'
                self._suggest(key, item, event.since, look.t, event.track)
        for one in [
                one for one in self._open.values() if one.item is item and one.track is not None
        ]:
            if any(track.label in item.labels and track.first_s > one.since and track.near_lost
                   for track in look.tracks):
                self._told[one.key] = look.t         # it was only covered
                del self._open[one.key]

    def _moves(self, item: WatchItem, look: Looked) -> None:
        for event in look.events:
            if not isinstance(event, (Moved, Approached)) or event.track.label not in item.labels:
                continue
            key = f'{item.id} moves {event.track.id}'
            again = self._told.get(key)
            if event.track.born_s < event.t and not self._known(item, event.t) and (
                    again is None or look.t - again > self.params.gap_s):
                self._told.pop(key, None)
                self._suggest(key, item, event.t, look.t, event.track)
            elif again is not None:                  # it is still the same movement
                self._told[key] = look.t

    def _state(self, item: WatchItem, look: Looked) -> None:
        """True for a while, then told once, until it has been false for a while."""
        there = [
            track for track in look.tracks
            if track.label in item.labels and self._is_real(track, look.t)
        ]
        people = sum(track.label == PERSON and self._is_real(track, look.t)
                     for track in look.tracks)
        if item.kind is Kind.COUNT:
            true, hold_s, break_s = len(
                there) >= item.at_least, self.params.hold_s, self.params.gap_s
        elif item.kind is Kind.ALONE:
            true = bool(there) and people == (PERSON in item.labels)
            hold_s, break_s = item.for_s, 0.0 if people > (PERSON
                                                           in item.labels) else self.params.gap_s
        else:                                        # the last one has left
            true, hold_s, break_s = not there, self.params.hold_s, 0.0
        key = f'{item.id} {item.kind.value}'
        was = self._held.get(key)
        if not true:
            since = self._broken.setdefault(key, look.t)
            if look.t - since >= break_s:
                self._held.pop(key, None)
                self._told.pop(key, None)
                self._open.pop(key, None)
            return
        self._broken.pop(key, None)
        if was is None:
            self._held[key] = was = self._begins(item, look)
            if item.kind is not Kind.ALONE and self._known(item, was):
                self._told[key] = look.t             # it was so when it was asked for
        if look.t - was >= hold_s:
            weakest = min(there, key=lambda track: track.score, default=None)
            self._suggest(key, item, was + (hold_s if item.kind is Kind.ALONE else 0.0), look.t,
                          weakest, len(there))

    def _is_real(self, track: Track, t: float) -> bool:
        return self.scorer.score(Kind.COUNT, track, track.first_s, t)[0] >= self.params.threshold

    def _begins(self, item: WatchItem, look: Looked) -> float:
        """When a state that is seen now began."""
        if item.kind is Kind.ALONE:
            return max((event.since for event in look.events if isinstance(event, Left)
                        and event.track.label == PERSON), default=look.t)
        gone = [
            event.since for event in look.events
            if isinstance(event, Left) and event.track.label in item.labels
        ]
        if item.kind is Kind.LEAVES:
            return max(gone, default=look.t)
        firsts = sorted(track.first_s for track in look.tracks if track.label in item.labels)
        return firsts[-1] if firsts else look.t

    def _suggest(self, key: str, item: WatchItem, since: float, t: float, track: Track | None,
                 count: int = 0) -> None:
        if key in self._told:
            return
        known = self._open.get(key)
        if known is not None:
            known.track, known.count = track, count
        elif len(self._open) < self.params.most:
            self._open[key] = _Candidate(key, item, since, t, track, count)

    # -- 2 to 4: score, model, silence ------------------------------------------------------------

    def _settle(self, now: float) -> list[WatchEffect]:
        effects: list[WatchEffect] = []
        for one in list(self._open.values()):
            if one.agreed_s is None and one.asked_s is None:
                effects += self._score(one, now)
            elif one.agreed_s is None and now >= (one.asked_s or 0.0) + self.params.model_s:
                one.agreed_s = now
            if one.agreed_s is not None and one.key in self._open:
                effects += self._speak(one, now)
        return effects

    def _score(self, one: _Candidate, now: float) -> list[WatchEffect]:
        one.score, one.evidence = self.scorer.score(one.item.kind, one.track, one.since, now)
        if one.score < self.params.threshold:
            if now >= one.made_s + self.params.patience_s:
                return [self._drop(one, now, 'not sure enough')]
            return []
        cooled = self._cooling(one, now)
        if cooled is not None:
            return [cooled]
        if not self.params.model:
            one.agreed_s = now
            return []
        one.asked_s = now
        return [AskModel(one.key, one.item.sentence, self._text(one))]

    def _on_margin(self, event: Margined, now: float) -> list[WatchEffect]:
        one = self._open.get(event.key)
        if one is None or one.asked_s is None or one.agreed_s is not None:
            return []
        if (event.margin is not None and not math.isnan(event.margin)
                and event.margin < self.params.model_margin):
            return [
                self._drop(one, now, f'the language model would be silent ({event.margin:+.1f})')
            ]
        one.agreed_s = now
        return []

    def _speak(self, one: _Candidate, now: float) -> list[WatchEffect]:
        if self._taken or now < self._free_s + self.params.breath_s:
            if self.params.over_speech == 'drop':
                return [self._drop(one, now, 'somebody was speaking')]
            if now < (now if one.agreed_s is None else one.agreed_s) + self.params.wait_s:
                return []
            return [self._drop(one, now, 'somebody spoke for too long')]
        cooled = self._cooling(one, now)
        if cooled is not None:
            return [cooled]
        self._close(one, now)
        self._last[one.item.id] = _Told(now, one.since, one.track)
        text = self._text(one)
        self.items.done(one.item.id)
        return [Remark(one.key, one.item.id, text, one.since, one.score, one.evidence,
                       one.track.label if one.track is not None else one.item.labels[0])]

    def _cooling(self, one: _Candidate, now: float) -> Silent | None:
        last = self._last.get(one.item.id)
        if last is None or now - last.t >= one.item.cool_down_s or self._is_another(one, last):
            return None
        return self._drop(one, now, 'told a moment ago')

    def _is_another(self, one: _Candidate, last: _Told) -> bool:
        """A thing of its own, and an event of its own: it was seen beside what was told."""
        if one.track is None or last.track is None or one.track.near_lost:
            return False
        seen = self._seen.get(last.track.id, last.track.last_s)
        return (one.track.id != last.track.id and one.track.first_s < seen
                and one.since - last.since > self.params.together_s)

    def _text(self, one: _Candidate) -> str:
        return self.items.remark(one.item, one.track.label if one.track is not None else '',
                                 one.count)

    def _drop(self, one: _Candidate, now: float, why: str) -> Silent:
        self._close(one, now)
        return Silent(one.key, one.item.id, why, one.score)

    def _close(self, one: _Candidate, now: float) -> None:
        self._open.pop(one.key, None)
        self._told[one.key] = now

    def _forget(self, now: float) -> None:
        """What was cancelled, and what is so old that it cannot be told again."""
        standing = {item.id for item in self.items}
        self._open = {key: one for key, one in self._open.items() if one.item.id in standing}
        if len(self._told) > 16 * self.params.most:
            newest = sorted(self._told, key=lambda key: self._told[key])[-8 * self.params.most:]
            self._told = {key: self._told[key] for key in newest}
        self._last = {item: told for item, told in self._last.items() if item in standing}
        for states in (self._held, self._broken):
            for key in [key for key in states if int(key.split()[0]) not in standing]:
                del states[key]
