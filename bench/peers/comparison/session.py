"""The only place that takes a peer through a set: reply, item, wait, verdict, next."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import AsyncContextManager, Callable, Iterator, Protocol, Sequence

import numpy as np

from . import PeerError, labels
from .ear import Ear, Verdict
from .figures import Record, percentile
from .labels import Label
from .microphone import Microphone
from .sound import RATE, first_sound, last_sound, load
from .voices import REPLY_S

TRANSCRIPT_AFTER_S = 0.25    # after the last sound of an item: a fast recogniser's final result
WATCH_S = 3.5                # after the last sound: livekit-agents needs up to 2.9 s to come back
REPLY_LIMIT_S = 10.0         # a peer that has not begun its reply by then never will
REST_S = 0.6                 # between two items


class Session(Protocol):
    """One running agent of a peer, with its own microphone and output."""

    microphone: Microphone
    ear: Ear

    async def start_reply(self) -> None: ...
    async def end_reply(self) -> None: ...
    async def transcribed(self, text: str) -> None: ...


@dataclass(frozen=True)
class Item:
    label: Label
    samples: np.ndarray     # int16 at RATE
    onset_s: float          # in the samples
    end_s: float            # of the last sound
    transcript: str         # '' where nothing is recognised


@dataclass(frozen=True)
class Peer:
    """What a comparison has to know of a peer; ``open`` gives one running session."""

    name: str
    packages: tuple[str, ...]
    rules: Callable[[], dict]
    lead_s: float                                  # of its own speech before the item
    open: Callable[[], AsyncContextManager[Session]]


def main(peer: Peer) -> None:
    """The command line that run.py calls; errors of the set end it with one line."""
    arguments = _arguments(peer)
    try:
        items = [_item(arguments.set, label, arguments.transcribe)
                 for label in labels.read(arguments.set, arguments.half, arguments.items)]
        outcome = asyncio.run(_run(peer, items, arguments))
    except PeerError as error:
        raise SystemExit(str(error)) from error
    arguments.json.write_text(json.dumps(outcome, indent=1) + '\n', encoding='utf-8')


def _arguments(peer: Peer) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f'{peer.name} alone; run.py calls this.')
    parser.add_argument('--set', type=Path, required=True)
    parser.add_argument('--json', type=Path, required=True)
    parser.add_argument('--items', type=int)
    parser.add_argument('--half')
    parser.add_argument('--transcribe', choices=labels.TRANSCRIBED, default='all')
    parser.add_argument('--sessions', type=int, default=1)
    return parser.parse_args()


def _item(folder: Path, label: Label, transcribe: str) -> Item:
    samples = load(folder / label.file)
    longest = REPLY_S - 10.0      # the reply must outlast lead, item and WATCH_S
    if samples.size > longest * RATE:
        raise PeerError(f'{folder / label.file} is longer than {longest:.0f} s; cut it.')
    onset = first_sound(samples) if label.onset_s is None else label.onset_s
    if onset * RATE >= samples.size:
        raise PeerError(f'{folder / label.file}: onset_s {onset} lies after its end.')
    return Item(label, samples, onset, last_sound(samples), label.transcript(transcribe))


async def _run(peer: Peer, items: Sequence[Item], arguments: argparse.Namespace) -> dict:
    sessions = min(arguments.sessions, len(items))
    records: list[Record | None] = [None] * len(items)
    queue = iter(enumerate(items))
    lateness: list[float] = []
    await asyncio.gather(*(_session(peer, queue, records, lateness) for _ in range(sessions)))
    return {'peer': peer.name, 'versions': versions(peer.packages), 'rules': peer.rules(),
            'sessions': sessions, 'lead_s': peer.lead_s,
            'transcribed': arguments.transcribe,
            'transcript_after_s': TRANSCRIPT_AFTER_S, 'watched_s': WATCH_S,
            'late_p95_ms': percentile([1000 * late for late in lateness], 95),
            'late_max_ms': round(1000 * max(lateness), 1), 'records': records}


def versions(packages: Sequence[str]) -> dict[str, str]:
    from importlib.metadata import version

    return {package: version(package) for package in packages}


async def _session(peer: Peer, queue: Iterator[tuple[int, Item]], records: list[Record | None],
                   lateness: list[float]) -> None:
    async with peer.open() as session:
        feeding = asyncio.create_task(session.microphone.run())
        for index, item in queue:
            verdict = await _play(session, item, peer.lead_s)
            lateness.extend(session.microphone.lateness)
            records[index] = {'file': item.label.file, 'kind': item.label.kind,
                              'half': item.label.half, 'onset_s': round(item.onset_s, 4),
                              **asdict(verdict)}
            done = sum(record is not None for record in records)
            print(f'progress {done} {len(records)}', flush=True)
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _play(session: Session, item: Item, lead_s: float) -> Verdict:
    session.ear.forget()
    await session.start_reply()
    await _until_speaking(session.ear)
    await asyncio.sleep(lead_s)
    session.microphone.lateness.clear()     # that of loading models is of no interest
    began = session.microphone.play(item.samples)
    end = began + item.end_s
    if item.transcript:
        await _sleep_until(end + TRANSCRIPT_AFTER_S)
        await session.transcribed(item.transcript)
    await _sleep_until(max(end + WATCH_S, began + item.samples.size / RATE))
    verdict = session.ear.judge(began + item.onset_s, end + WATCH_S)
    await session.end_reply()
    await asyncio.sleep(REST_S)
    return verdict


async def _until_speaking(ear: Ear) -> None:
    give_up = time.monotonic() + REPLY_LIMIT_S
    while not ear.sounding():
        if time.monotonic() > give_up:
            raise PeerError(f'no sound within {REPLY_LIMIT_S:.0f} s of asking for a reply')
        await asyncio.sleep(0.02)


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
