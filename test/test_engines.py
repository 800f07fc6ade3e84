"""Engines are tried in order, have to be right, and say why they were not taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, Mapping

import numpy as np
import pytest

from omni_agent.backends import encoders, engine_reference
from omni_agent.backends.engine_ort import OrtEngine
from omni_agent.backends.engines import (CPU, ORDER, Attempt, Engine, Network, NoEngine, NotHere,
                                         TensorSpec, choices, diagnosis, first_right, open_engine)
from omni_agent.core.errors import BackendError, ConfigError

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = [name for name, encoder in encoders.ENCODERS.items() if not encoder.optional]


@pytest.fixture(scope='module')
def golden() -> Network:
    return encoders.network('golden_tiny')


class Spoilt:
    """The golden network on the CPU, with something done to its outputs."""

    name, detail = 'spoilt', 'an engine that is wrong'

    def __init__(self, network: Network, spoil: Callable[[np.ndarray], np.ndarray]) -> None:
        self._right = OrtEngine(network.file)
        self.inputs, self.outputs = self._right.inputs, self._right.outputs
        self._spoil = spoil
        self.runs, self.closed = 0, False

    def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.runs += 1
        return {name: self._spoil(out) for name, out in self._right.infer(feeds).items()}

    def close(self) -> None:
        self.closed = True


def cpu(network: Network) -> Callable[[], Engine]:
    return lambda: OrtEngine(network.file)


def a_little_noise(out: np.ndarray) -> np.ndarray:
    return out + 1e-3 * np.random.RandomState(0).standard_normal(out.shape)


# -- every encoder --------------------------------------------------------------------------------


@pytest.mark.parametrize('name', SHIPPED)
def test_every_encoder_runs_on_the_cpu_and_gives_what_it_gave_when_it_was_added(name: str) -> None:
    network = encoders.network(name)
    opened = open_engine(network, CPU)
    assert [(one.name, one.ok) for one in opened.attempts] == [('ort-cpu', True)]
    outputs = opened.engine.infer(network.reference.feeds(opened.engine.inputs))
    assert set(outputs) == set(network.reference.expected)
    assert network.reference.judge(outputs, name) > 0.9999
    assert {out.dtype for out in outputs.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize('name', SHIPPED)
def test_the_reference_of_an_encoder_notices_another_input(name: str) -> None:
    network = encoders.network(name)
    engine = OrtEngine(network.file)
    other = engine_reference.seeded_feeds(engine.inputs, seed=network.reference.seed + 1)
    with pytest.raises(BackendError, match='differs from the float32 reference'):
        network.reference.judge(engine.infer(other), name)


def test_every_picture_model_of_the_package_is_in_the_list_of_encoders() -> None:
    shipped = {path.name for path in (ROOT / 'models').glob('*.onnx')}
    assert shipped == {encoders.ENCODERS[name].file for name in SHIPPED}


def test_an_open_batch_gives_each_picture_what_it_gets_alone(golden: Network) -> None:
    engine = OrtEngine(golden.file)
    assert engine.inputs[0].shape[0] == -1
    pixels = np.random.RandomState(3).standard_normal((5, 3, 32, 32)).astype(np.float32)
    together = engine.infer({'pixels': pixels})['embedding']
    alone = [engine.infer({'pixels': one[None]})['embedding'][0] for one in pixels]
    assert np.allclose(together, alone, atol=1e-5)


# -- the order of candidates ----------------------------------------------------------------------


def test_the_first_that_is_right_runs_and_the_rest_is_not_even_made(golden: Network) -> None:
    made: list[str] = []

    def broken() -> Engine:
        made.append('broken')
        raise BackendError('its library is of 2019: update it')

    def right() -> Engine:
        made.append('right')
        return OrtEngine(golden.file)

    opened = first_right(golden, [('broken', broken), ('right', right), ('never', broken)])
    assert made == ['broken', 'right']
    assert [(one.name, one.ok, one.absent) for one in opened.attempts] == [
        ('broken', False, False), ('right', True, False)]
    assert opened.attempts[0].detail == 'its library is of 2019: update it'
    assert 'cosine 1.0' in opened.attempts[1].detail


@pytest.mark.parametrize('spoil, words', [
    (lambda out: out * np.nan, 'not finite'),
    (lambda out: np.where(out == out.max(), np.inf, out), 'not finite'),
    (lambda out: -out, 'cosine -1.0000'),
    (lambda out: out[:, ::-1], 'differs from the float32 reference'),
    (lambda out: 1.2 * out, '1.20 of its size'),
    (lambda out: 0 * out, 'cosine nan'),
    (lambda out: out[:, :31], 'another size')],
    ids=['nan', 'one infinity', 'negative', 'turned', 'larger', 'all zero', 'shorter'])
def test_an_engine_that_is_wrong_is_closed_and_not_used(
        golden: Network, spoil: Callable[[np.ndarray], np.ndarray], words: str) -> None:
    wrong = Spoilt(golden, spoil)
    opened = first_right(golden, [('fast', lambda: wrong), ('ort-cpu', cpu(golden))])
    assert words in opened.attempts[0].detail and wrong.closed
    assert opened.engine.name == 'ort-cpu'


def test_a_rounding_error_of_a_thousandth_is_not_wrong(golden: Network) -> None:
    near = Spoilt(golden, a_little_noise)
    assert first_right(golden, [('near', lambda: near)]).engine is near
    assert near.runs == 2 and not near.closed      # warm, and judged by the last run


def test_an_exception_of_a_foreign_library_is_kept_with_its_kind(golden: Network) -> None:
    def raises() -> Engine:
        raise ZeroDivisionError('in native code')

    opened = first_right(golden, [('odd', raises), ('ort-cpu', cpu(golden))])
    assert opened.attempts[0].detail == 'ZeroDivisionError: in native code'


def test_ctrl_c_is_nobodys_refusal(golden: Network) -> None:
    def interrupted() -> Engine:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first_right(golden, [('slow', interrupted), ('ort-cpu', cpu(golden))])


def test_strict_takes_the_first_or_none(golden: Network) -> None:
    def absent() -> Engine:
        raise NotHere('no GPU: buy one')

    candidates = [('tensorrt', absent), ('ort-cpu', cpu(golden))]
    assert first_right(golden, candidates).engine.name == 'ort-cpu'
    with pytest.raises(NoEngine, match=r'strict.*no GPU: buy one') as caught:
        first_right(golden, candidates, strict=True)
    assert [one.name for one in caught.value.attempts] == ['tensorrt']
    assert first_right(golden, candidates[1:], strict=True).engine.name == 'ort-cpu'


def test_when_nothing_runs_every_reason_is_in_the_message(golden: Network, tmp_path: Path) -> None:
    junk = tmp_path / 'junk.onnx'
    junk.write_bytes(b'not a network')
    with pytest.raises(NoEngine, match='no engine runs mine') as caught:
        open_engine(Network('mine', junk))
    assert [one.name for one in caught.value.attempts] == list(ORDER)
    assert all(one.detail and one.detail in str(caught.value) for one in caught.value.attempts)


def test_a_network_of_ones_own_needs_no_reference_but_finite_numbers(golden: Network) -> None:
    mine = Network('mine', golden.file.read_bytes())
    opened = open_engine(mine, ('tensorrt', 'ort-cpu'))
    assert 'no reference' in opened.attempts[-1].detail
    wrong = Spoilt(golden, lambda out: out * np.inf)
    with pytest.raises(NoEngine, match='not finite'):
        first_right(Network('mine', golden.file), [('fast', lambda: wrong)])


def test_the_cpu_path_loads_neither_tensorrt_nor_torch() -> None:
    script = ('import sys; from omni_agent.backends import encoders, engines; '
              'engines.open_engine(encoders.network("golden_tiny"), engines.CPU); '
              'print(sorted({"torch", "onnx", "tensorrt", "tensorrt_rtx", "onnxruntime", '
              '"tensorrt_rtx_bindings"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True,
                          check=True, cwd=ROOT)
    assert done.stdout.strip() == "['onnxruntime']"


def test_names_of_engines_are_checked() -> None:
    assert choices('auto') == ORDER and choices('ort-cuda, ort-cpu') == ('ort-cuda', 'ort-cpu')
    with pytest.raises(ConfigError, match="'openvino'.*tensorrt"):
        choices('tensorrt,openvino')
    with pytest.raises(ConfigError, match='openvino'):
        open_engine(Network('mine', b''), ('openvino',))
    with pytest.raises(ConfigError, match='no engine is named'):
        open_engine(Network('mine', b''), ())
    with pytest.raises(ConfigError, match='no encoder called'):
        encoders.network('clip')


# -- diagnostics ----------------------------------------------------------------------------------


def test_what_a_machine_cannot_have_is_no_warning_but_is_shown() -> None:
    wrong, values = diagnosis([Attempt('tensorrt', False, 'no driver', 0.01, absent=True),
                               Attempt('ort-cpu', True, 'cosine 1.00000', 0.2)])
    assert wrong == ''
    assert values == {'engine tensorrt': 'refused: no driver (0.01 s)',
                      'engine ort-cpu': 'runs: cosine 1.00000 (0.20 s)'}


def test_an_engine_that_should_work_and_failed_is_a_warning() -> None:
    wrong, _ = diagnosis([Attempt('tensorrt', False, 'cosine 0.3', 9.0),
                          Attempt('ort-cpu', True, 'cosine 1.00000', 0.2)])
    assert wrong == 'tensorrt failed: cosine 0.3'


# -- ONNX Runtime ---------------------------------------------------------------------------------


def test_an_input_of_another_shape_is_refused_with_what_is_wanted(golden: Network) -> None:
    engine = OrtEngine(golden.file)
    with pytest.raises(BackendError, match=r'pixels \[-1, 3, 32, 32\] float32'):
        engine.infer({'pixels': np.zeros((1, 3, 16, 16), np.float32)})
    with pytest.raises(BackendError, match='ort-cpu cannot run'):
        engine.infer({'other': np.zeros((1, 3, 32, 32), np.float32)})


def test_cuda_is_refused_in_a_sentence_where_there_is_none(golden: Network) -> None:
    import onnxruntime

    if 'CUDAExecutionProvider' in onnxruntime.get_available_providers():
        pytest.skip('this onnxruntime is the build for CUDA; the CPU build is what is tested')
    with pytest.raises(NotHere, match='pip install onnxruntime-gpu'):
        OrtEngine(golden.file, cuda=True)


def test_a_provider_that_does_not_start_is_not_replaced_by_the_cpu(golden: Network) -> None:
    from omni_agent.backends.onnx import session

    with pytest.warns(UserWarning, match='not in available provider'):
        with pytest.raises(BackendError, match='did not start NoSuchProvider'):
            session(golden.file, provider='NoSuchProvider')


# -- references -----------------------------------------------------------------------------------


def test_the_seeded_input_is_a_picture_and_the_same_everywhere() -> None:
    spec = TensorSpec('x', (-1, 3, 64, 48), np.dtype(np.float32))
    picture = engine_reference.seeded_feeds([spec])['x']
    assert picture.shape == (1, 3, 64, 48) and picture.dtype == np.float32
    assert picture[0, :, 0, 0] == pytest.approx(
        [-1.0526733, 0.4156161, -0.5639179], abs=1e-6)
    steps = np.abs(np.diff(picture[0, 0], axis=1))
    assert steps[:, 5::6].mean() > 2 * steps[:, :5].mean()        # patches, 6 columns wide


def test_a_reference_survives_its_file_and_a_broken_one_is_named(tmp_path: Path) -> None:
    kept = engine_reference.taken({'a': np.arange(2000.0), 'b': np.ones((1, 3))})
    assert kept.expected['a'].shape == (engine_reference.POINTS,)
    assert kept.expected['a'][[0, -1]].tolist() == [0.0, 1999.0]
    kept.save(tmp_path / 'x.npz')
    read = engine_reference.load(tmp_path / 'x.npz')
    assert read.seed == kept.seed and read.judge({'a': np.arange(2000.0), 'b': np.ones(3)}, 'x')
    with pytest.raises(BackendError, match='no output b'):
        read.judge({'a': np.arange(2000.0)}, 'x')
    (tmp_path / 'y.npz').write_bytes((tmp_path / 'x.npz').read_bytes()[:200])
    for name in ('y.npz', 'z.npz'):
        with pytest.raises(ConfigError, match='install the package again'):
            engine_reference.load(tmp_path / name)
