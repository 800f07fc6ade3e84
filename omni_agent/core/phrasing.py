"""What one language makes of a few words; which language that is, Lexicon decides."""

from __future__ import annotations

from typing import Iterable, Iterator

from .language import Language
from .words import Clause, Phrases, is_han

LONGEST_NOD = 4             # [phrases] 'yeah yeah yeah yeah yeah' is more than listening


def joined(parts: Iterable[Clause]) -> list[str]:
    """All words of some clauses."""
    return [word for part in parts for word in part.words]


def is_asked(language: Language, stops: tuple[Phrases, ...], tokens: list[str],
             names: Phrases) -> bool:
    """'can you - please - stop - talking - now': a stop phrase and only what goes with one."""
    bare = [word for word in tokens if [word] not in language.around_stop]     # 'hör bitte auf'
    return any(_is_made_of(language, stops, some, names) for some in (tokens, bare))


def _is_made_of(language: Language, stops: tuple[Phrases, ...], tokens: list[str],
                names: Phrases) -> bool:
    waiting, asked = {0}, set()             # positions reached without and with a stop phrase
    for at in range(len(tokens)):
        if at in waiting:
            asked.update(_ends(tokens, at, *stops))
            waiting.update(_ends(tokens, at, language.leads_to_stop, names))
        if at in asked:
            asked.update(_ends(tokens, at, language.follows_stop, names, *stops))
    return len(tokens) in asked


def _ends(tokens: list[str], at: int, *sets: Phrases) -> Iterator[int]:
    return (end for phrases in sets for end in phrases.at(tokens, at))


def is_nod(language: Language, spoken: list[str]) -> bool:
    """A few nods, or laughter with nods around it."""
    pieces = language.nods.pieces(spoken)
    if pieces is not None and pieces <= LONGEST_NOD:
        return True
    rest = [word for word in spoken if [word] not in language.nods]
    return _is_laughter(language, ''.join(rest or spoken))


def _is_laughter(language: Language, sound: str) -> bool:
    """'hahaha', 'ahah', 'jajaja': two syllables of laughter and more, and nothing else."""
    for syllable in language.laughter:
        letters = ''.join(syllable)
        bare = sound[1:] if sound[:1] == 'a' and letters[0] != 'a' else sound
        count = bare.count(letters)
        if count >= 2 and bare.replace(letters, '') in ('', letters[0]):
            return True
    return False


def embeds_question(language: Language, spoken: list[str]) -> bool:
    """'tell me how far away the moon is' is over."""
    if not language.embedded_ends.end(spoken):
        return False
    starts = range(1, len(spoken) - 2)      # something before, and a word between it and the end
    return any(True for start in starts for _ in language.embedded_questions.at(spoken, start))


def is_question(language: Language, spoken: list[str]) -> bool:
    """Begins like a question, has words enough for one, and nothing at its end asks for more."""
    spoken = _opened(language, spoken)
    first = max(language.question_words.start(spoken), language.auxiliaries.start(spoken))
    begins = (first or language.question_ends.end(spoken)
              or language.question_marks.anywhere(spoken))
    if not begins or len(spoken) <= first or weight(spoken) < language.shortest_question:
        return False
    if spoken in language.unfinished_questions or language.open_endings.end(spoken):
        return False
    if language.stranded.end(spoken):
        return bool(language.question_words.start(spoken)) and len(spoken) >= 3
    return language.not_trailing.end(spoken) or not language.trailing.end(spoken)


def asks_yes_or_no(language: Language, part: list[str]) -> bool:
    """Of a question: not what, who or where."""
    part = _opened(language, part)
    if language.moods.start(part):
        return True
    asks_what = language.question_words.start(part) or language.open_questions.start(part)
    if language.question_marks:               # Chinese asks in the middle of the sentence
        asks_what = language.question_words.anywhere(part)
    return not asks_what


def _opened(language: Language, spoken: list[str]) -> list[str]:
    """Without 'so', 'hey' and the like in front, as long as something is left."""
    while 0 < (skip := language.openers.start(spoken)) < len(spoken):
        spoken = spoken[skip:]
    return spoken


def weight(tokens: list[str]) -> int:
    """Words; a Chinese word has two characters more often than one."""
    han = sum(map(is_han, tokens))
    return len(tokens) - han + (han + 1) // 2
