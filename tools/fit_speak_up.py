"""Fits the weights by which changes are scored, from the development half of the labelled videos,
from scenes drawn out of its pictures, and from folders of other videos: never the test half.

    python tools/fit_speak_up.py [--drawn 36] [--set DIR ...] [--keep holds] [--seed 1]

Every candidate at every look is one example: real if a labelled moment of its instruction is near;
left out if it is neither near nor far.
Examples of one candidate share a weight of one. Decoys are what the detector imagines: things that
come and go without being in the clip at all. Ridge logistic regression by Newton's method; the
ridge is chosen by leaving clips out.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from omni_agent.backends import composed_scenes, drawn_scenes, labelled_videos  # noqa: E402
from omni_agent.backends import proactive_set, watching  # noqa: E402
from omni_agent.backends.labelled_videos import Clip, Settings  # noqa: E402
from omni_agent.backends.vision import LABELS, NanoDet  # noqa: E402
from omni_agent.core.moments import NEAR_S, Watch  # noqa: E402
from omni_agent.core.speak_score import (FEATURES, MODEL_OF, MODELS, VERSION, Around,  # noqa: E402
                                         features)
from omni_agent.core.speak_up import SpeakUp  # noqa: E402
from omni_agent.core.speak_up_params import SpeakUpParams  # noqa: E402
from omni_agent.core.watch_events import Looked  # noqa: E402
from omni_agent.core.watch_items import Kind, WatchItem, WatchItems  # noqa: E402
from omni_agent.core.track import Track, family  # noqa: E402
from omni_agent.share import share_dir  # noqa: E402

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 5
# from a moment, within which a candidate is surely that; up to NEAR_S it may be, or something else
SURELY_S = 1.2
# of a candidate for one of some sixty labels that nobody has asked for
DECOY_WEIGHT = 0.2
# What may come with a person or lie about unlabelled: no decoys
AROUND = ('sports ball', 'tie', 'backpack', 'handbag', 'suitcase', 'kite', 'bird', 'potted plant',
          'vase', 'book')


@dataclass(frozen=True)
class Example:
    clip: str
    model: str
    candidate: str
    values: tuple[float, ...]
    real: bool
    weight: float


class Listening:
    """A scorer that is never sure and writes down what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[Kind, Track | None, float, float, Around]] = []

    def score(self, kind: Kind, track: Track | None, since: float, now: float,
              around: Around = Around()) -> tuple[float, tuple[tuple[str, float], ...]]:
        if kind is not Kind.COUNT:               # asked of every track that a state is about
            self.asked.append((kind, track, since, now, around))
        return (0.0, ()) if kind is not Kind.COUNT else (1.0, ())


def examples(clip: Clip, looks: Sequence[Looked]) -> Iterator[Example]:
    for watch in clip.watches:
        items = WatchItems(watching.watch_words())
        item = items.hear(watch.say, watch.ask_s).item
        listening = Listening()
        machine = SpeakUp(SpeakUpParams(), listening, items)
        for look in looks:
            machine.step(look, look.t)
        yield from _asked(clip.name, item, watch, listening)
    yield from _imagined(clip, looks)


def _imagined(clip: Clip, looks: Sequence[Looked]) -> Iterator[Example]:
    words = watching.watch_words()
    there = {
        family(label)
        for watch in clip.watches
        for label in WatchItems(words).hear(watch.say, 0.0).item.labels
    }
    decoys = tuple(label for label in LABELS if family(label) not in there and label not in AROUND)
    for kind in (Kind.APPEARS, Kind.LEAVES):
        items = WatchItems(words)
        items.hear(
            'Tell me when a dog comes in.'
            if kind is Kind.APPEARS else 'Tell me when a dog leaves.', 0.0)
        items._items = [replace(one, labels=decoys) for one in items]
        listening = Listening()
        machine = SpeakUp(SpeakUpParams(), listening, items)
        for look in looks:
            machine.step(look, look.t)
        item, = items
        yield from _asked(clip.name, item, Watch(f'decoys {kind.value}', ()), listening,
                          DECOY_WEIGHT)


def _asked(clip: str, item: WatchItem, watch: Watch, listening: Listening,
           weight: float = 1.0) -> Iterator[Example]:
    for kind, track, since, now, around in listening.asked:
        if track is None or any(span.near(since, 0.0) for span in watch.unsure):
            continue
        near = any(span.near(since, SURELY_S) for span in watch.moments)
        if not near and any(span.near(since, NEAR_S) for span in watch.moments):
            continue
        candidate = f'{clip} {watch.say} {track.id} {since:.2f}'
        # what came in also tells how a thing looks that is really there
        for model in {MODEL_OF[kind], 'holds' if kind is Kind.APPEARS else MODEL_OF[kind]}:
            values = features(model, track, since, now, around)
            yield Example(clip, model, candidate, tuple(values[name] for name in FEATURES[model]),
                          near, weight)


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """(n, d), (n,), (n,) -> (d + 1,): bias first, which is hardly held back."""
    design = np.hstack([np.ones((len(x), 1)), x])
    held = np.diag([1e-3, *[ridge] * x.shape[1]])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -50, 50)))
        gradient = design.T @ (weight * (p - y)) + held @ beta
        step = np.linalg.solve(design.T @ (design * (weight * p * (1 - p))[:, None]) + held,
                               gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def loss(x: np.ndarray, y: np.ndarray, weight: np.ndarray, beta: np.ndarray) -> float:
    p = np.clip(1 / (1 + np.exp(-np.clip(beta[0] + x @ beta[1:], -50, 50))), 1e-6, 1 - 1e-6)
    return float(-(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() / weight.sum())


def fitted(found: Sequence[Example], model: str, seed: int) -> dict[str, float]:
    mine = [one for one in found if one.model == model]
    counts: dict[str, int] = {}
    for one in mine:
        counts[one.candidate] = counts.get(one.candidate, 0) + 1
    x = np.array([one.values for one in mine])
    y = np.array([float(one.real) for one in mine])
    weight = np.array([one.weight / counts[one.candidate] for one in mine])
    scenes = sorted({one.clip for one in mine})
    np.random.default_rng(seed).shuffle(scenes)
    fold = np.array([scenes.index(one.clip) % FOLDS for one in mine])
    losses = {}
    for ridge in RIDGES:
        held_out = [
            loss(x[fold == k], y[fold == k], weight[fold == k],
                 fit(x[fold != k], y[fold != k], weight[fold != k], ridge)) *
            weight[fold == k].sum() for k in range(FOLDS)
            if (fold == k).any() and (fold != k).any()
        ]
        losses[ridge] = sum(held_out) / weight.sum()
    ridge = min(losses, key=lambda one: losses[one])
    beta = fit(x, y, weight, ridge)
    share = float((weight * y).sum() / weight.sum())
    print(
        f'{model}: {len(counts)} candidates in {len(scenes)} clips, {share:.2f} real, ridge '
        f'{ridge}, '
        f'log loss left out {losses[ridge]:.3f} (a constant: '
        f'{loss(x, y, weight, _constant(x, share)):.3f})'
    )
    return {
        'bias': round(float(beta[0]), 4),
        **{
            name: round(float(value), 4)
            for name, value in zip(FEATURES[model], beta[1:])
        }, 'examples': len(counts),
        'share_real': round(share, 4),
        'log_loss': round(losses[ridge], 4)
    }


def _constant(x: np.ndarray, share: float) -> np.ndarray:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return np.array([np.log(share / (1 - share)), *np.zeros(x.shape[1])])


def _clips(arguments: argparse.Namespace) -> Iterator[Clip]:
    for clips in (labelled_videos.own(), *map(labelled_videos.read, arguments.set)):
        yield from (clip for clip in clips if clip.half == 'development')
    studio = composed_scenes.Studio(proactive_set.Library().find)
    stock = composed_scenes.read_stock(proactive_set.folder() / 'scenes.yaml')
    for number in range(arguments.drawn):
        yield labelled_videos.composed(drawn_scenes.draw(number, stock, studio), studio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--drawn', type=int, default=36, metavar='N',
                        help='scenes drawn by chance from pictures of the development half')
    parser.add_argument('--set', type=Path, action='append', default=[], metavar='DIR',
                        help='a folder with videos and a labels.csv: its development half')
    parser.add_argument('--keep', choices=MODELS, action='append', default=[],
                        help='leave this one as it is in the file')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--out', type=Path,
                        default=share_dir() / 'config' / 'watching' / 'speak_up.json')
    arguments = parser.parse_args()
    settings = Settings()
    detect = NanoDet(score=settings.tracks.keep_score)
    found: list[Example] = []
    for clip in _clips(arguments):
        looks = labelled_videos.watch(clip, detect, Listening(), settings).looks
        found += examples(clip, looks)
        print(f'{clip.name}: {len(found)} examples so far', file=sys.stderr)
    sets = ''.join(f', {folder.name}' for folder in arguments.set)
    data = {'version': VERSION, 'seed': arguments.seed,
            'fitted_on': f'development half, {arguments.drawn} drawn scenes{sets}',
            **{model: fitted(found, model, arguments.seed) for model in MODELS
               if model not in arguments.keep}}
    if arguments.keep:
        known = json.loads(arguments.out.read_text(encoding='utf-8'))
        data.update((model, known[model]) for model in arguments.keep)
        data['fitted_on'] += f"; {', '.join(arguments.keep)}: {known['fitted_on']}"
    arguments.out.write_text(json.dumps(data, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
