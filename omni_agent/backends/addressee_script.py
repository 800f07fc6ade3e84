"""Who says what to whom in our own set of scenes: the only place that deals texts, voices, rooms
and noises to halves.

Nothing of one half occurs in the other: not a sentence, a voice, a room or a kind of noise.
Everything is drawn with one seed a half. What people were recorded saying comes last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np

from omni_agent.backends import recorded_people
from omni_agent.core.addressee_set import BROADCAST, FOR_ROBOT, TO_OTHERS
from omni_agent.share import share_dir

PERSONS = {
    'development': ('hibari:heart', 'hibari:heart@0.82', 'hibari:heart@0.91', 'hibari:heart@1.08',
                    'flite:slt', 'flite:awb'),
    'test': ('kokoro:jf_alpha', 'kokoro:jm_kumo', 'kokoro:jf_gongitsune', 'kokoro:jf_tebukuro',
             'kokoro:jm_kumo+jf_nezumi', 'kokoro:jm_kumo@0.94')
}
BROADCASTERS = {
    'development': ('hibari:heart@0.76', 'hibari:heart@1.14', 'hibari:heart@0.97', 'flite:kal16',
                    'espeak:en-gb+m7', 'espeak:en-us+f2'),
    'test': ('kokoro:jf_nezumi', 'kokoro:jf_nezumi+jf_alpha', 'kokoro:jm_kumo+jf_gongitsune@0.9',
             'flite:rms')
}
NOISES = {
    'development': ('pink', 'vacuum', 'dishes', 'babble'),
    'test': ('water', 'fan', 'clatter', 'chatter')
}
# besides those, where people were recorded: others who were, and music
MORE_NOISES = {'development': ('murmur', 'guitar'), 'test': ('voices', 'accordion')}
SEEDS = {'development': 1, 'test': 2}
SNRS_DB = (30.0, 20.0, 10.0)
GAPS_S = (3.0, 7.0, 20.0, 60.0)
AFTER_TALK = (math.log(2.0), math.log(15.0))     # [log s]
SETS = 6                     # televisions that are on
READERS, PROGRAMMES = 12, 3  # talks of two who read to each other, and radios with a book on them
TURNED = (55.0, 150.0)       # [degrees] away from the robot: who speaks to somebody else
FACING = (0.0, 30.0)


@dataclass(frozen=True)
class Place:
    """Where somebody stands, and where the voice goes."""

    distance_m: float
    turned_deg: float
    seed: int                    # of the direction it comes from


@dataclass(frozen=True)
class Said:
    """One utterance, or a stretch of broadcast with one text for each voice."""

    label: str
    kind: str
    texts: tuple[str, ...]
    voices: tuple[str, ...]
    place: Place
    gap_s: float
    robot_said: str = ''
    # faces, looks_here, lips
    camera: tuple[float, float, float] = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Scene:
    """A room with a noise in it, and what is said there in order."""

    name: str
    half: str
    room: int                    # seed of its size and walls
    noise: str
    snr_db: float                # of who speaks to the robot at 2 m
    said: tuple[Said, ...]
    seed: int


def texts(half: str) -> dict:
    import yaml

    path = share_dir() / 'scenarios' / 'addressee' / f'{half}.yaml'
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def scenes(half: str) -> list[Scene]:
    """All scenes of a half; the same on every call."""
    return list(_Director(half).scenes())


class _Director:
    def __init__(self, half: str) -> None:
        self.half = half
        self.rng = np.random.default_rng(SEEDS[half])
        self.texts = texts(half)
        self.count = 0

    def scenes(self) -> Iterator[Scene]:
        direct = [(kind, text) for kind in ('question', 'command', 'polite', 'chat', 'named')
                  for text in self.texts['for'][kind]]
        self.rng.shuffle(direct)
        # each direct sentence is heard at least once, many in a second room
        spare = iter(direct * 2)
        yield from self._asking(direct[:len(direct) // 2])
        yield from self._after_the_robot()
        yield from self._dialogues(spare)
        yield from self._monologues(spare)
        yield from self._asking([one for one in direct[len(direct) // 2:]])
        yield from self._broadcasts()
        # last, so that what is drawn before stays as it was
        yield from self._turning_to_it()
        yield from self._after_answers()
        yield from self._recorded_asking()
        yield from self._recorded_talks()
        yield from self._recorded_broadcasts()

    # -- kinds of scenes --------------------------------------------------------------------------

    def _asking(self, direct: Sequence[tuple[str, str]]) -> Iterator[Scene]:
        """One person who wants a few things of the robot."""
        for at in range(0, len(direct), 3):
            who, place = self._voice(), self._place(FACING)
            yield self._scene('asking',
                              [self._direct(*one, who, place) for one in direct[at:at + 3]])

    def _after_the_robot(self) -> Iterator[Scene]:
        """Answers to its questions, and what comes after its answers."""
        for kind in ('follow_up', 'answer'):
            for before, text in self.texts['for'][kind]:
                said = Said(FOR_ROBOT, kind, (text,), (self._voice(),), self._place(FACING),
                            float(self.rng.uniform(0.6, 4.0)), before, self._camera(FOR_ROBOT))
                yield self._scene(kind, [said])

    def _dialogues(self, spare: Iterator[tuple[str, str]]) -> Iterator[Scene]:
        for index, lines in enumerate(self.texts['other']['dialogue']):
            pair = [(voice, self._place(TURNED)) for voice in self._two_voices()]
            said = [
                self._aside('dialogue', line, *pair[at % 2],
                            gap_s=float(self.rng.uniform(0.25, 1.2)))
                for at, line in enumerate(lines)
            ]
            if index % 2:                        # and then one of them turns to the robot
                voice, place = pair[index % 4 // 2]
                said.append(
                    self._direct(*next(spare), voice, self._facing(place),
                                 gap_s=float(self.rng.uniform(0.5, 5))))
            yield self._scene('dialogue', said)

    def _monologues(self, spare: Iterator[tuple[str, str]]) -> Iterator[Scene]:
        """On the telephone, about the robot, to oneself and to the cat."""
        for kind, size, gaps in (('phone', 5, (1.5, 5.0)), ('about_robot', 4, (0.3, 1.5)),
                                 ('alone', 4, (2.0, 15.0))):
            lines = list(self.texts['other'][kind])
            self.rng.shuffle(lines)
            for at in range(0, len(lines), size):
                voices = self._two_voices() if kind == 'about_robot' else (self._voice(),)
                cast = [(voice, self._place(TURNED)) for voice in voices]
                said = [
                    self._aside(kind, line, *cast[index % len(cast)],
                                gap_s=float(self.rng.uniform(*gaps)))
                    for index, line in enumerate(lines[at:at + size])
                ]
                if at // size % 2:
                    voice, place = cast[0]
                    said.append(
                        self._direct(*next(spare), voice, self._facing(place),
                                     gap_s=float(self.rng.uniform(1, 8))))
                yield self._scene(kind, said)

    def _broadcasts(self) -> Iterator[Scene]:
        """Television and radio that are on: each sentence is heard in several programmes, out of
        several sets.
        """
        lines = list(self.texts['other']['television'])
        for _ in range(SETS):
            start, stretches, place = 0, [], self._place((0.0, 20.0), (1.5, 5.0))
            while start < len(lines):
                size = int(self.rng.integers(8, 16))
                part = tuple(lines[start:start + size])
                speakers = self.rng.permutation(
                    BROADCASTERS[self.half])[:int(self.rng.integers(1, 4))]
                stretches.append(
                    Said(BROADCAST, 'television', part,
                         tuple(str(self.rng.choice(speakers)) for _ in part), place,
                         float(self.rng.uniform(0.5, 4.0)), '', self._camera(BROADCAST)))
                start += size
            yield self._scene('television', stretches)
            lines = lines[7:] + lines[:7]

    def _turning_to_it(self) -> Iterator[Scene]:
        """Two people, of whom one, or a third person, asks the robot something a while later. Not
        in every half.
        """
        asked = iter(self.texts['for'].get('after_talk', ()))
        for lines in self.texts['other'].get('discussed', ()) * 2:
            pair = [(voice, self._place(TURNED)) for voice in self._two_voices()]
            said = [
                self._aside('discussed', line, *pair[at % 2],
                            gap_s=float(self.rng.uniform(0.3, 1.2)))
                for at, line in enumerate(lines)
            ]
            voice, place = (pair[int(self.rng.integers(2))] if self.rng.random() < 0.5 else
                            (self._voice(), self._place(FACING)))
            said.append(self._direct(*next(asked), voice, self._facing(place),
                                     gap_s=float(np.exp(self.rng.uniform(*AFTER_TALK)))))
            yield self._scene('discussed', said)

    def _after_answers(self) -> Iterator[Scene]:
        """What is not for the robot although it has just spoken. Not in every half."""
        for kind in ('after_answer', 'after_answer_on_air'):
            for asked, answer, then in self.texts['other'].get(kind, ()):
                voice, other = self._two_voices()
                said = [self._direct('question', asked, voice, self._place(FACING))]
                gap_s = float(self.rng.uniform(0.5, 4.0))
                if kind == 'after_answer':
                    who = voice if self.rng.random() < 0.5 else other
                    said.append(self._aside(kind, then, who, self._place(TURNED), gap_s, answer))
                else:
                    said.append(Said(BROADCAST, kind, (then,),
                                     (str(self.rng.choice(BROADCASTERS[self.half])),),
                                     self._place((0.0, 20.0), (1.5, 5.0)), gap_s, answer,
                                     self._camera(BROADCAST)))
                yield self._scene(kind, said)

    def _recorded_asking(self) -> Iterator[Scene]:
        """People who were recorded, each of them in two rooms."""
        for one in recorded_people.direct(self.half) * 2:
            said = self._direct(one.kind, one.text, one.voice, self._place(FACING))
            yield self._scene('recorded', [said], self._noises())

    def _recorded_talks(self) -> Iterator[Scene]:
        """Two who read to each other, and after every other talk somebody asks the robot."""
        lines = recorded_people.by_voice(recorded_people.of_kinds(self.half, recorded_people.READ))
        asked = recorded_people.direct(self.half)
        for index in range(READERS):
            pair = [(voice, self._place(TURNED), self.rng.permutation(lines[voice]))
                    for voice in map(str, self.rng.permutation(list(lines))[:2])]
            said = [
                self._aside('read', str(own[at // 2]), voice, place,
                            gap_s=float(self.rng.uniform(0.3, 1.5)))
                for at in range(int(self.rng.integers(2, 5)))
                for voice, place, own in [pair[at % 2]]
            ]
            if index % 2:
                one = asked[int(self.rng.integers(len(asked)))]
                said.append(self._direct(one.kind, one.text, one.voice, self._place(FACING),
                                         gap_s=float(np.exp(self.rng.uniform(*AFTER_TALK)))))
            yield self._scene('read', said, self._noises())

    def _recorded_broadcasts(self) -> Iterator[Scene]:
        """A book on the radio, and a telephone that speaks aloud: that one not in every half."""
        for kind in (recorded_people.READ, recorded_people.ANNOUNCED):
            lines = recorded_people.of_kinds(self.half, kind)
            for _ in range(PROGRAMMES if lines else 0):
                place, stretches = self._place((0.0, 20.0), (1.5, 5.0)), []
                for voice, texts_ in recorded_people.by_voice(lines).items():
                    self.rng.shuffle(texts_)
                    for at in range(0, len(texts_), 4):
                        part = tuple(texts_[at:at + 4])
                        stretches.append(
                            Said(BROADCAST, f'{kind}_on_air', part, (voice,) * len(part), place,
                                 float(self.rng.uniform(0.5, 4.0)), '', self._camera(BROADCAST)))
                yield self._scene(f'{kind}_on_air', stretches, self._noises())

    # -- their parts ------------------------------------------------------------------------------

    def _scene(self, kind: str, said: Sequence[Said], noises: Sequence[str] = ()) -> Scene:
        self.count += 1
        room = SEEDS[self.half] * 1000 + int(self.rng.integers(0, 8))
        noise = str(self.rng.choice(noises or NOISES[self.half]))
        return Scene(f'{self.half[:4]}-{self.count:03}-{kind}', self.half, room, noise,
                     float(self.rng.choice(SNRS_DB)), tuple(said), int(self.rng.integers(2**31)))

    def _noises(self) -> tuple[str, ...]:
        return NOISES[self.half] + MORE_NOISES[self.half]

    def _direct(self, kind: str, text: str, voice: str, place: Place,
                gap_s: float | None = None) -> Said:
        gap_s = float(self.rng.choice(GAPS_S)) if gap_s is None else gap_s
        return Said(FOR_ROBOT, kind, (text,), (voice,), place, gap_s, '', self._camera(FOR_ROBOT))

    def _aside(self, kind: str, text: str, voice: str, place: Place, gap_s: float,
               robot_said: str = '') -> Said:
        return Said(TO_OTHERS, kind, (text,), (voice,), place, gap_s, robot_said,
                    self._camera(TO_OTHERS))

    def _place(self, turned: tuple[float, float], distances: tuple[float,
                                                                   float] = (0.6, 4.5)) -> Place:
        low, high = np.log(distances)
        return Place(float(np.exp(self.rng.uniform(low, high))), float(self.rng.uniform(*turned)),
                     int(self.rng.integers(2**31)))

    def _facing(self, place: Place) -> Place:
        return Place(place.distance_m, float(self.rng.uniform(*FACING)), place.seed)

    def _voice(self) -> str:
        return str(self.rng.choice(PERSONS[self.half]))

    def _two_voices(self) -> tuple[str, str]:
        one, other = self.rng.permutation(PERSONS[self.half])[:2]
        return str(one), str(other)

    def _camera(self, label: str) -> tuple[float, float, float]:
        """What a camera would have measured, errors included: assumed, not seen. A face is in the
        picture of 85 % of those who speak to the robot; who speaks to others looks at it in one
        case of eight all the same; before a television somebody may sit, and even look this way,
        but the mouth does not move with the sound.
        """
        seen, looking, silent = {FOR_ROBOT: (0.85, 0.92, 0.05), TO_OTHERS: (0.7, 0.13, 0.2),
                                 BROADCAST: (0.35, 0.2, 0.9)}[label]
        if self.rng.random() >= seen:
            return 0.0, math.nan, math.nan
        looks = self.rng.beta(6, 2) if self.rng.random() < looking else self.rng.beta(2, 6)
        lips = self.rng.beta(2, 6) if self.rng.random() < silent else self.rng.beta(5, 2)
        return float(self.rng.integers(1, 3)), float(looks), float(lips)
