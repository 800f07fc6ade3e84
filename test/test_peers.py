"""The comparison with pipecat-ai and livekit-agents: its set, its ear, its figures, its venv."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import soundfile

PEERS = Path(__file__).resolve().parents[1] / 'bench' / 'peers'
sys.path.insert(0, str(PEERS))

from comparison import (PeerError, environment, figures, labels, microphone, sound,  # noqa: E402
                        voices)
from comparison.ear import Ear  # noqa: E402

HEADER = ','.join(labels.COLUMNS)
RATE = 24_000
VENV = environment.folder()


def write_set(folder: Path, *rows: str, header: str = HEADER) -> Path:
    tone = np.sin(np.arange(8000) / 5) * 0.1
    soundfile.write(folder / 'a.wav', tone, 16000)
    (folder / 'labels.csv').write_text('\n'.join([header, *rows]) + '\n')
    return folder


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PEERS / 'run.py'), *map(str, words)],
                          capture_output=True, text=True, timeout=100, check=False)


# -- the set --------------------------------------------------------------------------------------


def test_a_row_is_read_with_its_onset_or_without(tmp_path: Path) -> None:
    rows = labels.read(write_set(tmp_path, 'a.wav,nod,"Yes, yes.",0.25,anna,test',
                                 'a.wav,noise,,,,'))
    assert rows[0] == labels.Label('a.wav', 'nod', 'Yes, yes.', 0.25, 'anna', 'test')
    assert rows[1].onset_s is None and rows[1].half == ''


@pytest.mark.parametrize('row, complaint', [
    ('b.wav,nod,Yes.,,,', "no wav or flac file 'b.wav'"),
    ('labels.csv,nod,Yes.,,,', "no wav or flac file 'labels.csv'"),
    ('a.wav,nodd,Yes.,,,', "kind 'nodd' is none of question, command"),
    ('a.wav,nod,Yes.,soon,,', "onset_s 'soon'"),
    ('a.wav,nod,Yes.,-1,,', "onset_s '-1'"),
    ('a.wav,nod,Yes.,nan,,', "onset_s 'nan'"),
    ('a.wav,nod,Yes.,,,third', "half 'third'"),
])
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, complaint: str) -> None:
    folder = write_set(tmp_path, 'a.wav,nod,Yes.,,,', row)
    with pytest.raises(PeerError, match='line 3') as caught:
        labels.read(folder)
    assert complaint in str(caught.value)


def test_a_set_without_labels_or_column_says_what_a_set_is(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match='labels.csv whose header is file,kind,text'):
        labels.read(tmp_path)
    with pytest.raises(PeerError, match='no column onset_s, half'):
        labels.read(write_set(tmp_path, header='file,kind,text,voice'))


def test_one_half_is_played_and_an_empty_one_is_an_error(tmp_path: Path) -> None:
    folder = write_set(tmp_path, 'a.wav,nod,1,,,test', 'a.wav,nod,2,,,development')
    assert [row.text for row in labels.read(folder, 'development')] == ['2']
    with pytest.raises(PeerError, match="no row of half 'test'"):
        labels.read(write_set(tmp_path, 'a.wav,nod,1,,,'), 'test')


def test_a_part_of_the_set_is_taken_evenly_so_that_every_kind_stays(tmp_path: Path) -> None:
    rows = [f'a.wav,{kind},{n},,,' for kind in ('question', 'nod', 'noise') for n in range(4)]
    kinds = [row.kind for row in labels.read(write_set(tmp_path, *rows), items=3)]
    assert kinds == ['question', 'nod', 'noise']


def test_a_noise_has_no_transcript_and_nods_only_when_all_speech_has() -> None:
    def transcript(kind: str, transcribed: str) -> str:
        return labels.Label('a.wav', kind, 'words', None, '', '').transcript(transcribed)

    assert transcript('noise', 'all') == '' and transcript('nod', 'all') == 'words'
    assert transcript('nod', 'interruptions') == '' == transcript('side_talk', 'interruptions')
    assert transcript('stop', 'interruptions') == 'words'


# -- sound ----------------------------------------------------------------------------------------


def tone(seconds: float, dbfs: float, rate: int = sound.RATE, hertz: float = 400) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    peak = 32768 * 2 ** 0.5 * 10 ** (dbfs / 20)
    return np.round(peak * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def test_the_first_sound_is_the_first_frame_above_the_floor() -> None:
    item = np.concatenate([tone(0.3, -47), tone(0.2, -43), tone(0.5, -20), tone(0.2, -60)])
    assert sound.first_sound(item) == pytest.approx(0.3)
    assert sound.last_sound(item) == pytest.approx(1.0)


def test_what_is_30_db_under_the_loudest_frame_is_not_the_first_sound() -> None:
    item = np.concatenate([tone(0.3, -41), tone(0.2, -38), tone(0.5, -10)])
    assert sound.first_sound(item) == pytest.approx(0.3)


def test_a_silent_file_begins_at_its_beginning() -> None:
    assert sound.first_sound(np.zeros(1600, np.int16)) == 0.0


def test_stereo_of_another_rate_becomes_mono_at_16_khz(tmp_path: Path) -> None:
    pytest.importorskip('soxr')
    soundfile.write(tmp_path / 'a.flac', np.full((44100, 2), 0.25), 44100)
    loaded = sound.load(tmp_path / 'a.flac')
    assert loaded.dtype == np.int16 and loaded.size == sound.RATE
    assert np.median(loaded) == pytest.approx(8192, abs=2)


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / 'a.wav').write_text('no sound')
    with pytest.raises(PeerError, match='a.wav cannot be read as sound'):
        sound.load(tmp_path / 'a.wav')


def test_the_room_is_as_quiet_as_it_is_said_to_be() -> None:
    noise = microphone.room_noise().astype(float)
    level = 20 * np.log10(np.sqrt(np.mean(noise ** 2)) / 32768)
    assert level == pytest.approx(microphone.FLOOR_DBFS, abs=0.1)
    assert noise.shape[1] == microphone.BLOCK


# -- the ear --------------------------------------------------------------------------------------


def heard(*parts: np.ndarray, block: int = 960) -> Ear:
    ear = Ear(RATE)
    track = np.concatenate(parts)
    for first in range(0, track.size, block):
        ear.hear(100.0 + first / RATE, track[first:first + block])
    return ear


def voice(seconds: float, text: str = voices.REPLY_TEXT) -> np.ndarray:
    said = b''.join(voices.chunks(text, RATE))
    return np.frombuffer(said, np.int16)[:round(seconds * RATE)]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


def test_a_voice_that_stops_and_stays_away_is_a_lost_reply() -> None:
    verdict = heard(voice(2.3), silence(3)).judge(102.0, 105.0)
    assert verdict.lowered_ms == verdict.silence_ms == 300
    assert verdict.lost and not verdict.resumed and verdict.hole_s is None


def test_a_voice_that_goes_on_has_lost_nothing() -> None:
    verdict = heard(voice(5)).judge(102.0, 104.9)
    assert verdict.lowered_ms is None and not verdict.lost and verdict.error is None


def test_a_reply_that_comes_back_is_not_lost_but_leaves_a_hole() -> None:
    verdict = heard(voice(2.5), silence(2.2), voice(1)).judge(102.0, 105.6)
    assert verdict.resumed and not verdict.lost
    assert verdict.hole_s == pytest.approx(2.2, abs=0.02)


def test_another_answer_after_the_silence_is_not_the_reply() -> None:
    verdict = heard(voice(2.5), silence(1), voice(1.5, voices.ANSWER_TEXT)).judge(102.0, 104.9)
    assert verdict.lost and verdict.lowered_ms == 500


def test_an_answer_that_takes_over_at_once_ends_the_reply_just_as_silence_does() -> None:
    verdict = heard(voice(2.5), voice(1.5, voices.ANSWER_TEXT), silence(1)).judge(102.0, 104.9)
    assert verdict.lost and verdict.lowered_ms == pytest.approx(500, abs=5)


def test_a_lowered_voice_is_lowered_before_it_is_silent() -> None:
    quiet = (voice(0.4) // 10).astype(np.int16)
    verdict = heard(voice(2.1), quiet, silence(2)).judge(102.0, 104.4)
    assert verdict.lowered_ms == pytest.approx(100, abs=5)
    assert verdict.silence_ms == pytest.approx(500, abs=5)


def test_a_gap_of_a_plosive_is_no_reaction() -> None:
    assert heard(voice(2.1), silence(0.05), voice(2)).judge(102.0, 104.0).lowered_ms is None


def test_an_item_without_a_voice_before_it_is_an_error_and_not_a_miss() -> None:
    assert 'before the onset' in heard(silence(4)).judge(102.0, 104.0).error


# -- figures --------------------------------------------------------------------------------------


def record(kind: str, lowered: float | None = None, lost: bool = False,
           hole: float | None = None, error: str | None = None) -> figures.Record:
    return {'file': 'a.wav', 'kind': kind, 'half': '', 'error': error, 'lowered_ms': lowered,
            'silence_ms': lowered, 'lost': lost, 'resumed': hole is not None, 'hole_s': hole}


def test_figures_are_named_after_the_peer_and_count_what_they_say() -> None:
    found = figures.figures('some', [
        record('question', 300, True), record('stop', 400, True), record('command'),
        record('correction', 500, False, hole=2.0),
        record('nod', 320, True), record('nod', 320, False, hole=2.5), record('nod'),
        record('noise'), record('side_talk', 310, True), record('nod', error='no voice')])
    assert found['some_lower_p50_ms'] == 400 and found['some_lower_p95_ms'] == 490
    assert found['some_recall'] == 0.5
    assert found['some_lost_on_nod'] == pytest.approx(1 / 3, abs=1e-4)
    assert found['some_silenced_by_nod'] == pytest.approx(2 / 3, abs=1e-4)
    assert found['some_lost_on_noise'] == 0.5
    assert found['some_hole_p50_s'] == 2.5
    assert found['some_items'] == 9 and found['some_unmeasured'] == 1


def test_figures_without_items_are_none_and_shown_as_a_dash() -> None:
    found = figures.figures('some', [record('nod', 320, True)])
    assert found['some_lower_p50_ms'] is None and found['some_recall'] is None
    lines = figures.table({'some': found, 'other': figures.figures('other', [])}).splitlines()
    assert lines[1].split() == ['lower_p50_ms', '-', '-']
    assert ['lost_on_nod', '1', '-'] in [line.split() for line in lines]


# -- the virtual environment ----------------------------------------------------------------------


def test_a_missing_environment_is_made_and_filled_from_the_pins(tmp_path: Path) -> None:
    make, fill = environment.plan(tmp_path / 'venv', find=lambda name: f'/usr/bin/{name}')
    assert make.command[1:] == ('-m', 'venv', '--clear', str(tmp_path / 'venv'))
    assert fill.command[0].startswith(str(tmp_path))
    assert fill.command[-1] == str(PEERS / 'requirements.txt')
    assert 'package index' in fill.advice


def test_an_environment_is_ready_only_with_all_of_these_pins(tmp_path: Path) -> None:
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'python').touch()
    (tmp_path / 'pyvenv.cfg').touch()
    assert not environment.ready(tmp_path) and len(environment.plan(tmp_path)) == 2
    (tmp_path / environment.STAMP).write_text('of older pins')
    assert not environment.ready(tmp_path)
    (tmp_path / environment.STAMP).write_text(environment._pins())
    assert environment.ready(tmp_path) and environment.plan(tmp_path) == []


def test_a_folder_that_is_something_else_is_not_cleared(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(PeerError, match='not a virtual environment'):
        environment.plan(tmp_path)


def test_an_older_python_looks_for_a_newer_one_beside_it() -> None:
    def has_312(name: str) -> str | None:
        return f'/usr/bin/{name}' if name in ('python3.11', 'python3.12') else None

    assert environment.interpreter((3, 10), has_312) == '/usr/bin/python3.12'
    assert environment.interpreter((3, 11), has_312) == sys.executable
    with pytest.raises(PeerError, match='need Python 3.11 to 3.14, this is 3.10'):
        environment.interpreter((3, 10), lambda name: None)


def test_every_requirement_is_pinned_to_the_versions_that_are_compared() -> None:
    lines = [line for line in (PEERS / 'requirements.txt').read_text().splitlines()
             if line and not line.startswith('#')]
    assert all('==' in line for line in lines)
    assert {'pipecat-ai==1.14.0', 'livekit-agents==1.8.9'} <= set(lines)


# -- the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize('words, complaint', [
    (['--only', 'siri'], '--only siri: the peers are pipecat, livekit.'),
    (['--items', '0'], '--items 0: at least 1.'),
    (['--json', 'no/such/folder/x.json'], 'there is no such folder'),
])
def test_a_wrong_argument_is_one_line(tmp_path: Path, words: list[str], complaint: str) -> None:
    folder = write_set(tmp_path, 'a.wav,nod,Yes.,,,')
    done = run('--set', folder, '--json', tmp_path / 'out.json', '--venv', tmp_path / 'venv',
               *words)
    assert done.returncode == 1 and complaint in done.stderr
    assert done.stderr.count('\n') == 1 and not (tmp_path / 'venv').exists()


def test_a_wrong_set_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    done = run('--set', tmp_path, '--json', tmp_path / 'out.json', '--venv', tmp_path / 'venv')
    assert done.returncode == 1 and 'labels.csv cannot be read' in done.stderr
    assert not (tmp_path / 'venv').exists()


def stand_in(venv: Path, script: str) -> Path:
    """An environment that counts as filled, whose interpreter is a shell script."""
    (venv / 'bin').mkdir(parents=True)
    (venv / 'pyvenv.cfg').touch()
    (venv / environment.STAMP).write_text(environment._pins())
    (venv / 'bin' / 'python').write_text(f'#!/bin/sh\n{script}\n')
    (venv / 'bin' / 'python').chmod(0o755)
    return venv


def alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def wait_for(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_broken_off_leaves_nothing_behind_and_says_so(
        tmp_path: Path, number: signal.Signals) -> None:
    """A grandchild that is deaf to both signals included, and however often it is told."""
    folder, scratch = write_set(tmp_path, 'a.wav,nod,Yes.,,,'), tmp_path / 'scratch'
    scratch.mkdir()
    told = tmp_path / 'told'
    venv = stand_in(tmp_path / 'venv', f'echo progress 1 2; sh -c \'trap "" INT TERM; echo $$ > '
                    f'{told}.part; mv {told}.part {told}; while :; do sleep 1; done\' & wait')
    with subprocess.Popen([sys.executable, PEERS / 'run.py', '--set', folder, '--json',
                           tmp_path / 'out.json', '--venv', venv], stderr=subprocess.PIPE,
                          text=True, env={**os.environ, 'TMPDIR': str(scratch)}) as child:
        wait_for(told.exists)
        grandchild = int(told.read_text())
        assert alive(grandchild) and list(scratch.iterdir())
        child.send_signal(number)
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and 'Traceback' not in said
    assert said.splitlines()[-1].startswith('run.py: broken off: ')
    wait_for(lambda: not alive(grandchild))
    assert not (tmp_path / 'out.json').exists() and not list(scratch.iterdir())


def test_a_peer_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    folder = write_set(tmp_path, 'a.wav,nod,Yes.,,,')
    venv = stand_in(tmp_path / 'venv', 'echo "no such model" >&2; exit 3')
    done = run('--set', folder, '--json', tmp_path / 'out.json', '--venv', venv)
    assert done.returncode == 1 and not (tmp_path / 'out.json').exists()
    assert 'run.py: pipecat_peer.py ended with 3:\n    no such model' in done.stderr


def test_setting_up_is_broken_off_without_half_an_environment(tmp_path: Path) -> None:
    folder = write_set(tmp_path, 'a.wav,nod,Yes.,,,')
    with socket.create_server(('127.0.0.1', 0)) as index:      # one that never answers
        index.settimeout(90)
        with subprocess.Popen(
                [sys.executable, PEERS / 'run.py', '--set', folder, '--json',
                 tmp_path / 'out.json', '--venv', tmp_path / 'venv'],
                stderr=subprocess.PIPE, text=True,
                env={**os.environ, 'PIP_INDEX_URL': f'http://127.0.0.1:{index.getsockname()[1]}',
                     'PIP_EXTRA_INDEX_URL': '', 'PIP_CONFIG_FILE': os.devnull}) as child:
            with index.accept()[0]:
                assert (tmp_path / 'venv' / 'pyvenv.cfg').exists()
                child.send_signal(signal.SIGINT)
                _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and 'broken off' in said and 'Traceback' not in said
    assert not (tmp_path / 'venv').exists()


def test_a_step_of_the_set_up_that_fails_says_what_to_do_and_leaves_no_environment(
        tmp_path: Path) -> None:
    venv = tmp_path / 'venv'
    step = environment.Step('packages', ('sh', '-c', f'mkdir {venv}; echo no network; exit 1'),
                            environment.ONLINE)
    with pytest.raises(PeerError) as caught:
        environment._carry_out([step], venv)
    assert 'packages failed' in str(caught.value) and '    no network' in str(caught.value)
    assert 'reaches its Python package index' in str(caught.value) and not venv.exists()


def test_a_place_where_no_environment_can_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(PeerError, match='cannot be made.*Name another place with --venv'):
        environment.make(tmp_path / 'file' / 'venv')


@pytest.mark.skipif(not environment.ready(VENV), reason=f'needs the venv of the peers in {VENV}: '
                    'bench/peers/run.py makes it')
@pytest.mark.parametrize('peer, lead_s', [('pipecat', 4.0), ('livekit', 5.0)])
def test_a_question_silences_the_peer_and_its_reply_is_gone(
        tmp_path: Path, peer: str, lead_s: float) -> None:
    recordings = PEERS.parents[1] / 'scenarios' / 'assets' / 'bench'
    (tmp_path / 'q01.flac').symlink_to(recordings / 'q01.flac')
    (tmp_path / 'labels.csv').write_text(
        f'{HEADER}\nq01.flac,question,How many legs does a spider have?,,anna,\n')
    done = run('--set', tmp_path, '--json', tmp_path / 'out.json', '--only', peer)
    assert done.returncode == 0, done.stderr
    outcome = json.loads((tmp_path / 'out.json').read_text())
    assert 100 < outcome['figures'][f'{peer}_lower_p50_ms'] < 1500
    assert outcome['figures'][f'{peer}_recall'] == 1.0
    assert outcome['peers'][peer]['lead_s'] == lead_s
    assert outcome['peers'][peer]['versions'] and outcome['peers'][peer]['rules']
