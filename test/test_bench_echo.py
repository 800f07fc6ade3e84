"""The echo bench: the ways in which a robot hears itself, and what is counted."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends import RATE, audio_files, echo_play, echo_speech
from omni_agent.backends.echo_path import CASES, JUMP, Case, echo
from omni_agent.backends.echo_play import START, Cut, Overheard, _Robot
from omni_agent.backends.echo_speech import HALVES, Own, Said
from omni_agent.cli import bench_echo
from omni_agent.cli.bench_echo import Row
from omni_agent.core.audio import level_dbfs
from omni_agent.core.events import (Interrupt, Reason, SpeechStarted, SpeechStopped,
                                    Transcript)
from omni_agent.share import share_dir

BENCH = share_dir() / 'scenarios' / 'assets' / 'bench'


def hiss(seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 3000, round(seconds * RATE)).astype(np.int16)


def lag(one: np.ndarray, other: np.ndarray) -> int:
    """By how many samples ``one`` is behind ``other``."""
    size = 1 << (2 * one.size).bit_length()
    both = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other.astype(float), size)))
    at = int(np.argmax(np.abs(both)))
    return at if at < size // 2 else at - size


@pytest.mark.parametrize('echo_db', [-6.0, -40.0])
def test_an_echo_is_as_loud_and_as_late_as_its_case_says(echo_db: float) -> None:
    played = hiss()
    heard = echo(Case('x', echo_db, delay_ms=120.0), played)
    assert lag(heard, played) == pytest.approx(0.12 * RATE, abs=2)
    assert (level_dbfs(
        (heard * 32767).astype(np.int16)) - level_dbfs(played) == pytest.approx(echo_db, abs=1.5))


def test_a_loudspeaker_that_saturates_is_quieter_than_its_echo_would_be() -> None:
    played = hiss()
    linear, driven = (np.std(echo(Case('x', -6.0, saturating=on), played)) for on in (False, True))
    assert driven < 0.95 * linear


def test_a_clock_that_drifts_moves_the_echo_forward_and_a_jump_moves_it_back_and_forth() -> None:
    played = hiss(20.0)
    still = echo(Case('x', -6.0), played)
    drifting, jumping = echo(Case('x', -6.0, drift_ppm=100.0),
                             played), echo(Case('x', -6.0, jumps=True), played)
    end, middle = slice(19 * RATE, 20 * RATE), slice(12 * RATE, 13 * RATE)
    resampler_delay = lag(drifting[:RATE], still[:RATE])
    assert (lag(drifting[end], still[end]) - resampler_delay == pytest.approx(
        -19.5 * RATE * 1e-4, abs=3))
    assert lag(jumping[middle], still[middle]) == JUMP and lag(jumping[end], still[end]) == 0


def test_the_cases_are_those_that_were_asked_for() -> None:
    assert {case.echo_db for case in CASES} == {-6.0, -12.0, -20.0, -30.0, -40.0}
    assert {case.delay_ms for case in CASES} == {40.0, 120.0}
    assert {case.drift_ppm for case in CASES} == {0.0, 20.0, 100.0}
    assert any(case.saturating for case in CASES) and any(case.jumps for case in CASES)


def test_the_two_halves_share_neither_sentences_nor_people() -> None:
    sentences = [{sentence
                  for sentence, _ in zip(echo_speech.sentences(half), range(300))}
                 for half in HALVES]
    people = [{said.name for said in echo_speech.synthetic(half)} for half in HALVES]
    assert not sentences[0] & sentences[1] and not people[0] & people[1] and all(map(len, people))
    assert (echo_speech._half(0, 'somebody') == 'test'
            and echo_speech._half(0, 'conf-onlyperson') == 'development')


# -- what is counted ------------------------------------------------------------------------------


def said(text: str) -> Said:
    return Said('somebody', text, np.zeros(RATE, np.float32), 0)


def row(*waits: float | None, stops: int = 0, heard: str = 'where is my cup',
        lowered: int = 0) -> Row:
    cut = Cut(said('Where is my cup?'), -20.0, 0, RATE)
    alone = Overheard(seconds=300.0, cpu_s=3.0, lowered_at=[1.0] * lowered,
                      lowered_s=0.5 * lowered, stopped_by=['oh no'] * stops)
    return Row(
        CASES[0], alone,
        Overheard(seconds=300.0, cpu_s=9.0, notices=[(cut, wait) for wait in waits],
                  heard=[(cut, heard)]))


def test_figures_are_over_all_cases() -> None:
    figures = bench_echo.figures(
        [row(0.1, 0.2, lowered=2),
         row(0.3, stops=1, heard='where was cup')])
    assert (figures['self_interruptions'] == 1 and figures['notice_p50_s'] == 0.2
            and figures['notice_p95_s'] == 0.3)
    assert (figures['overlap_wer'] == pytest.approx(2 / 8)
            and figures['cpu_per_s'] == pytest.approx(0.02))
    assert (figures['false_lowerings'] == 2
            and figures['false_lowerings_per_10_min'] == pytest.approx(2.0))
    assert (figures['falsely_lowered_s'] == 1.0 and figures['people'] == 3
            and figures['unnoticed'] == 0)


def test_people_who_were_never_noticed_spoil_the_percentile_they_fall_into() -> None:
    figures = bench_echo.figures([row(0.1, 0.2, 0.3, None)])
    assert (figures['notice_p95_s'] is None and figures['notice_p50_s'] == 0.3
            and figures['unnoticed'] == 1)


def test_a_voice_that_is_lowered_and_comes_back_is_no_stop_and_words_are_one() -> None:
    found = Overheard()
    robot = _Robot(Own(hiss(), ()), found)
    robot.step(SpeechStarted(START + 1.0, 1), START + 1.1)
    robot.step(SpeechStopped(START + 1.3, 1, 0.3), START + 1.5)
    robot.step(Transcript(START + 1.3, 1, '', True, 0.3, 1.0), START + 1.6)
    assert found.lowered_at == [pytest.approx(1.1)] and found.lowered_s == pytest.approx(0.5)
    assert found.stopped_by == []
    robot.step(SpeechStarted(START + 3.0, 2), START + 3.1)
    robot.step(Transcript(START + 3.8, 2, 'what is the time now', False, 0.8), START + 4.0)
    assert found.stopped_by == ['what is the time now']
    robot.step(SpeechStarted(START + 6.0, 3), START + 6.1)           # it speaks again
    assert len(found.lowered_at) == 3


def test_the_ears_learn_of_every_decision_about_what_they_told() -> None:
    told: list[Interrupt] = []
    robot = _Robot(Own(hiss(), ()), Overheard(), lambda interrupt, now: told.append(interrupt))
    assert [one.reason for one in told] == [Reason.NEW_REPLY]
    robot.step(SpeechStarted(START + 1.0, 1), START + 1.1)
    assert told[-1].ducked
    robot.step(Transcript(START + 1.8, 1, 'what is the time now', False, 0.8), START + 2.0)
    assert [one.reason for one in told[2:]] == [Reason.BARGE_IN, Reason.NEW_REPLY]
    assert told[-1].epoch > told[0].epoch


@pytest.fixture(scope='module')
def speech() -> Own:
    """Half a minute of a voice of the package, in place of the robot's."""
    pytest.importorskip('pywebrtc_audio')
    need_model('silero_vad', 'silero_vad.onnx')
    sounds = [
        audio_files.to_int16(audio_files.read(BENCH / f'q{number:02}.flac'))
        for number in range(1, 16, 2)
    ]
    samples = np.concatenate([np.zeros(RATE, np.int16), *sounds, *sounds])[:24 * RATE]
    return Own(samples, tuple((at, f'word{at}') for at in range(RATE, samples.size, RATE // 3)))


def test_a_robot_that_hears_itself_does_not_stop_for_it(speech: Own) -> None:
    found = echo_play.alone(Case('x', -12.0), speech,
                            lambda samples: 'tell me about the weather please')
    assert found.stopped_by == [] and found.seconds == pytest.approx(24.0)
    assert 0.0 < found.cpu_s < found.seconds


def test_a_person_is_noticed_and_understood_through_the_robot(speech: Own) -> None:
    person = echo_speech.synthetic('test')[3]
    found = echo_play.interrupted(Case('x', -20.0), speech, [person], lambda samples: person.text)
    assert (len(found.notices) == 1 and found.notices[0][1] is not None
            and found.notices[0][1] < 0.5)
    assert echo_play.word_errors(found.heard) == (0, len(person.text.split()))


def test_a_short_bench_gives_all_figures_and_a_table(tmp_path: Path) -> None:
    pytest.importorskip('pywebrtc_audio')
    need_model('moonshine_tiny_en', 'encoder_model.ort')
    parser = argparse.ArgumentParser()
    bench_echo.add_arguments(parser)
    arguments = parser.parse_args(['--minutes', '0.2', '--people', '2', '--cases', '1'])
    arguments.out = tmp_path
    try:
        result = bench_echo.measure(arguments)
    except echo_speech.BackendError as error:
        pytest.skip(str(error))
    assert ({'self_interruptions', 'notice_p50_s', 'notice_p95_s', 'overlap_wer', 'cpu_per_s'}
            <= set(result.figures))
    assert result.figures['people'] == 2 and result.figures['minutes_per_case'] == 0.2
    assert CASES[0].name in result.notes[0]
    assert len((tmp_path / 'interruptions.csv').read_text().splitlines()) == 3
