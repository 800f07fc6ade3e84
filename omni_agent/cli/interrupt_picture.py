"""The only place that draws what became of a set of interruptions: a row for each kind, a dot for
each item.
"""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from omni_agent.cli import plotting
from omni_agent.core.interrupt_figures import Fate
from omni_agent.core.interrupt_set import KINDS

INK, MUTED, GRID = '#1a1d21', '#6b7280', '#e5e7eb'
LOWER, SILENCE, HELD, LOST = '#2a78d6', '#0f766e', '#9aa3ad', '#c2410c'
SPREAD = 0.3             # of the dots of a row, so that equal times can be told apart
LONGEST_MS = 3000


def draw(path: Path, fates: Sequence[Fate]) -> None:
    """Raises BackendError without matplotlib."""
    kinds = [kind for kind in KINDS if any(fate.item.kind == kind for fate in fates)][::-1]
    pyplot = plotting.pyplot()
    figure, (bars, dots) = pyplot.subplots(1, 2, figsize=(11, 1.4 + 0.62 * max(1, len(kinds))),
                                           sharey=True, gridspec_kw={'width_ratios': (1, 2.2)})
    for row, kind in enumerate(kinds):
        some = [fate for fate in fates if fate.item.kind == kind]
        _outcome(bars, row, some)
        _times(dots, row, some)
    bars.set_yticks(range(len(kinds)), [kind.replace('_', ' ') for kind in kinds])
    bars.set_xlim(0, 1)
    bars.set_xticks((0, 0.5, 1), ('0', '50 %', 'all'))
    dots.set_xlim(0, LONGEST_MS)
    dots.set_xlabel('from the first sound [ms]', color=MUTED)
    _title(bars, (('ended', SILENCE), ('went on', HELD), ('wrong', LOST)))
    _title(dots, (('voice lowered', LOWER), ('silent', SILENCE), ('reply lost', LOST)))
    for axes in (bars, dots):
        axes.grid(axis='x', color=GRID)
        axes.set_axisbelow(True)
        axes.tick_params(colors=MUTED, length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _title(axes: object, parts: Sequence[tuple[str, str]]) -> None:
    """The legend stands above the axes, in the colours of what it names."""
    for index, (text, colour) in enumerate(parts):
        axes.text(index / len(parts), 1.03, f'\u25cf {text}', color=colour,
                  transform=axes.transAxes, fontsize=9)


def _outcome(axes: object, row: int, fates: Sequence[Fate]) -> None:
    played = [fate for fate in fates if fate.played]
    left = 0.0
    for colour, count in ((SILENCE, sum(fate.right and fate.ended for fate in played)),
                          (HELD, sum(fate.right and not fate.ended for fate in played)),
                          (LOST, sum(not fate.right for fate in played))):
        width = count / len(played) if played else 0.0
        axes.barh(row, width, left=left, height=0.5, color=colour)
        if count:
            axes.text(left + width / 2, row, str(count), ha='center', va='center', color='white',
                      fontsize=8)
        left += width


def _times(axes: object, row: int, fates: Sequence[Fate]) -> None:
    for index, fate in enumerate(fates):
        y = row + SPREAD * (2 * (index + 0.5) / len(fates) - 1)
        if fate.lower_ms is not None:
            axes.plot(min(fate.lower_ms, LONGEST_MS), y, 'o', color=LOWER, markersize=4, alpha=0.8,
                      clip_on=False)
        if fate.silence_ms is not None:
            colour = SILENCE if fate.right else LOST
            axes.plot(min(fate.silence_ms, LONGEST_MS), y, 'o', color=colour, markersize=4,
                      alpha=0.8, clip_on=False)
