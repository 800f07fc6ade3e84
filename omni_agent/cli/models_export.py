"""``omni-agent models export``: from a torch model to the ONNX files that engines run."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omni_agent.backends.model_export import PRECISIONS, Export, export
from omni_agent.core.errors import ConfigError

if TYPE_CHECKING:
    import torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('model', metavar='MODULE:FUNCTION',
                        help='a Python function without arguments that returns a torch module; '
                             'it is run')
    parser.add_argument('--shape', required=True, metavar='C,H,W',
                        help='of one input item, without the batch, such as 3,224,224')
    parser.add_argument('--precision', action='append', choices=PRECISIONS, default=[],
                        help='may be given several times (default: all)')
    parser.add_argument('--out', type=Path, default=Path('.'), metavar='FOLDER',
                        help='default: here')
    parser.add_argument('--name', default='', help='of the files (default: the function)')
    parser.add_argument('--calibration', type=Path, metavar='FILE.npy',
                        help='real inputs (n, C, H, W) to choose the int8 ranges by')


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError, BackendError."""
    shape = _shape(args.shape)
    inputs = _calibration(args.calibration, shape)
    model = _model(args.model)
    name = args.name or args.model.partition(':')[2]
    args.out.mkdir(parents=True, exist_ok=True)
    if inputs is None and (not args.precision or 'int8' in args.precision):
        print('int8 ranges are chosen by generated patterns: give --calibration with real inputs '
              'for a network that is to be used', file=sys.stderr)
    for precision in args.precision or PRECISIONS:
        print(f'{name} {precision}: exporting', flush=True)
        _say(export(model, shape, args.out / f'{name}_{precision}.onnx', precision, inputs))
    return 0


def _say(made: Export) -> None:
    print(f'{made.path}  {made.path.stat().st_size / 1e6:.2f} MB  '
          f'cosine to the torch model {made.cosine:.5f}', flush=True)


def _shape(words: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(word) for word in words.split(','))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise ConfigError(f'--shape {words}: give whole numbers with commas, such as 3,224,224')
    return shape


def _calibration(path: Path | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if path is None:
        return None
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f'--calibration {path} cannot be read: {error}') from error
    if values.shape[1:] != shape or not len(values):
        raise ConfigError(f'--calibration {path} has shape {values.shape}: '
                          f'{("n", *shape)} is wanted'.replace("'", ''))
    return values.astype(np.float32)


def _model(words: str) -> torch.nn.Module:
    module, colon, function = words.partition(':')
    if not colon:
        raise ConfigError(f'{words!r} names no function: give it as package.module:function')
    from omni_agent.backends.model_export import need_torch
    torch = need_torch()
    sys.path.insert(0, os.getcwd())
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'{words} cannot be imported from here ({error}): '
                          'run the command where Python finds it') from error
    finally:
        sys.path.remove(os.getcwd())
    if not isinstance(made, torch.nn.Module):
        raise ConfigError(f'{words} gave a {type(made).__name__}, not a torch module')
    return made
