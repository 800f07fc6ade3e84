"""The only place that draws how full the long-term memory is while half an hour goes by: what it
holds never passes what it may hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence

from omni_agent.cli import plotting

MUTED, LIMIT, HELD = '#6b7280', '#c2410c', '#0f766e'


class Fill(NamedTuple):
    """At ``t`` seconds of the experience."""

    t: float
    items: int
    bytes: int


def draw(path: Path, fills: Sequence[Fill], most_items: int, most_bytes: int) -> None:
    """Raises BackendError without matplotlib."""
    pyplot = plotting.pyplot()
    figure, (items, size) = pyplot.subplots(1, 2, figsize=(10, 3.6))
    minutes = [one.t / 60 for one in fills]
    _fill(items, minutes, [one.items for one in fills], most_items, 'moments and episodes')
    _fill(size, minutes, [one.bytes / 2**20 for one in fills], most_bytes / 2**20, 'MiB')
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _fill(axes: object, minutes: Sequence[float], held: Sequence[float], most: float,
          name: str) -> None:
    axes.plot(minutes, held, color=HELD)
    axes.axhline(most, color=LIMIT, linewidth=1)
    axes.text(0, most, f'budget {most:,.0f}', color=LIMIT, va='bottom', fontsize=9)
    axes.set_ylim(0, 1.15 * most)
    axes.set_xlabel('minutes of experience', color=MUTED)
    axes.set_ylabel(name, color=MUTED)
    axes.tick_params(colors=MUTED, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
