"""The only place that opens ORT files whose weights were shrunk for the way, and unpacks them.

ONNX Runtime changes nothing in an ORT file: weights that were stored as int8, with the steps that
make float32 of them, go through those steps at every run. Of the same network as ONNX it does so
once, when it is opened (Moonshine base: 90 ms a token, and 13 ms).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from omni_agent.backends.onnx import ERRORS_ONLY, session
from omni_agent.backends.onnx_file import with_named_subgraphs
from omni_agent.backends.resident import give_back
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import onnxruntime


def unpacked(path: Path | str, threads: int = 1) -> onnxruntime.InferenceSession:
    """Takes one or two seconds, and 4 bytes of memory a weight. Raises BackendError."""
    opened = session(as_onnx(path), threads)
    give_back()          # what it took to get there is as large again
    return opened


def as_onnx(path: Path | str) -> bytes:
    """The network of an ORT file, unchanged, written by ONNX Runtime. Raises BackendError."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise BackendError(
            'onnxruntime is not installed: run "pip install onnxruntime"') from error
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry('session.save_model_format', 'ONNX')
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, 'network.onnx')
        options.optimized_model_filepath = str(written)
        try:
            ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
            return with_named_subgraphs(written.read_bytes())
        # onnxruntime raises a family of its own that has no public base class
        except Exception as error:
            raise BackendError(
                f'{path} cannot be unpacked by ONNX Runtime '
                f'({(str(error).strip() or type(error).__name__).splitlines()[0]}): '
                'run "omni-agent models verify", and pull the model again if it is damaged'
            ) from error
