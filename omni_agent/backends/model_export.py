"""From a torch model to ONNX files: the only place that uses torch, which nothing else needs.

Precision lives in the file: fp16 is the model halved, with float32 at both ends so that callers
see no difference; int8 is the float32 file with quantise/dequantise pairs that TensorRT takes
(symmetric, biases left alone). Each file is run in ONNX Runtime and compared with the torch model
before it is kept.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Iterator, Sequence

import numpy as np

from omni_agent.backends.engine_ort import OrtEngine
from omni_agent.backends.engine_reference import LEAST_COSINE, cosine, seeded_feeds
from omni_agent.backends.engines import TensorSpec
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import torch

PRECISIONS = ('fp32', 'fp16', 'int8')
OPSET = 18            # the oldest that torch's exporter writes; TensorRT 10.3 reads it
CALIBRATION = 32      # generated inputs that choose int8 ranges, where no real ones are given
CHECKED = (1001, 1002, 1003, 1004)      # seeds of inputs that no range was chosen by
INPUT, OUTPUT = 'input', 'output'


@dataclass(frozen=True)
class Export:
    """``cosine``: the worst over inputs that were not used for calibration."""

    path: Path
    precision: str
    cosine: float


def need_torch() -> ModuleType:
    return _need('torch')


def _need(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BackendError(f'{name} is not installed, and exporting needs it: run "pip install '
                           'torch onnx onnxscript"') from error


def export(model: torch.nn.Module, shape: Sequence[int], path: Path, precision: str,
           calibration: np.ndarray | None = None) -> Export:
    """One item of ``shape`` -> ``path``, with an open batch. ``calibration``: real inputs
    (n, *shape) for int8. Raises BackendError, and leaves no file, when it cannot be done or is not
    close enough.
    """
    part = path.with_name(f'.{path.stem}.part.onnx')
    try:
        write(model, shape, part, precision, calibration)
        found = _compare(model, part, shape)
        if not found >= LEAST_COSINE:
            raise BackendError(f'{path.name} is too far from the torch model (cosine {found:.4f}, '
                               f'at least {LEAST_COSINE} is asked): {_advice(precision)}')
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return Export(path, precision, found)


def write(model: torch.nn.Module, shape: Sequence[int], path: Path, precision: str,
          calibration: np.ndarray | None = None) -> None:
    """The file, not compared with anything yet."""
    torch = need_torch()
    if precision != 'int8':
        _trace(torch, _halved(torch, model) if precision == 'fp16' else model, shape, path)
        return
    full = path.with_name(f'{path.stem}.full.onnx')
    try:
        _trace(torch, model, shape, full)
        quantise(full, path, _generated(shape) if calibration is None else calibration)
    finally:
        full.unlink(missing_ok=True)


def quantise(full: Path, path: Path, inputs: np.ndarray) -> None:
    """An ONNX file that computes in float32, with one input -> int8 with ranges from ``inputs``
    (n, *shape). Raises BackendError.
    """
    onnx = _need('onnx')
    from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                          quantize_static)

    class Reader(CalibrationDataReader):
        def __init__(self, name: str) -> None:
            self._feeds: Iterator[dict[str, np.ndarray]] = (
                {name: item[None]} for item in inputs)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._feeds, None)

    try:
        with _without_hints():
            quantize_static(
                _with_plain_weights(onnx, full), str(path), Reader(OrtEngine(full).inputs[0].name),
                quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                # what TensorRT asks of an int8 network
                extra_options={'QuantizeBias': False, 'ActivationSymmetric': True,
                               'WeightSymmetric': True})
    # the quantiser has no exception of its own
    except Exception as error:
        raise BackendError(f'{full.name} cannot be quantised ({_one_line(error)}): '
                           'export it as fp16') from error


def widen(stored: Path, path: Path) -> None:
    """An ONNX file whose weights may be stored as fp16 -> the same with float32 weights."""
    onnx = _need('onnx')
    onnx.save(_with_plain_weights(onnx, stored), str(path))


def _with_plain_weights(onnx: ModuleType, path: Path) -> object:
    """The network with weights that are stored as fp16 turned into the float32 they stand for:
    behind their Cast the quantiser would take them for pictures, with one range for all channels.
    """
    model = onnx.load(str(path))
    kept = {one.name: one for one in model.graph.initializer}
    for node in [one for one in model.graph.node if one.op_type == 'Cast']:
        if node.input[0] in kept and node.attribute[0].i == onnx.TensorProto.FLOAT:
            stored = kept[node.input[0]]
            values = onnx.numpy_helper.to_array(stored).astype(np.float32)
            stored.CopyFrom(onnx.numpy_helper.from_array(values, node.output[0]))
            model.graph.node.remove(node)
    return model


def _halved(torch: ModuleType, model: torch.nn.Module) -> torch.nn.Module:
    import copy

    class Halved(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = copy.deepcopy(model).half()

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return self.inner(values.half()).float()

    return Halved()


def _trace(torch: ModuleType, model: torch.nn.Module, shape: Sequence[int], path: Path) -> None:
    _need('onnxscript')
    model = model.eval()
    example = torch.zeros((2, *shape))       # with 1, torch would take the batch for a constant
    batch = torch.export.Dim('n', min=1, max=1024)
    try:
        with _without_hints():
            torch.onnx.export(model, (example,), str(path), dynamo=True, opset_version=OPSET,
                              input_names=[INPUT], output_names=[OUTPUT], external_data=False,
                              dynamic_shapes=({0: batch},), verbose=False)
    # torch's exporter raises whatever the model's own code raises while it is traced
    except Exception as error:
        raise BackendError(f'torch cannot export {type(model).__name__} ({_one_line(error)}): it '
                           'has to be a module of one tensor in, one out, with an open batch'
                           ) from error


@contextlib.contextmanager
def _without_hints() -> Iterator[None]:
    """Both exporters write what one might also install or do to the log; errors still come."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _compare(model: torch.nn.Module, path: Path, shape: Sequence[int]) -> float:
    """Several items at once, so that the open batch is tested too."""
    torch = need_torch()
    values = np.concatenate([_one(shape, seed) for seed in CHECKED])
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(values)).numpy()
    engine = OrtEngine(path)
    found = engine.infer({engine.inputs[0].name: values})[engine.outputs[0].name]
    engine.close()
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise BackendError(f'{path.name} gives {found.shape}, or numbers that are not finite, '
                           f'where the torch model gives {expected.shape}: export it as fp32')
    return min(cosine(one, other) for one, other in zip(found, expected))


def _generated(shape: Sequence[int]) -> np.ndarray:
    return np.concatenate([_one(shape, seed) for seed in range(CALIBRATION)])


def _one(shape: Sequence[int], seed: int) -> np.ndarray:
    spec = TensorSpec(INPUT, (1, *shape), np.dtype(np.float32))
    return seeded_feeds([spec], seed)[INPUT]


def _advice(precision: str) -> str:
    return {'fp32': 'the exporter changed the network, report it to torch',
            'fp16': 'its numbers do not fit, use fp32',
            'int8': 'give --calibration with real inputs, or use fp16'}[precision]


def _one_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
