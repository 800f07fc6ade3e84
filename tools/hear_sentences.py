"""Lets people of the development half say sentences of scenarios/addressee/sentences.yaml in rooms
and noise, and writes down what the recognisers make of them: heard_sentences.csv beside it, for
tools/fit_phrases.py.

    python tools/hear_sentences.py [--count 1200]

Voice, place, room and noise are drawn by the sentence itself; as many are for the robot as are
not. About a second each. What was heard rightly is left out: it is in the sentences.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from pathlib import Path
from typing import Iterator

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fit_phrases  # noqa: E402
from omni_agent.backends import audio_files, own_addressee_set  # noqa: E402
from omni_agent.backends.addressee_play import listener  # noqa: E402
from omni_agent.backends.addressee_script import FACING, TURNED, Place, Said, Scene  # noqa: E402
from omni_agent.core.address_phrases import tokens  # noqa: E402
from omni_agent.core.addressee_set import FOR_ROBOT, TO_OTHERS  # noqa: E402
from omni_agent.share import share_dir  # noqa: E402

VOICES = ('hibari:heart', 'hibari:heart@0.82', 'hibari:heart@0.91', 'hibari:heart@1.08',
          'flite:slt', 'flite:awb')
NOISES = ('pink', 'vacuum', 'dishes')
SNRS_DB = (30.0, 20.0, 20.0, 10.0)
DISTANCES_M = (0.6, 4.5)
RECOGNISERS = ('moonshine', 'moonshine_two_pass')
LONGEST = 200            # characters; more is a recogniser that repeats itself


def chosen(count: int) -> list[fit_phrases.Sentence]:
    """The same whatever else is written; half of them for the robot."""
    sentences = sorted(fit_phrases.written(), key=lambda one: zlib.crc32(one.text.encode()))
    return [one for real in (True, False)
            for one in [each for each in sentences if each.real == real][:count // 2]]


def scene(sentence: fit_phrases.Sentence) -> Scene:
    rng = np.random.default_rng(zlib.crc32(sentence.text.encode()))
    low, high = np.log(DISTANCES_M)
    place = Place(float(np.exp(rng.uniform(low, high))),
                  float(rng.uniform(*(FACING if sentence.real else TURNED))),
                  int(rng.integers(2**31)))
    said = Said(FOR_ROBOT if sentence.real else TO_OTHERS, 'read', (sentence.text, ),
                (str(rng.choice(VOICES)), ), place, 1.0)
    return Scene('read', 'development', 1000 + int(rng.integers(0, 8)), str(rng.choice(NOISES)),
                 float(rng.choice(SNRS_DB)), (said, ), int(rng.integers(2**31)))


def words_of(text: str) -> tuple[str, ...]:
    return tuple(one.word for one in tokens(text, fit_phrases.NAMES))


def heard(sentence: fit_phrases.Sentence, ears: list, part: Path) -> Iterator[str]:
    """What is not what was said, each once."""
    _, samples = next(iter(own_addressee_set.render(scene(sentence))))
    audio_files.write(part, audio_files.to_int16(samples))
    known = {words_of(sentence.text)}
    for ear in ears:
        for final in ear.listen(part):
            text, words = final.text.strip(), words_of(final.text)
            if text and len(text) < LONGEST and words not in known:
                known.add(words)
                yield text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--count', type=int, default=1200)
    parser.add_argument('--out', type=Path, default=share_dir() / 'scenarios' / 'addressee' /
                        'heard_sentences.csv')
    arguments = parser.parse_args()
    ears = [listener(name) for name in RECOGNISERS]
    part = arguments.out.with_suffix('.part.wav')
    new = arguments.out.with_suffix('.part.csv')         # what is there stays until all is heard
    with new.open('w', encoding='utf-8', newline='') as lines:
        writer = csv.writer(lines, lineterminator='\n')
        writer.writerow(('said', 'for', 'heard'))
        for sentence in chosen(arguments.count):
            for text in heard(sentence, ears, part):
                writer.writerow((sentence.text, 'robot' if sentence.real else 'people', text))
    part.unlink(missing_ok=True)
    new.replace(arguments.out)


if __name__ == '__main__':
    main()
