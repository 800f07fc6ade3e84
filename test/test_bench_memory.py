"""``bench memory``: a short run of all of it, and the generated life that it is measured on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from omni_agent.backends.experience import Experience, looks
from omni_agent.backends.experience_words import HALVES
from omni_agent.cli import bench, bench_memory
from omni_agent.core.past import Kind
from omni_agent.core.terms import terms

T = bench_memory.BEGIN


def test_the_same_seed_is_the_same_life_and_another_is_not():
    one, same, other = (Experience('development', seed).log(900.0, T) for seed in (5, 5, 6))
    assert one == same and one != other
    assert (one.asked and all(asked.truth and asked.truth <= set(range(len(one.episodes)))
                              for asked in one.asked))
    assert all(asked.answer in
               {moment.text
                for index in asked.truth
                for moment in one.episodes[index].moments} for asked in one.asked)


def test_the_halves_share_no_name_no_thing_no_sound_and_no_wording():
    one, other = HALVES['development'], HALVES['test']
    for name in one.__dataclass_fields__:
        mine, theirs = getattr(one, name), getattr(other, name)
        assert not set(mine) & set(theirs), name
        if name in ('things', 'belongings', 'objects', 'people'):
            assert not set(terms(' '.join(mine))) & set(terms(' '.join(theirs)))


def test_episodes_follow_each_other_with_their_moments_inside():
    log = Experience('test', 1).log(1800.0, T)
    for episode, following in zip(log.episodes, log.episodes[1:]):
        assert episode.end <= following.start
        assert all(episode.start <= moment.t <= episode.end for moment in episode.moments)


def test_a_camera_shows_the_same_again_until_something_else_is_seen():
    episode = Experience('test', 1).log(60.0, T).episodes[0]
    stream = list(looks(episode))
    seen = [moment for _, moment in stream if moment.kind is Kind.SEEN]
    assert len(seen) == pytest.approx(10 * (episode.end - episode.start), rel=0.2)
    assert {moment.text for _, moment in stream} == {moment.text for moment in episode.moments}
    assert [t for t, _ in stream] == sorted(t for t, _ in stream)


def test_all_figures_are_measured_and_written(tmp_path: Path):
    parser = argparse.ArgumentParser()
    bench.add_parser(parser.add_subparsers())
    arguments = parser.parse_args([
        'bench', 'memory', '--hours', '0.02', '--questions', '60', '--logs', '1', '--speed', '900',
        '--half', 'development', '--out',
        str(tmp_path / 'out'), '--json',
        str(tmp_path / 'memory.json')
    ])
    assert arguments.run(arguments) == 0
    written = json.loads((tmp_path / 'memory.json').read_text())
    figures = written['figures']
    assert (figures['minute2_answered'] == 1.0 and figures['budget_held'] == 1.0
            and figures['stream_dropped'] == 0)
    assert figures['stream_s'] >= 1800
    assert figures['stream_items'] <= figures['stream_budget_items'] < figures['stream_looks']
    assert (figures['recall_at_1'] > 0.9 > figures['recall_at_1_words_only']
            and figures['false_queries'] == 0)
    assert (figures['query_p99_ms_1min'] > figures['query_p50_ms_1min'] > 0
            and figures['size_mb_1min'] > 0)
    assert written['missed'] == ['query_p99_ms_24h']       # a day was not asked for
    assert len(written['answers']) == figures['asked'] > 50
    # the memories are gone
    assert sorted(file.name for file in (tmp_path / 'out').iterdir()) == ['answers.csv',
                                                                          'memory.png']
    assert (tmp_path / 'out' / 'memory.png').read_bytes()[:4] == b'\x89PNG'
