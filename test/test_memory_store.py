"""The memory's file: questions, budgets, forgetting to the last byte, sudden death, and what can
be wrong with it.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omni_agent.backends import memory_file, memory_forgetting
from omni_agent.backends.experience import Experience
from omni_agent.backends.long_memory import LongMemory
from omni_agent.backends.memory_scene import THUMBNAIL, thumbnail
from omni_agent.backends.memory_store import LARGEST_PICTURE, MemoryStore
from omni_agent.core.consolidation import MIB, Budget, Grouping
from omni_agent.core.errors import BackendError, ConfigError, WireError
from omni_agent.core.past import Episode, Forget, Kind, Moment
from omni_agent.core.past_time import Clock
from omni_agent.core.question import query

ROOT = Path(__file__).resolve().parents[1]
T = 1_790_000_000.0
SMALL = Budget(60, MIB // 4)
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'memory' / 'memory.db'


@pytest.fixture
def memory(path: Path) -> Iterator[LongMemory]:
    made = LongMemory(path, clock=lambda: T + 3600.0)
    yield made
    made.close()


def morning(memory: LongMemory) -> None:
    """A phone call in the kitchen, and Ben at the window ten minutes later."""
    memory.seen(T, 'a red cup and a laptop on the table', ('Anna',), 'kitchen')
    memory.said(T + 5, 'Anna', 'I put the keys in the blue drawer.')
    memory.heard(T + 20, 'the phone rings')
    memory.said(T + 25, 'Ben', 'The train to Hamburg leaves at nine.')
    memory.cut(T + 40)
    memory.seen(T + 600, 'Ben at the window', ('Ben',), 'kitchen')
    memory.said(T + 605, 'Ben', 'My sister comes on Friday.')
    memory.flush()


def contents(path: Path) -> bytes:
    """All bytes of all files; by another process, because closing the file in this one would undo
    SQLite's locks.
    """
    files = sorted(str(file) for file in path.parent.iterdir())
    return subprocess.run(['cat', *files], stdout=subprocess.PIPE, check=True).stdout.lower()


# -- questions ------------------------------------------------------------------------------------

@pytest.mark.parametrize('text, line', [
    ('What was on the table when the phone rang?', 'a red cup and a laptop on the table'),
    ('What did you hear when Ben talked about the train?', 'the phone rings'),
    ('What did Ben say when the phone rang?', 'The train to Hamburg'),
    ('Where are my keys?', 'in the blue drawer'),
    ('What did Ben say ten minutes ago?', 'My sister comes'),
    ('When did you last see Ben?', 'About ten minutes ago you saw Ben at the window'),
    ('What did you see twenty minutes ago?', 'a red cup'),
    ('What happened after the phone rang?', 'The train to Hamburg')])
def test_a_question_is_answered_across_senses(memory: LongMemory, text: str, line: str) -> None:
    morning(memory)
    found = memory.ask(text, T + 1205)
    assert found is not None and line in found.lines[0], found


def test_what_came_into_view_long_before_is_still_there_unless_something_else_was_seen(
        memory: LongMemory) -> None:
    for tick in range(26):                   # one look in ten seconds at the same sight
        memory.seen(T + 10 * tick, 'a pear on the table')
    memory.heard(T + 251, 'the phone rings')
    memory.seen(T + 255, 'an apple on the table')
    memory.flush()
    found = memory.ask('What was on the table when the phone rang?', T + 600)
    assert 'a pear' in found.recalled.moments[0][0].text


def test_the_way_it_was_found_is_told(memory: LongMemory) -> None:
    morning(memory)
    route = memory.ask('What was on the table when the phone rang?', T + 1200).recalled.route
    assert ((route.store, route.by, route.kinds) == ('episodes', ('anchor', 'words', 'time'),
                                                     ('seen', )))
    assert str(route) == 'long-term episodes by anchor+words+time in seen'


def test_what_is_not_remembered_is_said_to_be_not_and_other_questions_are_left_alone(
        memory: LongMemory) -> None:
    morning(memory)
    nothing = memory.ask('What did Anna say about the piano?', T + 1200)
    assert nothing is not None and nothing.lines == () and 'nothing' in nothing.note()
    assert memory.ask('What is the capital of France?', T + 1200) is None
    assert memory.ask('Who was Napoleon?', T + 1200) is None


def test_an_empty_memory_remembers_nothing(memory: LongMemory) -> None:
    assert memory.ask('What did you see this morning?', T).lines == ()


def test_a_question_does_not_wait_for_whoever_writes(path: Path) -> None:
    store = MemoryStore(path)
    store.add(Episode(T, T + 5, (Moment(T, Kind.SAID, 'the keys are here', ('Anna',)),)))
    asked = query('What did Anna say about the keys?', Clock(T + 60, T), ('Anna',))
    with store.writing():                    # a transaction stays open meanwhile
        store.begin(T + 10, salience=0.5)
        store.append(Moment(T + 10, Kind.SAID, 'the keys are there', ('Anna',)))
        assert store.recall(asked).moments[0][0].text == 'the keys are here'
    assert (store.recall(asked).moments[0][0].text == 'the keys are there'
            and store.recall(asked).seconds < 1.0)
    store.close()


def test_without_fts5_the_answers_are_the_same(tmp_path: Path) -> None:
    log = Experience('development', 3).log(1200.0, T)
    found = []
    for name, full_text in (('fts', True), ('plain', False)):
        store = MemoryStore(tmp_path / name, full_text=full_text)
        with store.writing():
            for episode in log.episodes:
                store.add(episode)
        store.forget(Forget(start=T, end=T + 120))
        clock = Clock(log.end, T)
        found.append([
            store.recall(query(one.text, clock, store.search.people())).moments
            for one in log.asked
        ])
        store.close()
    assert found[0] == found[1] and any(found[0])


def test_an_embedding_finds_what_no_word_does(path: Path) -> None:
    directions = {'feline': 0, 'cat': 0, 'train': 1, 'car': 1}

    def embed(text: str) -> np.ndarray:
        vector = np.full(8, 0.01, np.float32)
        for word, place in directions.items():
            vector[place] += word in text.lower()
        return vector

    memory = LongMemory(path, embed=embed, clock=lambda: T + 200.0)
    memory.seen(T, 'a black cat')
    memory.cut(T + 5)
    memory.seen(T + 100, 'a fast car')
    memory.cut(T + 105)
    memory.flush()
    found = memory.ask('Did you see a feline?', T + 200)
    assert 'a black cat' in found.lines[0] and 'embedding' in found.recalled.route.by
    memory.close()
    again = LongMemory(path, embed=embed, clock=lambda: T + 200.0)    # from the file
    assert 'a black cat' in again.ask('Did you see a feline?', T + 200).lines[0]
    assert len(again.store.vectors) == 2
    again.forget(end=T + 50)
    assert (again.ask('Did you see a feline?', T + 200).lines == ()
            and len(again.store.vectors) == 1)
    again.close()


# -- what is written ------------------------------------------------------------------------------

def test_the_same_sight_again_only_lasts_longer(memory: LongMemory) -> None:
    for tick in range(100):
        memory.seen(T + tick / 10, 'an empty room')
    memory.flush()
    figures = memory.figures()
    assert (figures.store.moments, figures.store.episodes, figures.unchanged) == (1, 1, 99)
    episode = memory.ask('What did you see?', T + 60).recalled.episodes[0]
    assert (episode.start, episode.end) == (T, T + 9.9)


def test_a_keyframe_is_kept_as_a_thumbnail(memory: LongMemory) -> None:
    import cv2

    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    memory.seen(T, 'noise', image=image)
    memory.flush()
    picture = memory.ask('What did you see?', T + 60).recalled.episodes[0].picture
    shape = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape
    assert max(shape) == THUMBNAIL and shape[0] / shape[1] == pytest.approx(0.75, abs=0.02)


def test_a_full_queue_loses_its_oldest_and_counts_it(path: Path) -> None:
    memory = LongMemory(path)
    # the writer is held in a deletion, which needs all readers gone
    with memory.store.search.lock:
        waiting = threading.Thread(target=lambda: memory.forget('nobody'))
        waiting.start()
        while memory.figures().waiting:
            pass
        for number in range(5000):
            memory.said(T + number, 'person', f'number {number}')
        assert (memory.figures().waiting, memory.figures().dropped) == (4096, 904)
    waiting.join()
    memory.flush()
    assert memory.figures().store.moments == 4096
    memory.close()


def test_a_day_with_a_summary_written_by_somebody_else_has_their_words(path: Path) -> None:
    store = MemoryStore(path)
    for number in range(3):
        store.add(
            Episode(T + 40 * number, T + 40 * number + 30,
                    (Moment(T + 40 * number, Kind.SAID, f'we planned part {number} of the voyage',
                            ('Anna', )), ), people=('Anna', )))
    assert store.consolidate(T + 9999,
                             lambda lines: f'Anna planned an expedition in {len(lines)} lines.')
    found = store.recall(query('What happened about the expedition?', Clock(T + 9999, T)))
    assert found.route.store == 'summaries' and 'expedition' in found.moments[0][0].text
    assert not store.consolidate(T + 9999)
    store.close()


def test_a_slow_writer_of_summaries_holds_nothing_up_and_tells_nothing_that_was_forgotten(
        path: Path) -> None:
    asked, go = threading.Event(), threading.Event()

    def write(lines: object) -> str:
        asked.set()
        assert go.wait(30)
        return 'somebody told of the eggplant'

    memory = LongMemory(path, write=write, clock=lambda: T + 9999.0)
    memory.said(T, 'Anna', 'I bought an eggplant.')
    memory.cut(T + 10)
    memory.flush()
    assert asked.wait(30)                    # the summary is being written
    memory.said(T + 9990, 'Ben', 'Nobody waits.')
    memory.flush()
    assert memory.ask('What did Ben say?', T + 9999).lines
    assert memory.forget('Anna') == 1
    go.set()
    while memory.tidy():
        pass
    assert b'eggplant' not in contents(path)
    memory.close()


# -- budgets --------------------------------------------------------------------------------------

def recount(store: MemoryStore) -> tuple[int, int]:
    one = lambda sql: store.db.execute(sql).fetchone()[0]     # noqa: E731
    return (one('SELECT count(*) FROM moment') + one('SELECT count(*) FROM episode'),
            one('SELECT coalesce(sum(bytes), 0) FROM episode'))


WORDS = st.sampled_from('keys train piano table Anna said nothing at all about it'.split())
MOMENTS = st.lists(
    st.tuples(st.sampled_from((Kind.SAID, Kind.SEEN, Kind.HEARD)), st.lists(WORDS, max_size=30),
              st.sampled_from(('Anna', 'Ben', ''))), min_size=1, max_size=40)
EPISODES = st.lists(
    st.tuples(MOMENTS, st.sampled_from((0, 500, 5000, 60000)), st.floats(0, 1), st.booleans(),
              st.floats(0, 400)), max_size=14)


@QUICK
@given(EPISODES)
def test_the_budget_is_never_exceeded_whatever_comes(life: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, t = MemoryStore(Path(folder) / 'm.db', SMALL), T
        for lines, picture, salience, tidy, gap in life:
            moments = tuple(Moment(t + place, kind, ' '.join(words), tuple(filter(None, (who,))))
                            for place, (kind, words, who) in enumerate(lines))
            store.add(
                Episode(t, t + len(lines), moments, 'hall', ('Anna', ), salience, b'j' * picture,
                        np.ones(64, np.float32)))
            if tidy:
                store.consolidate(t + 2000.0)
            figures = store.figures()
            assert figures.items <= SMALL.items and figures.bytes <= SMALL.bytes
            assert recount(store) == (figures.items, figures.bytes)
            assert (store.db.execute(
                'SELECT count(*) FROM moment WHERE episode NOT IN (SELECT id FROM episode)').
                    fetchone()[0] == 0)
            t += len(lines) + gap
        # free pages go at rest
        assert os.path.getsize(store.file.path) <= SMALL.bytes + LARGEST_PICTURE
        store.close()


def test_an_episode_that_never_ends_cannot_outgrow_the_budget(path: Path) -> None:
    store = MemoryStore(path, SMALL)
    store.begin(T)
    for number in range(200):
        store.append(Moment(T + number, Kind.SAID, f'line {number}', ('Anna',)))
        assert store.figures().items <= SMALL.items
    found = store.recall(query('What was the last thing Anna said?', Clock(T + 300, T), ('Anna',)))
    assert found.moments[0][0].text == 'line 199'
    store.close()


def test_what_stood_out_lives_on_in_summaries_when_there_is_no_more_room(path: Path) -> None:
    log = Experience('development', 1).log(3600.0, T)
    store = MemoryStore(path, Budget(300, 8 * MIB), Grouping())
    for episode in log.episodes:
        store.add(episode)
    figures = store.figures()
    assert figures.items <= 300 < sum(len(one.moments) + 1 for one in log.episodes)
    assert figures.evicted and figures.summaries
    old = [one for one in log.asked if one.way in ('about', 'where') and one.t < log.begin + 1800]
    clock = Clock(log.end, log.begin)
    found = [store.recall(query(one.text, clock, store.search.people())) for one in old]
    right = [
        bool(one.moments) and one.moments[0][0].text == asked.answer
        for one, asked in zip(found, old)
    ]
    assert sum(right) >= 0.6 * len(right) > 2
    assert any(one.route.store == 'summaries' for one in found)
    store.close()


def test_a_smaller_budget_holds_from_the_start(path: Path) -> None:
    store = MemoryStore(path)
    for episode in Experience('development', 1).log(900.0, T).episodes:
        store.add(episode)
    assert store.figures().items > SMALL.items
    store.close()
    again = MemoryStore(path, SMALL)
    assert again.figures().items <= SMALL.items
    again.close()


# -- forgetting -----------------------------------------------------------------------------------


def test_forgetting_a_person_leaves_no_byte_of_name_words_or_picture(memory: LongMemory,
                                                                     path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    memory.seen(T - 100, 'Zebulon at the door', ('Zebulon',), image=image)
    memory.said(T - 95, 'Zebulon', 'My password is xylophone quartz.')
    memory.said(T - 90, 'Anna', 'Hello Zebulon, nice marzipan.')
    memory.said(T - 85, 'Anna', 'Zebulonia is a country.')
    memory.cut(T - 60)
    morning(memory)
    assert b'xylophone' in contents(path) and b'zebulon' in contents(path)
    jpeg = memory.ask('What did Zebulon say?', T).recalled.episodes[0].picture
    assert jpeg[200:260].lower() in contents(path)
    assert memory.forget('zebulon') == 3
    left = contents(path)
    for word in (b'xylophone', b'quartz', b'marzipan', jpeg[200:260].lower()):
        assert word not in left
    assert left.count(b'zebulon') == left.count(b'zebulonia')
    assert memory.ask('What did Zebulon say?', T) is None
    assert 'red cup' in memory.ask('What was on the table when the phone rang?', T + 60).lines[0]
    assert 'Zebulonia' in memory.ask('What did Anna say about Zebulonia?', T + 60).lines[0]


def test_forgetting_a_period_leaves_the_rest(memory: LongMemory, path: Path) -> None:
    morning(memory)
    assert memory.forget(start=T + 4, end=T + 30) == 3
    left = contents(path)
    assert (b'hamburg' not in left and b'drawer' not in left and b'phone' not in left
            and b'sister' in left)
    assert memory.ask('What did Ben say about the train?', T + 1200).lines == ()
    assert memory.ask('What did you see twenty minutes ago?', T + 1200).lines


def test_forgetting_everything_reaches_summaries_the_queue_and_damaged_copies(path: Path) -> None:
    path.parent.mkdir()
    Path(f'{path}.damaged-20260101-000000').write_bytes(b'the old secret is aubergine')
    memory = LongMemory(path, clock=lambda: T + 99999.0)
    morning(memory)
    while memory.tidy():
        pass
    assert memory.figures().store.summaries or memory.tidy() is False
    memory.said(T + 700, 'Ben', 'still in the queue: kumquat')
    assert memory.forget() >= 6
    left = contents(path)
    for word in (b'aubergine', b'kumquat', b'hamburg', b'laptop', b'anna', b'window'):
        assert word not in left
    figures = memory.figures().store
    assert (figures.items, figures.bytes) == (0, 0)
    morning(memory)                          # and it goes on
    assert memory.ask('Where are my keys?', T + 60).lines
    memory.close()


@pytest.mark.parametrize('person, start, end, why', [
    (' ', None, None, 'is no name'), ('?!', None, None, 'is no name'),
    ('', T + 30, T + 4, 'before it begins'), ('Anna', float('nan'), None, 'before it begins')])
def test_what_may_have_meant_something_else_deletes_nothing_and_says_why(
        memory: LongMemory, person: str, start: float | None, end: float | None,
        why: str) -> None:
    morning(memory)
    before = memory.figures().store.moments
    with pytest.raises(WireError, match=why):
        memory.forget(person, start, end)
    memory.flush()
    assert memory.figures().store.moments == before and 'Anna' in memory.people()
    assert memory.forget(' Anna. ') > 0 and 'Anna' not in memory.people()


NONCES = tuple(''.join(random.Random(number).choices('bcdfghjklmnpqrstvwz', k=9))
               for number in range(40))


@QUICK
@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.sampled_from(('Anna', 'Ben', 'Clara')),
                  st.floats(0.0, 600.0)), min_size=1, max_size=20),
    st.sampled_from(('Anna', 'Ben', '')), st.floats(0, 5000), st.floats(0, 5000), st.booleans(),
    st.booleans())
def test_what_is_forgotten_is_neither_recalled_nor_in_any_file(said: list[tuple[int, str, float]],
                                                               person: str, one: float,
                                                               other: float, tidy: bool,
                                                               full_text: bool) -> None:
    what = Forget(person, T + min(one, other), T + max(one, other))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'm.db'
        store, t, lines = MemoryStore(path, full_text=full_text), T, []
        for number, who, gap in said:
            t += gap
            lines.append((t, who, NONCES[number]))
            store.add(
                Episode(t, t + 5, (Moment(t, Kind.SAID, f'remember {NONCES[number]}', (who, )), ),
                        people=(who, )))
        if tidy:
            store.consolidate(t + 9999.0,
                              lambda moments: ' '.join(moment.text for moment in moments))
        gone = {
            nonce
            for at, who, nonce in lines if person in ('', who) and what.start <= at <= what.end
        }
        left = {
            nonce
            for at, who, nonce in lines
            if not (person in ('', who) and what.start <= at <= what.end)
        }
        store.forget(what)
        clock = Clock(t + 9999.0, T)
        for nonce in gone | left:
            found = store.recall(query(f'Do you remember what I said about {nonce}?', clock))
            assert (any(nonce in moment.text for group in found.moments
                        for moment in group) == (nonce in left))
        bytes_left = contents(path)
        assert not [nonce for nonce in gone - left if nonce.encode() in bytes_left]
        assert recount(store) == (store.figures().items, store.figures().bytes)
        store.close()


def test_a_death_while_forgetting_is_made_good_at_the_next_start(path: Path) -> None:
    store = MemoryStore(path)
    with store.writing():
        store.add(Episode(T, T + 5, (Moment(T, Kind.SAID, 'the codeword is rhubarb', ('Anna',)),)))
        store.add(Episode(T + 60, T + 65, (Moment(T + 60, Kind.SAID, 'good evening', ('Ben',)),)))
    # the first half of forgetting, as in memory_forgetting
    with store.writing():
        store.run('INSERT INTO unswept VALUES (0)')
        memory_forgetting._erase(store, Forget('Anna'),
                                 memory_forgetting._moments(store, Forget('Anna')))
    assert b'rhubarb' in contents(path)
    store.close()
    again = MemoryStore(path)
    assert b'rhubarb' not in contents(path) and again.figures().moments == 1
    again.close()


# -- sudden death ---------------------------------------------------------------------------------

CHILD = '''
import sys, time
from pathlib import Path
from omni_agent.backends.long_memory import LongMemory
memory, number = LongMemory(Path(sys.argv[1])), int(sys.argv[2])
while True:
    memory.said(time.time(), 'person', f'number n{number}n of many')
    print(number, time.monotonic(), flush=True)
    number += 1
    time.sleep(0.004)
'''


def test_a_kill_costs_the_last_second_at_most_again_and_again(path: Path) -> None:
    path.parent.mkdir()
    number, dice = 0, random.Random(7)
    for _ in range(3):
        child = subprocess.Popen([sys.executable, '-c', CHILD,
                                  str(path), str(number)], stdout=subprocess.PIPE, text=True, env={
                                      **os.environ, 'PYTHONPATH': str(ROOT)
                                  })
        lines = [child.stdout.readline()]
        until = time.monotonic() + dice.uniform(0.7, 1.3)
        while time.monotonic() < until:
            lines.append(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        lines += child.stdout.read().splitlines()
        child.wait()
        told = [(int(line.split()[0]), float(line.split()[1])) for line in lines
                if len(line.split()) == 2]
        store = MemoryStore(path)
        assert store.file.notice == ''
        kept = {int(text.split('n')[2]) for text, in store.db.execute("SELECT text FROM moment")}
        assert {which for which, at in told if at < killed - 1.0} <= kept
        assert store.db.execute('PRAGMA integrity_check').fetchone()[0] == 'ok'
        assert recount(store) == (store.figures().items, store.figures().bytes)
        newest = max(told)[0]
        found = store.recall(query('What was the last thing I said?', Clock(time.time(), 0.0)))
        assert found.moments and number <= max(kept) <= newest
        store.close()
        number = newest + 1


# -- what can be wrong with a file ----------------------------------------------------------------

def filled(path: Path) -> None:
    store = MemoryStore(path)
    for number in range(60):
        store.add(
            Episode(T + number, T + number, (Moment(T + number, Kind.SAID, f'line {number} ' * 20,
                                                    ('Anna', )), )))
    store.close()


@pytest.mark.parametrize('how', ['garbage', 'cut short', 'a page of zeros', 'noise in the middle'])
def test_a_damaged_file_is_set_aside_with_a_sentence_and_a_new_one_begun(path: Path,
                                                                         how: str) -> None:
    filled(path)
    whole = path.read_bytes()
    noise = random.Random(1).randbytes(8192)
    path.write_bytes({'garbage': noise, 'cut short': whole[:len(whole) // 2], 'a page of zeros':
                      whole[:4096] + bytes(4096) + whole[8192:], 'noise in the middle':
                      whole[:16384] + noise + whole[24576:]}[how])
    memory = LongMemory(path)
    assert ('damaged' in memory.notice and str(path) in memory.notice
            and 'a new one was begun' in memory.notice)
    assert len(list(path.parent.glob('*.damaged-*'))) >= 1
    morning(memory)
    assert memory.ask('Where are my keys?', T + 60).lines
    memory.close()
    again = LongMemory(path)
    assert again.notice == '' and again.ask('Where are my keys?', T + 60).lines
    again.close()


def test_nobody_else_can_read_it(memory: LongMemory, path: Path) -> None:
    morning(memory)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600} and {'memory.db', 'memory.db-wal'} <= set(modes)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    filled(path)
    path.chmod(0o644)
    LongMemory(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_newer_format_is_refused_and_left_as_it_is(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute(f'PRAGMA user_version = {memory_file.VERSION + 1}')
    db.close()
    with pytest.raises(ConfigError, match='newer omni_agent.*update'):
        LongMemory(path)
    with sqlite3.connect(path) as db:
        assert db.execute('SELECT count(*) FROM moment').fetchone()[0] == 60
    db.close()


def test_a_format_from_before_the_first_is_refused(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute('PRAGMA user_version = 0')
    db.close()
    with pytest.raises(ConfigError, match='format 0, which nothing can read'):
        LongMemory(path)


def test_a_closed_memory_says_so(path: Path) -> None:
    memory = LongMemory(path)
    memory.close()
    with pytest.raises(BackendError):
        memory.ask('What did you see?', T)
    with pytest.raises(BackendError, match='closed'):
        memory.forget()


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute('CREATE TABLE bookmarks (url TEXT)')
    db.close()
    with pytest.raises(ConfigError, match='another program'):
        LongMemory(path)


def test_a_second_owner_is_refused(memory: LongMemory, path: Path) -> None:
    with pytest.raises(ConfigError, match='in use by another process'):
        LongMemory(path)


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('x')
    for place in (tmp_path / 'file' / 'memory.db', Path('/proc/omni_agent/memory.db')):
        with pytest.raises(ConfigError, match='cannot be written .*: make the folder .* writable'):
            LongMemory(place)
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(ConfigError, match='make the folder .* writable'):
            LongMemory(tmp_path / 'memory.db')


FULL = '''
import resource, sys
from pathlib import Path
from omni_agent.backends.long_memory import LongMemory
memory = LongMemory(Path(sys.argv[1]))
memory.said(1.0, 'Anna', 'before the disk was full'); memory.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (200000, resource.RLIM_INFINITY))
for number in range(3000):
    memory.said(2.0 + number, 'Anna', f'sentence number {number} ' * 8)
memory.flush()
full = memory.figures()
assert full.failed and 'cannot grow' in full.trouble and 'make room' in full.trouble, full
assert memory.ask('What did Anna say about the disk?', 9999.0).lines
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
memory.said(6000.0, 'Anna', 'after somebody made room'); memory.flush()
assert memory.figures().trouble == '' and memory.ask('What did Anna say about room?', 9999.0).lines
memory.close()
print('survived')
'''


def test_a_full_disk_is_told_and_survived(path: Path) -> None:
    done = subprocess.run([sys.executable, '-c', FULL, str(path)], text=True, capture_output=True,
                          env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.stdout == 'survived\n', done.stderr


def test_a_picture_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(BackendError):
        thumbnail(np.zeros((4, 4, 7), np.uint8))
