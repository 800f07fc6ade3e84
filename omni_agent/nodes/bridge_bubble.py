"""``percept``, ``playback`` and ``agent_state`` -> ``speech_bubble``: text in front of the camera,
for rviz.

Made only while somebody subscribes.
"""

from __future__ import annotations

import textwrap

from builtin_interfaces.msg import Duration
from omni_agent_msgs.msg import AgentState, Percept, Playback
from rclpy.node import Node

from . import qos
from .interfaces import interface
from .stamps import now, pace

PERIOD_S = 0.25
SHOWN_S = 6.0            # words stay this long after they were said
WIDTH = 44               # [characters] of a line
DEPTH_M, SIZE_M = 1.0, 0.05
# name -> where [m, in the optical frame: x right, y down], colour
PLACES = {'state': (0.0, -0.55, (0.75, 0.75, 0.75)), 'person': (0.0, 0.42, (1.0, 0.65, 0.1)),
          'robot': (0.0, 0.55, (0.2, 0.75, 1.0))}
PERSON = {
    AgentState.PERSON_SPEAKING: 'somebody speaks',
    AgentState.PERSON_TRAILING: 'somebody paused'
}
AGENT = {AgentState.AGENT_IDLE: 'listening', AgentState.AGENT_DECIDING: 'deciding',
         AgentState.AGENT_PREPARING: 'preparing a reply', AgentState.AGENT_SPEAKING: 'speaking'}


class Bubble:
    """Raises TargetError where visualization_msgs is not installed."""

    def __init__(self, node: Node, frame_id: str) -> None:
        self._node, self._frame_id = node, frame_id
        self._marker, self._array = (interface(f'visualization_msgs/msg/{name}')
                                     for name in ('Marker', 'MarkerArray'))
        self.words: dict[str, tuple[float, str]] = {}        # who -> when [Unix s], what
        self.state = ''
        self.publisher = node.create_publisher(self._array, 'speech_bubble', qos.LOOK)
        node.create_subscription(Percept, 'percept', self.on_percept, qos.PERCEPT)
        node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        node.create_subscription(AgentState, 'agent_state', self.on_state, qos.STATE)
        node.create_timer(PERIOD_S, self.on_timer, clock=pace(node))

    def on_percept(self, percept: Percept) -> None:
        if percept.kind in (Percept.PARTIAL, Percept.FINAL) and percept.text:
            self.words['person'] = (now(self._node), percept.text)

    def on_playback(self, playback: Playback) -> None:
        if playback.heard:
            cut = ' –' if playback.state == Playback.FLUSHED else ''
            self.words['robot'] = (now(self._node), f'{_tail(playback.heard)}{cut}')

    def on_state(self, state: AgentState) -> None:
        self.state = told(state)

    def on_timer(self) -> None:
        if not self.publisher.get_subscription_count():
            return
        t = now(self._node)
        shown = {
            'state': self.state,
            **{
                who: text
                for who, (when, text) in self.words.items() if t - when < SHOWN_S
            }
        }
        self.publisher.publish(
            self._array(markers=[self._text(who, text) for who, text in shown.items() if text]))

    def _text(self, who: str, text: str) -> object:
        x, y, (red, green, blue) = PLACES[who]
        marker = self._marker(ns=who, id=0, type=self._marker.TEXT_VIEW_FACING,
                              action=self._marker.ADD, text='\n'.join(textwrap.wrap(text, WIDTH)),
                              lifetime=Duration(sec=1))
        marker.header.frame_id = self._frame_id       # no stamp: the newest transform will do
        marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = x, y, DEPTH_M
        marker.pose.orientation.w, marker.scale.z = 1.0, SIZE_M
        marker.color.r, marker.color.g, marker.color.b, marker.color.a = red, green, blue, 1.0
        return marker


def _tail(text: str) -> str:
    """The newest words of a long reply."""
    lines = textwrap.wrap(text, WIDTH)
    return ' '.join(lines[-3:])


def told(state: AgentState) -> str:
    """What the agent is at, and what it thinks of what it heard."""
    parts = [PERSON[state.person]] if state.person in PERSON else []
    parts.append(
        AGENT.get(state.agent, 'unknown') + (', its voice lowered' if state.ducked else ''))
    if state.doing:
        parts.append(f'does: {state.doing}')
    if state.addressee_score == state.addressee_score:
        parts.append(f'meant for the robot: {state.addressee_score:.2f}')
    return '; '.join(parts)
