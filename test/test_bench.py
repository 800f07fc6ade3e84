"""The arithmetic of the benchmarks, on recordings whose figures are known."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from omni_agent.cli import bench, bench_continuity, bench_latency
from omni_agent.cli.bench import Result
from omni_agent.core.errors import ConfigError
from omni_agent.core.recording import (AgentState, Diagnostics, Look, Meta, Percept, Playback,
                                       React, Recording, SpeechState)

META = Meta(t=100.0, t0=100.0)
BUSY = [(10.0, 20.0)]


def test_rates_are_told_apart_by_whether_the_robot_was_busy():
    times = ([t / 2
              for t in range(0, 20)] + [10 + t / 4
                                        for t in range(40)] + [20 + t / 2 for t in range(21)])
    assert bench_continuity.rate(times, BUSY, inside=True) == pytest.approx(4.0)
    assert bench_continuity.rate(times, BUSY, inside=False) == pytest.approx(2.0, rel=0.06)


def test_a_gap_during_speech_is_measured_in_idle_periods():
    times = [t / 2 for t in range(0, 25)] + [13.5 + t / 2 for t in range(30)]
    assert bench_continuity.max_gap_periods(times, BUSY) == pytest.approx(3.0)
    assert bench_continuity.max_gap_periods([1.0, 1.5, 2.0], BUSY) is None


def test_decision_delay_runs_from_the_sound_to_the_first_state_about_it():
    percepts = tuple(
        Percept(t=t, received=t, kind='speech_started', utterance=n)
        for n, t in ((1, 5.0), (2, 15.0)))
    states = tuple(
        AgentState(t=t, received=t, epoch=1, person='speaking', agent='idle', utterance=n)
        for n, t in ((1, 5.1), (1, 5.9), (2, 15.2)))
    idle, busy = bench_continuity.delays(Recording(META, percepts=percepts, states=states), BUSY)
    assert idle == [pytest.approx(0.1)] and busy == [pytest.approx(0.2)]


def test_all_figures_come_out_of_one_recording():
    looks = tuple(Look(t=t / 2, received=t / 2) for t in range(60))
    voice = tuple(SpeechState(t=t / 30, utterance=0, probability=0.0) for t in range(900))
    recording = Recording(META, voice=voice, looks=looks,
                          reacts=(React(t=10.0, received=10.0, epoch=5), ),
                          playback=(Playback(t=20.0, received=20.0, epoch=5, state='finished'), ))
    figures = bench_continuity.figures(recording)
    assert figures['rate_ratio'] == pytest.approx(1.0, abs=0.06)
    assert figures['voice_rate_ratio'] == pytest.approx(1.0, abs=0.01)
    assert figures['busy_s'] == 10.0 and figures['max_gap_periods'] == pytest.approx(1.0)
    assert figures['decision_ratio'] is None             # nobody said anything


def test_blocks_count_as_lost_only_after_the_curtain():
    def report(t: float, node: str, **values: int) -> Diagnostics:
        return Diagnostics(t=t, node=node, level=0, values={
            key.replace('_', ' '): str(n)
            for key, n in values.items()
        })

    records = (report(99.0, 'perception',
                      samples_lost=0), report(101.0, 'perception', samples_lost=320),
               report(109.0, 'perception',
                      samples_lost=960), report(101.0, 'microphone', dropped_in_the_inbox=4),
               report(109.0, 'microphone', dropped_in_the_inbox=5))
    assert bench_latency.blocks_lost(Recording(META, diagnostics=records)) == 3.0


def test_a_figure_that_is_missing_misses_its_target():
    result = Result('x', {
        'a': None,
        'b': 1.0,
        'c': 3.0
    }, {
        'a': ('<=', 1),
        'b': ('<=', 1),
        'c': ('<=', 2.5)
    })
    assert result.missed == ['a', 'c']
    assert result.as_json()['targets'] == {'a': ['<=', 1], 'b': ['<=', 1], 'c': ['<=', 2.5]}


def arguments(**values: object) -> argparse.Namespace:
    return argparse.Namespace(**{'json': None, 'strict': False, 'set': [], **values})


def test_figures_go_into_the_file_and_strict_makes_a_miss_an_error(tmp_path: Path,
                                                                   capsys: pytest.CaptureFixture):
    pytest.importorskip('omni_agent_msgs.msg')
    path = tmp_path / 'figures.json'
    def measure(_: argparse.Namespace) -> Result:
        return Result('x', {'a': 2.0}, {'a': ('<=', 1)})
    assert bench.run(arguments(json=path), measure) == 0
    assert bench.run(arguments(strict=True), measure) == 1
    written = json.loads(path.read_text(encoding='utf-8'))
    assert set(written) == {'name', 'version', 'hardware', 'figures', 'targets', 'missed'}
    assert written['missed'] == ['a'] and 'missed' in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_told_before_anything_is_measured(tmp_path: Path):
    pytest.importorskip('omni_agent_msgs.msg')
    with pytest.raises(ConfigError, match='no such folder'):
        bench.run(arguments(json=tmp_path / 'nowhere' / 'x.json'),
                  lambda _: pytest.fail('measured'))


def test_an_intention_that_is_told_twice_is_one_reply():
    reacts = tuple(React(t=t, received=t, epoch=7, brief='hello') for t in (1.0, 1.4))
    played = Playback(t=4.0, received=4.0, epoch=7, state='finished')
    recording = Recording(Meta(t=0.0, t0=0.0), reacts=reacts, playback=(played,))
    assert bench_continuity.busy_spans(recording) == [(1.0, 4.0)]
