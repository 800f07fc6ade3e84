"""An encoder in another precision than it comes in: the only place that makes such files for a
comparison. What nodes run is what the package ships.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from omni_agent.backends import encoders, model_export
from omni_agent.backends.engine_ort import OrtEngine
from omni_agent.backends.engine_reference import SEED, Reference, seeded_feeds, taken
from omni_agent.backends.engines import Network
from omni_agent.core.errors import BackendError

SHIPPED = 'shipped'          # weights in fp16, sums in float32
CHOICES = (SHIPPED, 'fp32', 'int8')
CALIBRATION = 16             # generated inputs that choose int8 ranges; the reference is another


def network(name: str, precision: str, folder: Path) -> Network:
    """``folder``: for the file that is made. Where precision is not as shipped its reference is
    what it gives itself on the CPU: how far off that is, is what is asked. Raises BackendError
    where it cannot be made.
    """
    shipped = encoders.network(name)
    if precision == SHIPPED:
        return shipped
    if shipped.reference is None:
        raise BackendError(f'{name} comes in one precision, {Path(shipped.file).name}')
    path = folder / f'{name}_{precision}.onnx'
    if precision == 'fp32':
        model_export.widen(Path(shipped.file), path)
    else:
        model_export.quantise(Path(shipped.file), path, _inputs(Path(shipped.file)))
    engine = OrtEngine(path)
    feeds = shipped.reference.feeds(engine.inputs)
    expected = taken(engine.infer(feeds)).expected
    engine.close()
    return replace(shipped, file=path, reference=Reference(0, expected, feeds))


def _inputs(file: Path) -> np.ndarray:
    engine = OrtEngine(file)
    inputs = engine.inputs
    engine.close()
    if len(inputs) != 1:
        raise BackendError(f'{file.name} has {len(inputs)} inputs: int8 ranges are chosen for one')
    return np.concatenate([seeded_feeds(inputs, SEED + 1 + number)[inputs[0].name]
                           for number in range(CALIBRATION)])
