"""How likely a change is real, from how well its track was seen: a logistic whose weights are
fitted, not set.

``tools/fit_speak_up.py`` writes them from development clips into config/watching/speak_up.json.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Mapping

from .checked_table import Table
from .errors import ConfigError
from .track import Track
from .watch_items import Kind

VERSION = 1
MODELS = ('appears', 'leaves', 'holds')
MODEL_OF = {Kind.APPEARS: 'appears', Kind.LEAVES: 'leaves',
            Kind.ALONE: 'holds', Kind.MOVES: 'holds', Kind.COUNT: 'holds'}
FEATURES = {
    'appears': ('score', 'best', 'stability', 'age', 'size', 'edge', 'inward', 'near_lost',
                'other'),
    'leaves': ('score', 'best', 'stability', 'age', 'size', 'edge', 'outward', 'gone', 'border',
               'covered'),
    'holds': ('score', 'best', 'stability', 'age', 'size', 'held'),
}
LARGEST = 100.0           # of a weight; more was not fitted


@dataclass(frozen=True)
class Logistic:
    """bias + weights . features [log odds]"""

    bias: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Around:
    """What a track alone does not tell; the defaults are for what has no place in the picture."""

    covered: float = 0.0         # share of its place that others of its kind covered meanwhile
    border: float = 0.5          # how far that is from the nearest border [its own heights]
    other: bool = False          # one that was there, and was not seen just then, may be it


def features(model: str, track: Track | None, since: float, now: float,
             around: Around = Around()) -> dict[str, float]:
    """Evidence in about [0, 1] each; None: it is about things that are not there."""
    if track is None:
        return {name: 0.0 for name in FEATURES[model]}
    found = {'score': track.score, 'best': track.best, 'stability': track.stability,
             'age': min(1.0, (track.last_s - track.first_s) / 2.0), 'size': math.sqrt(track.share),
             'edge': float(track.began_at_edge if model == 'appears' else track.at_edge),
             'inward': _pace(track), 'outward': _pace(track), 'near_lost': float(track.near_lost),
             'gone': min(1.0, (now - since) / 3.0), 'held': min(1.0, (now - since) / 3.0),
             'covered': around.covered, 'border': min(1.0, around.border),
             'other': float(around.other)}
    return {name: found[name] for name in FEATURES[model]}


def _pace(track: Track) -> float:
    """How fast it goes, in picture widths a second: what stands in a doorway pretends; what walks
    is there.
    """
    return min(1.0, 4.0 * math.hypot(*track.speed))


class Scorer:
    """Holds the fitted weights."""

    def __init__(self, models: Mapping[str, Logistic]) -> None:
        self._models = dict(models)

    def score(self, kind: Kind, track: Track | None, since: float, now: float,
              around: Around = Around()) -> tuple[float, tuple[tuple[str, float], ...]]:
        """(probability, the share of each piece of evidence in log odds)"""
        name = MODEL_OF[kind]
        model = self._models[name]
        # nobody is left: a state, and certain once it holds
        if track is None:
            return 1.0, (('nothing is seen', LARGEST),)
        evidence = {
            'prior': model.bias,
            **{
                key: model.weights[key] * value
                for key, value in features(name, track, since, now, around).items()
            }
        }
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, sum(evidence.values()))))), tuple(
            evidence.items())


def parse(text: str) -> Scorer:
    """The file that the fit wrote. Raises ConfigError."""
    try:
        table = Table(json.loads(text), ())
    except ValueError as error:
        raise ConfigError(
            f'the weights for speaking up are not JSON ({error}): fit them again with '
            'tools/fit_speak_up.py') from error
    table.number('version', None, VERSION, VERSION)
    table.number('seed', None, 0, 2**32)
    table.text('fitted_on')
    models = {}
    for name in MODELS:
        one = table.table(name)
        weights = {key: one.number(key, None, -LARGEST, LARGEST) for key in FEATURES[name]}
        models[name] = Logistic(one.number('bias', None, -LARGEST, LARGEST), weights)
        one.number('examples', None, 1, 1e9)
        one.number('share_real', None, 0, 1)
        one.number('log_loss', None, 0, 100)
        one.finish()
    table.finish()
    return Scorer(models)
