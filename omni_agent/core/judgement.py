"""Evidence about whom an utterance was for -> log odds, with weights that were fitted and not set.

``tools/fit_addressee.py`` writes them from the development half into
config/addressee/addressee.json. The sum is the whole model: every share can be shown. What was not
measured has the share of nothing known, fitted with parts of the evidence left out.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Iterable, Mapping

from .address_phrases import Phrases
from .address_words import SIGNS
from .checked_table import FieldError, Table
from .cues import CUES, GROUPS, SURE, Cues, scaled
from .errors import ConfigError

VERSION = 1
LARGEST = 20.0           # of a weight; more was not fitted
DIALOGUE = ('the robot just spoke', 'the robot spoke', 'the robot asked', 'people are talking',
            'people were talking', 'an answer to its question', 'still speaks about it')
MODEL = 'language model'
# what the rules set by hand (core/addressee.py) make of the words: one strong cue among the weak
RULES = 'its words, by the rules'
RULES_SCALE = 1.5        # [log odds] of them that count as one
# what all the words are like (core/address_phrases.py)
WHOLE = 'its words, as a whole'
WHOLE_SCALE = 2.0        # [log odds] of them that count as one
MARGIN_LIMIT = 4.0       # of the language model's log odds
# [nat] of the tokens: down to the first words count fully, one further down hardly at all
SURELY, GUESSED, GUESS = -0.1, -1.1, 0.15
CALLED = 'its name'      # is found by two witnesses, or not at all
MISSING = tuple(f'without {group}' for group in ('voice', 'source', 'camera'))
NAMES = (*SIGNS, RULES, WHOLE, *DIALOGUE, *CUES, *MISSING, MODEL)


def group_of(name: str) -> str:
    """Which of GROUPS a piece of evidence belongs to; of a person who is called, 'words'."""
    if name in CUES:
        return CUES[name].group
    if name in DIALOGUE:
        return 'dialogue'
    if name in MISSING:
        return name.split(' ', 1)[1]
    return MODEL if name == MODEL else 'words'


def values(signs: Iterable[str], dialogue: Iterable[str], cues: Cues,
           margin: float | None = None, rules: float | None = None,
           whole: float | None = None) -> dict[str, float]:
    """Every piece of evidence that there is, as the model takes it; most are 0 or 1, cues lie in
    [-2, 2], and so do ``rules`` and ``whole``, the log odds of the words by rules over RULES_SCALE
    and by their phrases over WHOLE_SCALE. Words of which the recogniser is not sure tell less.
    """
    cues = tuple(cues)
    heard = weight_of_words(dict(cues).get(SURE))
    found = {name: 1.0 if name == CALLED else heard for name in signs}
    found.update({name: 1.0 for name in dialogue})
    for name, odds, scale in ((RULES, rules, RULES_SCALE), (WHOLE, whole, WHOLE_SCALE)):
        if odds is not None:
            found[name] = heard * max(-2.0, min(2.0, odds / scale))
    found.update({
        name: scaled(name, value)
        for name, value in cues if name in CUES and math.isfinite(value)
    })
    groups = {CUES[name].group for name in found if name in CUES}
    found.update({name: 1.0 for name in MISSING if name.split(' ', 1)[1] not in groups})
    if margin is not None and math.isfinite(margin):
        found[MODEL] = max(-MARGIN_LIMIT, min(MARGIN_LIMIT, margin))
    return found


def weight_of_words(sure: float | None) -> float:
    """In [GUESS, 1], by the mean log probability [nat] of their tokens; 1 where it is not known."""
    if sure is None or not math.isfinite(sure):
        return 1.0
    return max(GUESS, min(1.0, (sure - GUESSED) / (SURELY - GUESSED)))


@dataclass(frozen=True)
class Judgement:
    """bias + weights . values [log odds]; already calibrated. ``phrases``: for WHOLE, which is
    missing without them.
    """

    bias: float
    weights: Mapping[str, float]
    phrases: Phrases | None = None

    def shares(self, found: Mapping[str, float]) -> dict[str, float]:
        """The share of each piece of evidence; their sum is the score."""
        return {
            'prior': self.bias,
            **{
                CUES[name].words if name in CUES else name: self.weights.get(name, 0.0) * value
                for name, value in found.items()
            }
        }


def parse(text: str) -> Judgement:
    """The file that the fit wrote. Raises ConfigError."""
    advice = 'fit them again with tools/fit_addressee.py'
    try:
        table = Table(json.loads(text), ())
        table.number('version', None, VERSION, VERSION)
        table.number('seed', None, 0, 2**32)
        table.text('fitted_on')
        bias = table.number('bias', None, -LARGEST, LARGEST)
        weights_table = table.table('weights')
        weights = {name: weights_table.number(name, 0.0, -LARGEST, LARGEST) for name in NAMES}
        weights_table.finish()
        table.table('figures')
        table.finish()
    except ValueError as error:
        raise ConfigError(
            f'the weights of the addressee are not JSON ({error}): {advice}') from error
    except FieldError as error:
        raise ConfigError(f'the weights of the addressee are wrong: {error}: {advice}') from error
    return Judgement(bias, weights)


def groups_of(names: Iterable[str]) -> tuple[str, ...]:
    """In the order of GROUPS."""
    there = {group_of(name) for name in names}
    return tuple(group for group in GROUPS if group in there)
