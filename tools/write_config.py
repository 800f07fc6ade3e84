"""Writes config/omni_agent.yaml: every parameter of every node, with its default, range and
meaning.

Run it after a parameter was added: python tools/write_config.py
"""

from __future__ import annotations

import importlib
import json
import textwrap
from pathlib import Path

from omni_agent import graph
from omni_agent.core.params import Spec, specs
from omni_agent.nodes.shell import NodeParams

TARGET = Path(__file__).resolve().parents[1] / 'config' / 'omni_agent.yaml'
HEAD = """\
# Every parameter of every node, with its default. Copy what you want to change into a file of your own and
# start with params_file:=FILE (ros2 launch) or --params-file FILE (omni-agent up); later files win.
# Written by tools/write_config.py from the declarations in the code; do not edit.
"""


def sections(node: str) -> list[tuple[str, type]]:
    """(prefix, params dataclass) pairs of a node, as declared there."""
    return [*importlib.import_module(f'omni_agent.nodes.{node}').PARAMETERS, ('', NodeParams)]


def render() -> str:
    """The whole file."""
    parts = [HEAD]
    for spec in (*graph.GRAPH, *graph.OPTIONAL):
        parts.append(f'\n# {spec.purpose}\n/**/{spec.name}:\n  ros__parameters:\n')
        for prefix, params in sections(spec.name):
            indent = '    '
            if prefix:
                parts.append(f'{indent}{prefix}:\n')
                indent += '  '
            parts += [_entry(item, indent) for item in specs(params)]
    return ''.join(parts)


def _entry(spec: Spec, indent: str) -> str:
    span = f' ({spec.low} to {spec.high})' if spec.low is not None else ''
    if spec.choices:
        span = f' (one of {", ".join(spec.choices)})'
    words = textwrap.wrap(f'{spec.doc}{span}', 98 - len(indent) - 2)
    comment = ''.join(f'{indent}# {line}\n' for line in words)
    return f'{comment}{indent}{spec.name}: {json.dumps(spec.default)}\n'


if __name__ == '__main__':
    TARGET.write_text(render(), encoding='utf-8')
