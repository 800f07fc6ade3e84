"""``omni-agent demo``: a scripted conversation through the real graph, judged against what was
expected of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from omni_agent.core.errors import ConfigError

LEFT_BEHIND = ('events.jsonl', 'person.wav', 'robot.wav', 'truth.jsonl', 'conversation.wav',
               'timeline.png', 'path.png', 'report.html', 'metrics.json', 'nodes.log')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        'demo', help='play a scripted conversation and judge it',
        description='Play a scenario in a virtual room with all nodes and real models; write '
                    'conversation.wav, timeline.png, report.html and metrics.json. Exit code 0 '
                    'only if every expectation held.')
    parser.add_argument('--scenario', default='conversation', metavar='NAME|FILE',
                        help='a scenario that comes with the package, or a YAML file of your own')
    parser.add_argument('--out', default='demo-out', type=Path, metavar='FOLDER',
                        help='default: demo-out')
    parser.add_argument('--profile', default='default',
                        help='set of models and rates (default: default)')
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAMETER=VALUE',
                        help='set one parameter of one node; may be given several times')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 when the scenario's expectations held, 1 when not."""
    from omni_agent.cli import given_parameters
    from omni_agent.cli.live import LiveView
    from omni_agent.cli.stage import Stage
    from omni_agent.cli.up import require_ros

    require_ros()
    overrides = given_parameters.settings(arguments.set)
    out = _folder(arguments.out)
    with open(out / 'nodes.log', 'w', encoding='utf-8') as log:
        stage = Stage(arguments.scenario, out, lambda record: view.feed(record),
                      lambda name, line: print(f'{name}: {line}', file=log, flush=True),
                      overrides, arguments.profile)
        view = LiveView(f'omni_agent: {stage.scenario.name}', len(stage.scenario.lines))
        with view:
            for _ in stage.play():
                pass                              # the view draws itself
    return conclude(out, stage.codes)


def _folder(out: Path) -> Path:
    """An empty folder for the run: files of an earlier run go, anything else stays."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'{out}: {error.strerror}; name another folder with --out') from error
    for name in LEFT_BEHIND:
        (out / name).unlink(missing_ok=True)
    return out


def conclude(out: Path, codes: dict[str, int]) -> int:
    """Write the report, say in a few lines what came out of it."""
    from omni_agent.cli import report

    print('drawing the report ...', file=sys.stderr, flush=True)
    report.write(out)
    outcome = json.loads((out / 'metrics.json').read_text(encoding='utf-8'))
    print(report.summary(outcome))
    unclean = {name: code for name, code in codes.items() if code}
    if unclean:
        print(f'these nodes did not end cleanly: {unclean}; see {out / "nodes.log"}')
    print(f'look at {out / "report.html"} and {out / "timeline.png"}, '
          f'listen to {out / "conversation.wav"}')
    return 0 if outcome['all_passed'] and not unclean else 1
