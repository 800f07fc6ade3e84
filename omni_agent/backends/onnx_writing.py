"""Networks put together from weights: the only place that writes ONNX's protobuf by hand.

For a network that is published as bare weights. The ``onnx`` package, which could do it, is not
needed to run anything. Opset 13, float32 and int64 tensors, attributes that are whole numbers.
"""

from __future__ import annotations

from typing import Mapping, Sequence, Union

import numpy as np

from omni_agent.backends.onnx_file import as_varint

IR_VERSION, OPSET = 8, 13
FLOAT, INT64 = 1, 7                                      # TensorProto.DataType
_KINDS = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}
INT, INTS = 2, 7                                         # AttributeProto.AttributeType
Shape = Sequence[Union[int, str]]        # sizes, and names of those that are open


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str],
         **attributes: int | Sequence[int]) -> bytes:
    """A NodeProto."""
    return b''.join((*(_text(1, name) for name in inputs), *(_text(2, name) for name in outputs),
                     _text(4, kind),
                     *(_bytes(5, _attribute(name, value)) for name, value in attributes.items())))


def network(nodes: Sequence[bytes], weights: Mapping[str, np.ndarray],
            inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> bytes:
    """A ModelProto of float32 inputs and outputs; a dimension is a number or has a name."""
    graph = b''.join((*(_bytes(1, one) for one in nodes), _text(2, 'network'),
                      *(_bytes(5, _tensor(name, value)) for name, value in weights.items()),
                      *(_bytes(11, _value(name, shape)) for name, shape in inputs.items()),
                      *(_bytes(12, _value(name, shape)) for name, shape in outputs.items())))
    return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, _number(2, OPSET))


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, INT)
    return _text(1, name) + b''.join(_number(8, one) for one in value) + _number(20, INTS)


def _tensor(name: str, value: np.ndarray) -> bytes:
    return (b''.join(_number(1, size) for size in value.shape) +
            _number(2, _KINDS[value.dtype]) + _text(8, name) +
            _bytes(9, np.ascontiguousarray(value).tobytes()))


def _value(name: str, shape: Shape) -> bytes:
    """A ValueInfoProto."""
    dimensions = b''.join(_bytes(1, _number(1, one) if isinstance(one, int) else _text(2, one))
                          for one in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, dimensions)))


def _number(field: int, value: int) -> bytes:
    return as_varint(field << 3) + as_varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return as_varint(field << 3 | 2) + as_varint(len(content)) + content
