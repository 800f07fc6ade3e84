"""A scripted half minute of a conversation as the messages that the nodes publish, on all topics
that the window shows.

No node runs: the stamps lie in the past, so that half a minute is there at once.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from omni_agent_msgs.msg import (AgentState, AnswerRoute, Face, Interrupt, Look, Percept, Playback,
                                 React, RouteStep, SkillState, SpeechState, Track)
from rclpy.node import Node
from sensor_msgs.msg import Image

from omni_agent.nodes import qos
from omni_agent.nodes.images import from_bgr
from omni_agent.nodes.stamps import stamp

TOPICS = {
    'interrupt': (Interrupt, qos.STATE),
    'percept': (Percept, qos.PERCEPT),
    'react': (React, qos.REACT),
    'playback': (Playback, qos.PLAYBACK),
    'agent_state': (AgentState, qos.STATE),
    'skill_state': (SkillState, qos.SKILL_STATE),
    'answer_route': (AnswerRoute, qos.ROUTE),
    'speech_state': (SpeechState, qos.SPEECH_STATE),
    'look': (Look, qos.LOOK),
    'image_raw': (Image, qos.IMAGE_OUT),
    '/diagnostics': (DiagnosticArray, 10)
}
LENGTH_S = 29.0
FIRST_EPOCH = 1_795_351_840_543
Event = tuple[float, str, object]

# first voiced sample, last one, utterance, words
PEOPLE = ((1.0, 2.9, 1, 'What can you see in front of you?'), (7.2, 7.5, 2, 'Mm-hm.'),
          (10.0, 12.3, 3, 'No, wait, drive to the kitchen please.'), (19.6, 20.2, 4, 'Stop!'),
          (22.0, 24.0, 5, 'Tell me when somebody comes in.'),
          (27.2, LENGTH_S + 1, 6, 'And what was the first thing I asked you today'))
# first sample, last one, words, whether it was cut off
ROBOT = (
    (4.1, 10.45,
     'I see one person in a blue uniform, in front of a flag. She looks straight at me and smiles',
     True), (13.6, 15.9, 'All right, I am driving to the kitchen.',
             False), (25.3, 27.0, 'I will tell you when somebody comes in.', False))
# when it was published, reason, lowered, when the sound began
INTERRUPTS = ((3.3, Interrupt.NEW_REPLY, False, 0.0), (7.32, Interrupt.FIRST_SOUND, True, 7.2),
              (7.75, Interrupt.NO_INTERRUPT, False, 0.0), (10.11, Interrupt.FIRST_SOUND, True,
                                                           10.0),
              (10.43, Interrupt.BARGE_IN, False, 10.0), (12.7, Interrupt.NEW_REPLY, False, 0.0),
              (19.97, Interrupt.STOP_PHRASE, False, 19.6), (24.4, Interrupt.NEW_REPLY, False, 0.0))
# from when on: person, robot
STATES = ((0.0, 0, 0), (1.1, 1, 0), (3.0, 2, 1), (3.3, 0, 2), (4.1, 0, 3), (7.3, 1, 3),
          (7.7, 0, 3), (10.1, 1, 3), (10.43, 1, 0), (12.4, 2, 1), (12.7, 0, 2), (13.6, 0, 3),
          (15.9, 0, 0), (19.7, 1, 0), (20.4, 0, 0), (22.1, 1, 0), (24.1, 2, 1), (24.4, 0, 2),
          (25.3, 0, 3), (27.0, 0, 0), (27.3, 1, 0))
WATCHING = ['tell me when somebody comes in', 'warn me if the stove is left alone']
EVIDENCE = (('a request', 1.9), ('it looks here', 1.2), ('the robot just spoke', 0.8),
            ('near', 0.5), ('no name', -0.4), ('people are talking', -0.9))
SKILLS = ((0.5, 0, 1, 'look_at', {
    'name': 'person'
}, SkillState.SUCCEEDED, 1.0, 'I am looking at the person.'), (14.2, 0, 1, 'go_to', {
    'place': 'kitchen'
}, SkillState.RUNNING, 0.05, '4.1 m to go'), (17.0, 0, 1, 'go_to', {
    'place': 'kitchen'
}, SkillState.RUNNING, 0.44, '2.4 m to go'), (20.0, 0, 1, 'go_to', {
    'place': 'kitchen'
}, SkillState.CANCELLED, 0.62, 'Somebody said stop; 1.6 m to go.'), (25.0, 0, 2, 'turn', {
    'degrees': 90.0
}, SkillState.SUCCEEDED, 1.0, 'Turned by 90 degrees.'), (27.0, 1, 2, 'drive', {
    'metres': 1.0,
    'speed': 0.2
}, SkillState.RUNNING, 0.38, 'towards the door'))
# when it was told, answer, what was answered, and who worked at it
ROUTES = ((3.3, 0, PEOPLE[0][3],
           (('speech recogniser', f'"{PEOPLE[0][3]}"', 74.0, 0, 0),
            ('phrases', 'nothing to do', 0.05, 0, 0), ('memory', 'no answer there', 3.1, 0, 0),
            ('overview', '256 looks in 29 s: person in all of them: not enough', 0.9, 256, 0),
            ('closer look', 'one person in a blue uniform, a flag', 412.0, 1, 0))),
          (6.1, 0, PEOPLE[0][3],
           (('language model', 'wrote the reply, its first word after 0.31 s: read 48 tokens, '
             'knew 211, wrote 22', 1630.0, 0, 70), ('voice', 'spoke it', 540.0, 0, 0))),
          (12.7, 5, PEOPLE[2][3],
           (('speech recogniser', f'"{PEOPLE[2][3]}"', 81.0, 0, 0),
            ('addressee', 'a request', math.nan, 0, 0),
            ('phrases', 'it is a request', 0.15, 0, 0))),
          (13.5, 5, PEOPLE[2][3], (('voice', 'spoke it', 210.0, 0, 0), )),
          (24.4, 9, PEOPLE[4][3],
           (('speech recogniser', f'"{PEOPLE[4][3]}"', 69.0, 0, 0),
            ('phrases', 'it is a request', 0.2, 0, 0))))
HEALTH = {
    'camera': (0, 'OK', {
        'device': 'room',
        'images': '872'
    }),
    'microphone': (0, 'OK', {
        'late_blocks': '0'
    }),
    'speaker': (0, 'OK', {
        'blocks': '1450',
        'stale chunks': '3'
    }),
    'perception': (0, 'OK', {
        'samples lost': '0'
    }),
    'reaction': (1, 'language model: the first word came after 1.9 s', {
        'first token [s]': '1.912'
    }),
    'decision': (0, 'OK', {
        'memory items': '412',
        'memory MiB': '3.1'
    })
}


class Feeder:
    """Publishes as ``node``; what is published follows its namespace."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.publishers = {topic: node.create_publisher(kind, topic, profile)
                           for topic, (kind, profile) in TOPICS.items()}

    def play(self, turn: Callable[[str], object], events: list[Event]) -> None:
        """All of them, in order; ``turn`` gets the topic of each, and lets others have the
        processor between two.
        """
        for _, topic, message in events:
            self.publishers[topic].publish(message)
            turn(topic)

    def one(self, topic: str, message: object) -> None:
        self.publishers[topic].publish(message)

    def alive(self) -> None:
        """What every node says once a second."""
        self.one('/diagnostics', diagnostics(time.time(), self._node.get_namespace()))


def conversation(end: float) -> list[Event]:
    """Every message of the half minute that ends at ``end`` (Unix s), in order."""
    t0 = end - LENGTH_S
    events = [
        *_states(t0), *_words(t0), *_frames(t0), *_interrupts(t0), *_voices(t0), *_skills(t0),
        *_routes(t0)
    ]
    return sorted(events, key=lambda event: event[0])


def _stamped(message: object, t: float) -> object:
    message.header.stamp = stamp(t)
    return message


def _states(t0: float) -> Iterator[Event]:
    for t, person, agent in STATES:
        names, values = zip(*EVIDENCE)
        judged = person == AgentState.PERSON_TRAILING or agent == AgentState.AGENT_PREPARING
        state = AgentState(
            epoch=FIRST_EPOCH, person=person, agent=agent, ducked=7.3 <= t < 7.7, senses=7,
            text=next((words for start, _, _, words in reversed(PEOPLE) if start <= t),
                      ''), addressee_score=0.94 if judged else math.nan, evidence_names=names,
            evidence_values=values, why='a request, said to the robot and looking at it',
            watching=WATCHING if t > 24.2 else WATCHING[1:],
            doing='drive' if t > 27.0 else 'go_to' if 14.2 < t < 20.0 else '',
            route='words "first" + person "me", 3 moments' if t > 24.2 else '',
            used=['audio', 'memory'])
        yield t, 'agent_state', _stamped(state, t0 + t)


def _words(t0: float) -> Iterator[Event]:
    for start, stop, utterance, text in PEOPLE:
        words = text.split()
        for count in range(1, len(words) + 1):
            t = start + (stop - start) * count / len(words) + 0.1
            if t < LENGTH_S:
                yield t, 'percept', _percept(Percept.PARTIAL, t0, t, start, utterance,
                                             ' '.join(words[:count]))
        if stop < LENGTH_S:
            yield stop + 0.35, 'percept', _percept(Percept.FINAL, t0, stop + 0.35, start,
                                                   utterance, text)
    yield 0.1, 'percept', _percept(Percept.SCENE, t0, 0.1, 0.1, 0, 'one person, looking here')


def _percept(kind: int, t0: float, t: float, start: float, utterance: int, text: str) -> object:
    return _stamped(Percept(kind=kind, utterance=utterance, start=stamp(t0 + start), text=text,
                            turn_end_probability=math.nan), t0 + t)


def _frames(t0: float) -> Iterator[Event]:
    random = np.random.default_rng(5)
    level = 0.0
    for t in np.arange(0.0, LENGTH_S, 0.032):
        speaks = any(start <= t <= stop for start, stop, *_ in PEOPLE)
        sounds = any(start <= t <= stop for start, stop, *_ in ROBOT)
        level += 0.35 * ((0.97 if speaks else 0.22 if sounds else 0.02) - level)
        probability = min(1.0,
                          max(0.0, level + random.normal(0, 0.05 if speaks or sounds else 0.01)))
        echo = min(
            1.0,
            max(0.0, (0.85 if sounds and not speaks else 0.08 if sounds else 0.0) +
                random.normal(0, 0.03)))
        frame = SpeechState(probability=float(probability), echo_likelihood=float(echo),
                            is_speaking=speaks, level_dbfs=-60.0 + 40.0 * level)
        yield float(t), 'speech_state', _stamped(frame, t0 + float(t))


def _interrupts(t0: float) -> Iterator[Event]:
    for number, (t, reason, ducked, evidence) in enumerate(INTERRUPTS):
        message = Interrupt(epoch=FIRST_EPOCH + number, ducked=ducked, reason=reason)
        message.halted = FIRST_EPOCH + number if reason == Interrupt.STOP_PHRASE else 0
        if evidence:
            message.evidence = stamp(t0 + evidence)
        yield t, 'interrupt', _stamped(message, t0 + t)


def _voices(t0: float) -> Iterator[Event]:
    for number, (start, stop, text, cut) in enumerate(ROBOT):
        words = text.split()
        for count in range(len(words) + 1):
            t = start + (stop - start) * count / len(words)
            state = Playback.STARTED if not count else Playback.PLAYING
            yield t, 'playback', _playback(t0, t, number, state, ' '.join(words[:count]))
        yield stop, 'playback', _playback(t0, stop, number,
                                          Playback.FLUSHED if cut else Playback.FINISHED, text)
    yield 24.4, 'react', _stamped(React(epoch=FIRST_EPOCH + 9, brief=PEOPLE[4][3], recalled=[
        '10:02, you: "Tell me when somebody comes in."']), t0 + 24.4)


def _playback(t0: float, t: float, number: int, state: int, heard: str) -> object:
    return _stamped(Playback(epoch=FIRST_EPOCH + number, state=state, heard=heard, queued_s=0.4),
                    t0 + t)


def _skills(t0: float) -> Iterator[Event]:
    for t, step, steps, skill, arguments, state, progress, text in SKILLS:
        yield t, 'skill_state', _stamped(
            SkillState(epoch=FIRST_EPOCH + {
                'look_at': 0,
                'go_to': 1
            }.get(skill, 2), step=step, steps=steps, skill=skill, arguments=json.dumps(arguments),
                       state=state, progress=progress, text=text), t0 + t)


def _routes(t0: float) -> Iterator[Event]:
    for t, number, brief, steps in ROUTES:
        told = [RouteStep(specialist=who, why=why, cost_ms=cost_ms, frames=frames, tokens=tokens)
                for who, why, cost_ms, frames, tokens in steps]
        yield t, 'answer_route', _stamped(
            AnswerRoute(epoch=FIRST_EPOCH + number, brief=brief, steps=told), t0 + t)


def diagnostics(t: float, namespace: str) -> DiagnosticArray:
    home = f'{namespace.strip("/")}/'.lstrip('/')
    array = DiagnosticArray(status=[
        DiagnosticStatus(level=bytes([level]), name=f'{home}{name}', message=message,
                         values=[KeyValue(key=key, value=value) for key, value in values.items()])
        for name, (level, message, values) in HEALTH.items()])
    return _stamped(array, t)


def portrait(
    t: float, box: tuple[float, float, float, float] = (60.0, 40.0, 452.0, 600.0)
) -> tuple[Image, Look]:
    """A picture that every matplotlib brings along, and a look at it."""
    import matplotlib
    from matplotlib.image import imread

    pixels = imread(Path(matplotlib.get_data_path(), 'sample_data', 'grace_hopper.jpg'))
    image = _stamped(from_bgr(np.ascontiguousarray(pixels[:384, :, ::-1])), t)
    height, width = image.height, image.width
    track = Track(id=1, label='person',
                  box=np.clip(box, 0, (width, height) * 2).astype(np.float32), score=0.93)
    face = Face(track=1, box=np.array((178, 66, 316, 256), np.float32), score=0.99, looks_here=0.9)
    return image, _stamped(Look(width=width, height=height, tracks=[track], faces=[face]), t)
