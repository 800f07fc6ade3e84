"""The rooms that a set of interruptions is played in: who stands where, how loud, and the real
graph among them.
"""

from __future__ import annotations

import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import yaml

from omni_agent import graph
from omni_agent.backends.interrupt_sets import Recorded
from omni_agent.backends.story_server import StoryServer
from omni_agent.cli import record, report
from omni_agent.cli.bench_play import Bar
from omni_agent.cli.child import Program
from omni_agent.cli.prompter import Prompter
from omni_agent.cli.stage import Stage
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.heard_error import HeardError, heard_errors
from omni_agent.core.interrupt_figures import Fate, Judge

# pink noise [dBFS]; people speak at -24, so 13 dB over the noise
ROOMS = {'quiet': -60.0, 'noisy': -37.0}
SPEAKING_S = (2.0, 3.0)       # into the reply; late enough that what came before has been decided
# level [dBFS] and distance [m]; else as to a robot
LOUDNESS = {'noise': (-24.0, 1.0), 'side_talk': (-32.0, 2.5)}
PERSON = (-24.0, 1.0)
ON_AIR = ('television', 'music', 'vacuum')    # what stands in another corner of the room
FAR = (-34.0, 3.0)
WITHIN_S = 40.0
BAG = 'bag'


@dataclass(frozen=True)
class Run:
    """One room with its items, and what came of them."""

    fates: list[Fate]
    stale_samples: int
    lowered_by_nothing: int      # times
    heard: list[HeardError]      # of every reply that was cut off
    complete: bool


def share_of(recorded: Sequence[Recorded], index: int, rooms: int) -> list[Recorded]:
    """Every other item of each kind and half, so that all rooms hear some of everything."""
    seen: dict[tuple[str, str], int] = {}
    chosen = []
    for one in recorded:
        key = one.item.kind, one.item.half
        seen[key] = seen.get(key, -1) + 1
        if (seen[key] + zlib.crc32(' '.join(key).encode())) % rooms == index:
            chosen.append(one)
    return chosen


def play(room: str, recorded: Sequence[Recorded], out: Path, settings: Sequence[str],
         profile: str, bag: bool = False) -> Run:
    """Every item, in order; an interrupt (Ctrl-C) keeps what was measured by then. ``bag``: the
    graph is recorded into ``out``/bag.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / 'interrupts.yaml'
    path.write_text(yaml.safe_dump(scenario(room, recorded), sort_keys=False), encoding='utf-8')
    complete = True
    with StoryServer() as url, open(out / 'nodes.log', 'w', encoding='utf-8') as log, \
            Bar(f'interrupts, {room} room', len(recorded)) as bar:
        prompter = Prompter()

        def take(record: dict) -> None:
            bar.feed(record)
            prompter.take(record)

        stage = Stage(str(path), out, take,
                      lambda node, line: print(f'{node}: {line}', file=log, flush=True),
                      _overrides(url, settings), profile,
                      beside=[_recorder(out / BAG)] if bag else [])
        try:
            with closing(stage.play()) as acts:
                for _ in acts:
                    prompter.prompt()
        except KeyboardInterrupt:
            complete = False
        finally:
            prompter.close()
    unclean = {node: code for node, code in stage.codes.items() if code}
    if unclean and complete:
        raise BackendError(f'nodes that did not end cleanly: {unclean}; see {out / "nodes.log"}')
    return judged(out, room, recorded, complete)


def _recorder(folder: Path) -> Program:
    """Raises ConfigError where there is a recording."""
    if folder.exists():
        raise ConfigError(f'{folder} is there already: name another folder with --out')
    return Program(record.NODE, record.MODULE, (
        '--ros-args', '-p', f'folder:={folder.absolute()}', '-p', 'announce:=false'))


def judged(out: Path, room: str, recorded: Sequence[Recorded], complete: bool = True) -> Run:
    """Raises WireError if the run ended before its first sample."""
    recording, tracks = report.load(out)
    judge = Judge(recording, tracks, room)
    fates = judge.fates({index: one.item for index, one in enumerate(recorded)},
                        {index: one.late_s for index, one in enumerate(recorded)})
    return Run(fates, judge.stale_samples, judge.lowered_by_nothing,
               heard_errors(recording, tracks), complete)


def _overrides(url: str, settings: Sequence[str]) -> dict:
    overrides: dict = {'reaction': {'llm': url, 'max_tokens': 4096, 'max_sentences': 100}}
    for node, parameter, value in map(graph.setting, settings):
        overrides.setdefault(node, {})[parameter] = value
    return overrides


def scenario(room: str, recorded: Sequence[Recorded]) -> dict:
    """Each item at its moment of a reply; who it is says how loud and how far away."""
    people, lines = {}, []
    for index, one in enumerate(recorded):
        level, distance = _place(one)
        who = f'{one.item.kind} at {distance:g} m, {level:g} dBFS'
        people[who] = {'voice': 'flite:slt', 'level_dbfs': level, 'distance_m': distance}
        low, high = SPEAKING_S
        moment = low + (high - low) * (zlib.crc32(one.item.file.encode()) % 997) / 996
        lines.append({
            'name': f'{index:03d} {one.item.file}',
            'who': who,
            'text': one.item.text or f'({one.item.voice})',
            'sound': str(one.path),
            'robot_speaking_s': round(moment, 3),
            'within_s': WITHIN_S,
            'expect': 'none'
        })
    return {
        'version': 1,
        'name': f'interrupts, {room} room',
        'duration_s': min(3600, 60 + 30 * len(lines)),
        'tail_s': 3,
        'room': {
            'echo_db': -18,
            'rt60_s': 0.35,
            'delay_ms': 40,
            'noise_dbfs': ROOMS[room],
            'seed': 1
        },
        'camera': {
            'video': 'demo_video/bikes.mp4'
        },
        'people': people,
        'lines': lines
    }


def _place(one: Recorded) -> tuple[float, float]:
    name = Path(one.item.file).stem
    return FAR if name.startswith(ON_AIR) else LOUDNESS.get(one.item.kind, PERSON)
