"""The virtual room: a microphone and a loudspeaker at wall-clock pace, in separate processes.

The loudspeaker plays into the room's ring; the microphone hears the people of a scenario, the
noise of the room, and the loudspeaker through the room's impulse response.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from omni_agent.backends import BLOCK, RATE, Block
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.audio_files import to_int16
from omni_agent.backends.room_cast import Cast
from omni_agent.backends.room_records import RoomRecords
from omni_agent.backends.room_ring import RoomRing
from omni_agent.core.scenario import Scenario
from omni_agent.core.script import Missed, Over, Said, Script, ScriptEvent

LEAD = 1                 # [blocks] asked for ahead of time: 20 to 40 ms of loudspeaker latency
AUDIBLE_DBFS = -55.0     # of a block that can be heard in the room; a lowered voice still can


@dataclass(frozen=True)
class RoomCounters:
    """What the device of a room has done so far."""

    blocks: int = 0
    late_blocks: int = 0         # more than a block after their time; of a loudspeaker: not heard
    worst_late_s: float = 0.0
    aborts: int = 0


class RoomLoudspeaker:
    """Plays into the room. What ``fill`` writes is heard LEAD blocks later."""

    def __init__(self, room_dir: str | Path) -> None:
        self.ring = RoomRing(room_dir)
        self._stop = threading.Event()
        self._lock = threading.Lock()        # of the ring's future and of _aborts
        self._aborts = 0
        self._written = -1                   # newest block in the ring
        self._counters = RoomCounters()
        self._thread: threading.Thread | None = None

    def start(self, fill: Callable[[np.ndarray, float], None]) -> None:
        self._thread = threading.Thread(target=self._play, args=(fill,), name='room loudspeaker',
                                        daemon=True)
        self._thread.start()

    def _play(self, fill: Callable[[np.ndarray, float], None]) -> None:
        block = int(self.ring.now()) // BLOCK + LEAD + 1
        while not self._stop.wait(max(0.0, self.ring.seconds_until((block - LEAD) * BLOCK))):
            earliest = int(self.ring.now()) // BLOCK + 1
            late = max(0, earliest - block)      # after a stall: these were silence
            block += late
            self._fill_one(fill, block)
            self._count(late)
            block += 1

    def _fill_one(self, fill: Callable[[np.ndarray, float], None], block: int) -> None:
        """``fill`` runs unlocked, as it may take locks; an abort voids what it writes."""
        out = np.zeros(BLOCK, np.int16)
        aborts = self._aborts
        fill(out, self.ring.unix(block * BLOCK))
        with self._lock:
            if aborts == self._aborts:
                self.ring.write(block, out)
            self._written = block

    def _count(self, late: int) -> None:
        old = self._counters
        self._counters = RoomCounters(old.blocks + 1, old.late_blocks + late,
                                      max(old.worst_late_s, late * BLOCK / RATE), self._aborts)

    def abort(self) -> None:
        """What has not been heard yet never is; the next ``fill`` is played as usual."""
        with self._lock:
            self._aborts += 1
            self.ring.silence_from(int(self.ring.now()), self._written)

    def stop(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.abort()
        self.ring.close()

    def snapshot(self) -> RoomCounters:
        return self._counters


class RoomMicrophone:
    """Hears the people of a scenario, the noise of the room, and the loudspeaker.

    ``scenario_path`` is what the scenario's files are relative to. ``wait_for_curtain`` keeps the
    people silent until ``room_ring.raise_curtain(room_dir)`` is called, by whoever knows that the
    robot is ready. A microphone that comes back into the same room goes on with the next line.
    Raises ConfigError or BackendError when something in the scenario cannot be made to sound.
    """

    def __init__(self, scenario: Scenario, room_dir: str | Path,
                 scenario_path: str | Path = 'scenario.yaml',
                 wait_for_curtain: bool = False) -> None:
        self._scenario = scenario
        self._cast = Cast(scenario, Path(scenario_path))
        self._loops = [acoustics.pink_noise(scenario.room.noise_dbfs, scenario.room.seed),
                       *self._cast.background()]
        self._echo = acoustics.BlockConvolver(acoustics.echo_response(scenario.room))
        self._wait_for_curtain = wait_for_curtain
        self._script: Script | None = None
        self._voice = np.zeros(0, np.float32)        # what has been begun and is still to be heard
        self._counters = RoomCounters()
        self.ring = RoomRing(room_dir)
        self._records = RoomRecords(Path(room_dir), self.ring)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def over(self) -> bool:
        """Nobody in the room will say anything any more; it goes on sounding."""
        return self._records.over

    def start(self, on_block: Callable[[Block], None]) -> None:
        self._thread = threading.Thread(target=self._listen, args=(on_block,),
                                        name='room microphone', daemon=True)
        self._thread.start()

    def _listen(self, on_block: Callable[[Block], None]) -> None:
        """A block is given out when its last sample has sounded; after a stall, all due."""
        first = block = int(self.ring.now()) // BLOCK + 1
        while not self._stop.wait(max(0.0, self.ring.seconds_until((block + 1) * BLOCK))):
            self._count(-self.ring.seconds_until((block + 1) * BLOCK))
            samples = self._hear(block)
            on_block(Block((block - first) * BLOCK, self.ring.unix(block * BLOCK), samples))
            block += 1

    def _count(self, late_s: float) -> None:
        old = self._counters
        self._counters = RoomCounters(old.blocks + 1, old.late_blocks + (late_s > BLOCK / RATE),
                                      max(old.worst_late_s, late_s))

    def _hear(self, block: int) -> np.ndarray:
        played = self.ring.read(block)
        self._act(block, played)
        person, self._voice = _split(self._voice)
        self._records.sound(block, to_int16(person), played)
        echo = self._echo(None if played is None else self._driven(played))
        mix = person + self._background(block)
        return to_int16(mix if echo is None else mix + echo)

    def _driven(self, played: np.ndarray) -> np.ndarray:
        return acoustics.saturate(played.astype(np.float32) / np.float32(32768),
                                  self._scenario.room.saturation)

    def _background(self, block: int) -> np.ndarray:
        index = np.arange(block * BLOCK, (block + 1) * BLOCK)
        mix = np.zeros(BLOCK, np.float32)
        for loop in self._loops:
            if len(loop):
                mix += loop[index % len(loop)]
        return mix

    def _act(self, block: int, played: np.ndarray | None) -> None:
        position = block * BLOCK
        if self._script is None:
            self._script = self._begin(position)
        elif not self.over:
            for event in self._script.step(position / RATE, _is_audible(played)):
                self._do(event, position)

    def _begin(self, position: int) -> Script | None:
        if self.over or (self._wait_for_curtain and not self.ring.curtain):
            return None
        if not self.ring.curtain:
            self.ring.raise_curtain()        # the camera counts from it
        self._records.begin(position)
        return Script(self._scenario, self._cast.durations(), position / RATE,
                      self._records.lines_done)

    def _do(self, event: ScriptEvent, position: int) -> None:
        if isinstance(event, Said):
            utterance = self._cast.utterance(event.index)
            self._voice = _mix(self._voice, utterance.samples)
            self._records.said(event.index, self._scenario.lines[event.index], position, utterance)
        elif isinstance(event, Missed):
            self._records.missed(event.index, self._scenario.lines[event.index], position)
        elif isinstance(event, Over):
            self._records.finish(position, event.reason)

    def stop(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._records.close()
        self.ring.close()

    def snapshot(self) -> RoomCounters:
        return self._counters


def _split(voice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next BLOCK of a voice, filled up with silence, and what comes after it."""
    now, later = voice[:BLOCK], voice[BLOCK:]
    return np.concatenate((now, np.zeros(BLOCK - len(now), np.float32))), later


def _mix(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    mix = np.zeros(max(len(one), len(other)), np.float32)
    mix[:len(one)] += one
    mix[:len(other)] += other
    return mix


def _is_audible(played: np.ndarray | None) -> bool:
    if played is None:
        return False
    rms = float(np.sqrt(np.mean(played.astype(np.float32)**2))) / 32768
    return rms > acoustics.db(AUDIBLE_DBFS)
