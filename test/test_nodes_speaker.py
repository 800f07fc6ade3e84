"""The speaker as a process, playing into a virtual room: what is heard there, and what it says
about it.
"""

from __future__ import annotations

import itertools
import signal
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from whole_graph import fakes

from ros_bench import (RATE, Bench, Heard, interrupt, power_db, speech_chunk, tone)

from omni_agent_msgs.msg import AudioChunk, Interrupt, Playback, SpeechChunk

from omni_agent.backends.devices import open_microphone
from omni_agent.nodes import qos
from omni_agent.nodes.stamps import seconds

CHUNK_S = 0.1
OLD_HZ, NEW_HZ = 500, 1500
FULL_DB, GONE_DB = -20.0, -55.0
WORDS = 'one two three four five six seven eight nine ten'.split()


class Room:
    """The speaker, the room it plays into, and its topics."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder / 'room'
        self._epochs = itertools.count(1_000, 10)
        device = fakes(folder)['speaker']['device']
        self.microphone = open_microphone(device)
        self.microphone.start(lambda block: None)             # it is who writes robot.wav
        self.reference: Heard = bench.listen(AudioChunk, 'speaker/reference', qos.AUDIO)
        self.playback: Heard = bench.listen(Playback, 'playback', qos.PLAYBACK)
        self.interrupts = bench.publisher(Interrupt, 'interrupt', qos.STATE)
        self.speech = bench.publisher(SpeechChunk, 'speech', qos.SPEECH)
        self.process = bench.start('speaker', device=device)
        bench.matched('speaker', publishers=(self.interrupts, self.speech),
                      topics=('playback', 'speaker/reference'))

    def epoch(self) -> int:
        """A larger one than all before."""
        return next(self._epochs)

    def say(self, epoch: int, hz: float, words: list[str], last: bool = True) -> None:
        for at, word in enumerate(words):
            self.speech.publish(
                speech_chunk(epoch, at, tone(hz, CHUNK_S), word, last and at == len(words) - 1))

    def states(self, epoch: int) -> list[int]:
        return [message.state for message in self.playback if message.epoch == epoch]

    def edge(self, epoch: int, state: int) -> Playback:
        found = self.bench.until(
            lambda: [
                message for message in self.playback
                if (message.epoch, message.state) == (epoch, state)
            ], f'playback state {state} of {epoch}; there is {self.states(epoch)}')
        return found[0]

    def started(self, epoch: int) -> Playback:
        return self.edge(epoch, Playback.STARTED)

    def finished(self, epoch: int) -> Playback:
        return self.edge(epoch, Playback.FINISHED)

    def sound(self, until: float) -> np.ndarray:
        """What was heard in the room since it began; ``until`` is in Unix seconds."""
        wav = self.folder / 'robot.wav'
        wanted = 44 + 2 * round((until - self.microphone.ring.t0_unix) * RATE)
        self.bench.until(lambda: wav.stat().st_size >= wanted, 'the sound of the room')
        data = wav.read_bytes()[44:]
        return np.frombuffer(data[:len(data) // 2 * 2], '<i2')

    def at(self, unix_s: float) -> int:
        """Frame of 10 ms in ``sound`` at that time."""
        return round((unix_s - self.microphone.ring.t0_unix) * 100)


@pytest.fixture(scope='module')
def room(bench: Bench) -> Iterator[Room]:
    made = Room(bench, bench.folder)
    yield made
    made.microphone.stop()


def test_a_reply_is_played_to_its_end_and_every_word_of_it_was_heard(room: Room) -> None:
    epoch = room.epoch()
    room.say(epoch, OLD_HZ, WORDS)
    finished = room.finished(epoch)
    states = room.states(epoch)
    assert (states[0] == Playback.STARTED and states[-1] == Playback.FINISHED
            and states.count(Playback.FINISHED) == 1)
    assert set(states[1:-1]) <= {Playback.PLAYING}
    assert finished.heard.split() == WORDS
    assert (finished.samples_played == round(len(WORDS) * CHUNK_S * RATE)
            and finished.queued_s == 0.0)


def test_the_reference_is_what_sounded_in_the_room_at_the_time_that_it_says(room: Room) -> None:
    epoch = room.epoch()
    room.reference.forget()
    room.say(epoch, OLD_HZ, WORDS)
    room.finished(epoch)
    chunks = list(room.reference)
    assert len(chunks) >= len(WORDS) * 5 and {len(chunk.samples) for chunk in chunks} == {320}
    steps = np.diff([chunk.position for chunk in chunks])
    assert (steps[:len(WORDS) * 5 - 1] == 320).all()
    heard = room.sound(seconds(chunks[-1].header.stamp) + 0.1)
    for chunk in chunks[:len(WORDS) * 5:7]:
        at = round((seconds(chunk.header.stamp) - room.microphone.ring.t0_unix) * RATE)
        assert np.array_equal(heard[at:at + 320], np.frombuffer(chunk.samples, np.int16))


def test_the_end_of_a_reply_without_sound_is_reported_too(room: Room) -> None:
    epoch = room.epoch()
    room.speech.publish(speech_chunk(epoch, 0, tone(OLD_HZ, 0.0), '', last=True))
    assert room.finished(epoch).heard == ''


def test_after_an_interrupt_nothing_older_is_heard_and_what_was_heard_is_told(room: Room) -> None:
    lags = []
    for _ in range(3):
        old = room.epoch()
        room.say(old, OLD_HZ, WORDS * 3, last=False)
        room.started(old)
        room.bench.turn_until(time.time() + 0.35)
        sent = time.time()
        room.interrupts.publish(interrupt(old + 1))
        room.say(old + 1, NEW_HZ, ['new'] * 3)
        flushed = room.edge(old, Playback.FLUSHED)
        new = room.finished(old + 1)
        heard = flushed.heard.split()
        assert heard == (WORDS * 3)[:len(heard)] and 2 <= len(heard) < 25
        # most of the last word
        assert abs(flushed.samples_played / (CHUNK_S * RATE) - len(heard)) <= 0.5
        assert new.heard == 'new new new' and new.samples_played == round(0.3 * RATE)
        level = power_db(room.sound(time.time()), OLD_HZ)
        assert (level[room.at(seconds(flushed.header.stamp) + 0.06):] < GONE_DB).all()
        last = np.flatnonzero(level > GONE_DB)[-1] / 100 + 0.01 + room.microphone.ring.t0_unix
        lags.append(last - sent)
        assert Playback.FINISHED not in room.states(old)
    # topic hop included; a busy machine may need longer once or twice
    assert min(lags) < 0.06, lags


def test_a_newer_chunk_flushes_as_well_when_it_overtakes_its_interrupt(room: Room) -> None:
    old = room.epoch()
    room.say(old, OLD_HZ, WORDS * 2, last=False)
    room.started(old)
    room.say(old + 1, NEW_HZ, ['overtaking'])
    assert room.edge(old, Playback.FLUSHED).samples_played < 2 * len(WORDS) * CHUNK_S * RATE
    assert room.finished(old + 1).heard == 'overtaking'


def test_a_chunk_of_an_older_epoch_is_dropped_and_counted(room: Room) -> None:
    before = room.bench.counter('speaker', 'stale chunks')
    epoch = room.epoch()
    room.say(epoch, NEW_HZ, ['current', 'reply'], last=False)
    room.say(epoch - 1, OLD_HZ, ['stale'] * 4)
    room.speech.publish(speech_chunk(epoch, 2, tone(NEW_HZ, CHUNK_S), 'goes on', last=True))
    began = seconds(room.started(epoch).header.stamp)
    assert room.finished(epoch).heard == 'current reply goes on'
    assert room.bench.counted('speaker', 'stale chunks', before + 4) == before + 4
    assert not room.states(epoch - 1)
    assert (power_db(room.sound(time.time()), OLD_HZ)[room.at(began):] < GONE_DB).all()


def test_an_interrupt_is_admitted_before_the_speech_that_waited_with_it(room: Room) -> None:
    before = room.bench.counter('speaker', 'stale chunks')
    old = room.epoch()
    room.process.send(signal.SIGSTOP)
    stat = Path(f'/proc/{room.process.pid}/stat')
    room.bench.until(lambda: stat.read_text().rsplit(')', 1)[1].split()[0] == 'T',
                     'a process that stands still')
    try:
        room.say(old, OLD_HZ, ['void'] * 5)
        room.interrupts.publish(interrupt(old + 1))
        room.bench.turn_until(time.time() + 0.1)
    finally:
        room.process.send(signal.SIGCONT)
    assert room.bench.counted('speaker', 'stale chunks', before + 5) == before + 5
    assert not room.states(old)


def test_a_lowered_voice_is_20_db_quieter_within_two_blocks_and_comes_back_by_itself(
        room: Room) -> None:
    epoch = room.epoch()
    room.reference.forget()
    room.say(epoch, OLD_HZ, WORDS * 4)
    room.started(epoch)
    room.bench.turn_until(time.time() + 0.2)
    room.interrupts.publish(interrupt(epoch, ducked=True, reason=Interrupt.FIRST_SOUND))
    room.finished(epoch)
    sound = np.concatenate([np.frombuffer(chunk.samples, np.int16) for chunk in room.reference])
    level = (20 * np.log10(
        np.maximum(1e-6,
                   np.abs(sound[:4 * RATE // 320 * 320].reshape(-1, 320) / 32768.0).max(1))))
    full = level[3]
    low = np.flatnonzero(level < full - 20.0)
    assert low.size, 'the voice was never lowered'
    falling = np.flatnonzero(level[:low[0]] > full - 1.0)[-1]
    assert low[0] - falling <= 2
    up = low[0] + np.flatnonzero(level[low[0]:] > full - 1.0)[0]
    assert (level[low[0]:low[0] + 90] < full - 20.0).all()
    assert 1.9 <= (up - low[0]) * 0.02 <= 4.0
    lowered = [message.ducked for message in room.playback if message.epoch == epoch]
    assert True in lowered and lowered[-1] is False
    assert room.bench.counted('speaker', 'raised without news') >= 1


def test_a_lowered_voice_comes_back_at_once_when_it_was_a_nod(room: Room) -> None:
    epoch = room.epoch()
    room.reference.forget()
    room.say(epoch, OLD_HZ, WORDS * 2)
    room.started(epoch)
    room.interrupts.publish(interrupt(epoch, ducked=True, reason=Interrupt.FIRST_SOUND))
    room.bench.until(lambda: any(np.abs(chunk.samples).max() < 1_000 for chunk in room.reference),
                     'lowered')
    room.interrupts.publish(interrupt(epoch, reason=Interrupt.NO_INTERRUPT))
    assert room.finished(epoch).heard.split() == WORDS * 2      # nothing was lost
    peaks = np.array([np.abs(chunk.samples).max() for chunk in room.reference][:100])
    assert (peaks[-10:] > 9_000).all() and (peaks < 1_000).sum() < 90


def test_an_impossible_chunk_is_refused_aloud_and_the_rest_goes_on(room: Room) -> None:
    before = room.bench.counter('speaker', 'refused chunks')
    seen = len(room.bench.health['speaker'])
    epoch = room.epoch()
    room.say(epoch, OLD_HZ, ['before'], last=False)
    room.speech.publish(speech_chunk(epoch, 1, tone(NEW_HZ, 2.1), 'oversized'))
    room.speech.publish(speech_chunk(epoch, 2, tone(NEW_HZ, 0.1), 'wrong rate', rate=44_100))
    room.speech.publish(speech_chunk(epoch, 3, tone(OLD_HZ, CHUNK_S), 'after', last=True))
    assert room.finished(epoch).heard == 'before after'
    assert room.bench.counted('speaker', 'refused chunks', before + 2) == before + 2
    # a busy machine may have more to complain of: then this stands among the values
    news = room.bench.health['speaker'][seen:]
    assert any('refused ' in str(status) and 'up to 32000 at 16000 Hz' in str(status)
               for status in news)
    room.bench.until(lambda: 'up to 32000' not in str(room.bench.health['speaker'][-1]),
                     'told once, then over')


def test_more_than_ten_seconds_ahead_is_dropped_and_counted(room: Room) -> None:
    epoch = room.epoch()
    for at in range(10):
        room.speech.publish(speech_chunk(epoch, at, tone(OLD_HZ, 1.9)))
    assert room.bench.counted('speaker', 'overflowing chunks') >= 1
    room.interrupts.publish(interrupt(epoch + 1, reason=Interrupt.STOP_PHRASE))
    room.edge(epoch, Playback.FLUSHED)
