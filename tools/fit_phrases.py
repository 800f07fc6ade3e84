"""Fits what phrases tell about whom an utterance is for: config/addressee/phrases.json.

    python tools/fit_phrases.py [--out FILE]

From sentences that were written for it and never spoken in a set (``read`` of
scenarios/addressee/development.yaml, and sentences.yaml beside it), and from what recognisers made
of some of them in noise and rooms (heard_sentences.csv, tools/hear_sentences.py). Logistic
regression with a ridge over phrases and signs, by Newton's method with conjugate gradients. It
says how well sentences are judged by a fit that has not seen them; takes a minute.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping, Sequence

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from omni_agent.backends import addressee_script  # noqa: E402
from omni_agent.core.address_phrases import (VERSION, Phrases, phrases,  # noqa: E402
                                             share_of_one, tokens)
from omni_agent.core.addressee import Addressee, AddresseeParams  # noqa: E402
from omni_agent.share import share_dir  # noqa: E402

FOLDS = 6
LEAST = 2                # sentences that have a word, or a phrase: rarer ones are not learnt
RIDGE = 1.0
HEARD = 0.5              # weight of what a recogniser made of a sentence
SMALL = 0.1              # [log odds] a phrase that tells less is not written down
NAMES = frozenset({'robot'})
ADDRESSEE = Addressee(AddresseeParams())


@dataclass(frozen=True)
class Sentence:
    """``said``: the sentence that it was before it was heard."""

    text: str
    real: bool
    said: str
    weight: float = 1.0

    @property
    def fold(self) -> int:
        """The same for a sentence and for what was heard of it, whatever else there is."""
        return zlib.crc32(' '.join(one.word for one in tokens(self.said, NAMES)).encode()) % FOLDS


def written() -> list[Sentence]:
    """Those that were written; of exchanges between people every line."""
    read, more = addressee_script.texts('development')['read'], addressee_script.texts('sentences')
    mine = [*read['for'], *more['for']]
    others = [*read['other'], *more['other'],
              *(line for lines in more['exchanges'] for line in lines)]
    return [Sentence(text, real, text) for texts, real in ((mine, True), (others, False))
            for text in dict.fromkeys(texts)]


def heard() -> list[Sentence]:
    path = share_dir() / 'scenarios' / 'addressee' / 'heard_sentences.csv'
    with path.open(encoding='utf-8', newline='') as lines:
        return [Sentence(row['heard'], row['for'] == 'robot', row['said'], HEARD)
                for row in csv.DictReader(lines) if row['heard']]


@dataclass(frozen=True)
class Design:
    """A sparse matrix: its values, and where they stand."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    shape: tuple[int, int]

    def times(self, beta: np.ndarray) -> np.ndarray:
        return np.bincount(self.row, self.value * beta[self.column], self.shape[0])

    def back(self, of_rows: np.ndarray, power: int = 1) -> np.ndarray:
        return np.bincount(self.column, self.value**power * of_rows[self.row], self.shape[1])


def cells(one: Sentence, known: frozenset[str]) -> list[tuple[str, float]]:
    """What there is of a sentence; a sign has a '~' before its name, '' is the bias."""
    found = phrases(tokens(one.text, NAMES), known)
    share = share_of_one(len(found))
    return [('', 1.0), *((name, share) for name in found),
            *((f'~{sign}', 1.0) for sign in ADDRESSEE.signs_of(one.text))]


def design(table: Sequence[Sequence[tuple[str, float]]], index: Mapping[str, int]) -> Design:
    found = [(row, index[name], value) for row, one in enumerate(table) for name, value in one
             if name in index]
    row, column, value = zip(*found)
    return Design(np.array(row), np.array(column), np.array(value), (len(table), len(index)))


def fit(sentences: Sequence[Sentence]) -> Phrases:
    counts = Counter(word for one in sentences
                     for word in {token.word for token in tokens(one.text, NAMES)})
    known = frozenset(word for word, count in counts.items() if count >= LEAST)
    table = [cells(one, known) for one in sentences]
    counts = Counter(name for one in table for name, _ in one)
    index = {'': 0}
    for name, count in counts.items():
        if count >= LEAST or name.startswith('~') or name in known:
            index.setdefault(name, len(index))
    real = np.array([float(one.real) for one in sentences])
    weight = np.array([one.weight for one in sentences])
    for label in (0.0, 1.0):         # as much of them is for the robot as is not
        weight[real == label] *= weight.sum() / 2 / weight[real == label].sum()
    beta = newton(design(table, index), real, weight)
    found = {name: float(beta[at]) for name, at in index.items()}
    return Phrases(found.pop(''), {name: value for name, value in found.items() if name[0] != '~'},
                   {name[1:]: value for name, value in found.items() if name[0] == '~'})


def newton(x: Design, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    beta = np.zeros(x.shape[1])
    ridge = np.full(x.shape[1], RIDGE)
    ridge[0] = 1e-3
    for _ in range(30):
        p = 1 / (1 + np.exp(-x.times(beta)))
        slope = x.back(weight * (p - y)) + ridge * beta
        step = conjugate(x, weight * p * (1 - p), ridge, -slope)
        beta = beta + step
        if np.abs(step).max() < 1e-3:
            break
    return beta


def conjugate(x: Design, curve: np.ndarray, ridge: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(x' curve x + ridge) step = wanted, with its diagonal as what is easier to divide by."""
    diagonal = x.back(curve, 2) + ridge
    step, rest = np.zeros_like(wanted), wanted
    easier = rest / diagonal
    along, size = easier, rest @ easier
    for _ in range(60):
        bent = x.back(curve * x.times(along)) + ridge * along
        by = size / (along @ bent)
        step, rest = step + by * along, rest - by * bent
        if np.abs(rest).max() < 1e-5:
            break
        easier = rest / diagonal
        before, size = size, rest @ easier
        along = easier + size / before * along
    return step


def odds(found: Phrases, text: str) -> float | None:
    return found.log_odds(text, ADDRESSEE.signs_of(text), NAMES)


def unseen(sentences: Sequence[Sentence]) -> dict[str, float | None]:
    """Written sentence -> log odds from a fit that has seen neither it nor what was heard of
    it.
    """
    result: dict[str, float | None] = {}
    for fold in range(FOLDS):
        found = fit([one for one in sentences if one.fold != fold])
        result.update({one.text: odds(found, one.text) for one in sentences if one.fold == fold})
    return result


def right(sentences: Iterable[Sentence], known: Mapping[str, float | None]) -> float:
    """Of those for the robot and of the others alike."""
    pairs = [(one.real, (known[one.text] or 0.0) > 0) for one in sentences]
    return float(np.mean([np.mean([hit == label for real, hit in pairs if real == label])
                          for label in (False, True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path,
                        default=share_dir() / 'config' / 'addressee' / 'phrases.json')
    arguments = parser.parse_args()
    plain, garbled = written(), heard()
    known, found = unseen([*plain, *garbled]), fit([*plain, *garbled])
    figures = {'sentences': len(plain), 'heard': len(garbled),
               'right_left_out': round(right(plain, known), 4),
               'right_left_out_heard': round(right(garbled, known), 4)}
    print(figures)
    data = {
        'version': VERSION,
        'seed': 0,               # nothing is drawn
        'fitted_on': f'{len(plain)} written sentences, and {len(garbled)} as they were heard',
        'bias': round(found.bias, 3),
        'signs': {name: round(value, 3) for name, value in found.signs.items()},
        'phrases': {name: round(value, 2) for name, value in sorted(found.phrases.items())
                    if abs(value) >= SMALL or ' ' not in name},
        'figures': figures
    }
    arguments.out.write_text(json.dumps(data, indent=0, ensure_ascii=False) + '\n',
                             encoding='utf-8')


if __name__ == '__main__':
    main()
