"""Networks that turn pictures into numbers: the only list of those that any engine may run.

Each has a reference in models/references/, made by tools/make_golden.py, that every engine must
match before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omni_agent.backends import engine_reference, models
from omni_agent.backends.engines import Network, TensorSpec
from omni_agent.core.errors import ConfigError
from omni_agent.share import share_dir


@dataclass(frozen=True)
class Encoder:
    """``model``: its manifest, or '' for a file of models/ that nothing but the tests needs.
    ``gflop`` (two for each multiply-add) and ``weights_mb`` (float32) of one picture. ``shape``:
    of one item, where the file leaves it open; such a network is optional and has no reference.
    """

    name: str
    model: str
    file: str
    gflop: float
    weights_mb: float
    shape: tuple[int, ...] = ()

    @property
    def optional(self) -> bool:
        return bool(self.shape)


ENCODERS = {
    one.name: one
    for one in (
        Encoder('nanodet', 'nanodet', 'nanodet_m_416_fp16.onnx', 4.180, 15.14),
        Encoder('mobilenetv2', 'mobilenetv2', 'mobilenetv2_1280_fp16.onnx', 0.599, 8.83),
        Encoder('face_short_range', 'faces', 'face_short_range_fp16.onnx', 0.0615, 0.406),
        Encoder('face_mesh', 'faces', 'face_mesh_fp16.onnx', 0.0700, 2.42),
        Encoder('face_iris', 'faces', 'face_iris_fp16.onnx', 0.107, 2.61),
        Encoder('siglip_image', 'siglip_base', 'vision_model_quantized.onnx', 35.4, 372.0, (3, 224,
                                                                                            224)),
        Encoder('siglip_text', 'siglip_base', 'text_model_quantized.onnx', 11.0, 441.0, (64, )),
        Encoder('golden_tiny', '', 'golden_tiny.onnx', 0.00102, 0.0263))
}
USED = tuple(name for name, encoder in ENCODERS.items() if encoder.model and not encoder.optional)


def network(name: str) -> Network:
    """Raises ConfigError for another name, BackendError when its file is missing or wrong."""
    if name not in ENCODERS:
        raise ConfigError(f'there is no encoder called {name!r}: choose {", ".join(ENCODERS)}')
    encoder = ENCODERS[name]
    folder = share_dir() / 'models'
    file = (models.path(encoder.model, encoder.file) if encoder.model else folder / encoder.file)
    if encoder.optional:
        return tried(name, file)
    return Network(name, file, engine_reference.load(folder / 'references' / f'{name}.npz'))


def tried(name: str, file: Path) -> Network:
    """An optional encoder in ``file``: an engine that gives finite numbers for one item is
    right.
    """
    shape = (1, *ENCODERS[name].shape)
    if len(shape) == 2:      # tokens
        return Network(name, file,
                       feeds={'input_ids': np.arange(shape[1], dtype=np.int64)[None] % 32})
    return Network(name, file, feeds=engine_reference.seeded_feeds(
        [TensorSpec('pixel_values', shape, np.dtype(np.float32))]))


def here() -> tuple[str, ...]:
    """Those that are used, and the optional ones whose files are here."""
    known = models.manifests()
    return USED + tuple(name for name, encoder in ENCODERS.items() if encoder.optional
                        and models.present(known[encoder.model]))
