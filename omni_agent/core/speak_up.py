"""When to speak up unasked: the only place that decides it. Cheap steps first, dear ones last
(after Dispider).

1. A change in the tracks makes a candidate for each standing instruction that it may fulfil
(``candidates.py``). 2. A calibrated logistic over the evidence says how likely it is real; a
doubtful one may gather evidence for a while. 3. Where wanted, the language model is asked whether
to speak or to stay silent. 4. Silent all the same: told already, told a moment ago (unless this is
surely another thing), or somebody is speaking and goes on for too long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .candidates import Candidate, Candidates
from .speak_score import Scorer
from .speak_up_params import SpeakUpParams
from .track import Track
from .watch_events import (AskModel, FloorFree, FloorTaken, Looked, Margined, Remark, Silent,
                           WatchEffect, WatchEvent)
from .watch_items import WatchItems


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
        self._candidates = Candidates(params, scorer, items)
        self._last: dict[int, _Told] = {}            # item -> what it was told of last
        self._taken = False
        self._free_s = -math.inf

    def step(self, event: WatchEvent, now: float) -> list[WatchEffect]:
        """Never blocks; what is cancelled, or of an item that is gone, is forgotten."""
        self._forget()
        if isinstance(event, Looked):
            self._candidates.look(event)
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
        for one in self._candidates.open.values():
            if one.agreed_s is not None:
                times.append(one.agreed_s + self.params.wait_s)
                if not self._taken:
                    times.append(self._free_s + self.params.breath_s)
            elif one.asked_s is not None:
                times.append(one.asked_s + self.params.model_s)
            else:
                times.append(one.made_s + self.params.patience_s)
        return min(times, default=None)

    def _settle(self, now: float) -> list[WatchEffect]:
        effects: list[WatchEffect] = []
        for one in list(self._candidates.open.values()):
            if one.agreed_s is None and one.asked_s is None:
                effects += self._score(one, now)
            elif one.agreed_s is None and now >= (one.asked_s or 0.0) + self.params.model_s:
                one.agreed_s = now
            if one.agreed_s is not None and one.key in self._candidates.open:
                effects += self._speak(one, now)
        return effects

    def _score(self, one: Candidate, now: float) -> list[WatchEffect]:
        one.score, one.evidence = self.scorer.score(one.item.kind, one.track, one.since, now,
                                                    one.around)
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
        one = self._candidates.open.get(event.key)
        if one is None or one.asked_s is None or one.agreed_s is not None:
            return []
        if (event.margin is not None and not math.isnan(event.margin)
                and event.margin < self.params.model_margin):
            return [
                self._drop(one, now, f'the language model would be silent ({event.margin:+.1f})')
            ]
        one.agreed_s = now
        return []

    def _speak(self, one: Candidate, now: float) -> list[WatchEffect]:
        if self._taken or now < self._free_s + self.params.breath_s:
            if self.params.over_speech == 'drop':
                return [self._drop(one, now, 'somebody was speaking')]
            if now < (now if one.agreed_s is None else one.agreed_s) + self.params.wait_s:
                return []
            return [self._drop(one, now, 'somebody spoke for too long')]
        cooled = self._cooling(one, now)
        if cooled is not None:
            return [cooled]
        self._candidates.close(one, now)
        self._last[one.item.id] = _Told(now, one.since, one.track)
        text = self._text(one)
        self.items.done(one.item.id)
        return [Remark(one.key, one.item.id, text, one.since, one.score, one.evidence,
                       one.track.label if one.track is not None else one.item.labels[0])]

    def _cooling(self, one: Candidate, now: float) -> Silent | None:
        last = self._last.get(one.item.id)
        if last is None or now - last.t >= one.item.cool_down_s or self._is_another(one, last):
            return None
        return self._drop(one, now, 'told a moment ago')

    def _is_another(self, one: Candidate, last: _Told) -> bool:
        """A thing of its own, and an event of its own: it was seen beside what was told."""
        if one.track is None or last.track is None or one.track.near_lost:
            return False
        seen = self._candidates.last_seen(last.track)
        return (one.track.id != last.track.id and one.track.first_s < seen
                and one.since - last.since > self.params.together_s)

    def _text(self, one: Candidate) -> str:
        return self.items.remark(one.item, one.track.label if one.track is not None else '',
                                 one.count)

    def _drop(self, one: Candidate, now: float, why: str) -> Silent:
        self._candidates.close(one, now)
        return Silent(one.key, one.item.id, why, one.score)

    def _forget(self) -> None:
        """What was cancelled, and what is so old that it cannot be told again."""
        standing = {item.id for item in self.items}
        self._candidates.forget(standing)
        self._last = {item: told for item, told in self._last.items() if item in standing}
