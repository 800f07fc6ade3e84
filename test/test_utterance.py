"""Which sound is recognised when, and the microphone samples that become frames before that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.audio import RATE
from omni_agent.core.echo import BLOCK, EchoGate
from omni_agent.core.endpoint import Endpointer, EndpointParams, VoiceFrame
from omni_agent.core.events import SpeechStarted, SpeechStopped
from omni_agent.core.hearing import FRAME, HeardFrame, Hearing
from omni_agent.core.utterance import (EARLY_S, FIRST_PARTIAL_S, POST_ROLL, PRE_ROLL, Request,
                                       Utterance)

PARTIAL_S = 0.3
T0 = 1000.0


@dataclass(frozen=True)
class Result:
    """What a recogniser answers."""

    request: Request
    text: str


class Ear:
    """Frames in a row, '#' a voice and '.' silence; a ``prompt`` recogniser answers at once."""

    def __init__(self, prompt: bool = True) -> None:
        self.endpointer = Endpointer(EndpointParams())
        self.utterance = Utterance()
        self.prompt = prompt
        self.end = 0
        self.requests: list[Request] = []
        self.events: list[SpeechStarted | SpeechStopped] = []
        self.finals: list[tuple[Result, float]] = []

    def time(self, position: int) -> float:
        return T0 + position / RATE

    def hear(self, frames: str, level_dbfs: float = -30.0, echo: float = 0.0) -> None:
        for mark in frames:
            self.end += FRAME
            probability = 0.9 if mark == '#' else 0.1
            voice = VoiceFrame(self.time(self.end), FRAME / RATE, probability, echo)
            self._frame(HeardFrame(self.end, voice, level_dbfs))

    def _frame(self, frame: HeardFrame) -> None:
        event = self.endpointer.step(frame.voice)
        if isinstance(event, SpeechStarted):
            self.utterance.start(event, frame, self.time)
        elif self.endpointer.speaking:
            self.utterance.go_on(frame)
        if isinstance(event, SpeechStopped):
            self.utterance.stop()
        self.events += [event] if event else []
        request = self.utterance.request(frame, self.endpointer, PARTIAL_S)
        if request is not None:
            self.utterance.requested(request)
            self.requests.append(request)
            if self.prompt and request.final:
                self.answer(request)
        self._final()

    def answer(self, request: Request, text: str = 'hello') -> None:
        self.utterance.words = Result(request, text)
        self.utterance.turn_end = (request, 0.8)
        self._final()

    def _final(self) -> None:
        ready = self.utterance.final()
        self.finals += [ready] if ready else []

    @property
    def partials(self) -> list[Request]:
        return [request for request in self.requests if not request.final]

    @property
    def wanted(self) -> list[Request]:
        return [request for request in self.requests if request.final]


def test_silence_and_clicks_are_not_recognised():
    ear = Ear()
    ear.hear('.' * 50 + '#' + '.' * 50)
    assert ear.requests == []


def test_partial_results_come_at_a_steady_pace():
    ear = Ear()
    ear.hear('.' * 30 + '#' * 60)
    ends = [request.end for request in ear.partials]
    first = ends[0] - 30 * FRAME
    assert FIRST_PARTIAL_S * RATE <= first < FIRST_PARTIAL_S * RATE + FRAME
    gaps = np.diff(ends)
    assert np.all((PARTIAL_S * RATE <= gaps) & (gaps < PARTIAL_S * RATE + FRAME))
    assert len(ends) == 1 + int((60 - first / FRAME) // (gaps[0] / FRAME))


def test_the_soft_onset_is_recognised_too():
    ear = Ear()
    ear.hear('.' * 30 + '#' * 20)
    assert ear.requests[0].start == 30 * FRAME - PRE_ROLL


def test_nothing_before_the_stream_is_asked_for():
    ear = Ear()
    ear.hear('#' * 20)
    assert ear.requests[0].start == 0


def test_no_partial_result_is_asked_for_in_a_pause():
    for voiced in range(6, 30):                   # whenever the next one happens to be due
        ear = Ear()
        ear.hear('#' * voiced + '.' * 4)
        assert all(request.end <= voiced * FRAME for request in ear.partials)


def test_the_final_result_is_begun_before_the_silence_is_certain():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 4)
    assert ear.wanted == [Request(1, 0, 30 * FRAME + POST_ROLL, True)]
    assert 4 * FRAME / RATE >= EARLY_S
    assert ear.endpointer.speaking


def test_the_final_words_wait_until_the_silence_is_certain():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 4)
    assert ear.finals == []
    ear.hear('.' * 4)
    assert [words.text for words, _ in ear.finals] == ['hello']


def test_a_voice_that_goes_on_throws_the_early_result_away():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 4 + '#' * 10 + '.' * 8)
    ends = [request.end for request in ear.wanted]
    assert ends == [30 * FRAME + POST_ROLL, 44 * FRAME + POST_ROLL]
    assert [words.request for words, _ in ear.finals] == ear.wanted[1:]


def test_one_more_sound_in_the_pause_is_recognised_too():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 4 + '#' + '.' * 8)
    assert [words.request.end for words, _ in ear.finals] == [35 * FRAME + POST_ROLL]


def test_a_late_answer_to_an_abandoned_request_is_not_final():
    ear = Ear(prompt=False)
    ear.hear('#' * 30 + '.' * 4 + '#' * 10 + '.' * 8)
    ear.answer(ear.wanted[0])
    assert ear.finals == []
    ear.answer(ear.wanted[1])
    assert [words.request for words, _ in ear.finals] == [ear.wanted[1]]


def test_words_and_turn_end_must_be_about_the_same_sound():
    ear = Ear(prompt=False)
    ear.hear('#' * 30 + '.' * 8)
    ear.utterance.words = Result(ear.wanted[0], 'hello')
    assert ear.utterance.final() is None
    ear.utterance.turn_end = (Request(1, 0, 5, True), 0.8)
    assert ear.utterance.final() is None
    ear.utterance.turn_end = (ear.wanted[0], 0.8)
    assert ear.utterance.final() is not None


def test_final_words_are_given_once():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 40)
    assert len(ear.finals) == 1
    assert len(ear.wanted) == 1


def test_words_that_come_late_are_still_given():
    ear = Ear(prompt=False)
    ear.hear('#' * 30 + '.' * 40)
    ear.answer(ear.wanted[0])
    assert len(ear.finals) == 1


def test_an_utterance_that_goes_on_is_recognised_from_its_beginning():
    ear = Ear()
    ear.hear('.' * 30 + '#' * 30 + '.' * 15 + '#' * 10 + '.' * 8)
    assert [event.utterance for event in ear.events] == [1, 1, 1, 1]
    assert [(words.request.start, words.request.end) for words, _ in ear.finals] == [
        (30 * FRAME - PRE_ROLL, 60 * FRAME + POST_ROLL),
        (30 * FRAME - PRE_ROLL, 85 * FRAME + POST_ROLL)]


def test_a_new_utterance_is_recognised_from_its_own_beginning():
    ear = Ear()
    ear.hear('#' * 30 + '.' * 40 + '#' * 10 + '.' * 8)
    assert ear.wanted[-1] == Request(2, 70 * FRAME - PRE_ROLL, 80 * FRAME + POST_ROLL, True)
    assert ear.utterance.t == pytest.approx(ear.time(70 * FRAME))


def test_level_and_echo_are_means_over_the_utterance():
    ear = Ear()
    assert ear.utterance.level_dbfs == -96.0
    assert ear.utterance.echo_likelihood == 0.0
    ear.hear('#' * 5, level_dbfs=-20.0)
    ear.hear('#' * 4, level_dbfs=-40.0, echo=0.5)
    # of eight: it starts at the second
    assert ear.utterance.level_dbfs == pytest.approx(-30.0)
    assert ear.utterance.echo_likelihood == pytest.approx(0.25)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=8))
def test_every_stop_has_one_final_result_up_to_its_last_sound(spans: list[tuple[int, int]]):
    ear = Ear()
    for voiced, silent in spans:
        ear.hear('#' * voiced + '.' * silent)
    ear.hear('.' * 10)
    stops = [event for event in ear.events if isinstance(event, SpeechStopped)]
    assert len(ear.finals) == len(stops)
    for stop, (words, _) in zip(stops, ear.finals):
        assert words.request.utterance == stop.utterance
        last_voiced = (stop.t - T0) * RATE
        assert words.request.end == pytest.approx(last_voiced + POST_ROLL, abs=1)
    for request in ear.requests:
        assert 0 <= request.start < request.end <= ear.end


# -- microphone samples become frames -------------------------------------------------------------


class Loudness:
    """A voice model: whatever is loud is a voice."""

    def __init__(self) -> None:
        self.resets = 0

    def __call__(self, frame: np.ndarray) -> float:
        assert frame.dtype == np.float32 and frame.shape == (FRAME,)
        return float(np.abs(frame).mean())

    def reset(self) -> None:
        self.resets += 1


class Halver:
    """A canceller that halves whatever it hears and keeps what it was given."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.played: list[int] = []

    def __call__(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        assert heard.shape == played.shape == (BLOCK,)
        assert heard.dtype == played.dtype == np.int16
        self.heard.append(int(heard[0]))
        self.played.append(int(played[0]) if np.all(played == played[0]) else -1)
        return heard // 2


def block(value: int) -> np.ndarray:
    return np.full(BLOCK, value, np.int16)


def listen(hearing: Hearing, value: int, at: int) -> list[HeardFrame]:
    """Hear the block number ``at``."""
    return list(hearing.hear(T0 + at * 0.02, at * BLOCK, block(value)))


def test_frames_follow_each_other_without_gaps():
    hearing = Hearing(Loudness())
    frames = sum((listen(hearing, at, at) for at in range(100)), [])
    assert [frame.end for frame in frames] == list(range(FRAME, 32_001, FRAME))
    assert frames[10].voice.t == pytest.approx(T0 + 11 * FRAME / RATE)
    assert frames[10].voice.duration_s == FRAME / RATE
    assert frames[10].voice.probability == pytest.approx(17 / 32768, rel=0.1)
    assert hearing.lost == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=20), st.integers(0, 10 ** 9))
def test_the_size_of_the_chunks_makes_no_difference(sizes: list[int], first: int):
    sound = np.random.default_rng(1).integers(-9000, 9000, sum(sizes)).astype(np.int16)
    whole = list(Hearing(Loudness()).hear(T0, first, sound))
    hearing, at, parts = Hearing(Loudness()), 0, []
    for size in sizes:
        parts += hearing.hear(T0 + at / RATE, first + at, sound[at:at + size])
        at += size
    assert [frame.end for frame in parts] == [frame.end for frame in whole]
    assert [frame.level_dbfs for frame in parts] == [frame.level_dbfs for frame in whole]
    assert [frame.voice.t for frame in parts] == pytest.approx([frame.voice.t for frame in whole])


def test_a_hole_is_counted_and_heard_as_silence():
    hearing = Hearing(Loudness())
    loud = np.full(1600, 10_000, np.int16)
    list(hearing.hear(T0, 0, loud))
    frames = list(hearing.hear(T0 + 0.3, 4800, loud))
    assert hearing.lost == 3200
    quiet = [frame for frame in frames if frame.voice.probability == 0.0]
    assert len(quiet) >= 4
    assert frames[-1].voice.t == pytest.approx(T0 + frames[-1].end / RATE)


def test_after_a_long_hole_only_what_is_new_is_judged():
    hearing = Hearing(Loudness())
    loud = np.full(1600, 10_000, np.int16)
    list(hearing.hear(T0, 0, loud))
    frames = list(hearing.hear(T0 + 60.0, 60 * RATE, loud))
    assert hearing.lost == 60 * RATE - 1600
    assert len(frames) == 3
    assert all(frame.voice.probability > 0.2 for frame in frames)


def test_a_chunk_from_the_past_is_not_heard_again():
    hearing = Hearing(Loudness())
    loud = np.full(3200, 10_000, np.int16)
    list(hearing.hear(T0, 0, loud))
    assert list(hearing.hear(T0 + 9.0, 0, loud)) == []
    assert hearing.lost == 0
    assert hearing.time(0) == T0


def test_the_robots_own_voice_marks_its_frames_as_echo():
    rng, hearing = np.random.default_rng(3), Hearing(Loudness())
    frames = []
    for at in range(100):
        voice = rng.normal(0, 3000, BLOCK).astype(np.int16)
        if at >= 50:
            hearing.play(T0 + at * 0.02, voice)
        frames += hearing.hear(T0 + at * 0.02, at * BLOCK, voice // 4)
    silent = [frame.voice.echo_likelihood for frame in frames if frame.end < 50 * BLOCK]
    assert silent == [0.0] * len(silent)
    speaking = [frame.voice.echo_likelihood for frame in frames if frame.end > 55 * BLOCK]
    assert np.mean(speaking) > 0.9


def test_the_echo_of_a_frame_is_the_mean_over_the_blocks_it_lies_in():
    rng, hearing, gate = np.random.default_rng(4), Hearing(Loudness()), EchoGate()
    frames, shares = [], []
    for at in range(60):
        voice = rng.normal(0, 300, BLOCK).astype(np.int16)
        person = (at % 7 > 3) * rng.normal(0, 6000, BLOCK)
        heard = (voice // 4 + person).astype(np.int16)
        hearing.play(T0 + at * 0.02, voice)
        gate.play(T0 + at * 0.02, voice)
        frames += hearing.hear(T0 + at * 0.02, at * BLOCK, heard)
        shares.append(gate.hear(T0 + at * 0.02, heard))
    assert np.ptp(shares) > 0.2
    for frame in frames:
        inside = shares[(frame.end - FRAME) // BLOCK:-(-frame.end // BLOCK)]
        assert frame.voice.echo_likelihood == pytest.approx(np.mean(inside))


def test_a_stream_that_is_joined_later_has_lost_nothing():
    hearing = Hearing(Loudness())
    frames = listen(hearing, 1, 5000) + listen(hearing, 1, 5001)
    assert hearing.lost == 0
    assert [frame.end for frame in frames] == [5000 * BLOCK + FRAME]


def test_after_a_second_without_a_voice_the_model_forgets():
    model = Loudness()
    hearing = Hearing(model)
    for at in range(50):
        listen(hearing, 20_000, at)
    assert model.resets == 0
    for at in range(50, 100):
        listen(hearing, 0, at)
    assert model.resets == 1


def test_the_model_does_not_forget_between_two_words():
    model = Loudness()
    hearing = Hearing(model)
    for at in range(200):
        listen(hearing, 20_000 if at % 40 < 5 else 0, at)
    assert model.resets == 0


# -- the canceller --------------------------------------------------------------------------------


def test_the_canceller_is_given_what_was_played_at_the_same_time():
    halver = Halver()
    hearing = Hearing(Loudness(), halver)
    for at in range(20):
        if 5 <= at < 15:
            hearing.play(T0 + at * 0.02, block(1000 + at))
        listen(hearing, at, at)
    assert halver.heard == list(range(20))
    assert halver.played == [0] * 5 + list(range(1005, 1015)) + [0] * 5


def test_a_reference_may_come_early():
    halver = Halver()
    hearing = Hearing(Loudness(), halver)
    listen(hearing, 0, 0)
    for at in range(3, 9):
        hearing.play(T0 + at * 0.02, block(1000 + at))
    for at in range(1, 10):
        listen(hearing, at, at)
    assert halver.played == [0, 0, 0, *range(1003, 1009), 0]


def test_a_reference_that_jitters_has_neither_holes_nor_overlaps():
    halver, rng = Halver(), np.random.default_rng(2)
    hearing = Hearing(Loudness(), halver)
    listen(hearing, 0, 0)
    for at in range(1, 60):
        hearing.play(T0 + at * 0.02 + (rng.uniform(-0.005, 0.005) if at > 1 else 0.0), block(at))
        listen(hearing, 0, at)
    assert halver.played == list(range(60))


def test_a_reference_that_comes_late_is_counted():
    hearing = Hearing(Loudness(), Halver())
    for at in range(5):
        listen(hearing, 0, at)
    hearing.play(T0 + 5 * 0.02, block(1))
    assert hearing.late == 0
    hearing.play(T0 + 3 * 0.02, block(1))
    assert hearing.late == BLOCK


def test_the_voice_model_hears_what_is_left_and_both_are_kept():
    hearing = Hearing(Loudness(), Halver())
    frames = sum((listen(hearing, 8000, at) for at in range(20)), [])
    assert frames[0].voice.probability == pytest.approx(4000 / 32768)
    assert set(hearing.ring.read(0, 20 * BLOCK)) == {8000}
    assert set(hearing.clean.read(0, 20 * BLOCK)) == {4000}


def test_without_a_canceller_nothing_is_taken_away():
    hearing = Hearing(Loudness())
    listen(hearing, 8000, 0)
    assert hearing.clean is hearing.ring


def test_the_canceller_goes_on_after_a_hole():
    halver = Halver()
    hearing = Hearing(Loudness(), halver)
    listen(hearing, 1, 0)
    listen(hearing, 2, 5000)
    hearing.play(T0 + 5001 * 0.02, block(7))
    listen(hearing, 3, 5001)
    assert (halver.heard, halver.played) == ([1, 2, 3], [0, 0, 7])
    assert set(hearing.clean.read(5001 * BLOCK, 5002 * BLOCK)) == {1}
