"""Token stream -> speakable sentences, and words -> chunks."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

import numpy as np

CLOSERS = '"\')]”’'
ABBREVIATIONS = frozenset({'mr', 'mrs', 'ms', 'dr', 'prof', 'st', 'e.g', 'i.e', 'etc', 'vs', 'no', 'approx'})
FIRST_CLAUSE = 24      # [characters] the first sentence may be cut at a comma after this many, so that sound
#                        starts earlier; about 1.5 s of speech, long enough for the rest to be ready
LONGEST = 220          # [characters] a model that never ends its sentence is cut at a space
CHUNK = 1600           # [samples] 100 ms: what one SpeechChunk carries

_MARKUP = re.compile(r'[*_`#>|]+|\[(.*?)\]\(.*?\)|<[^>]{0,40}>')
_SPACE = re.compile(r'\s+')


def speakable(text: str) -> str:
    """Take out what a voice cannot say: markdown, tags, emoji, runs of space."""
    text = _MARKUP.sub(lambda match: match.group(1) or ' ', text)
    text = ''.join(char for char in text if _is_script(ord(char)))
    return _SPACE.sub(' ', text).strip()


def _is_script(code: int) -> bool:
    """Letters and punctuation, full-width ones too; not arrows, symbols, emoji and private use."""
    return code < 0x2190 or 0x3000 <= code < 0xE000 or 0xFF00 <= code < 0xFFF0


def _end_of_sentence(text: str, first: bool) -> int:
    """Index just after the first complete sentence in ``text``, or 0."""
    for match in re.finditer(r'[.!?。！？]+|\n|[,;:]', text):
        end = match.end()
        while end < len(text) and text[end] in CLOSERS:
            end += 1
        if match.group()[0] in ',;:':
            if first and end >= FIRST_CLAUSE and text[end:end + 1].isspace():
                return end
            continue
        if match.group() == '\n' or match.group()[0] in '。！？':
            return end
        if not text[end:end + 1].isspace():       # 3.14, or the stream has not said yet
            continue
        word = text[:match.start()].rsplit(' ', 1)[-1].lower().strip('("\'')
        if match.group() == '.' and (word in ABBREVIATIONS or len(word) == 1 and word.isalpha() and word != 'i'):
            continue
        return end
    return 0


def sentences(tokens: Iterable[str]) -> Iterator[str]:
    """Cut a stream of text pieces into speakable sentences, each as soon as it is complete."""
    text, first = '', True
    for token in tokens:
        text += token
        while True:
            end = _end_of_sentence(text, first)
            if not end and len(text) > LONGEST:
                end = text.rfind(' ', 0, LONGEST) + 1 or LONGEST
            if not end:
                break
            sentence, text = speakable(text[:end]), text[end:].lstrip()
            if any(char.isalnum() for char in sentence):
                first = False
                yield sentence
    rest = speakable(text)
    if any(char.isalnum() for char in rest):
        yield rest


def chunks(samples: np.ndarray, words: Iterable[tuple[int, str]]) -> Iterator[tuple[np.ndarray, str]]:
    """Cut int16 samples of shape (n,) into CHUNK pieces, each with the words that begin in it."""
    waiting = list(words)
    for at in range(0, samples.size, CHUNK):
        end = at + CHUNK if at + CHUNK < samples.size else samples.size + 1
        here = [word for offset, word in waiting if offset < end]
        waiting = waiting[len(here):]
        yield samples[at:at + CHUNK], ' '.join(here)
