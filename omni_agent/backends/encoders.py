"""Networks that turn pictures into numbers: the only list of those that any engine may run.

Each has a reference in models/references/, made by tools/make_golden.py, that every engine must
match before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from omni_agent.backends import engine_reference, models
from omni_agent.backends.engines import Network
from omni_agent.core.errors import ConfigError
from omni_agent.share import share_dir


@dataclass(frozen=True)
class Encoder:
    """``model``: its manifest, or '' for a file of models/ that nothing but the tests needs.
    ``gflop`` (two for each multiply-add) and ``weights_mb`` (float32) of one picture.
    """

    name: str
    model: str
    file: str
    gflop: float
    weights_mb: float


ENCODERS = {one.name: one for one in (
    Encoder('nanodet', 'nanodet', 'nanodet_m_416_fp16.onnx', 4.180, 15.14),
    Encoder('mobilenetv2', 'mobilenetv2', 'mobilenetv2_1280_fp16.onnx', 0.599, 8.83),
    Encoder('golden_tiny', '', 'golden_tiny.onnx', 0.00102, 0.0263))}
USED = tuple(name for name, encoder in ENCODERS.items() if encoder.model)


def network(name: str) -> Network:
    """Raises ConfigError for another name, BackendError when its file is missing or wrong."""
    if name not in ENCODERS:
        raise ConfigError(f'there is no encoder called {name!r}: choose {", ".join(ENCODERS)}')
    encoder = ENCODERS[name]
    folder = share_dir() / 'models'
    file = (models.path(encoder.model, encoder.file) if encoder.model else folder / encoder.file)
    return Network(name, file, engine_reference.load(folder / 'references' / f'{name}.npz'))
