"""``omni-agent models build`` compiles real plans with TensorRT-RTX, which needs no GPU for it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from omni_agent.backends import encoders
from omni_agent.backends.engine_cuda import Gpu
from omni_agent.backends.engine_tensorrt import TensorRtEngine
from omni_agent.backends.engines import NotHere
from omni_agent.backends.plan_cache import PlanCache
from omni_agent.backends.tensorrt_callbacks import new_log
from omni_agent.backends.tensorrt_plan import (RTX, BuildOptions, build_plan, cached_plan,
                                               runtime_module, stored_plan, targets)
from omni_agent.cli.main import main
from omni_agent.core.errors import BackendError, ConfigError

TARGET = 'sm_89'
MAGIC = b'vtrt'            # at the beginning of a plan of TensorRT-RTX
SIZE_AT = 16               # of the whole plan, 8 bytes, little-endian


@pytest.fixture(scope='module')
def rtx() -> ModuleType:
    try:
        return runtime_module(RTX)
    except NotHere as error:
        pytest.skip(f'no plan can be compiled: {error}')


@pytest.fixture(scope='module', params=[*encoders.USED, 'golden_tiny'])
def compiled(request: pytest.FixtureRequest, rtx: ModuleType) -> tuple[str, bytes]:
    """Every encoder once, for a GPU that this machine does not need to have."""
    file = encoders.network(request.param).file
    return request.param, build_plan(rtx, file, BuildOptions(max_batch=2, targets=(TARGET,)))


def refusal(rtx: ModuleType, plan: bytes) -> str:
    """What the runtime says to a plan on a machine without a GPU."""
    log = new_log(rtx)
    runtime = rtx.Runtime(log)
    assert runtime.deserialize_cuda_engine(plan) is None
    return log.tail()


def test_the_plan_of_every_encoder_is_whole_and_holds_its_weights(
        compiled: tuple[str, bytes]) -> None:
    name, plan = compiled
    assert plan[:4] == MAGIC
    assert int.from_bytes(plan[SIZE_AT:SIZE_AT + 8], 'little') == len(plan)
    assert len(plan) > 1e6 * encoders.ENCODERS[name].weights_mb


def test_the_runtime_knows_a_whole_plan_from_a_broken_one(
        rtx: ModuleType, compiled: tuple[str, bytes]) -> None:
    """Without a GPU it runs neither, but it says of the whole one only that there is no GPU."""
    _, plan = compiled
    if runtime_sees_a_gpu():
        pytest.skip('this machine has a GPU: what the runtime says without one cannot be seen')
    malformed = 'Serialization assertion'
    assert 'Cuda Runtime' in refusal(rtx, plan) and malformed not in refusal(rtx, plan)
    assert malformed in refusal(rtx, plan[:len(plan) // 2])
    assert malformed in refusal(rtx, plan[:-1])
    assert malformed in refusal(rtx, b'no' + plan[2:])
    validity, _ = rtx.Runtime(new_log(rtx)).get_engine_validity(plan)
    assert validity == rtx.EngineValidity.INVALID


def runtime_sees_a_gpu() -> bool:
    from omni_agent.backends.engine_cuda import probe
    try:
        probe()
    except NotHere:
        return False
    return True


def test_the_same_file_gives_the_same_plan_and_another_target_another(rtx: ModuleType) -> None:
    file = encoders.network('golden_tiny').file
    one, two = (build_plan(rtx, file, BuildOptions(targets=(TARGET,))) for _ in range(2))
    assert one == two != build_plan(rtx, file, BuildOptions(targets=('sm_120',)))
    both = build_plan(rtx, file, BuildOptions(targets=(TARGET, 'sm_120')))
    assert both[:4] == MAGIC and both not in (one, two)


def test_progress_is_told_and_reaches_its_end(rtx: ModuleType) -> None:
    told: list[tuple[str, float]] = []
    build_plan(rtx, encoders.network('golden_tiny').file, BuildOptions(targets=(TARGET,)),
               lambda phase, share: told.append((phase, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(set(shares)) > 5
    assert len({phase for phase, _ in told}) > 3


def test_stopping_while_it_compiles_ends_it(rtx: ModuleType) -> None:
    def stop(phase: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_plan(rtx, encoders.network('golden_tiny').file, BuildOptions(targets=(TARGET,)),
                   stop)


def test_a_file_that_is_no_network_is_a_sentence(rtx: ModuleType, tmp_path: Path) -> None:
    junk = tmp_path / 'junk.onnx'
    junk.write_bytes(encoders.network('golden_tiny').file.read_bytes()[:3000])
    with pytest.raises(BackendError, match='junk.onnx is not understood .*ort-cpu for it'):
        build_plan(rtx, junk, BuildOptions(targets=(TARGET,)))


def test_a_gpu_that_nobody_can_compile_for_is_refused_with_those_that_can(
        rtx: ModuleType) -> None:
    assert TARGET in targets(rtx)
    with pytest.raises(ConfigError, match=f"'sm_90'.*{TARGET}"):
        build_plan(rtx, encoders.network('golden_tiny').file, BuildOptions(targets=('sm_90',)))


def test_without_a_gpu_a_target_has_to_be_named(rtx: ModuleType, tmp_path: Path) -> None:
    network = encoders.network('golden_tiny')
    with pytest.raises(ConfigError, match=f'name a kind with --target, one of .*{TARGET}'):
        cached_plan(RTX, network.name, network.file, None, PlanCache(tmp_path), BuildOptions())


def test_running_without_a_driver_is_refused_before_the_runtime_is_touched(
        rtx: ModuleType, tmp_path: Path) -> None:
    network = encoders.network('golden_tiny')
    with pytest.raises(NotHere, match='no NVIDIA driver'):
        TensorRtEngine(network.name, network.file, RTX, PlanCache(tmp_path),
                       driver='libcuda.so.99')


def test_an_int8_and_an_fp16_network_compile(rtx: ModuleType, tmp_path: Path) -> None:
    onnx = pytest.importorskip('onnx', reason='the onnx package makes these networks')
    from omni_agent.backends.model_export import quantise

    golden = encoders.network('golden_tiny').file
    inputs = np.random.RandomState(0).standard_normal((8, 3, 32, 32)).astype(np.float32)
    quantise(golden, tmp_path / 'int8.onnx', inputs)
    model = onnx.load(str(golden))
    for one in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        if isinstance(one, onnx.TensorProto):
            half = onnx.numpy_helper.to_array(one).astype(np.float16)
            one.CopyFrom(onnx.numpy_helper.from_array(half, one.name))
        else:
            one.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(model, str(tmp_path / 'fp16.onnx'))
    for name in ('int8', 'fp16'):
        plan = build_plan(rtx, tmp_path / f'{name}.onnx', BuildOptions(targets=(TARGET,)))
        assert plan[:4] == MAGIC


# What engine_tensorrt calls when there is a GPU, and nothing here can run.
CALLED = {
    'Runtime': 'engine_host_code_allowed deserialize_cuda_engine',
    'ICudaEngine': 'num_io_tensors get_tensor_name get_tensor_dtype get_tensor_shape '
                   'get_tensor_mode get_tensor_profile_shape create_runtime_config '
                   'create_execution_context',
    'IRuntimeConfig': 'cuda_graph_strategy dynamic_shapes_kernel_specialization_strategy '
                      'create_runtime_cache set_runtime_cache',
    'IRuntimeCache': 'serialize deserialize',
    'IExecutionContext': 'set_input_shape infer_shapes get_tensor_shape set_tensor_address '
                         'execute_async_v3',
    'CudaGraphStrategy': 'WHOLE_GRAPH_CAPTURE',
    'DynamicShapesKernelSpecializationStrategy': 'EAGER', 'TensorIOMode': 'INPUT OUTPUT'}


@pytest.mark.parametrize('kind', CALLED)
def test_what_is_called_on_a_gpu_exists_in_the_real_library(rtx: ModuleType, kind: str) -> None:
    there = set(dir(getattr(rtx, kind, None))) if kind != 'IRuntimeCache' else set(
        dir(getattr(sys.modules[rtx.Builder.__module__], kind)))
    assert set(CALLED[kind].split()) <= there


# -- the command ----------------------------------------------------------------------------------


def test_the_command_compiles_once_and_then_finds_it(
        rtx: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    command = ['models', 'build', 'golden_tiny', '--target', TARGET]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert 'golden_tiny: 0 %' in first and 'compiled for the first time' in first
    assert main(command) == 0
    again = capsys.readouterr().out
    assert 'from the cache' in again and ' %' not in again
    plan = Path(again.split()[-1])
    assert plan.is_file() and plan.is_relative_to(tmp_path / 'omni_agent' / 'plans')
    plan.write_bytes(b'something else')
    assert main(command) == 0
    assert 'the stored plan was not loaded: its sha256' in capsys.readouterr().out
    assert plan.read_bytes()[:4] == MAGIC


def test_a_plan_that_cannot_be_kept_is_a_failure_of_the_command(
        rtx: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    (tmp_path / 'omni_agent').mkdir()
    (tmp_path / 'omni_agent' / 'plans').write_text('no folder')
    assert main(['models', 'build', 'golden_tiny', '--target', TARGET]) == 1
    assert 'not kept' in capsys.readouterr().out


def test_each_target_gets_a_plan_of_its_own_so_that_a_start_there_finds_it(
        rtx: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    command = ['models', 'build', 'golden_tiny', '--target', TARGET, '--target', 'sm_120']
    assert main(command) == 0
    plans = {line.split()[-1] for line in capsys.readouterr().out.splitlines()
             if 'compiled for the first time' in line}
    assert len(plans) == 2
    file, gpu = encoders.network('golden_tiny').file, Gpu('RTX 4090', TARGET, '13.0', 24e3)
    found = stored_plan(rtx, RTX, 'golden_tiny', file, gpu, PlanCache())
    assert str(found.path) in plans
    other = replace(gpu, capability='sm_86')
    assert stored_plan(rtx, RTX, 'golden_tiny', file, other, PlanCache()) is None
    found.path.write_bytes(b'something else')
    assert stored_plan(rtx, RTX, 'golden_tiny', file, gpu, PlanCache()) is None


def test_the_runtime_that_is_installed_is_the_one_that_is_compiled_for(
        rtx: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    if runtime_sees_a_gpu():
        pytest.skip('this machine has a GPU: it would be compiled for')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delitem(sys.modules, 'tensorrt', raising=False)      # a stand-in of other tests
    assert main(['models', 'build', 'golden_tiny']) == 2
    assert 'name a kind with --target' in capsys.readouterr().err
    (tmp_path / 'tensorrt').mkdir()              # as on a Jetson; never imported without a driver
    (tmp_path / 'tensorrt' / '__init__.py').write_text('raise SystemExit(139)\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(['models', 'build', 'golden_tiny']) == 2
    assert 'full TensorRT compiles only on the GPU' in capsys.readouterr().err
    assert main(['models', 'build', 'golden_tiny', '--target', TARGET]) == 0


def test_two_commands_at_once_compile_once(rtx: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'omni_agent.cli.main', 'models', 'build', 'mobilenetv2',
               '--target', TARGET]
    environment = {**os.environ, 'XDG_CACHE_HOME': str(tmp_path)}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
               for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted('from the cache' in text for text in said) == [False, True]


@pytest.mark.parametrize('arguments, words', [
    (['nothing'], "no encoder called 'nothing'"),
    (['golden_tiny', '--target', 'sm_1'], "'sm_1' cannot be compiled for")])
def test_what_cannot_be_compiled_is_one_line(
        rtx: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert main(['models', 'build', *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count('\n') == 1


def test_full_tensorrt_says_that_it_needs_the_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    if runtime_sees_a_gpu():
        pytest.skip('this machine has a GPU')
    assert main(['models', 'build', 'golden_tiny', '--engine', 'tensorrt']) == 2
    error = capsys.readouterr().err
    assert 'only on the GPU that it is for' in error and 'libcuda' in error
