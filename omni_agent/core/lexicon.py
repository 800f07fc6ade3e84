"""What a handful of words means for the turn, without a model, in every language that is spoken.

Nods, stop phrases, unfinished sentences, questions. The words themselves are data, see Language.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

from .language import Language
from .phrasing import (asks_yes_or_no, embeds_question, is_asked, is_nod, is_question, joined,
                       weight)
from .words import Clause, Phrases, clauses, folded, is_han, words

QUESTION_MARKS = ('?', '？')
UNFINISHED = (',', '-', '–', '—', '…', '...', '，', '、')


@dataclass(frozen=True)
class Lexicon:
    """The languages that are spoken here, the likeliest first.

    ``everywhere`` are the plainest stop phrases of all others.
    """

    languages: tuple[Language, ...]
    everywhere: Phrases = field(default_factory=Phrases)

    # -- being told to be silent ------------------------------------------------------------------

    def is_stop(self, text: str, names: Iterable[str] = ()) -> bool:
        """True if the utterance asks for silence and for nothing else, or ends in asking for it.

        'the bus stop' does not; 'that is wrong, stop' does. ``names`` are the robot's.
        """
        parts = clauses(folded(text))
        return any(self._stops(language, parts, Phrases(names)) for language in self.languages)

    def opens_with_stop(self, text: str, names: Iterable[str] = ()) -> bool:
        """True for 'Stop! What was that?': silence at once, and something to answer then."""
        parts, called = clauses(folded(text)), Phrases(names)
        return not self.is_stop(text, names) and any(
            self._asks(language, parts[:end], called)
            for language in self.languages for end in range(1, len(parts)))

    def _stops(self, language: Language, parts: list[Clause], names: Phrases) -> bool:
        if self._asks(language, parts, names):
            return True
        for start in range(len(parts) - 1, 0, -1):
            if is_asked(language, (language.stop,), joined(parts[start:]), names):
                return parts[start].opens or not self._quotes(parts[start - 1].words)
        return False

    def _quotes(self, spoken: list[str]) -> bool:
        """What follows the clause is told, not asked for: 'the sign says', not 'I said'."""
        return any(language.no_stop_after.end(spoken) and not language.before_stop.end(spoken)
                   for language in self.languages)

    def _asks(self, language: Language, parts: list[Clause], names: Phrases) -> bool:
        """All of it: interjections in clauses of their own ('no, no, wait') do not count."""
        said = [part for part in parts if language.nods.pieces(part.words) is None]
        stops = (language.any_stop, self.everywhere)
        return any(is_asked(language, stops, joined(some), names) for some in (said, parts))

    # -- listening --------------------------------------------------------------------------------

    def is_noise(self, text: str) -> bool:
        """True for what a cough or a breath is transcribed as."""
        spoken = words(folded(text))
        return not spoken or any(spoken in language.noises for language in self.languages)

    def is_nod(self, text: str) -> bool:
        """True for what people say to show that they listen, laughter too, and for noise."""
        if self.is_noise(text):
            return True
        spoken = words(folded(text))
        return not self.is_stop(text) and any(is_nod(language, spoken)
                                              for language in self.languages)

    def news(self, text: str) -> int:
        """Number of different words that are no nods; two Chinese characters count as a word.

        A recogniser that is not sure of a word repeats it: 'white white' for 'right'.
        """
        spoken = [
            word for part in clauses(folded(text)) for word in self._without_nods(part.words)
        ]
        return weight([word for word in spoken if is_han(word)]) + len(
            {word for word in spoken if not is_han(word)})

    def _without_nods(self, part: list[str]) -> list[str]:
        if any(is_nod(language, part) for language in self.languages if is_han(part[0])):
            return []
        return [word for word in part
                if is_han(word) or not any([word] in language.nods for language in self.languages)]

    # -- turns ------------------------------------------------------------------------------------

    def is_trailing(self, text: str) -> bool:
        """True if the sentence is not over: it ends in 'and', 'to the', 'um', a comma, a dash."""
        spoken = words(text)
        if not spoken or text.rstrip().endswith(UNFINISHED):
            return True
        language = self._spoken(text)
        return language.trailing.end(spoken) and not (
            language.not_trailing.end(spoken) or embeds_question(language, spoken)
            or self.is_complete_question(text)
            or spoken in language.question_words and text.rstrip().endswith(QUESTION_MARKS))

    def is_complete_question(self, text: str) -> bool:
        """True if the last sentence is a question that lacks nothing; in doubt it is not."""
        parts = clauses(_last_sentence(text))
        if not parts or not text.rstrip(' "\'”»').endswith(QUESTION_MARKS):
            return False
        language = self._spoken(text)        # 'Ben, did you see it?' is one from its comma on
        return any(is_question(language, joined(parts[start:])) for start in range(len(parts)))

    # -- answers ----------------------------------------------------------------------------------

    def wants_yes_or_no(self, text: str) -> bool:
        """True if 'okay' after it is an answer: 'Shall I?', 'How are you?', not '..., right?'."""
        if not text.rstrip(' "\'”»').endswith(QUESTION_MARKS):
            return False
        parts = [part.words for part in clauses(_last_sentence(text))]
        if not parts:
            return False
        everything = sum(parts, [])
        language = self._spoken(text)
        if language.tags.end(parts[-1]):
            return len(parts) == 1 and parts[0] not in language.tags
        return all(asks_yes_or_no(language, part) for part in (everything, parts[-1]))

    def _spoken(self, text: str) -> Language:
        """The language that most of these words belong to; the first one when in doubt."""
        tokens = words(folded(text))
        return max(self.languages,
                   key=lambda language: sum(word in language.common for word in tokens))


def _last_sentence(text: str) -> str:
    """What stands after the last full stop, exclamation or question mark but the closing one."""
    body = text.strip(' "\'”»')
    end = len(body.rstrip('.!?。！？…'))
    start = max(body.rfind(mark, 0, end) for mark in ('. ', '! ', '? ', '。', '！', '？', '… '))
    return body[start + 1:]
