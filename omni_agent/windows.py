"""rviz and rqt for this agent: which files they open, and with which topics. Nothing here needs
either of them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from omni_agent.graph import absolute_namespace
from omni_agent.share import share_dir

RQT_AFTER_S = 10.0       # [s] rqt_plot gives up on a topic that nobody publishes yet
PLOTTED = 'topics'       # the setting of rqt_plot that names them
# tf2's names are absolute; a robot in a namespace has a tree of its own, as with nav2
OWN_TREE = (('/tf', 'tf'), ('/tf_static', 'tf_static'))


def rviz_arguments() -> list[str]:
    """Its topics are relative: rviz belongs into the namespace of the agent."""
    return ['-d', str(share_dir() / 'rviz' / 'omni_agent.rviz')]


def rqt_arguments(namespace: str = '', folder: Path | None = None) -> list[str]:
    """rqt knows no namespaces: for an agent in one, a perspective is written into ``folder``
    (default: a new one).
    """
    file = share_dir() / 'rqt' / 'omni_agent.perspective'
    prefix = absolute_namespace(namespace)
    if prefix:
        moved = (folder or Path(tempfile.mkdtemp(prefix='omni_agent_rqt_'))) / file.name
        moved.write_text(in_namespace(file.read_text(encoding='utf-8'), prefix), encoding='utf-8')
        file = moved
    return ['--force-discover', '--perspective-file', str(file)]


def in_namespace(perspective: str, prefix: str) -> str:
    """The same perspective with every plotted topic below ``prefix``, '/robot1' for example."""
    return json.dumps(_moved(json.loads(perspective), prefix), indent=2, separators=(',', ': '),
                      sort_keys=True)


def _moved(group: dict, prefix: str) -> dict:
    keys = dict(group['keys'])
    if PLOTTED in keys:
        keys[PLOTTED] = {
            **keys[PLOTTED], 'repr': keys[PLOTTED]['repr'].replace("'/", f"'{prefix}/")
        }
    return {
        'keys': keys,
        'groups': {
            name: _moved(inner, prefix)
            for name, inner in group['groups'].items()
        }
    }
