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
from omni_agent.core.utterance import (EARLY_S, FIRST_PARTIAL_S, POST_ROLL, PRE_ROLL, PROOF,
                                       Request, Utterance)

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
    # power: half of it is silence
    assert ear.utterance.level_dbfs == pytest.approx(-23.0, abs=0.1)
    assert ear.utterance.echo_likelihood == pytest.approx(0.25)


def overlapped(*strict: float | None, overlap: bool = True) -> Utterance:
    """A voice over the robot's, frame by frame with what the strict stream says."""
    utterance, endpointer = Utterance(), Endpointer(EndpointParams())
    for at, probability in enumerate(strict, 1):
        voice = VoiceFrame(T0 + at * 0.032, 0.032, 0.9, 0.2, overlap, probability)
        event, frame = endpointer.step(voice), HeardFrame(at * FRAME, voice, -30.0)
        if isinstance(event, SpeechStarted):
            utterance.start(event, frame, lambda position: T0 + position / RATE)
        elif endpointer.speaking:
            utterance.go_on(frame)
    return utterance


def test_some_frames_of_a_voice_in_the_strict_stream_prove_a_person():
    assert overlapped(*[0.1] * 9).echo_likelihood == pytest.approx(0.9)
    assert overlapped(*[0.1] * 5, *[0.8] * (PROOF - 1)).echo_likelihood == pytest.approx(0.9)
    assert (overlapped(*[0.1] * 5, *[0.8] * PROOF,
                       *[0.0] * 20).echo_likelihood == pytest.approx(0.2))
    assert overlapped(0.8, 0.8, 0.8).echo_likelihood == 1.0


def test_without_a_strict_stream_the_echo_gate_has_its_say():
    assert overlapped(None, None, None).echo_likelihood == pytest.approx(0.2)


def test_a_voice_while_the_robot_pauses_is_proof_too():
    utterance = overlapped(0.0, 0.1, 0.1)
    voice = VoiceFrame(T0 + 4 * 0.032, 0.032, 0.9, 0.0, False, None)
    for _ in range(PROOF):
        utterance.go_on(HeardFrame(4 * FRAME, voice, -30.0))
    assert utterance.echo_likelihood == pytest.approx(0.1)


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


class Minder(Loudness):
    """Nothing is a voice to it, and what it says is how long it remembers."""

    def __call__(self, frame: np.ndarray) -> float:
        self.age = getattr(self, 'age', 0) + 1
        return self.age / 1000.0

    def reset(self) -> None:
        self.age = 0


class Halver:
    """A noise suppressor that halves whatever it hears."""

    def __call__(self, heard: np.ndarray) -> np.ndarray:
        assert heard.shape == (BLOCK,) and heard.dtype == np.int16
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


def test_who_listens_from_later_on_hears_the_same_frames_and_forgets_at_the_same_ones():
    early, late = Hearing(Minder()), Hearing(Minder())
    then = sum((listen(early, 0, at) for at in range(400)), [])
    now = sum((listen(late, 0, at) for at in range(33, 400)), [])
    judged = {frame.end: frame.voice.probability for frame in then}
    settled = [frame for frame in now if frame.end > 33 * BLOCK + 31 * FRAME]
    assert len(settled) > 180
    assert all(judged[frame.end] == frame.voice.probability for frame in settled)


# -- what is recognised, and what is judged -------------------------------------------------------


def test_the_voice_model_hears_the_sound_itself_and_the_recogniser_less_noise():
    hearing = Hearing(Loudness(), suppressor=Halver())
    frames = sum((listen(hearing, 8000, at) for at in range(20)), [])
    assert frames[0].voice.probability == pytest.approx(8000 / 32768)
    assert set(hearing.ring.read(0, 20 * BLOCK)) == {8000}
    assert set(hearing.clean.read(0, 20 * BLOCK)) == {4000}


def test_without_a_suppressor_nothing_is_taken_away():
    hearing = Hearing(Loudness())
    listen(hearing, 8000, 0)
    assert hearing.clean is hearing.ring


def test_the_suppressor_goes_on_after_a_hole():
    hearing = Hearing(Loudness(), suppressor=Halver())
    listen(hearing, 2, 0)
    listen(hearing, 4, 5000)
    assert set(hearing.clean.read(5000 * BLOCK, 5001 * BLOCK)) == {2}


# -- two streams of one microphone ----------------------------------------------------------------


# [blocks] of the robot's voice: a strict canceller is trusted after two seconds
LONG = 150


def robots_voice(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 3000, BLOCK).astype(np.int16)


def overhear(order: str, strict_level: int, gentle_level: int,
             blocks: int = LONG) -> list[HeardFrame]:
    """The robot speaks; the strict stream ('s') and the gentle one ('g') come in the given order,
    block by block.
    """
    rng, hearing, frames = np.random.default_rng(8), Hearing(Loudness(), Loudness()), []
    for at in range(blocks):
        voice = robots_voice(rng)
        hearing.play(T0 + at * 0.02, voice)
        both = {'g': (voice // 4 + block(gentle_level)).astype(np.int16), 's': block(strict_level)}
        for stream in order:
            if stream == 'g':
                frames += hearing.hear(T0 + at * 0.02, at * BLOCK, both['g'])
            else:
                frames += hearing.hear_strict(at * BLOCK, both['s'])
    return frames


def test_a_voice_in_the_strict_stream_is_a_persons_whatever_the_echo_gate_says():
    frames = overhear('gs', strict_level=30_000, gentle_level=0)
    assert frames[-1].voice.probability == pytest.approx(30_000 / 32768, abs=0.01)
    assert frames[-1].voice.echo_likelihood < 0.1
    assert overhear('gs', strict_level=0, gentle_level=0)[-1].voice.echo_likelihood > 0.9


def test_a_canceller_that_has_just_begun_is_not_believed():
    early = overhear('gs', strict_level=30_000, gentle_level=0, blocks=60)
    assert max(frame.voice.probability for frame in early) < 0.3


def test_the_order_in_which_the_two_streams_come_makes_no_difference():
    one, other = overhear('gs', 9000, 500), overhear('sg', 9000, 500)
    shorter = min(len(one), len(other))
    assert abs(len(one) - len(other)) <= 1 and one[1:shorter] == other[1:shorter]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 1), min_size=40, max_size=40))
def test_whichever_of_two_blocks_is_late_the_frames_are_the_same(late: list[int]):
    """Up to one block of delay between the streams."""
    def frames_of(late: list[int]) -> list[HeardFrame]:
        rng, hearing, frames, held = np.random.default_rng(8), Hearing(Loudness(),
                                                                       Loudness()), [], None
        for at, is_late in enumerate(late):
            voice = robots_voice(rng)
            hearing.play(T0 + at * 0.02, voice)
            frames += hearing.hear(T0 + at * 0.02, at * BLOCK, voice // 4)
            if held is not None:
                frames += hearing.hear_strict(*held)
            held = (at * BLOCK, block(5000))
            if not is_late or at == len(late) - 1:
                frames += hearing.hear_strict(*held)
                held = None
        return frames
    assert frames_of(late) == frames_of([0] * len(late))


def test_without_a_strict_stream_nothing_waits_for_one():
    hearing = Hearing(Loudness(), Loudness())
    frames = sum((listen(hearing, 8000, at) for at in range(100)), [])
    assert [frame.end for frame in frames] == list(range(FRAME, 32_001, FRAME))


def test_a_strict_stream_that_ends_holds_nothing_up_for_more_than_two_blocks():
    hearing = Hearing(Loudness(), Loudness())
    for at in range(50):
        listen(hearing, 8000, at)
        list(hearing.hear_strict(at * BLOCK, block(8000)))
    for at in range(50, 150):
        listen(hearing, 8000, at)
        assert hearing.ring.end - hearing._framed < FRAME + 2 * BLOCK
    assert hearing.ring.end - hearing._framed < FRAME + BLOCK


def test_frames_say_whether_the_robot_speaks():
    hearing, frames, rng = Hearing(Loudness()), [], np.random.default_rng(1)
    for at in range(150):
        if 20 <= at < 80:
            hearing.play(T0 + at * 0.02, robots_voice(rng))
        frames += hearing.hear(T0 + at * 0.02, at * BLOCK, block(0))
    overlap = [frame.end / RATE for frame in frames if frame.voice.overlap]
    assert overlap[0] == pytest.approx(0.4, abs=0.06) and 1.7 < overlap[-1] < 2.4
