"""The only place that draws how far a score can be believed: what was said against what was so,
and how scores lie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Sequence

from omni_agent.cli import plotting
from omni_agent.core.addressee_figures import Bin, calibration
from omni_agent.core.addressee_set import BROADCAST, FOR_ROBOT, TO_OTHERS
from omni_agent.core.addressee_trial import Outcome

INK, MUTED, GRID = '#1a1d21', '#6b7280', '#e5e7eb'
COLOURS = {FOR_ROBOT: '#0f766e', TO_OTHERS: '#c2410c', BROADCAST: '#7c3aed'}
RUNS = ('#2a78d6', '#9aa3ad')


def draw(path: Path, runs: Mapping[str, Sequence[Outcome]]) -> None:
    """``runs``: outcomes by what they rest on, the main one first. Raises BackendError without
    matplotlib.
    """
    pyplot = plotting.pyplot()
    figure, (curve, scores) = pyplot.subplots(1, 2, figsize=(10, 4.4))
    curve.plot((0, 1), (0, 1), color=GRID)
    for colour, (name, outcomes) in zip(RUNS, runs.items()):
        _curve(curve, name, calibration(outcomes), colour)
    curve.set_xlabel('score', color=MUTED)
    curve.set_ylabel('share that was for the robot', color=MUTED)
    curve.legend(frameon=False, fontsize=9)
    _scores(scores, next(iter(runs.values())))
    for axes in (curve, scores):
        axes.tick_params(colors=MUTED, length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _curve(axes: object, name: str, bins: Sequence[Bin], colour: str) -> None:
    axes.plot([one.expected for one in bins], [one.observed for one in bins], color=colour,
              label=name)
    axes.scatter([one.expected for one in bins], [one.observed for one in bins], color=colour,
                 s=[8 + 2 * one.count for one in bins])


def _scores(axes: object, outcomes: Sequence[Outcome]) -> None:
    by_label = {
        label: [
            one.score.probability for one in outcomes
            if one.score is not None and one.item.label == label
        ]
        for label in COLOURS
    }
    axes.hist(list(by_label.values()), bins=20, range=(0, 1), stacked=True,
              color=list(COLOURS.values()),
              label=[f'for the {label}' if label == FOR_ROBOT else label for label in by_label])
    axes.set_xlabel('score', color=MUTED)
    axes.set_ylabel('utterances', color=MUTED)
    axes.legend(frameon=False, fontsize=9)
