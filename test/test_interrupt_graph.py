"""Interrupts in the real graph when a decision dies, a speaker is unplugged, a clock is set."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from conversation_simulator import MARKS, SILENCE, marked
from faulty_conversation import replies_in
from test_devices_portaudio import Daemon, Ear, daemon  # noqa: F401
from test_nodes_speaker import FULL_DB, GONE_DB, NEW_HZ, OLD_HZ, WORDS, Room
from whole_graph import fakes

from ros_bench import (ERROR, OK, RATE, Bench, Heard, Running, interrupt, power_db, speech_chunk,
                       tone)

from omni_agent_msgs.msg import AgentState, Interrupt, Percept, Playback, React, SpeechChunk
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from omni_agent.nodes import qos
from omni_agent.nodes.stamps import seconds, stamp

DUCK_LIMIT_S = 2.0
LATE_S = 0.6  # [s] topics, blocks and a busy machine
SOFT = 1_500  # [int16] peak of a lowered tone; a full one has 9830
STORM_S, A_SECOND = 3.0, 10
SEAM = 1  # [samples] where two replies touch the mark of either can be read


class Mind:
    """A decision node that can be killed, and all that speaks to it, in a namespace of its own."""

    def __init__(self, bench: Bench, space: str = '', **parameters: object) -> None:
        self.bench, self.space, self.parameters = bench, space, parameters
        self.offset_s = 0.0  # of the node's clock
        self.utterances = 0
        self.interrupts: Heard = bench.listen(Interrupt, self._of('interrupt'), qos.STATE)
        self.reacts: Heard = bench.listen(React, self._of('react'), qos.REACT)
        self.states: Heard = bench.listen(AgentState, self._of('agent_state'), qos.STATE)
        self.percepts = bench.publisher(Percept, self._of('percept'), qos.PERCEPT)
        self.typed = bench.publisher(String, self._of('typed'), qos.PERCEPT)
        self.process = self.start()

    def _of(self, topic: str) -> str:
        return f'{self.space}/{topic}' if self.space else topic

    def start(self) -> Running:
        self.process = self.bench.start(
            'decision', llm='none', arguments=in_space(self.space), **self.parameters
        )
        self.bench.matched(publishers=(self.percepts, self.typed), topics=(self._of('react'),))
        self.interrupt(Interrupt.STARTED)
        return self.process

    def kill(self) -> None:
        self.process.send(signal.SIGKILL)
        self.bench.until(lambda: self.process.pid is None, 'the end of the decision node')
        self.bench.end(self.process)

    def tell(self, kind: int, text: str = '') -> None:
        percept = Percept(
            kind=kind,
            utterance=self.utterances,
            text=text,
            voiced_s=1.0,
            turn_end_probability=0.95,
        )
        percept.header.stamp = percept.start = stamp(time.time() + self.offset_s)
        self.percepts.publish(percept)

    def first_sound(self) -> None:
        self.utterances += 1
        self.tell(Percept.SPEECH_STARTED)

    def say(self, text: str) -> None:
        self.first_sound()
        self.tell(Percept.SPEECH_STOPPED)
        self.tell(Percept.FINAL, text)

    def interrupt(self, reason: int) -> Interrupt:
        return self.bench.until(
            lambda: (
                self.interrupts and self.interrupts[-1].reason == reason and self.interrupts[-1]
            ),
            f'interrupt of reason {reason}, not {self.interrupts[-1:]}',
        )

    def reply_to(self, text: str) -> int:
        """Type it; the epoch of the intention that comes of it."""
        seen = len(self.reacts)
        self.typed.publish(String(data=text))
        return self.bench.until(lambda: self.reacts[seen:], f'an intention about {text!r}')[
            -1
        ].epoch


def in_space(space: str) -> tuple[str, ...]:
    return ('-r', f'__ns:={space}') if space else ()


class Voice:
    """A speaker in a namespace of its own, fed by the test."""

    def __init__(self, bench: Bench, space: str, device: str, **parameters: object) -> None:
        self.bench = bench
        self.playback: Heard = bench.listen(Playback, f'{space}/playback', qos.PLAYBACK)
        self.interrupts = bench.publisher(Interrupt, f'{space}/interrupt', qos.STATE)
        self.speech = bench.publisher(SpeechChunk, f'{space}/speech', qos.SPEECH)
        self.process = bench.start(
            'speaker', device=device, arguments=in_space(space), **parameters
        )
        bench.matched(publishers=(self.speech,), topics=(f'{space}/playback',))

    def say(self, epoch: int, hz: float, words: list[str], last: bool = True) -> None:
        for at, word in enumerate(words):
            self.speech.publish(
                speech_chunk(epoch, at, tone(hz, 0.1), word, last and at == len(words) - 1)
            )

    def edge(self, epoch: int, state: int) -> Playback:
        return self.bench.until(
            lambda: [
                message
                for message in self.playback
                if (message.epoch, message.state) == (epoch, state)
            ],
            f'playback state {state} of {epoch}',
        )[0]


@pytest.fixture(scope='module')
def room(bench: Bench) -> Iterator[Room]:
    made = Room(bench, bench.folder)
    yield made
    made.microphone.stop()


@pytest.fixture(scope='module')
def mind(bench: Bench, room: Room) -> Mind:
    made = Mind(bench)
    know_each_other(made, 'speaker', room.speech)
    return made


def know_each_other(mind: Mind, speaker: str, speech: Publisher) -> None:
    """Until the speaker refuses what is older than the epoch that this decision began with.

    That each of them knows the test says nothing about that: the middleware may need seconds more.
    """
    bench = mind.bench
    older = mind.interrupt(Interrupt.STARTED).epoch - 1
    bench.news(speaker)
    refused = bench.counter(speaker, 'stale chunks')

    def is_refused() -> bool:
        speech.publish(speech_chunk(older, 0, tone(OLD_HZ, 0.0)))
        bench.news(speaker)
        return bench.counter(speaker, 'stale chunks') > refused

    bench.until(is_refused, 'the first interrupt of the decision at the speaker')
    bench.news(speaker)  # and every chunk has been counted


def peaks(room: Room) -> np.ndarray:
    """Of each block that was played."""
    return np.array(
        [np.abs(np.frombuffer(chunk.samples, np.int16)).max() for chunk in room.reference]
    )


def played_at(room: Room) -> np.ndarray:
    return np.array([seconds(chunk.header.stamp) for chunk in room.reference])


def test_a_decision_killed_while_the_voice_is_lowered_leaves_no_whisper_and_has_a_successor(
    room: Room, mind: Mind
) -> None:
    old = mind.reply_to('tell me a story')
    room.reference.forget()
    room.say(old, OLD_HZ, WORDS * 4)
    room.started(old)
    room.bench.turn_until(time.time() + 0.2)
    mind.first_sound()
    lowered = mind.interrupt(Interrupt.FIRST_SOUND)
    assert (lowered.epoch, lowered.ducked) == (old, True)
    room.bench.until(lambda: room.playback[-1].ducked, 'a lowered voice')
    mind.kill()
    finished = room.finished(old)
    assert (
        finished.heard.split() == WORDS * 4 and not finished.ducked
    )  # nothing was lost, nothing came twice
    assert finished.samples_played == 4 * RATE
    assert mind.interrupts[-1].reason == Interrupt.FIRST_SOUND  # nobody told the speaker
    level, t = peaks(room)[: 4 * RATE // 320], played_at(room)
    soft = np.flatnonzero(level < SOFT)
    assert 1.5 <= t[soft[-1]] - t[soft[0]] <= DUCK_LIMIT_S + LATE_S
    assert (np.diff(soft) == 1).all()  # once
    assert (level[soft[-1] + 9 :] > 9_000).all()  # and the rest aloud

    mind.interrupts.forget()
    mind.start()
    assert mind.interrupts[-1].epoch > old and not mind.interrupts[-1].ducked
    know_each_other(mind, 'speaker', room.speech)
    new = mind.reply_to('what is the capital of France')
    room.say(new, NEW_HZ, ['new'] * 3)
    assert room.finished(new).heard == 'new new new'
    stale = room.bench.counter('speaker', 'stale chunks')
    room.say(old, OLD_HZ, ['void'])
    assert room.bench.counted('speaker', 'stale chunks', stale + 1)


def resident_mib(process: Running) -> float:
    line = next(
        line
        for line in Path(f'/proc/{process.pid}/status').read_text().splitlines()
        if line.startswith('VmRSS')
    )
    return int(line.split()[1]) / 1024


def test_ten_interrupts_a_second_leave_no_old_sound_no_whisper_and_no_memory(room: Room) -> None:
    before = resident_mib(room.process)
    first = int(time.time() * 1000)
    epochs = [first + n for n in range(round(STORM_S * A_SECOND))]
    sent = []
    for n, epoch in enumerate(epochs):
        sent.append(time.time())
        for step in ('say', 'void') if n % 2 else ('void', 'say'):  # each may overtake the other
            if step == 'say':
                room.speech.publish(speech_chunk(epoch, 0, marked(n % MARKS, RATE), f'word{n}'))
            else:
                room.interrupts.publish(interrupt(epoch, reason=Interrupt.BARGE_IN))
        room.interrupts.publish(interrupt(epoch, ducked=n % 3 == 0, reason=Interrupt.FIRST_SOUND))
        room.bench.turn_until(sent[0] + (n + 1) / A_SECOND)
    last = epochs[-1] + 1
    room.interrupts.publish(interrupt(last, reason=Interrupt.BARGE_IN))
    room.say(last, NEW_HZ, ['word'] * 5)
    assert room.finished(last).samples_played == round(0.5 * RATE)
    assert resident_mib(room.process) - before < 20.0
    flushed = {
        message.epoch: seconds(message.header.stamp)
        for message in room.playback
        if message.state == Playback.FLUSHED
    }
    assert len(set(flushed) & set(epochs)) > len(epochs) * 0.8  # they were heard, and cut off
    assert not [epoch for epoch in epochs if Playback.FINISHED in room.states(epoch)]

    at = round((sent[0] - room.microphone.ring.t0_unix) * RATE)
    # the last reply comes after it
    heard = replies_in(room.sound(time.time())[at : at + round(STORM_S * RATE)])
    for n, epoch in enumerate(epochs):
        if epoch in flushed:  # its mark comes again after more than a second
            gone = round((flushed[epoch] + 0.01 - sent[0]) * RATE)
            stale = np.count_nonzero(heard[gone : gone + RATE] == n % MARKS)
            assert stale <= SEAM, f'{stale} samples of {n} after it was void'
    assert set(heard) >= {SILENCE, *range(MARKS)}
    assert (peaks(room)[-15:] > 9_000).all()  # the last one is back at full voice
    room.bench.news('speaker')
    assert room.bench.counter('speaker', 'dropped in the inbox') == 0
    assert max(message.queued_s for message in room.playback if message.epoch in epochs) <= 1.1


def test_a_reply_that_is_void_as_it_begins_is_cut_off_in_the_device_as_well(room: Room) -> None:
    """Its first sound was reported, but is still on its way to the loudspeaker."""
    first, lags = int(time.time() * 1000), []
    for n in range(5):
        epoch = first + 2 * n
        room.speech.publish(speech_chunk(epoch, 0, marked(n, RATE), 'never'))
        room.started(epoch)
        sent = time.time()
        room.interrupts.publish(interrupt(epoch + 1, reason=Interrupt.BARGE_IN))
        assert room.edge(epoch, Playback.FLUSHED).heard == ''
        heard = replies_in(room.sound(time.time() + 0.1))
        sounded = np.flatnonzero(heard == n)[-1:] / RATE + room.microphone.ring.t0_unix
        lags += [max(0.0, float(t) - sent) for t in sounded]
    assert not lags or min(lags) < 0.02, lags  # 40 ms are in the device


def test_ten_changes_of_mind_a_second_end_in_the_right_answer(room: Room, mind: Mind) -> None:
    bench = room.bench
    reaction = bench.start('reaction', llm='fake', tts='fake')
    bench.until(
        lambda: bench.node.count_publishers('speech') >= 2 and 'reaction' in bench.health,
        'the reaction',
    )
    bench.level('reaction', OK)
    before = {
        process.name: resident_mib(process) for process in (mind.process, reaction, room.process)
    }
    mind.interrupts.forget()
    began = time.time()
    for n in range(round(STORM_S * A_SECOND)):
        mind.typed.publish(String(data='stop' if n % 3 == 2 else f'question number {n}'))
        bench.turn_until(began + (n + 1) / A_SECOND)
    assert len(mind.interrupts) >= 2 * A_SECOND
    final = mind.reply_to('what is the capital of France')
    ended = room.finished(final)
    assert ended.heard and not ended.ducked
    epochs = [message.epoch for message in mind.interrupts]
    assert epochs == sorted(epochs) and epochs[-1] == final
    began_last = next(at for at, message in enumerate(room.playback) if message.epoch == final)
    assert {message.epoch for message in room.playback[began_last:]} == {final}
    grown = {
        process.name: resident_mib(process) - before[process.name]
        for process in (mind.process, reaction, room.process)
    }
    assert max(grown.values()) < 20.0, grown
    assert bench.counter('reaction', 'failures') == 0
    assert bench.end(reaction) == 0


def test_a_speaker_unplugged_while_it_speaks_returns_without_a_word_of_what_was_cut_off(
    bench: Bench, daemon: Daemon
) -> None:
    voice = Voice(bench, '/far', 'robot_spk')
    pid = voice.process.pid
    with Ear('human_ear') as ear:
        voice.say(1_000, OLD_HZ, WORDS * 8, last=False)
        voice.edge(1_000, Playback.STARTED)
        bench.until(lambda: level(ear, OLD_HZ, 10) > FULL_DB, 'the voice')
        daemon.kill()
        bench.level('far/speaker', ERROR, 'waiting for the device to return')
        voice.interrupts.publish(interrupt(1_001, reason=Interrupt.BARGE_IN))
        told = voice.edge(1_000, Playback.FLUSHED)
        assert 0 < told.samples_played < 8 * RATE
        voice.say(1_001, NEW_HZ, WORDS)
        before = len(ear.blocks)
        daemon.start()
        finished = voice.edge(1_001, Playback.FINISHED)
        bench.until(lambda: level(ear, NEW_HZ, 200) > GONE_DB, 'the new reply')
        back = np.concatenate([block.samples for block in ear.blocks[before:]])
    assert finished.heard.split() == WORDS
    assert (power_db(back, OLD_HZ) < GONE_DB).all()
    bench.level('far/speaker', OK)
    assert voice.process.pid == pid
    assert bench.end(voice.process) == 0


def level(ear: Ear, hz: float, blocks: int) -> float:
    """The loudest 10 ms of the newest blocks."""
    heard = [block.samples for block in ear.blocks[-blocks:]]
    return float(power_db(np.concatenate(heard), hz).max()) if heard else -96.0


class SetClock:
    """/clock at the pace of this machine, but it can be set."""

    def __init__(self, bench: Bench) -> None:
        self.offset_s = 0.0
        self._clock = bench.publisher(Clock, '/clock', 10)
        self._next = 0.0
        bench.pacers.append(self.tell)

    def tell(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.02
            self._clock.publish(Clock(clock=stamp(time.time() + self.offset_s)))


def test_a_clock_that_is_set_by_an_hour_while_the_voice_is_lowered_hangs_nothing(
        bench: Bench, tmp_path: Path) -> None:
    clock = SetClock(bench)
    voice = Voice(bench, '/set', fakes(tmp_path)['speaker']['device'], use_sim_time=True)
    mind = Mind(bench, '/set', use_sim_time=True)
    bench.news('set/decision'), bench.news('set/speaker')  # by now the clock goes for both
    know_each_other(mind, 'set/speaker', voice.speech)
    for jump_s in (3600.0, -3600.0):
        old = mind.reply_to('tell me a story')
        voice.say(old, OLD_HZ, WORDS * 4, last=False)
        voice.edge(old, Playback.STARTED)
        mind.first_sound()
        mind.interrupt(Interrupt.FIRST_SOUND)
        bench.until(lambda: voice.playback[-1].ducked, 'a lowered voice')
        clock.offset_s += jump_s
        mind.offset_s = clock.offset_s
        jumped = time.time()
        bench.until(
            lambda: not voice.playback[-1].ducked or voice.playback[-1].state == Playback.FLUSHED,
            'the voice as it was',
        )
        assert time.time() - jumped < DUCK_LIMIT_S + 2 * LATE_S
        mind.reacts.forget()
        mind.say('Robot, what is the capital of France?')
        new = bench.until(lambda: mind.reacts, 'an answer after the clock was set')[-1].epoch
        voice.say(new, NEW_HZ, WORDS[:3])
        assert voice.edge(new, Playback.FINISHED).heard.split() == WORDS[:3]
        assert not [
            message
            for message in voice.playback
            if message.epoch == old and message.state == Playback.FINISHED
        ]
    assert [bench.end(process) for process in (mind.process, voice.process)] == [0, 0]
