"""Every topic of the agent -> records (``core/recording.py`` says what each holds). It only
listens.
"""

from __future__ import annotations

from typing import Callable

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid, Odometry
from omni_agent_msgs.msg import (AgentState, AnswerRoute, Interrupt, Look, Percept, Playback,
                                 React, SkillState, SpeechChunk, SpeechState)
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from omni_agent.core import message_records as records
from omni_agent.core.message_records import KINDS, STATES, Record  # noqa: F401 (the window reads them here)

from . import qos
from .stamps import now, seconds


# of the others' records: as their topic
NAMES = {'camera_info': 'image', 'odom': 'odometry', 'map': 'walls'}


class Recorder:
    """Hands each record to ``on_record`` as it comes, in the executor thread of ``node``."""

    def __init__(self, node: Node, on_record: Callable[[Record], None]) -> None:
        self._node = node
        self._on_record = on_record
        for message, topic, profile, convert in (
                (Interrupt, 'interrupt', qos.STATE, records.interrupt),
                (Percept, 'percept', qos.PERCEPT, records.percept),
                (React, 'react', qos.PERCEPT, records.react),
                (SpeechChunk, 'speech', qos.SPEECH, records.speech),
                (Playback, 'playback', qos.PERCEPT, records.playback),
                (AgentState, 'agent_state', qos.STATE, records.agent_state),
                (SpeechState, 'speech_state', qos.PERCEPT, records.speech_state),
                (Look, 'look', qos.LOOK, records.look),
                (SkillState, 'skill_state', qos.SKILL_STATE, records.skill_state),
                (AnswerRoute, 'answer_route', qos.ROUTE, records.answer_route),
                (Odometry, 'odom', qos.ODOMETRY, records.odometry),
                (OccupancyGrid, 'map', qos.STATE, records.walls),
                (CameraInfo, 'camera_info', qos.PERCEPT, records.image),
                (DiagnosticArray, '/diagnostics', qos.PERCEPT, records.diagnostics)):
            take = self._taker(topic.strip('/'), convert)
            node.create_subscription(message, topic, take, profile)

    def _taker(self, topic: str, convert: Callable[[object], Record]) -> Callable[[object], None]:
        name = NAMES.get(topic, topic)

        def take(message: object) -> None:
            received = now(self._node)
            self._on_record({'topic': name, 't': seconds(message.header.stamp),
                             'received': received, **convert(message)})
        return take
