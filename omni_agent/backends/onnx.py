"""The only place that opens ONNX Runtime sessions, so that every network here has the same thread
manners.

The agent runs several small networks side by side on few cores. ONNX Runtime by default takes
every core for each of them and lets idle threads spin for a while after each call; with four
networks that is a whole core burnt for nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import onnxruntime

# ONNX Runtime's own severity scale: its warnings speak to whoever exported the network
ERRORS_ONLY = 3


def session(network: Path | str | bytes, threads: int = 1,
            provider: str = '') -> onnxruntime.InferenceSession:
    """Open ``network``, a file or its content, on the CPU with ``threads`` compute threads that
    sleep when idle. ``provider``: run on that execution provider, and refuse where it will not.

    The first run is slower than the rest (memory is planned then): callers warm up. Raises
    BackendError.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise BackendError(
            'onnxruntime is not installed: run "pip install onnxruntime"') from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.add_session_config_entry('session.inter_op.allow_spinning', '0')
    try:
        source = network if isinstance(network, bytes) else str(network)
        providers = [*([provider] if provider else []), 'CPUExecutionProvider']
        opened = ort.InferenceSession(source, options, providers=providers)
    # onnxruntime raises a family of its own that has no public base class
    except Exception as error:
        raise BackendError(
            f'{"a network" if isinstance(network, bytes) else network} cannot be loaded by '
            f'ONNX Runtime ({_first_line(error)}): '
            'run "omni-agent models verify", and pull the model again if it is damaged') from error
    # asked for a provider that does not start, ONNX Runtime takes the CPU with a warning
    if provider and opened.get_providers()[0] != provider:
        raise BackendError(
            f'ONNX Runtime did not start {provider}: its CUDA libraries are '
            'missing or of another version, run "pip install onnxruntime-gpu[cuda,cudnn]"')
    return opened


def reading(path: Path | str, tensor: str) -> bytes:
    """The network in ``path`` with the int64 tensor inside it called ``tensor`` as one more
    output.

    Protobuf merges a message that is appended to another of its kind and adds to its repeated
    fields, so one more graph.output at the end of the file is all it takes.
    """
    int64 = 7
    # TypeProto.tensor_type.elem_type
    kind = _field(1, b'\x08' + bytes([int64]))
    output = _field(1, tensor.encode()) + _field(2, kind)          # ValueInfoProto.name, .type
    # ModelProto.graph, GraphProto.output
    return Path(path).read_bytes() + _field(7, _field(12, output))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field, for content below 128 bytes."""
    assert number < 16 and len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
