"""The only place that knows what our own set of interruptions holds; it is built once and then
read like any other.

Synthetic voices of scenarios/assets, human voices of Debian packages, and made-up noises. What the
project had before this set was made, and what was therefore listened to while the rules were
written, is the development half; new voices and new sentences are the test half; human recordings,
noises and television are shared out evenly.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import numpy as np

from omni_agent.backends import RATE, audio_files, human_voices, noises
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.core.interrupt_set import HALVES, HUMAN, Item, as_csv
from omni_agent.share import share_dir

VERSION = '2'
STOPS = ('i01', 'i05', 'i06')
CORRECTIONS = ('i02', 'i08')
SAID_BY_HUMANS = {      # of whole.txt, or with its words here
    'question': ('vm-changeto', 'vm-savefolder'),
    'command': ('check-number-dial-again', 'vm-enter-num-to-call', 'priv-recordintro', 'vm-next', 'conf-getpin',
                'vm-delete', 'please-try-again'),
    'correction': ('conf-invalid', 'privacy-incorrect', 'vm-sorry', 'pm-invalid-option', 'auth-incorrect'),
    'stop': ('one-moment-please',),
    'nod': ('auth-thankyou', 'privacy-thankyou', 'digits/oh'),
}
WORDS = {'please-try-again': 'Please try again.', 'one-moment-please': 'One moment, please.',
         'auth-thankyou': 'Thank you.', 'privacy-thankyou': 'Thank you.', 'digits/oh': 'Oh.'}
TELEVISION = ('librivox/sense_and_sensibility_01_austen_64kb-0870',
              'librivox/sense_and_sensibility_01_austen_64kb-0890',
              'librivox/sense_and_sensibility_01_austen_64kb-0920',
              'librivox/sense_and_sensibility_01_austen_64kb-0880')
TELEVISION_S = 4.0
# question and answer, two voices
SIDE_TALK = (('s01', 's08'), ('s04', 's06'), ('s02', 's10'), ('s11', 's03'))


@dataclass(frozen=True)
class _Sound:
    item: Item
    samples: np.ndarray


def folder() -> Path:
    """The set on this machine, built if it is not there yet. Raises BackendError where recordings
    are missing.
    """
    cache = Path(
        os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'interrupts')
    final = cache / _key()
    if (final / 'labels.csv').is_file():
        return final
    sounds = list(_sounds())
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        part = Path(scratch, 'set')
        part.mkdir()
        for sound in sounds:
            pcm = np.clip(np.round(sound.samples * 32767), -32768, 32767).astype(np.int16)
            audio_files.write(part / sound.item.file, pcm)
        (part / 'labels.csv').write_text(as_csv([sound.item for sound in sounds]),
                                         encoding='utf-8')
        shutil.rmtree(final, ignore_errors=True)
        os.replace(part, final)
    return final


def _key() -> str:
    """Of what it is made from: another recording makes another set."""
    assets = share_dir() / 'scenarios' / 'assets'
    digest = hashlib.sha256(VERSION.encode())
    for path in sorted(
        [*assets.glob('*/*.flac'), *assets.glob('*.flac'), *assets.glob('*/index.yaml')]):
        digest.update(f'{path.name} {path.stat().st_size}'.encode())
    return digest.hexdigest()[:16]


def _sounds() -> Iterator[_Sound]:
    yield from _known()
    yield from _new()
    yield from _humans()
    yield from _noises()
    yield from _television()


def _index(name: str) -> Iterator[tuple[dict, np.ndarray]]:
    import yaml

    index = share_dir() / 'scenarios' / 'assets' / name / 'index.yaml'
    for entry in yaml.safe_load(index.read_text(encoding='utf-8')):
        yield entry, audio_files.read(index.parent / entry['file'])


def _known() -> Iterator[_Sound]:
    """Development, but for half of the questions: they were only ever asked of a silent robot."""
    spoken = {Path(entry['file']).stem: (entry, samples) for entry, samples in _index('bench')}
    for name, (entry, samples) in spoken.items():
        number = int(name[1:])
        if name[0] == 's' or name[0] == 'q' and number % 2:
            continue
        half = HALVES[number % 4 == 0] if name[0] == 'q' else 'development'
        yield _sound(name, _kind_of(name, entry['text']), entry['text'], entry['who'], half,
                     samples)
    for index, pair in enumerate(SIDE_TALK):
        entries = [spoken[name] for name in pair]
        text = ' '.join(entry['text'] for entry, _ in entries)
        yield _sound('-'.join(pair), 'side_talk', text,
                     ' and '.join(entry['who'] for entry, _ in entries), HALVES[index % 2],
                     np.concatenate([samples for _, samples in entries]))


def _kind_of(name: str, text: str) -> str:
    if name[0] == 'n':
        return 'nod'
    if name in STOPS:
        return 'stop'
    if name in CORRECTIONS:
        return 'correction'
    return 'question' if text.endswith('?') else 'command'


def _new() -> Iterator[_Sound]:
    for entry, samples in _index('interrupts'):
        yield _sound(
            Path(entry['file']).stem, entry['kind'], entry['text'], entry['who'], 'test', samples)


def _humans() -> Iterator[_Sound]:
    texts = {**human_voices.listed('whole.txt'), **WORDS}
    chosen = [(kind, name) for kind, names in SAID_BY_HUMANS.items() for name in names]
    sound = human_voices.prompts([name for _, name in chosen])
    for index, (kind, name) in enumerate(chosen):
        yield _sound(f'allison-{name.replace("/", "-")}', kind, texts[name], f'{HUMAN}Allison',
                     HALVES[index % 2], sound[name])


def _noises() -> Iterator[_Sound]:
    for kind in noises.KINDS:
        for take in (0, 1):
            name = f'{kind}-{take}'
            yield _sound(name, 'noise', '', kind, HALVES[take],
                         noises.make(kind, zlib.crc32(name.encode())))
    monkeys = human_voices.prompts(['tt-monkeys'])['tt-monkeys'][:round(TELEVISION_S * RATE)]
    yield _sound('monkeys', 'noise', '', 'monkeys', 'test', monkeys)


def _television() -> Iterator[_Sound]:
    """A broadcast voice over music: words that are meant for nobody here."""
    read = human_voices.readers()
    for index, name in enumerate(TELEVISION):
        voice, text = read[name]
        first, _ = acoustics.voiced_span(voice)
        voice = voice[max(0, first - 800):][:round(TELEVISION_S * RATE)]
        music = np.resize(noises.make('music', index), voice.size)
        behind = acoustics.db(acoustics.speech_level(voice) - 10 - acoustics.speech_level(music))
        yield _sound(f'television-{index}', 'side_talk', text, f'{HUMAN}LibriVox and music',
                     HALVES[index % 2], voice + music * behind)


def _sound(name: str, kind: str, text: str, voice: str, half: str, samples: np.ndarray) -> _Sound:
    """At -20 dBFS, with quiet around it; where it begins is then known."""
    samples = samples.astype(np.float32)
    first, last = acoustics.voiced_span(samples)
    kept = samples[max(0, first - 800):last + 800]
    level = acoustics.db(-20.0 - acoustics.speech_level(kept))
    kept = kept * min(level, 0.9 / float(np.abs(kept).max()))
    onset = acoustics.voiced_span(kept)[0] / RATE
    return _Sound(Item(f'{name}.wav', kind, text, round(onset, 3), voice, half), kept)
