"""``bench interrupts``: its scenario, its story, its files; and three items through the real
graph.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends import RATE, Message, audio_files, interrupt_sets, scenarios
from omni_agent.backends.interrupt_sets import Recorded
from omni_agent.backends.llm_server import ServerLlm
from omni_agent.backends.story_server import STORY, StoryServer
from omni_agent.cli import bench_interrupts, interrupt_rooms
from omni_agent.cli.prompter import QUIET_S, Prompter
from omni_agent.core import scenario as scenario_language
from omni_agent.core.errors import ConfigError
from omni_agent.core.interrupt_figures import Fate
from omni_agent.core.interrupt_set import Item
from omni_agent.core.lexicon import Lexicon
from omni_agent.share import share_dir

ASSETS = share_dir() / 'scenarios' / 'assets'


def recorded(*kinds: str) -> list[Recorded]:
    return [
        Recorded(Item(f'{index}.wav', kind, '' if kind == 'noise' else 'Hello.', half=half),
                 Path('/x.wav'), 1.0, 0.0)
        for index, (kind, half) in enumerate(zip(kinds, ['test', 'development'] * len(kinds)))
    ]


# -- what is played -------------------------------------------------------------------------------


def test_a_set_is_a_folder_and_a_parameter_has_an_equals_sign() -> None:
    assert (bench_interrupts._told_apart(
        ['some/set', 'decision.llm=none']) == (Path('some/set'), ['decision.llm=none']))
    assert bench_interrupts._told_apart([]) == (None, [])
    with pytest.raises(ConfigError, match='give one'):
        bench_interrupts._told_apart(['a', 'b'])


def test_every_item_is_played_in_one_room_and_each_room_hears_every_kind() -> None:
    items = recorded(*['question'] * 8, *['nod'] * 8, *['noise'] * 8)
    rooms = [interrupt_rooms.share_of(items, index, 2) for index in range(2)]
    assert (sorted((one.item.file for room in rooms for one in room),
                   key=str) == sorted(one.item.file for one in items))
    for room in rooms:
        assert (Counter((one.item.kind, one.item.half) for one in room) == Counter({
            (kind, half): 2
            for kind in ('question', 'nod', 'noise')
            for half in ('test', 'development')
        }))


def test_the_scenario_can_be_read_and_says_each_item_at_its_own_moment(tmp_path: Path) -> None:
    sounds = [
        ASSETS / 'bench' / 'q01.flac', ASSETS / 'bench' / 'n01.flac', ASSETS / 'bench' / 's01.flac'
    ]
    items = [Recorded(Item(path.name, kind, 'Hello.'), path, 1.0, 0.0)
             for path, kind in zip(sounds, ('question', 'nod', 'side_talk'))]
    made = scenario_language.parse(interrupt_rooms.scenario('noisy', items))
    low, high = interrupt_rooms.SPEAKING_S
    assert all(low <= line.robot_speaking_s <= high for line in made.lines)
    assert len({line.robot_speaking_s for line in made.lines}) == 3
    assert made.room.echo_db == -18 and made.room.noise_dbfs == interrupt_rooms.ROOMS['noisy']
    levels = [made.people[line.who].level_dbfs for line in made.lines]
    assert levels[0] == levels[1] == -24 and levels[2] < levels[0]
    assert all(scenarios.file_of(line.sound, tmp_path / 'x.yaml').is_file() for line in made.lines)


def test_the_story_asks_for_nothing_so_a_nod_stays_a_nod(english: Lexicon) -> None:
    sentences = [part.strip() + '.' for part in ' '.join(STORY.split()).split('.') if part.strip()]
    assert len(sentences) >= 20 and '?' not in STORY
    assert not any(
        english.wants_yes_or_no(sentence) or english.is_stop(sentence) for sentence in sentences)
    # two minutes of speech: nobody has to wait for another reply
    assert len(STORY.split()) > 250


@pytest.fixture
def english() -> Lexicon:
    from omni_agent.backends import languages
    return languages.lexicon('en')


def test_the_story_is_told_over_the_real_interface_from_another_place_each_time() -> None:
    pytest.importorskip('httpx')
    with StoryServer('One bee. Two bees. Three. Four. Five. Six. Seven bees.',
                     words_per_s=2000) as url:
        llm = ServerLlm(url)
        llm.warm([Message('user', 'Hello.')])
        told = [''.join(llm.stream([Message('user', 'Go on.')], 100)) for _ in range(2)]
        short = ''.join(llm.stream([Message('user', 'Go on.')], 2))
        llm.close()
    assert told[0].startswith('One bee. Two bees.') and told[0].endswith('Seven bees.')
    assert told[1].startswith('Six. Seven bees. One bee.') and len(short.split()) == 2


def test_the_peers_get_the_same_recordings(tmp_path: Path) -> None:
    path = ASSETS / 'bench' / 'q01.flac'
    items = [
        Recorded(Item('sub/q01.flac', 'question', 'How many, then?', 0.05, 'anna', 'test'), path,
                 1.0, 0.0)
    ]
    folder = bench_interrupts.same_set(tmp_path / 'set', items)
    assert [one.item for one in interrupt_sets.read(folder)] == [items[0].item]


def test_a_comparison_that_fails_costs_only_its_own_figures(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no place for its environment."""
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    item = Item('q01.flac', 'question', 'How many, then?', 0.05, 'anna', 'test')
    found: dict[str, float | None] = {'lower_p50_ms': 90.0}
    (said,) = bench_interrupts.compare(
        [Recorded(item, ASSETS / 'bench' / 'q01.flac', 1.0, 0.0)],
        argparse.Namespace(half=None, out=tmp_path), found)
    assert said.startswith('the comparison failed') and 'peers/run.py --set ' in said
    assert found == {'lower_p50_ms': 90.0}


def test_a_comparison_that_is_broken_off_is_ended_and_waited_for() -> None:
    child = ('import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(print("bye"))); '
             'print("ready", flush=True); time.sleep(60)')
    # a background job of a shell ignores Ctrl-C, and so would what it starts
    parent = ('import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); '
              'from omni_agent.cli.bench_interrupts import _exit_code; '
              f'print(_exit_code([sys.executable, "-c", {child!r}]))')
    with subprocess.Popen([sys.executable, '-c', parent], stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == 'ready\n'
        process.send_signal(signal.SIGINT)           # to the parent alone
        assert process.communicate(timeout=60)[0].split() == ['bye', '130']


# -- keeping the robot talking --------------------------------------------------------------------


class TypedInto(Prompter):
    """Remembers what it types, where there is no graph to type into."""

    def __init__(self) -> None:
        super().__init__()
        self.typed: list[str] = []

    def _type(self, text: str) -> None:
        self.typed.append(text)


def prompted(*records: dict, idle_s: float = QUIET_S + 0.1) -> list[str]:
    prompter = TypedInto()
    for record in records:
        prompter.take(record)
    prompter._since -= idle_s                          # so long ago
    prompter._asked -= 100.0
    prompter.prompt()
    prompter.prompt()                                  # and not twice at once
    return prompter.typed


def test_a_silent_robot_is_asked_for_the_story_once_and_a_busy_one_never() -> None:
    curtain = {'topic': 'meta'}
    idle = {'topic': 'agent_state', 'agent': 'idle', 'person': 'quiet'}
    assert len(prompted(curtain, idle)) == 1
    # nobody listens yet
    assert prompted(idle) == []
    assert prompted(curtain, idle, idle_s=0.1) == []
    assert prompted(curtain, {**idle, 'agent': 'speaking'}) == []
    assert prompted(curtain, {**idle, 'person': 'speaking'}) == []


# -- what is written ------------------------------------------------------------------------------


def test_items_are_written_as_table_and_picture_and_failures_are_explained(tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    fates = [
        Fate(Item('a.wav', 'question', 'Who?'), 'quiet', True, lower_ms=90.0, silence_ms=500.0,
             ended=True),
        Fate(Item('b.wav', 'nod', 'Yeah.'), 'noisy', True, ended=True, reason='barge_in',
             heard='Yeah yeah', why='"Yeah yeah" cuts in'),
        Fate(Item('c.wav', 'noise'), 'noisy', False, 'the robot was not speaking')
    ]
    bench_interrupts.write(tmp_path, fates)
    rows = list(csv.DictReader((tmp_path / 'items.csv').open(encoding='utf-8')))
    assert ([row['right'] for row in rows] == ['True', 'False', 'False']
            and rows[0]['lower_ms'] == '90.0')
    assert json.loads((tmp_path / 'items.json').read_text())[1]['reason'] == 'barge_in'
    assert (tmp_path / 'items.png').stat().st_size > 5000
    said = '\n'.join(bench_interrupts.notes(fates, [], tmp_path))
    assert ('2 of 3 items went wrong' in said and '"Yeah yeah" cuts in' in said
            and 'was not speaking' in said)
    assert 'a.wav' not in said


# -- the real thing -------------------------------------------------------------------------------


@pytest.mark.skipif(not os.environ.get('OMNI_AGENT_LONG_TESTS'),
                    reason='a minute of real time: OMNI_AGENT_LONG_TESTS=1')
def test_three_items_through_the_real_graph(tmp_path: Path) -> None:
    pytest.importorskip('rclpy')
    for name, file in (('moonshine_tiny_en', 'encoder_model.ort'), ('demo_video', 'bikes.mp4')):
        need_model(name, file)
    labels = ['file,kind,text,onset_s,voice,half']
    for name, kind, text in (('q05', 'command', 'Please count from one to ten.'),
                             ('n01', 'nod', 'Mm-hm.'), ('i01', 'stop',
                                                        'Wait, stop talking please.')):
        sound = audio_files.read(ASSETS / 'bench' / f'{name}.flac')
        audio_files.write(tmp_path / f'{name}.wav', np.round(sound * 32767).astype(np.int16), RATE)
        labels.append(f'{name}.wav,{kind},"{text}",,anna,test')
    (tmp_path / 'labels.csv').write_text('\n'.join(labels) + '\n', encoding='utf-8')
    assert len(interrupt_sets.read(tmp_path)) == 3
    command = [
        sys.executable, '-m', 'omni_agent.cli.main', 'bench', 'interrupts', '--set',
        str(tmp_path), '--room', 'quiet', '--out',
        str(tmp_path / 'out'), '--json',
        str(tmp_path / 'figures.json')
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / 'figures.json').read_text(encoding='utf-8'))['figures']
    assert figures['interruptions'] == 2 and figures['nods'] == 1
    assert figures['recall'] == 1.0 and figures['lost_on_nod'] == 0.0, done.stdout
    assert figures['stale_samples'] == 0 and figures['lower_p50_ms'] < 1000
