"""Tensors out of a file that torch saved before 2020, without torch: the only place that reads a
pickle somebody else wrote.

Such a file is a row of pickles with raw numbers behind them. A pickle may call whatever it can
name; here it can name the three things a list of tensors is made of, and none of them does
anything.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Mapping, Sequence

import numpy as np

from omni_agent.core.errors import BackendError

MAGIC, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001
MOST_NUMBERS = 1 << 28                   # of one storage; more is no voice or picture of ours
_DAMAGED = (pickle.UnpicklingError, struct.error, EOFError, ValueError, KeyError, IndexError,
            TypeError, AttributeError, UnicodeDecodeError)


@dataclass(frozen=True)
class _Tensor:
    """Where its numbers are: ``stride`` in numbers, as torch has it."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def tensors(path: Path | str, group: str) -> dict[str, np.ndarray]:
    """The float32 tensors of a dictionary ``group`` inside of the file, by name.

    Raises BackendError for a file of another kind, or one that wants to call something.
    """
    try:
        with open(path, 'rb') as file:
            found = _read(file, group)
    except OSError as error:
        raise BackendError(f'{path} cannot be read: {error}') from error
    except _DAMAGED as error:
        raise BackendError(f'{path} does not hold the tensors {group!r} as torch once wrote them '
                           f'({error}): run "omni-agent models verify"') from error
    return found


def _read(file: BinaryIO, group: str) -> dict[str, np.ndarray]:
    if _Pickle(file).load() != MAGIC or _Pickle(file).load() != PROTOCOL:
        raise ValueError('another kind of file')
    if not _Pickle(file).load()['little_endian']:
        raise ValueError('its numbers are written the other way round')
    described = _Pickle(file).load()[group]
    storages = {str(key): _numbers(file) for key in _Pickle(file).load()}
    return {str(name): _view(one, storages) for name, one in described.items()
            if isinstance(one, _Tensor)}


def _numbers(file: BinaryIO) -> np.ndarray:
    count, = struct.unpack('<q', file.read(8))
    if not 0 <= count <= MOST_NUMBERS:
        raise ValueError(f'a storage of {count} numbers')
    content = file.read(4 * count)
    if len(content) != 4 * count:
        raise ValueError('it ends in the middle of a storage')
    return np.frombuffer(content, '<f4')


def _view(tensor: _Tensor, storages: Mapping[str, np.ndarray]) -> np.ndarray:
    """A copy, so that the file can be forgotten."""
    size = int(np.prod(tensor.shape, dtype=np.int64))
    if tensor.stride != _contiguous(tensor.shape):
        raise ValueError('a tensor that is not stored row by row')
    numbers = storages[tensor.storage][tensor.offset:tensor.offset + size]
    return numbers.reshape(tensor.shape).astype(np.float32)


def _contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(np.prod(shape[at + 1:], dtype=np.int64)) for at in range(len(shape)))


def _tensor(storage: object, offset: int, shape: Sequence[int], stride: Sequence[int],
            *rest: object) -> _Tensor:
    """Stands for torch._utils._rebuild_tensor_v2; ``rest`` is of gradients."""
    return _Tensor(str(storage), int(offset), tuple(shape), tuple(stride))


_NAMES = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch', 'FloatStorage'): 'float32',
}


class _Pickle(pickle.Unpickler):
    """Can name nothing but what is in _NAMES."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f'it wants to use {module}.{name}')
        return _NAMES[module, name]

    def persistent_load(self, identity: tuple[object, ...]) -> object:
        """('storage', type, key, device, numbers, view) -> key."""
        kind, numbers, key = identity[:3]
        if kind != 'storage' or numbers != 'float32':
            raise pickle.UnpicklingError(f'it holds a {numbers}')
        return key
