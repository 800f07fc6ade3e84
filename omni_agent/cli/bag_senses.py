"""A bag -> what ears and eyes got, as it came: sound, what the loudspeaker played and said, what
was decided, pictures, or faces that were seen then. And what was heard then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from omni_agent.backends.bag_reader import Bag, Contents, Said
from omni_agent.backends.hear_again import Told
from omni_agent.core import left_out, looks, percepts
from omni_agent.core.audio import RATE
from omni_agent.core.bag_time import Decided, Faces, Input, Sound, Spoken
from omni_agent.core.errors import WireError
from omni_agent.core.events import Reason
from omni_agent.core.faces import Face
from omni_agent.core.hearing import FRAME
from omni_agent.core.message_records import STATES, seconds

from .bag_pictures import Pictures, find, picture

PREFIX = 'omni_agent_msgs/msg/'
SOUND, PERCEPT = f'{PREFIX}AudioChunk', f'{PREFIX}Percept'
STATE = f'{PREFIX}SpeechState'
# names that end so; of all other topics the types tell what they are
STREAMS = {'audio/strict': 'strict', 'speaker/reference': 'reference', 'audio': 'audio'}
FRAMES = 30              # of then, by which the edges of frames are found
GRID = 8                 # chunks of 20 ms after which frames of 32 ms begin with one again
EARLY = 0.3              # [periods] a look at faces may come early, as in the node


@dataclass(frozen=True)
class Senses:
    """``recorded``: the percepts of then, as they came. ``utterance``: the last one that had begun
    before the recording did. ``first``: position of the chunk to begin with. ``has_cues``: what
    voice and source tell was recorded, too.
    """

    folder: Path
    contents: Contents
    recorded: tuple[Told, ...]
    utterance: int
    first: int
    has_cues: bool
    has_strict: bool
    has_reference: bool
    pictures: Pictures


def senses(folder: Path) -> Senses:
    """Raises WireError for a bag without the sound of a microphone, and says what to do."""
    with Bag(folder) as bag:
        contents = bag.contents()
        streams = {stream for name, kind in contents.topics.items()
                   if (stream := _stream(name, kind)) and contents.counts[name]}
        if 'audio' not in streams:
            raise WireError(_silent(folder, contents))
        recorded = tuple(Told(said.t, one) for said in bag.messages(_of(contents, PERCEPT))
                         if (one := percepts.read(said.message)) is not None)
        states = list(islice(bag.messages(_of(contents, STATE)), FRAMES))
        audio = [name for name, kind in contents.topics.items() if _stream(name, kind) == 'audio']
        chunk = next(bag.messages(audio)).message
        pictures = find(bag, contents)
    return Senses(folder, contents, recorded, _utterance_before(states, recorded),
                  _first(chunk, states), any(one.perceived.cues for one in recorded),
                  'strict' in streams, 'reference' in streams, pictures)


def inputs(found: Senses, faces_hz: float, sees: bool, camera: str = '') -> Iterator[Input]:
    """Message by message, in the order of recording. ``sees``: somebody looked at faces, and those
    count. ``camera``: topic of the pictures that are to be looked at.
    """
    kinds = {SOUND, *(f'{PREFIX}{name}'
                      for name in ('Playback', 'Interrupt', *['Look'] * sees))}
    wanted = [name for name, kind in found.contents.topics.items()
              if kind in kinds or name == camera]
    faces, begun = _Looks(faces_hz), False
    with Bag(found.folder) as bag:
        for said in bag.messages(wanted):
            made = picture(said) if camera and said.topic == camera else _input(said, faces)
            if isinstance(made, Sound) and made.stream == 'audio' and not begun:
                begun = made.position >= found.first
                made = made if begun else None
            if made is not None:
                yield made


def _stream(topic: str, kind: str) -> str:
    """'' for a topic that is none."""
    if kind != SOUND:
        return ''
    return next((stream for name, stream in STREAMS.items()
                 if topic == name or topic.endswith(f'/{name}')), '')


def _of(contents: Contents, kind: str) -> list[str]:
    return [name for name, of in contents.topics.items() if of == kind]


def _silent(folder: Path, contents: Contents) -> str:
    without = left_out.SOUND in contents.custom.get('omni_agent.without', '')
    why = ('it was recorded with --without sound' if without else
           'no topic audio of a microphone is in it')
    return (f'{folder} holds no sound ({why}): record again with sound, or leave out '
            '"--from senses" to replay the decisions alone')


def _utterance_before(states: list[Said], recorded: tuple[Told, ...]) -> int:
    """Utterances are counted from the start of the node; a recording may begin later."""
    if states:
        first = states[0].message
        return max(0, first.utterance - bool(first.is_speaking))
    first = next((one.perceived.utterance for one in recorded if one.perceived.utterance), 1)
    return max(0, first - 1)


def _first(chunk: Any, states: list[Said]) -> int:
    """Frames are counted from the first sound that the node heard, and pieces of sound are cut at
    their edges: the first one is looked for that leads to the same frames.
    """
    size, t = len(chunk.samples), seconds(chunk.header.stamp)
    edges = [(seconds(state.message.header.stamp) - t) * RATE for state in states]

    def apart(skipped: int) -> float:
        return sum(abs((edge - skipped + FRAME / 2) % FRAME - FRAME / 2) for edge in edges)
    return chunk.position + min((count * size for count in range(GRID)), key=apart)


def _input(said: Said, seen: _Looks) -> Input | None:
    message = said.message
    stamp = seconds(message.header.stamp)
    if said.kind == SOUND:
        stream = _stream(said.topic, said.kind)
        # another rate or more channels: the ears refuse it as they did then
        if not stream or stream != 'reference' and message.channels != 1:
            return None
        return Sound(said.t, stream, stamp, message.position, message.rate,
                     np.asarray(message.samples, np.int16))
    if said.kind.endswith('Playback'):
        return Spoken(said.t, stamp, message.epoch, message.heard,
                      STATES.get(message.state) == 'started')
    if said.kind.endswith('Interrupt'):
        return Decided(said.t, stamp, message.ducked, message.reason == Reason.NEW_REPLY.value)
    faces = looks.faces(message)
    return Faces(said.t, stamp, faces) if seen.are_fresh(stamp, faces) else None


class _Looks:
    """A look tells faces that were measured then or before; only the first says that lips moved or
    did not.
    """

    def __init__(self, faces_hz: float) -> None:
        self._period_s = 1.0 / faces_hz
        self._last_s, self._faces = -math.inf, ()

    def are_fresh(self, t: float, faces: tuple[Face, ...]) -> bool:
        fresh = (not faces or faces != self._faces
                 or t - self._last_s >= (1.0 - EARLY) * self._period_s)
        if fresh:
            self._last_s, self._faces = t, faces
        return fresh
