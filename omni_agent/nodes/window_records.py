"""Messages of the agent -> what the page in the browser shows of them, as JSON can say it.

Times are Unix seconds; epochs are texts, as a browser's numbers end at 53 bits.
"""

from __future__ import annotations

import math
from typing import Callable, Iterable

from diagnostic_msgs.msg import DiagnosticStatus
from omni_agent_msgs.msg import (AgentState, AnswerRoute, Face, Interrupt, Look, Percept, Playback,
                                 React, SkillState, SpeechState, Track)

from omni_agent.backends.window_server import Json
from omni_agent.core.addressee import Verdict
from omni_agent.core.answer_route import CLAIMS, LLM, VOICE
from omni_agent.core.events import Reason
from omni_agent.core.turn_states import Agent, Person

from .recorder import KINDS, STATES
from .stamps import seconds

SKILL_STATES = {value: name.lower() for name, value in (
    (name, getattr(SkillState, name))
    for name in ('WAITING', 'RUNNING', 'HELD', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'REFUSED'))}
SENSES = {AgentState.SEES: 'sees', AgentState.HEARS: 'hears', AgentState.SPEAKS: 'speaks'}
ANSWERS = 8                # of which a window that is opened later learns how they came about
LEVELS = {0: 'ok', 1: 'warning', 2: 'error', 3: 'no news'}


def interrupt(message: Interrupt) -> Json:
    evidence = seconds(message.evidence)
    t = seconds(message.header.stamp)
    return {
        't': t,
        'epoch': str(message.epoch),
        'ducked': message.ducked,
        'reason': _reason(message.reason),
        'halted': str(message.halted) if message.halted else None,
        'evidence': evidence or None,
        'latency_ms': round(1000 * (t - evidence)) if evidence else None
    }


def _reason(number: int) -> str:
    try:
        return Reason(number).name.lower()
    except ValueError:                           # of a newer decision node
        return f'reason {number}'


def percept(message: Percept) -> Json:
    return {
        't': seconds(message.header.stamp),
        'kind': KINDS.get(message.kind, str(message.kind)),
        'utterance': str(message.utterance),
        'start': seconds(message.start) or None,
        'text': message.text,
        'turn_end': number(message.turn_end_probability),
        'echo': number(message.text_echo_likelihood)
    }


def react(message: React) -> Json:
    return {
        't': seconds(message.header.stamp),
        'epoch': str(message.epoch),
        'brief': message.brief,
        'say': message.say,
        'recalled': list(message.recalled)
    }


def playback(message: Playback) -> Json:
    return {
        't': seconds(message.header.stamp),
        'epoch': str(message.epoch),
        'state': STATES[message.state],
        'queued_s': number(message.queued_s),
        'ducked': message.ducked,
        'heard': message.heard
    }


def agent_state(message: AgentState) -> Json:
    return {
        't': seconds(message.header.stamp),
        'epoch': str(message.epoch),
        'person': Person(message.person).name.lower(),
        'agent': Agent(message.agent).name.lower(),
        'ducked': message.ducked,
        'text': message.text,
        'score': number(message.addressee_score),
        'verdict': Verdict(message.verdict).name.lower(),
        'evidence': [[name, number(value)]
                     for name, value in zip(message.evidence_names, message.evidence_values)],
        'why': message.why,
        'watching': list(message.watching),
        'doing': message.doing,
        'route': message.route,
        'senses': [name for flag, name in SENSES.items() if message.senses & flag],
        'used': list(message.used)
    }


def speech_state(message: SpeechState) -> Json:
    return {'t': seconds(message.header.stamp), 'p': number(message.probability),
            'echo': number(message.echo_likelihood), 'speaks': message.is_speaking,
            'dbfs': number(message.level_dbfs, 1)}


def look(message: Look) -> Json:
    size = (message.width or 1, message.height or 1)
    return {'t': seconds(message.header.stamp), 'skipped': message.skipped,
            'tracks': [_track(track, size) for track in message.tracks],
            'faces': [_face(face, size) for face in message.faces]}


def _track(track: Track, size: tuple[int, int]) -> Json:
    return {
        'id': track.id,
        'label': track.label,
        'score': number(track.score, 2),
        'box': _box(track.box, size)
    }


def _face(face: Face, size: tuple[int, int]) -> Json:
    return {
        'track': face.track,
        'box': _box(face.box, size),
        'looks_here': number(face.looks_here, 2)
    }


def _box(corners: Iterable[float], size: tuple[int, int]) -> list[float | None]:
    """Shares of the picture: the page may show it in any size."""
    return [number(value / size[at % 2], 4) for at, value in enumerate(corners)]


def skill_state(message: SkillState) -> Json:
    return {
        't': seconds(message.header.stamp),
        'epoch': str(message.epoch),
        'step': message.step,
        'steps': message.steps,
        'skill': message.skill,
        'arguments': message.arguments,
        'state': SKILL_STATES.get(message.state, str(message.state)),
        'progress': number(message.progress),
        'text': message.text,
        'dry_run': message.dry_run
    }


def answer_route(message: AnswerRoute) -> Json:
    return {
        't': seconds(message.header.stamp),
        'epoch': str(message.epoch),
        'brief': message.brief,
        'steps': [{'specialist': one.specialist, 'why': one.why, 'ms': number(one.cost_ms),
                   'frames': one.frames, 'tokens': one.tokens} for one in message.steps]
    }


def status(found: DiagnosticStatus) -> Json:
    return {
        'node': found.name,
        'level': LEVELS.get(found.level[0], 'no news'),
        'message': found.message,
        'values': {
            item.key: item.value
            for item in found.values
        }
    }


def number(value: float, digits: int = 3) -> float | None:
    """What is not measured, or is not finite, is null: JSON knows neither."""
    return round(float(value), digits) if math.isfinite(value) else None


def skill_key(record: Json) -> str:
    return f'skill {record["epoch"]} {record["step"]}'


def route_key(record: Json) -> str:
    """The newest few of each of the two nodes that tell."""
    spoke = any(one['specialist'] in (LLM, CLAIMS, VOICE) for one in record['steps'])
    return f'route {int(record["epoch"]) % ANSWERS} {spoke}'


Convert = Callable[..., Json]
