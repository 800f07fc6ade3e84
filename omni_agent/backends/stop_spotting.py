"""A short "stop", which must not be lost either: the only place that asks of a sound whether the
robot was told to be silent where the recogniser wrote something else.

As with names (``name_spotting.py``) two witnesses must agree: what was written sounds like a stop
phrase ("Stark talking"), and the decoder finds that phrase about as likely on the same sound. Of a
cough something is written that sounds like none.
"""

from __future__ import annotations

from typing import Sequence

from omni_agent.backends.name_spotting import Guess, Logits, is_lost, likeliest
from omni_agent.backends.tokens import Tokenizer
from omni_agent.core.sounds_like import apart, sounds
from omni_agent.core.words import words

# [log odds] by which the recogniser's own words may be likelier, less than of a name: who says
# 'start talking' is not to be silenced
STOP_BIAS = 6.0
FARTHEST = 0.5               # apart: beyond it nobody asks the decoder
LONGEST = 4                  # [words]
TRIED = 3


class StopSpotter:
    """``phrases`` are said alone, or with a 'please'. Several threads may share one."""

    def __init__(self, phrases: Sequence[str], tokens: Tokenizer) -> None:
        spoken = [' '.join(words(phrase)) for phrase in phrases]
        self._phrases = tuple(dict.fromkeys(
            said for phrase in spoken if phrase
            for said in (phrase, f'please {phrase}', f'{phrase} please')))
        self._tokens = tokens

    def __call__(self, text: str, logits: Logits) -> str:
        """``text``, or the phrase that was rather said; ``logits`` is asked once at most."""
        spoken = words(text)
        if not 1 <= len(spoken) <= LONGEST or ' '.join(spoken) in self._phrases or is_lost(text):
            return text
        heard = sounds(spoken)
        guesses = [Guess(apart(heard, sounds(phrase.split())),
                         f'{phrase[0].upper()}{phrase[1:]}.') for phrase in self._phrases]
        near = sorted(guess for guess in guesses if guess.apart <= FARTHEST)
        return likeliest(text, near[:TRIED], self._tokens, logits, STOP_BIAS)
