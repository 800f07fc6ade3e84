"""Messages of the agent -> records (``recording`` says what each holds), whoever decoded them:
rclpy or a bag's reader.

Only the fields are looked at, so nothing of ROS is needed. A field that an older message does not
have is left out.
"""

from __future__ import annotations

import base64
import math
from typing import Any, Callable

from .events import Reason
from .percepts import Kind
from .turn_states import Agent, Person

# the constants of Percept.msg, Playback.msg and SkillState.msg
KINDS = {kind.value: kind.name.lower() for kind in Kind}
STATES = {0: 'started', 1: 'playing', 2: 'finished', 3: 'flushed'}

SKILL_STATES = {
    0: 'waiting',
    1: 'running',
    2: 'held',
    3: 'succeeded',
    4: 'failed',
    5: 'cancelled',
    6: 'refused'
}
TAKEN = 50               # [%] that something is there
MOST_CELLS = 20_000

Record = dict


def seconds(time: Any) -> float:
    """Message time -> Unix seconds."""
    return time.sec + time.nanosec * 1e-9


def number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def interrupt(message: Any) -> Record:
    evidence = seconds(message.evidence)
    return {'epoch': message.epoch, 'ducked': message.ducked,
            'reason': Reason(message.reason).name.lower(), 'evidence': evidence or None}


def percept(message: Any) -> Record:
    return {'kind': KINDS.get(message.kind, str(message.kind)), 'utterance': message.utterance,
            'start': seconds(message.start), 'text': message.text,
            'turn_end_probability': number(message.turn_end_probability),
            'voiced_s': number(message.voiced_s), 'level_dbfs': number(message.level_dbfs),
            'echo_likelihood': number(message.echo_likelihood),
            'salience': number(message.salience), 'processing_s': number(message.processing_s)}


def react(message: Any) -> Record:
    return {'epoch': message.epoch, 'brief': message.brief, 'say': message.say,
            'recalled': list(message.recalled), 'not_before': seconds(message.not_before)}


def speech(message: Any) -> Record:
    return {'epoch': message.epoch, 'sequence': message.sequence,
            'seconds': len(message.samples) / message.rate, 'text': message.text,
            'last': message.last}


def playback(message: Any) -> Record:
    return {'epoch': message.epoch, 'state': STATES[message.state],
            'samples_played': message.samples_played, 'rate': message.rate,
            'queued_s': number(message.queued_s), 'ducked': message.ducked,
            'heard': message.heard}


def agent_state(message: Any) -> Record:
    return {'epoch': message.epoch, 'person': Person(message.person).name.lower(),
            'agent': Agent(message.agent).name.lower(), 'ducked': message.ducked,
            'utterance': message.utterance, 'text': message.text,
            'addressee_score': number(message.addressee_score),
            'evidence': dict(zip(message.evidence_names, map(number, message.evidence_values))),
            'why': message.why, 'watching': list(message.watching), 'route': message.route,
            'senses': message.senses, 'used': list(message.used)}


def speech_state(message: Any) -> Record:
    return {'utterance': message.utterance, 'probability': number(message.probability),
            'echo_likelihood': number(message.echo_likelihood),
            'is_speaking': message.is_speaking, 'voiced_s': number(message.voiced_s),
            'level_dbfs': number(message.level_dbfs)}


def look(message: Any) -> Record:
    return {'skipped': message.skipped, 'processing_s': number(message.processing_s),
            'tracks': len(message.tracks), 'events': len(message.events),
            **({'keyframe': base64.b64encode(bytes(message.keyframe)).decode()}
               if len(message.keyframe) else {})}


def skill_state(message: Any) -> Record:
    return {
        'epoch': message.epoch,
        'step': message.step,
        'skill': message.skill,
        'state': SKILL_STATES[message.state],
        'text': message.text,
        'arguments': message.arguments
    }


def answer_route(message: Any) -> Record:
    return {'epoch': message.epoch, 'brief': message.brief,
            'steps': [{'specialist': one.specialist, 'why': one.why,
                       'cost_ms': number(one.cost_ms), 'frames': one.frames,
                       'tokens': one.tokens} for one in message.steps]}


def odometry(message: Any) -> Record:
    position, turned, twist = message.pose.pose.position, message.pose.pose.orientation, message.twist.twist
    yaw = math.atan2(2 * (turned.w * turned.z + turned.x * turned.y),
                     1 - 2 * (turned.y**2 + turned.z**2))
    return {
        'x': number(position.x),
        'y': number(position.y),
        'yaw': number(yaw),
        'speed': number(twist.linear.x)
    }


def walls(message: Any) -> Record:
    """The cells of an occupancy grid that are surely taken, as x, y, x, y ... [m]."""
    cell, origin, width = message.info.resolution, message.info.origin.position, message.info.width
    found = [(origin.x + cell * (index % width + 0.5), origin.y + cell * (index // width + 0.5))
             for index, taken in enumerate(message.data) if taken >= TAKEN]
    return {
        'cell': number(cell),
        'taken': [round(value, 3) for point in found[:MOST_CELLS] for value in point]
    }


def image(message: Any) -> Record:
    return {}


def diagnostics(message: Any) -> Record:
    status = message.status[0]
    # rclpy: a byte
    level = status.level if isinstance(status.level, int) else status.level[0]
    return {'node': status.name, 'level': level, 'message': status.message,
            'values': {item.key: item.value for item in status.values}}


# Type -> name of the record and what makes it. One topic of the agent has one of these types, none
# has two.
BY_TYPE: dict[str, tuple[str, Callable[[Any], Record]]] = {
    'omni_agent_msgs/msg/Interrupt': ('interrupt', interrupt),
    'omni_agent_msgs/msg/Percept': ('percept', percept),
    'omni_agent_msgs/msg/React': ('react', react),
    'omni_agent_msgs/msg/SpeechChunk': ('speech', speech),
    'omni_agent_msgs/msg/Playback': ('playback', playback),
    'omni_agent_msgs/msg/AgentState': ('agent_state', agent_state),
    'omni_agent_msgs/msg/SpeechState': ('speech_state', speech_state),
    'omni_agent_msgs/msg/Look': ('look', look),
    'omni_agent_msgs/msg/SkillState': ('skill_state', skill_state),
    'omni_agent_msgs/msg/AnswerRoute': ('answer_route', answer_route),
    'nav_msgs/msg/Odometry': ('odometry', odometry),
    'nav_msgs/msg/OccupancyGrid': ('walls', walls),
    'sensor_msgs/msg/CameraInfo': ('image', image),
    'diagnostic_msgs/msg/DiagnosticArray': ('diagnostics', diagnostics),
}


def record(kind: str, message: Any, received: float) -> Record | None:
    """None for a type that no report needs, or a message that says nothing."""
    if kind not in BY_TYPE or kind.endswith('DiagnosticArray') and not len(message.status):
        return None
    topic, convert = BY_TYPE[kind]
    return {
        'topic': topic,
        't': seconds(message.header.stamp),
        'received': received,
        **convert(message)
    }
