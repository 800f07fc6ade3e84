"""A bag -> the folder of a run, as the demo leaves it: what ``omni-agent report`` draws."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from omni_agent.backends import audio_files
from omni_agent.backends.bag_reader import Bag, Contents, Said
from omni_agent.core import message_records
from omni_agent.core.errors import ConfigError, WireError
from omni_agent.core.tracks_of_sound import Piece, Track

RATE = 16_000
SOUND = 'omni_agent_msgs/msg/AudioChunk'
INTERRUPT = 'omni_agent_msgs/msg/Interrupt'
HEARD, PLAYED = 'audio', 'speaker/reference'     # names that end so
WHO = 'somebody'                                 # a bag does not say who spoke
TAIL_S = 0.5
LONGEST_S = 1800.0                               # a picture has 65536 lines at most
FILES = ('events.jsonl', 'person.wav', 'robot.wav')


@dataclass
class _Utterance:
    """What was understood of one utterance."""

    start: float
    end: float
    text: str = ''


@dataclass
class Run:
    """What a bag says, as records and sound."""

    contents: Contents
    records: list[dict] = field(default_factory=list)
    heard: Track = field(default_factory=lambda: Track(RATE))
    played: Track = field(default_factory=lambda: Track(RATE))

    @property
    def has_sound(self) -> bool:
        return not (self.heard.is_empty and self.played.is_empty)


def extract(folder: Path, out: Path, start_s: float = 0.0, until_s: float = math.inf) -> bool:
    """Write the files of a run into ``out``, from ``start_s`` to ``until_s`` of the recording;
    True if there is sound.

    Raises WireError, ConfigError.
    """
    run = _read(folder, start_s, until_s)
    if not run.records:
        raise WireError(
            f'{folder} holds nothing of an agent: was it recorded while one was running?')
    t0, end = _span(run, start_s, until_s)
    lines = _lines(run.records)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / 'events.jsonl').open('w', encoding='utf-8') as file:
            for record in [_meta(folder, run, t0), *lines, *run.records]:
                file.write(json.dumps(record, ensure_ascii=False) + '\n')
        for name, track in (('person.wav', run.heard), ('robot.wav', run.played)):
            audio_files.write(out / name, track.samples(t0, end - t0))
    except OSError as error:
        raise ConfigError(
            f'cannot write into {out}: {error.strerror}; name another folder with --out'
        ) from error
    return run.has_sound


def _read(folder: Path, start_s: float, until_s: float) -> Run:
    with Bag(folder) as bag:
        run = Run(bag.contents())
        agents = [topic for topic, kind in run.contents.topics.items() if kind == INTERRUPT]
        if len(agents) > 1:
            raise WireError(
                f'{folder} holds several agents ({", ".join(agents)}): record each with '
                '--namespace'
            )
        begin, length_s = run.contents.start, run.contents.seconds
        if min(until_s, length_s) - start_s > LONGEST_S:
            raise ConfigError(
                f'{folder} is {length_s / 60:.0f} minutes long, too long for one picture: choose '
                'at most '
                f'{LONGEST_S / 60:.0f} of them with --from and --until, in seconds')
        wanted = [
            topic for topic, kind in run.contents.topics.items()
            if kind == SOUND or kind in message_records.BY_TYPE
        ]
        for said in bag.messages(wanted):
            if not start_s <= said.t - begin <= until_s:
                continue
            if said.kind == SOUND:
                _add_sound(run, said)
            elif (record := message_records.record(said.kind, said.message, said.t)) is not None:
                run.records.append(record)
    return run


def _add_sound(run: Run, said: Said) -> None:
    chunk = said.message
    track = (run.played if said.topic.endswith(f'/{PLAYED}') else
             run.heard if said.topic.endswith(f'/{HEARD}') else None)
    if track is not None and chunk.rate == RATE and chunk.channels == 1:
        track.add(
            Piece(message_records.seconds(chunk.header.stamp), chunk.position,
                  np.asarray(chunk.samples, np.int16)))


def _span(run: Run, start_s: float, until_s: float) -> tuple[float, float]:
    """First and last second; a latched message may be much older than the recording."""
    begin = run.contents.start + start_s
    start = begin if run.heard.is_empty else min(run.heard.start, begin)
    return start, run.contents.start + min(run.contents.seconds, until_s) + TAIL_S


def _meta(folder: Path, run: Run, t0: float) -> dict:
    started = time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(t0))
    silent = '' if run.has_sound else ' (no sound was recorded)'
    return {
        'topic': 'meta',
        't': t0,
        't0': t0,
        'scenario': f'{folder.name}{silent}',
        'started': started,
        'version': run.contents.custom.get('omni_agent.version', ''),
        'hardware': ''
    }


def _lines(records: list[dict]) -> list[dict]:
    """What was understood takes the place of what was said: nobody knows better afterwards."""
    found: dict[int, _Utterance] = {}
    for record in records:
        if record['topic'] != 'percept' or not record['utterance']:
            continue
        known = found.setdefault(record['utterance'],
                                 _Utterance(record['start'] or record['t'], record['t']))
        if record['kind'] in ('speech_stopped', 'final'):
            known.end = record['t']
        if record['kind'] == 'final':
            known.text = record['text']
    spoken = [(number, one) for number, one in sorted(found.items()) if one.text]
    return [{'topic': 'line', 't': one.start, 'end': max(one.end, one.start + 0.1), 'index': index,
             'name': f'utterance {number}', 'who': WHO, 'text': one.text, 'expect': 'none'}
            for index, (number, one) in enumerate(spoken)]
