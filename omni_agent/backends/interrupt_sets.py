"""The only place that reads a folder of interruptions: ``labels.csv`` and the recordings that it
names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from omni_agent.backends import RATE, audio_files
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.core.errors import ConfigError
from omni_agent.core.interrupt_set import Item, parse

SILENT = 1e-3            # peak: -60 dBFS
SHORTEST_S = 0.05


@dataclass(frozen=True)
class Recorded:
    """An item with its sound, its onset found where none was given; ``late_s`` is how long after
    the loudness begins that lies.
    """

    item: Item
    path: Path
    seconds: float
    late_s: float


def read(folder: Path) -> list[Recorded]:
    """Every item, checked. Raises ConfigError, which names the file and what is wrong with it."""
    labels = folder / 'labels.csv'
    if not labels.is_file():
        raise ConfigError(
            f'there is no {labels}: a set is a folder of wav or flac files with a labels.csv')
    try:
        text = labels.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'cannot read {labels}: {error}') from error
    return [_check(folder, item) for item in parse(text.splitlines(), str(labels))]


def _check(folder: Path, item: Item) -> Recorded:
    path = (folder / item.file).absolute()
    samples = audio_files.read(path)
    if samples.size < SHORTEST_S * RATE or np.abs(samples).max() < SILENT:
        raise ConfigError(
            f'{path} holds no sound (peak below -60 dBFS, or shorter than {SHORTEST_S:g} s): '
            'record it again'
        )
    first, last = acoustics.voiced_span(samples)
    onset = first / RATE if item.onset_s is None else item.onset_s
    if onset >= last / RATE:
        raise ConfigError(
            f'{path}: onset_s is {onset:g} s, where its sound is already over ({last / RATE:.2f} '
            's)'
        )
    return Recorded(replace(item, onset_s=onset), path, samples.size / RATE, onset - first / RATE)
