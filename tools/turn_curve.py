"""Draws how well the end of a turn can be told from a pause at all, on the development half of
``bench turns``: never the test half.

    python tools/turn_curve.py [--seed 1] [--png FILE]

Each signal by itself, all of them in a ridge logistic regression (whole recordings left out, so
that no sentence is judged by weights that know it), and the rule that is used. What counts is how
many pauses are taken for ends where half of the true ends, and a little more, are answered soon:
the median waits no longer than those.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from omni_agent.backends import RATE, languages, load, turn_set  # noqa: E402
from omni_agent.backends.turn_memo import Memo, Models  # noqa: E402
from omni_agent.backends.turn_play import Play  # noqa: E402
from omni_agent.backends.turn_set import LEAD_S, MID_SENTENCE, Turn  # noqa: E402
from omni_agent.cli.bench_turns import Row, rows  # noqa: E402
from omni_agent.core.end_of_turn import PAUSES, EndOfTurn, EndOfTurnParams  # noqa: E402
from omni_agent.core.events import Transcript  # noqa: E402
from omni_agent.core.lexicon import UNFINISHED  # noqa: E402

LAGS_S = (0.0, 0.1, 0.2, 0.4)        # silence that Smart Turn is given to hear
SOON = (0.5, 0.55, 0.6, 0.7)         # shares of the true ends that are answered soon
FUSED = ('smart turn 0.1 s', 'sentence end', 'trailing word', 'comma', 'pitch', 'level')
RIDGE, FOLDS, ROUNDS = 1.0, 8, 8
FRAME, HOP = 640, 160                # 40 ms every 10 ms
PITCH_HZ = (75, 400)
VOICED, LOUD_DB = 0.5, 25.0


@dataclass(frozen=True)
class Silence:
    """What is known 0.1 s after a voice fell silent, larger where it rather was the end."""

    recording: str
    is_end: bool
    signals: dict[str, float]


def silences(memo: Memo, turns: Sequence[Turn], rule: EndOfTurn) -> list[Silence]:
    found = []
    for turn in turns:
        for row in rows(turn, Play(memo).run(turn.samples)):
            if row.final is not None and row.kind in (*MID_SENTENCE, 'end'):
                found.append(Silence(turn.name.partition('+')[0], row.kind == 'end',
                                     signals(memo, row, rule)))
    return found


def signals(memo: Memo, row: Row, rule: EndOfTurn) -> dict[str, float]:
    final, sound = row.final, row.turn.samples
    begin, text = round((LEAD_S - 0.5) * RATE), final.text
    ending = memo.ending(text)[0]
    heard = {f'smart turn {lag:.1f} s':
             log_odds(memo.turn_end(sound[begin:round((final.stopped + lag) * RATE)])[0])
             for lag in LAGS_S if lag < row.length}
    said = Transcript(0.0, 1, text, True, 1.0, final.turn_end)
    lexicon = languages.lexicon()
    return {**heard, 'sentence end': log_odds(ending),
            'trailing word': -float(lexicon.is_trailing(text.rstrip(PAUSES))),
            'comma': -float(text.rstrip().endswith(UNFINISHED)),
            **melody(sound[begin:round((final.stopped + 0.06) * RATE)]),
            'the rule': -rule.silence_s(said, ending)}


def log_odds(share: float) -> float:
    share = min(max(share, 0.003), 0.997)
    return float(np.log(share / (1 - share)))


def melody(sound: np.ndarray) -> dict[str, float]:
    """How low the voice ends, in semitones above the lowest it gets, and how soft; by
    autocorrelation.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(float), FRAME)[::HOP]
    frames = frames - frames.mean(1, keepdims=True)
    level = 10 * np.log10((frames ** 2).mean(1) + 1e-10)
    window = np.hanning(FRAME)
    alike = np.fft.irfft(np.abs(np.fft.rfft(frames * window, 2048)) ** 2)[:, :FRAME]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)[:FRAME]
    alike = alike / (alike[:, :1] + 1e-12) / (own / own[0] + 1e-3)
    low, high = RATE // PITCH_HZ[1], RATE // PITCH_HZ[0]
    lag = low + alike[:, low:high].argmax(1)
    loud = level > np.percentile(level, 95) - LOUD_DB
    voiced = np.flatnonzero(loud & (alike[np.arange(lag.size), lag] > VOICED))
    end = int(np.flatnonzero(loud)[-1]) + 1
    found = {'level': float(level[loud].mean() - level[max(0, end - 20):end].mean())}
    if voiced.size >= 20:
        tones = 12 * np.log2(RATE / lag[voiced])
        found['pitch'] = float(np.percentile(tones, 10) - np.median(tones[-5:]))
    return found


def column(table: Sequence[Silence], name: str) -> np.ndarray:
    """What was not measured is in the middle."""
    values = np.array([one.signals.get(name, np.nan) for one in table])
    return np.where(np.isnan(values), np.nanmean(values), values)


def fused(table: Sequence[Silence], is_end: np.ndarray, seed: int) -> np.ndarray:
    """Scores of each silence by weights that never saw its recording."""
    x = np.stack([column(table, name) for name in FUSED], axis=1)
    x = np.c_[np.ones(len(x)), (x - x.mean(0)) / (x.std(0) + 1e-9)]
    weight = np.where(is_end, 0.5 / is_end.mean(), 0.5 / (1 - is_end.mean()))
    names = sorted({one.recording for one in table})
    rng, scores = np.random.default_rng(seed), np.zeros(len(table))
    for _ in range(ROUNDS):
        fold_of = dict(zip(names, rng.permutation(len(names)) % FOLDS))
        fold = np.array([fold_of[one.recording] for one in table])
        for left in range(FOLDS):
            kept = fold != left
            scores[~kept] += x[~kept] @ _newton(x[kept], is_end[kept], weight[kept]) / ROUNDS
    return scores


def _newton(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    beta, ridge = np.zeros(x.shape[1]), RIDGE * np.eye(x.shape[1])
    ridge[0, 0] = 1e-6
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ beta))
        slope = x.T @ (weight * (p - y)) + ridge @ beta
        beta = beta - np.linalg.solve((x.T * (weight * p * (1 - p))) @ x + ridge, slope)
    return beta


def area(scores: np.ndarray, is_end: np.ndarray) -> float:
    """Probability that an end scores above a pause."""
    pauses, ends = scores[~is_end], scores[is_end][:, None]
    return float(np.mean((ends > pauses) + 0.5 * (ends == pauses)))


def taken(scores: np.ndarray, is_end: np.ndarray, soon: float) -> float:
    """Share of the pauses taken for ends where ``soon`` of the ends are."""
    return float(np.mean(scores[~is_end] >= np.quantile(scores[is_end], 1 - soon)))


def draw(path: Path, curves: dict[str, np.ndarray], is_end: np.ndarray) -> None:
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.5, 4.0), layout='constrained')
    shares = np.linspace(0.02, 1.0, 99)
    for name in ('smart turn 0.1 s', 'sentence end', 'all of them, cross-validated'):
        axes.plot(shares, [taken(curves[name], is_end, share) for share in shares], label=name)
    clear = curves['the rule'] == curves['the rule'].max()
    axes.plot(clear[is_end].mean(), clear[~is_end].mean(), 'o', label='the rule')
    axes.axvline(0.5, color='grey', linewidth=0.8)
    axes.set(xlabel='true ends answered soon', ylabel='pauses taken for ends', xlim=(0, 1),
             ylim=(0, 1))
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0])
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--png', type=Path)
    arguments = parser.parse_args()
    recognise = load.recogniser('moonshine')
    memo = Memo(Models(load.vad('silero'), recognise, load.turn_end('smart_turn'),
                       ending=load.sentence_end('smollm2_135m'), strict=load.vad('silero')))
    turns = [one for one in turn_set.build(recognise) if one.half == 'development']
    table = silences(memo, turns, EndOfTurn(EndOfTurnParams(), languages.lexicon()))
    is_end = np.array([one.is_end for one in table])
    names = sorted({name for one in table for name in one.signals})
    curves = {name: column(table, name) for name in names}
    curves['all of them, cross-validated'] = fused(table, is_end, arguments.seed)
    print(f'{is_end.sum()} true ends, {(~is_end).sum()} pauses')
    print(f'{"":30}area  pauses taken for ends where so many ends are answered soon: '
          + ' '.join(f'{share:.2f}' for share in SOON))
    for name, scores in curves.items():
        shares = ' '.join(f'{taken(scores, is_end, share):.2f}' for share in SOON)
        print(f'{name:30}{area(scores, is_end):.3f} {shares}')
    clear = curves['the rule'] == curves['the rule'].max()
    print(f'the rule: {clear[is_end].mean():.3f} of the ends are answered soon, '
          f'{clear[~is_end].mean():.3f} of the pauses are taken for ends')
    if arguments.png is not None:
        draw(arguments.png, curves, is_end)


if __name__ == '__main__':
    main()
