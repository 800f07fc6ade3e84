"""A made-up 90 s conversation in the shape of a recording, well-behaved or with chosen faults.

Voices are harmonics that are loud during words; nothing here runs a model or a node. Faults are
named after what the robot does wrong, see ``FAULTS``.
"""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from omni_agent.core.recording import Tracks

RATE = 16_000
T0 = 1_760_000_000.0
SECONDS = 90.0
WORD_S = 0.31
CERTAIN_S = 0.1          # after a reply was asked for its turn is certainly over
LOWERED = 0.05
PITCH = {'Anna': 210.0, 'Ben': 120.0, 'robot': 160.0}
FAULTS = ('mute', 'inaudible', 'talks_over', 'meddles', 'deaf', 'old_answer_returns', 'slow_stop',
          'nod_kills',
          'stays_low', 'answers_stop', 'misses_a_line', 'cuts_itself_off')


@dataclass
class Said:
    index: int
    start: float
    end: float
    text: str
    utterance: int


@dataclass
class Voice:
    epoch: int
    start: float
    text: str
    stop: float = 0.0
    state: str = 'finished'
    low: list[tuple[float, float]] = field(default_factory=list)


class Room:
    """Collects records in seconds since T0 and renders both tracks."""

    def __init__(self, seconds: float = SECONDS, seed: int = 1) -> None:
        self.seconds = seconds
        self.random = np.random.default_rng(seed)
        self.person = 0.002 * self.random.standard_normal(int(seconds * RATE))
        self.robot = np.zeros(int(seconds * RATE))
        self.epoch = int(T0 * 1000)
        self.records: list[dict] = []
        self.spoken: list[Said] = []
        self.voices: list[Voice] = []
        self.put('meta', 0.0, t0=T0, scenario='conversation', version='0.1.0',
                 started='2025-10-09T08:53:20Z',
                 hardware='2 x Intel Xeon at 2.8 GHz, 8 GB, no GPU')
        self.interrupt(0.02, 'started')

    def put(self, topic: str, t: float, **values: object) -> None:
        self.records.append({'topic': topic, 't': round(T0 + t, 4), **values})

    def sent(self, topic: str, t: float, hop_s: float = 0.004, **values: object) -> None:
        self.put(topic, t, received=round(T0 + t + hop_s, 4), **values)

    def say(self, at: float, text: str, who: str, expect: str, name: str,
            seconds: float = 0.0) -> Said:
        seconds = seconds or WORD_S * len(text.split())
        said = Said(len(self.spoken), at, at + seconds, text, len(self.spoken) + 1)
        self.spoken.append(said)
        self.put('line', at, end=T0 + said.end, index=said.index, name=name, who=who, text=text,
                 expect=expect,
                 missed=False)
        noise = who == 'cough'
        words = len(text.split())
        sound = self._noise(seconds) if noise else self._voice(words, seconds, PITCH[who])
        self._add(self.person, at, 0.25 * sound)
        self._hear(said, '' if noise else text)
        return said

    def _hear(self, said: Said, text: str) -> None:
        start = T0 + said.start + 0.06
        common = {'utterance': said.utterance, 'start': start}
        self.sent('percept', said.start + 0.09, kind='speech_started', **common)
        words = text.split()
        at = said.start + 0.4
        while at < said.end and words:
            known = ' '.join(words[:max(1, int((at - said.start) / WORD_S))])
            self.sent('percept', at, 0.09, kind='partial', text=known, voiced_s=at - said.start,
                      level_dbfs=-24.0, echo_likelihood=0.1, processing_s=0.08, **common)
            at += 0.3
        heard = {'voiced_s': said.end - said.start, 'level_dbfs': -24.0, 'echo_likelihood': 0.08}
        self.sent('percept', said.end, 0.26, kind='speech_stopped', **heard, **common)
        self.sent('percept', said.end, 0.45, kind='final', text=text, turn_end_probability=0.91,
                  processing_s=0.17, **heard, **common)

    def judge(self, said: Said, score: float, why: str, agent: str = 'idle',
              after: str = '') -> None:
        evidence = {'question': 1.9, 'second person': -0.4, 'model': 1.1} if score > 0.5 else \
            {'named somebody else': -2.2, 'second person': 0.3, 'model': -1.4}
        self.state(said.start + 0.1, 'speaking', agent, said)
        self.state(said.end + 0.27, 'trailing', after or agent, said)
        after = after or ('deciding' if score > 0.5 else agent)
        self.state(said.end + 0.47, 'quiet', after, said, score, evidence, why)

    def state(self, t: float, person: str, agent: str, said: Said | None = None,
              score: float = float('nan'),
              evidence: dict[str, float] | None = None, why: str = '',
              ducked: bool = False) -> None:
        self.sent('agent_state', t, epoch=self.epoch, person=person, agent=agent, ducked=ducked,
                  utterance=said.utterance if said else 0, text=said.text if said else '', why=why,
                  addressee_score=score, evidence=evidence or {})

    def interrupt(self, t: float, reason: str, ducked: bool = False,
                  evidence: float = 0.0) -> None:
        self.sent('interrupt', t, 0.003, epoch=self.epoch, ducked=ducked, reason=reason,
                  evidence=T0 + evidence if evidence else 0.0)

    def reply(self, said: Said, text: str, decided_after: float = 0.62, sound_after: float = 0.4,
              silent: bool = False, brief: str | None = None) -> Voice:
        t = said.end + decided_after
        self.epoch += 1
        self.interrupt(t - 0.002, 'new_reply')
        self.sent('react', t, epoch=self.epoch, brief=said.text if brief is None else brief,
                  not_before=T0 + t + CERTAIN_S)
        self.state(t, 'quiet', 'preparing', said,
                   why='Meant for the robot: asked a question with nobody else near.')
        voice = Voice(self.epoch, t + sound_after, text,
                      t + sound_after + WORD_S * len(text.split()))
        if not silent:
            self.voices.append(voice)
            self.state(voice.start, 'quiet', 'speaking', said)
            self._chunks(voice)
        return voice

    def remark(self, t: float, text: str) -> Voice:
        """Something is said with nobody having asked."""
        self.epoch += 1
        self.interrupt(t - 0.002, 'new_reply')
        self.sent('react', t, epoch=self.epoch, brief=text, say=text, recalled=[])
        voice = Voice(self.epoch, t + 0.3, text, t + 0.3 + WORD_S * len(text.split()))
        self.voices.append(voice)
        self._chunks(voice)
        return voice

    def _chunks(self, voice: Voice) -> None:
        words = voice.text.split()
        for number, word in enumerate(words):
            self.sent('speech', voice.start - 0.03 + max(0.0, number * WORD_S - 1.2),
                      epoch=voice.epoch,
                      sequence=number, seconds=WORD_S, text=word, last=number == len(words) - 1)

    def duck(self, said: Said, voice: Voice, until: float | None, after: float = 0.085) -> None:
        """Lower the voice after a line's onset until it comes back; None if it is cut instead."""
        start = said.start + after
        self.interrupt(start, 'first_sound', ducked=True, evidence=said.start)
        voice.low.append((start + 0.02, voice.stop if until is None else until))
        if until is not None:
            self.interrupt(until, 'no_interrupt', evidence=said.start)

    def cut(self, voice: Voice, said: Said, at: float, reason: str = 'barge_in',
            sounding_s: float = 0.03) -> None:
        self.epoch += 1
        self.interrupt(at, reason, evidence=said.start)
        voice.stop, voice.state = at + sounding_s, 'flushed'
        voice.low = [(start, min(stop, voice.stop)) for start, stop in voice.low]

    def finish(self) -> tuple[list[str], Tracks]:
        for voice in self.voices:
            self._play(voice)
            if voice.state == 'finished':
                self.state(voice.stop, 'quiet', 'idle')
        self._frames()
        self.records.sort(key=lambda record: record.get('received', record['t']))
        lines = [json.dumps(record) for record in self.records]
        return lines, Tracks(T0, RATE, _int16(self.person), _int16(self.robot))

    def _play(self, voice: Voice) -> None:
        words = voice.text.split()
        sound = self._voice(len(words), WORD_S * len(words), PITCH['robot'])
        sound = sound[:int((voice.stop - voice.start) * RATE)]
        gain = np.ones(sound.size)
        for start, stop in voice.low:
            gain[int((start - voice.start) * RATE):int((stop - voice.start) * RATE)] = LOWERED
        self._add(self.robot, voice.start, 0.3 * sound * gain)
        for at in np.append(np.arange(voice.start, voice.stop, 0.2), voice.stop):
            played = float(at) - voice.start
            state = 'started' if played == 0 else voice.state if at == voice.stop else 'playing'
            self.sent('playback', float(at), epoch=voice.epoch, state=state,
                      samples_played=int(played * RATE),
                      rate=RATE, queued_s=0.4, ducked=any(a <= at < b for a, b in voice.low),
                      heard=' '.join(words[:int(played / WORD_S) + 1]))

    def _frames(self) -> None:
        level = np.abs(self.person)
        robot = np.abs(self.robot)
        for at in np.arange(0.032, self.seconds, 0.032):
            here = slice(int((at - 0.032) * RATE), int(at * RATE))
            loud, echo = level[here].mean() > 0.01, robot[here].mean() > 0.01
            p = (0.93 if loud else 0.25 if echo else 0.03) + 0.05 * self.random.standard_normal()
            inside = [said for said in self.spoken if said.start + 0.09 <= at < said.end + 0.25]
            self.put('speech_state', float(at), utterance=inside[-1].utterance if inside else 0,
                     probability=float(np.clip(p, 0, 1)),
                     echo_likelihood=0.85 if echo and not loud else 0.05,
                     is_speaking=bool(inside), voiced_s=0.0, level_dbfs=-25.0 if loud else -55.0)
        for at in np.arange(0.1, self.seconds, 0.1):
            self.sent('image', float(at), 0.012)
            self.sent('look', float(at), 0.045, processing_s=0.03, tracks=1)
        for at, text in ((0.8, 'a person in a car'), (30.8, 'a person, a phone'),
                         (61.0, 'two people, a bicycle')):
            self.sent('percept', at, 0.2, kind='scene', text=text, salience=0.6, processing_s=0.12)
        for at in range(1, int(self.seconds)):
            for node in ('camera', 'microphone', 'perception', 'decision', 'reaction', 'speaker'):
                self.put('diagnostics', float(at), node=node, level=0, message='ok',
                         values={'dropped': '0'})

    def _add(self, track: np.ndarray, at: float, sound: np.ndarray) -> None:
        first = int(at * RATE)
        part = sound[:max(0, track.size - first)]
        track[first:first + part.size] += part

    def _voice(self, words: int, seconds: float, pitch: float) -> np.ndarray:
        t = np.arange(int(seconds * RATE)) / RATE
        place = (t / seconds * words) % 1.0                # a word is loud for 92 % of its time
        loud = np.where(place < 0.92, 0.45 + 0.55 * np.sin(np.pi * place / 0.92), 0.0)
        number = np.minimum((t / seconds * words).astype(int), words - 1)
        size = 0.7 + 0.3 * self.random.random(words)[number]
        drift = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 2.3 * t))) / RATE
        return loud * size * sum(np.sin(k * drift) / k for k in range(1, 7)) / 2

    def _noise(self, seconds: float) -> np.ndarray:
        t = np.arange(int(seconds * RATE)) / RATE
        return self.random.standard_normal(t.size) * np.exp(-6 * t / seconds) * 0.8


def conversation(*faults: str) -> tuple[list[str], Tracks]:
    """Lines of ``events.jsonl`` and both tracks; ``faults`` are names out of FAULTS."""
    assert set(faults) <= set(FAULTS), faults
    room = Room()
    _question(room, faults)
    _side_talk(room, faults)
    _interruption(room, faults)
    _stop(room, faults)
    last = room.say(78.0, 'What was the last thing I asked you?', 'Anna', 'answered', 'memory')
    room.judge(last, 0.94, 'A question right after the last answer.')
    room.reply(last, 'You asked me how bicycles stay upright, and then you told me to stop.')
    if 'misses_a_line' in faults:
        room.put('line', 89.0, end=T0 + 89.0, index=99, name='never said', who='Ben',
                 text='Are you there?',
                 expect='answered', missed=True)
    return room.finish()


def _question(room: Room, faults: tuple[str, ...]) -> None:
    said = room.say(2.0, 'Hi there, what are you able to do?', 'Anna', 'answered',
                    'a first question')
    room.judge(said, 0.91, 'A question, and nobody else is in the room.')
    if 'mute' not in faults:
        room.reply(said, 'Hello! I can see and hear you, answer questions, and stop whenever you '
                   'cut in.',
                   decided_after=-1.6 if 'talks_over' in faults else 0.62,
                   silent='inaudible' in faults)


def _side_talk(room: Room, faults: tuple[str, ...]) -> None:
    first = room.say(13.0, 'Ben, did you bring the keys for the van?', 'Anna', 'ignored',
                     'side talk')
    room.judge(first, 0.08, 'Anna called Ben by his name.')
    second = room.say(16.4, 'Yes, they are in my jacket.', 'Ben', 'ignored', 'side talk answered')
    room.judge(second, 0.12, 'An answer to the other person.')
    if 'meddles' in faults:
        room.reply(second, 'I do not know where the keys are.')
    if 'cuts_itself_off' in faults:
        room.epoch += 1
        room.interrupt(22.0, 'barge_in', evidence=21.9)


def _interruption(room: Room, faults: tuple[str, ...]) -> None:
    said = room.say(24.0, 'Can you explain to me how a satellite stays up?', 'Anna', 'answered',
                    'a long question')
    room.judge(said, 0.95, 'A question with "you".')
    old = room.reply(said, 'A satellite is falling all the time, but it moves so fast sideways '
                     'that the ground curves away beneath it as quickly as it falls, and so '
                     'it never comes down at all.')
    cut_in = room.say(32.0, 'No wait, tell me how far away the moon is.', 'Anna', 'interrupts',
                      'a new question cuts in')
    room.judge(cut_in, 0.97, 'Several words into the answer, addressed.', agent='speaking')
    if 'deaf' not in faults:
        room.duck(cut_in, old, until=None)
        room.cut(old, cut_in, at=32.0 + (2.4 if 'slow_stop' in faults else 0.43))
    new = room.reply(cut_in, 'The moon is about three hundred and eighty four thousand kilometres '
                     'away, so light needs one and a third seconds to get here, and a car would '
                     'need half a year of driving without a single break.',
                     decided_after=3.2 if 'deaf' in faults else 0.6)
    if 'old_answer_returns' in faults:
        ghost = Voice(old.epoch, 34.8, 'falling all the time', 35.5, 'playing')
        room.voices.append(ghost)
        new.start += 0.6
        new.stop += 0.6
    nod = room.say(new.start + 2.6, 'mm-hm', 'Anna', 'survives', 'a nod', seconds=0.35)
    room.judge(nod, 0.2, 'One short word while the robot speaks: a nod.', agent='speaking')
    room.duck(nod, new, until=nod.start + (2.9 if 'stays_low' in faults else 0.52))
    cough = room.say(new.start + 7.0, '(cough)', 'cough', 'survives', 'a cough', seconds=0.4)
    room.judge(cough, 0.03, 'No words.', agent='speaking')
    if 'nod_kills' in faults:
        room.cut(new, nod, at=nod.start + 0.6)
    elif 'stays_low' not in faults:
        room.duck(cough, new, until=cough.start + 0.45)


def _stop(room: Room, faults: tuple[str, ...]) -> None:
    said = room.say(60.0, 'And how does a bicycle stay upright?', 'Ben', 'answered',
                    'a question from Ben')
    room.judge(said, 0.83, 'A question that goes on from the last answer.')
    voice = room.reply(said, 'A bicycle stays upright because the front wheel steers into the '
                       'fall by itself, and that brings the wheels back under the weight before '
                       'the rider has even noticed it.')
    stop = room.say(67.2, 'Stop.', 'Ben', 'silences', 'stop', seconds=0.4)
    room.judge(stop, 0.2, 'A stop phrase.', agent='speaking', after='idle')
    room.duck(stop, voice, until=None)
    room.cut(voice, stop, at=stop.start + 0.48, reason='stop_phrase')
    room.state(stop.start + 0.48, 'quiet', 'idle', stop, why='A stop phrase works at once.')
    if 'answers_stop' in faults:
        room.reply(stop, 'All right, I will stop now.')


def _int16(track: np.ndarray) -> np.ndarray:
    return (np.clip(track, -1, 1) * 32767).astype(np.int16)


def write(folder: Path, *faults: str) -> Path:
    """A folder like the recorder leaves it."""
    lines, tracks = conversation(*faults)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'events.jsonl').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    for name, samples in (('person', tracks.person), ('robot', tracks.robot)):
        with wave.open(str(folder / f'{name}.wav'), 'wb') as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(tracks.rate)
            out.writeframes(samples.tobytes())
    return folder
