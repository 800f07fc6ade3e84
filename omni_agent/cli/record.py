"""``omni-agent record``: everything that the agent says, hears and sees, into a rosbag2 folder."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from omni_agent import graph
from omni_agent.core import left_out
from omni_agent.core.errors import ConfigError, OmniAgentError

NODE, MODULE = 'bag_recorder', 'omni_agent.nodes.bag_recorder'
ERROR = re.compile(r'bag_recorder(?:\.py)?: (?P<words>.*)')      # how nodes/shell.py ends a node
LAST_LINE = 'Replay it with: omni-agent replay {0}   Draw it with: omni-agent report {0}'


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        'record', help='record the running agent into a rosbag2 folder', description=
        'Record every topic of the running agent, the parameters of its nodes and the hashes of '
        'its models '
        'into a rosbag2 folder (MCAP), until Ctrl-C. The robot says so when it begins.')
    add = parser.add_argument
    add('--out', type=Path, metavar='FOLDER', help='a new folder (default: bag-DATE-TIME)')
    add('--without', action='append', default=[], metavar='WHAT[,WHAT]',
        help='leave out pictures or sound: image, sound')
    add(
        '--picture-hz', type=float, default=0.0, metavar='HZ',
        help='record so many pictures a second at most (default: '
        'all; VGA at 15 Hz fills 14 MB a second)')
    add('--namespace', default='', metavar='NAME', help='namespace of the agent')
    add('--topic', action='append', default=[], metavar='TOPIC',
        help='record this one, too; may be given several times')
    add('--split-mib', type=int, default=1024, metavar='MIB',
        help='begin a new file at this size (default: 1024)')
    add(
        '--quiet', action='store_true',
        help='do not say aloud that a recording begins; those who are there must know '
        'it otherwise')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Until Ctrl-C: 0 when the bag is whole. Raises OmniAgentError with what the recorder said
    when it could not.
    """
    from omni_agent.backends import bag_repair
    from omni_agent.backends.bag_reader import Bag
    from omni_agent.cli.child import Program
    from omni_agent.cli.supervisor import Supervisor
    from omni_agent.cli.up import require_ros, supervise

    require_ros()
    folder = (arguments.out or Path(time.strftime('bag-%Y%m%d-%H%M%S'))).expanduser().absolute()
    if folder.exists():
        raise ConfigError(f'{folder} is there already: name another folder with --out')
    listener = _Listener()
    program = Program(NODE, MODULE, ros_arguments(arguments, folder))
    code = supervise(Supervisor([program], on_line=listener, respawn=False), listener)
    if folder.is_dir() and bag_repair.finish(folder):
        print(
            'The recorder did not close the bag; it was repaired, and ends at most a second early.'
        )
    if listener.error:
        raise OmniAgentError(listener.error)
    with Bag(folder) as bag:
        found = bag.contents()
    print(
        f'{sum(found.counts.values())} messages of {len(found.topics)} topics in '
        f'{found.seconds:.1f} s: {folder}'
    )
    print(LAST_LINE.format(folder))
    return code


def ros_arguments(arguments: argparse.Namespace, folder: Path) -> tuple[str, ...]:
    """The command line of the node."""
    without = ','.join(left_out.parse(','.join(arguments.without)))
    values = {
        'folder': str(folder),
        'without': without,
        'topics': ','.join(arguments.topic),
        'announce': not arguments.quiet,
        'split_mib': arguments.split_mib,
        'picture_hz': arguments.picture_hz
    }
    namespace = graph.absolute_namespace(arguments.namespace)
    return ('--ros-args', '-r', f'__node:={NODE}', *(('-r', f'__ns:={namespace}') if namespace else
                                                     ()),
            *(word for name, value in values.items()
              for word in ('-p', f'{name}:={graph.written(value)}')))


class _Listener:
    """Prints what the recorder says, and keeps why it ended."""

    def __init__(self) -> None:
        self.error = ''

    def __call__(self, name: str, text: str) -> None:
        said = ERROR.fullmatch(text)
        if name == NODE and said:
            self.error = said['words']
        elif name == NODE:
            print(text, flush=True)
