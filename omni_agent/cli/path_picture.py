"""``path.png``: where the robot went, from above: walls, its way, and where each skill began and
how it ended.
"""

from __future__ import annotations

import bisect
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.recording import Odometry, Recording, SkillState
from . import plotting
from .report_picture import BAD, DPI, EPOCHS, GOOD, INK, MUTED, PAPER, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVED_M = 0.02             # less than that is standing still
SIZE_IN, AROUND_M = 7.0, 0.7
ENDS = {'succeeded': ('o', GOOD), 'failed': ('X', BAD), 'cancelled': ('s', BAD)}


def draw(path: Path, recording: Recording) -> Path | None:
    """None, and no file, where there is no odometry. Raises BackendError if matplotlib is
    missing.
    """
    path.unlink(missing_ok=True)
    if not recording.odometry:
        return None
    pyplot = plotting.pyplot()
    with pyplot.rc_context({'font.family': 'DejaVu Sans', 'font.size': 8.5, 'text.color': INK}):
        figure, axes = pyplot.subplots(dpi=DPI, figsize=(SIZE_IN, SIZE_IN))
        _walls(axes, recording)
        _way(axes, recording)
        _robot(axes, recording.odometry[-1])
        _skills(axes, recording)
        _frame(axes)
        figure.savefig(path, facecolor=PAPER, bbox_inches='tight')
        pyplot.close(figure)
    return path


def travelled_m(recording: Recording) -> float:
    """Length of the way by odometry."""
    points = recording.odometry
    return sum(math.dist((a.x, a.y), (b.x, b.y)) for a, b in zip(points, points[1:]))


def _walls(axes: Axes, recording: Recording) -> None:
    if recording.walls:
        newest = recording.walls[-1]
        points = np.array(newest.taken).reshape(-1, 2)
        axes.scatter(points[:, 0], points[:, 1], s=6, marker='s', color=MUTED, linewidths=0)


def _way(axes: Axes, recording: Recording) -> None:
    """One colour for each skill that moved it, grey for what nobody asked for."""
    times = [pose.t for pose in recording.odometry]
    xs, ys = ([getattr(pose, axis) for pose in recording.odometry] for axis in 'xy')
    axes.plot(xs, ys, color=RULE, linewidth=5, solid_capstyle='round', zorder=1)
    for number, (begun, ended) in enumerate(_spans(recording)):
        first, last = bisect.bisect_left(times, begun.t), bisect.bisect_right(
            times, ended.t if ended else math.inf)
        if (last - first > 1 and math.dist((xs[first], ys[first]),
                                           (xs[last - 1], ys[last - 1])) > MOVED_M):
            axes.plot(xs[first:last], ys[first:last], color=EPOCHS[number % len(EPOCHS)],
                      linewidth=2.5, zorder=2, label=_words(begun, ended))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.06), frameon=False)


def _spans(recording: Recording) -> list[tuple[SkillState, SkillState | None]]:
    """Each skill that began, with its end."""
    open_: dict[tuple[int, int], SkillState] = {}
    found: list[tuple[SkillState, SkillState | None]] = []
    for state in recording.skills:
        key = (state.epoch, state.step)
        if state.state == 'running':
            open_.setdefault(key, state)
        elif state.state in ENDS and key in open_:
            found.append((open_.pop(key), state))
    return found + [(state, None) for state in open_.values()]


def _skills(axes: Axes, recording: Recording) -> None:
    times = [pose.t for pose in recording.odometry]
    for begun, ended in _spans(recording):
        start = recording.odometry[min(len(times) - 1, bisect.bisect_left(times, begun.t))]
        axes.plot(start.x, start.y, marker='o', color=PAPER, markeredgecolor=INK, markersize=6,
                  zorder=3)
        if ended is not None:
            pose = recording.odometry[min(len(times) - 1, bisect.bisect_left(times, ended.t))]
            marker, colour = ENDS[ended.state]
            axes.plot(pose.x, pose.y, marker=marker, color=colour, markersize=8, zorder=4)
            axes.annotate(ended.state, (pose.x, pose.y), textcoords='offset points', xytext=(7, 7),
                          color=colour, zorder=4)


def _words(begun: SkillState, ended: SkillState | None) -> str:
    return (f'{begun.text or begun.skill}: {ended.text or ended.state}'
            if ended else f'{begun.text or begun.skill} ...')


def _robot(axes: Axes, pose: Odometry) -> None:
    axes.annotate('', (pose.x + 0.45 * math.cos(pose.yaw), pose.y + 0.45 * math.sin(pose.yaw)),
                  (pose.x, pose.y), arrowprops={
                      'arrowstyle': '-|>',
                      'color': INK,
                      'lw': 1.5
                  }, zorder=5)


def _frame(axes: Axes) -> None:
    axes.set_aspect('equal')
    axes.margins(0.04)
    axes.set_xlabel('x [m]')
    axes.set_ylabel('y [m]')
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    axes.spines['left'].set_color(RULE)
    axes.spines['bottom'].set_color(RULE)
    low, high = axes.get_xlim()
    # a robot that stood still is a dot in a room, not a room in a dot
    if high - low < 2 * AROUND_M:
        middle = (low + high) / 2
        axes.set_xlim(middle - AROUND_M, middle + AROUND_M)
