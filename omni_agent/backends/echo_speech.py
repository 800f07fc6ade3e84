"""Who speaks in the echo bench: the robot, endlessly, and people who cut in. The only place with
those words.

Everything has two halves. Rules and constants were found on the development half; figures are of
the test half, whose sentences, words and recordings were not looked at before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np
import yaml

from omni_agent.backends import RATE, Tts, audio_files, human_voices
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.core.errors import BackendError
from omni_agent.share import share_dir

HALVES = ('test', 'development')         # even numbers of a list, odd ones
PAUSES_S = (0.25, 0.25, 0.25, 1.5)       # after a sentence
# [samples] of a recording that are kept before and after the voice in it
LEAD = RATE // 20
WORDS = range(3, 13)                     # of a sentence that people say
# Prompts that were used while the rules were found, wherever they stand in the list
LOOKED_AT = frozenset(
    '''check-number-dial-again demo-echodone conf-onlyperson please-try-call-later demo-thanks
followme/options speed-dial-empty vm-nonumber confbridge-unlocked priv-recordintro'''.split())

SENTENCES = {
    'development': (('My left camera', 'The kitchen light', 'Your blue cup', 'A friendly dog',
                     'The old library', 'This small robot', 'The next train', 'Our garden',
                     'The weather report', 'The red chair'),
                    ('was moved', 'is standing', 'can be found', 'will be ready',
                     'has been waiting', 'was cleaned', 'looks wonderful',
                     'makes a strange noise'),
                    ('near the window', 'behind the sofa', 'at half past seven',
                     'on the second floor', 'under the wooden table', 'since yesterday morning',
                     'beside the front door', 'before the rain begins',
                     'in the middle of the room'),
                    ('and I will tell you when that changes.', 'because nobody has asked for it.',
                     'so please be careful with it.', 'which is quite unusual for a Tuesday.',
                     'as far as I can see from here.', 'but I am not completely sure.')),
    'test': (('Elephants', 'Most planets', 'The first astronauts', 'Honey bees', 'Ancient sailors',
              'Young musicians', 'Our neighbours', 'Few engineers', 'The oldest trees',
              'Many scientists', 'Polar bears'),
             ('travel', 'remember each other', 'find their way', 'keep warm', 'live together',
              'learn quickly', 'change slowly', 'share their food'),
             ('across huge distances', 'throughout the winter', 'without any help',
              'by following the stars', 'for about eighty years', 'deep inside the mountain',
              'whenever a storm comes up', 'with surprising patience'),
             ('although this took a long time to discover.',
              'and people have wondered why ever since.',
              'or at least every book says it like that.', 'unless something unexpected happens.',
              'thanks to a very good memory.', 'if you believe the latest research.',
              'just as their parents did.'))
}


@dataclass(frozen=True)
class Own:
    """The robot's speech: int16 samples, and when each word of it begins [samples]."""

    samples: np.ndarray
    words: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Said:
    """A person's recording cut to its voice: float32, the voice from ``onset`` on [samples]."""

    name: str
    text: str
    samples: np.ndarray
    onset: int


def sentences(half: str) -> Iterator[str]:
    """Without end, of some four thousand by chance; the same on every run."""
    parts = SENTENCES[half]
    rng = np.random.default_rng(HALVES.index(half))
    while True:
        yield '{} {} {}, {}'.format(*(part[rng.integers(len(part))] for part in parts))


def own(tts: Tts, half: str, seconds: float) -> Own:
    """A second of silence, then sentence after sentence until ``seconds`` are full."""
    pieces, found, at = [np.zeros(RATE, np.int16)], [], RATE
    for text, pause_s in zip(sentences(half), itertools.cycle(PAUSES_S)):
        for speech in tts.stream(text):
            found += [(at + offset, word) for offset, word in speech.words]
            pieces.append(speech.samples)
            at += speech.samples.size
        pieces.append(np.zeros(round(pause_s * RATE), np.int16))
        at += pieces[-1].size
        if at >= seconds * RATE:
            break
    return Own(np.concatenate(pieces)[:round(seconds * RATE)], tuple(found))


def people(half: str) -> list[Said]:
    """Human recordings and the synthetic voices of the package by turns; BackendError without the
    former.
    """
    pairs = zip(_humans(half), itertools.cycle(_synthetic(half)))
    return [said for pair in pairs for said in pair]


def synthetic(half: str) -> list[Said]:
    """Only what comes with the package."""
    return list(_synthetic(half))


def _humans(half: str) -> list[Said]:
    texts = human_voices.listed('whole.txt')
    chosen = [name for index, (name, text) in enumerate(texts.items())
              if _half(index, name) == half and len(text.split()) in WORDS]
    if not chosen:
        raise BackendError(f'there are no recordings in the {half} half')
    order = np.random.default_rng(1).permutation(len(chosen))
    sounds = human_voices.prompts(chosen)
    return [_cut(chosen[at], texts[chosen[at]], sounds[chosen[at]]) for at in order]


def _half(index: int, name: str) -> str:
    return HALVES[1] if name in LOOKED_AT else HALVES[index % 2]


def _synthetic(half: str) -> Sequence[Said]:
    """Every second question and interruption of the package's own recordings."""
    folder = share_dir() / 'scenarios' / 'assets' / 'bench'
    entries = yaml.safe_load((folder / 'index.yaml').read_text(encoding='utf-8'))
    entries = [
        entry for entry in entries
        if entry['file'][0] in 'qi' and len(entry['text'].split()) in WORDS
    ]
    return [_cut(entry['file'], entry['text'], audio_files.read(folder / entry['file']))
            for entry in entries if int(entry['file'][1:3]) % 2 == HALVES.index(half)]


def _cut(name: str, text: str, samples: np.ndarray) -> Said:
    first, last = acoustics.voiced_span(samples)
    start = max(0, first - LEAD)
    return Said(name, text, samples[start:last + LEAD], first - start)
