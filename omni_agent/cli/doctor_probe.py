"""One section of ``omni-agent doctor`` in a process of its own: a finding a line on standard
output.

    python -m omni_agent.cli.doctor_probe SECTION OPTIONS        # OPTIONS: Wanted as JSON
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass

from omni_agent import graph
from omni_agent.backends import yaml_lines
from omni_agent.core.checkup import Finding, wrong
from omni_agent.core.errors import OmniAgentError

# Section -> what it is about, in the order in which it is looked at. Its module is
# doctor_<section>, whose ``findings(wanted)`` yields what it found.
SECTIONS = {
    'machine': 'cores, memory, disk and what this user may do',
    'clock': 'the time, and whether it runs evenly',
    'libraries': 'what the package stands on, with licences',
    'devices': 'microphones, loudspeakers and cameras',
    'models': 'the model files of this profile, with licences',
    'engines': 'what runs the picture encoders, and why not something faster',
    'ros': 'the ROS environment',
    'discovery': 'two throw-away nodes find each other and talk',
    'graph': 'the agent that runs now',
}


@dataclass(frozen=True)
class Wanted:
    """What the user starts the agent with; ``added``: environment variables that were missing."""

    params_file: str = ''
    profile: str = 'default'
    open: bool = False
    added: tuple[str, ...] = ()

    def parameter(self, node: str, name: str, default: str = '') -> str:
        """Its value by the parameter files, read as a node in no namespace reads them."""
        value: object = default
        for file in graph.parameter_files(self.params_file, self.profile):
            sections = yaml_lines.read(file, 'the parameter file', lambda data: data)
            for pattern, body in (sections.items() if isinstance(sections, dict) else ()):
                given = body.get('ros__parameters') if isinstance(body, dict) else None
                if pattern.rsplit('/', 1)[-1] in (node, '**') and isinstance(given, dict):
                    value = given.get(name, value)
        return str(value)


def main() -> int:
    section, options = sys.argv[1], json.loads(sys.argv[2])
    answers = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)                                # what libraries print is no finding
    wanted = Wanted(options['params_file'], options['profile'], options['open'],
                    tuple(options['added']))

    def tell(one: Finding) -> None:
        print(one.line(), file=answers, flush=True)

    try:
        module = importlib.import_module(f'omni_agent.cli.doctor_{section}')
        for one in module.findings(wanted):
            tell(one)
    except OmniAgentError as error:
        tell(wrong(section, str(error), 'see above'))
    # A check asks everything of everybody: what comes back instead of an answer is the answer.
    except Exception as error:
        tell(
            wrong(section, f'the check failed with {type(error).__name__}: {error}',
                  'please report this line'))
    answers.flush()
    os._exit(0)                                  # a library's thread that hangs must not keep us


if __name__ == '__main__':
    main()
