"""Every topic of the agent -> records (``core/recording.py`` says what each holds). It only
listens.
"""

from __future__ import annotations

import base64
import math
from typing import Callable

from diagnostic_msgs.msg import DiagnosticArray
from omni_agent_msgs.msg import (AgentState, Interrupt, Look, Percept, Playback, React,
                                 SpeechChunk, SpeechState)
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from omni_agent.core.events import Reason
from omni_agent.core.turn import Agent, Person

from . import qos
from .stamps import now, seconds

KINDS = {Percept.SPEECH_STARTED: 'speech_started', Percept.SPEECH_STOPPED: 'speech_stopped',
         Percept.PARTIAL: 'partial', Percept.FINAL: 'final', Percept.SCENE: 'scene',
         Percept.SOUND_STARTED: 'sound_started'}
STATES = {Playback.STARTED: 'started', Playback.PLAYING: 'playing', Playback.FINISHED: 'finished',
          Playback.FLUSHED: 'flushed'}

Record = dict


class Recorder:
    """Hands each record to ``on_record`` as it comes, in the executor thread of ``node``."""

    def __init__(self, node: Node, on_record: Callable[[Record], None]) -> None:
        self._node = node
        self._on_record = on_record
        for message, topic, profile, convert in (
                (Interrupt, 'interrupt', qos.STATE, _interrupt),
                (Percept, 'percept', qos.PERCEPT, _percept),
                (React, 'react', qos.PERCEPT, _react),
                (SpeechChunk, 'speech', qos.SPEECH, _speech),
                (Playback, 'playback', qos.PERCEPT, _playback),
                (AgentState, 'agent_state', qos.STATE, _agent_state),
                (SpeechState, 'speech_state', qos.PERCEPT, _speech_state),
                (Look, 'look', qos.LOOK, _look),
                (CameraInfo, 'camera_info', qos.PERCEPT, _image),
                (DiagnosticArray, '/diagnostics', qos.PERCEPT, _diagnostics)):
            take = self._taker(topic.strip('/'), convert)
            node.create_subscription(message, topic, take, profile)

    def _taker(self, topic: str, convert: Callable[[object], Record]) -> Callable[[object], None]:
        name = 'image' if topic == 'camera_info' else topic

        def take(message: object) -> None:
            received = now(self._node)
            self._on_record({'topic': name, 't': seconds(message.header.stamp),
                             'received': received, **convert(message)})
        return take


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _interrupt(message: Interrupt) -> Record:
    evidence = seconds(message.evidence)
    return {'epoch': message.epoch, 'ducked': message.ducked,
            'reason': Reason(message.reason).name.lower(), 'evidence': evidence or None}


def _percept(message: Percept) -> Record:
    return {'kind': KINDS.get(message.kind, str(message.kind)), 'utterance': message.utterance,
            'start': seconds(message.start), 'text': message.text,
            'turn_end_probability': _number(message.turn_end_probability),
            'voiced_s': _number(message.voiced_s), 'level_dbfs': _number(message.level_dbfs),
            'echo_likelihood': _number(message.echo_likelihood),
            'salience': _number(message.salience), 'processing_s': _number(message.processing_s)}


def _react(message: React) -> Record:
    return {'epoch': message.epoch, 'brief': message.brief, 'say': message.say,
            'recalled': list(message.recalled), 'not_before': seconds(message.not_before)}


def _speech(message: SpeechChunk) -> Record:
    return {'epoch': message.epoch, 'sequence': message.sequence,
            'seconds': len(message.samples) / message.rate, 'text': message.text,
            'last': message.last}


def _playback(message: Playback) -> Record:
    return {'epoch': message.epoch, 'state': STATES[message.state],
            'samples_played': message.samples_played, 'rate': message.rate,
            'queued_s': _number(message.queued_s), 'ducked': message.ducked,
            'heard': message.heard}


def _agent_state(message: AgentState) -> Record:
    return {'epoch': message.epoch, 'person': Person(message.person).name.lower(),
            'agent': Agent(message.agent).name.lower(), 'ducked': message.ducked,
            'utterance': message.utterance, 'text': message.text,
            'addressee_score': _number(message.addressee_score),
            'evidence': dict(zip(message.evidence_names, map(_number, message.evidence_values))),
            'why': message.why, 'watching': list(message.watching), 'route': message.route,
            'senses': message.senses, 'used': list(message.used)}


def _speech_state(message: SpeechState) -> Record:
    return {'utterance': message.utterance, 'probability': _number(message.probability),
            'echo_likelihood': _number(message.echo_likelihood),
            'is_speaking': message.is_speaking, 'voiced_s': _number(message.voiced_s),
            'level_dbfs': _number(message.level_dbfs)}


def _look(message: Look) -> Record:
    return {'skipped': message.skipped, 'processing_s': _number(message.processing_s),
            'tracks': len(message.tracks), 'events': len(message.events),
            **({'keyframe': base64.b64encode(bytes(message.keyframe)).decode()}
               if len(message.keyframe) else {})}


def _image(message: CameraInfo) -> Record:
    return {}


def _diagnostics(message: DiagnosticArray) -> Record:
    status = message.status[0]
    return {'node': status.name, 'level': status.level[0], 'message': status.message,
            'values': {item.key: item.value for item in status.values}}
