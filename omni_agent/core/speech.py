"""Token stream -> speakable sentences, and words -> chunks."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

import numpy as np

CLOSERS = '"\')]”’'
ABBREVIATIONS = frozenset(
    {'mr', 'mrs', 'ms', 'dr', 'prof', 'st', 'e.g', 'i.e', 'etc', 'vs', 'no', 'approx'})
# [characters] the first sentence may be cut at a comma, or before a word that joins, after
FIRST_CLAUSE = 20
#                        this many, so that sound starts earlier; over a second of speech: the rest
# is ready by then
DIGIT = 4              # [characters] that a digit is spoken as
LONGEST = 220          # [characters] a model that never ends its sentence is cut at a space
CHUNK = 1600           # [samples] 100 ms: what one SpeechChunk carries

# Of a tag there are a name and attributes: '2 < 3 and 5 > 4' has none. A quotation begins with '>'
_MARKUP = re.compile(r'[*_`#|]+|^\s*>+|\[(.*?)\]\(.*?\)|</?[a-z][\w-]*(?:\s[^<>]*=[^<>]*)?\s*/?>',
                     re.MULTILINE | re.IGNORECASE)
_SPACE = re.compile(r'\s+')
# where a speaker takes breath; the word itself begins the next clause
_JOINT = re.compile(r' (?=(?:because|that|which|who|where|when|while|and|but|so|due|if|with)\s)')


def speakable(text: str) -> str:
    """Take out what a voice cannot say: markdown, tags, emoji, runs of space."""
    text = _MARKUP.sub(lambda match: match.group(1) or ' ', text)
    text = ''.join(char for char in text if _is_script(ord(char)))
    return _SPACE.sub(' ', text).strip()


def _is_script(code: int) -> bool:
    """Letters and punctuation, full-width ones too; not arrows, symbols, emoji and private use."""
    return code < 0x2190 or 0x3000 <= code < 0xE000 or 0xFF00 <= code < 0xFFF0


def _length(text: str) -> int:
    """Roughly how long it takes to say, in characters."""
    return len(text) + (DIGIT - 1) * sum(char.isdigit() for char in text)


def _end(text: str, first: bool) -> int:
    """Index just after what may be spoken already, or 0: a sentence, of the first one a clause."""
    end = _end_of_sentence(text, first)
    if first:
        for joint in _JOINT.finditer(text, 0, end or len(text)):
            if _length(text[:joint.start()]) >= FIRST_CLAUSE:
                return joint.end()
    return end


def _end_of_sentence(text: str, first: bool) -> int:
    """Index just after the first complete sentence in ``text``, or 0."""
    for match in re.finditer(r'[.!?。！？]+|\n|[,;:]', text):
        end = match.end()
        while end < len(text) and text[end] in CLOSERS:
            end += 1
        if match.group()[0] in ',;:':
            if first and _length(text[:end]) >= FIRST_CLAUSE and text[end:end + 1].isspace():
                return end
            continue
        if match.group() == '\n' or match.group()[0] in '。！？':
            return end
        if not text[end:end + 1].isspace():       # 3.14, or the stream has not said yet
            continue
        word = text[:match.start()].rsplit(' ', 1)[-1].lower().strip('("\'')
        if (match.group() == '.' and
            (word in ABBREVIATIONS or len(word) == 1 and word.isalpha() and word != 'i')):
            continue
        return end
    return 0


def sentences(tokens: Iterable[str], limit: int | None = None) -> Iterator[str]:
    """Cut a stream of text pieces into what can be spoken, each as soon as it is complete;
    ``limit`` sentences at most, of which the first may come in two clauses.
    """
    text, first, whole = '', True, 0
    for token in tokens:
        text += token
        while end := _end(text, first) or _too_long(text):
            whole += end == _end_of_sentence(text, False)
            sentence, text = speakable(text[:end]), text[end:].lstrip()
            if any(char.isalnum() for char in sentence):
                first = False
                yield sentence
            if whole == limit:
                return
    rest = speakable(text)
    if any(char.isalnum() for char in rest):
        yield rest


def _too_long(text: str) -> int:
    """Where to cut a sentence that does not end, or 0."""
    return 0 if len(text) <= LONGEST else text.rfind(' ', 0, LONGEST) + 1 or LONGEST


def chunks(samples: np.ndarray, words: Iterable[tuple[int,
                                                      str]]) -> Iterator[tuple[np.ndarray, str]]:
    """Cut int16 samples of shape (n,) where words begin, so that the speaker knows where they are,
    and into CHUNK pieces at most.
    """
    waiting, at = list(words), 0
    while at < samples.size:
        here = [word for offset, word in waiting if offset <= at]
        waiting = waiting[len(here):]
        end = min([at + CHUNK, samples.size, *(offset for offset, _ in waiting[:1])])
        if end == samples.size:                  # a word without a sound
            here += [word for _, word in waiting]
        yield samples[at:end], ' '.join(here)
        at = end
