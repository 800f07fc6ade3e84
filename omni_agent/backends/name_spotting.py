"""The robot's name, which must not be lost: the only place that asks of a sound whether it was
called where the recogniser wrote something else.

A recogniser writes what is likely, and a name is not: of "Robot, come here" it makes "Bro dot,
come here". Where its words sound like the name its decoder is asked once more about the same
sound, in one pass, how likely its own words are, and how likely with the name in place of those.
Neither witness decides alone; of words that are nothing like the name nobody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterator, Mapping, NamedTuple, Sequence

import numpy as np

from omni_agent.backends.tokens import Tokenizer, log_softmax
from omni_agent.core.address_words import called
from omni_agent.core.sounds_like import apart, sounds
from omni_agent.core.words import words

if TYPE_CHECKING:
    import onnxruntime

# token ids (n, length) -> how likely each of the vocabulary comes next, (n, length, size) logits
Logits = Callable[[np.ndarray], np.ndarray]

START, END = 1, 2            # token ids
# [log odds] by which the recogniser's own words may be likelier and the name is taken all the
# same: it was rare in what the recogniser learnt, and is frequent here
NAME_BIAS = 13.0
# [log odds] that are lost where nothing of the name is in the spelling, see sounds_like.apart
UNLIKE = 8.0
FARTHEST = 0.7               # apart: beyond it nobody asks the decoder
REPLACED = 3                 # words that a name may have become; one more after a greeting
TRIED = 5                    # places at most that the decoder is asked about, for each name
LONGEST = 12                 # [words] that are held beside each other
CALLS = frozenset('hey hi hello okay ok so'.split())      # before a name
GREETINGS = ('Hey', 'Hi', 'Hello', 'Okay')     # that may be lost with it: 'He wrote, but'
MARKS = '.!?'
LAST_LETTER = '\u024f'       # of Latin; the English models write Thai and Korean of mere noise


class Guess(NamedTuple):
    """What may have been said."""

    apart: float
    text: str


class NameSpotter:
    """``names`` are called anywhere among other words, or alone. Several threads may share one."""

    def __init__(self, names: Sequence[str], tokens: Tokenizer) -> None:
        self._names = tuple(' '.join(words(name)) for name in names if words(name))
        self._tokens = tokens

    def __call__(self, text: str, logits: Logits) -> str:
        """``text``, or what was rather said; ``logits`` is asked once at most."""
        spoken = text.split()
        if not spoken or is_lost(text):
            return text
        head, rest = spoken[:LONGEST], spoken[LONGEST:]
        tried = list(self._tried(head))
        found = likeliest(' '.join(head), tried, self._tokens, logits, NAME_BIAS, not rest)
        return ' '.join([found, *rest]) if tried else text

    def _tried(self, head: list[str]) -> Iterator[Guess]:
        """What may have been said, if the name was not heard."""
        if called(' '.join(head), frozenset(self._names)) == 'calls':
            return
        for name in self._names:
            guesses = [guess for guess in _guesses(name, head) if guess.apart <= FARTHEST]
            yield from sorted(guesses)[:TRIED]


def is_lost(text: str) -> bool:
    """The recogniser lost its way, and anything is likelier than what it wrote."""
    return any(one.isalpha() and one > LAST_LETTER for one in text)


def likeliest(own: str, tried: Sequence[Guess], tokens: Tokenizer, logits: Logits, bias: float,
              ended: bool = True) -> str:
    """One of ``tried``, or what the recogniser wrote itself. ``ended``: and nothing after it."""
    if not tried:
        return own
    first, *found = log_probabilities([tokens(one) for one in (own, *(one.text for one in tried))],
                                      logits, ended)
    worth = [value - UNLIKE * guess.apart for value, guess in zip(found, tried)]
    best = int(np.argmax(worth))
    return tried[best].text if worth[best] + bias >= first else own


def logits_of(decoder: onnxruntime.InferenceSession,
              keys: Mapping[str, onnxruntime.OrtValue]) -> Logits:
    """Of the sound that ``keys`` were made of: what the decoder's first pass is fed with and made
    of the encoder's frames, which all rows share.
    """
    shapes = {tensor.name: tensor.shape for tensor in decoder.get_inputs()}

    def logits(ids: np.ndarray) -> np.ndarray:
        import onnxruntime as ort
        value = ort.OrtValue.ortvalue_from_numpy
        feeds = {'input_ids': value(ids), 'use_cache_branch': value(np.array([True]))}
        feeds.update({name: value(np.zeros((len(ids), shape[1], 0, shape[3]), np.float32))
                      for name, shape in shapes.items() if '.decoder.' in name})
        feeds.update({name: keys[name] for name in shapes if name not in feeds})
        return decoder.run_with_ort_values(['logits'], feeds)[0].numpy()

    return logits


def log_probabilities(rows: Sequence[Sequence[int]], logits: Logits, ended: bool) -> list[float]:
    """Of each row of tokens as a whole, and where they ``ended``, of nothing after it."""
    length = max(map(len, rows)) + 1
    fed = np.full((len(rows), length), END, np.int64)
    for tokens, row in zip(fed, rows):
        tokens[:len(row) + 1] = START, *row
    found = logits(fed)
    return [_total(one, [*row, END] if ended else row) for one, row in zip(found, rows)]


def _total(logits: np.ndarray, following: Sequence[int]) -> float:
    rows = log_softmax(logits[:len(following)])
    return float(rows[np.arange(len(following)), following].sum())


def _guesses(name: str, head: list[str]) -> Iterator[Guess]:
    """'Bro dot, come here' -> 'Robot, come here'; 'He wrote, but.' -> 'Hey robot.'"""
    for start in range(len(head)):
        for end in range(start + 1, min(start + REPLACED, len(head)) + 1):
            yield _guess(name, head, start, end)
    for greeting in GREETINGS:
        for end in range(1, min(REPLACED + 1, len(head)) + 1):
            yield _guess(f'{greeting} {name}', head, 0, end)


def _guess(said: str, head: list[str], start: int, end: int) -> Guess:
    return Guess(apart(sounds(head[start:end]), sounds(said.split())),
                 _called(_sentence(said), head[:start], head[start:end], head[end:]))


def _called(name: str, before: list[str], lost: list[str], after: list[str]) -> str:
    """With commas as the recogniser sets them."""
    mark = lost[-1][-1] if lost[-1][-1] in MARKS else '.'
    if before:
        bare = before[-1].rstrip(f',{MARKS}')
        if bare.lower() in CALLS:
            before = [*before[:-1], bare]
        elif not after or before[-1][-1] not in f',{MARKS}':
            before = [*before[:-1], f'{bare},']
    if not after:
        return ' '.join([*before, f'{name}{mark}'])
    first = after[0]
    if first.split("'")[0] != 'I':
        first = first[0].lower() + first[1:]
    return ' '.join([*before, f'{name},', first, *after[1:]])


def _sentence(word: str) -> str:
    return f'{word[0].upper()}{word[1:]}'
