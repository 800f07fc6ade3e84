"""Whether the robot knows that it was meant: labelled scenes heard by the real ears, faster than
real time.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from omni_agent.backends import addressee_model, addressee_sets, own_addressee_set
from omni_agent.backends.addressee_play import DEFAULT, Judge, listener
from omni_agent.cli import addressee_picture
from omni_agent.cli.bench import Result
from omni_agent.core import addressee_figures
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.addressee_set import Item
from omni_agent.core.addressee_trial import DECIDE_S, Final, Outcome, Trial, without
from omni_agent.core.cues import GROUPS
from omni_agent.core.errors import ConfigError, OmniAgentError
from omni_agent.core.judgement import Judgement

NEEDS_ROS = False
LATE_S = 0.15            # the verdict may come after the end of the turn
TARGETS = {'f1': ('>=', 0.93), 'f1_camera': ('>=', 0.97), 'false_per_hour_tv': ('<=', 1.0),
           'missed_share_10db': ('<=', 0.05),
           'verdict_p95_ms': ('<=', round(1000 * (DECIDE_S + LATE_S)))}
Heard = Sequence[tuple[Item, Sequence[Final]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if action.dest == 'set':
            action.metavar = 'DIR'
            action.help = ('a folder of recordings with a labels.csv (docs/addressee_sets.md; '
                           'default: our own set)')
    parser.add_argument('--half', choices=('development', 'test'), default='test',
                        help='which half (default: test)')
    parser.add_argument(
        '--llm', default='qwen2_5_0_5b', metavar='NAME',
        help='language model that is asked where the '
        'rest is unsure; none = nobody is (default: %(default)s)')
    parser.add_argument(
        '--recogniser', default=DEFAULT, metavar='NAME',
        help='speech recogniser: moonshine, or moonshine_two_pass, whose final words are better '
        '(default: %(default)s)')
    parser.add_argument(
        '--weights', type=Path, metavar='FILE',
        help='fitted weights (default: those of the package; '
        '"none" = those set by hand)')


def measure(arguments: argparse.Namespace) -> Result:
    heard = _heard(arguments)
    judgement = (None
                 if str(arguments.weights) == 'none' else addressee_model.load(arguments.weights))
    judge = None if arguments.llm == 'none' else Judge(arguments.llm)
    sound = run(heard, judgement, judge, ('camera',))
    seen = run(heard, judgement, judge) if _has_camera(heard) else []
    found = addressee_figures.figures(sound)
    found['f1_camera'] = addressee_figures.counts(seen).f1 if seen else None
    found['missed_share_10db_camera'] = addressee_figures.missed_share(
        seen, addressee_figures.is_noisy)
    found['calibration_error'] = addressee_figures.calibration_error(
        addressee_figures.calibration(sound))
    found.update(_ablation(heard, judgement, judge))
    found.update(addressee_figures.conditions(sound))
    found.update({
        f'hours_{label}': addressee_figures.hours(sound, label)
        for label in ('broadcast', 'people')
    })
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / 'utterances.csv', sound)
    try:
        addressee_picture.draw(arguments.out / 'calibration.png', {
            'sound': sound,
            'sound and camera': seen
        })
    except OmniAgentError as error:
        print(error, file=sys.stderr)
    labels = ', '.join(f'{count} {label}'
                       for label, count in addressee_figures.labels_of(sound).items())
    return Result('addressee', found, TARGETS,
                  (f'{labels}; every utterance: {arguments.out / "utterances.csv"}; '
                   f'{arguments.out / "calibration.png"}',
                   'targets are judged on the test half, by which nothing was tuned'))


def run(heard: Heard, judgement: Judgement | None, judge: Judge | None,
        left: Iterable[str] = ()) -> list[Outcome]:
    """Every scene, without some groups of evidence."""
    gone = frozenset(left)
    params = AddresseeParams(name='' if 'words' in gone else 'robot')
    weights = None if judgement is None else without(judgement, gone)
    asked = None if {'words', 'language model'} & gone else judge
    return Trial(Addressee(params, weights), asked, left_out=gone).run(heard)


def _ablation(heard: Heard, judgement: Judgement | None,
              judge: Judge | None) -> dict[str, float | None]:
    """F1 from sound without each group; what is left out is missing, nothing is fitted anew."""
    if judgement is None:
        return {}
    groups = [
        group for group in GROUPS
        if group != 'camera' and (group != 'language model' or judge is not None)
    ]
    return {f'f1_without_{group.replace(" ", "_")}': addressee_figures.counts(
        run(heard, judgement, judge, (group, 'camera'))).f1 for group in groups}


def _heard(arguments: argparse.Namespace) -> Heard:
    if len(arguments.set) > 1 or any('=' in word for word in arguments.set):
        raise ConfigError('--set takes one folder here: ' + ' '.join(arguments.set))
    if arguments.set:
        folder = Path(arguments.set[0])
    else:
        folder = own_addressee_set.folder(arguments.half, _building)
    items = [item for item in addressee_sets.read(folder) if item.half == arguments.half]
    if not items:
        raise ConfigError(f'{folder} has nothing in its {arguments.half} half')
    return addressee_sets.heard(folder, items,
                                listener(arguments.recogniser), _shown)


def _building(done: int, total: int) -> None:
    """It takes some ten minutes, once."""
    if done % 20 == 0:
        print(f'making our own set, scene {done} of {total}', file=sys.stderr, flush=True)


def _has_camera(heard: Heard) -> bool:
    return any(item.faces is not None or item.looks_here is not None for item, _ in heard)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """What was heard, decided, and why."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(('file', 'label', 'kind', 'snr_db', 'distance_m', 'said', 'heard', 'score',
                         'right', 'evidence'))
        for one in outcomes:
            evidence = ('' if one.score is None else '; '.join(
                f'{name} {value:+.2f}'
                for name, value in sorted(one.score.evidence, key=lambda pair: -abs(pair[1]))[:8]))
            writer.writerow(
                (one.item.file, one.item.label, one.item.kind, one.item.snr_db,
                 one.item.distance_m, one.item.text, one.final.text if one.final else '',
                 '' if one.score is None else round(one.score.probability, 3),
                 one.accepted == one.item.for_robot, evidence))


def _shown(items: list[Item]) -> Iterator[Item]:
    from rich.progress import track

    return track(items, description='listening')
