"""What may have to be told: the only place that turns a change in the tracks into a candidate for
each standing instruction that it may fulfil. Whether and when it is told: ``speak_up.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .speak_score import Around, Scorer
from .speak_up_params import SpeakUpParams
from .surroundings import Surroundings
from .track import Approached, Left, Moved, Track
from .watch_events import Looked
from .watch_items import Kind, WatchItem, WatchItems

PERSON = 'person'


@dataclass
class Candidate:
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
    around: Around = Around()


class Candidates:
    """``look`` makes them; who ``open`` ones tells or drops ``close``s them, and they do not come
    again.
    """

    def __init__(self, params: SpeakUpParams, scorer: Scorer, items: WatchItems) -> None:
        self.params = params
        self.open: dict[str, Candidate] = {}
        self._scorer, self._items = scorer, items
        self._told: dict[str, float] = {}            # key -> when it was told or dropped for good
        self._seen: dict[int, float] = {}            # track -> when it was seen last
        self._held: dict[str, float] = {}            # state -> since when it has been true
        self._broken: dict[str, float] = {}          # state -> since when it has not
        self._surroundings = Surroundings()
        self._watched_s: float | None = None         # the first look

    def close(self, one: Candidate, t: float) -> None:
        self.open.pop(one.key, None)
        self._told[one.key] = t

    def last_seen(self, track: Track) -> float:
        return self._seen.get(track.id, track.last_s)

    def forget(self, standing: set[int]) -> None:
        """All but the ``standing`` items, and what is so old that it cannot be told again."""
        self.open = {key: one for key, one in self.open.items() if one.item.id in standing}
        if len(self._told) > 16 * self.params.most:
            newest = sorted(self._told, key=lambda key: self._told[key])[-8 * self.params.most:]
            self._told = {key: self._told[key] for key in newest}
        for states in (self._held, self._broken):
            for key in [key for key in states if int(key.split()[0]) not in standing]:
                del states[key]

    def look(self, look: Looked) -> None:
        if self._watched_s is None:
            self._watched_s = look.t
        self._seen = {track.id: track.last_s for track in look.tracks}
        self._surroundings.note(look)
        for item in self._items:
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
            # it looks like the one that was lost there: it had been overlooked
            overlooked = track.again and track.near_lost and not track.began_at_edge
            if (track.label not in item.labels or late or overlooked
                    or self._known(item, track.first_s)):
                continue
            self._suggest(key, item, track.first_s, look, track)

    def _leaves(self, item: WatchItem, look: Looked) -> None:
        for event in look.events:
            if (isinstance(event, Left) and event.track.label in item.labels
                    and event.since > item.asked_s
                    and look.t - event.since <= self.params.news_s):
                key = f'{item.id} leaves {event.track.id} {event.t:.2f}'
                self._suggest(key, item, event.since, look, event.track)
        for one in [
                one for one in self.open.values() if one.item is item and one.track is not None
        ]:
            if any(track.label in item.labels and track.first_s > one.since and track.near_lost
                   for track in look.tracks):
                self._told[one.key] = look.t         # it was only covered
                del self.open[one.key]

    def _moves(self, item: WatchItem, look: Looked) -> None:
        for event in look.events:
            if not isinstance(event, (Moved, Approached)) or event.track.label not in item.labels:
                continue
            key = f'{item.id} moves {event.track.id}'
            again = self._told.get(key)
            if event.track.born_s < event.t and not self._known(item, event.t) and (
                    again is None or look.t - again > self.params.gap_s):
                self._told.pop(key, None)
                self._suggest(key, item, event.t, look, event.track)
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
                self.open.pop(key, None)
            return
        self._broken.pop(key, None)
        if was is None:
            self._held[key] = was = self._begins(item, look)
            if item.kind is not Kind.ALONE and self._known(item, was):
                self._told[key] = look.t             # it was so when it was asked for
        if look.t - was >= hold_s:
            weakest = min(there, key=lambda track: track.score, default=None)
            self._suggest(key, item, was + (hold_s if item.kind is Kind.ALONE else 0.0), look,
                          weakest, len(there))

    def _is_real(self, track: Track, t: float) -> bool:
        return self._scorer.score(Kind.COUNT, track, track.first_s, t)[0] >= self.params.threshold

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

    def _suggest(self, key: str, item: WatchItem, since: float, look: Looked,
                 track: Track | None, count: int = 0) -> None:
        if key in self._told:
            return
        known = self.open.get(key)
        if known is not None:
            known.track, known.count = track, count
        elif len(self.open) < self.params.most:
            known = self.open[key] = Candidate(key, item, since, look.t, track, count)
        if known is not None and track is not None:
            known.around = self._surroundings.of(track, look)
