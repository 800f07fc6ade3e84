"""``omni-agent models``: what is here, bring it, read it again, say where it is, compile it."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Callable, Sequence

from omni_agent.backends import models
from omni_agent.backends.model_manifest import PROFILES, Manifest
from omni_agent.cli import models_build, models_export
from omni_agent.core.errors import OmniAgentError

PLAIN_EVERY_S = 5.0      # a log wants a line now and then, not a bar

Run = Callable[[argparse.Namespace], int]


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        'models', help='list, pull, verify or locate the model files',
        description='The model files: models/*.yaml says where they come from, they are kept in '
                    f'{models.cache_dir()} (follows XDG_CACHE_HOME).')
    _add_actions(parser)


def _add_actions(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True)
    _action(actions, 'list', 'every model with its size, licence and whether it is here', _list)
    pull = _action(actions, 'pull', 'download what is missing and check it', _pull)
    pull.add_argument('--offline', action='store_true', help='use only what is on this machine')
    verify = _action(actions, 'verify', 'read every file again and compare its sha256', _verify)
    for selecting in (pull, verify):
        selecting.add_argument('names', nargs='*', metavar='MODEL',
                               help='default: what the profile needs')
        selecting.add_argument('--profile', choices=[name for name in PROFILES if name != 'all'],
                               default=models.DEFAULT_PROFILE, help='default: %(default)s')
    path = _action(actions, 'path', 'print where a checked model file is', _path)
    path.add_argument('name', metavar='MODEL')
    path.add_argument('file', nargs='?', metavar='FILE', help='default: its first file')
    models_build.add_arguments(_action(
        actions, 'build', 'compile encoders for TensorRT ahead of time', models_build.run))
    models_export.add_arguments(_action(
        actions, 'export', 'turn a torch model into fp32, fp16 and int8 ONNX', models_export.run))


def _action(actions: argparse._SubParsersAction, name: str, summary: str,
            run: Run) -> argparse.ArgumentParser:
    description = f'{summary[0].upper()}{summary[1:]}.'
    parser = actions.add_parser(name, help=summary, description=description)
    parser.set_defaults(run=run)
    return parser


def _list(args: argparse.Namespace) -> int:
    known = list(models.manifests().values())
    rows = [(m.name, m.profile, f'{m.size / 1e6:.1f} MB', m.licence,
             'here' if models.present(m) else 'missing', m.purpose) for m in known]
    head = ('model', 'profile', 'size', 'licence', 'state', 'purpose')
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    for row in [head, *rows]:
        print('  '.join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]))
    print(f'\n{_total(known)} in {models.cache_dir()}')
    return 0


def _total(known: Sequence[Manifest]) -> str:
    here = [manifest for manifest in known if models.present(manifest)]
    return f'{len(here)} of {len(known)} models, {sum(m.size for m in here) / 1e6:.0f} MB,'


def _pull(args: argparse.Namespace) -> int:
    with _progress() as bars:
        paths = models.pull(args.names, args.offline, args.profile, bars.show)
    size = sum(path.stat().st_size for path in paths)
    print(f'model files: {len(paths)}, {size / 1e6:.0f} MB, all there and checked')
    return 0


def _verify(args: argparse.Namespace) -> int:
    findings = models.verify(args.names, args.profile)
    for finding in findings:
        print(f'{finding.state.value:8}{finding.model}  {finding.path}')
    bad = sorted({found.model for found in findings if found.state is not models.State.RIGHT})
    if bad:
        print(f'run "omni-agent models pull {" ".join(bad)}" to mend this', file=sys.stderr)
    return 1 if bad else 0


def _path(args: argparse.Namespace) -> int:
    print(models.path(args.name, args.file))
    return 0


def _progress() -> PlainProgress | RichProgress:
    if sys.stdout.isatty():
        try:
            return RichProgress()
        except ImportError:
            pass      # a bar is a comfort: without rich the plain lines do
    return PlainProgress()


class PlainProgress:
    """A line when a file begins, every few seconds, and when it is complete."""

    def __init__(self) -> None:
        self._stage = ('', False)      # which file, and whether it is complete
        self._said = 0.0

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *reason: object) -> None: ...

    def show(self, news: models.Progress) -> None:
        stage = (news.file, news.done >= news.total)
        if stage == self._stage and (stage[1] or time.monotonic() - self._said < PLAIN_EVERY_S):
            return
        self._stage, self._said = stage, time.monotonic()
        if not news.file:
            print(news.note, flush=True)
            return
        print(f'{news.model}/{news.file}: {news.done / 1e6:.1f} of {news.total / 1e6:.1f} MB, '
              f'{news.note}', flush=True)


class RichProgress:
    """One bar a file. Raises ImportError where rich is not installed."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars
        self._bars = Bars(TextColumn('{task.description}'), BarColumn(24), DownloadColumn(),
                          TransferSpeedColumn(), TextColumn('[dim]{task.fields[note]}'))
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> RichProgress:
        self._bars.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bars.stop()

    def show(self, news: models.Progress) -> None:
        if not news.file:
            self._bars.console.print(news.note)
            return
        if news.file not in self._tasks:
            title = f'{news.model}/{news.file}'
            self._tasks[news.file] = self._bars.add_task(title, total=news.total, note=news.note)
        self._bars.update(self._tasks[news.file], completed=news.done, note=news.note)


def main(arguments: Sequence[str] | None = None) -> int:
    """For the set-up, before the whole command line is installed."""
    parser = argparse.ArgumentParser(prog='python -m omni_agent.cli.models')
    _add_actions(parser)
    args = parser.parse_args(arguments)
    try:
        return args.run(args)
    except OmniAgentError as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
