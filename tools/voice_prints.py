"""How well prints tell voices apart in simulated rooms: the speaker embedding beside spectrum and
pitch. The only place that measures what SAME and OTHER of core/known_voices.py were set by.

    python tools/voice_prints.py [--half test] [--people DIR]

Half: voices, rooms and noises of our own set of scenes (backends/addressee_script.py). People: one
folder of recordings for each person. Equal error rates in per cent over pairs of utterances of one
to three seconds in one room, everybody at two places of it; SAME and OTHER are set on the
development half alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from omni_agent.backends import (RATE, addressee_noises, addressee_script, audio_files, image_room,
                                 own_addressee_set, speakers, voice_cues)
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.addressee_script import Place
from omni_agent.backends.voice_embedding import VoiceEmbedding
from omni_agent.core.known_voices import OTHER, SAME, distance

EACH, ROOMS = 14, 4                          # utterances of a voice, and rooms
FIRST_ROOM = {'development': 100, 'test': 900}
CONDITIONS = {'clean': (0.0, 40.0), '1 m': (1.0, 35.0), '2 m': (2.0, 35.0), '4 m': (4.0, 35.0),
              '2 m, 10 dB': (2.0, 10.0)}     # distance [m], and speech over noise
NOISES = {'development': ('pink', 'vacuum', 'dishes'), 'test': ('water', 'fan', 'clatter')}
LEVEL_DBFS = -26.0


@dataclass(frozen=True)
class Heard:
    who: str
    room: int
    samples: np.ndarray


def synthetic(half: str, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    texts = [text for part in ('for', 'other') for kind in addressee_script.texts(half)[part]
             .values() for text in kind if isinstance(text, str) and 4 <= len(text.split()) <= 10]
    chosen = [texts[at] for at in rng.permutation(len(texts))[:EACH]]
    return {voice: [_trimmed(speakers.speak(text, voice)) for text in chosen]
            for voice in addressee_script.PERSONS[half]}


def people(folder: Path, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    found = {}
    for person in sorted(one for one in folder.iterdir() if one.is_dir()):
        pieces = []
        for path in sorted((*person.glob('*.flac'), *person.glob('*.wav'))):
            sound, size = _trimmed(audio_files.read(path)), int(rng.uniform(1.6, 3.2) * RATE)
            pieces += [sound[at:at + size] for at in (0, sound.size // 2)
                       if at + size <= sound.size]
        found[person.name] = pieces[:EACH]
    return found


def _trimmed(sound: np.ndarray) -> np.ndarray:
    first, last = acoustics.voiced_span(sound)
    return sound[max(0, first - 400):last + 400]


def heard(voices: dict[str, list[np.ndarray]], half: str, distance_m: float, snr_db: float,
          rng: np.random.Generator) -> Iterator[Heard]:
    noises = [addressee_noises.noise_of(kind, half, FIRST_ROOM[half]) for kind in NOISES[half]]
    for person, (who, sounds) in enumerate(voices.items()):
        for at, dry in enumerate(sounds):
            room = FIRST_ROOM[half] + at % ROOMS
            sound = dry * acoustics.db(LEVEL_DBFS - acoustics.speech_level(dry))
            if distance_m:
                place = Place(distance_m, float(rng.uniform(0.0, 30.0)),
                              person + 50 * (at % (2 * ROOMS) // ROOMS))
                sound = own_addressee_set.through(sound, image_room.draw(room), place)
            sound = np.concatenate([np.zeros(RATE // 2, np.float32), sound])
            noise = noises[at % len(noises)]
            start = int(rng.integers(noise.size))
            noise = np.take(noise, np.arange(start, start + sound.size), mode='wrap')
            yield Heard(who, room,
                        sound + noise * acoustics.db(acoustics.speech_level(sound) - snr_db))


def distances(utterances: Sequence[Heard],
              prints: Sequence[tuple[float, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Of pairs of one voice, and of two, in one room."""
    same, other = [], []
    for at, (one, own) in enumerate(zip(utterances, prints)):
        for two, second in zip(utterances[at + 1:], prints[at + 1:]):
            if own and second and one.room == two.room:
                (same if one.who == two.who else other).append(distance(own, second))
    return np.array(same), np.array(other)


def equal_error(same: np.ndarray, other: np.ndarray) -> float:
    limits = np.sort(np.concatenate([same, other]))
    missed = 1 - np.searchsorted(np.sort(same), limits, 'right') / same.size
    taken = np.searchsorted(np.sort(other), limits, 'right') / other.size
    best = int(np.argmin(np.abs(missed - taken)))
    return 50.0 * float(missed[best] + taken[best])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--half', choices=('development', 'test'), default='development')
    parser.add_argument('--people', type=Path)
    asked = parser.parse_args()
    rng = np.random.default_rng(addressee_script.SEEDS[asked.half])
    voices = people(asked.people, rng) if asked.people else synthetic(asked.half, rng)
    embedding = VoiceEmbedding()
    print(f'{len(voices)} voices, {sum(map(len, voices.values()))} utterances')
    print(f'{"":12} spectrum embedding   one voice within SAME, two; one voice beyond OTHER')
    for name, (distance_m, snr_db) in CONDITIONS.items():
        utterances = list(heard(voices, asked.half, distance_m, snr_db, rng))
        old = distances(utterances, [voice_cues.measure(one.samples).print for one in utterances])
        same, other = distances(utterances, [embedding(one.samples) for one in utterances])
        print(f'{name:12} {equal_error(*old):6.1f} % {equal_error(same, other):7.1f} %   '
              f'{np.mean(same <= SAME):15.2f} {np.mean(other <= SAME):14.3f} '
              f'{np.mean(same >= OTHER):15.2f}', flush=True)


if __name__ == '__main__':
    main()
