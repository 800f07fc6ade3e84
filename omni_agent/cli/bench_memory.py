"""How long a question to the memory takes after a minute, an hour and a day, whether it is
answered right, and whether writing goes on meanwhile. No ROS, no model: the memory itself, with
generated experience.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable, Iterator, Sequence

import numpy as np

from omni_agent.backends.experience import VECTOR, Asked, Experience, Log, looks
from omni_agent.backends.experience_words import HALVES
from omni_agent.backends.long_memory import LongMemory
from omni_agent.cli import memory_picture
from omni_agent.cli.bench import Result
from omni_agent.cli.memory_picture import Fill
from omni_agent.core.consolidation import Budget, Grouping
from omni_agent.core.errors import ConfigError
from omni_agent.core.events import Remember, Role
from omni_agent.core.memory import Memory
from omni_agent.core.past import ROBOT, Kind, Moment
from omni_agent.core.question import Query
from omni_agent.core.terms import content, terms

NEEDS_ROS = False
TARGETS = {
    'query_p99_ms_24h': ('<=', 50),
    'recall_at_1': ('>=', 0.9),
    'minute2_answered': ('==', 1),
    'writer_max_gap_periods': ('<=', 2),
    'budget_held': ('==', 1)
}
BEGIN = 1_790_000_000.0          # some Monday; the generator's clock is not this machine's
SPANS = {'1min': 60.0, '10min': 600.0, '1h': 3600.0, '24h': 86400.0}
QUESTIONS = 300                  # timed at each length
SEEDS, LOG_S = 3, 3 * 3600.0     # of the scripted logs
STREAM_S = 1800.0
FILL_EVERY = 100                 # looks of the stream, 10 s of it
Track = Callable[..., Iterable]       # of a progress bar
PERIOD_S = 0.1                   # of the writer that must not be held up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--hours', type=float, default=24.0,
                        help='longest experience (default: 24)')
    parser.add_argument('--questions', type=int, default=QUESTIONS,
                        help='timed at each length (default: '
                        f'{QUESTIONS})')
    parser.add_argument('--logs', type=int, default=SEEDS,
                        help=f'scripted logs of three hours (default: {SEEDS})')
    parser.add_argument(
        '--speed', type=float, default=60.0,
        help='how much faster than life the 30-minute stream is '
        'played (default: 60)')
    parser.add_argument(
        '--half', choices=tuple(HALVES), default='test',
        help='of the scripted log; weights are chosen '
        'on the development half only')


def measure(arguments: argparse.Namespace) -> Result:
    if min(arguments.speed, arguments.hours, arguments.questions, arguments.logs) <= 0:
        raise ConfigError('--speed, --hours, --questions and --logs must be above 0')
    from rich.progress import Progress

    arguments.out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix='memory-', dir=arguments.out))
    figures: dict[str, float | None] = {}
    rows: list[Answer] = []
    try:
        with Progress() as progress:
            for name, seconds in _spans(arguments.hours):
                figures.update(timed(work, name, seconds, arguments.questions, progress.track))
            figures.update(recalled(work, arguments.half, arguments.logs, rows, progress.track))
            fills: list[Fill] = []
            told, found = streamed(work, arguments.half, arguments.speed, progress.track, fills)
            figures.update(found)
    finally:
        shutil.rmtree(work)
    _write(arguments.out / 'answers.csv', rows)
    memory_picture.draw(arguments.out / 'memory.png', fills, int(figures['stream_budget_items']),
                        Budget().bytes)
    notes = (
        told, f'every answer of the scripted logs: {arguments.out / "answers.csv"}',
        f'how full it was during the half hour: {arguments.out / "memory.png"}',
        f'recall on the {arguments.half} half, by words, time and person: no embedding model was '
        'used'
    )
    return Result('memory', figures, TARGETS, notes,
                  {'answers': [[row.way, row.question, row.right, row.route] for row in rows]})


def _spans(hours: float) -> list[tuple[str, float]]:
    return [(name, seconds) for name, seconds in SPANS.items()
            if seconds <= hours * 3600.0 or name == '1min']


# -- how long it takes ----------------------------------------------------------------------------


def timed(work: Path, name: str, seconds: float, count: int,
          track: Track) -> dict[str, float | None]:
    """Questions of every kind, each with an embedding, while a thread writes at 10 Hz and the
    memory tidies up.
    """
    log = Experience('development', 100, pictures=True).log(seconds, BEGIN)
    clock = [log.end]
    memory = LongMemory(work / f'{name}.db', embed=hashed, clock=lambda: clock[0])
    try:
        began = time.perf_counter()
        for episode in track(log.episodes, description=f'{name} of experience'):
            while memory.figures().waiting > 500:
                time.sleep(0.005)
            memory.episode(episode)
        memory.flush()
        filled_s = time.perf_counter() - began
        while memory.tidy():                 # as it would have been by then, in life
            pass
        tidied_s = time.perf_counter() - began - filled_s
        took = []
        with writing(memory, log.end, 1.0) as writer:
            for asked in track(_questions(log, count), description=f'{name}: questions'):
                start = time.perf_counter()
                memory.ask(asked, log.end + 60.0)
                took.append(1000.0 * (time.perf_counter() - start))
                time.sleep(0.01)
        memory.flush()
        figures = memory.figures().store
        found = {
            f'query_p50_ms_{name}': float(np.percentile(took, 50)),
            f'query_p99_ms_{name}': float(np.percentile(took, 99)),
            f'query_max_ms_{name}': max(took),
            f'size_mb_{name}': figures.file_bytes / 1e6,
            f'accounted_mb_{name}': figures.bytes / 1e6,
            f'items_{name}': float(figures.items)
        }
        if name == '24h':
            found.update({
                'summaries_24h': float(figures.summaries),
                'evicted_24h': float(figures.evicted),
                'fill_24h_s': filled_s,
                'tidy_24h_s': tidied_s,
                'questions_timed': float(len(took)),
                'query_writer_max_gap_periods': writer.worst / PERIOD_S
            })
        return found
    finally:
        memory.close()


def hashed(text: str) -> np.ndarray:
    """Every word a random direction: not understanding, but what an embedding costs to compare."""
    total = np.zeros(VECTOR, np.float32)
    for term in terms(text) or ['']:
        total += np.random.default_rng(
            sum(ord(char) * 31**index
                for index, char in enumerate(term))).normal(size=VECTOR).astype(np.float32)
    return total


def _questions(log: Log, count: int) -> list[str]:
    """What the log has facts for, with frequent words and wide spans among them."""
    wide = [
        'What did you see this morning?', 'What did Anna say?', 'When did you last see Ben?',
        'What did you hear?', 'Was there a red cup on the table?',
        'What happened at the beginning?', 'What did Ben say about the table?',
        'What did you see when a door closed?', 'Where did I put the blue book?',
        'What did Clara say yesterday?', 'What was on the table an hour ago?',
        'What did I say five minutes ago?'
    ]
    texts = [asked.text for asked in log.asked] + wide
    return [texts[index * 7919 % len(texts)] for index in range(count)]


# -- whether it is right --------------------------------------------------------------------------

@dataclass(frozen=True)
class Answer:
    way: str
    question: str
    right: bool
    right_sense: bool
    plain: bool              # found by its words alone, in one pile of everything
    route: str
    got: str


def recalled(work: Path, half: str, logs: int, rows: list[Answer],
             track: Track) -> dict[str, float | None]:
    """Scripted logs: with room for all, and in a third of it, where most only lives on in
    summaries.
    """
    found: dict[str, float | None] = {}
    tight: list[Answer] = []
    false = asked = 0
    for seed in track(range(logs), description='scripted logs'):
        log = Experience(half, seed).log(LOG_S, BEGIN)
        with filled(work / f'log{seed}.db', log, Budget()) as (memory, places):
            rows += [_answer(memory, places, log, one) for one in log.asked]
            others = HALVES[half].others
            asked += len(others)
            false += sum(memory.ask(text, log.end) is not None for text in others)
        moments = sum(len(episode.moments) for episode in log.episodes)
        with filled(work / f'tight{seed}.db', log,
                    Budget(items=max(50, moments // 3))) as (memory, places):
            tight += [_answer(memory, places, log, one) for one in log.asked]
    found['recall_at_1'] = _share([row.right for row in rows])
    found['recall_at_1_words_only'] = _share([row.plain for row in rows])
    found['cross_modal_recall_at_1'] = _share(
        [row.right for row in rows if row.way.endswith('_when')])
    found['routing_accuracy'] = _share([row.right_sense for row in rows])
    found['recall_at_1_third_of_room'] = _share([row.right for row in tight])
    found['answered_from_summaries'] = _share(['summaries' in row.route for row in tight])
    found['false_queries'] = false / asked
    found['asked'] = float(len(rows))
    for way in sorted({row.way for row in rows}):
        found[f'recall_at_1_{way}'] = _share([row.right for row in rows if row.way == way])
    return found


@contextmanager
def filled(path: Path, log: Log, budget: Budget) -> Iterator[tuple[LongMemory, dict[float, int]]]:
    """A memory with the whole log, tidied up as it came; and start of an episode -> its index."""
    clock = [log.begin]
    memory = LongMemory(path, budget, rules=Grouping(), clock=lambda: clock[0])
    try:
        for index, episode in enumerate(log.episodes):
            clock[0] = episode.end
            memory.episode(episode)
            if index % 8 == 7:
                memory.flush()
                while memory.tidy():
                    pass
        memory.flush()
        yield memory, {episode.start: index for index, episode in enumerate(log.episodes)}
    finally:
        memory.close()


def _answer(memory: LongMemory, places: dict[float, int], log: Log, asked: Asked) -> Answer:
    """Right: the best moment is of a true episode, also where only its summary is left."""
    found = memory.ask(asked.text, log.end)
    best = found.recalled.moments[0][0] if found and found.recalled.moments else None
    plain = memory.store.recall(Query(tuple(content(asked.text)), ())).moments
    return Answer(asked.way, asked.text, _place(best, places) in asked.truth,
                  best is not None and best.kind is asked.kind,
                  _place(plain[0][0] if plain else None, places) in asked.truth,
                  str(found.recalled.route) if found else '', best.text if best else '')


def _place(moment: Moment | None, places: dict[float, int]) -> int | None:
    """Index of the episode that it was in."""
    if moment is None:
        return None
    return max((place for start, place in places.items() if start <= moment.t + 1e-3),
               default=None)


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


# -- half an hour, and what was in its second minute ----------------------------------------------

@dataclass
class Pace:
    """Of a thread that wants to write every PERIOD_S."""

    worst: float = 0.0
    ticks: int = 0
    took: list[float] = field(default_factory=list)


@contextmanager
def writing(memory: LongMemory, t: float, speed: float) -> Iterator[Pace]:
    """Looks at 10 Hz of this machine's time, as the watcher gives them."""
    pace, over = Pace(), threading.Event()

    def run() -> None:
        began = last = time.monotonic()
        while not over.wait(max(0.0, began + pace.ticks * PERIOD_S - time.monotonic())):
            now = time.monotonic()
            pace.worst = max(pace.worst, now - last)
            last = now
            memory.seen(t + speed * (now - began),
                        f'a cup and {pace.ticks // 20 % 7} plates on the shelf')
            pace.took.append(time.monotonic() - now)
            pace.ticks += 1

    thread = threading.Thread(target=run, name='looks')
    thread.start()
    try:
        yield pace
    finally:
        over.set()
        thread.join()


def streamed(work: Path, half: str, speed: float, track: Track,
             fills: list[Fill]) -> tuple[str, dict[str, float | None]]:
    """A camera's and a microphone's half hour at 10 Hz, ``speed`` times as fast, into a memory
    that cannot hold it. ``fills`` gets how full it was.
    """
    log, asked = _with_minute_two(half)
    stream = [one for episode in log.episodes for one in looks(episode)]
    short = Memory()
    began = time.monotonic()
    clock = lambda: log.begin + speed * (time.monotonic() - began)     # noqa: E731
    memory = LongMemory(work / 'stream.db', Budget(items=len(stream) // 40), clock=clock)
    held, answers = True, []
    try:
        with writing(memory, log.begin, speed) as pace:
            for index, (t, moment) in enumerate(
                    track(stream, description=f'half an hour, {speed:g} times as fast')):
                ahead = (t - log.begin) / speed - (time.monotonic() - began)
                if ahead > 0.01:
                    time.sleep(ahead)
                _put(memory, short, moment)
                if index % FILL_EVERY == 0:
                    store = memory.figures().store
                    fills.append(Fill(t - log.begin, store.items, store.bytes))
                if index % 2000 == 1999:     # somebody asks in between
                    memory.ask('What did you see five minutes ago?', clock())
                    held &= _holds(memory)
            memory.flush()
            start = time.perf_counter()
            found = memory.ask(asked.text, log.end)
            answers.append(time.perf_counter() - start)
        forgotten = all(asked.answer not in line.text for line in short.turns)
        held &= _holds(memory)
        figures = memory.figures()
        good = bool(found and any(asked.answer in line for line in found.lines) and forgotten
                    and str(found.recalled.route).startswith('long-term'))
        told = (f'minute 2: {asked.text} {found.note()} [{found.recalled.route}]'
                if found else f'{asked.text} nothing')
        return told, {
            'minute2_answered': float(good),
            'minute2_query_ms': 1000.0 * answers[0],
            'minute2_from_summary': float(bool(found
                                               and found.recalled.route.store == 'summaries')),
            'stream_speed': speed,
            'stream_s': log.end - log.begin,
            'stream_looks': float(len(stream)),
            'stream_items': float(figures.store.items),
            'stream_budget_items': float(memory.store.budget.items),
            'stream_dropped': float(figures.dropped),
            'stream_evicted': float(figures.store.evicted),
            'writer_max_gap_periods': pace.worst / PERIOD_S,
            'writer_ticks': float(pace.ticks),
            'writer_call_p99_us': float(np.percentile(pace.took, 99)) * 1e6,
            'budget_held': float(held)
        }
    finally:
        memory.close()


def _with_minute_two(half: str) -> tuple[Log, Asked]:
    """The first seed with something said in the second minute that can be asked for by its
    words.
    """
    for seed in range(1000, 2000):
        log = Experience(half, seed).log(STREAM_S, BEGIN)
        for asked in log.asked:
            if asked.way in ('about', 'where') and 60.0 <= asked.t - log.begin < 120.0:
                return log, asked
    raise AssertionError('no log has a fact in its second minute')


def _put(memory: LongMemory, short: Memory, moment: Moment) -> None:
    if moment.kind is Kind.SEEN:
        memory.seen(moment.t, moment.text, moment.who)
    elif moment.kind is Kind.HEARD:
        memory.heard(moment.t, moment.text)
    else:
        memory.said(moment.t, moment.who[0], moment.text)
        short.add(Remember(Role.ROBOT if ROBOT in moment.who else Role.PERSON, moment.text))


def _holds(memory: LongMemory) -> bool:
    figures = memory.figures().store
    return (figures.items <= memory.store.budget.items
            and figures.bytes <= memory.store.budget.bytes)


def _write(path: Path, rows: Sequence[Answer]) -> None:
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(('way', 'question', 'right', 'right_sense', 'words_only', 'route', 'got'))
        writer.writerows(
            (row.way, row.question, row.right, row.right_sense, row.plain, row.route, row.got)
            for row in rows)
