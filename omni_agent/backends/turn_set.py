"""The only place that makes what ``bench turns`` listens to: human sentences, whole and with
pauses inside.

Every item is a recording in a quiet room whose pauses and true end are known. Three kinds of
pause:

* ``joined``: the speaker read an unfinished sentence, and later the words that finish it: true
  intonation;
* ``breath``: the speaker paused by herself; the pause is lengthened;
* ``cut``: silence put between two words of a fluent sentence. Nobody speaks like that (no word is
  drawn out before it), so a listener has the words alone to go by: the hardest of the three.

* ``clause``: any of these, but the words before it could be all: 'Press one to accept this call |
  or two to ...'. What follows is an addition. Only waiting helps.

Where the words before a pause are a whole sentence (the prompts hold some: 'Login incorrect.
Please ...') nobody could know that more comes: kind ``between``, in the table but not in the
share.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Callable, Iterator, Sequence

import numpy as np

from omni_agent.backends import RATE, human_voices
from omni_agent.backends import room_acoustics as acoustics

LEAD_S, TAIL_S = 0.6, 3.0            # quiet before and after
PAUSE_S = (0.3, 1.2)                 # lengths of pauses, evenly spread
LEVEL_DBFS, ROOM_DBFS = -24.0, -62.0
MID_SENTENCE = ('joined', 'breath', 'cut', 'clause')
ADDITIONS = frozenset(
    'or and but followed from when while because so for at in before after starting until with'.
    split())
HALVES = ('development', 'test')
GAP_S = 0.06                         # a quiet stretch this long may lie between two words
BREATH_S = 0.14                      # and from here on it is a pause of the speaker's own
QUIET_DB = 26.0                      # below the loudest frame
WORD_S = 0.5                         # speech on either side of a pause, at least
TRIES = 12                           # places looked at in one recording

Recogniser = Callable[[np.ndarray], str]


@dataclass(frozen=True)
class Pause:
    """Silence from ``start`` to ``end`` [s] of the item, after ``before`` was said."""

    start: float
    end: float
    kind: str
    before: str


@dataclass(frozen=True)
class Turn:
    """One person's turn: what the microphone hears, and what is true about it."""

    name: str
    voice: str
    half: str
    text: str
    samples: np.ndarray          # float32 at RATE
    pauses: tuple[Pause, ...]
    end: float                   # of the last word [s]


def half_of(name: str) -> str:
    """By name, so that a recording stays on its side whatever else is added."""
    return HALVES[zlib.crc32(name.encode()) % 2]


def build(recognise: Recogniser, limit: int | None = None) -> list[Turn]:
    """All items in a fixed order, or those of ``limit`` recordings, evenly chosen. Raises
    BackendError without any.
    """
    makers = [*_joined(), *_whole(recognise)]
    if limit is not None and limit < len(makers):
        makers = [makers[index * len(makers) // limit] for index in range(limit)]
    return [made for make in makers for made in make()]


def _joined() -> list[Callable[[], list[Turn]]]:
    lines = human_voices.listed('joined.txt')
    sound = human_voices.prompts([name for key in lines for name in key.split()])
    return [
        lambda key=key, text=text: _join(key, text, [trimmed(sound[name]) for name in key.split()])
        for key, text in lines.items()
    ]


def _join(key: str, text: str, pieces: list[np.ndarray]) -> list[Turn]:
    """With two pauses of different lengths, one at a time."""
    made = []
    for take in (0, 1):
        name = f'{key.split()[0]}+{take}'
        spoken = [pieces[0], seconds(pause_of(name)), *spaced(pieces[1:])]
        made.append(turn(name, 'Allison', half_of(key), text.replace('| ', ''), spoken,
                         [(1, 'joined', text.partition('|')[0].strip())]))
    return made


def _whole(recognise: Recogniser) -> list[Callable[[], list[Turn]]]:
    lines = human_voices.listed('whole.txt')
    found = {
        name: (sound, lines[name], 'Allison')
        for name, sound in human_voices.prompts(list(lines)).items()
    }
    for name, (sound, text) in human_voices.readers().items():
        found[name] = (sound, text, name.split('/')[0])
    return [
        lambda name=name, parts=parts: _cut(name, *parts, recognise)
        for name, parts in found.items()
    ]


def _cut(name: str, sound: np.ndarray, text: str, voice: str, recognise: Recogniser) -> list[Turn]:
    """A sentence as it was said and, where there is a place for it, with a pause."""
    sound = trimmed(sound)
    made = [turn(name, voice, half_of(name), text, [sound], [])]
    place = _place(name, sound, text, recognise)
    if place is not None:
        at, kind, before = place
        pieces = [faded(sound[:at]), seconds(pause_of(name)), faded(sound[at:])]
        made.append(turn(f'{name}+pause', voice, half_of(name), text, pieces, [(1, kind, before)]))
    return made


def _place(name: str, sound: np.ndarray, text: str,
           recognise: Recogniser) -> tuple[int, str, str] | None:
    """Where to pause [sample], the kind of pause, and the words before it; None if no place is
    certain.

    The recogniser has to read exactly the first words of the transcript before the place, and the
    next word after it.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    gaps = [
        gap for gap in quiet(sound)
        if WORD_S * RATE < gap[0] and gap[1] < sound.size - WORD_S * RATE
    ]
    natural = [gap for gap in gaps if gap[1] - gap[0] >= BREATH_S * RATE]
    others = [gap for gap in gaps if gap not in natural]
    rng.shuffle(others)
    truth = plain(text)
    for start, end in (natural + others)[:TRIES]:
        at = (start + end) // 2
        said = plain(recognise(sound[:end]))
        after = plain(recognise(sound[start:]))
        count = len(said)
        if (not 2 <= count < len(truth) or said != truth[:count]
                or after[:1] != truth[count:count + 1]):
            continue
        before, mark = words_until(text, count)
        kind = 'breath' if (start, end) in natural else 'cut'
        if truth[count] in ADDITIONS and count > 2:
            kind = 'clause'
        if mark and mark in '.!?':
            kind = 'between'
        return at, kind, before
    return None


def quiet(sound: np.ndarray) -> list[tuple[int, int]]:
    """Quiet stretches [samples] inside a recording that has no silence at its ends."""
    levels = acoustics.frame_levels(sound)
    low = levels < levels.max() - QUIET_DB
    edges = np.flatnonzero(np.diff(np.concatenate(([0], low.astype(np.int8), [0]))))
    spans = [(int(a) * acoustics.FRAME, int(b) * acoustics.FRAME)
             for a, b in zip(edges[::2], edges[1::2])]
    return [span for span in spans if span[1] - span[0] >= GAP_S * RATE]


def plain(text: str) -> list[str]:
    """Words as two spellers would agree on them."""
    spoken = re.findall(r"[a-z0-9']+", text.lower().replace('-', ' '))
    digits = dict(
        zip('0 1 2 3 4 5 6 7 8 9 10'.split(),
            'zero one two three four five six seven eight nine ten'.split()))
    return [digits.get(word, word) for word in spoken]


def words_until(text: str, count: int) -> tuple[str, str]:
    """The first ``count`` words of a text, and the mark that stands behind them."""
    spoken = list(re.finditer(r"[A-Za-z0-9']+", text))
    end = spoken[count - 1].end()
    mark = text[end:end + 1].strip()
    return text[:end], mark


def pause_of(name: str) -> float:
    low, high = PAUSE_S
    return low + (high - low) * (zlib.crc32(f'pause {name}'.encode()) % 1000) / 999


def turn(name: str, voice: str, half: str, text: str, pieces: Sequence[np.ndarray],
         pauses: Sequence[tuple[int, str, str]]) -> Turn:
    """Pieces one after another in a quiet room; ``pauses`` names the silent ones by index."""
    starts = LEAD_S + np.cumsum([0, *(piece.size for piece in pieces)]) / RATE
    sound = np.concatenate([seconds(LEAD_S), *pieces, seconds(TAIL_S)])
    sound = sound * acoustics.db(LEVEL_DBFS - acoustics.speech_level(sound))
    room = np.resize(acoustics.pink_noise(ROOM_DBFS, zlib.crc32(name.encode())), sound.size)
    known = tuple(
        Pause(float(starts[at]), float(starts[at + 1]), kind, before)
        for at, kind, before in pauses)
    return Turn(name, voice, half, text, (sound + room).astype(np.float32), known,
                float(starts[-1]))


def trimmed(sound: np.ndarray) -> np.ndarray:
    first, last = acoustics.voiced_span(sound)
    return faded(sound[first:last])


def spaced(pieces: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Recordings of single words, as close together as fluent speech allows."""
    for index, piece in enumerate(pieces):
        if index:
            yield seconds(0.05)
        yield piece


def faded(sound: np.ndarray, edge: int = 80) -> np.ndarray:
    """5 ms of fade at either end: no click where a recording was cut."""
    out = sound.astype(np.float32, copy=True)
    ramp = np.linspace(0, 1, min(edge, out.size // 2), dtype=np.float32)
    out[:ramp.size] *= ramp
    out[out.size - ramp.size:] *= ramp[::-1]
    return out


def seconds(length: float) -> np.ndarray:
    return np.zeros(round(length * RATE), np.float32)
