"""Things that are looked for by words: how well each phrase fits the picture -> tracks without a
place, and what came and left. The only place that decides when a phrase is believed.

A text-image encoder says what is there and nothing of where, so that such a track covers no box of
its own. It is believed after two looks in a row, as a single one may be a flicker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

from .params import param
from .track import Appeared, Left, Track, TrackEvent

FIRST_ID = 1 << 20       # far above those of the detector, which count from 1
LOOKS = 2                # in a row that decide
# of the picture: nobody knows, and what somebody names is small as a rule
SHARE = 0.05


@dataclass(frozen=True)
class WordsParams:
    """When what is looked for by its words is there."""

    LIVE = True          # each is read where it is used

    there: float = param(0.6, 'share of the fit from which a phrase is believed', 0.01, 1.0)
    gone: float = param(0.4, 'share below which it is not believed any more', 0.0, 1.0)
    every_s: float = param(
        2.0, 'a picture that has changed is compared with the phrases this often, and never more '
        'than a quarter of the time [s]', 0.1, 600.0)


@dataclass
class _Phrase:
    """One thing that is looked for."""

    id: int
    first_s: float = 0.0
    born_s: float | None = None          # None: it is not believed
    last_s: float = 0.0
    fits: list[float] = field(default_factory=list)      # since it was seen first
    looks: int = 0
    agreeing: int = 0                    # looks in a row that say otherwise than what is believed


class WordTracks:
    """``look`` with each fresh judgement, ``now`` at any time. Times must not go back."""

    def __init__(self, params: WordsParams = WordsParams()) -> None:
        self.params = params
        self._phrases: dict[str, _Phrase] = {}
        self._next = FIRST_ID

    @property
    def expecting(self) -> bool:
        """Something is about to be found or missed: the next picture counts."""
        return any(one.agreeing for one in self._phrases.values())

    def want(self, phrases: Sequence[str]) -> None:
        """What is looked for from now on; what is known of the rest is forgotten without an
        event.
        """
        known, self._phrases = self._phrases, {}
        for phrase in dict.fromkeys(phrases):
            self._phrases[phrase] = known.get(phrase) or _Phrase(self._number())

    def look(self, fits: dict[str, float], t: float) -> list[TrackEvent]:
        """``fits``: [0..1] by phrase, of a picture taken at ``t``; others are left alone."""
        events: list[TrackEvent] = []
        for phrase, fit in fits.items():
            if phrase in self._phrases:
                events += self._judge(phrase, self._phrases[phrase], fit, t)
        return events

    def now(self, t: float) -> tuple[Track, ...]:
        """What is believed. A picture that has not changed shows it still."""
        return tuple(self._track(phrase, one, t) for phrase, one in self._phrases.items()
                     if one.born_s is not None)

    def _judge(self, phrase: str, one: _Phrase, fit: float, t: float) -> list[TrackEvent]:
        if one.born_s is None:
            return self._not_believed(phrase, one, fit, t)
        one.looks += 1
        if fit >= self.params.gone:
            one.agreeing, one.last_s = 0, t
            one.fits.append(fit)
            del one.fits[:-64]
            return []
        one.agreeing += 1
        if one.agreeing < LOOKS:
            return []
        left = Left(t, one.last_s, self._track(phrase, one, one.last_s))
        self._phrases[phrase] = _Phrase(self._number())
        return [left]

    def _not_believed(self, phrase: str, one: _Phrase, fit: float, t: float) -> list[TrackEvent]:
        if fit < self.params.there:
            one.agreeing, one.looks, one.fits = 0, 0, []
            return []
        if not one.agreeing:
            one.first_s = t
        one.agreeing += 1
        one.looks += 1
        one.fits.append(fit)
        one.last_s = t
        if one.agreeing < LOOKS:
            return []
        one.born_s, one.agreeing = t, 0
        return [Appeared(t, one.first_s, self._track(phrase, one, t))]

    def _track(self, phrase: str, one: _Phrase, t: float) -> Track:
        born = one.born_s if one.born_s is not None else one.last_s
        return Track(id=one.id, label=phrase, t=t, box=(0.0, 0.0, 0.0, 0.0), first_s=one.first_s,
                     born_s=born, last_s=max(one.last_s, t), hits=len(one.fits),
                     looks=max(len(one.fits), min(one.looks, 64)),
                     score=sum(one.fits) / max(1, len(one.fits)), best=max(one.fits, default=0.0),
                     speed=(0.0, 0.0), growth=0.0, share=SHARE, at_edge=False, began_at_edge=False,
                     near_lost=False)

    def _number(self) -> int:
        self._next += 1
        return self._next
