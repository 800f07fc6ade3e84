"""A network in ONNX Runtime, on the CPU or on CUDA, as an Engine."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

import numpy as np

from omni_agent.backends.engines import NotHere, TensorSpec
from omni_agent.backends.onnx import session
from omni_agent.core.errors import BackendError

CUDA = 'CUDAExecutionProvider'
DTYPES = {'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(double)': np.float64,
          'tensor(int64)': np.int64, 'tensor(int32)': np.int32, 'tensor(int8)': np.int8,
          'tensor(uint8)': np.uint8, 'tensor(bool)': np.bool_}


class OrtEngine:
    """Raises NotHere where there is no CUDA, BackendError for a network that cannot be loaded.

    ``cuda`` was never run on a GPU by this project; its refusals were.
    """

    def __init__(self, network: Path | bytes, threads: int = 1, cuda: bool = False) -> None:
        self.name = 'ort-cuda' if cuda else 'ort-cpu'
        if cuda:
            _need_cuda()
        self._session = session(network, threads, CUDA if cuda else '')
        self.inputs = tuple(_spec(tensor) for tensor in self._session.get_inputs())
        self.outputs = tuple(_spec(tensor) for tensor in self._session.get_outputs())
        self._names = [spec.name for spec in self.outputs]
        self.detail = _detail(self._session.get_providers()[0], threads)

    def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            return dict(zip(self._names, self._session.run(self._names, dict(feeds))))
        # onnxruntime raises a family of its own that has no public base class
        except Exception as error:
            raise BackendError(f'{self.name} cannot run the network on this input '
                               f'({str(error).splitlines()[0]}): it takes {self._wanted()}'
                               ) from error

    def close(self) -> None:
        del self._session

    def _wanted(self) -> str:
        return ', '.join(f'{spec.name} {list(spec.shape)} {spec.dtype}' for spec in self.inputs)


def _need_cuda() -> None:
    """Before ONNX Runtime is asked: it falls back to the CPU with no more than a warning."""
    from omni_agent.backends.engine_cuda import probe

    try:
        import onnxruntime as ort
    except ImportError as error:
        raise NotHere('onnxruntime is not installed: run "pip install onnxruntime-gpu"') from error
    if CUDA not in ort.get_available_providers():
        raise NotHere(f'onnxruntime {ort.__version__} here is the build for the CPU: '
                      'run "pip install onnxruntime-gpu" in its place')
    probe()
    if hasattr(ort, 'preload_dlls'):        # CUDA libraries that came as wheels (1.21 and later)
        ort.preload_dlls()


def _detail(provider: str, threads: int) -> str:
    import onnxruntime as ort
    how = 'CUDA' if provider == CUDA else f'{threads} thread{"s" if threads > 1 else ""}'
    return f'onnxruntime {ort.__version__}, {how}'


def _spec(tensor: object) -> TensorSpec:
    if tensor.type not in DTYPES:
        raise BackendError(f'tensor {tensor.name} is a {tensor.type}, which no engine here takes: '
                           'export the network with tensors of numbers')
    shape = tuple(side if isinstance(side, int) else -1 for side in tensor.shape)
    return TensorSpec(tensor.name, shape, np.dtype(DTYPES[tensor.type]))
