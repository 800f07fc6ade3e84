#!/usr/bin/env python3
"""Makes what engines are judged by: models/golden_tiny.onnx and models/references/*.npz.

The golden network is small enough to be looked at and has the parts of a real image encoder:
convolutions with and without stride, a depthwise one, activations, a residual, pooling, a linear
layer, and an open batch. Its weights come from a seed. Needs "pip install onnx", which nothing
else of the package does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SEED = 7
OPSET, IR = 17, 8            # what ONNX Runtime 1.23 and TensorRT 10.3 both read
SIDE, WIDTH, SIZE = 32, 16, 32
LAYERS = {                   # name: (filters, inputs of each, kernel, stride, groups)
    'first': (WIDTH, 3, 3, 2, 1),
    'depthwise': (WIDTH, 1, 3, 1, WIDTH),
    'pointwise': (WIDTH, WIDTH, 1, 1, 1),
    'last': (2 * WIDTH, WIDTH, 3, 2, 1),
}


def weights(seed: int = SEED) -> dict[str, np.ndarray]:
    """float32 arrays by name, as large as keeps the signal's size from layer to layer."""
    random = np.random.RandomState(seed)
    found: dict[str, np.ndarray] = {}
    for name, (filters, inputs, kernel, _, _) in LAYERS.items():
        scale = np.sqrt(2 / (inputs * kernel * kernel))
        found[f'{name}.weight'] = random.standard_normal((filters, inputs, kernel, kernel)) * scale
        found[f'{name}.bias'] = random.standard_normal(filters) * 0.1
    found['head.weight'] = random.standard_normal((SIZE, 2 * WIDTH)) / np.sqrt(2 * WIDTH)
    found['head.bias'] = random.standard_normal(SIZE) * 0.1
    return {name: values.astype(np.float32) for name, values in found.items()}


def model(seed: int = SEED) -> bytes:
    """The network as an ONNX file: pixels (n, 3, 32, 32) -> embedding (n, 32)."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes = [
        *_convolution(helper, 'first', 'pixels', 'a'),
        *_convolution(helper, 'depthwise', 'a', 'b'),
        *_convolution(helper, 'pointwise', 'b', 'c', active=False),
        helper.make_node('Add', ['a', 'c'], ['d']),
        *_convolution(helper, 'last', 'd', 'e'),
        helper.make_node('GlobalAveragePool', ['e'], ['f']),
        helper.make_node('Flatten', ['f'], ['g'], axis=1),
        helper.make_node('Gemm', ['g', 'head.weight', 'head.bias'], ['embedding'], transB=1),
    ]
    graph = helper.make_graph(
        nodes, 'golden_tiny',
        [helper.make_tensor_value_info('pixels', TensorProto.FLOAT, ['n', 3, SIDE, SIDE])],
        [helper.make_tensor_value_info('embedding', TensorProto.FLOAT, ['n', SIZE])],
        [numpy_helper.from_array(values, name) for name, values in weights(seed).items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR,
                             producer_name='omni_agent')
    checker.check_model(made, full_check=True)
    return made.SerializeToString(deterministic=True)


def _convolution(helper: object, name: str, source: str, target: str,
                 active: bool = True) -> list[object]:
    _, _, kernel, stride, groups = LAYERS[name]
    plain = f'{target}.plain' if active else target
    made = [helper.make_node('Conv', [source, f'{name}.weight', f'{name}.bias'], [plain],
                             kernel_shape=[kernel] * 2, strides=[stride] * 2, group=groups,
                             pads=[kernel // 2] * 4)]
    return made + [helper.make_node('Relu', [plain], [target])] if active else made


def make_references(folder: Path) -> None:
    """From ONNX Runtime on the CPU, where every encoder computes in float32."""
    from omni_agent.backends import encoders, engine_reference, models
    from omni_agent.backends.engine_ort import OrtEngine

    folder.mkdir(exist_ok=True)
    for encoder in [one for one in encoders.ENCODERS.values() if not one.optional]:
        file = (models.path(encoder.model, encoder.file) if encoder.model
                else folder.parent / encoder.file)
        engine = OrtEngine(file)
        outputs = engine.infer(engine_reference.seeded_feeds(engine.inputs))
        engine_reference.taken(outputs).save(folder / f'{encoder.name}.npz')
        print(f'{folder / encoder.name}.npz')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=ROOT / 'models', help='default: %(default)s')
    arguments = parser.parse_args()
    (arguments.out / 'golden_tiny.onnx').write_bytes(model())
    print(arguments.out / 'golden_tiny.onnx')
    make_references(arguments.out / 'references')
    return 0


if __name__ == '__main__':
    sys.exit(main())
