"""Our side of TensorRT, on a stand-in whose GPU is this computer: order, shapes, graphs, refusals.

What a real TensorRT answers is not tested here; test_models_build.py has TensorRT-RTX compile.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import gpu_stand_in
import numpy as np
import pytest

from omni_agent.backends import encoders
from omni_agent.backends.engine_ort import OrtEngine
from omni_agent.backends.engine_tensorrt import TensorRtEngine
from omni_agent.backends.engines import Network, NoEngine, NotHere, first_right
from omni_agent.backends.plan_cache import PlanCache
from omni_agent.backends.tensorrt_callbacks import Progress
from omni_agent.backends.tensorrt_plan import BuildOptions, build_plan, plan_key, runtime_module
from omni_agent.core.errors import BackendError, ConfigError


@pytest.fixture(scope='module')
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return gpu_stand_in.driver(tmp_path_factory.mktemp('cuda'))


@pytest.fixture
def trt(library: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return gpu_stand_in.install_tensorrt(monkeypatch, library)


@pytest.fixture
def golden() -> Network:
    return encoders.network('golden_tiny')


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / 'plans')


def opened(network: Network, cache: PlanCache, library: str) -> TensorRtEngine:
    return TensorRtEngine(network.name, network.file, 'tensorrt', cache, BuildOptions(max_batch=4),
                          library)


def pixels(batch: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal((batch, 3, 32, 32)).astype(np.float32)


def test_it_computes_what_onnx_runtime_computes_for_every_batch_and_gives_all_back(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    engine, right = opened(golden, cache, library), OrtEngine(golden.file)
    for seed, batch in enumerate([1, 1, 1, 3, 3, 1, 4, 4, 2]):
        feeds = {'pixels': pixels(batch, seed)}
        found = engine.infer(feeds)['embedding']
        assert np.allclose(found, right.infer(feeds)['embedding'], atol=1e-5)
    engine.close()
    assert gpu_stand_in.left_over(library) == 0


def test_the_second_run_of_a_shape_is_recorded_and_the_third_only_replayed(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    engine, before = opened(golden, cache, library), gpu_stand_in.replays(library)

    def after(batch: int) -> tuple[int, int]:
        engine.infer({'pixels': pixels(batch)})
        return trt.log.count('enqueue'), gpu_stand_in.replays(library) - before

    # a change of shape makes the recording invalid, also a change back
    assert [after(batch) for batch in (1, 1, 1, 1, 2, 2, 2, 1, 1, 2, 1, 1)] == [
        (1, 0), (2, 1), (2, 2), (2, 3), (3, 3), (4, 4), (4, 5), (5, 5), (6, 6), (7, 6), (8, 6),
        (9, 7)]
    engine.close()


def test_a_thread_that_did_not_load_it_may_run_it(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    """A context of CUDA belongs to one thread until another makes it its own."""
    engine, right = opened(golden, cache, library), OrtEngine(golden.file)
    feeds = {'pixels': pixels(1)}
    with ThreadPoolExecutor(1) as worker:
        found = worker.submit(engine.infer, feeds).result(timeout=30)
        worker.submit(engine.close).result(timeout=30)
    assert np.allclose(found['embedding'], right.infer(feeds)['embedding'], atol=1e-5)


def test_what_was_given_back_is_not_overwritten_by_the_next_run(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    engine = opened(golden, cache, library)
    for _ in range(3):
        first = engine.infer({'pixels': pixels(1, 1)})['embedding']
        kept = first.copy()
        engine.infer({'pixels': pixels(1, 2)})
        assert np.array_equal(first, kept)
    engine.close()


@pytest.mark.parametrize('by', ['TensorRT', 'the driver'])
def test_a_network_that_cannot_be_recorded_runs_without_and_says_so(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str,
        monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    if by == 'the driver':
        monkeypatch.setenv('FAKE_CUDA_NO_CAPTURE', '1')
    else:
        trt.refuse.add('record')
    engine, right = opened(golden, cache, library), OrtEngine(golden.file)
    for seed in range(4):
        feeds = {'pixels': pixels(1, seed)}
        assert np.allclose(engine.infer(feeds)['embedding'], right.infer(feeds)['embedding'],
                           atol=1e-5)
    assert engine.detail.count('without a CUDA graph') == 1
    engine.close()
    assert gpu_stand_in.left_over(library) == 0


@pytest.mark.parametrize('feeds, words', [
    ({'pixels': pixels(5)}, r'outside of the plan, which goes up to \[4, 3, 32, 32\]'),
    ({'pixels': pixels(1)[:, :2]}, r'pixels is \[-1, 3, 32, 32\] float32, not \[1, 2, 32, 32\]'),
    ({'pixels': pixels(1).astype(np.float64)}, 'not .* float64'),
    ({'pixels': pixels(0)}, r'not \[0, 3, 32, 32\]'),
    ({'image': pixels(1)}, 'takes pixels, not image')],
    ids=['too many', 'two channels', 'double', 'none', 'another name'])
def test_an_input_that_does_not_fit_is_refused_and_the_next_one_is_computed(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str,
        feeds: dict[str, np.ndarray], words: str) -> None:
    engine, right = opened(golden, cache, library), OrtEngine(golden.file)
    for _ in range(2):
        with pytest.raises(BackendError, match=words):
            engine.infer(feeds)
        good = {'pixels': pixels(2)}
        assert np.allclose(engine.infer(good)['embedding'], right.infer(good)['embedding'],
                           atol=1e-5)
    engine.close()


@pytest.mark.parametrize('call, words', [
    ('builder', 'builder does not start .*nvidia-smi'), ('network', 'gave no network'),
    ('parse', 'not understood .no importer for this node'),
    ('profile', 'refuses a batch of 1 to 4'), ('build', 'cannot be compiled .*no tactic'),
    ('deserialise', 'does not take its own plan .*not compatible'),
    ('context', 'cannot run the plan')])
def test_every_call_that_fails_is_a_sentence_and_leaves_nothing_on_the_gpu(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str, call: str,
        words: str) -> None:
    trt.refuse.add(call)
    with pytest.raises(BackendError, match=words):
        opened(golden, cache, library)
    assert gpu_stand_in.left_over(library) == 0


def test_a_run_that_fails_is_a_refusal_before_the_robot_starts(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    trt.refuse.add('enqueue')
    with pytest.raises(NoEngine, match='could not compute'):
        first_right(golden, [('tensorrt', lambda: opened(golden, cache, library))])
    assert gpu_stand_in.left_over(library) == 0


def test_it_is_judged_by_the_reference_like_any_other(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    found = first_right(golden, [('tensorrt', lambda: opened(golden, cache, library))])
    assert found.engine.name == 'tensorrt'
    assert 'TensorRT 10.13.3.9 on Fake GPU (sm_89), plan compiled for the first time' in \
        found.attempts[0].detail
    found.engine.close()


def test_a_plan_is_compiled_at_the_first_start_only(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    opened(golden, cache, library).close()
    engine = opened(golden, cache, library)
    assert trt.log.count('build') == 1 and 'from the cache' in engine.detail
    engine.close()
    trt.__version__ = '10.14.0.1'            # an update of TensorRT
    try:
        opened(golden, cache, library).close()
    finally:
        trt.__version__ = '10.13.3.9'
    assert trt.log.count('build') == 2


def test_a_stored_plan_that_the_runtime_does_not_take_is_compiled_once_more(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    opened(golden, cache, library).close()
    trt.log.clear()
    trt.refuse.add('deserialise once')
    engine = opened(golden, cache, library)
    assert trt.log[:4] == ['deserialise', 'build', 'built', 'deserialise']
    engine.close()


@pytest.mark.parametrize('runtime, target, builds', [
    ('tensorrt_rtx', 'sm_89', 0), ('tensorrt_rtx', 'sm_120', 1), ('tensorrt', 'sm_89', 1)])
def test_a_plan_that_was_compiled_ahead_for_this_kind_of_gpu_is_taken_at_the_start(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str, runtime: str,
        target: str, builds: int) -> None:
    options = BuildOptions(max_batch=4)
    plan = build_plan(trt, golden.file, options)
    ahead = plan_key(trt, runtime, golden.name, golden.file, None,
                     replace(options, targets=(target, )))
    cache.plan(ahead, lambda: plan)
    trt.log.clear()

    def start() -> str:
        engine = TensorRtEngine(golden.name, golden.file, runtime, cache, options, library)
        engine.close()
        return engine.detail

    detail = start()
    assert trt.log.count('build') == builds
    assert ('compiled ahead for sm_89, from the cache' in detail) == (not builds)
    trt.log.clear()
    trt.refuse.add('deserialise once')           # it is not taken: nothing is lost but the time
    assert 'compiled for the first time' in start()
    assert 'plan from the cache' in start()


def test_tensorrt_rtx_records_inside_and_keeps_the_kernels_that_it_compiled(
        trt: ModuleType, golden: Network, cache: PlanCache, library: str) -> None:
    before = gpu_stand_in.replays(library)

    def rtx() -> TensorRtEngine:
        return TensorRtEngine(golden.name, golden.file, 'tensorrt_rtx', cache,
                              BuildOptions(max_batch=4), library)

    engine, right = rtx(), OrtEngine(golden.file)
    for seed, batch in enumerate([1, 1, 1, 2]):
        feeds = {'pixels': pixels(batch, seed)}
        assert np.allclose(engine.infer(feeds)['embedding'], right.infer(feeds)['embedding'],
                           atol=1e-5)
    engine.close()
    assert gpu_stand_in.replays(library) == before
    assert 'WHOLE_GRAPH_CAPTURE EAGER' in trt.log and "kernels b'" not in ''.join(trt.log)
    rtx().close()
    assert "kernels b'compiled kernels'" in trt.log
    trt.refuse.add('kernels')                 # of another driver
    rtx().close()
    assert gpu_stand_in.left_over(library) == 0


def test_the_driver_is_asked_before_tensorrt_is_imported(
        golden: Network, cache: PlanCache, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """A lean TensorRT ends the process when it is asked for anything without a driver."""
    (tmp_path / 'site' / 'tensorrt').mkdir(parents=True)
    (tmp_path / 'site' / 'tensorrt' / '__init__.py').write_text('import os\nos._exit(139)\n')
    monkeypatch.syspath_prepend(str(tmp_path / 'site'))
    with pytest.raises(NotHere, match='no NVIDIA driver'):
        TensorRtEngine('net', golden.file, 'tensorrt', cache, driver='libcuda.so.99')


@pytest.mark.parametrize('source, words', [
    ('__version__ = "10.3.0"', 'without a builder .the lean'),
    ('__version__ = "10.2.0"\nBuilder = OnnxParser = 1', '10.2.0 is too old, 10.3 is the first'),
    ('raise ImportError("libnvinfer.so.10: cannot open")', 'cannot be loaded .libnvinfer.so.10')])
def test_a_tensorrt_that_cannot_be_used_is_a_sentence(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str) -> None:
    (tmp_path / 'tensorrt.py').write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'tensorrt', raising=False)
    with pytest.raises(BackendError, match=words):
        runtime_module('tensorrt')
    sys.modules.pop('tensorrt', None)


def test_an_exception_while_watching_ends_the_compiling_and_comes_out_at_the_end(
        trt: ModuleType, golden: Network) -> None:
    def stop(phase: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_plan(trt, golden.file, BuildOptions(), stop)
    assert 'build' in trt.log and 'built' not in trt.log


def test_full_tensorrt_compiles_for_no_other_gpu(trt: ModuleType, golden: Network) -> None:
    with pytest.raises(ConfigError, match='no such targets in full TensorRT'):
        build_plan(trt, golden.file, BuildOptions(targets=('sm_87',)))


def test_nested_phases_make_one_share_that_never_falls() -> None:
    progress = Progress()
    seen = []
    progress.start('all', 2)
    seen.append(progress.share)
    progress.start('first', 4)
    for step in range(4):
        progress.step('first', step)
        seen.append(progress.share)
    progress.finish('first')
    seen.append(progress.share)
    progress.step('all', 0)
    seen.append(progress.share)
    assert progress.phase == 'all'
    progress.finish('all')
    assert seen == [0.0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.5] and progress.share == 1.0
