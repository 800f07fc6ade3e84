"""Plays a generated scenario for a benchmark and returns what metrics.json says of it."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Sequence

import yaml

from omni_agent import graph
from omni_agent.cli import report
from omni_agent.cli.processes import Usage, Watch
from omni_agent.cli.stage import Stage
from omni_agent.core.errors import BackendError
from omni_agent.share import share_dir

Line = dict


@dataclass(frozen=True)
class Played:
    """The outcome of a run: metrics.json, and what each process took."""

    outcome: dict
    usage: dict[str, Usage]


def sayings(first: str) -> list[Line]:
    """Recorded lines whose file name starts with ``first`` ('q', 'i', 'n' or 's'), in order."""
    folder = share_dir() / 'scenarios' / 'assets' / 'bench'
    entries = yaml.safe_load((folder / 'index.yaml').read_text(encoding='utf-8'))
    return [{'who': entry['who'], 'text': entry['text'], 'sound': str(folder / entry['file'])}
            for entry in entries if entry['file'].startswith(first)]


def play(name: str, lines: Sequence[Line], arguments: argparse.Namespace,
         video: str | None = 'bikes.mp4', nodes: Sequence[str] = ()) -> Played:
    """Write the scenario, run it, report it. Raises BackendError if the graph never gets ready.

    ``nodes``: optional ones that take part.
    """
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    path = out / f'{name}.yaml'
    path.write_text(
        yaml.safe_dump({
            **_scenario(name, lines, video), 'nodes': list(nodes)
        }, sort_keys=False), encoding='utf-8')
    overrides: dict = {}
    for node, parameter, value in map(graph.setting, arguments.set):
        overrides.setdefault(node, {})[parameter] = value
    with open(out / 'nodes.log', 'w', encoding='utf-8') as log, Bar(name, len(lines)) as bar:
        stage = Stage(str(path), out, bar.feed,
                      lambda node, line: print(f'{node}: {line}', file=log, flush=True), overrides,
                      arguments.profile)
        watch = Watch()
        for _ in stage.play():
            watch.look(stage.pids)
    report.write(out)
    unclean = {node: code for node, code in stage.codes.items() if code}
    if unclean:
        raise BackendError(f'nodes that did not end cleanly: {unclean}; see {out / "nodes.log"}')
    return Played(json.loads((out / 'metrics.json').read_text(encoding='utf-8')), watch.usage())


def _scenario(name: str, lines: Sequence[Line], video: str | None) -> dict:
    people = {
        line['who']: {
            'voice': 'flite:slt',
            'level_dbfs': -24,
            'distance_m': 1.0
        }
        for line in lines
    }
    numbered = [{'name': f'{index:02d}', **line} for index, line in enumerate(lines, 1)]
    return {
        'version': 1,
        'name': name,
        'duration_s': 60 + 30 * len(lines),
        'tail_s': 2,
        'room': {
            'echo_db': -18,
            'rt60_s': 0.35,
            'delay_ms': 40,
            'noise_dbfs': -60,
            'seed': 1
        },
        **({
            'camera': {
                'video': f'demo_video/{video}'
            }
        } if video else {}), 'people': people,
        'lines': numbered
    }


class Bar:
    """A progress bar over the lines of the scenario."""

    def __init__(self, name: str, lines: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(TextColumn('{task.description}'), BarColumn(),
                                  MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._progress.add_task(f'{name}: loading models', total=lines)
        self._name = name

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def feed(self, record: dict) -> None:
        if record['topic'] == 'line':
            self._progress.update(self._task, completed=record['index'] + 1,
                                  description=f'{self._name}: {record["text"]}')
