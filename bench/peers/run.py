#!/usr/bin/env python3
"""The same recordings through pipecat-ai and livekit-agents: ``run.py --set DIR --json FILE``.

Standard library only, for any Python from 3.10: the peers run in an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from comparison import PeerError, environment, labels
from comparison.child import STOP, running
from comparison.console import Bar
from comparison.figures import by_kind, figures, table

HERE = Path(__file__).resolve().parent
PEERS = ('pipecat', 'livekit')
BROKEN_OFF = 128 + signal.SIGINT     # as a shell says it
SESSIONS = 4             # at once in one event loop; the records say how late the sound came
CONDITIONS = (
    'clean microphone: the recording and a quiet room (-60 dBFS), no echo of the bot at all',
    'the bot speaks without a pause; fake recogniser, language model and voice answer at once',
    'recogniser: the labelled text, without a mistake, 0.25 s after the last sound',
    'default interruption rules of each framework, local models, no cloud',
    'times are from the first sound as it entered the microphone to the samples played',
)


def main() -> int:
    arguments = parse(sys.argv[1:])
    for number in STOP:
        signal.signal(number, _break_off)
    try:
        outcome = run(arguments)
    except PeerError as error:
        print(f'run.py: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'run.py: broken off: {arguments.json} was not written, and nothing that was '
              'started runs any more. Run the same again to begin anew.', file=sys.stderr)
        return BROKEN_OFF
    columns = {name: figures(name, peer['records']) for name, peer in outcome['peers'].items()}
    print(table(columns))
    for name, peer in outcome['peers'].items():
        print(f'{name}: {", ".join(" ".join(pin) for pin in peer["versions"].items())}')
    return 0


def _break_off(*_: object) -> None:
    """Once: a second Ctrl-C would only interrupt the cleaning up."""
    for number in STOP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Play a labelled set of recordings to pipecat-ai and livekit-agents while '
        'they speak, and measure when each falls silent and whether its reply comes back.')
    parser.add_argument('--set', type=Path, required=True, metavar='DIR',
                        help=f'folder with wav or flac files and labels.csv '
                        f'({",".join(labels.COLUMNS)})')
    parser.add_argument('--json', type=Path, required=True, metavar='FILE',
                        help='write figures, records, versions and rules here')
    parser.add_argument('--only', metavar='NAMES', default=','.join(PEERS),
                        help=f'some of {",".join(PEERS)} (default: all)')
    parser.add_argument('--items', type=int, metavar='N', help='at most N, evenly from the set')
    parser.add_argument('--half', choices=[half for half in labels.HALVES if half],
                        help='only this half of the set')
    parser.add_argument('--transcribe', choices=labels.TRANSCRIBED, default='all',
                        help='what their recogniser writes down: all speech (default), or only '
                        'interruptions, as if it knew nods and side talk')
    parser.add_argument('--sessions', type=int, default=SESSIONS, metavar='N',
                        help=f'conversations at once (default: {SESSIONS})')
    parser.add_argument('--venv', type=Path, default=environment.folder(), metavar='DIR',
                        help='their virtual environment, made if needed (default: %(default)s)')
    return parser.parse_args(words)


def run(arguments: argparse.Namespace) -> dict:
    """Everything that goes into the JSON file, which is written too. Raises PeerError."""
    names = _names(arguments)
    count = len(labels.read(arguments.set, arguments.half, arguments.items))
    environment.make(arguments.venv)
    peers = {name: _peer(name, arguments, count) for name in names}
    outcome = {'set': arguments.set.name, 'items': count, 'half': arguments.half,
               'conditions': CONDITIONS, 'figures': {}, 'by_kind': {}, 'peers': peers}
    for name, peer in peers.items():
        outcome['figures'].update(figures(name, peer['records']))
        outcome['by_kind'][name] = by_kind(peer['records'])
    arguments.json.write_text(json.dumps(outcome, indent=1) + '\n', encoding='utf-8')
    return outcome


def _names(arguments: argparse.Namespace) -> list[str]:
    names = [name.strip() for name in arguments.only.split(',') if name.strip()]
    unknown = [name for name in names if name not in PEERS]
    if unknown or not names:
        raise PeerError(f"--only {arguments.only}: the peers are {', '.join(PEERS)}.")
    for option in ('items', 'sessions'):
        if (value := getattr(arguments, option)) is not None and value < 1:
            raise PeerError(f'--{option} {value}: at least 1.')
    if not arguments.json.absolute().parent.is_dir():
        raise PeerError(f'--json {arguments.json}: there is no such folder.')
    return names


def _peer(name: str, arguments: argparse.Namespace, count: int) -> dict:
    """One framework in a process of its own, so that neither slows the other down."""
    with tempfile.TemporaryDirectory() as scratch:
        file, log = Path(scratch, 'outcome.json'), Path(scratch, 'log')
        command = [str(environment.python(arguments.venv)), str(HERE / f'{name}_peer.py'),
                   '--set', str(arguments.set.absolute()), '--json', str(file),
                   '--sessions', str(arguments.sessions), '--transcribe', arguments.transcribe]
        for option in ('items', 'half'):
            if getattr(arguments, option) is not None:
                command += [f'--{option}', str(getattr(arguments, option))]
        with log.open('w', encoding='utf-8') as errors, Bar(name, count) as bar, \
                running(command, errors) as child:
            for line in child.stdout or ():
                if line.startswith('progress '):
                    bar.show(int(line.split()[1]))
        if child.returncode:
            tail = log.read_text(encoding='utf-8', errors='replace').splitlines()[-8:]
            raise PeerError('\n'.join([f'{name}_peer.py ended with {child.returncode}:',
                                       *(f'    {line}' for line in tail)]))
        return json.loads(file.read_text(encoding='utf-8'))


if __name__ == '__main__':
    sys.exit(main())
