"""Where speech starts and stops, and which pieces are one utterance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.endpoint import Endpointer, EndpointParams, VoiceFrame
from omni_agent.core.events import SpeechStarted, SpeechStopped

FRAME_S = 0.032
T0 = 1000.0


class Line:
    """Frames in a row; '#' is a voice, '.' silence, '~' a weak voice, 'e' the robot's own.

    While the robot speaks 'S' is a sure voice, 'V' one with a third of echo, 'w' a faint one, 'h'
    half a voice.
    """

    def __init__(self, **params: float) -> None:
        self.endpointer = Endpointer(EndpointParams(**{'stop_s': 0.2, **params}))
        self.t = T0

    def hear(self, frames: str) -> list[SpeechStarted | SpeechStopped]:
        events = []
        for mark in frames:
            self.t += FRAME_S
            probability = {
                '#': 0.9,
                '.': 0.1,
                '~': 0.4,
                'e': 0.9,
                'S': 0.9,
                'V': 0.9,
                'w': 0.35,
                'h': 0.55,
                '_': 0.0
            }[mark]
            echo = {'e': 0.9, 'V': 0.25, 'w': 0.2, 'h': 0.2}.get(mark, 0.0)
            event = self.endpointer.step(
                VoiceFrame(self.t, FRAME_S, probability, echo, mark in 'eSVwh_'))
            events += [event] if event else []
        return events

    def close(self) -> None:
        self.endpointer.close()


def numbers(events: list[SpeechStarted | SpeechStopped]) -> list[int]:
    return [event.utterance for event in events if isinstance(event, SpeechStarted)]


def test_two_voiced_frames_start_an_utterance_at_the_first_of_them():
    line = Line()
    assert line.hear('..#') == []
    assert line.hear('#') == [SpeechStarted(pytest.approx(T0 + 2 * FRAME_S), 1)]


def test_one_voiced_frame_is_a_click():
    assert Line().hear('#.#.#..#') == []


def test_over_the_robots_voice_one_sure_frame_is_enough():
    assert numbers(Line().hear('eeS')) == [1]
    assert numbers(Line().hear('eeV')) == []              # that may be echo
    assert numbers(Line().hear('eeVV')) == [1]


def test_over_the_robots_voice_a_faint_frame_before_a_voice_counts():
    assert numbers(Line().hear('__h')) == []
    assert numbers(Line().hear('_wh')) == [1]
    assert numbers(Line().hear('wew')) == []


def test_how_sure_is_a_parameter_and_one_is_never():
    assert numbers(Line(sure=1.0).hear('eeS')) == []
    assert numbers(Line(sure=1.0).hear('_wh')) == []
    assert numbers(Line(sure=1.0).hear('eeSS')) == [1]


def test_a_click_over_the_robots_voice_is_over_at_once():
    events = Line().hear('eeS' + 'e' * 10)
    assert isinstance(events[-1], SpeechStopped) and events[-1].voiced_s == pytest.approx(FRAME_S)


def test_silence_ends_an_utterance_at_its_last_voiced_frame():
    line = Line()
    events = line.hear('####......')
    assert len(events) == 1
    end, voiced_s = pytest.approx(T0 + 4 * FRAME_S), pytest.approx(4 * FRAME_S)
    assert line.hear('.') == [SpeechStopped(end, 1, voiced_s)]


def test_a_short_gap_does_not_end_an_utterance():
    assert len(Line().hear('####.....####.....####')) == 1


def test_a_weak_voice_goes_on_but_does_not_start():
    assert Line().hear('~~~~~~') == []
    assert len(Line().hear('##~~~~~~~~~~')) == 1


def test_the_robots_own_voice_neither_starts_nor_goes_on():
    assert Line().hear('eeeeee') == []
    events = Line().hear('##eeeeeeeeee')
    assert isinstance(events[-1], SpeechStopped)
    assert events[-1].voiced_s == pytest.approx(2 * FRAME_S)


def test_the_echo_limit_itself_still_counts_as_a_voice():
    endpointer = Endpointer(EndpointParams())
    params = endpointer.params
    events = [endpointer.step(VoiceFrame(T0 + at * FRAME_S, FRAME_S, params.threshold,
                                         params.echo_limit)) for at in range(2)]
    assert isinstance(events[1], SpeechStarted)


def test_speech_after_a_breath_is_the_same_utterance():
    line = Line()
    events = line.hear('####' + '.' * 15 + '####' + '.' * 8)
    assert numbers(events) == [1, 1]
    assert events[-1].voiced_s == pytest.approx(8 * FRAME_S)


def test_speech_after_a_longer_pause_is_a_new_utterance():
    events = Line().hear('####' + '.' * 30 + '###' + '.' * 8)
    assert numbers(events) == [1, 2]
    assert events[-1].voiced_s == pytest.approx(3 * FRAME_S)


def test_after_a_decision_speech_is_a_new_utterance_however_short_the_pause():
    line = Line()
    line.hear('####' + '.' * 8)
    line.close()
    assert numbers(line.hear('####')) == [2]


def test_a_decision_counts_for_one_utterance_only():
    line = Line()
    line.hear('####' + '.' * 8)
    line.close()
    assert numbers(line.hear('####' + '.' * 8 + '####')) == [2, 2]


def test_a_decision_does_not_split_an_utterance_in_progress():
    line = Line()
    line.hear('####')
    line.close()
    assert numbers(line.hear('####' + '.' * 10 + '####')) == [1]


@settings(deadline=None, max_examples=150)
@given(st.text('##..~e', max_size=120), st.sets(st.integers(0, 119)))
def test_starts_and_stops_alternate_and_numbers_never_fall(frames: str, closings: set[int]):
    line, events = Line(), []
    for at, mark in enumerate(frames):
        if at in closings:
            line.close()
        events += line.hear(mark)
    kinds = [type(event) for event in events]
    assert kinds == ([SpeechStarted, SpeechStopped] * len(kinds))[:len(kinds)]
    used = numbers(events)
    assert used == sorted(used)
    assert set(used) == set(range(1, len(set(used)) + 1))
    for started, stopped in zip(events[::2], events[1::2]):
        assert stopped.utterance == started.utterance
        assert started.t < stopped.t
        assert 2 * FRAME_S <= stopped.voiced_s + 1e-9


@settings(deadline=None, max_examples=50)
@given(st.text('#.~e', max_size=100))
def test_silence_always_ends_speech(frames: str):
    line = Line()
    line.hear(frames)
    line.hear('.' * 8)
    assert not line.endpointer.speaking


def test_a_voice_that_fell_silent_may_go_on_for_a_while():
    line = Line()
    assert not line.endpointer.trails(line.t)             # nobody has spoken yet
    line.hear('####')
    assert not line.endpointer.trails(line.t)             # nor is anybody silent
    line.hear('.......')
    assert line.endpointer.trails(line.t) and not line.endpointer.trails(line.t + 2.0)
