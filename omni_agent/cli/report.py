"""``omni-agent report OUT|BAG``: makes a recorded run something to hear, to see and to compute
with.

Reads ``events.jsonl``, ``person.wav`` and ``robot.wav``; writes ``conversation.wav`` (person left,
robot right), ``metrics.json``, ``timeline.png`` and ``report.html`` beside them. A rosbag2 folder
becomes such a run first, in a folder ``report`` within it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import wave
from pathlib import Path

import numpy as np

from ..backends.bag_reader import is_bag
from ..core.errors import OmniAgentError, WireError
from ..core.metrics import metrics
from ..core.recording import Recording, Tracks, read


SOUND_FILES = ('person.wav', 'robot.wav', 'conversation.wav')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser('report', help='make the report of a recorded run (again)',
                                   description=__doc__.split('\n')[0])
    _arguments(parser)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'run_folder', type=Path, metavar='OUT|BAG',
        help='folder with events.jsonl, person.wav, robot.wav, or a rosbag2 folder')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='where the report of a bag goes (default: BAG/report)')
    parser.add_argument('--from', dest='start', type=float, default=0.0, metavar='SECONDS',
                        help='of a bag: only from this time on')
    parser.add_argument('--until', type=float, default=math.inf, metavar='SECONDS',
                        help='of a bag: only up to this time')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folder = args.run_folder
    if is_bag(folder):
        folder = write_of_bag(folder, args.out or folder / 'report', args.start, args.until)
    else:
        write(folder)
    outcome = json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
    print(summary(outcome))
    print(f'\n{folder / "report.html"}')
    return 0


def write_of_bag(bag: Path, out: Path, start_s: float = 0.0, until_s: float = math.inf) -> Path:
    """The report of a rosbag2 folder; sound files only where the bag has sound. Raises WireError,
    ConfigError, and BackendError without rosbags.
    """
    from .bag_run import extract

    has_sound = extract(bag, out, start_s, until_s)
    write(out)
    for name in () if has_sound else SOUND_FILES:
        (out / name).unlink()
    return out


def load(folder: Path) -> tuple[Recording, Tracks]:
    """Raises WireError if the folder does not hold a recording."""
    events = folder / 'events.jsonl'
    if not events.is_file():
        raise WireError(f'{events} does not exist: give the folder that a demo or talk run wrote')
    with events.open(encoding='utf-8', errors='replace') as lines:
        recording = read(lines)
    person, rate = _samples(folder / 'person.wav')
    robot, other = _samples(folder / 'robot.wav')
    if rate != other:
        raise WireError(f'{folder}: person.wav has {rate} Hz and robot.wav {other} Hz; '
                        'both must have the same rate')
    return recording, Tracks(recording.meta.t0, rate, person, robot)


def _samples(path: Path) -> tuple[np.ndarray, int]:
    """A mono 16 bit file -> int16 of shape (n,) and its rate [Hz]."""
    try:
        with wave.open(str(path), 'rb') as source:
            if (source.getnchannels(), source.getsampwidth()) != (1, 2):
                raise WireError(f'{path} must be mono with 16 bits a sample')
            samples = np.frombuffer(source.readframes(source.getnframes()), '<i2')
            return samples, source.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise WireError(f'cannot read {path}: {error}') from error


def write(out_dir: Path | str) -> None:
    """Write everything that a run leaves behind. Raises WireError for an unusable folder."""
    from . import path_picture, report_page, report_picture

    folder = Path(out_dir)
    recording, tracks = load(folder)
    outcome = metrics(recording, tracks)
    _write_text(folder / 'metrics.json',
                json.dumps(outcome, indent=2, allow_nan=False, ensure_ascii=False) + '\n')
    stereo = folder / 'conversation.wav'
    _write_stereo(stereo, tracks)
    report_picture.draw(folder / 'timeline.png', recording, tracks, outcome)
    path = path_picture.draw(folder / 'path.png', recording)
    _write_text(folder / 'report.html', report_page.page(recording, tracks, outcome, stereo, path))


def _write_text(path: Path, text: str) -> None:
    """Complete or not at all: a half-written report next to new metrics would lie."""
    part = path.with_name(path.name + '.part')
    part.write_text(text, encoding='utf-8')
    part.replace(path)


def _write_stereo(path: Path, tracks: Tracks) -> None:
    both = np.zeros((max(tracks.person.size, tracks.robot.size), 2), '<i2')
    both[:tracks.person.size, 0] = tracks.person
    both[:tracks.robot.size, 1] = tracks.robot
    with wave.open(str(path), 'wb') as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(tracks.rate)
        out.writeframes(both.tobytes())


def summary(outcome: dict) -> str:
    """The verdicts as plain text, one line of the room a line."""
    from .report_picture import headline

    signs = {True: 'ok  ', False: 'FAIL', None: '-   '}
    rows = [f'  {signs[line["passed"]]} {line["name"]}: {line["why"]}'
            for line in outcome['lines']]
    named = {f'{line["name"]}: {line["why"]}' for line in outcome['lines']}
    rows += [f'  FAIL {failure}' for failure in outcome['failures'] if failure not in named]
    return '\n'.join([headline(outcome), *rows])


def main() -> int:
    parser = argparse.ArgumentParser(prog='python -m omni_agent.cli.report',
                                     description=__doc__.split('\n')[0])
    _arguments(parser)
    args = parser.parse_args()
    try:
        return args.run(args)
    except OmniAgentError as error:
        print(f'omni-agent report: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
