"""The robot's name, which must not be lost: the only place that asks of a sound whether it was
called where the recogniser wrote something else.

A recogniser writes what is likely, and a name is not: of "Robot, come here" in a room it makes
"Roll back, come here". So its decoder is asked once more about the same sound, in one pass, how
likely its own words are, and how likely with the name instead of the first or last one or two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterator, Sequence

import numpy as np

from omni_agent.backends.tokens import Tokenizer, log_softmax
from omni_agent.core.address_words import called
from omni_agent.core.words import words

if TYPE_CHECKING:
    import onnxruntime

# token ids (n, length) -> how likely each of the vocabulary comes next, (n, length, size) logits
Logits = Callable[[np.ndarray], np.ndarray]

START, END = 1, 2            # token ids
# [log odds] by which the recogniser's own words may be likelier and the name is taken all the
# same: it was rare in what the recogniser learnt, and is frequent here
NAME_BIAS = 6.0
REPLACED = (1, 2)            # words that a name may have become
LONGEST = 12                 # [words] that are held beside each other
CALLS = frozenset('hey hi hello okay so'.split())      # before a name
MARKS = '.!?'
LAST_LETTER = '\u024f'       # of Latin; the English models write Thai and Korean of mere noise


class NameSpotter:
    """``names`` are called before or after other words, or alone. Several threads may share
    one.
    """

    def __init__(self, names: Sequence[str], tokens: Tokenizer) -> None:
        self._names = tuple(' '.join(words(name)) for name in names if words(name))
        self._tokens = tokens

    def __call__(self, text: str, logits: Logits) -> str:
        """``text``, or what was rather said; ``logits`` is asked once at most."""
        spoken = text.split()
        # it lost its way, and anything is likelier
        if not spoken or any(one.isalpha() and one > LAST_LETTER for one in text):
            return text
        head, rest = spoken[:LONGEST], spoken[LONGEST:]
        tried = list(self._tried(head, ended=not rest))
        if not tried:
            return text
        own, *found = log_probabilities([self._tokens(one) for one in (' '.join(head), *tried)],
                                        logits, ended=not rest)
        best = int(np.argmax(found))
        return ' '.join([tried[best], *rest]) if found[best] + NAME_BIAS >= own else text

    def _tried(self, head: list[str], ended: bool) -> Iterator[str]:
        """What may have been said, if the name was not heard."""
        if called(' '.join(head), frozenset(self._names)) == 'calls':
            return
        for name in self._names:
            for count in REPLACED:
                yield from _before(name, head, count)
                if ended and count < len(head):
                    yield _after(name, head, count)


def logits_of(decoder: onnxruntime.InferenceSession, hidden: np.ndarray,
              mask: np.ndarray) -> Logits:
    """Of the sound that the encoder made ``hidden`` (1, frames, size) of, whose raw samples have
    this ``mask``; without anything kept from earlier passes.
    """
    shapes = {tensor.name: tensor.shape for tensor in decoder.get_inputs()}

    def logits(ids: np.ndarray) -> np.ndarray:
        feeds = {'input_ids': ids, 'use_cache_branch': np.array([False]),
                 'encoder_hidden_states': np.repeat(hidden, len(ids), 0),
                 'encoder_attention_mask': np.repeat(mask, len(ids), 0)}
        feeds.update({name: np.zeros((len(ids), shape[1], 0, shape[3]), np.float32)
                      for name, shape in shapes.items() if name.startswith('past_key_values.')})
        return decoder.run(['logits'], {name: feeds[name] for name in shapes})[0]

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


def _before(name: str, head: list[str], count: int) -> Iterator[str]:
    """'Roll back, come here' -> 'Robot, come here'; 'Okay, relax. Turn left.' -> 'Okay robot, turn
    left.'
    """
    if len(head) >= count:
        yield _called(_sentence(name, ''), head[count:])
    if len(head) > count and words(head[0])[:1] and words(head[0])[0] in CALLS:
        yield _called(f'{head[0].strip(",.!?")} {name}', head[1 + count:])


def _called(name: str, rest: list[str]) -> str:
    if not rest:
        return f'{name}.'
    first = rest[0] if rest[0].split("'")[0] == 'I' else rest[0][0].lower() + rest[0][1:]
    return ' '.join([f'{name},', first, *rest[1:]])


def _after(name: str, head: list[str], count: int) -> str:
    """'Thank you, Roulette.' -> 'Thank you, robot.'"""
    mark = head[-1][-1] if head[-1][-1] in MARKS else '.'
    return f'{" ".join(head[:-count]).rstrip(",.!?")}, {name}{mark}'


def _sentence(word: str, mark: str = '.') -> str:
    return f'{word[0].upper()}{word[1:]}{mark}'
