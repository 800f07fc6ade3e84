"""``omni-agent bench NAME``: one measurement, as a table for people and as JSON for programs."""

from __future__ import annotations

import argparse
import importlib
import json
import operator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from omni_agent import __version__
from omni_agent.cli.hardware import hardware
from omni_agent.core.errors import ConfigError

# name -> (module of omni_agent.cli with ``measure(arguments) -> Result``, what it answers)
BENCHES = {
    'latency': (
        'bench_latency',
        'how long after a question the answer is heard, and after an interruption silence'),
    'continuity': ('bench_continuity',
                   'whether perception and decision keep their pace while the robot speaks'),
    'interrupts': ('bench_interrupts',
                   'what the robot does when somebody makes a sound while it speaks'),
    'addressee': ('bench_addressee',
                  'whether it knows that it was meant, and leaves alone what was for others'),
    'turns': ('bench_turns',
              'whether it lets people finish, and how soon it knows that they have'),
    'proactive': ('bench_proactive',
                  'whether it speaks up unasked at the right moment, and only then'),
    'echo': ('bench_echo',
             'whether the robot takes its own voice for a person, and hears a person through it'),
    'memory': ('bench_memory', 'how fast and how well it remembers a minute, an hour and a day'),
    'motion': ('bench_motion',
               'how soon wheels stand still after a stop, and after a process was killed'),
    'encoders': ('bench_encoders', 'how fast every encoder is on every engine of this machine'),
}
COMPARE = {'<=': operator.le, '>=': operator.ge, '==': operator.eq}

Target = tuple[str, float]


@dataclass(frozen=True)
class Result:
    """Figures by key; a figure that could not be measured is None and misses its target."""

    name: str
    figures: dict[str, float | None]
    targets: dict[str, Target]
    notes: tuple[str, ...] = field(default=())
    # more for the JSON file, such as rows
    details: dict[str, object] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        return [key for key, (sign, bound) in self.targets.items()
                if self.figures.get(key) is None or not COMPARE[sign](self.figures[key], bound)]

    def as_json(self) -> dict:
        return {
            'name': self.name,
            'version': __version__,
            'hardware': hardware(),
            'figures': self.figures,
            'targets': {
                key: list(target)
                for key, target in self.targets.items()
            },
            'missed': self.missed,
            **self.details
        }


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        'bench', help='measure something', description='Measure something with the real '
        'graph and real models; figures are of this machine and this run.')
    names = parser.add_subparsers(metavar='NAME', required=True)
    for name, (module, words) in BENCHES.items():
        one = names.add_parser(name, help=words, description=words.capitalize() + '.')
        one.add_argument('--json', type=Path, metavar='FILE', help='write the figures here')
        one.add_argument('--strict', action='store_true',
                         help='exit code 1 when a target is missed')
        one.add_argument('--out', type=Path, default=Path(f'bench-out/{name}'), metavar='FOLDER',
                         help='keep the recording and its report here')
        one.add_argument('--set', action='append', default=[], metavar='NODE.PARAMETER=VALUE',
                         help='set one parameter of one node; may be given several times')
        one.add_argument('--profile', default='default',
                         help='set of models and rates (default: default)')
        loaded = importlib.import_module(f'omni_agent.cli.{module}')
        loaded.add_arguments(one)
        ros = getattr(loaded, 'NEEDS_ROS', True)
        one.set_defaults(
            run=lambda arguments, measure=loaded.measure, ros=ros: run(arguments, measure, ros))


def run(arguments: argparse.Namespace, measure: object, ros: bool = True) -> int:
    if ros:
        from omni_agent.cli.up import require_ros

        require_ros()
    arguments.set = checked(arguments.set)
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        raise ConfigError(f'--json {arguments.json}: there is no such folder')
    result = measure(arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result.as_json(), indent=2) + '\n', encoding='utf-8')
    return 1 if arguments.strict and result.missed else 0


def checked(words: Sequence[str]) -> list[str]:
    """Settings as a node takes them, refused before anything is measured. A word without '=' names
    a folder to the benches that have one.
    """
    from omni_agent.cli import given_parameters

    return [one for word in words
            for one in (given_parameters.checked([word]) if '=' in word else [word])]


def table(result: Result) -> str:
    """Figure, value, target, verdict; one a line."""
    rows = [f'{result.name} on {hardware()}']
    for key, value in result.figures.items():
        shown = '-' if value is None else f'{value:.3f}'.rstrip('0').rstrip('.')
        sign, bound = result.targets.get(key, ('', ''))
        verdict = '' if not sign else 'missed' if key in result.missed else 'held'
        rows.append(f'  {key:32} {shown:>10}   {f"{sign} {bound}" if sign else "":12} {verdict}')
    return '\n'.join([*rows, *result.notes])
