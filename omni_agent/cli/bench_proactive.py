"""Whether the robot speaks up at the right moment, and only then: labelled videos through the real
detector.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

import numpy as np

from omni_agent.backends import labelled_videos
from omni_agent.backends.labelled_videos import Clip, Settings, Watching
from omni_agent.cli.bench import Result
from omni_agent.core.errors import ConfigError
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.moments import Verdict, figures, judge
from omni_agent.core.tracks import TracksParams

NEEDS_ROS = False
TARGETS = {'f1': ('>=', 0.9), 'delay_p50_s': ('<=', 1.0), 'false_per_hour': ('<=', 1.0)}


@dataclass(frozen=True)
class Outcome:
    """A clip, what it came to, and how each of its instructions was followed."""

    clip: Clip
    watching: Watching
    verdicts: tuple[Verdict, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if action.dest == 'set':
            action.metavar = 'DIR'
            action.help = 'a folder of videos with a labels.csv (docs/proactive_sets.md; default: our own set)'
    parser.add_argument('--half', choices=('development', 'test'),
                        help='only this half of the set')
    parser.add_argument('--items', type=int, metavar='N',
                        help='only the first N clips of each half')
    parser.add_argument('--every-frame', action='store_true',
                        help='look at every picture, changed or not')


def measure(arguments: argparse.Namespace) -> Result:
    clips = _chosen(arguments)
    skip = FrameSkipParams(cells=0) if arguments.every_frame else FrameSkipParams()
    settings = Settings(skip=skip)
    detect, weights = detector(settings.tracks), labelled_videos.scorer()
    outcomes = [play(clip, detect, weights, settings) for clip in _shown(clips)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = arguments.out / 'clips.csv'
    clip_by_clip = rows(outcomes)
    write(table, clip_by_clip)
    return Result('proactive', all_figures(outcomes), TARGETS, tuple(notes(outcomes, table)),
                  {'clips': clip_by_clip})


def detector(params: TracksParams):  # noqa: ANN201 - a Detector
    from omni_agent.backends.vision import NanoDet

    return NanoDet(score=params.keep_score)


def _chosen(arguments: argparse.Namespace) -> list[Clip]:
    if len(arguments.set) > 1 or any('=' in word for word in arguments.set):
        raise ConfigError(
            '--set: give one folder; this bench starts no nodes, so they have no parameters')
    clips = (labelled_videos.read(Path(arguments.set[0]))
             if arguments.set else labelled_videos.own())
    found = []
    for half in ('development', 'test'):
        if arguments.half in (None, half):
            found += [clip for clip in clips if clip.half == half][:arguments.items]
    if not found:
        raise ConfigError(f'the set has nothing in its {arguments.half or "two"} half')
    return found


def play(clip: Clip, detect, weights, settings: Settings) -> Outcome:  # noqa: ANN001
    watching = labelled_videos.watch(clip, detect, weights, settings)
    return Outcome(clip, watching, tuple(judge(one, watching.remarks(number)) for number, one in
                                         enumerate(clip.watches)))


def all_figures(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """The test half under the plain keys, the other as ``development_*``; real and composed clips
    apart as well.
    """
    found: dict[str, float | None] = {}
    for half, prefix in (('test', ''), ('development', 'development_')):
        chosen = [one for one in outcomes if one.clip.half == half]
        found.update({f'{prefix}{key}': value for key, value in _figures(chosen).items()})
        for kind in ('real', 'composed'):
            part = _figures([one for one in chosen if one.clip.kind == kind])
            found.update({
                f'{prefix}{kind}_{key}': part[key]
                for key in ('precision', 'recall', 'f1', 'delay_p50_s', 'moments')
            })
    frames = sum(one.watching.skip.frames for one in outcomes)
    found['skip_share'] = (sum(one.watching.skip.skipped
                               for one in outcomes) / frames if frames else None)
    took = [seconds for one in outcomes for seconds in one.watching.look_s]
    found['look_p50_ms'] = 1000 * float(np.percentile(took, 50)) if took else None
    return found


def _figures(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    return figures((verdict for one in outcomes for verdict in one.verdicts),
                   ((one.watching.seconds, sum(len(verdict.false) for verdict in one.verdicts))
                    for one in outcomes if one.clip.uneventful))


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """One for each instruction of each clip."""
    return [{
        'clip': one.clip.name,
        'half': one.clip.half,
        'kind': one.clip.kind,
        'seconds': round(one.watching.seconds, 1),
        'say': watch.say,
        'moments': verdict.moments,
        'told': len(verdict.hits),
        'missed': len(verdict.missed),
        'false': len(verdict.false),
        'delays_s': _times(verdict.hits),
        'missed_s': _times(span.start for span in verdict.missed),
        'false_s': _times(verdict.false),
        'skip_share': round(one.watching.skip.skip_share, 3)
    } for one in outcomes for watch, verdict in zip(one.clip.watches, one.verdicts)]


def write(path: Path, table: Sequence[dict[str, object]]) -> None:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def _times(values: Iterable[float]) -> str:
    return ' '.join(f'{value:.1f}' for value in values)


def notes(outcomes: Sequence[Outcome], table: Path) -> list[str]:
    """One line an instruction: how often it was followed, and what went wrong."""
    found = ['clip by clip (told of moments, false remarks):']
    for one in outcomes:
        for watch, verdict in zip(one.clip.watches, one.verdicts):
            wrong = ''.join([
                f'; missed at {_times(span.start for span in verdict.missed)}' if verdict.missed
                else '', f'; false at {_times(verdict.false)}' if verdict.false else ''
            ])
            found.append(
                f'  {one.clip.half[:4]} {len(verdict.hits)}/{verdict.moments} '
                f'{len(verdict.false)} '
                f'{one.clip.name}: {watch.say}{wrong}')
    quiet = sum(one.watching.seconds for one in outcomes
                if one.clip.uneventful and one.clip.half == 'test')
    return [
        *found, f'every clip: {table}',
        f'remarks an hour are of {quiet / 60:.1f} min of uneventful test video',
        'targets are judged on the test half, by which nothing was tuned'
    ]


def _shown(clips: Sequence[Clip]) -> Iterable[Clip]:
    from rich.progress import track

    return track(clips, description='clips')
