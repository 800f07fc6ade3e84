"""What an ONNX file is made of: the only place that reads its protobuf by hand.

Weights may lie in other files beside it; whoever wants to know whether a network changed has to
hash those too. The ``onnx`` package, which could say, is not needed to run anything.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Iterator, Sequence

from omni_agent.backends.model_cache import CHUNK
from omni_agent.core.errors import BackendError

# Numbers of fields in onnx.proto that lead from a model to its tensors.
GRAPH, FUNCTIONS = 7, 25                                 # ModelProto
NODE, INITIALIZER, SPARSE = 1, 5, 15                     # GraphProto
ATTRIBUTE = 5                                            # NodeProto
TENSOR, SUBGRAPH, TENSORS, SUBGRAPHS = 5, 6, 10, 11      # AttributeProto
NODE_OF_FUNCTION = 7                                     # FunctionProto
VALUES, INDICES = 1, 2                                   # SparseTensorProto
EXTERNAL = 13                                            # TensorProto
KEY, VALUE = 1, 2                                        # StringStringEntryProto

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5             # wire types
NAMED = b'\x12\x06branch'                                # GraphProto.name
# message -> field -> message inside it
INSIDE = {
    'model': {GRAPH: 'graph', FUNCTIONS: 'function'},
    'graph': {NODE: 'node', INITIALIZER: 'tensor', SPARSE: 'sparse'},
    'function': {NODE_OF_FUNCTION: 'node'},
    'node': {ATTRIBUTE: 'attribute'},
    'attribute': {TENSOR: 'tensor', SUBGRAPH: 'graph', TENSORS: 'tensor', SUBGRAPHS: 'graph'},
    'sparse': {VALUES: 'tensor', INDICES: 'tensor'},
}


def digest(path: Path) -> str:
    """sha256 over the network and every file its weights lie in. Raises BackendError."""
    total = hashlib.sha256()
    for file in [path, *external_files(path)]:
        try:
            with file.open('rb') as content:
                while chunk := content.read(CHUNK):
                    total.update(chunk)
        except OSError as error:
            raise BackendError(f'{file} of the network {path} cannot be read ({error}): '
                               'keep all files of a network together') from error
        total.update(file.name.encode() + b'\0')
    return total.hexdigest()


def external_files(path: Path) -> list[Path]:
    """The files beside ``path`` that hold its weights, in order of their names.

    Raises BackendError for a file that is no ONNX network or points out of its folder.
    """
    try:
        content = memoryview(path.read_bytes())
        names = sorted({_location(entry) for tensor in _tensors(content, 'model')
                        for number, entry in _fields(tensor) if number == EXTERNAL} - {''})
    except (IndexError, ValueError) as error:
        raise BackendError(f'{path} is not an ONNX network: {error}') from error
    except OSError as error:
        raise BackendError(f'{path} cannot be read: {error}') from error
    for name in names:
        if Path(name).is_absolute() or '..' in Path(name).parts:
            raise BackendError(f'{path} wants its weights from {name!r}, outside of its folder: '
                               'do not use this file')
    return [path.parent / name for name in names]


def with_named_subgraphs(network: bytes) -> bytes:
    """The same network with a name on each of its subgraphs: ORT files keep none, and without one
    ONNX Runtime refuses what it wrote itself. Raises BackendError.
    """
    try:
        return _named(memoryview(network), (GRAPH, NODE, ATTRIBUTE, SUBGRAPH))
    except (IndexError, ValueError) as error:
        raise BackendError(f'this is not an ONNX network: {error}') from error


def _named(message: memoryview, path: Sequence[int]) -> bytes:
    """``path`` leads to the messages that get a name, after the one they may have: the last
    counts.
    """
    if not path:
        return bytes(message) + NAMED
    parts = []
    for number, content, raw in _raw_fields(message):
        if number == path[0] and content is not None:
            inner = _named(content, path[1:])
            raw = as_varint(number << 3 | BYTES) + as_varint(len(inner)) + inner
        parts.append(raw)
    return b''.join(parts)


def _tensors(message: memoryview, kind: str) -> Iterator[memoryview]:
    for number, content in _fields(message):
        inside = INSIDE[kind].get(number)
        if inside == 'tensor':
            yield content
        elif inside:
            yield from _tensors(content, inside)


def _location(entry: memoryview) -> str:
    pair = {number: bytes(content).decode() for number, content in _fields(entry)}
    return pair.get(VALUE, '') if pair.get(KEY) == 'location' else ''


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, content) of every length-delimited field; others are skipped."""
    for number, content, _ in _raw_fields(message):
        if content is not None:
            yield number, content


def _raw_fields(message: memoryview) -> Iterator[tuple[int, memoryview | None, memoryview]]:
    """(number, content, all bytes) of every field; only those that are length-delimited have
    content.
    """
    at = 0
    while at < len(message):
        begin, content = at, None
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == VARINT:
            _, at = _varint(message, at)
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        elif wire == BYTES:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError('it ends in the middle of a field')
            content = message[at:at + size]
            at += size
        else:
            raise ValueError(f'byte {at} is no field of a protobuf message')
        yield tag >> 3, content, message[begin:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(f'byte {at} is no number of a protobuf message')


def as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
