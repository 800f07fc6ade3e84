"""Whether words over the robot's voice are enough to silence it; nods and its own words never get
here.
"""

from __future__ import annotations

from collections.abc import Sequence

from .addressee import FAR, NEAR, TALKING, Score
from .cues import NOD
from .events import Transcript
from .lexicon import Lexicon
from .turn_states import TurnParams
from .words import words

PLAIN = frozenset({'please'})
DOUBTFUL = 1             # more words of news where they do not tell for whom they are


class BargeIn:
    """Holds no state: the same words and score always get the same answer."""

    def __init__(self, params: TurnParams, lexicon: Lexicon) -> None:
        self.params, self.lexicon = params, lexicon

    def has_news(self, text: str) -> bool:
        return self.lexicon.news(text) >= self.params.barge_in_words

    def is_news(self, event: Transcript) -> bool:
        """Enough was said, for long enough."""
        return event.voiced_s >= self.params.barge_in_s and self.has_news(event.text)

    def cuts_in(self, event: Transcript, score: Score, earlier: Sequence[str],
                goes_on: bool) -> bool:
        """``earlier``: what the recogniser made of the same utterance before, oldest first;
        ``goes_on``: whoever speaks was still asking when the reply began.
        """
        beside = 0.0 if goes_on else _beside(score)
        if beside:
            return self._cuts_in_from_beside(event, score, beside)
        if not (event.final or self._is_plain(score) or self._is_no_nod(event)
                or self._settles(event, earlier)):
            return False
        # near, but what was said says nothing
        if score.by_words <= 0.0 and not goes_on:
            early = not event.final and event.voiced_s < self.params.barge_in_doubtful_s
            if early or self.lexicon.news(event.text) < self.params.barge_in_words + DOUBTFUL:
                return False
        least = self.params.carry_on_score if goes_on else self.params.barge_in_score
        return score.probability >= least

    def _cuts_in_from_beside(self, event: Transcript, score: Score, beside: float) -> bool:
        """A television and people at table ask and order as well, and of their first words a
        recogniser makes more of that. Whoever is not near has to be clear in spite of it, or to go
        on; what then still is not decided waits for the language model, which gets the final
        words.
        """
        clear = score.by_words + beside >= self.params.barge_in_plain
        if not (event.final or clear or event.voiced_s >= self.params.barge_in_settled_s):
            return False
        return score.decisive and score.probability >= self.params.barge_in_score

    def is_nod(self, event: Transcript) -> bool:
        """By its words, or because a nod sounds like that."""
        if self.lexicon.is_nod(event.text):
            return True
        nod = dict(event.cues).get(NOD)
        return nod is not None and nod >= self.params.nod_likely

    def _is_no_nod(self, event: Transcript) -> bool:
        nod = dict(event.cues).get(NOD)
        return nod is not None and nod < self.params.nod_unlikely

    def _is_plain(self, score: Score) -> bool:
        """What a recogniser rarely makes of a nod."""
        return (score.by_words >= self.params.barge_in_plain
                or any(name in PLAIN for name, _ in score.evidence))

    def _settles(self, event: Transcript, earlier: Sequence[str]) -> bool:
        """Whether words in progress go on as they began, and not as a nod did."""
        if not earlier or event.voiced_s >= self.params.barge_in_settled_s:
            return True
        if any(self.lexicon.is_nod(text) and not self.lexicon.is_noise(text) for text in earlier):
            return False
        spoken = set(words(event.text))
        return any(spoken & set(words(text)) for text in earlier)


def _beside(score: Score) -> float:
    """What tells that somebody beside the conversation speaks: farther away than who speaks to the
    robot, or while people talk, unless it is as near [log odds, not above 0].
    """
    found = dict(score.evidence)
    return 0.0 if NEAR in found else found.get(FAR, 0.0) + found.get(TALKING, 0.0)
