"""Sets of interruptions: what is accepted, what is refused and how, and what our own set holds."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import RATE, audio_files, interrupt_sets, noises, own_set
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.interrupt_set import (COLUMNS, INTERRUPTIONS, NODS, NOISES, Item, as_csv,
                                           mixed, parse, sample)
from omni_agent.share import share_dir

HEADER = ','.join(COLUMNS)


def folder_with(path: Path, *rows: str, header: str = HEADER) -> Path:
    sound = np.concatenate([np.zeros(RATE // 2), np.sin(np.arange(RATE) / 4), np.zeros(RATE // 4)])
    audio_files.write(path / 'a.wav', (8000 * sound).astype(np.int16))
    audio_files.write(path / 'silent.wav', np.zeros(RATE, np.int16))
    (path / 'broken.wav').write_bytes(b'no sound at all')
    (path / 'labels.csv').write_text('\n'.join([header, *rows]) + '\n', encoding='utf-8')
    return path


def test_a_folder_is_read_with_its_defaults_and_foreign_columns_are_ignored(
        tmp_path: Path) -> None:
    folder_with(tmp_path, 'a.wav,nod,Mm-hm.,,human:Jo,,blue', header=f'{HEADER},shirt')
    (one,) = interrupt_sets.read(tmp_path)
    # where its loudness begins
    assert one.item == Item('a.wav', 'nod', 'Mm-hm.', 0.5, 'human:Jo', 'test')
    assert one.item.is_human and not one.item.interrupts
    assert one.seconds == pytest.approx(1.75) and one.late_s == 0.0


def test_a_labelled_onset_is_told_apart_from_where_loudness_begins(tmp_path: Path) -> None:
    (one,) = interrupt_sets.read(folder_with(tmp_path, 'a.wav,stop,Stop.,0.62,,test'))
    assert one.late_s == pytest.approx(0.12, abs=0.011)


@pytest.mark.parametrize(('row', 'words'), [
    ('b.wav,nod,Yes.,,,', 'b.wav'),
    ('a.mp3,nod,Yes.,,,', 'neither wav nor flac'),
    ('a.wav,sneeze,,,,', 'none of question, command'),
    ('a.wav,question,,,,', 'text is empty'),
    ('a.wav,nod,Yes.,soon,,', "onset_s 'soon'"),
    ('a.wav,nod,Yes.,-1,,', "onset_s '-1'"),
    ('a.wav,nod,Yes.,1.9,,', 'already over'),
    ('a.wav,nod,Yes.,,,training', 'neither development nor test'),
    ('silent.wav,noise,,,,', 'holds no sound'),
    ('broken.wav,noise,,,,', 'not a sound file'),
])
def test_a_mistake_is_refused_and_named(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(ConfigError, match='.*') as refused:
        interrupt_sets.read(folder_with(tmp_path, row))
    assert words in str(refused.value)


def test_a_set_without_labels_columns_or_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='labels.csv'):
        interrupt_sets.read(tmp_path)
    with pytest.raises(ConfigError, match='names no recording'):
        interrupt_sets.read(folder_with(tmp_path))
    with pytest.raises(ConfigError, match='no column half'):
        interrupt_sets.read(folder_with(tmp_path, header=HEADER.replace(',half', '')))
    with pytest.raises(ConfigError, match='named twice'):
        interrupt_sets.read(folder_with(tmp_path, 'a.wav,noise,,,,', 'a.wav,noise,,,,'))


def test_the_example_of_the_documentation_is_a_set(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / 'docs' / 'interrupt_sets.md').read_text(encoding='utf-8')
    example = text.split('```')[1].strip()
    for item in parse(example.splitlines()):
        shutil.copy(share_dir() / 'scenarios' / 'assets' / 'anna_stop.flac', tmp_path / item.file)
    (tmp_path / 'labels.csv').write_text(example, encoding='utf-8')
    found = interrupt_sets.read(tmp_path)
    assert {one.item.kind for one in found} == {'command', 'nod', 'stop', 'noise'}
    assert found[0].item.onset_s is not None and found[1].item.onset_s == 0.31
    assert all(name in text for name in (*COLUMNS, *INTERRUPTIONS, *NODS, *NOISES))


def test_labels_survive_being_written_and_read() -> None:
    items = [
        Item('a.wav', 'question', 'Wait, "who" is that?', 0.05, 'ben', 'development'),
        Item('b.wav', 'noise')
    ]
    assert parse(as_csv(items).splitlines()) == items


def test_a_sample_and_the_order_keep_every_kind_from_beginning_to_end() -> None:
    kinds = ['question'] * 40 + ['stop'] * 10 + ['nod'] * 20 + ['noise'] * 10
    items = [Item(f'{index}.wav', kind, 'x') for index, kind in enumerate(kinds)]
    few = sample(items, 16)
    assert Counter(item.kind for item in few) == {'question': 8, 'stop': 2, 'nod': 4, 'noise': 2}
    assert sample(items, None) == items and len(sample(items, 3)) == 3
    order = mixed(items)
    assert sorted(order, key=lambda item: int(item.file[:-4])) == items
    assert {item.kind for item in order[:20]} == {item.kind for item in order[-20:]} == set(kinds)


def test_noises_are_the_same_on_every_machine_and_are_loud_and_finite() -> None:
    for kind in noises.KINDS:
        one, again, other = noises.make(kind, 1), noises.make(kind, 1), noises.make(kind, 2)
        assert (np.array_equal(one, again)
                and not np.array_equal(one[:other.size], other[:one.size]))
        assert np.isfinite(one).all() and np.abs(one).max() == pytest.approx(0.5, abs=1e-3)
        assert 0.4 < one.size / RATE <= 4.0


def test_our_own_set_is_large_enough_and_both_halves_hold_every_kind(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    try:
        folder = own_set.folder()
    except BackendError as error:
        pytest.skip(str(error))
    recorded = interrupt_sets.read(folder)
    items = [one.item for one in recorded]
    assert sum(item.interrupts for item in items) >= 40
    assert (sum(item.kind in NODS for item in items) >= 20
            and sum(item.kind in NOISES for item in items) >= 20)
    for half in ('development', 'test'):
        assert ({item.kind
                 for item in items if item.half == half} == {*INTERRUPTIONS, *NODS, *NOISES})
    assert len({item.voice for item in items if item.interrupts}) >= 5
    assert sum(item.is_human and item.interrupts for item in items) >= 10
    assert all(abs(one.late_s) < 0.02 for one in recorded)
    before = (folder / 'labels.csv').stat().st_mtime_ns
    assert own_set.folder() == folder and (folder / 'labels.csv').stat().st_mtime_ns == before
