"""An ONNX file run one operator at a time by torch: what a GPU gives without any compiling.

Only ``bench encoders`` uses it, to say what the engines gain. It knows the operators of the
encoders of this package and refuses others. Needs torch and onnx.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping

import numpy as np

from omni_agent.backends.engines import NotHere, TensorSpec
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import torch

Tensors = list['torch.Tensor | None']
Settings = dict[str, object]


class TorchEngine:
    """``device`` as torch names it. Raises NotHere, BackendError."""

    def __init__(self, path: Path, device: str = 'cuda') -> None:
        self.name = 'torch-eager'
        self._torch, onnx = _need('torch'), _need('onnx')
        if device == 'cuda' and not self._torch.cuda.is_available():
            raise NotHere('torch sees no CUDA GPU')
        self._device = device
        self.detail = f'torch {self._torch.__version__} on {device}'
        graph = onnx.load(str(path)).graph
        to_array = onnx.numpy_helper.to_array
        self._constants = {one.name: self._tensor(to_array(one)) for one in graph.initializer}
        self._steps = [(node.op_type, list(node.input), list(node.output), _settings(onnx, node))
                       for node in graph.node]
        missing = sorted({kind for kind, *_ in self._steps} - set(OPERATORS))
        if missing:
            raise BackendError(f'{path.name} has operators that are not known here '
                               f'({", ".join(missing)}): compare it without torch')
        self.inputs = tuple(_spec(onnx, one) for one in graph.input)
        self.outputs = tuple(_spec(onnx, one) for one in graph.output)

    def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        values: dict[str, torch.Tensor | None] = {**self._constants, '': None}
        values |= {name: self._tensor(array) for name, array in feeds.items()}
        with self._torch.no_grad():
            for kind, sources, targets, settings in self._steps:
                found = OPERATORS[kind](self._torch, [values[name] for name in sources], settings)
                values.update(zip(targets, found if isinstance(found, tuple) else (found,)))
        return {spec.name: values[spec.name].cpu().numpy() for spec in self.outputs}

    def close(self) -> None:
        self._constants.clear()

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        # numbers that say how long or where stay with the host, which has to know them
        device = self._device if np.issubdtype(array.dtype, np.floating) else 'cpu'
        return self._torch.from_numpy(np.array(array)).to(device)


def _need(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotHere(f'{name} is not installed: run "pip install torch onnx"') from error


def _settings(onnx: object, node: object) -> Settings:
    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}


def _spec(onnx: object, value: object) -> TensorSpec:
    kind = value.type.tensor_type
    shape = tuple(side.dim_value if side.HasField('dim_value') else -1 for side in kind.shape.dim)
    return TensorSpec(value.name, shape,
                      np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)))


def _conv(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    pads = s.get('pads', [0] * 4)
    if s.get('auto_pad', b'NOTSET') != b'NOTSET':
        raise BackendError('a convolution with automatic padding is not known here')
    padded = torch.nn.functional.pad(x[0], (pads[1], pads[3], pads[0], pads[2]))
    return torch.nn.functional.conv2d(padded, x[1], x[2] if len(x) > 2 else None,
                                      s.get('strides', 1), 0, s.get('dilations', 1),
                                      s.get('group', 1))


def _max_pool(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    pads = s.get('pads', [0] * 4)
    padded = torch.nn.functional.pad(x[0], (pads[1], pads[3], pads[0], pads[2]),
                                     value=float('-inf'))
    return torch.nn.functional.max_pool2d(padded, s['kernel_shape'], s.get('strides', 1), 0,
                                          s.get('dilations', 1), bool(s.get('ceil_mode', 0)))


def _pad(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    sides = x[1].tolist()
    half = len(sides) // 2
    # torch counts from the last dimension, before and after in turn
    pairs = [number for axis in reversed(range(half)) for number in (sides[axis],
                                                                     sides[axis + half])]
    value = float(x[2]) if len(x) > 2 and x[2] is not None else 0.0
    return torch.nn.functional.pad(x[0], pairs, value=value)


def _resize(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    sizes = x[3].tolist() if len(x) > 3 and x[3] is not None else None
    if not sizes:
        sizes = [round(float(side) * float(scale)) for side, scale in zip(x[0].shape, x[2])]
    mode = s.get('mode', b'nearest').decode()
    aligned = s.get('coordinate_transformation_mode', b'half_pixel')
    if mode == 'linear' and aligned in (b'half_pixel', b'align_corners'):
        return torch.nn.functional.interpolate(x[0], sizes[2:], mode='bilinear',
                                               align_corners=aligned == b'align_corners')
    if mode == 'nearest' and aligned == b'asymmetric':
        return torch.nn.functional.interpolate(x[0], sizes[2:], mode='nearest')
    raise BackendError(f'resizing by {mode}, {aligned.decode()} is not known here')


def _cast(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    kinds = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16}
    return x[0].to(kinds[s['to']])


def _clip(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    ends = [float(one) if one is not None else None for one in (*x[1:], None, None)][:2]
    return torch.clamp(x[0], *ends)


def _gemm(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    a = x[0].T if s.get('transA', 0) else x[0]
    b = x[1].T if s.get('transB', 0) else x[1]
    found = s.get('alpha', 1.0) * (a @ b)
    return found + s.get('beta', 1.0) * x[2] if len(x) > 2 else found


def _split(torch: object, x: Tensors, s: Settings) -> tuple[torch.Tensor, ...]:
    sizes = x[1].tolist() if len(x) > 1 else s['split']
    return tuple(torch.split(x[0], list(sizes), s.get('axis', 0)))


def _reshape(torch: object, x: Tensors, s: Settings) -> torch.Tensor:
    sides = [x[0].shape[axis] if side == 0 else side for axis, side in enumerate(x[1].tolist())]
    return x[0].reshape(sides)


OPERATORS: dict[str, Callable[[object, Tensors, Settings], object]] = {
    'Add': lambda torch, x, s: x[0] + x[1],
    'Cast': _cast,
    'Clip': _clip,
    'Concat': lambda torch, x, s: torch.cat(x, s['axis']),
    'Conv': _conv,
    'Flatten': lambda torch, x, s: x[0].flatten(s.get('axis', 1)),
    'Gemm': _gemm,
    'GlobalAveragePool': lambda torch, x, s: x[0].mean((2, 3), keepdim=True),
    'LeakyRelu': lambda torch, x, s: torch.nn.functional.leaky_relu(x[0], s.get('alpha', 0.01)),
    'MaxPool': _max_pool,
    'Mul': lambda torch, x, s: x[0] * x[1],
    'Pad': _pad,
    'Relu': lambda torch, x, s: torch.relu(x[0]),
    'Reshape': _reshape,
    'Resize': _resize,
    'Sigmoid': lambda torch, x, s: torch.sigmoid(x[0]),
    'Split': _split,
    'Sub': lambda torch, x, s: x[0] - x[1],
    'Transpose': lambda torch, x, s: x[0].permute(tuple(s['perm'])),
}
