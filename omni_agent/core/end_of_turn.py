"""How long a silence has to be until a turn is over: silence, voice, words and a language model's
guess fused.

Set on the development half of ``omni-agent bench turns``. Smart Turn hears the voice: below one
half somebody means to go on, above it tells little. Words that cannot end a sentence wait longest.
A small language model says how likely the sentence ends here: unfinished ones are mostly below
0.15, whole ones around 0.46.
"""

from __future__ import annotations

from dataclasses import dataclass

from .events import Transcript
from .lexicon import UNFINISHED, Lexicon
from .params import param

PAUSES = ',-…–—， '               # as likely at the true end of a sentence as before its next word
PUNCTUATION = '.,?!…-–— '          # the recogniser's guess; the words stand for themselves


@dataclass(frozen=True)
class EndOfTurnParams:
    """Silences of three kinds, and what tells them apart."""

    end_of_turn_s: float = param(
        0.4, 'silence after which a turn that is clearly complete is answered; the answer is '
        'prepared before [s]', 0.1, 3.0)
    pause_s: float = param(1.3, 'the same for a turn of which that is not clear [s]', 0.2, 6.0)
    prepare_s: float = param(0.7, 'silence after which an answer is prepared all the same [s]',
                             0.1, 6.0)
    trailing_s: float = param(1.4, 'the same for a turn that breaks off, "I would like to" [s]',
                              0.2, 6.0)
    resume_s: float = param(
        0.2, 'a sound in that silence may be the next word: the end is put off, once, for as '
        'long as a voice takes to be known for one [s]', 0.0, 1.0)
    complete: float = param(0.5, 'turn-end probability below which it is not clear', 0.0, 1.0)
    open_ending: float = param(
        0.15, 'probability that the sentence ends with these words, below which it breaks off',
        0.0, 1.0)
    sure_ending: float = param(0.3, 'the same, below which it is not clear', 0.0, 1.0)


class EndOfTurn:
    """Holds parameters and words only."""

    def __init__(self, params: EndOfTurnParams, lexicon: Lexicon) -> None:
        self.params = params
        self._lexicon = lexicon

    def silence_s(self, final: Transcript, ending: float | None) -> float:
        """``ending``: probability that the sentence ends after its words, None if nobody was
        asked.
        """
        if self.breaks_off(final, ending):
            return self.params.trailing_s
        return self.params.end_of_turn_s if self._is_clear(final, ending) else self.params.pause_s

    def wants_guess(self, final: Transcript) -> bool:
        """False where the guess of a language model would change nothing: it costs time just when
        a reply is begun.
        """
        return self.silence_s(final, 0.0) != self.silence_s(final, 1.0)

    def prepare_s(self, final: Transcript, ending: float | None) -> float:
        """Silence after which the answer is prepared: at once where the turn is clearly over."""
        if self.breaks_off(final, ending):
            return self.params.trailing_s
        return (0.0 if self._is_clear(final, ending) else min(self.params.prepare_s,
                                                              self.params.pause_s))

    def breaks_off(self, final: Transcript, ending: float | None = None) -> bool:
        """True for 'I would like to'."""
        if self._lexicon.is_trailing(final.text.rstrip(PAUSES)):
            return True
        return (ending is not None and ending < self.params.open_ending
                and not self._is_question(final))

    def _is_clear(self, final: Transcript, ending: float | None) -> bool:
        if final.turn_end is not None and final.turn_end < self.params.complete:
            return False
        if final.text.rstrip().endswith(UNFINISHED):
            return False
        return ending is None or ending >= self.params.sure_ending or self._is_question(final)

    def _is_question(self, final: Transcript) -> bool:
        return self._lexicon.is_complete_question(final.text)
