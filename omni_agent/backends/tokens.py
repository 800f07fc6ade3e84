"""Between words and the tokens of a recogniser's decoder: the only place that spells as it does, and
that makes log probabilities of its logits.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

SPACE = '\u2581'             # as the vocabulary writes it


class Tokenizer:
    """Byte pairs: neighbours are joined, those first that the vocabulary has first. ``pieces``: the
    vocabulary. Several threads may share one.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        # of bytes that are there twice the later one is a word
        self._ids = {piece: token for token, piece in enumerate(pieces)}

    def __call__(self, text: str) -> list[int]:
        parts = [one.encode() for one in SPACE + text.replace(' ', SPACE)]
        while True:
            joined = [(self._ids[one + other], at)
                      for at, (one, other) in enumerate(zip(parts, parts[1:]))
                      if one + other in self._ids]
            if not joined:
                return [token for part in parts for token in self._spelt(part)]
            _, at = min(joined)
            parts[at:at + 2] = [parts[at] + parts[at + 1]]

    def _spelt(self, part: bytes) -> list[int]:
        """A letter that is no word of the vocabulary is one of bytes."""
        if part in self._ids:
            return [self._ids[part]]
        return [self._ids[bytes([byte])] for byte in part if bytes([byte]) in self._ids]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    rows = logits.astype(np.float64)
    rows -= rows.max(axis=-1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=-1, keepdims=True))
