"""How long a robot that drives goes on after the first sound of somebody who says stop: the whole
agent, with real models, in a virtual room.
"""

from __future__ import annotations

import argparse

import numpy as np

from omni_agent.cli import report
from omni_agent.cli.bench_play import Line, play
from omni_agent.core.standstill import drives, still_after_s
from omni_agent.share import share_dir

# There and back, so that no wall is met, in words that the recogniser gets right of a synthetic
# voice
GO = ('Please drive forward for nine seconds.', 'Please drive backward for nine seconds.')
STOP = 'Stop.'
SKILLS = ('decision.skills=simulated', 'skills.skills=simulated')


def measure(stops: int, arguments: argparse.Namespace) -> dict[str, float | None]:
    """``spoken_stop`` is from the first sound to standstill, of those said while it drove."""
    arguments.set = [*SKILLS, *arguments.set]
    play('motion', _lines(stops), arguments, video=None, nodes=('skills', 'simulated_robot'))
    recording, _ = report.load(arguments.out)
    way = recording.odometry
    found = [
        still_after_s(way, line.t) for line in recording.lines
        if line.text == STOP and drives(way, line.t)
    ]
    times = [seconds for seconds in found if seconds is not None]
    return {
        'spoken_stop_p50_ms': 1000 * float(np.percentile(times, 50)) if times else None,
        'spoken_stop_p95_ms': 1000 * float(np.percentile(times, 95)) if times else None,
        'spoken_stop_n': float(len(found)),
        'spoken_stop_in_vain': float(len(found) - len(times))
    }


def _lines(stops: int) -> list[Line]:
    """Each stop comes a little later than the last one: into the robot's own words, and after
    them.
    """
    sound = str(share_dir() / 'scenarios' / 'assets' / 'anna_stop.flac')
    lines: list[Line] = []
    for index in range(stops):
        lines.append({
            'who': 'ben',
            'text': GO[index % 2],
            'after_s': 2.5,
            'within_s': 30,
            'expect': 'none'
        })
        lines.append({
            'who': 'anna',
            'text': STOP,
            'sound': sound,
            'after_s': 3.0 + 0.35 * (index % 6),
            'expect': 'none'
        })
    return lines
