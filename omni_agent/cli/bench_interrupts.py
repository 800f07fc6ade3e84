"""What the robot does when somebody makes a sound while it speaks: the real graph in the virtual
room, echo on.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from omni_agent.backends import interrupt_sets, own_set
from omni_agent.backends.interrupt_sets import Recorded
from omni_agent.cli import interrupt_picture, interrupt_rooms
from omni_agent.cli.bench import Result
from omni_agent.cli.interrupt_rooms import Run
from omni_agent.core.errors import BackendError, ConfigError, OmniAgentError
from omni_agent.core.interrupt_figures import Fate, figures
from omni_agent.core.interrupt_set import as_csv, mixed, sample
from omni_agent.share import share_dir

TARGETS = {'lower_p50_ms': ('<=', 120), 'lower_p95_ms': ('<=', 180), 'silence_p50_ms': ('<=', 600),
           'recall': ('>=', 0.98), 'lost_on_nod': ('<=', 0.05), 'stale_samples': ('==', 0),
           'heard_text_error_words': ('<=', 1), 'heard_text_error_sentences': ('==', 0)}
INTERRUPTED = 130        # exit code of a comparison that was broken off
PEER_TARGETS = {'lower_share_of_pipecat': ('<=', 0.45), 'lower_share_of_livekit': ('<=', 0.3)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if action.dest == 'set':
            action.metavar = 'DIR|NODE.PARAMETER=VALUE'
            action.help = ('a folder of recordings with a labels.csv (docs/interrupt_sets.md; '
                           'default: our own set), or one parameter of one node; may be given '
                           'several times')
    parser.add_argument(
        '--items', type=int, metavar='N',
        help='play only so many, evenly from every kind (default: '
        'all, some 12 minutes for our own set)')
    parser.add_argument('--half', choices=('development', 'test'),
                        help='only this half of the set')
    parser.add_argument('--room', choices=tuple(interrupt_rooms.ROOMS), action='append',
                        help='only this room (default: both, each item in one of them)')
    parser.add_argument('--bag', action='store_true',
                        help='record each room as a bag as well: "omni-agent replay OUT/ROOM/bag" '
                        'shows step by step why an item went wrong, and what other parameters '
                        'would have done')
    parser.add_argument(
        '--peers', action='store_true', help='play the same recordings to pipecat-ai and '
        'livekit-agents as well, in an environment of their own')


def measure(arguments: argparse.Namespace) -> Result:
    folder, settings = _told_apart(arguments.set)
    recorded = _chosen(interrupt_sets.read(folder or own_set.folder()), arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    runs = _play(recorded, arguments, settings)
    fates = [fate for run in runs for fate in run.fates]
    found = figures(fates, sum(run.stale_samples for run in runs) if runs else None)
    found['lowered_by_nothing'] = float(sum(run.lowered_by_nothing for run in runs))
    found.update(_heard_figures(runs))
    targets = dict(TARGETS)
    write(arguments.out, fates)
    said = notes(fates, runs, arguments.out)
    if arguments.peers:
        said += compare(recorded, arguments, found)
        targets.update(PEER_TARGETS)
    return Result('interrupts', found, targets, tuple(said))


def compare(recorded: Sequence[Recorded], arguments: argparse.Namespace,
            found: dict[str, float | None]) -> list[str]:
    """Put the figures of the peers beside ours; where there are none, the notes say why: ours took
    long to measure.
    """
    try:
        found.update(_peers(recorded, arguments, found))
    except OmniAgentError as error:
        return [str(error)]
    return []


def _told_apart(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """``--set`` names a folder here, and parameters as in every bench: those hold a '='."""
    folders = [word for word in words if '=' not in word]
    if len(folders) > 1:
        raise ConfigError(f'--set names {len(folders)} folders: give one')
    return (Path(folders[0]) if folders else None), [word for word in words if '=' in word]


def _chosen(recorded: Sequence[Recorded], arguments: argparse.Namespace) -> list[Recorded]:
    if arguments.items is not None and arguments.items < 1:
        raise ConfigError(f'--items {arguments.items}: play one at least')
    by_item = {one.item: one for one in recorded if arguments.half in (None, one.item.half)}
    if not by_item:
        raise ConfigError(f'the set has nothing in its {arguments.half} half')
    return [by_item[item] for item in mixed(sample(list(by_item), arguments.items))]


def _play(recorded: Sequence[Recorded], arguments: argparse.Namespace,
          settings: Sequence[str]) -> list[Run]:
    """Every item in one room; an interrupt (Ctrl-C) keeps what was measured so far."""
    rooms = arguments.room or list(interrupt_rooms.ROOMS)
    runs: list[Run] = []
    for index, room in enumerate(rooms):
        share = interrupt_rooms.share_of(recorded, index, len(rooms))
        if not share:
            continue
        runs.append(
            interrupt_rooms.play(room, share, arguments.out / room, settings, arguments.profile,
                                 arguments.bag))
        if not runs[-1].complete:
            break
    return runs


def _heard_figures(runs: Sequence[Run]) -> dict[str, float | None]:
    errors = [error for run in runs for error in run.heard]
    if not errors:
        return {'heard_text_error_words': None, 'heard_text_error_sentences': None}
    return {'heard_text_error_words': sum(error.words for error in errors) / len(errors),
            'heard_text_error_sentences': sum(error.sentences for error in errors) / len(errors)}


def _peers(recorded: Sequence[Recorded], arguments: argparse.Namespace,
           ours: dict) -> dict[str, float | None]:
    """What we judge ourselves by, through the others, when the robot has fallen silent."""
    script = share_dir() / 'bench' / 'peers' / 'run.py'
    if not script.is_file():
        raise ConfigError(
            '--peers needs the source tree of omni_agent, where bench/peers/run.py lies')
    half = arguments.half or 'test'
    folder = same_set(arguments.out / 'peers', [one for one in recorded if one.item.half == half])
    file = (arguments.out / 'peers.json').absolute()
    command = [sys.executable, str(script), '--set', str(folder), '--json', str(file)]
    code = _exit_code(command)
    if code:
        what = 'was broken off' if code == INTERRUPTED else 'failed'
        raise BackendError(f'the comparison {what}, the figures above are the robot\'s alone: run '
                           f'"{" ".join(command)}"')
    theirs = json.loads(file.read_text(encoding='utf-8'))['figures']
    return {
        **theirs,
        **{
            f'lower_share_of_{peer}': _ratio(ours['lower_p50_ms'],
                                             theirs.get(f'{peer}_lower_p50_ms'))
            for peer in ('pipecat', 'livekit')
        }
    }


def _exit_code(command: Sequence[str]) -> int:
    """Of a child that is asked to end, and waited for, where Ctrl-C ends this."""
    with subprocess.Popen(command) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            return INTERRUPTED


def same_set(folder: Path, recorded: Sequence[Recorded]) -> Path:
    """A folder with exactly these recordings, as links."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for one in recorded:
        link = folder / one.item.file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(one.path)
    (folder / 'labels.csv').write_text(as_csv([one.item for one in recorded]), encoding='utf-8')
    return folder.absolute()


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def write(out: Path, fates: Sequence[Fate]) -> None:
    """Every item as CSV and JSON, and as a picture."""
    rows = [fate.as_row() for fate in fates]
    (out / 'items.json').write_text(json.dumps(rows, indent=1) + '\n', encoding='utf-8')
    with open(out / 'items.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ['file'])
        writer.writeheader()
        writer.writerows(rows)
    try:
        interrupt_picture.draw(out / 'items.png', fates)
    except OmniAgentError as error:
        print(error, file=sys.stderr)


def notes(fates: Sequence[Fate], runs: Sequence[Run], out: Path) -> list[str]:
    """Which items failed, and the decision node's own words about each."""
    found = []
    for fate in fates:
        if not fate.right:
            what = (fate.error or ('the robot went on'
                                   if fate.item.interrupts else f'lost the reply ({fate.reason})'))
            found.append(
                f'  {fate.item.half[:4]} {fate.room:5} {fate.item.kind:10} {fate.item.file}: '
                f'{what}'
                + (f'; heard "{fate.heard}"; {fate.why}' if fate.played else ''))
    if found:
        found.insert(0, f'{len(found)} of {len(fates)} items went wrong:')
    if any(not run.complete for run in runs):
        found.append('broken off: the figures are of what had been played by then')
    return [*found, 'targets are judged on the test half; nothing may be tuned by it',
            f'items: {out / "items.csv"}, {out / "items.png"}; recordings: {out}']
