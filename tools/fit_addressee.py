"""Fits the weights by which the robot knows that it was meant, from the development half: never
the test half.

    python tools/fit_addressee.py --recogniser moonshine_two_pass [--seed 1] [--set DIR]
                                  [--no-model]

The development half is made by its scripts if it is not here yet, and heard by the real ears. Each
utterance counts several times, with parts of the evidence left out, so that what was not measured
is not taken for zero, once with its true words, and with sentences that were never spoken in place
of them, so that words count by themselves. What their phrases tell (tools/fit_phrases.py, which
comes before this) is of a fit that has not seen them. Ridge logistic regression by Newton's
method; the ridge is chosen by leaving scenes out, the temperature by what they then got. The
language model is asked where the rest is unsure, and its share fitted last.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Sequence

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fit_phrases  # noqa: E402
from omni_agent.backends import addressee_model, addressee_sets, own_addressee_set  # noqa: E402
from omni_agent.backends.addressee_play import DEFAULT, Judge, listener  # noqa: E402
from omni_agent.core.addressee import Addressee, AddresseeParams  # noqa: E402
from omni_agent.core.addressee_set import BROADCAST, Item  # noqa: E402
from omni_agent.core.addressee_trial import Final, Outcome, Trial  # noqa: E402
from omni_agent.core.cues import CUES, SURE  # noqa: E402
from omni_agent.core.judgement import (MARGIN_LIMIT, MISSING, MODEL, NAMES, RULES,  # noqa: E402
                                       VERSION, WHOLE, Judgement, values)
from omni_agent.share import share_dir  # noqa: E402

Heard = Sequence[tuple[Item, Sequence[Final]]]
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 6
# Two voices differ in these as much as one that turns: whoever asks after others have talked would
# be refused for a duller voice than theirs. Without them as good
UNUSED = (MODEL, 'clearer_db', 'sharper_db')
COLUMNS = tuple(name for name in NAMES if name not in UNUSED)
# groups of cues left out, and the weight of such a copy
COPIES = (((), 0.25), (('camera', ), 0.45), (('camera', 'voice', 'source'), 0.15),
          (('camera', 'voice'), 0.075), (('camera', 'source'), 0.075))
# weight of a copy with the words that were said instead of those that were heard
TRUE_WORDS = 0.25
READ = 110.0                 # weight of all sentences that were never spoken, together
# Such sentences in place of what somebody said, in his voice and situation: how many, their weight
# together, and what each of them does without. Otherwise a fit knows that people who ask after a
# silence speak to the robot, and a question after a talk would have to fight for its turn
LENT, LENT_SHARE = 6, 1.0
LENT_LEFT = ((), ('camera',), ('camera', 'voice', 'source'))
REPLYING = ('follow_up', 'answer')     # kinds whose words belong to what the robot said
# runs in which the robot errs this often: one error must not make the next
STRAYED, WRONG = 2, 0.25
BROADCASTS = 2.0             # weight of one: an hour holds hundreds
# What a sign may not turn into: signs of the same reading in every conversation
POSITIVE = ('its name', 'a request', 'a command', 'the robot asked', 'an answer to its question',
            'looks_here', 'lips', 'same_voice', 'louder_db', 'raised_db', 'onset_db', 'for me',
            'a wish', 'tilt_db', 'fall_db', 'depth_db', 'low_db', 'range_db', 'before_db', 'gaps',
            'a question about the world', 'a question about a measure', 'silence_s', RULES, WHOLE)
NEGATIVE = ('calls somebody', 'speaks about it', 'about others', 'people of the family',
            'several sentences', 'people are talking', 'talk_share', 'rings', 'bright_db',
            'melody', 'length_s', 'the past', 'what you did', 'many words', 'no words',
            'still speaks about it')


@dataclass(frozen=True)
class Row:
    scene: str
    values: dict[str, float]
    real: bool
    weight: float


class Texts:
    """Sentences that were never spoken, and what phrases make of any words."""

    def __init__(self) -> None:
        sentences = fit_phrases.written()
        self.unspoken = {real: [one.text for one in sentences if one.real == real]
                         for real in (True, False)}
        self._unseen = fit_phrases.unseen([*sentences, *fit_phrases.heard()])

    def whole(self, text: str, addressee: Addressee) -> float | None:
        known = self._unseen.get(text)
        return addressee.as_a_whole(text) if known is None else known


def rows(outcome: Outcome, addressee: Addressee, texts: Texts) -> list[Row]:
    item, final = outcome.item, outcome.final
    base = BROADCASTS if item.label == BROADCAST else 1.0
    cues = addressee.cues_of(outcome.situation)
    found = [
        _row(outcome, addressee, final.text, groups, share * base, cues, texts)
        for groups, share in COPIES
    ]
    if item.text and item.label != BROADCAST:
        found.append(_row(outcome, addressee, item.text, ('camera',), TRUE_WORDS * base, cues,
                          texts))
    return found


def _row(outcome: Outcome, addressee: Addressee, text: str, left: Sequence[str], weight: float,
         cues: tuple, texts: Texts) -> Row:
    # how surely words were heard is said of those alone
    kept = tuple((name, value) for name, value in cues
                 if (text == outcome.final.text if name == SURE else
                     CUES[name].group not in left))
    found = values(addressee.signs_of(text), addressee.dialogue_of(text, outcome.situation), kept,
                   rules=addressee.by_words(text), whole=texts.whole(text, addressee))
    return Row(outcome.item.scene, found, outcome.item.for_robot, weight)


def lent_rows(outcome: Outcome, addressee: Addressee, texts: Texts, rng: Random) -> list[Row]:
    """Other words for the same listener in the mouth of who spoke."""
    item = outcome.item
    if item.kind in REPLYING:
        return []
    weight = LENT_SHARE / LENT * (BROADCASTS if item.label == BROADCAST else 1.0)
    lent = texts.unspoken[item.for_robot]
    cues = addressee.cues_of(outcome.situation)
    return [
        _row(outcome, addressee, rng.choice(lent), LENT_LEFT[index % len(LENT_LEFT)], weight, cues,
             texts)
        for index in range(LENT)
    ]


def table_of(heard: Heard, addressee: Addressee, seed: int, texts: Texts) -> list[Row]:
    """All rows: of the dialogue as the labels have it, of runs in which the robot errs, and of
    sentences that were never spoken.
    """
    runs = [Trial(addressee, told=Random(seed))]
    runs += [Trial(addressee, told=Random(seed + 1 + run), told_wrong=WRONG)
             for run in range(STRAYED)]
    lending = Random(seed)
    found = [
        row for run in runs for one in run.run(heard) if one.final is not None
        for row in (*rows(one, addressee, texts), *lent_rows(one, addressee, texts, lending))
    ]
    return ([replace(row, weight=row.weight / len(runs)) for row in found]
            + read_rows(addressee, texts))


def read_rows(addressee: Addressee, texts: Texts) -> list[Row]:
    """Sentences of which nothing is known but the words: as much of them is for the robot as is
    not.
    """
    found = []
    for real, mine in texts.unspoken.items():
        for text in mine:
            signs = values(addressee.signs_of(text), (), (), rules=addressee.by_words(text),
                           whole=texts.whole(text, addressee))
            known = {name: value for name, value in signs.items() if name not in MISSING}
            found.append(Row(text, known, real, READ / 2 / len(mine)))
    return found


def matrix(table: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.array([[row.values.get(name, 0.0) for name in COLUMNS] for row in table])
    return x, np.array([float(row.real) for row in table]), np.array([row.weight for row in table])


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """(n, d), (n,), (n,) -> (d + 1,): bias first, which is hardly held back. A weight outside of
    its bounds is held at the nearer one, and the others are fitted again.
    """
    held: dict[int, float] = {}
    while True:
        free = np.array([i not in held for i in range(x.shape[1])])
        full = np.zeros(x.shape[1] + 1)
        for index, value in held.items():
            full[1 + index] = value
        beta = _newton(x[:, free], y, weight, ridge, x @ full[1:])
        full[0], full[1:][free] = beta[0], beta[1:]
        wrong = {
            index: float(np.clip(full[1 + index], *bounds(name)))
            for index, name in enumerate(COLUMNS)
            if not bounds(name)[0] <= full[1 + index] <= bounds(name)[1]
        }
        if not wrong:
            return full
        held.update(wrong)


def bounds(name: str) -> tuple[float, float]:
    """Of a weight."""
    return 0.0 if name in POSITIVE else -np.inf, 0.0 if name in NEGATIVE else np.inf


def _newton(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float,
            offset: np.ndarray) -> np.ndarray:
    design = np.hstack([np.ones((len(x), 1)), x])
    held = np.diag([1e-3, *[ridge] * x.shape[1]])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(offset + design @ beta, -50, 50)))
        gradient = design.T @ (weight * (p - y)) + held @ beta
        step = np.linalg.solve(design.T @ (design * (weight * p * (1 - p))[:, None]) + held,
                               gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def loss(logits: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    p = np.clip(1 / (1 + np.exp(-np.clip(logits, -50, 50))), 1e-6, 1 - 1e-6)
    return float(-(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() / weight.sum())


def left_out(table: Sequence[Row], ridge: float, seed: int) -> np.ndarray:
    """Log odds of every row from a fit that has not seen its scene."""
    x, y, weight = matrix(table)
    names = sorted({row.scene for row in table})
    np.random.default_rng(seed).shuffle(names)
    of = {name: index % FOLDS for index, name in enumerate(names)}
    fold = np.array([of[row.scene] for row in table])
    logits = np.zeros(len(table))
    for k in range(FOLDS):
        beta = fit(x[fold != k], y[fold != k], weight[fold != k], ridge)
        logits[fold == k] = beta[0] + x[fold == k] @ beta[1:]
    return logits


def fitted(table: Sequence[Row], seed: int) -> tuple[Judgement, dict[str, float]]:
    x, y, weight = matrix(table)
    tried = {ridge: left_out(table, ridge, seed) for ridge in RIDGES}
    losses = {ridge: loss(logits, y, weight) for ridge, logits in tried.items()}
    ridge = min(losses, key=lambda one: losses[one])
    scales = np.linspace(0.4, 1.3, 46)
    scale = float(min(scales, key=lambda one: loss(one * tried[ridge], y, weight)))
    beta = scale * fit(x, y, weight, ridge)
    right = ((tried[ridge] >= 0) == (y > 0.5)) @ weight / weight.sum()
    print(
        f'ridge {ridge}, temperature {1 / scale:.2f}, left out: log loss {losses[ridge]:.3f}, '
        f'right {right:.3f}'
    )
    judgement = Judgement(round(float(beta[0]), 4), {
        name: round(float(w), 4)
        for name, w in zip(COLUMNS, beta[1:])
    })
    return judgement, {
        'ridge': ridge,
        'temperature': round(1 / scale, 3),
        'log_loss_left_out': round(losses[ridge], 4),
        'right_left_out': round(float(right), 4),
        'rows': len(table)
    }


def margin_weight(outcomes: Sequence[Outcome], judgement: Judgement,
                  addressee: Addressee) -> tuple[float, int]:
    """Share of the language model's log odds where the rest was unsure, by the log loss."""
    judge, asked = Judge('qwen2_5_0_5b'), []
    # an opinion that counts nothing is not asked for
    asking = Addressee(addressee.params, Judgement(
        judgement.bias, {**judgement.weights, MODEL: 1.0}, addressee.judgement.phrases))
    for outcome in outcomes:
        kept = replace(
            outcome.situation,
            cues=tuple(cue for cue in outcome.situation.cues
                       if cue[0] == SURE or CUES[cue[0]].group != 'camera'))
        score = asking.score(outcome.final.text, kept)
        if not score.decisive and outcome.final.text:
            logit = np.log(score.probability / (1 - score.probability))
            asked.append((logit, judge(outcome.final.text)[0], outcome.item.for_robot))
    if len(asked) < 10:
        return 0.0, len(asked)
    logits, margins, real = (np.array(column, float) for column in zip(*asked))
    margins = np.clip(margins, -MARGIN_LIMIT, MARGIN_LIMIT)
    weights = np.linspace(0.0, 3.0, 61)
    losses = [
        loss(logits + one * margins, real, np.ones(len(real))) + 0.005 * one**2 for one in weights
    ]
    best = int(np.argmin(losses))
    print(
        f'asked about {len(asked)}: log loss {losses[0]:.3f} without and {losses[best]:.3f} with '
        'the language model'
    )
    return float(weights[best]), len(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--set', type=Path,
                        help='a folder with a development half (default: our own)')
    parser.add_argument('--no-model', action='store_true', help='do not ask the language model')
    parser.add_argument('--out', type=Path,
                        default=share_dir() / 'config' / 'addressee' / 'addressee.json')
    parser.add_argument('--recogniser', default=DEFAULT, help='as in omni-agent bench addressee')
    arguments = parser.parse_args()
    folder = arguments.set or own_addressee_set.folder('development')
    items = [item for item in addressee_sets.read(folder) if item.half == 'development']
    heard = addressee_sets.heard(folder, items, listener(arguments.recogniser))
    addressee = Addressee(AddresseeParams(), Judgement(0.0, {}, addressee_model.phrases()))
    outcomes = [
        one for one in Trial(addressee, told=Random(arguments.seed)).run(heard)
        if one.final is not None
    ]
    table = table_of(heard, addressee, arguments.seed, Texts())
    judgement, figures = fitted(table, arguments.seed)
    share, asked = ((0.0,
                     0) if arguments.no_model else margin_weight(outcomes, judgement, addressee))
    print(f'language model: {share:.2f} per log odd, asked about {asked} of {len(outcomes)}')
    weights = {**judgement.weights, MODEL: round(share, 3)}
    data = {
        'version': VERSION,
        'seed': arguments.seed,
        'fitted_on': f'{len(outcomes)} utterances of the development half ({folder.name}), '
                     f'words of {arguments.recogniser}',
        'bias': judgement.bias,
        'weights': {
            name: value
            for name, value in weights.items() if value
        },
        'figures': {
            **figures, 'asked': asked
        }
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(data, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
